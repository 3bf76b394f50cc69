//! Tests of `plan` against a world in memory.

mod fixtures;
mod lifecycle;
mod model;
mod world;
