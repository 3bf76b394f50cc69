//! Proofs in their long form; the tests run a short, seeded form of each.

mod ack;
mod crash;
mod fuzz;
mod takeover;

use crate::controlplane::on_control_plane;
use anyhow::Context;
use clap::Subcommand;
use e2e::soak;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use xtask::builtins;
use xtask::fuzz::Corpus;

/// What can be proved.
#[derive(Subcommand)]
pub(crate) enum Proof {
    /// Kill ack-controller at every call of AWS and every write in the lives of its kinds
    Ack {
        /// Which kinds: Bucket, Table, GlobalTable, Backup, Queue; all by default
        #[arg(long = "kind")]
        kinds: Vec<String>,
    },
    /// Compare the kinds that come with Kubernetes with all versions' modules and a live server
    Builtins,
    /// Compile changed definitions for some time
    FuzzCompiler {
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
    },
    /// Fuzz the CEL engine: parser, checker and evaluator, led by coverage
    FuzzCel {
        /// How long each of the three is fuzzed
        #[arg(long, default_value_t = 600)]
        seconds: u64,
    },
    /// Kill each controller at every request of bring-up, update and deletion of three graphs
    Crash,
    /// Let definitions and instances come, change and go for some time; the controller must not grow
    Soak {
        /// For how long
        #[arg(long, default_value_t = 60)]
        minutes: u64,
    },
    /// Hand an instance to upstream's controller and back
    Takeover {
        /// Upstream's controller, built for this machine
        #[arg(long)]
        upstream: std::path::PathBuf,
    },
    /// Run random definitions through random histories in a world in memory
    Plan {
        /// The first seed
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// How many seeds
        #[arg(long, default_value_t = 100_000)]
        seeds: u64,
    },
}

/// Runs a proof, and writes its result to `docs/measurements`.
pub(crate) fn run(proof: &Proof) -> anyhow::Result<()> {
    match proof {
        Proof::Ack { kinds } => on_control_plane(ack::crashes(kinds)),
        Proof::Builtins => on_control_plane(builtins()),
        Proof::Crash => on_control_plane(crash::crashes()),
        Proof::Soak { minutes } => on_control_plane(soak(*minutes)),
        Proof::Takeover { upstream } => on_control_plane(takeover::run(upstream)),
        Proof::FuzzCompiler { minutes } => fuzz_compiler(*minutes),
        Proof::FuzzCel { seconds } => fuzz::cel(*seconds),
        Proof::Plan { from, seeds } => plan(*from, *seeds),
    }
}

fn fuzz_compiler(minutes: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/rgd");
    let corpus = Corpus::read(&root)?;
    let (mut runs, mut mistakes) = (0_u64, 0_usize);
    while started.elapsed().as_secs() < minutes * 60 {
        mistakes += corpus.run(runs).map_err(anyhow::Error::msg)?;
        runs += 1;
    }
    let text = format!(
        "# Changed definitions\n\n`cargo xtask prove fuzz-compiler`: recorded definitions are changed at random, as text and as values, and compiled.\nNothing panics, a graph is there exactly when there is no error, and a second run says the same.\n\n{runs} definitions with seeds from 0, {mistakes} mistakes reported.\n"
    );
    write_result("fuzz-compiler.md", text, started)
}

async fn builtins() -> anyhow::Result<()> {
    let started = Instant::now();
    builtins::check().await?;
    let mut text = String::from("# Built-in kinds\n\n`cargo xtask prove builtins`: ");
    text.push_str("the tables of `crates/builtins` are what the modules of these versions publish, and a live server of 1.34 publishes nothing else.\n\n");
    text.push_str("| version | module | kinds |\n| --- | --- | --- |\n");
    for (minor, module) in builtins::MODULES {
        writeln!(
            text,
            "| 1.{minor} | `k8s.io/kubernetes@{module}` | {} |",
            builtins::count(minor)?
        )?;
    }
    write_result("builtins.md", text, started)
}

fn plan(from: u64, seeds: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let range = format!("{from}..{}", from + seeds);
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["test", "--release", "-p", "plan", "--test", "it", "--", "model", "--nocapture"])
        .env("PLAN_MODEL_SEEDS", &range)
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cargo can't be started")?;
    let said = String::from_utf8_lossy(&output.stdout);
    anyhow::ensure!(output.status.success(), "a seed failed:\n{said}");
    let mut text = String::from("# Random histories of the planner\n\n");
    writeln!(
        text,
        "`cargo xtask prove plan`: the seeds {range}, each a random definition with all features, a random history of events, failures and restarts, and a final state of the world."
    )?;
    text.push_str(
        "Every run ended like the calm one, with nothing left to do, within its bound.\n\n",
    );
    for line in said.lines().filter(|line| line.contains(" seeds")) {
        writeln!(text, "- {line}")?;
    }
    write_result("plan.md", text, started)
}

async fn soak(minutes: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let time = Duration::from_secs(minutes * 60);
    let churn = soak::churn(time, |sample| {
        eprintln!("{:>6} s {:>8} KiB", sample.at.as_secs(), sample.resident_kib);
    })
    .await?;
    let growth = churn.growth()?;
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut text = String::from("# Soak\n\n");
    writeln!(
        text,
        "`cargo xtask prove soak --minutes {minutes}`: three definitions (a chain, a collection, an external reference) with twenty instances each come, change and go, round after round; at the end of each round, when everything is gone again, the controller ({profile} build) is looked at.\n"
    )?;
    text.push_str("| | before | after |\n| --- | --- | --- |\n");
    let (early, late) = growth.resident_kib;
    let thirds = "median of the first third of the rounds and of the last";
    writeln!(text, "| resident memory, KiB, {thirds} | {early} | {late} |")?;
    let (early, late) = growth.descriptors;
    let at_rest = "idle connections being closed, after the first round and after the last";
    writeln!(text, "| open files, {at_rest} | {early} | {late} |\n")?;
    let (rounds, peak) = (churn.samples.len(), churn.peak_kib);
    writeln!(text, "{rounds} rounds; the most memory that it ever had: {peak} KiB.\n")?;
    text.push_str("| s | KiB | open files |\n| --- | --- | --- |\n");
    // About twenty lines tell the course.
    for sample in churn.samples.iter().step_by((rounds / 20).max(1)) {
        let (at, resident) = (sample.at.as_secs(), sample.resident_kib);
        writeln!(text, "| {at} | {resident} | {} |", sample.descriptors)?;
    }
    write_result("soak.md", text, started)
}

/// Writes a result with the circumstances in which it was obtained.
pub(crate) fn write_result(file: &str, mut text: String, started: Instant) -> anyhow::Result<()> {
    let output = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = output("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_default();
    let date = output("date", &["+%Y-%m-%d"]).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    writeln!(
        text,
        "\n{date}, after commit {commit}, {cores} cores, {} s.",
        started.elapsed().as_secs()
    )?;
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/measurements");
    std::fs::create_dir_all(&directory)?;
    let path = directory.join(file);
    std::fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))
}
