//! Tests of the harness itself, on a real control plane.

mod harness;
