//! `ack-controller` is killed at every call of AWS, and at every write to the API server.

use super::{TRIES, write_result};
use anyhow::ensure;
use e2e::crash::{Bench, Met, Phase, RESOURCES, Subject, Target};
use futures::future::try_join_all;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

/// Points and crashes of a kind, by phase and whose requests; and the points that were missed.
#[derive(Default)]
struct Crashed {
    counts: BTreeMap<(Phase, Target), (usize, usize)>,
    missed: Vec<String>,
}

/// Every point of creation, change and deletion of every kind. The kinds go on side by side, each on a
/// control plane of its own: most of the time is spent waiting until nothing happens any more.
pub(super) async fn crashes(kinds: &[String]) -> anyhow::Result<()> {
    let started = Instant::now();
    let subjects = RESOURCES.iter();
    let subjects: Vec<&Subject> = subjects
        .filter(|it| kinds.is_empty() || kinds.iter().any(|kind| kind == it.name))
        .collect();
    ensure!(subjects.len() >= kinds.len(), "no such kind among {kinds:?}");
    let crashed = try_join_all(subjects.iter().copied().map(crash)).await?;
    let mut text = String::from("# Crashes of `ack-controller`\n\n");
    text.push_str("`cargo xtask prove ack`: the process is killed (SIGKILL) at every call of AWS and at every write to the API server, once before the request reaches its server and once before the answer reaches the process, and started again.\n");
    text.push_str("This is done over the creation, a change and the deletion of an object of each kind (`e2e/subjects/ack`), on a real API server.\n");
    text.push_str("The end of every phase of every run equals that of a calm run, in the cluster and in AWS, and nothing was created twice.\n");
    text.push_str("How many requests there are differs a little from run to run; a point that a run did not come by was tried again.\n\n");
    text.push_str(
        "| kind | phase | requests to | points | crashes |\n| --- | --- | --- | --- | --- |\n",
    );
    for (subject, crashed) in subjects.iter().zip(&crashed) {
        for ((phase, target), (reached, all)) in &crashed.counts {
            let server = match target {
                Target::Aws => "AWS",
                Target::Ack | Target::Kro => "the API server",
            };
            writeln!(text, "| {} | {phase:?} | {server} | {all} | {reached} |", subject.name)?;
        }
    }
    let missed: Vec<&String> = crashed.iter().flat_map(|crashed| &crashed.missed).collect();
    if !missed.is_empty() {
        writeln!(text, "\nNever reached, in {TRIES} runs each:\n")?;
        for point in missed {
            writeln!(text, "- {point}")?;
        }
    }
    write_result("ack-crash.md", text, started)
}

/// Every point of one kind.
async fn crash(subject: &'static Subject) -> anyhow::Result<Crashed> {
    let mut crashed = Crashed::default();
    let mut bench = Bench::start(subject).await?;
    let points = bench.points();
    eprintln!("{}: {} points", subject.name, points.len());
    for point in points {
        let (reached, all) = crashed.counts.entry((point.phase, point.target)).or_default();
        *all += 1;
        let mut met = Met::Missed;
        for _ in 0..TRIES {
            met = bench.crash(point).await?;
            if met == Met::Reached {
                break;
            }
        }
        eprintln!("{}: {point}: {met:?}", subject.name);
        match met {
            Met::Reached => *reached += 1,
            Met::Missed => crashed.missed.push(format!("{}: {point}", subject.name)),
        }
    }
    Ok(crashed)
}
