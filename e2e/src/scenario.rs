use std::{
    env,
    io::{self, Write},
    time::Duration,
};

use crate::binaries;

/// No scenario takes longer; one that does hangs.
const BOUND: Duration = Duration::from_secs(600);

/// Runs a scenario that needs the control plane: the body of a `#[test]`.
///
/// Where the control plane is not built, the scenario is left out and says so, unless the
/// environment has `E2E_CONTROL_PLANE=required` (as in `cargo xtask test` and in CI).
///
/// # Panics
///
/// The scenario fails or takes longer than ten minutes, or the control plane is required and not
/// built.
#[track_caller]
pub fn scenario(body: impl AsyncFnOnce() -> anyhow::Result<()>) {
    scenario_within(BOUND, body);
}

/// Runs a [scenario] with a bound of its own.
///
/// # Panics
///
/// As [scenario].
#[track_caller]
pub fn scenario_within(bound: Duration, body: impl AsyncFnOnce() -> anyhow::Result<()>) {
    if let Err(missing) = binaries::locate() {
        let required = env::var_os("E2E_CONTROL_PLANE").is_some_and(|value| value == "required");
        assert!(!required, "{missing}");
        let thread = std::thread::current();
        // Not by a print macro: the test runner would keep it to itself.
        let _ = writeln!(
            io::stderr(),
            "left out: {}: {missing}",
            thread.name().unwrap_or("a scenario")
        );
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("invariant: a runtime can be built");
    let result = runtime.block_on(async { tokio::time::timeout(bound, body()).await });
    match result {
        Ok(Ok(())) => {}
        Ok(Err(error)) => panic!("{error:?}"),
        Err(_) => panic!("the scenario takes longer than {} s", bound.as_secs()),
    }
}
