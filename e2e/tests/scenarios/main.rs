//! The scenarios: kro and ACK as real processes on a real control plane.

mod application;
mod crash;
mod definitions;
mod deletion;
mod drift;
mod many;
mod refused;
mod revisions;
mod steady;
mod waiting;
