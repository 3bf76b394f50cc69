//! The CEL engine beside cel-go and two engines for Rust, on the same expressions and data, in turn.

use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// How long to measure.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A few iterations of everything, to see that it works; nothing is written
    #[arg(long)]
    quick: bool,
    /// How often each program is started; the fastest time counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
}

const OURS: &str = "ours";
const REFERENCES: [&str; 2] = ["cel-go", "cel-go optimized"];
const RIVALS: [&str; 2] = ["cel 0.15", "cel-core 0.5"];

/// How many times faster than cel-go compiling and evaluating shall be.
const COMPILE_AIM: f64 = 10.0;
const EVALUATE_AIM: f64 = 2.0;

/// Case → engine → name of a figure → figure.
type Figures = BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let started = Instant::now();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let references = references(&root, arguments.quick)?;
    let programs = build(&root, references)?;
    let (micros, batches, rounds) =
        if arguments.quick { (100, 1, 1) } else { (1_000, 100, arguments.rounds) };
    let mut figures = Figures::new();
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        let mut times = Command::new(&programs.times);
        collect(&mut figures, times.args([micros.to_string(), batches.to_string()]))?;
        if references {
            let mut go = Command::new(&programs.go);
            go.arg("-cases").arg(root.join("benches/cases.json"));
            go.arg(format!("-batch={micros}us")).arg(format!("-batches={batches}"));
            collect(&mut figures, &mut go)?;
        }
    }
    let mut allocations = Command::new(&programs.allocations);
    if arguments.quick {
        allocations.arg(OURS);
    }
    collect(&mut figures, &mut allocations)?;
    let names = case_names(&root)?;
    let table = table(&names, &figures, references)?;
    eprint!("{table}");
    if arguments.quick {
        return Ok(());
    }
    let mut text = String::from("# Speed of the CEL engine\n\n");
    text.push_str("`cargo xtask bench cel`: every engine compiles and evaluates the expressions of `benches/cases.json` with the same data, in turn, in one run; the fastest of many batches counts.\n");
    text.push_str("Compiling is parsing, checking and planning; `cel` 0.15 has no checker.\n");
    text.push_str("Variables are declared as `map(string, dyn)` and `list(dyn)`, so that every engine can have them.\n");
    text.push_str("cel-go has the declarations of kro's environment, once as kro plans programs and once with `OptOptimize`; factors are against the faster of the two.\n");
    writeln!(text, "An empty cell: the engine can't evaluate the expression.\n\n{table}")?;
    crate::prove::write_result("cel.md", text, started)?;
    let path = root.join("docs/measurements/cel.json");
    let json = serde_json::to_string_pretty(&json!(figures))?;
    std::fs::write(&path, json + "\n").with_context(|| format!("can't write {}", path.display()))
}

struct Programs {
    times: PathBuf,
    allocations: PathBuf,
    go: PathBuf,
}

/// Whether cel-go can be measured: the quick form says so and goes on without it where Go is missing or too old.
fn references(root: &Path, quick: bool) -> anyhow::Result<bool> {
    let path = root.join("benches/compare/go.mod");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let needed = text.lines().find_map(|line| line.strip_prefix("go ")).context("no Go version")?;
    let local = Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output();
    let found = match &local {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(_) => String::new(),
    };
    if is_at_least(found.trim_start_matches("go"), needed) {
        return Ok(true);
    }
    let found =
        if found.is_empty() { "there is none".to_owned() } else { format!("this is {found}") };
    let reason = format!("benches/compare needs Go {needed} or newer, {found}");
    if !quick {
        bail!("{reason}");
    }
    eprintln!("{reason}: cel-go is left out");
    Ok(false)
}

/// Compares the numbers of two versions; a suffix such as `rc1` and missing numbers count as nothing.
fn is_at_least(found: &str, needed: &str) -> bool {
    let numbers = |version: &str| -> Vec<u32> {
        let digits = |part: &str| {
            let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..end].parse().unwrap_or(0)
        };
        let mut numbers: Vec<u32> = version.split('.').map(digits).collect();
        numbers.resize(3, 0);
        numbers
    };
    numbers(found) >= numbers(needed)
}

