//! What differs between two answers, and the list of what may.

use super::Step;
use anyhow::Context;
use serde_json::Value;
use std::fmt;
use std::path::Path;

/// What every reason has to name.
const DOCUMENTATION: &str = "https://docs.aws.amazon.com/";

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where, as `answer.Table.TableId` or `error`; entries of lists are `[]`.
    pub(super) path: String,
    pub(super) ours: String,
    pub(super) theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ours {}, theirs {}", self.path, self.ours, self.theirs)
    }
}

/// The differences between two answers to the same call.
///
/// An answer against an error, or two errors, differ in `error` alone.
pub(super) fn compare(our: &Step, their: &Step) -> Vec<Difference> {
    let mut found = Vec::new();
    if our.error != their.error {
        let shown = |step: &Step| step.error.clone().unwrap_or_else(|| "none".to_owned());
        found.push(Difference { path: "error".to_owned(), ours: shown(our), theirs: shown(their) });
        return found;
    }
    if our.status != their.status {
        let shown = |step: &Step| step.status.map_or_else(String::new, |s| s.to_string());
        found.push(Difference {
            path: "status".to_owned(),
            ours: shown(our),
            theirs: shown(their),
        });
    }
    walk("answer", Some(&our.answer), Some(&their.answer), &mut found);
    found
}

fn walk(path: &str, ours: Option<&Value>, theirs: Option<&Value>, found: &mut Vec<Difference>) {
    match (ours, theirs) {
        (Some(Value::Object(ours)), Some(Value::Object(theirs))) => {
            let new = theirs.keys().filter(|name| !ours.contains_key(*name));
            for name in ours.keys().chain(new) {
                walk(&format!("{path}.{name}"), ours.get(name), theirs.get(name), found);
            }
        }
        (Some(Value::Array(ours)), Some(Value::Array(theirs))) if ours.len() == theirs.len() => {
            for (our, their) in ours.iter().zip(theirs) {
                walk(&format!("{path}[]"), Some(our), Some(their), found);
            }
        }
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => {
            let shown = |value: Option<&Value>| {
                value.map_or_else(|| "absent".to_owned(), |value| format!("{value}"))
            };
            found.push(Difference {
                path: path.to_owned(),
                ours: shown(ours),
                theirs: shown(theirs),
            });
        }
    }
}

/// The list of what may differ.
///
/// A line is a call and a path, each with `*` for anything; a line that starts with `#` is the reason for the lines below it: what AWS's documentation says, with its address.
#[derive(Debug, Default)]
pub(super) struct Differences {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    call: String,
    path: String,
    reason: String,
    met: bool,
}

impl Differences {
    /// Reads a list.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{} can't be read", file.display()))?;
        Ok(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut entries = Vec::new();
        let (mut reason, mut of_reason) = (String::new(), false);
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(more) = line.strip_prefix('#') {
                if !of_reason {
                    reason.clear();
                }
                reason.push_str(more);
                of_reason = true;
            } else {
                let (call, path) = line.split_once(' ').unwrap_or((line, "*"));
                let (call, path) = (call.to_owned(), path.trim().to_owned());
                entries.push(Entry { call, path, reason: reason.clone(), met: false });
                of_reason = false;
            }
        }
        Self { entries }
    }

    /// Whether a difference is listed; every entry that fits it is met.
    pub(super) fn covers(&mut self, call: &str, path: &str) -> bool {
        let mut covered = false;
        for entry in &mut self.entries {
            if fits(&entry.call, call) && fits(&entry.path, path) {
                entry.met = true;
                covered = true;
            }
        }
        covered
    }

    /// Entries that nothing met, and those whose reason names no documentation.
    pub(super) fn problems(&self) -> impl Iterator<Item = (String, &'static str)> + '_ {
        self.entries.iter().filter_map(|entry| {
            let shown = format!("{} {}", entry.call, entry.path);
            if !entry.met {
                Some((shown, "no such difference: take it off the list"))
            } else if !entry.reason.contains(DOCUMENTATION) {
                Some((shown, "no documentation is named"))
            } else {
                None
            }
        })
    }
}

/// Whether a text fits a pattern in which `*` is anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn step(answer: Value, error: Option<&str>) -> Step {
        Step {
            sequence: "s".to_owned(),
            step: "Get".to_owned(),
            operation: "Get".to_owned(),
            status: Some(200),
            answer,
            error: error.map(str::to_owned),
        }
    }

    fn paths(our: &Step, their: &Step) -> Vec<String> {
        compare(our, their).into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn differences_are_found_where_they_are() {
        let our = step(json!({ "a": [{ "b": 1, "same": 0 }], "c": 1 }), None);
        let their = step(json!({ "a": [{ "b": 2, "same": 0 }], "d": null }), None);
        assert_eq!(paths(&our, &their), ["answer.a[].b", "answer.c", "answer.d"]);
        assert_eq!(paths(&our, &our), Vec::<String>::new());
        assert_eq!(paths(&our, &step(Value::Null, Some("NoSuchBucket"))), ["error"]);
        let longer = step(json!({ "a": [], "c": 1 }), None);
        assert_eq!(paths(&our, &longer), ["answer.a"]);
    }

    #[test]
    fn a_pattern_fits_as_written() {
        for (pattern, text, expected) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("*b", "ab", true),
            ("*.b", "ab", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abde", false),
            ("*", "", true),
            ("s3-*/Get*", "s3-cors/GetBucketCors.2", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_list_shrinks_only() {
        let text = "# what https://docs.aws.amazon.com/x\n# says\ns/Get answer.a\ns/Get answer.b\n# because\ns/Put error\n";
        let mut list = Differences::parse(text);
        assert!(list.covers("s/Get", "answer.a"));
        assert!(list.covers("s/Put", "error"));
        assert!(!list.covers("s/Put", "status"));
        let problems: Vec<String> =
            list.problems().map(|(entry, why)| format!("{entry}: {why}")).collect();
        assert_eq!(
            problems,
            [
                "s/Get answer.b: no such difference: take it off the list",
                "s/Put error: no documentation is named"
            ]
        );
    }
}
