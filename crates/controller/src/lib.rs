//! The kro controller: watches, calls the planner, performs its actions.
//!
//! ```text
//! RGD ──► definition: compile, CRD, registry ──────────────┐ graph
//! CRD ──► crd: which kinds have instances                  ▼
//! instance, children ──► watching ──► queue ──► instance: observe → plan::step → perform ─┐
//!                           ▲                                                            │
//!                           └─────────────── answers are observations ◄──────────────────┘
//! ```
//!
//! It must not know AWS. What it decides about an instance it decides in `plan`; here is only
//! what performs.

mod api;
mod claims;
mod crd;
mod definition;
mod instance;
mod kinds;
mod memory;
mod observation;
mod perform;
mod registry;
mod shared;
mod start;
mod watching;

pub use shared::Options;
pub use start::start;
