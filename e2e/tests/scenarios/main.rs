//! The scenarios: kro and ACK as real processes on a real control plane.

mod application;
mod crash;
mod deletion;
mod drift;
mod many;
mod refused;
mod steady;
mod waiting;
