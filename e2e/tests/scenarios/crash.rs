//! Controllers that are killed at any moment.

use std::time::Duration;

use anyhow::ensure;
use e2e::crash::{Bench, Point, Target};

/// Points per controller that a run of the tests takes; `cargo xtask prove crash` takes all.
const SAMPLE: usize = 20;
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
            let sample = sample(points);
            ensure!(sample.len() >= SAMPLE, "only {} points", sample.len());
            for point in sample {
                bench.crash(point).await?;
            }
        }
        Ok(())
    });
}

/// A seeded choice, in the order of the run.
fn sample(mut points: Vec<Point>) -> Vec<Point> {
    let mut state = SEED;
    while points.len() > SAMPLE {
        // A linear congruential generator (Knuth, MMIX): enough to choose.
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap_or(0) % points.len();
        points.remove(at);
    }
    points
}
