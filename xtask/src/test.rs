//! Everything that a change has to pass but format and lints: unit tests, fixtures, scenarios.

use crate::controlplane;
use anyhow::{Context, ensure};
use std::env;
use std::process::Command;

/// Builds the control plane, then runs all tests of the workspace.
///
/// Where the control plane can't be built, the scenarios are left out, each by its name; in CI
/// that is a failure.
pub(crate) fn run() -> anyhow::Result<()> {
    let ci = env::var_os("CI").is_some_and(|value| value == "true");
    let mut tests = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    tests.args(["test", "--workspace", "--locked"]);
    match controlplane::build() {
        Ok(()) => drop(tests.env("E2E_CONTROL_PLANE", "required")),
        Err(error) if ci => return Err(error),
        Err(error) => eprintln!("scenarios that need a control plane are left out: {error:#}"),
    }
    let status = tests.status().context("can't run cargo")?;
    ensure!(status.success(), "tests failed ({status})");
    Ok(())
}
