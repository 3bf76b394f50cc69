//! The planner against a model of the world in memory.

mod lifecycle;
mod properties;
mod world;
