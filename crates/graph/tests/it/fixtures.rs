//! Definitions in `tests/fixtures/diagnostics`, with everything that is found in them.

use crate::check::kinds;
use diagnostics::source::{Lines, SourceMap};
use diagnostics::{Diagnostic, Place, yaml};
use graph::{Options, compile_definition};
use std::fmt::Write as _;
use std::path::Path;

#[test]
fn every_mistake_has_a_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/diagnostics");
    let mut count = 0;
    for entry in std::fs::read_dir(&root).expect("the folder is there") {
        let dir = entry.expect("an entry").path();
        let text = std::fs::read_to_string(dir.join("rgd.yaml")).expect("a definition");
        let (documents, mistakes) = yaml::read(&text);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let document = documents.into_iter().next().expect("a document");
        let (_, found) = compile_definition(&document.value, &kinds(), &Options::default());
        let shown: Vec<String> = found.iter().map(|one| show(one, &document.map, &text)).collect();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&dir);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("expected", shown.join("\n")));
        count += 1;
    }
    assert!(count >= 3, "only {count} definitions");
}

#[test]
fn twelve_mistakes_are_twelve_diagnostics() {
    let path = "tests/fixtures/diagnostics/twelve-mistakes/rgd.yaml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(path).expect("a definition");
    let document = yaml::read(&text).0.into_iter().next().expect("a document");
    let (graph, found) = compile_definition(&document.value, &kinds(), &Options::default());
    assert!(graph.is_none());
    assert_eq!(found.len(), 12, "{found}");
}

/// A diagnostic with the lines that it is about, as `line:column`.
fn show(diagnostic: &Diagnostic, map: &SourceMap, text: &str) -> String {
    let mut shown =
        format!("{} {}: {}\n", diagnostic.code, diagnostic.severity, diagnostic.message);
    excerpt(&mut shown, &diagnostic.place, map, text);
    for (place, label) in &diagnostic.labels {
        let _ = writeln!(shown, "  {label}:");
        excerpt(&mut shown, place, map, text);
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(shown, "  help: {help}");
    }
    shown
}

fn excerpt(shown: &mut String, place: &Place, map: &SourceMap, text: &str) {
    let span = map.span(place).expect("a diagnostic of a file has a place in it");
    let lines = Lines::of(text);
    let at = lines.position(text, span.start);
    let line = &text[lines.range(text, at.line).expect("the line is there")];
    let width = text[span.clone()].lines().next().map_or(1, |line| line.chars().count().max(1));
    let _ = writeln!(shown, "  {place}");
    let _ = writeln!(shown, "  {:>3} | {}", at.line, line.trim_end());
    let _ = writeln!(shown, "      | {}{}", " ".repeat(at.column - 1), "^".repeat(width));
}
