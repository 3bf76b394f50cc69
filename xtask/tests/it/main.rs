//! Rules of the workspace that no compiler holds.

mod dependencies;
mod documents;
