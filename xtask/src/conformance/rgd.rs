//! Definitions with the outcome that the Go stack has recorded.
//!
//! Of what was accepted in the end, the graph and the generated CRD must be the recorded ones; of what was refused, be it by
//! the compiler or by the API server, a diagnostic must name the same cause, the same name and the same place.

mod cause;
mod changes;
mod facts;
mod kinds;

use diagnostics::{Diagnostics, Severity};
use graph::{Graph, Options};
use serde_json::Value;
use std::path::{Path, PathBuf};

use super::{Mismatch, Report, SkipList};
use kinds::Schemas;

/// The cases in which we differ on purpose.
pub fn skip_list() -> SkipList {
    SkipList::parse(include_str!("../../../conformance/skips/rgd.txt"))
}

/// Runs all cases of a folder: `category/NAME.rgd.yaml` with `category/NAME.expected.json`.
///
/// `NAME.before.rgd.yaml` and `NAME.after.rgd.yaml` are one case: the change between them. A table
/// `pluralization.json` in the folder is run as well.
pub fn run(dir: &Path, schemas: &Path) -> Report {
    run_cases(dir, schemas, |_| None)
}

/// The same; `skip` gives the reason why a case (`category/NAME`) is not run.
pub fn run_cases(dir: &Path, schemas: &Path, skip: impl Fn(&str) -> Option<String>) -> Report {
    let mut report = Report::default();
    for path in [dir, schemas] {
        if !path.is_dir() {
            report.broken(&path.display().to_string(), "no such folder");
        }
    }
    let mut schemas = match Schemas::read(schemas) {
        Ok(schemas) => schemas,
        Err(error) => {
            report.broken("schemas", &format!("{error:#}"));
            return report;
        }
    };
    let list = skip_list();
    let mut cases = Vec::new();
    find(dir, &mut cases);
    cases.sort();
    for path in cases {
        let (category, name) = names(dir, &path);
        if let Some(reason) = skip(&format!("{category}/{name}")) {
            report.skip(&category, &name, &reason);
            continue;
        }
        let result = match name.strip_suffix(".before") {
            Some(_) => changes::run(&path, &mut schemas),
            None => Case::read(&path).map(|case| case.run(&mut schemas)),
        };
        match result {
            Ok(result) => report.record(&list, &category, &name, result),
            Err(error) => report.broken(&format!("{category}/{name}"), &format!("{error:#}")),
        }
    }
    plurals(&dir.join("pluralization.json"), &list, &mut report);
    report
}

/// The plurals of kinds, if the folder has a table of them.
fn plurals(table: &Path, list: &SkipList, report: &mut Report) {
    let Ok(text) = std::fs::read_to_string(table) else { return };
    let Ok(table) = serde_json::from_str::<Vec<Value>>(&text) else {
        report.broken("pluralization", "no list of kinds with their plurals");
        return;
    };
    for row in table {
        let kind = row["kind"].as_str().unwrap_or_default();
        let found = schema::pluralize(kind);
        let same = row["plural"] == *found;
        let result = same.then_some(()).ok_or_else(|| Mismatch::new(row.to_string(), found));
        report.record(list, "pluralization", kind, result);
    }
}

/// What is found in a definition, given the kinds of a folder.
///
/// # Errors
/// When a file can't be read.
pub fn check(path: &Path, schemas: &Path) -> anyhow::Result<Diagnostics> {
    let definition = definition(path)?;
    let (spec, _) = graph::read(&definition);
    let wanted = spec.as_ref().map(graph::kinds).unwrap_or_default();
    let kinds = Schemas::read(schemas)?.resolve(&wanted);
    Ok(graph::compile_definition(&definition, &kinds, &Options::default()).1)
}

fn find(dir: &Path, cases: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, cases);
        } else if path.to_string_lossy().ends_with(".rgd.yaml")
            && !path.to_string_lossy().ends_with(changes::AFTER)
        {
            cases.push(path);
        }
    }
}

/// The folder of a case below `dir`, and its name in it.
fn names(dir: &Path, path: &Path) -> (String, String) {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = path.parent().and_then(|parent| parent.strip_prefix(dir).ok());
    let folder = folder.unwrap_or(Path::new("")).display().to_string();
    let category = if folder.is_empty() { ".".to_owned() } else { folder };
    (category, file.trim_end_matches(".rgd.yaml").to_owned())
}

/// A definition with its recorded outcome.
struct Case {
    definition: Value,
    expected: Value,
}

impl Case {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let definition = definition(path)?;
        let name = path.display().to_string().replace(".rgd.yaml", ".expected.json");
        let expected = serde_json::from_str(&std::fs::read_to_string(name)?)?;
        Ok(Self { definition, expected })
    }

    fn compile(&self, schemas: &mut Schemas) -> (Option<Graph>, Diagnostics) {
        let gates = &self.expected["featureGates"];
        let options = Options { omit: gates["CELOmitFunction"] == true, ..Options::default() };
        let (spec, _) = graph::read(&self.definition);
        let wanted = spec.as_ref().map(graph::kinds).unwrap_or_default();
        let kinds = schemas.resolve(&wanted);
        graph::compile_definition(&self.definition, &kinds, &options)
    }

    fn run(&self, schemas: &mut Schemas) -> Result<(), Mismatch> {
        let (graph, found) = self.compile(schemas);
        let accepted = self.expected["effective"] == "accepted";
        match (accepted, graph) {
            (true, Some(graph)) => facts::compare(&graph, &self.expected),
            (true, None) => Err(Mismatch::new("accepted", format!("refused:\n{}", lines(&found)))),
            (false, Some(_)) => {
                Err(Mismatch::new(cause::recorded(&self.expected), "accepted".to_owned()))
            }
            (false, None) => cause::compare(&self.expected, &self.definition, &found),
        }
    }
}

/// The definition in a file.
fn definition(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path)?;
    let (documents, mistakes) = diagnostics::yaml::read(&text);
    let error = mistakes.iter().find(|mistake| mistake.severity == Severity::Error);
    anyhow::ensure!(error.is_none(), "{}", mistakes[0].message);
    let definition = documents.into_iter().next().map(|document| document.value);
    definition.ok_or_else(|| anyhow::anyhow!("no document"))
}

/// Every mistake with its code.
fn lines(found: &Diagnostics) -> String {
    let lines: Vec<String> =
        found.errors().map(|diagnostic| format!("{} {diagnostic}", diagnostic.code)).collect();
    lines.join("\n")
}
