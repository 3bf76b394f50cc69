use std::{
    fmt,
    time::{Duration, Instant},
};

use anyhow::bail;

/// How long to wait between two looks. This paces the test, never the programs under test.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until `look` finds what a test expects, and returns what it found.
///
/// `look` returns `Ok(Some(found))` when it is there, `Ok(None)` when it is not there yet, and an
/// error when it is not there yet *and* there is something to say about the state that was seen
/// (as well as when looking failed): the last one is part of the error when time runs out.
///
/// # Errors
///
/// `within` has passed. One look that takes longer is cut off.
pub async fn wait_for<T>(
    what: impl fmt::Display,
    within: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let start = Instant::now();
    let mut last = "nothing".to_owned();
    loop {
        match tokio::time::timeout(within.saturating_sub(start.elapsed()), look()).await {
            Ok(Ok(Some(found))) => return Ok(found),
            Ok(Ok(None)) | Err(_) => {}
            Ok(Err(error)) => last = format!("{error:#}"),
        }
        // Not left to the timeout: a look that never has to wait always comes before it.
        let left = within.saturating_sub(start.elapsed());
        if left.is_zero() {
            bail!("not within {} s: {what}; last seen: {last}", within.as_secs_f32());
        }
        tokio::time::sleep(PAUSE.min(left)).await;
    }
}
