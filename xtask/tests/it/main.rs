//! Rules of the workspace that no compiler holds.

mod conformance;
mod dependencies;
mod documents;
