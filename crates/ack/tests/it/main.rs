//! Integration tests of `ack`.

mod api_server;
mod controller;
mod crashes;
mod crds;
mod emulated;
mod flags;
mod orphans;
mod passes;
mod scope;
mod shapes;
mod stored;
mod tags;
mod values;
mod world;
