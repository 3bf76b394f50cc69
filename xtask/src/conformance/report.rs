//! What passed, what did not, and what was skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::path::Path;

/// The result of one run.
#[derive(Debug, Default)]
pub struct Report {
    passed: usize,
    failures: Vec<Failure>,
    skipped: Vec<Skipped>,
    /// Passed, failed and skipped of each file.
    files: BTreeMap<String, [usize; 3]>,
    names: BTreeSet<String>,
}

/// A vector that did not give what was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The vector, as `file/name`.
    pub name: String,
    /// What differs.
    pub mismatch: Mismatch,
}

/// A vector that was not run, or need not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The vector, as `file/name`.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What was expected and what came instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// What was recorded.
    pub expected: String,
    /// What we have.
    pub got: String,
}

impl Mismatch {
    /// From both sides.
    pub fn new(expected: impl Into<String>, got: impl Into<String>) -> Mismatch {
        Mismatch { expected: expected.into(), got: got.into() }
    }
}

impl Report {
    /// How many passed.
    pub fn passed(&self) -> usize {
        self.passed
    }

    /// The failures, in the order of the run.
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// What was skipped, in the order of the run.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Did something run, and all of it pass?
    pub fn succeeded(&self) -> bool {
        self.failures.is_empty() && self.passed > 0
    }

    /// Counts one vector that was run.
    ///
    /// One that the list names is skipped if it fails; if it passes, that is a failure of the list.
    pub fn record(
        &mut self,
        list: &SkipList,
        file: &str,
        name: &str,
        result: Result<(), Mismatch>,
    ) {
        let full = format!("{file}/{name}");
        let reason = list.reason(&full);
        match (result, reason) {
            (Ok(()), None) => {
                self.passed += 1;
                self.count(file, full, 0);
            }
            (Ok(()), Some(reason)) => {
                let expected = format!("a difference, listed as skipped ({reason})");
                self.fail(file, full, Mismatch::new(expected, "it passes: take it off the list"));
            }
            (Err(_), Some(reason)) => self.skip(file, name, reason),
            (Err(mismatch), None) => self.fail(file, full, mismatch),
        }
    }

    /// Counts one vector that was not run.
    pub fn skip(&mut self, file: &str, name: &str, reason: &str) {
        let name = format!("{file}/{name}");
        self.skipped.push(Skipped { name: name.clone(), reason: reason.to_owned() });
        self.count(file, name, 2);
    }

    /// A file that can't be read or does not have the form.
    pub fn broken(&mut self, file: &str, why: &str) {
        self.fail(file, file.to_owned(), Mismatch::new("a file of the form in the README", why));
    }

    fn fail(&mut self, file: &str, name: String, mismatch: Mismatch) {
        self.failures.push(Failure { name: name.clone(), mismatch });
        self.count(file, name, 1);
    }

    fn count(&mut self, file: &str, name: String, what: usize) {
        self.files.entry(file.to_owned()).or_default()[what] += 1;
        self.names.insert(name);
    }

    /// Names of the list that this run did not come across; on the data for which the list is made there must be none.
    pub fn unmet<'l>(&self, list: &'l SkipList) -> Vec<&'l str> {
        list.reasons.keys().map(String::as_str).filter(|name| !self.names.contains(*name)).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Failure { name, mismatch } in &self.failures {
            writeln!(f, "FAIL {name}")?;
            writeln!(f, "  expected: {}", indented(&mismatch.expected))?;
            writeln!(f, "  got:      {}", indented(&mismatch.got))?;
        }
        for (file, [passed, failed, skipped]) in &self.files {
            writeln!(f, "{file}: {passed} passed, {failed} failed, {skipped} skipped")?;
        }
        let (failed, skipped) = (self.failures.len(), self.skipped.len());
        writeln!(f, "{} passed, {failed} failed, {skipped} skipped", self.passed)
    }
}

/// Lines after the first one are set under it.
fn indented(text: &str) -> String {
    let mut out = String::new();
    for (number, line) in text.trim_end().lines().enumerate() {
        let _ = write!(out, "{}{line}", if number == 0 { "" } else { "\n            " });
    }
    out
}

/// Vectors that need not pass, by name, each with a reason.
///
/// The file has one name a line; a line that starts with `#` is the reason for the names below it.
#[derive(Clone, Debug, Default)]
pub struct SkipList {
    reasons: BTreeMap<String, String>,
}

impl SkipList {
    /// Reads the text of a list.
    pub fn parse(text: &str) -> SkipList {
        let mut reasons = BTreeMap::new();
        let mut reason = "";
        for line in text.lines().map(str::trim) {
            if let Some(new) = line.strip_prefix('#') {
                reason = new.trim();
            } else if !line.is_empty() {
                reasons.insert(line.to_owned(), reason.to_owned());
            }
        }
        SkipList { reasons }
    }

    /// Why the vector with this name (`file/name`) need not pass; `None` if it must.
    pub fn reason(&self, name: &str) -> Option<&str> {
        self.reasons.get(name).map(String::as_str)
    }

    /// How many names it has.
    pub fn len(&self) -> usize {
        self.reasons.len()
    }

    /// Is nothing listed?
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// Names without a reason.
    pub fn unexplained(&self) -> Vec<&str> {
        let without = self.reasons.iter().filter(|(_, reason)| reason.is_empty());
        without.map(|(name, _)| name.as_str()).collect()
    }
}

/// All JSON files of a folder with their names without extension, in order.
pub fn json_files(dir: &Path, report: &mut Report) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            report.broken(&dir.display().to_string(), &error.to_string());
            return found;
        }
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    for path in paths {
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        match text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
            Ok(json) => found.push((name, json)),
            Err(error) => report.broken(&name, &error),
        }
    }
    found
}
