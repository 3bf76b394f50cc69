//! The libraries that Kubernetes adds for its own types.

mod formats;
mod quantity;
mod semver;
mod url;

pub use formats::{FORMATS, NamedFormat};
pub use quantity::{QUANTITY, Quantity};
pub use semver::{SEMVER, SEMVER_NORMALIZED, Semver};
pub use url::{URL, Url};
