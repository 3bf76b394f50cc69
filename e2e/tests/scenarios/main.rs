//! The scenarios: kro and ACK as real processes on a real control plane.

mod ack;
mod application;
mod collections;
mod conditions;
mod crash;
mod definitions;
mod deletion;
mod drift;
mod externals;
mod instances;
mod many;
mod ordering;
mod refused;
mod revisions;
mod steady;
mod waiting;
