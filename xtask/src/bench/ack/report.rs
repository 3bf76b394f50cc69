//! What was measured, as tables.

use super::kinds::KINDS;
use super::load::{Loads, Phase};
use super::resync::Resync;
use crate::bench::usage::mebibytes;
use anyhow::ensure;
use std::fmt::Write as _;

/// The most memory that the controller may take, in KiB: 40 MB.
const MOST_KIB: u64 = 40_000_000 / 1024;
/// How much longer a phase may take than its bound.
const FACTOR: f64 = 2.0;

/// Everything as Markdown.
pub(super) fn table(loads: &[Loads], resyncs: &[Resync]) -> anyhow::Result<String> {
    let mut text = String::new();
    for load in loads {
        under_load(&mut text, load)?;
    }
    text.push_str("## Resyncs of an unchanged object\n\n");
    text.push_str(
        "| | calls, one resync after another | usually | on average | published | aim |\n",
    );
    text.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for Resync { kind, calls, usual, mean, published, most } in resyncs {
        let calls: Vec<String> = calls.iter().map(ToString::to_string).collect();
        let calls = calls.join(", ");
        writeln!(text, "| {kind} | {calls} | {usual} | {mean:.2} | {published} | {most:.2} |")?;
    }
    Ok(text)
}

/// One run.
fn under_load(text: &mut String, loads: &Loads) -> anyhow::Result<()> {
    let Loads { number, workers, latency_ms, .. } = loads;
    let workers = match workers {
        1 => "one worker".to_owned(),
        more => format!("{more} workers"),
    };
    writeln!(
        text,
        "## {workers} for each kind: {number} buckets, {number} tables, {number} queues, {latency_ms} ms a call\n"
    )?;
    text.push_str("| | wall time, s | bound, s | times the bound | CPU, s | API server and etcd | bench and AWS | memory, MiB | of that no file, MiB |\n");
    text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (title, phase) in phases(loads) {
        writeln!(
            text,
            "| {title} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            phase.seconds,
            phase.bound_seconds,
            phase.seconds / phase.bound_seconds,
            phase.cpu_seconds,
            phase.server_cpu_seconds,
            phase.own_cpu_seconds,
            mebibytes(phase.resident_kib),
            mebibytes(phase.anonymous_kib)
        )?;
    }
    writeln!(
        text,
        "\nMemory before the first object: {:.1} MiB; the most that there ever was: {:.1} MiB.\n",
        mebibytes(loads.idle_kib),
        mebibytes(loads.peak_kib)
    )?;
    text.push_str("| calls of AWS for an object | ");
    text.push_str(&KINDS.map(|kind| kind.kind).join(" | "));
    text.push_str(" |\n| --- | --- | --- | --- |\n");
    for (title, phase) in phases(loads) {
        write!(text, "| {title} |")?;
        for kind in &KINDS {
            write!(text, " {:.2} |", per_object(phase, kind.kind, *number)?)?;
        }
        writeln!(text)?;
    }
    text.push_str("\nRequests to the API server: ");
    let requests = phases(loads).map(|(title, phase)| {
        let requests = phase.requests.iter().map(|(what, count)| format!("{what} {count}"));
        format!("{title}: {}", requests.collect::<Vec<_>>().join(", "))
    });
    writeln!(text, "{}.\n", requests.join("; "))?;
    Ok(())
}

/// Holds the counts; what depends on the machine and on the build is only told.
pub(super) fn check(loads: &[Loads], resyncs: &[Resync]) -> anyhow::Result<()> {
    for load in loads {
        check_load(load)?;
    }
    for Resync { kind, mean, most, .. } in resyncs {
        ensure!(mean <= most, "{kind}: {mean} calls for a resync, at most {most} allowed");
    }
    Ok(())
}

fn check_load(loads: &Loads) -> anyhow::Result<()> {
    for kind in &KINDS {
        let mut calls = 0.0;
        for (_, phase) in phases(loads) {
            calls += per_object(phase, kind.kind, loads.number)?;
        }
        let (kind, most) = (kind.kind, f64::from(u32::try_from(kind.most_per_life)?));
        ensure!(calls <= most, "{kind}: {calls} calls in a life, at most {most} allowed");
    }
    for (title, phase) in phases(loads) {
        let factor = phase.seconds / phase.bound_seconds;
        if factor > FACTOR {
            eprintln!("{title} took {factor:.2} times its bound; {FACTOR} is the aim");
        }
    }
    if loads.peak_kib > MOST_KIB {
        eprintln!("{} KiB of memory; {MOST_KIB} is the aim", loads.peak_kib);
    }
    Ok(())
}

fn phases(loads: &Loads) -> [(&'static str, &Phase); 3] {
    let Loads { bring_up, change, deletion, .. } = loads;
    [("bring-up", bring_up), ("change", change), ("deletion", deletion)]
}

/// Calls of a phase for one object of a kind.
fn per_object(phase: &Phase, kind: &str, number: usize) -> anyhow::Result<f64> {
    let calls: usize = phase.calls.get(kind).into_iter().flat_map(|calls| calls.values()).sum();
    Ok(f64::from(u32::try_from(calls)?) / f64::from(u32::try_from(number)?))
}
