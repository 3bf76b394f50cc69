//! Tests of the harness itself, on a real control plane.

mod audit;
mod chart;
mod control_plane;
mod dump;
mod process;
mod proxy;
mod survival;
mod wait;

use std::time::Duration;

/// How long something may take that takes a second on an idle machine.
const SOON: Duration = Duration::from_secs(60);
