//! Controllers are killed at every request that they make.

use super::write_result;
use e2e::crash::{Bench, Met, Phase, Point, SUBJECTS, Subject, Target};
use futures::future::{try_join, try_join_all};
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How often a point is tried of which a run does not come by.
const TRIES: usize = 3;
/// Control planes on which the points of one subject are tried: most of the time is spent waiting
/// until nothing happens any more.
const LANES: usize = 2;

/// Points and crashes of a subject, by phase and whose requests; and the points that were missed.
#[derive(Default)]
pub(super) struct Crashed {
    pub(super) counts: BTreeMap<(Phase, Target), (usize, usize)>,
    missed: Vec<String>,
}

/// Every point of bring-up, update and deletion of three definitions.
pub(super) async fn crashes() -> anyhow::Result<()> {
    let started = Instant::now();
    let all = try_join_all(SUBJECTS.iter().map(crash)).await?;
    let mut text = String::from("# Crash points\n\n");
    text.push_str("`cargo xtask prove crash`: each controller is killed (SIGKILL) at every write to the API server and every call to AWS, once before the request reaches the server and once before the answer reaches the controller, and started again.\n");
    text.push_str("This is done over the whole life of an instance, from its definition over a change to its deletion, with three definitions (`e2e/subjects`).\n");
    text.push_str("The end of every phase of every run equals that of a calm run, it ends, and nothing was created twice.\n");
    text.push_str("How many requests a controller makes differs a little from run to run; a point that a run did not come by was tried again.\n\n");
    text.push_str("| definition | requests of | points | crashes |\n| --- | --- | --- | --- |\n");
    for (subject, crashed) in SUBJECTS.iter().zip(&all) {
        for ((phase, target), (reached, points)) in &crashed.counts {
            writeln!(text, "| {} | {target:?}, {phase:?} | {points} | {reached} |", subject.name)?;
        }
    }
    missed(&mut text, &all)?;
    write_result("crash.md", text, started)
}

/// Every point of one subject, on several control planes.
pub(super) async fn crash(subject: &'static Subject) -> anyhow::Result<Crashed> {
    let first = Bench::start(subject).await?;
    let points = first.points();
    eprintln!("{}: {} points", subject.name, points.len());
    let points = Mutex::new(VecDeque::from(points));
    let others = try_join_all(
        (1..LANES).map(|_| async { lane(Bench::start(subject).await?, &points).await }),
    );
    let (mut crashed, others) = try_join(lane(first, &points), others).await?;
    for other in others {
        for (of, (reached, all)) in other.counts {
            let counts = crashed.counts.entry(of).or_default();
            *counts = (counts.0 + reached, counts.1 + all);
        }
        crashed.missed.extend(other.missed);
    }
    Ok(crashed)
}

/// Takes points until none is left.
async fn lane(mut bench: Bench, points: &Mutex<VecDeque<Point>>) -> anyhow::Result<Crashed> {
    let subject = bench.subject().name;
    let mut crashed = Crashed::default();
    let next = || points.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    while let Some(point) = next() {
        let (reached, all) = crashed.counts.entry((point.phase, point.target)).or_default();
        *all += 1;
        let mut met = Met::Missed;
        for _ in 0..TRIES {
            met = bench.crash(point).await?;
            if met == Met::Reached {
                break;
            }
        }
        eprintln!("{subject}: {point}: {met:?}");
        match met {
            Met::Reached => *reached += 1,
            Met::Missed => crashed.missed.push(format!("{subject}: {point}")),
        }
    }
    Ok(crashed)
}

/// Says which points were missed, if any were.
pub(super) fn missed(text: &mut String, all: &[Crashed]) -> std::fmt::Result {
    let mut missed = all.iter().flat_map(|crashed| &crashed.missed).peekable();
    if missed.peek().is_some() {
        writeln!(text, "\nNever reached, in {TRIES} runs each:\n")?;
        for point in missed {
            writeln!(text, "- {point}")?;
        }
    }
    Ok(())
}
