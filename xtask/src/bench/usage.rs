//! What a process uses, as the kernel says.

use anyhow::Context;
use e2e::Process;
use std::time::Duration;

/// Ticks of a second in `/proc/*/stat`; the same on every Linux that we know.
const TICKS: u64 = 100;

/// What a process has used since it started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    /// The most memory that it ever had, in KiB.
    pub(super) peak: u64,
    /// The memory that it has now, in KiB.
    pub(super) resident: u64,
    /// What of it is no file: heap and stacks.
    pub(super) anonymous: u64,
}

/// Reads it.
///
/// # Errors
///
/// The process has ended.
pub(super) fn of(process: &Process) -> anyhow::Result<Usage> {
    of_id(process.id().with_context(|| format!("{} has ended", process.program().name))?)
}

/// Reads it of this process.
///
/// # Errors
///
/// There is no `/proc`.
pub(super) fn own() -> anyhow::Result<Usage> {
    of_id(std::process::id())
}

fn of_id(process: u32) -> anyhow::Result<Usage> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))
        .context("the process has ended")?;
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(") ").context("no stat of a process")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let cpu = Duration::from_millis((ticks(11) + ticks(12)) * 1_000 / TICKS);
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    Ok(Usage {
        cpu,
        peak: kilobytes("VmHWM:"),
        resident: kilobytes("VmRSS:"),
        anonymous: kilobytes("RssAnon:"),
    })
}

/// KiB as MiB.
pub(super) fn mebibytes(kibibytes: u64) -> f64 {
    u32::try_from(kibibytes).map_or(f64::MAX, f64::from) / 1024.0
}
