//! Controllers that are killed at any moment.

use std::time::Duration;

use anyhow::ensure;
use e2e::crash::{Bench, Met, Point, Target};

/// Crashes per controller in a run of the tests; `cargo xtask prove crash` takes all points.
const SAMPLE: usize = 20;
/// Points per controller that may be missed, because it made fewer requests than before.
const MISSES: usize = 8;
/// Decides which points these are.
const SEED: u64 = 2026;

#[test]
fn a_crash_at_any_moment_leaves_no_trace() {
    e2e::scenario_within(Duration::from_secs(1_500), async || {
        let mut bench = Bench::start().await?;
        let points = bench.points();
        let (kro, ack): (Vec<Point>, Vec<Point>) =
            points.into_iter().partition(|point| point.target == Target::Kro);
        for points in [kro, ack] {
            let (mut crashes, mut missed) = (0, Vec::new());
            for point in shuffled(points) {
                if crashes == SAMPLE {
                    break;
                }
                match bench.crash(point).await? {
                    Met::Reached => crashes += 1,
                    Met::Missed => missed.push(point.to_string()),
                }
                ensure!(missed.len() <= MISSES, "not reached: {missed:#?}");
            }
            ensure!(crashes == SAMPLE, "only {crashes} crashes; not reached: {missed:#?}");
        }
        Ok(())
    });
}

/// A seeded order.
fn shuffled(mut points: Vec<Point>) -> Vec<Point> {
    let mut state = SEED;
    for end in (1..points.len()).rev() {
        // A linear congruential generator (Knuth, MMIX): enough to choose.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap_or(0) % (end + 1);
        points.swap(at, end);
    }
    points
}
