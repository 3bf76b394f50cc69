//! The emulator of AWS beside independent implementations: the same calls, made with boto3, and their answers compared.
//!
//! `conformance/aws` holds the sequences of calls, the program that makes them, and for each stranger a list of the differences with what AWS's documentation says about them.
//! A difference that is not listed is a failure, and so is a listed one that is none (any more), and an operation that no sequence calls.
#![expect(clippy::print_stderr, reason = "it takes minutes: a person wants to know how far it is")]

mod differences;
mod peers;

use super::{Mismatch, Report, SkipList};
use anyhow::Context;
use aws_emulator::{Emulator, Options};
use differences::{Differences, compare};
use peers::Peer;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The account of every caller, at all of them.
const ACCOUNT: &str = "123456789012";

/// What a run is about.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Ask all strangers, those in Java from Maven Central too, not moto alone
    #[arg(long)]
    all: bool,
    /// Print what differs and is listed, too
    #[arg(long)]
    show_listed: bool,
}

impl Arguments {
    /// The form that tests run.
    pub fn short() -> Self {
        Self { all: false, show_listed: false }
    }
}

/// What came of a run.
#[derive(Debug)]
pub enum Outcome {
    /// It ran.
    Ran(Report),
    /// What it needs can't be had here; why.
    Left(String),
}

/// One call and what came back, as the program in Python tells it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    sequence: String,
    step: String,
    operation: String,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    answer: serde_json::Value,
    #[serde(default)]
    error: Option<String>,
}

impl Step {
    fn name(&self) -> String {
        format!("{}/{}", self.sequence, self.step)
    }
}

/// Python with the packages of `conformance/aws/requirements.txt`; or why there is none.
///
/// # Errors
/// The reason, for a test that says why it is skipped.
pub fn python() -> Result<PathBuf, String> {
    // Tests ask for it at the same time, and one must make it.
    static MADE: Mutex<()> = Mutex::new(());
    let _one = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    peers::python(&root())
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Makes all calls against the emulator and the strangers, and compares what they answer.
///
/// # Errors
/// When a program can't be started or does not do its part; not when answers differ.
pub fn run(arguments: &Arguments) -> anyhow::Result<Outcome> {
    let root = root();
    let python = match python() {
        Ok(python) => python,
        Err(why) => return Ok(Outcome::Left(why)),
    };
    let mut report = Report::default();
    let mut equal = BTreeSet::new();
    let mut strangers = vec![peers::moto(&python)?];
    if arguments.all {
        strangers.extend(peers::in_java(&root)?);
    }
    for peer in &mut strangers {
        let (account, services) = (peer.account, peer.services);
        let theirs = peer.ask(|url| ask(&root, &python, url, account, services))?;
        let ours = ask_emulator(&root, &python, peer, &mut report)?;
        let list = Differences::read(&root.join("conformance/aws/differences").join(peer.name))?;
        judge(peer, &ours, &theirs, list, arguments.show_listed, &mut report, &mut equal);
    }
    let all: BTreeSet<&str> =
        aws_emulator::operations().into_iter().map(|(_, name)| name).collect();
    let alone: Vec<&str> = all.iter().copied().filter(|name| !equal.contains(*name)).collect();
    eprintln!(
        "{} operations served, {} of them answered alike by a stranger in at least one call; not {}",
        all.len(),
        all.len() - alone.len(),
        alone.join(", ")
    );
    Ok(Outcome::Ran(report))
}

/// The calls against an emulator of our own; for the stranger that knows all services, every operation must be among them.
fn ask_emulator(
    root: &Path,
    python: &Path,
    peer: &Peer,
    report: &mut Report,
) -> anyhow::Result<Vec<Step>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("no runtime")?;
    let emulator = runtime.block_on(Emulator::start(Options::default()))?;
    let steps = ask(root, python, &emulator.url(), ACCOUNT, peer.services)?;
    let called: BTreeSet<(String, String)> =
        emulator.control().calls().into_iter().map(|call| (call.service, call.operation)).collect();
    runtime.block_on(emulator.stop());
    for (service, operation) in aws_emulator::operations() {
        let asked = called.contains(&(service.to_owned(), operation.to_owned()));
        if peer.knows_everything() && !asked {
            let mismatch = Mismatch::new("a call in some sequence", "none");
            report.record(&SkipList::default(), "operations", operation, Err(mismatch));
        }
    }
    Ok(steps)
}

/// The calls of the sequences for these services, against an endpoint.
fn ask(
    root: &Path,
    python: &Path,
    url: &str,
    account: &str,
    services: &[&str],
) -> anyhow::Result<Vec<Step>> {
    let output = Command::new(python)
        .arg(root.join("conformance/aws/strangers.py"))
        .args(["--endpoint", url, "--account", account])
        .args(services)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stderr(Stdio::inherit())
        .output()
        .context("Python can't be started")?;
    anyhow::ensure!(output.status.success(), "the calls to {url} ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("what the calls gave can't be read")
}

/// Puts every call into the report, and every entry of the list that nothing fits.
fn judge(
    peer: &Peer,
    ours: &[Step],
    theirs: &[Step],
    mut list: Differences,
    show_listed: bool,
    report: &mut Report,
    equal: &mut BTreeSet<String>,
) {
    let nothing = SkipList::default();
    let theirs: BTreeMap<String, &Step> = theirs.iter().map(|step| (step.name(), step)).collect();
    for our in ours {
        let name = our.name();
        let Some(their) = theirs.get(&name) else {
            let mismatch = Mismatch::new("the same calls", "one that the stranger did not get");
            report.record(&nothing, peer.name, &name, Err(mismatch));
            continue;
        };
        let found = compare(our, their);
        if found.is_empty() {
            equal.insert(our.operation.clone());
            report.record(&nothing, peer.name, &name, Ok(()));
            continue;
        }
        let (listed, unlisted): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|difference| list.covers(&name, &difference.path));
        if show_listed {
            for difference in &listed {
                eprintln!("{} {name} {difference}", peer.name);
            }
        }
        if unlisted.is_empty() {
            report.skip(peer.name, &name, "differs as listed");
        } else {
            let lines = |side: fn(&differences::Difference) -> String| {
                unlisted.iter().map(side).collect::<Vec<_>>().join("\n")
            };
            let mismatch = Mismatch::new(
                lines(|difference| format!("{}: {}", difference.path, difference.theirs)),
                lines(|difference| format!("{}: {}", difference.path, difference.ours)),
            );
            report.record(&nothing, peer.name, &name, Err(mismatch));
        }
    }
    for (entry, why) in list.problems() {
        let mismatch = Mismatch::new("a difference with AWS's documentation of it", why);
        report.record(&nothing, peer.name, &format!("differences: {entry}"), Err(mismatch));
    }
}

/// Where programs and packages are kept.
fn store(root: &Path) -> PathBuf {
    root.join("target/strangers")
}
