//! The kro controller: watches, calls the planner, performs its actions.
//!
//! ```text
//! RGD ──► definition: issue a GraphRevision, install its CRD, serve
//! GraphRevision ──► revision: compile ──► registry ────────┐ graph
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
mod compile;
mod crd;
mod defaults;
mod definition;
mod events;
mod externals;
mod finalizer;
mod flags;
mod instance;
mod kinds;
mod listing;
mod memory;
mod metrics;
mod observation;
mod own_crds;
mod perform;
mod registry;
mod revision;
mod shared;
mod standing;
mod start;
mod watching;
mod writing;

pub use flags::{Flags, InvalidFlags};
pub use metrics::reference as metrics_reference;
pub use own_crds::upgrade_crds;
pub use shared::{Gates, Options};
pub use start::{Instruments, start};
