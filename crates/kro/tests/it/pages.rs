//! The pages of `docs/diagnostics`: what is called wrong there is, and what is called right is.

use crate::console::entries;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Codes whose pages have no example, and why. A code leaves this list by getting one.
const WITHOUT_EXAMPLE: &[(&str, &str)] = &[
    ("KRO0114", "needs the earlier version of the definition"),
    ("KRO0216", "the example would be too long"),
    ("KRO0411", "says what a version lacks; nothing is certain to stay in it"),
    ("KRO0413", "the example would be too long"),
    ("KRO0503", "nothing is referred to by id outside of expressions"),
    ("KRO0504", "depends on the values of an instance"),
    ("KRO0505", "examples of other codes have unused parts, too"),
    ("KRO0801", "everything that is known to be refused has a code of its own"),
    ("KRO0802", "needs the earlier version of the definition"),
    ("KRO0803", "needs a cluster"),
    ("KRO0903", "depends on the values of an instance"),
];

/// The YAML under the heading `## NAME`.
fn example<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, section) = page.split_once(&format!("\n## {name}\n\n```yaml\n"))?;
    Some(section.split_once("```").expect("a fence is closed").0)
}

/// The codes that `kro validate` reports for a file.
fn codes(directory: &Path, yaml: &str) -> BTreeSet<String> {
    fs::write(directory.join("example.yaml"), yaml).expect("the file can be written");
    let output = Command::new(env!("CARGO_BIN_EXE_kro"))
        .args(["validate", "-f", "example.yaml", "-o", "json"])
        .current_dir(directory)
        .output()
        .expect("kro runs");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}\n{yaml}", String::from_utf8_lossy(&output.stderr))
    });
    let findings = report["findings"].as_array().expect("a list of findings");
    findings
        .iter()
        .map(|finding| finding["code"].as_str().expect("a finding has a code").to_owned())
        // Examples are short: that one declares a field and does not read it is not its point.
        .filter(|code| code != "KRO0505")
        .collect()
}

#[test]
fn examples_are_what_the_pages_say() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let mut wrong = Vec::new();
    let mut bare = Vec::new();
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/diagnostics");
    for path in entries(&pages) {
        let code = path.file_stem().expect("a page has a name").to_string_lossy().into_owned();
        let page = fs::read_to_string(&path).expect("the page can be read");
        let (Some(bad), Some(good)) = (example(&page, "Wrong"), example(&page, "Right")) else {
            bare.push(code);
            continue;
        };
        let found = codes(directory.path(), bad);
        if found != BTreeSet::from([code.clone()]) {
            wrong.push(format!("{code}: the wrong example gives {found:?}"));
        }
        let found = codes(directory.path(), good);
        if !found.is_empty() {
            wrong.push(format!("{code}: the right example gives {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let listed: Vec<&str> = WITHOUT_EXAMPLE.iter().map(|(code, _)| *code).collect();
    assert_eq!(bare, listed, "pages without an example");
}
