//! What passed and what did not.

use std::{collections::BTreeMap, fmt, path::Path};

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Passed and failed per file.
    files: BTreeMap<String, (usize, usize)>,
    failures: Vec<String>,
    skipped: usize,
}

impl Report {
    pub(crate) fn passed(&self) -> usize {
        self.files.values().map(|(passed, _)| passed).sum()
    }

    pub(crate) fn failed(&self) -> usize {
        self.failures.len()
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.failures.is_empty() && self.passed() > 0
    }

    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Counts one vector; `Err` has what was expected and what came.
    pub(crate) fn count(&mut self, file: &str, name: &str, result: Result<(), String>) {
        let counts = self.files.entry(file.to_owned()).or_default();
        match result {
            Ok(()) => counts.0 += 1,
            Err(why) => {
                counts.1 += 1;
                self.failures.push(format!("{file}/{name}: {why}"));
            }
        }
    }

    /// For a file that can't be read.
    pub(crate) fn broken(&mut self, file: &str, why: &str) {
        self.count(file, "(file)", Err(why.to_owned()));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}")?;
        }
        for (file, (passed, failed)) in &self.files {
            writeln!(f, "{file}: {passed} passed, {failed} failed")?;
        }
        let (passed, failed, skipped) = (self.passed(), self.failed(), self.skipped);
        writeln!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

/// All JSON files of a folder by name, in order.
pub(crate) fn files(dir: &Path, report: &mut Report) -> Vec<(String, serde_json::Value)> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            report.broken(&dir.display().to_string(), &error.to_string());
            return found;
        }
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string());
        match text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
            Ok(json) => found.push((name, json)),
            Err(error) => report.broken(&name, &error),
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}
