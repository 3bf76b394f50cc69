//! `ack-controller` is killed at every call of AWS, and at every write to the API server.

use super::crash::{crash, missed};
use super::write_result;
use anyhow::ensure;
use e2e::crash::{RESOURCES, Subject, Target};
use futures::future::try_join_all;
use std::fmt::Write as _;
use std::time::Instant;

/// Every point of creation, change and deletion of every kind. The kinds go on side by side.
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
    missed(&mut text, &crashed)?;
    write_result("ack-crash.md", text, started)
}
