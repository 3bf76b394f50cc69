//! Integration tests of `ack`.

mod crds;
mod flags;
mod passes;
mod scope;
mod shapes;
mod tags;
mod values;
mod world;
