//! What was measured, as tables.

use super::load::{Measured, Phase};
use crate::bench::usage::mebibytes;
use anyhow::ensure;
use std::fmt::Write as _;

/// A figure: its name, how to get it, and whether more of it is better.
type Figure = (&'static str, fn(&Measured) -> Option<f64>, bool);

const FIGURES: &[Figure] = &[
    ("plain applies/s without a controller", |m| Some(m.raw_per_second), true),
    ("definition applied → Active, s", |m| Some(m.definition_seconds), false),
    ("bring-up: instances/s", |m| Some(m.create.instances_per_second), true),
    ("bring-up: all writes/s as a share of plain applies", |m| Some(m.create.share_of_raw), true),
    ("bring-up: p50 of an instance, s", |m| Some(m.create.p50_seconds), false),
    ("bring-up: p99, s", |m| Some(m.create.p99_seconds), false),
    ("bring-up: writes/instance", |m| Some(m.create.writes_per_instance), false),
    ("bring-up: requests/instance", |m| Some(m.create.requests_per_instance), false),
    ("bring-up: CPU ms/instance", |m| Some(m.create.cpu_ms_per_instance), false),
    ("steady: requests/minute", |m| Some(m.steady_per_minute), false),
    ("update of all, s", |m| Some(m.update.as_ref()?.seconds), false),
    ("update: writes/instance", |m| Some(m.update.as_ref()?.writes_per_instance), false),
    ("update: CPU ms/instance", |m| Some(m.update.as_ref()?.cpu_ms_per_instance), false),
    ("repair: p50, s", |m| Some(m.repair.as_ref()?.p50_seconds), false),
    ("deletion of all, s", |m| Some(m.delete.as_ref()?.seconds), false),
    ("deletion: writes/instance", |m| Some(m.delete.as_ref()?.writes_per_instance), false),
    ("deletion: CPU ms/instance", |m| Some(m.delete.as_ref()?.cpu_ms_per_instance), false),
    ("memory without instances, MiB", |m| Some(mebibytes(m.idle_kib)), false),
    ("memory with all, MiB", |m| Some(mebibytes(m.create.resident_kib)), false),
    ("memory, peak, MiB", |m| Some(mebibytes(m.peak_kib)), false),
];

/// Writes that an instance may take beside one for each object: its finalizer and labels, its
/// inventory, its status, and a word in between if it takes long.
const OWN_WRITES: usize = 4;

/// A table for each shape; with several controllers, how many times better the first is.
pub(super) fn table(commands: &[String], shapes: &[Vec<Measured>]) -> anyhow::Result<String> {
    let mut text = String::new();
    for runs in shapes {
        let Some(Measured { shape, instances, children, .. }) = runs.first() else { continue };
        writeln!(text, "## {shape}: {instances} instances of {children} objects\n")?;
        write!(text, "| |")?;
        for number in 1..=commands.len() {
            write!(text, " {number} |")?;
            if number > 1 {
                write!(text, " factor |")?;
            }
        }
        writeln!(text, "\n| --- |{}", " --- |".repeat(commands.len() * 2 - 1))?;
        for (title, figure, more) in FIGURES {
            let values: Vec<Option<f64>> = runs.iter().map(figure).collect();
            if values.iter().all(Option::is_none) {
                continue;
            }
            write!(text, "| {title} |")?;
            let first = values.first().copied().flatten();
            for (at, value) in values.iter().enumerate() {
                let shown = value.map_or(String::new(), number);
                write!(text, " {shown} |")?;
                if at > 0 {
                    let factor = first.zip(*value);
                    let factor = factor.map(|(a, b)| if *more { a / b } else { b / a });
                    let shown = factor.filter(|factor| factor.is_finite()).map(number);
                    write!(text, " {} |", shown.unwrap_or_default())?;
                }
            }
            writeln!(text)?;
        }
        writeln!(text)?;
        for (at, run) in runs.iter().enumerate() {
            writeln!(text, "Requests of {} during bring-up: {}.", at + 1, requests(&run.create))?;
        }
        writeln!(text)?;
    }
    Ok(text)
}

/// A page about the tables.
pub(super) fn page(commands: &[String], table: &str) -> anyhow::Result<String> {
    let mut text = String::from("# The kro controller under load\n\n");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    writeln!(
        text,
        "`cargo xtask bench controller`, on {cores} cores that the controller shares with etcd, the API server and the load itself.\nEach controller gets an API server of its own that has seen nothing, one after the other, shape by shape.\nA factor says how many times better the first one is than that one.\n"
    )?;
    for (at, command) in commands.iter().enumerate() {
        writeln!(text, "{}. `{command}`", at + 1)?;
    }
    writeln!(text, "\n{table}")?;
    Ok(text.trim_end().to_owned() + "\n")
}

/// Holds what does not depend on the machine: how often an instance is written for.
pub(super) fn check(shapes: &[Vec<Measured>]) -> anyhow::Result<()> {
    for run in shapes.iter().filter_map(|runs| runs.first()) {
        let most = f64::from(u32::try_from(run.children + OWN_WRITES)?);
        let Measured { shape, create, .. } = run;
        let writes = create.writes_per_instance;
        ensure!(writes <= most, "{shape}: {writes} writes for an instance, at most {most} allowed");
        let requests = run.steady_per_minute;
        ensure!(requests == 0.0, "{shape}: {requests} requests a minute in a steady state");
    }
    Ok(())
}

fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.3}"),
    }
}

fn requests(phase: &Phase) -> String {
    let verbs: Vec<String> =
        phase.requests.iter().map(|(verb, count)| format!("{verb} {count}")).collect();
    verbs.join(", ")
}
