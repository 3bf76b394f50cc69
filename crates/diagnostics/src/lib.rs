//! Places in a document and the mistakes reported at them.
//!
//! What goes in: facts that a compiler finds out about a document somebody wrote.
//! What comes out: [`Diagnostics`], an ordered collection that prints as one line per mistake
//! (a Kubernetes condition message) and that a front end renders with carets once it has a file.
//!
//! A [`Place`] says where inside one document something is: a [`FieldPath`], and optionally a range
//! inside the decoded text of the scalar at that path (inside an expression, say). Which document
//! it is, the caller that holds several knows; where in a file it is, a [`source::SourceMap`] tells
//! for documents that came from YAML text.
//!
//! ```
//! use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath};
//!
//! let mut found = Diagnostics::new();
//! let at = FieldPath::root().field("spec").field("resources").index(2).field("id");
//! found.push(Diagnostic::error(Code::ReservedName, at, "`item` is a reserved name"));
//! assert_eq!(found.to_string(), "spec.resources[2].id: `item` is a reserved name");
//! ```
//!
//! **Architecture invariant:** this crate knows neither CEL nor Kubernetes; it depends on no other
//! crate of the workspace.

mod code;
mod collection;
mod diagnostic;
mod nearest;
mod path;
mod place;
pub mod source;
pub mod yaml;

pub use code::Code;
pub use code::UnknownCode;
pub use collection::Diagnostics;
pub use diagnostic::Diagnostic;
pub use diagnostic::Severity;
pub use nearest::nearest;
pub use path::FieldPath;
pub use path::ParsePathError;
pub use path::Segment;
pub use place::Anchor;
pub use place::Place;
