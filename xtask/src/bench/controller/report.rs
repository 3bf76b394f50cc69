//! What was measured, as a table.

use super::load::{Measured, Phase};
use std::io::Write as _;

/// A figure: its name, how to get it, and whether more of it is better.
type Figure = (&'static str, fn(&Measured) -> f64, bool);

const FIGURES: &[Figure] = &[
    ("raw applies/s", |m| m.raw_per_second, true),
    ("definition → Active, s", |m| m.definition_seconds, false),
    ("bring-up: instances/s", |m| m.create.instances_per_second, true),
    ("  share of the raw rate", |m| m.create.share_of_raw, true),
    ("  p50, s", |m| m.create.p50_seconds, false),
    ("  p99, s", |m| m.create.p99_seconds, false),
    ("  writes/instance", |m| m.create.writes_per_instance, false),
    ("  CPU ms/instance", |m| m.create.cpu_ms_per_instance, false),
    ("steady: requests/min", |m| m.steady_per_minute, false),
    ("update of all, s", |m| m.update.seconds, false),
    ("  CPU ms/instance", |m| m.update.cpu_ms_per_instance, false),
    ("repair p50, s", |m| m.repair.p50_seconds, false),
    ("deletion of all, s", |m| m.delete.seconds, false),
    ("  CPU ms/instance", |m| m.delete.cpu_ms_per_instance, false),
    ("memory idle, MiB", |m| mebibytes(m.idle_kib), false),
    ("memory with all, MiB", |m| mebibytes(m.create.resident_kib), false),
    ("memory peak, MiB", |m| mebibytes(m.peak_kib), false),
];

/// Prints a table for each shape; with two controllers, how many times better the first is.
pub(super) fn print(runs: &[(String, Vec<Measured>)]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let Some((_, first)) = runs.first() else { return Ok(()) };
    for (at, shape) in first.iter().enumerate() {
        let Measured { shape: name, instances, children, .. } = shape;
        writeln!(out, "\n{name}: {instances} instances of {children} objects")?;
        for (title, figure, more) in FIGURES {
            write!(out, "  {title:<26}")?;
            let values: Vec<f64> =
                runs.iter().filter_map(|(_, run)| run.get(at)).map(figure).collect();
            for value in &values {
                write!(out, "{value:>12.3}")?;
            }
            if let [ours, theirs] = values[..] {
                let factor = if *more { ours / theirs } else { theirs / ours };
                if factor.is_finite() {
                    write!(out, "{factor:>10.1} ×")?;
                }
            }
            writeln!(out)?;
        }
        for (_, run) in runs {
            if let Some(shape) = run.get(at) {
                writeln!(out, "  requests of bring-up       {}", requests(&shape.create))?;
            }
        }
    }
    Ok(())
}

fn requests(phase: &Phase) -> String {
    let verbs: Vec<String> =
        phase.requests.iter().map(|(verb, count)| format!("{verb} {count}")).collect();
    verbs.join(", ")
}

fn mebibytes(kilobytes: u64) -> f64 {
    u32::try_from(kilobytes).map_or(f64::MAX, f64::from) / 1024.0
}