fn build(root: &Path, references: bool) -> anyhow::Result<Programs> {
    let target = root.canonicalize()?.join("target/benches");
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["build", "--release", "--locked", "--bins", "--manifest-path"]);
    cargo.arg(root.join("benches/cel/Cargo.toml")).env("CARGO_TARGET_DIR", &target);
    succeed(&mut cargo)?;
    let go = target.join("cel-go");
    if references {
        succeed(
            Command::new("go")
                .args(["build", "-o"])
                .arg(&go)
                .arg(".")
                .current_dir(root.join("benches/compare")),
        )?;
    }
    let release = target.join("release");
    Ok(Programs { times: release.join("times"), allocations: release.join("allocations"), go })
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("can't run {command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{command:?} failed: {status}") }
}

/// Runs a program, and keeps the smaller of two figures.
fn collect(figures: &mut Figures, command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("can't run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    for line in String::from_utf8(output.stdout)?.lines() {
        let line: BTreeMap<String, Json> = serde_json::from_str(line)?;
        let text = |key: &str| line.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
        let of = figures.entry(text("case")).or_default().entry(text("engine")).or_default();
        for (name, figure) in line.iter().filter_map(|(name, v)| Some((name, v.as_f64()?))) {
            let kept = of.entry(name.clone()).or_insert(figure);
            *kept = kept.min(figure);
        }
    }
    Ok(())
}

fn case_names(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("benches/cases.json"))?;
    let json: Json = serde_json::from_str(&text)?;
    let cases = json["cases"].as_array().context("benches/cases.json has no cases")?;
    Ok(cases.iter().filter_map(|case| case["name"].as_str()).map(str::to_owned).collect())
}

/// One table for compiling and one for evaluating; fails where an engine that must be there has no figure.
/// Without references the cells of cel-go are empty.
fn table(names: &[String], figures: &Figures, references: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    for (title, key, aim) in
        [("Compile", "compile", COMPILE_AIM), ("Evaluate", "eval", EVALUATE_AIM)]
    {
        writeln!(text, "## {title}\n")?;
        writeln!(
            text,
            "| expression | ours | allocations | cel-go | optimized | allocations | factor (aim {aim}) | cel 0.15 | factor | cel-core 0.5 | factor |"
        )?;
        writeln!(text, "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")?;
        let mut missed = Vec::new();
        for name in names {
            let of = |engine: &str, figure: &str| {
                figures.get(name)?.get(engine)?.get(&format!("{key}_{figure}")).copied()
            };
            let need = |engine: &str, figure: &str| {
                of(engine, figure).with_context(|| format!("{name}: no {key}_{figure} of {engine}"))
            };
            let ours = need(OURS, "ns")?;
            write!(text, "| {name} | {} | {} |", time(ours), need(OURS, "allocations")?)?;
            if references {
                let [plain, optimized] = [need(REFERENCES[0], "ns")?, need(REFERENCES[1], "ns")?];
                let factor = plain.min(optimized) / ours;
                write!(
                    text,
                    " {} | {} | {} | {factor:.1} |",
                    time(plain),
                    time(optimized),
                    need(REFERENCES[0], "allocations")?.round(),
                )?;
                if factor < aim {
                    missed.push(format!("{name}: {factor:.1} times cel-go"));
                }
            } else {
                text.push_str(" | | | |");
            }
            for rival in RIVALS {
                match of(rival, "ns") {
                    Some(theirs) => {
                        write!(text, " {} | {:.1} |", time(theirs), theirs / ours)?;
                        if theirs <= ours {
                            missed.push(format!("{name}: slower than {rival}"));
                        }
                    }
                    None => text.push_str(" | |"),
                }
            }
            text.push('\n');
        }
        if missed.is_empty() {
            writeln!(text, "\nEvery aim is met.\n")?;
        } else {
            writeln!(text, "\nNot met: {}.\n", missed.join("; "))?;
        }
    }
    Ok(text)
}

fn time(nanoseconds: f64) -> String {
    if nanoseconds < 1_000.0 {
        format!("{nanoseconds:.0} ns")
    } else if nanoseconds < 1_000_000.0 {
        format!("{:.2} µs", nanoseconds / 1e3)
    } else {
        format!("{:.2} ms", nanoseconds / 1e6)
    }
}
