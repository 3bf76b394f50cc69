//! What kro makes of CEL: the expressions in a text, the field that a value fits, and what is
//! written of a value.
//!
//! ```text
//! "app-${schema.spec.name}" ──► Text ──► cel::Program ──► value ──► written ──► field
//!                                            │ type
//!                                            └──► fits the type of the field?
//! ```

mod fits;
mod scan;
mod text;
mod words;
mod written;

pub use fits::{fits, mismatch};
pub use text::{Nested, Text};
pub use words::{code, plain, show_type};
pub use written::written;

use cel::{Env, EnvBuilder};

/// What expressions may use beside the variables of their definition.
///
/// It has everything. What is not allowed everywhere, as `omit()` and `runtime`, is refused where
/// it is used.
///
/// Source: kro-cel-env facts, section 1.
#[must_use]
pub fn environment() -> EnvBuilder {
    Env::kro().extend()
}
