//! The libraries that Kubernetes adds for its own types.

mod quantity;
mod semver;
mod url;

pub use quantity::{QUANTITY, Quantity};
pub use semver::{SEMVER, Semver};
pub use url::{URL, Url};
