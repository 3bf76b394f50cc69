//! `kro test`: what instances become while the world goes on, compared with what is expected.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use diagnostics::{Code, Diagnostic, FieldPath};
use serde_json::{Value, json};

use crate::commands::test::case::Case;
use crate::commands::test::outcome::{Problem, check};
use crate::definitions::{self, Loaded, is_definition};
use crate::emit;
use crate::input::{self, files_below, shown};
use crate::kinds::KindArgs;
use crate::report::Findings;
use crate::{Exit, Failure, Terminal};

mod case;
mod junit;
mod outcome;

/// How often `--watch` looks at the files.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// Arguments of `kro test`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  kro test
  kro test definitions/ --filter bucket
  kro test store.test.yaml --watch
  kro test -o junit > report.xml

A test is a YAML document in a file called *.test.yaml or *_test.yaml:

  apiVersion: test.kro.run/v1
  kind: Test
  metadata:
    name: the table waits for the bucket
  definition: rgd.yaml            # default: the definitions in the same directory
  instance: instance.yaml         # a file, or the object itself
  steps:
    - expect:
        state: IN_PROGRESS
        applied: [bucket]         # resources, in the order in which they are applied
        waiting: [table]
    - observe:                    # what other controllers write, merged into what is there
        - apiVersion: s3.services.k8s.aws/v1alpha1
          kind: Bucket
          metadata: {name: orders}
          status: {ackResourceMetadata: {arn: \"arn:aws:s3:::orders\"}}
      expect:
        applied: [table]
        manifests:                # by resource; what is named must be there
          table: {spec: {tableName: orders}}
        status: {arn: \"arn:aws:s3:::orders\"}
        conditions: {Ready: \"True\"}

A step may also have `instance` (a patch of the instance), `delete` (objects that somebody else
deletes) and `deleteInstance: true`; `expect` also `deleted`, `skipped` and `failed`. With
`snapshot: true` a test compares everything with a file in snapshots/, which --update writes.")]
pub(crate) struct TestArgs {
    /// Test files, or directories with some; the current directory if none is given.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Run only tests whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Write the snapshots instead of comparing with them.
    #[arg(long)]
    update: bool,
    /// Run again whenever a file changes.
    #[arg(long)]
    watch: bool,
    /// The form of the report.
    #[arg(long, short, value_enum, default_value = "text")]
    output: TestOutput,
    #[command(flatten)]
    kinds: KindArgs,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TestOutput {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// JUnit's XML, which continuous integration reads.
    Junit,
}

/// What became of one test.
struct Outcome {
    file: String,
    name: String,
    problems: Vec<Problem>,
    time: Duration,
}

pub(crate) fn run(args: &TestArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if !args.watch {
        return once(args, terminal);
    }
    loop {
        let before = stamps(args)?;
        match once(args, terminal) {
            Ok(_) | Err(Failure::Mistakes) => {}
            // A file that is being written is complete in a moment.
            Err(failure @ (Failure::Usage(_) | Failure::Read { .. })) => {
                writeln!(terminal.err, "{failure}")?;
            }
            Err(failure) => return Err(failure),
        }
        writeln!(terminal.out, "{}", terminal.out.dim("waiting for a change (Ctrl-C ends)"))?;
        terminal.out.flush()?;
        while stamps(args).is_ok_and(|now| now == before) {
            std::thread::sleep(WATCH_INTERVAL);
        }
    }
}

/// When the files that tests may read were last written.
fn stamps(args: &TestArgs) -> Result<BTreeMap<PathBuf, Option<SystemTime>>, Failure> {
    let mut stamps = BTreeMap::new();
    for path in roots(args) {
        let directory = if path.is_dir() { path } else { directory_of(&path) };
        for file in files_below(&directory)? {
            let written = std::fs::metadata(&file).and_then(|data| data.modified()).ok();
            stamps.insert(file, written);
        }
    }
    Ok(stamps)
}

fn roots(args: &TestArgs) -> Vec<PathBuf> {
    if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() }
}

fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let endings = [".test.yaml", ".test.yml", "_test.yaml", "_test.yml"];
    name.is_some_and(|name| endings.iter().any(|ending| name.ends_with(ending)))
}

fn once(args: &TestArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut files = Vec::new();
    for path in roots(args) {
        match path.is_dir() {
            true => files.extend(files_below(&path)?.into_iter().filter(|file| is_test(file))),
            false => files.push(path),
        }
    }
    if files.is_empty() {
        return Err(Failure::usage("there is no test: name files *.test.yaml or *_test.yaml"));
    }
    let mut sets = Sets { args, loaded: BTreeMap::new(), beside: BTreeMap::new() };
    let mut outcomes = Vec::new();
    for file in &files {
        run_file(file, args, &mut sets, &mut outcomes, terminal)?;
    }
    if outcomes.is_empty() {
        return Err(Failure::usage("no test has such a name"));
    }
    show(args.output, &outcomes, terminal)?;
    let failed = outcomes.iter().any(|outcome| !outcome.problems.is_empty());
    Ok(if failed { Exit::Mistakes } else { Exit::Good })
}

fn run_file(
    file: &Path,
    args: &TestArgs,
    sets: &mut Sets<'_>,
    outcomes: &mut Vec<Outcome>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let inputs = input::read(&[file.display().to_string()], &mut findings)?;
    let mut cases = Vec::new();
    for input in &inputs {
        match Case::read(&input.document.value) {
            Ok(case) => cases.push(case),
            Err(error) => {
                let message = format!("not a test: {error}");
                let root = FieldPath::root();
                let found = Diagnostic::error(Code::UnexpectedShape, root, message);
                findings.add(input.source, &input.document.map, found.into());
            }
        }
    }
    findings.show_text(&mut terminal.err)?;
    if findings.has_errors() {
        return Err(Failure::Mistakes);
    }
    let wanted = |case: &Case| args.filter.as_ref().is_none_or(|text| case.name.contains(text));
    for case in cases.into_iter().filter(wanted) {
        let started = Instant::now();
        let files = sets.definition_files(file, &case)?;
        let loaded = sets.get(&files, terminal)?;
        let problems = check(&case, file, loaded, args.update)?;
        let time = started.elapsed();
        outcomes.push(Outcome { file: shown(file), name: case.name, problems, time });
    }
    Ok(())
}

/// Compiled definitions, by the files that they are in: many tests share them.
struct Sets<'a> {
    args: &'a TestArgs,
    loaded: BTreeMap<Vec<PathBuf>, Loaded>,
    /// The files with definitions in a directory: it is looked through once, however many tests
    /// are in it.
    beside: BTreeMap<PathBuf, Vec<PathBuf>>,
}

impl Sets<'_> {
    /// The files with the definitions of a test.
    fn definition_files(&mut self, file: &Path, case: &Case) -> Result<Vec<PathBuf>, Failure> {
        let directory = directory_of(file);
        if !case.definition.is_empty() {
            return Ok(case.definition.iter().map(|name| directory.join(name)).collect());
        }
        if let Some(files) = self.beside.get(&directory) {
            return Ok(files.clone());
        }
        let mut files = Vec::new();
        for path in files_below(&directory)? {
            let beside = directory_of(&path) == directory && !is_test(&path);
            if beside && input::read_file(&path)?.contains("ResourceGraphDefinition") {
                files.push(path);
            }
        }
        self.beside.insert(directory, files.clone());
        Ok(files)
    }

    fn get(&mut self, files: &[PathBuf], terminal: &mut Terminal) -> Result<&Loaded, Failure> {
        if !self.loaded.contains_key(files) {
            let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
            let mut loaded = definitions::load(&names, &self.args.kinds)?;
            loaded.others.retain(|input| !is_definition(&input.document.value));
            loaded.findings.show_text(&mut terminal.err)?;
            if loaded.findings.has_errors() {
                return Err(Failure::Mistakes);
            }
            self.loaded.insert(files.to_vec(), loaded);
        }
        Ok(&self.loaded[files])
    }
}

fn show(output: TestOutput, outcomes: &[Outcome], terminal: &mut Terminal) -> Result<(), Failure> {
    let out = &mut terminal.out;
    let failed = outcomes.iter().filter(|outcome| !outcome.problems.is_empty()).count();
    let passed = outcomes.len() - failed;
    match output {
        TestOutput::Junit => junit::write(outcomes, out)?,
        TestOutput::Json => {
            let tests: Vec<Value> = outcomes
                .iter()
                .map(|outcome| {
                    let problems: Vec<String> =
                        outcome.problems.iter().map(ToString::to_string).collect();
                    json!({
                        "file": outcome.file,
                        "name": outcome.name,
                        "passed": problems.is_empty(),
                        "problems": problems,
                    })
                })
                .collect();
            emit::json(out, &json!({ "passed": passed, "failed": failed, "tests": tests }))?;
        }
        TestOutput::Text => {
            for outcome in outcomes {
                let Outcome { file, name, .. } = outcome;
                match outcome.problems.is_empty() {
                    true => writeln!(out, "{} {file}: {name}", out.green("pass"))?,
                    false => writeln!(out, "{} {file}: {name}", out.red("FAIL"))?,
                }
                for problem in &outcome.problems {
                    writeln!(out, "     {problem}")?;
                }
            }
            let summary = format!("{passed} passed, {failed} failed");
            let summary = if failed > 0 { out.red(&summary) } else { out.green(&summary) };
            writeln!(out, "{summary}")?;
        }
    }
    Ok(())
}
