//! Rules of the workspace that no compiler holds.

mod builtins;
mod charts;
mod codegen;
mod conformance;
mod dependencies;
mod documents;
mod fuzz;
mod permissions;
mod scenarios;
mod strangers;
