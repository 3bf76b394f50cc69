//! The compiler, and the commands that use it, each as a whole process on one core.

use anyhow::{Context, bail, ensure};
use clap::Args;
use serde_json::Value as Json;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// How long to measure.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A few runs of everything, to see that it works; nothing is written
    #[arg(long)]
    quick: bool,
    /// How often each command is run; the least counts
    #[arg(long, default_value_t = 15)]
    rounds: u32,
}

/// How many definitions, and how many cases of `kro test`, one process is given.
const MANY: usize = 500;

/// A command that is measured.
struct Measured {
    what: String,
    arguments: Vec<String>,
    aim: f64,
}

/// Wall clock and CPU of a process, in milliseconds.
#[derive(Clone, Copy)]
struct Taken {
    wall: f64,
    cpu: f64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let started = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let folder = root.join("target/bench-compiler");
    let kro = build(&root)?;
    let measured = commands(&root, &folder)?;
    let rounds = if arguments.quick { 1 } else { arguments.rounds };

    let mut text = String::from("## Compile\n\n");
    text.push_str("| definition | fastest | median | first in the process | aim |\n");
    text.push_str("| --- | --- | --- | --- | --- |\n");
    let mut missed = Vec::new();
    let times = root.join("target/benches/release/times");
    let output = Command::new(&times)
        .arg(if arguments.quick { "5" } else { "500" })
        .output()
        .with_context(|| format!("can't run {}", times.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8(output.stdout)?.lines() {
        let line: Json = serde_json::from_str(line)?;
        let name = line["definition"].as_str().context("a line names its definition")?;
        let figure = |key: &str| line[key].as_f64().map(|nanoseconds| nanoseconds / 1e6);
        let figure = |key: &str| figure(key).with_context(|| format!("{name}: no {key}"));
        let (fastest, median) = (figure("fastest_ns")?, figure("median_ns")?);
        let first = figure("first_ns")?;
        writeln!(text, "| {name} | {fastest:.2} ms | {median:.2} ms | {first:.2} ms | 5 ms |")?;
        if fastest >= 5.0 {
            missed.push(format!("{name}: {fastest:.2} ms"));
        }
    }

    text.push_str("\n## Whole processes\n\n");
    text.push_str("| command | CPU | wall clock | aim |\n");
    text.push_str("| --- | --- | --- | --- |\n");
    for Measured { what, arguments, aim } in &measured {
        eprintln!("{what}");
        let mut best = Taken { wall: f64::INFINITY, cpu: f64::INFINITY };
        for _ in 0..rounds {
            let Taken { wall, cpu } = time(&kro, arguments)?;
            best = Taken { wall: best.wall.min(wall), cpu: best.cpu.min(cpu) };
        }
        let Taken { wall, cpu } = best;
        writeln!(text, "| {what} | {cpu:.0} ms | {wall:.0} ms | {aim:.0} ms |")?;
        if cpu >= *aim {
            missed.push(format!("{what}: {cpu:.0} ms"));
        }
    }
    if missed.is_empty() {
        text.push_str("\nEvery aim is met.\n");
    } else {
        writeln!(text, "\nNot met: {}.", missed.join("; "))?;
    }
    eprint!("{text}");
    if arguments.quick {
        return Ok(());
    }
    let head = "# Speed of the compiler and the command line\n\n`cargo xtask bench compiler`: definitions of `benches/graph`, compiled again and again with their kinds being there; and commands of a release build as whole processes, bound to one core with `taskset`.\nThe mixed definition has ConfigMaps, Deployments and Services, each reading another one; the recorded one is `large-layers-sixty`.\nThe many definitions are the examples under other names, in as many files; the cases of `kro test` are those of `crates/kro/tests/fixtures/test/store`, three steps each, in as many files.\nThe least of many runs counts, and of a process its CPU time, which is its time on a core of its own: where the core is shared, the wall clock counts what others do, too.\n\n";
    crate::prove::write_result("compiler.md", format!("{head}{text}"), started)
}

/// The release build of `kro`, and the program that measures the compiler alone.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let cargo = || Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let mut kro = cargo();
    kro.args(["build", "--release", "--locked", "-p", "kro"]).current_dir(root);
    let mut times = cargo();
    times.args(["build", "--release", "--locked", "--bins", "--manifest-path"]);
    times.arg(root.join("benches/graph/Cargo.toml"));
    times.env("CARGO_TARGET_DIR", root.join("target/benches"));
    for command in [&mut kro, &mut times] {
        let status = command.status().with_context(|| format!("can't run {command:?}"))?;
        ensure!(status.success(), "{command:?} failed: {status}");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    Ok(target.join("release/kro"))
}

/// What is run, after the files for it are written.
fn commands(root: &Path, folder: &Path) -> anyhow::Result<Vec<Measured>> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let (definitions, tests) = (folder.join("definitions"), folder.join("tests"));
    fs::create_dir_all(&definitions)?;
    fs::create_dir_all(&tests)?;
    let examples = examples(root)?;
    for (number, text) in examples.iter().cycle().take(MANY).enumerate() {
        fs::write(definitions.join(format!("{number:03}.yaml")), renamed(text, number)?)?;
    }
    let store = root.join("crates/kro/tests/fixtures/test/store");
    for file in ["rgd.yaml", "instance.yaml"] {
        fs::copy(store.join(file), tests.join(file))?;
    }
    let cases = fs::read_to_string(store.join("store.test.yaml"))?;
    let case = cases.split("\n---\n").next().context("the fixture has a case")?;
    for number in 0..MANY {
        fs::write(tests.join(format!("{number:03}.test.yaml")), case)?;
    }
    let reference = root.join("examples/application/rgd.yaml").display().to_string();
    let command = |what: &str, arguments: &[&str], aim| Measured {
        what: what.to_owned(),
        arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        aim,
    };
    let (definitions, tests) = (definitions.display().to_string(), tests.display().to_string());
    Ok(vec![
        command("`kro validate`, the reference example", &["validate", "-f", &reference], 30.0),
        command(
            &format!("`kro validate`, {MANY} definitions"),
            &["validate", "-f", &definitions],
            2_000.0,
        ),
        command(&format!("`kro test`, {MANY} cases"), &["test", &tests], 1_000.0),
    ])
}

/// The definitions of all examples.
fn examples(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("examples"))? {
        found.push(entry?.path().join("rgd.yaml"));
    }
    found.sort();
    let texts = found.iter().map(|file| {
        fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))
    });
    texts.collect()
}

