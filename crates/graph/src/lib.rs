//! A ResourceGraphDefinition in, a compiled, typed graph out.
//!
//! ```text
//! spec ──► rgd (wire form) ──► compile: SimpleSchema, templates, expressions ──► Graph
//!                                 ▲                                              │
//!            kinds of the cluster ┘      plan: Template::render, Expression::eval ┘
//! ```
//!
//! Every expression is checked against the schemas of what it reads before a graph exists; all
//! mistakes of a definition are reported at once, as [`diagnostics`].
//!
//! It must not know Kubernetes clients, I/O, clocks or AWS.

mod compile;
mod condition;
mod expression;
pub mod language;
mod names;
mod node;
mod order;
mod reads;
mod rgd;
mod scope;
mod status;
mod template;

pub use compile::{
    Declared, Kinds, Options, compile, compile_definition, compile_with, kinds, variables,
};
pub use condition::{AuthorCondition, ConditionSource};
pub use expression::{Expression, Fatal, Stop, Unresolved};
pub use node::{
    Dimension, External, ExternalTarget, Graph, InstanceKind, Kind, Node, NodeId, NodeKey, Source,
};
pub use reads::ReadPaths;
pub use rgd::{CrdMetadata, ResourceSpec, RgdSpec, SchemaSpec, Scope as InstanceScope, read};
pub use scope::{EACH, Scope};
pub use status::StatusTree;
pub use template::Template;
