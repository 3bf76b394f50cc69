//! Fuzzing led by coverage. The fuzzer (libFuzzer) runs on a stable toolchain; it needs a C++ compiler.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::write_result;

const TARGETS: [&str; 3] = ["parser", "checker", "evaluator"];

/// What the compiler adds so that the fuzzer sees which branches an input takes.
const FLAGS: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Fuzzes parser, checker and evaluator at the same time, from the corpus of the tests.
///
/// # Errors
/// A finding, with the input that shows it; or no fuzzer.
pub(super) fn cel(seconds: u64) -> anyhow::Result<()> {
    let started = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let fuzz = root.join("crates/cel/fuzz");
    let target = root.join("target/fuzz");
    // The target is named so that build scripts and macros are compiled without the flags.
    let triple = host()?;
    let built = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--release", "--locked", "--target", &triple])
        .current_dir(&fuzz)
        .env("RUSTFLAGS", FLAGS)
        .env("CARGO_TARGET_DIR", &target)
        .status()
        .context("can't run cargo")?;
    ensure!(built.success(), "the fuzz targets don't build: is there a C++ compiler?");

    let corpus = fs::read_to_string(root.join("crates/cel/tests/fixtures/fuzz/corpus.txt"))?;
    let mut text = String::from("# Fuzzing of the CEL engine\n\n");
    writeln!(
        text,
        "`cargo xtask prove fuzz-cel --seconds {seconds}`: libFuzzer, led by coverage, all targets at the same time, from the {} inputs of the tests' corpus, with overflow checks and debug assertions.",
        corpus.lines().count()
    )?;
    text.push_str(
        "No input made a target panic, hang, exhaust the memory, or contradict itself.\n\n",
    );
    text.push_str(
        "| target | runs | branches reached | inputs kept |\n| --- | --- | --- | --- |\n",
    );
    eprintln!("{} at the same time, {seconds} s", TARGETS.join(", "));
    let rows: Vec<anyhow::Result<Row>> = std::thread::scope(|scope| {
        let threads = TARGETS.map(|name| {
            let program = target.join(&triple).join("release").join(name);
            let folder = target.join("corpus").join(name);
            let corpus = &corpus;
            scope.spawn(move || run(name, &program, &folder, corpus, seconds))
        });
        threads.into_iter().map(|thread| thread.join().expect("a run does not panic")).collect()
    });
    for (name, row) in TARGETS.into_iter().zip(rows) {
        let row = row?;
        writeln!(text, "| {name} | {} | {} | {} |", row.runs, row.reached, row.kept)?;
    }
    write_result("fuzz-cel.md", text, started)
}

/// What a run has shown.
struct Row {
    runs: String,
    reached: String,
    kept: usize,
}

fn run(
    name: &str,
    program: &Path,
    folder: &Path,
    corpus: &str,
    seconds: u64,
) -> anyhow::Result<Row> {
    // Inputs of earlier runs stay: the next one goes on from there.
    fs::create_dir_all(folder)?;
    for (number, line) in corpus.lines().filter(|line| !line.is_empty()).enumerate() {
        fs::write(folder.join(format!("seed-{number:04}")), bytes(line))?;
    }
    let findings = folder.with_file_name(format!("{name}-finding-"));
    let output = Command::new(program)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=500", "-timeout=20", "-rss_limit_mb=3000", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}", findings.display()))
        .arg(folder)
        .stdout(Stdio::null())
        .output()
        .with_context(|| format!("can't run {}", program.display()))?;
    let log = String::from_utf8_lossy(&output.stderr);
    let log_file: PathBuf = folder.with_file_name(format!("{name}.log"));
    fs::write(&log_file, log.as_bytes())?;
    ensure!(output.status.success(), "{name} has a finding: see {}", log_file.display());
    let after = |word: &str| {
        let found = log.lines().rev().find_map(|line| line.split_once(word));
        found.map_or("?", |(_, rest)| rest.split_whitespace().next().unwrap_or("?")).to_owned()
    };
    let kept = fs::read_dir(folder)?.count();
    Ok(Row { runs: after("stat::number_of_executed_units:"), reached: after(" cov: "), kept })
}

/// The triple of this machine.
fn host() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("can't run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(ToOwned::to_owned).context("rustc does not name its host")
}

/// A line of the corpus as the tests read it: `\xNN` stands for a byte.
fn bytes(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line.as_bytes();
    while let [first, others @ ..] = rest {
        let digits = rest.strip_prefix(b"\\x").and_then(|digits| digits.get(..2));
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[4..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    bytes
}
