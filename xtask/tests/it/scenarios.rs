//! The table of scenarios names tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// `module::test` of every test in a directory.
fn tests(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).expect("the scenarios") {
        let path = entry.expect("an entry").path();
        let module = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("").to_owned();
        let text = fs::read_to_string(&path).expect("a scenario");
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim() != "#[test]" {
                continue;
            }
            let function = lines.next().and_then(|line| line.trim().strip_prefix("fn "));
            let name = function.and_then(|line| line.split('(').next()).expect("a function");
            found.insert(format!("{module}::{name}"));
        }
    }
    found
}

#[test]
fn the_table_of_scenarios_names_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let table = fs::read_to_string(root.join("docs/scenarios.md")).expect("the table");
    let named: BTreeSet<String> = table
        .lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|')?.rsplit('|').next())
        .filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'))
        .map(str::to_owned)
        .collect();
    let tests = tests(&root.join("e2e/tests/scenarios"));
    assert!(!named.is_empty(), "the table names no test");
    let stale: Vec<&String> = named.difference(&tests).collect();
    assert!(stale.is_empty(), "in docs/scenarios.md, but no test: {stale:?}");
}
