//! Scenarios on a real control plane, and the harness that starts it.
