//! Shapes: the structs of the AWS API as they appear in a custom resource.
//!
//! One table per shape, written with `shape!`, is the only place that knows a field. Out of it
//! come the Kubernetes type, its part of the CRD schema, the conversions to and from the type of
//! the official SDK, and the comparison of what is wanted with what AWS has. Adding a field is
//! adding a row.
//!
//! ```text
//! shape! { table of rows } ──► struct (serde)          what users write
//!                          ──► Value::schema           CRD
//!                          ──► ToSdk / FromSdk         aws-sdk-*
//!                          ──► Value::differences      Delta
//! ```

mod table;
mod value;
mod wire;

pub mod compare;

pub use compare::Delta;
pub(crate) use table::shape;
pub use value::Shape;
pub use value::Time;
pub use value::Value;
pub use wire::FromSdk;
pub use wire::ToSdk;
pub use wire::Unfit;

/// What the tables expand to; named by `shape!` only.
pub(crate) mod expansion {
    pub(crate) use super::compare::Delta;
    pub(crate) use super::compare::field;
    pub(crate) use super::table::column_compare;
    pub(crate) use super::table::column_create;
    pub(crate) use super::table::column_immutable;
    pub(crate) use super::table::column_is_document;
    pub(crate) use super::table::column_is_late;
    pub(crate) use super::table::column_late;
    pub(crate) use super::table::column_read;
    pub(crate) use super::table::column_required;
    pub(crate) use super::table::column_unset;
    pub(crate) use super::table::column_update;
    pub(crate) use super::table::shape_face;
    pub(crate) use super::value::Row;
    pub(crate) use super::value::Shape;
    pub(crate) use super::value::Value;
    pub(crate) use super::value::object;
    pub(crate) use super::wire::Finish;
    pub(crate) use super::wire::FromSdk;
    pub(crate) use super::wire::ToSdk;
    pub(crate) use super::wire::Unfit;
    pub(crate) use super::wire::from_member;
    pub(crate) use super::wire::from_option;
    pub(crate) use super::wire::only;
    pub(crate) use super::wire::to_option;
}

#[cfg(test)]
mod tests;
