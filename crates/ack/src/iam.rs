//! Policy documents, compared by what they mean.
//!
//! AWS answers with the text that it was given, or with one that it has rewritten: one value in
//! place of a list of one, an account's number in place of its ARN, another order. None of that is
//! a difference.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use serde_json::Value as Json;

/// Whether two policies mean the same; one that is no JSON only means what it is itself.
pub fn same_policy(desired: Option<&String>, latest: Option<&String>) -> bool {
    match (desired, latest) {
        (None, None) => true,
        (Some(desired), Some(latest)) => desired == latest || same_meaning(desired, latest),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether two JSON documents have the same structure; texts that are no JSON are compared as such.
pub fn same_document(desired: Option<&String>, latest: Option<&String>) -> bool {
    match (desired, latest) {
        (None, None) => true,
        (Some(desired), Some(latest)) => {
            let parse = |text: &str| serde_json::from_str(text).ok().map(numbers_as_texts);
            desired == latest || parse(desired).is_some_and(|doc| parse(latest) == Some(doc))
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// A number says the same as its text: SQS answers with either.
fn numbers_as_texts(value: Json) -> Json {
    match value {
        Json::Number(number) => Json::String(number.to_string()),
        Json::Array(items) => items.into_iter().map(numbers_as_texts).collect(),
        Json::Object(members) => {
            members.into_iter().map(|(key, value)| (key, numbers_as_texts(value))).collect()
        }
        Json::Null | Json::Bool(_) | Json::String(_) => value,
    }
}

fn same_meaning(desired: &str, latest: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<Json>(text).ok().and_then(|doc| meaning(&doc));
    match (parse(desired), parse(latest)) {
        (Some(desired), Some(latest)) => {
            // AWS may name a policy that its author did not name.
            let named = desired.id.is_none() || desired.id == latest.id;
            named && desired.version == latest.version && desired.statements == latest.statements
        }
        (Some(_) | None, Some(_) | None) => false,
    }
}

/// What a policy means.
struct Meaning {
    /// Says nothing about access; but whoever changes it wants it changed.
    id: Option<String>,
    version: String,
    statements: BTreeSet<Statement>,
}

/// The version that AWS assumes.
const OLD_VERSION: &str = "2008-10-17";

/// A statement in a form in which equal meaning is equality.
type Statement = BTreeMap<String, Part>;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// `Effect`, `Sid`, and whatever else there may be, as JSON.
    Text(String),
    /// Actions, resources: a set.
    Set(BTreeSet<String>),
    /// Principals by their kind.
    Sets(BTreeMap<String, BTreeSet<String>>),
    /// Conditions by operator and key.
    Conditions(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>),
}

/// `None` for what is no policy.
fn meaning(policy: &Json) -> Option<Meaning> {
    let policy = policy.as_object()?;
    let id = policy.get("Id").and_then(Json::as_str).map(str::to_owned);
    let version = policy.get("Version").and_then(Json::as_str).unwrap_or(OLD_VERSION).to_owned();
    let statements = match policy.get("Statement") {
        Some(Json::Array(statements)) => statements.iter().map(statement).collect::<Option<_>>()?,
        Some(single) => BTreeSet::from([statement(single)?]),
        None => BTreeSet::new(),
    };
    Some(Meaning { id, version, statements })
}

fn statement(statement: &Json) -> Option<Statement> {
    let one = |(name, value): (&String, &Json)| {
        let part = match name.as_str() {
            // Actions are told apart without regard to case.
            "Action" | "NotAction" => {
                Part::Set(texts(value)?.into_iter().map(|text| text.to_lowercase()).collect())
            }
            "Resource" | "NotResource" => Part::Set(texts(value)?),
            "Principal" | "NotPrincipal" => Part::Sets(principals(value)?),
            "Condition" => Part::Conditions(conditions(value)?),
            _ => Part::Text(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        };
        Some((name.clone(), part))
    };
    // A statement without a name may have an empty one.
    let named = |(name, value): &(&String, &Json)| *name != "Sid" || value.as_str() != Some("");
    statement.as_object()?.iter().filter(named).map(one).collect()
}

fn principals(value: &Json) -> Option<BTreeMap<String, BTreeSet<String>>> {
    match value {
        // Everybody, in short.
        Json::String(all) => Some(BTreeMap::from([("AWS".into(), BTreeSet::from([all.clone()]))])),
        Json::Object(kinds) => kinds
            .iter()
            .map(|(kind, value)| {
                let names = texts(value)?.iter().map(|name| account(name)).collect();
                Some((kind.clone(), names))
            })
            .collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

/// The root of an account may be named by the number of the account alone.
fn account(name: &str) -> String {
    let root = name.strip_prefix("arn:").and_then(|rest| {
        let (_, rest) = rest.split_once(":iam::")?;
        rest.strip_suffix(":root")
    });
    root.unwrap_or(name).to_owned()
}

fn conditions(value: &Json) -> Option<BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> {
    let keys = |value: &Json| {
        // Names of keys are told apart without regard to case.
        let one = |(key, value): (&String, &Json)| Some((key.to_lowercase(), texts(value)?));
        value.as_object()?.iter().map(one).collect::<Option<BTreeMap<_, _>>>()
    };
    let one = |(operator, value): (&String, &Json)| Some((operator.clone(), keys(value)?));
    value.as_object()?.iter().map(one).collect()
}

/// A value or a list of values, as a set of texts: `true` and `"true"` are the same in a policy.
fn texts(value: &Json) -> Option<BTreeSet<String>> {
    let one = |value: &Json| match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(_) | Json::Number(_) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    };
    match value {
        Json::Array(values) => values.iter().map(one).collect(),
        single => one(single).map(|text| BTreeSet::from([text])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(desired: &Json, latest: &Json, expected: bool) {
        let (desired, latest) = (desired.to_string(), latest.to_string());
        assert_eq!(same_policy(Some(&desired), Some(&latest)), expected, "{desired} / {latest}");
    }

    fn policy(statement: &Json) -> Json {
        json!({ "Version": "2012-10-17", "Statement": statement })
    }

    #[test]
    fn writing_does_not_matter() {
        let one = json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": ["a", "b"], "Condition": { "Bool": { "aws:SecureTransport": true } } });
        let other = json!({ "Sid": "", "Effect": "Allow", "Principal": { "AWS": ["*"] },
            "Action": ["S3:getobject"], "Resource": ["b", "a"],
            "Condition": { "Bool": { "AWS:SecureTransport": ["true"] } } });
        check(&policy(&one), &policy(&json!([other])), true);
        let account = |name: &str| policy(&json!({ "Principal": { "AWS": name } }));
        check(&account("123456789012"), &account("arn:aws:iam::123456789012:root"), true);
        check(&account("123456789012"), &account("arn:aws:iam::123456789012:user/a"), false);
        let two = |a: &str, b: &str| policy(&json!([{ "Sid": a }, { "Sid": b }]));
        check(&two("a", "b"), &two("b", "a"), true);
    }

    #[test]
    fn meaning_matters() {
        let base = json!({ "Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": "*" });
        for (name, value) in [
            ("Effect", json!("Deny")),
            ("Action", json!(["a:B"])),
            ("Resource", json!("arn:x")),
            ("Sid", json!("name")),
            ("Condition", json!({ "Bool": { "aws:SecureTransport": "true" } })),
        ] {
            let mut other = base.clone();
            other[name] = value;
            check(&policy(&base), &policy(&other), false);
        }
        let named = |id: &str| json!({ "Id": id, "Statement": [] });
        check(&named("a"), &named("b"), false);
        check(&named("a"), &json!({ "Statement": [] }), false);
        check(&json!({ "Statement": [] }), &named("made-up-by-aws"), true);
        check(&json!({ "Statement": [] }), &policy(&json!([])), false);
        check(&json!({ "Statement": [] }), &json!({ "Version": "2008-10-17" }), true);
    }

    #[test]
    fn what_is_no_policy_is_compared_as_text() {
        let same = |one: &str, other: &str| same_policy(Some(&one.into()), Some(&other.into()));
        assert!(same("{", "{") && !same("{", "{ ") && !same("[]", "[ ]"));
        assert!(!same_policy(Some(&"{}".into()), None) && same_policy(None, None));
    }

    #[test]
    fn documents_are_compared_by_structure() {
        let same = |one: &str, other: &str| same_document(Some(&one.into()), Some(&other.into()));
        assert!(same(r#"{"a":1,"b":[2]}"#, r#"{ "b": [2], "a": 1 }"#));
        assert!(!same(r#"{"b":[1,2]}"#, r#"{"b":[2,1]}"#) && same(r#"{"a":1}"#, r#"{"a":"1"}"#));
        assert!(same("no json", "no json") && !same("no json", "{}"));
    }
}
