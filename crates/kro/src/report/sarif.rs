//! Mistakes as a SARIF 2.1.0 log.

use std::collections::BTreeSet;

use diagnostics::{Code, Severity};
use serde_json::{Value, json};

use crate::report::Findings;

pub(super) fn log(findings: &Findings) -> Value {
    let codes: BTreeSet<Code> =
        findings.list.iter().map(|finding| finding.diagnostic.code).collect();
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| json!({ "id": code.to_string(), "shortDescription": { "text": code.title() } }))
        .collect();
    let results: Vec<Value> = findings
        .list
        .iter()
        .map(|finding| {
            let source = &findings.sources[finding.source];
            let diagnostic = &finding.diagnostic;
            let (start, end) =
                (source.position(finding.span.start), source.position(finding.span.end));
            let mut text = diagnostic.message.clone();
            if let Some(help) = &diagnostic.help {
                text = format!("{text} ({help})");
            }
            json!({
                "ruleId": diagnostic.code.to_string(),
                "level": match diagnostic.severity {
                    Severity::Error => "error",
                    Severity::Warning => "warning",
                    Severity::Note => "note",
                },
                "message": { "text": text },
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": { "uri": source.name },
                        "region": {
                            "startLine": start.line,
                            "startColumn": start.column,
                            "endLine": end.line,
                            "endColumn": end.column,
                        },
                    },
                    "logicalLocations": [{
                        "fullyQualifiedName": diagnostic.place.path.to_string(),
                    }],
                }],
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "kro",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}
