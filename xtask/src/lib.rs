//! The tasks of this workspace that tests call, too.

pub mod builtins;
pub mod codegen;
pub mod conformance;
pub mod fuzz;
