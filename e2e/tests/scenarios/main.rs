//! The scenarios: kro and ACK as real processes on a real control plane.

mod ack;
mod application;
mod chart;
mod collections;
mod command_line;
mod conditions;
mod crash;
mod definitions;
mod deletion;
mod drift;
mod externals;
mod instances;
mod kinds;
mod many;
mod ordering;
mod outages;
mod process;
mod refused;
mod revisions;
mod soak;
mod steady;
mod takeover;
mod upstream_chart;
mod waiting;
