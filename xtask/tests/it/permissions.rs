//! The IAM policies in `docs/iam` allow what `ack` calls, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(path: &Path, text: &mut String) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a directory can be read") {
            sources(&entry.expect("it is read").path(), text);
        }
    } else {
        text.push_str(&fs::read_to_string(path).expect("a source is UTF-8"));
    }
}

/// `get_bucket_acl` as the API calls it: `GetBucketAcl`.
fn operation(method: &str) -> String {
    let words = method.split('_').map(|word| {
        let (first, rest) = word.split_at(1);
        first.to_uppercase() + rest
    });
    words.collect()
}

/// The operations that the module of a service calls. Reads are methods of a client without
/// arguments (or handed to the macro `to!`), writes are the SDK's builders.
fn called(service: &str) -> BTreeSet<String> {
    let mut text = String::new();
    let module = root().join("crates/ack/src").join(service);
    sources(&module, &mut text);
    sources(&module.with_extension("rs"), &mut text);
    let is_word = |char: char| char.is_ascii_lowercase() || char == '_';
    let word_before = |text: &str| {
        let start = text.trim_end_matches(is_word).len();
        text[start..].to_owned()
    };
    let is_read =
        |method: &str| ["get_", "list_", "describe_"].iter().any(|verb| method.starts_with(verb));
    let mut found = BTreeSet::new();
    for (place, _) in text.match_indices("::builders::") {
        let word = word_before(&text[..place]);
        // A macro's parameter is no name.
        if !text[..place - word.len()].ends_with('$') {
            found.insert(operation(&word));
        }
    }
    for (place, _) in text.match_indices("()") {
        let method = word_before(&text[..place]);
        if is_read(&method)
            && !method.starts_with("get_or_")
            && text[..place - method.len()].ends_with('.')
        {
            found.insert(operation(&method));
        }
    }
    for (place, _) in text.match_indices("to!(") {
        let rest = &text[place + "to!(".len()..];
        let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
        if is_read(&rest[..end]) {
            found.insert(operation(&rest[..end]));
        }
    }
    found
}

/// The table of a service in `docs/iam.md`: operations, and all their actions.
fn documented(heading: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let page = fs::read_to_string(root().join("docs/iam.md")).expect("the page is there");
    let section = page.split("\n## ").find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("no section {heading}"));
    let (mut operations, mut actions) = (BTreeSet::new(), BTreeSet::new());
    for row in section.lines().filter(|line| line.starts_with("| ") && line.contains('`')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        operations.insert(cells[1].to_owned());
        actions
            .extend(cells[2].split(',').map(|action| action.trim().trim_matches('`').to_owned()));
    }
    (operations, actions)
}

fn allowed(service: &str) -> BTreeSet<String> {
    let path = root().join("docs/iam").join(service).with_extension("json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let policy: Value = serde_json::from_str(&text).expect("a policy is JSON");
    assert_eq!(policy["Version"], "2012-10-17");
    let statements = policy["Statement"].as_array().expect("a policy has statements");
    let mut actions = BTreeSet::new();
    for statement in statements {
        assert_eq!(statement["Effect"], "Allow");
        for action in statement["Action"].as_array().expect("a statement has actions") {
            let action = action.as_str().expect("an action is a text");
            assert!(!action.contains('*'), "{action} allows more than is called");
            assert!(actions.insert(action.to_owned()), "{action} is allowed twice");
        }
    }
    actions
}

#[track_caller]
fn check(service: &str, heading: &str) {
    let (operations, actions) = documented(heading);
    assert_eq!(called(service), operations, "calls of {service}, and docs/iam.md");
    assert_eq!(allowed(service), actions, "docs/iam/{service}.json, and docs/iam.md");
}

#[test]
fn the_policy_for_s3_allows_what_is_called() {
    check("s3", "S3\n");
}

#[test]
fn the_policy_for_dynamodb_allows_what_is_called() {
    check("dynamodb", "DynamoDB\n");
}

#[test]
fn the_policy_for_sqs_allows_what_is_called() {
    check("sqs", "SQS\n");
}
