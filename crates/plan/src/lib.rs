//! Compiled graph, instance and observations in; actions, status and conditions out.
//!
//! ```text
//! Graph ──────┐
//! Instance ───┼──► step() ──► actions + report ──► driver ──► observations ──► step() …
//! Observed ───┘
//! ```
//!
//! [`step`] and [`teardown`] are pure: they never see why they were called, read no clock, and
//! ask for nothing twice once the observations show it. The driver performs the actions, keeps
//! [`Observed`] current and stamps times with [`next_status`].
//!
//! It must not know Kubernetes clients, I/O, clocks or AWS.

mod action;
pub mod conditions;
mod decorate;
pub mod desired;
mod instance;
mod inventory;
pub mod names;
pub mod object;
mod observed;
mod pass;
mod readiness;
mod reference;
mod report;
mod status;
mod step;
mod teardown;

pub use action::{
    Action, Authored, Claim, NodeReport, Progress, Report, State, Step, Surface, Wanted,
};
pub use instance::{Instance, MAX_COLLECTION_SIZE};
pub use inventory::{InvalidInventory, Inventory, applyset_id};
pub use object::{GroupKind, ObjectId};
pub use observed::{Acquired, Applied, Listed, Member, Observed, Refused};
pub use readiness::DEFAULT_PATH;
pub use reference::{InvalidSelector, Reference, Referenced, Selector, Target};
pub use report::unresolved_graph;
pub use status::next_status;
pub use step::step;
pub use teardown::teardown;
