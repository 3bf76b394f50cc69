//! Proofs in their long form; the tests run a short, seeded form of each.

mod fuzz;

use crate::controlplane;
use anyhow::Context;
use clap::Subcommand;
use e2e::crash::{Bench, Met};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;
use xtask::builtins;
use xtask::fuzz::Corpus;

/// How often a point is tried of which a run does not come by.
const TRIES: usize = 3;

/// What can be proved.
#[derive(Subcommand)]
pub(crate) enum Proof {
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
    /// Kill each controller at every request of a whole bring-up and a whole deletion
    Crash,
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
        Proof::Builtins => on_control_plane(builtins()),
        Proof::Crash => on_control_plane(crash()),
        Proof::FuzzCompiler { minutes } => fuzz_compiler(*minutes),
        Proof::FuzzCel { seconds } => fuzz::cel(*seconds),
        Proof::Plan { from, seeds } => plan(*from, *seeds),
    }
}

/// Runs a proof that needs the control plane.
fn on_control_plane(proof: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    controlplane::build()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(proof)
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

async fn crash() -> anyhow::Result<()> {
    let started = Instant::now();
    let mut bench = Bench::start().await?;
    let points = bench.points();
    eprintln!("{} points", points.len());
    let (mut counts, mut missed) = (std::collections::BTreeMap::new(), Vec::new());
    for (number, point) in points.iter().enumerate() {
        let (crashed, all) = counts
            .entry(format!("{:?}, {:?}", point.target, point.phase))
            .or_insert((0_usize, 0_usize));
        *all += 1;
        let mut met = Met::Missed;
        for _ in 0..TRIES {
            met = bench.crash(*point).await?;
            if met == Met::Reached {
                break;
            }
        }
        eprintln!("{:>4} {point}: {met:?}", number + 1);
        match met {
            Met::Reached => *crashed += 1,
            Met::Missed => missed.push(point.to_string()),
        }
    }
    let mut text = String::from("# Crash points\n\n");
    text.push_str("`cargo xtask prove crash`: each controller is killed (SIGKILL) at every write to the API server and every call to AWS, once before the request reaches the server and once before the answer reaches the controller, and started again.\n");
    text.push_str("The end of every run equals that of an undisturbed run, nothing was created twice, and nothing was written afterwards.\n");
    text.push_str("How many requests a controller makes differs a little from run to run; a point that a run did not come by was tried again.\n\n");
    text.push_str("| requests of | points | crashes |\n| --- | --- | --- |\n");
    for (what, (crashed, all)) in counts {
        writeln!(text, "| {what} | {all} | {crashed} |")?;
    }
    if !missed.is_empty() {
        writeln!(text, "\nNever reached, in {TRIES} runs each:\n")?;
        for point in missed {
            writeln!(text, "- {point}")?;
        }
    }
    write_result("crash.md", text, started)
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
