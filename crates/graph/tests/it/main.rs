//! Definitions in, graphs or diagnostics out.

mod accepted;
mod check;
mod fixtures;
mod refused;
