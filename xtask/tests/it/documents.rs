//! What documents claim about the tree.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_owned()
}

/// Code spans of a Markdown text that look like a path of this workspace.
fn paths(text: &str) -> Vec<&str> {
    let tops = [
        "benches/",
        "crates/",
        "e2e/",
        "xtask/",
        "docs/",
        "examples/",
        ".ci/",
        "charts/",
        "conformance/",
    ];
    let spans = text.split('`').skip(1).step_by(2);
    spans
        .filter(|span| tops.iter().any(|top| span.starts_with(top)))
        .filter(|span| !span.contains([' ', '*', '<']))
        .collect()
}

#[test]
fn every_path_in_the_architecture_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let named = paths(&text);
    assert!(named.len() >= 10, "only {named:?}: has the form of paths changed?");
    for path in named {
        let file = path.split("::").next().unwrap_or(path);
        assert!(root().join(file).exists(), "ARCHITECTURE.md names `{path}`, which does not exist");
    }
    assert!(text.lines().count() <= 300, "ARCHITECTURE.md is longer than 300 lines");
}

/// Statements that a document makes with the words "holds this: `test`" name a real test.
#[test]
fn every_test_that_the_architecture_names_exists() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it is there");
    let mut named = 0;
    for line in text.lines().filter(|line| line.contains("Held by")) {
        for test in line.split('`').skip(1).step_by(2).filter(|span| span.contains("::")) {
            named += 1;
            let (file, function) = test.rsplit_once("::").expect("it contains ::");
            let source = std::fs::read_to_string(root().join(file)).unwrap_or_default();
            assert!(source.contains(&format!("fn {function}(")), "no test `{test}`");
        }
    }
    assert!(named >= 3, "only {named} tests named");
}

#[test]
fn the_example_is_in_the_project() {
    for file in ["rgd.yaml", "instance.yaml", "expected-status.yaml"] {
        assert!(root().join("examples/application").join(file).is_file(), "{file}");
    }
}

/// The commands that the documents show are tasks that exist; CI runs the README's.
#[test]
fn every_task_that_is_shown_exists() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("--help")
        .output()
        .expect("it runs");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    for document in ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root().join(document)).expect("it is there");
        for shown in text.split("cargo xtask ").skip(1) {
            let task = shown.split(|char: char| !char.is_ascii_alphabetic()).next().unwrap_or("");
            let exists =
                task.is_empty() || help.lines().any(|line| line.trim_start().starts_with(task));
            assert!(exists, "{document} shows `cargo xtask {task}`");
        }
    }
    let ci = std::fs::read_to_string(root().join(".ci/run")).expect("it is there");
    for command in ["cargo xtask test", "cargo xtask demo --once"] {
        assert!(ci.contains(command), "CI does not run `{command}`");
    }
}
