//! Integration tests of `ack`.

mod crds;
mod shapes;
mod values;
