//! The tasks of this workspace that tests call, too.

pub mod builtins;
pub mod conformance;
pub mod fuzz;
