//! Tests of the public interface.
//!
//! One binary: a file beside this one that no `mod` line names would never run.

mod collection;
mod nearest;
mod path;
mod source_maps;
mod yaml;
