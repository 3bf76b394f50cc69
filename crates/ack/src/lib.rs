//! AWS resources as Kubernetes objects.
//!
//! In go custom resources and what AWS has; out come requests to AWS, and patches of metadata and
//! status. `ack-controller` is the program.
//!
//! ```text
//! controller ──► scope ──► reconcile::decide ◄──► reconcile::run ──► World: API server, AWS
//!  (watches)               (pure)                 (the loop)
//!                             │ asks
//!                             ▼
//!           s3::Bucket, dynamodb::Table, sqs::Queue, …: Resource (data, and what AWS needs)
//!                             │ made of
//!                             ▼
//!                          shape! tables ──► types, CRDs, conversions, comparison
//! ```
//!
//! - [`shape`]: one table per shape is the only place that knows a field.
//! - [`kind`], [`resource`]: what a kind is, as data and as a few functions; [`s3`], [`dynamodb`]
//!   and [`sqs`] are the kinds that there are.
//! - [`object`], [`scope`], [`roles`], [`mod@reference`], [`tags`], [`conditions`], [`patch`]: the Kubernetes side of an object.
//! - [`reconcile`]: the one reconcile of all kinds.
//! - [`event`]: what people are told as it happens; what they are not told: [`runtime::discretion`].
//! - [`aws`]: clients of the SDK and what their errors mean.
//! - [`export`]: fields copied into ConfigMaps and Secrets.
//! - [`controller`], [`flags`]: the process.
//!
//! **Invariants.** Nothing here knows kro. AWS is reached only through the official SDK. No code
//! outside of a kind's module names the kind, but for the list of kinds in [`controller`]. A steady
//! state causes no request.

pub mod aws;
pub mod conditions;
pub mod controller;
pub mod dynamodb;
pub mod event;
pub mod export;
pub mod flags;
pub mod iam;
pub mod kind;
pub mod object;
pub mod patch;
pub mod reconcile;
pub mod reference;
pub mod resource;
pub mod roles;
pub mod s3;
pub mod scope;
pub mod shape;
pub mod sqs;
pub mod tags;

pub use controller::crds;
