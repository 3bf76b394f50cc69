//! SimpleSchema, OpenAPI structural schemas, CRDs and managed fields as pure functions.
//!
//! What goes in: definitions and documents as JSON values. What comes out: [`Schema`]s, generated
//! CRDs, CEL types, and answers about live objects (who owns which field, does an object fit).
//!
//! ```text
//!   SimpleSchema ──► simple_schema ──┐
//!   OpenAPI v3   ──► openapi ────────┼──► Schema ──► crd, infer (CEL), breaking
//!   CRD          ──► openapi ────────┘         └───► validate, default, prune
//!   live object  ──► managed_fields, hash
//! ```
//!
//! **Architecture invariant:** nothing here does I/O, reads a clock or knows about graphs.

pub mod breaking;
pub mod crd;
mod default;
mod hash;
pub mod infer;
pub mod managed_fields;
pub mod openapi;
mod pattern;
mod plural;
mod prune;
pub mod simple_schema;
mod structural;
mod suggest;
mod validate;

pub use crd::CrdSource;
pub use crd::PrinterColumn;
pub use crd::Scope;
pub use default::apply_defaults;
pub use default::lacks_defaults;
pub use hash::ContentHash;
pub use hash::Part;
pub use hash::same;
pub use plural::pluralize;
pub use prune::prune;
pub use prune::unknown_fields;
pub use structural::Additional;
pub use structural::ListType;
pub use structural::MapType;
pub use structural::Schema;
pub use structural::SchemaError;
pub use structural::SchemaNode;
pub use structural::Type;
pub use structural::ValidationRule;
pub use suggest::suggest;
pub use validate::validate;
