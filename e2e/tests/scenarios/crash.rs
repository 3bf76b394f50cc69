//! Controllers that are killed at any moment, and servers that fail at any request.

use std::time::Duration;

use anyhow::ensure;
use e2e::crash::{Bench, Met, Point, RESOURCES, SUBJECTS, Subject, Target};
use e2e::faults::Fault;

/// Crashes per subject and controller in a run of the tests; `cargo xtask prove crash` and
/// `cargo xtask prove ack` take all points.
const SAMPLE: usize = 7;
/// Points of these that may be missed, because the controller made fewer requests than before.
const MISSES: usize = 5;
/// Decides which points these are.
const SEED: u64 = 2026;

fn crashes(subject: &'static Subject) {
    e2e::scenario_within(Duration::from_secs(1_500), async || {
        let mut bench = Bench::start(subject).await?;
        let points = bench.points();
        let (kro, ack): (Vec<Point>, Vec<Point>) =
            points.into_iter().partition(|point| point.target == Target::Kro);
        let groups = [(subject.with_kro, kro), (subject.with_ack, ack)];
        for (_, points) in groups.into_iter().filter(|(is_there, _)| *is_there) {
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

fn faults(subject: &'static Subject) {
    e2e::scenario_within(Duration::from_secs(1_500), async || {
        let mut bench = Bench::start(subject).await?;
        for fault in Fault::ALL {
            bench.fault(fault).await?;
        }
        Ok(())
    });
}

#[test]
fn crashes_leave_no_trace_of_an_application() {
    crashes(&SUBJECTS[0]);
}

#[test]
fn crashes_leave_no_trace_of_a_collection() {
    crashes(&SUBJECTS[1]);
}

#[test]
fn crashes_leave_no_trace_of_external_references() {
    crashes(&SUBJECTS[2]);
}

#[test]
fn servers_that_fail_change_nothing_for_an_application() {
    faults(&SUBJECTS[0]);
}

#[test]
fn servers_that_fail_change_nothing_for_a_collection() {
    faults(&SUBJECTS[1]);
}

#[test]
fn servers_that_fail_change_nothing_for_external_references() {
    faults(&SUBJECTS[2]);
}

#[test]
fn crashes_leave_no_trace_of_a_bucket() {
    crashes(&RESOURCES[0]);
}

#[test]
fn crashes_leave_no_trace_of_a_table() {
    crashes(&RESOURCES[1]);
}

#[test]
fn crashes_leave_no_trace_of_a_global_table() {
    crashes(&RESOURCES[2]);
}

#[test]
fn crashes_leave_no_trace_of_a_backup() {
    crashes(&RESOURCES[3]);
}

#[test]
fn crashes_leave_no_trace_of_a_queue() {
    crashes(&RESOURCES[4]);
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