/// A definition with another name and another kind.
fn renamed(text: &str, number: usize) -> anyhow::Result<String> {
    let mut changed = 0;
    let lines = text.lines().map(|line| {
        if line.starts_with("  name: ") || line.starts_with("    kind: ") {
            changed += 1;
            format!("{line}{number}\n")
        } else {
            format!("{line}\n")
        }
    });
    let lines: String = lines.collect();
    match changed {
        2 => Ok(lines),
        other => bail!("an example has {other} lines with its name and kind:\n{text}"),
    }
}

/// Runs a command on one core; a shell tells the times.
fn time(program: &Path, arguments: &[String]) -> anyhow::Result<Taken> {
    let script = "TIMEFORMAT='%3R %3U %3S'; time taskset -c 0 \"$0\" \"$@\" >/dev/null 2>&1";
    let output = Command::new("bash")
        .args(["-c", script])
        .arg(program)
        .args(arguments)
        .output()
        .context("can't run bash")?;
    let said = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{} {arguments:?} failed", program.display());
    let figures = said.split_whitespace().map(str::parse::<f64>);
    let figures: Vec<f64> = figures.collect::<Result<_, _>>().context(said.clone())?;
    let [wall, user, system] = figures[..] else { bail!("not three times: {said}") };
    Ok(Taken { wall: wall * 1e3, cpu: (user + system) * 1e3 })
}
