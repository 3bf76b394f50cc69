//! Integration tests of `ack`.

mod api_server;
mod buckets;
mod controller;
mod counts;
mod crds;
mod disturbed;
mod emulated;
mod flags;
mod lives;
mod orphans;
mod passes;
mod queues;
mod references;
mod scope;
mod shapes;
mod stored;
mod tables;
mod tags;
mod values;
mod world;
