//! The harness of the scenarios: a real control plane, and the instruments to judge what runs on it.
//!
//! In goes what a scenario needs; out come an API server on a free loopback port with etcd behind
//! it, real controllers as processes, and three instruments:
//!
//! - [`AuditLog`]: every request that the API server answered, who made it, and when;
//! - [`Proxy`]: stands before the API server or the AWS endpoint, counts, and cuts, delays or
//!   refuses; its [kill points](Proxy::kill_point) freeze a program right before or right after a
//!   chosen request;
//! - [`fn@dump`]: all objects as text that is equal for two runs that ended the same.
//!
//! ```no_run
//! # use std::time::Duration;
//! #[test]
//! fn a_deployment_becomes_available() {
//!     e2e::scenario(async || {
//!         let plane = e2e::ControlPlane::start(e2e::Options::with_nodes()).await?;
//!         plane.kubectl(&["create", "deployment", "web", "--image=none"]).await?;
//!         e2e::wait_for("the Deployment is available", Duration::from_secs(60), async || {
//!             let ready = plane
//!                 .kubectl(&["get", "deployment", "web", "-o=jsonpath={.status.availableReplicas}"])
//!                 .await?;
//!             Ok((ready == "1").then_some(()))
//!         })
//!         .await
//!     });
//! }
//! ```
//!
//! Nothing that the harness starts outlives its user: not a failed test, not Ctrl-C, not SIGKILL.
//!
//! Only [`stack`] knows kro and ACK: it puts their programs on a control plane.

pub mod audit;
mod bench;
pub mod binaries;
pub mod clock;
mod control_plane;
pub mod crash;
mod credentials;
pub mod dump;
pub mod faults;
pub mod kro;
mod process;
pub mod proxy;
mod reaper;
mod scenario;
pub mod secrets;
pub mod soak;
pub mod stack;
mod wait;

pub use audit::AuditLog;
pub use control_plane::{ControlPlane, Options};
pub use credentials::User;
pub use dump::dump;
pub use process::{Killer, Process, Program};
pub use proxy::Proxy;
pub use scenario::{scenario, scenario_within};
pub use wait::wait_for;
