//! The API server's words, where they may hold what nobody is to read.

use runtime::discretion::Documents;
use serde_json::Value;

/// The member that every policy document has: "Grammar of the IAM JSON policy language", AWS IAM
/// user guide.
const STATEMENT: &str = "Statement";
/// Who refuses at admission writes what they like.
const FOREIGN: [&str; 2] = ["denied request", "denied the request"];
/// With what the typed form of an object shows a value.
const SHOWN: &str = "{Value:";

/// Whether a request for this path is about Secrets.
pub(super) fn is_about_secrets(path: &str) -> bool {
    let mut segments = path.trim_start_matches('/').split('/');
    if (segments.next(), segments.next()) != (Some("api"), Some("v1")) {
        return false;
    }
    match segments.next() {
        Some("namespaces") => segments.nth(1) == Some("secrets"),
        first => first == Some("secrets"),
    }
}

/// The policy documents within the body of a request, which nobody is to quote either.
pub(super) struct Policies(Vec<u8>);

impl Policies {
    /// `None` if there is none for sure.
    pub(super) fn within(body: &[u8]) -> Option<Self> {
        let may_be = std::str::from_utf8(body).is_ok_and(|text| text.contains(STATEMENT));
        may_be.then(|| Self(body.to_vec()))
    }

    /// The message without what it quotes of them.
    pub(super) fn withheld(&self, message: &str) -> String {
        let mut documents = Documents::default();
        let body: Value = serde_json::from_slice(&self.0).unwrap_or_default();
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        let mut values = vec![&body];
        while let Some(value) = values.pop() {
            match value {
                Value::String(text) if is_policy(text) => documents.add(text, &[name]),
                Value::Array(items) => values.extend(items),
                Value::Object(members) => values.extend(members.values()),
                _ => {}
            }
        }
        documents.withheld(message)
    }
}

fn is_policy(text: &str) -> bool {
    text.contains(STATEMENT)
        && serde_json::from_str::<Value>(text).is_ok_and(|it| it.get(STATEMENT).is_some())
}

/// A message without what may be a value: what stands in quotes, what the typed form of an object
/// shows of one, and what admission says after having said no.
pub(super) fn discreet(message: &str) -> String {
    let ends = FOREIGN.iter().filter_map(|words| Some(message.find(words)? + words.len()));
    let own = message.get(..ends.min().unwrap_or(message.len())).unwrap_or(message);
    let parts = own.split('"').enumerate();
    let mut rest: String =
        parts.map(|(at, part)| if at % 2 == 0 { part } else { "\"…\"" }).collect();
    let mut from = 0;
    while let Some(start) = rest.get(from..).and_then(|tail| tail.find(SHOWN)) {
        let start = from + start + SHOWN.len();
        let length = rest.get(start..).and_then(|tail| tail.find('}'));
        let end = length.map_or(rest.len(), |length| start + length);
        rest.replace_range(start..end, "…");
        from = start;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_about_a_secret_hold_none_of_its_values() {
        for (said, told) in [
            (
                r#"Secret "s" is invalid: data[bad]: Invalid value: "x": no"#,
                r#"Secret "…" is invalid: data[bad]: Invalid value: "…": no"#,
            ),
            (
                "secrets \"s\" is forbidden: policy 'p' with binding 'b' denied request: no: x",
                "secrets \"…\" is forbidden: policy 'p' with binding 'b' denied request",
            ),
            (
                r#"admission webhook "w" denied the request: x"#,
                r#"admission webhook "…" denied the request"#,
            ),
            (
                ".data.a: expected string, got &value.valueUnstructured{Value:7}, and {Value:8",
                ".data.a: expected string, got &value.valueUnstructured{Value:…}, and {Value:…",
            ),
        ] {
            assert_eq!(discreet(said), told);
        }
    }

    #[test]
    fn a_policy_is_not_quoted() {
        let policy = r#"{"Statement": [{"Sid": "OfTheVault", "Effect": "Deny"}]}"#;
        let body = json!({ "metadata": { "name": "orders" }, "spec": { "policy": policy } });
        let policies = Policies::within(body.to_string().as_bytes()).expect("has one");
        let quoted = Value::from(policy);
        for (said, told) in [
            (format!("bucket orders: no: {policy}"), "bucket orders: no: …"),
            (format!("bucket orders: no: {quoted}"), "bucket orders: no: \"…\""),
            ("no Sid OfTheVault".to_owned(), "no Sid …"),
            ("spec.versioning: Invalid value".to_owned(), "spec.versioning: Invalid value"),
        ] {
            assert_eq!(policies.withheld(&said), told);
        }
        assert!(Policies::within(br#"{"spec": {"policy": ""}}"#).is_none());
    }

    #[test]
    fn secrets_are_told_by_their_path() {
        for path in ["/api/v1/secrets", "/api/v1/namespaces/team/secrets/one"] {
            assert!(is_about_secrets(path), "{path}");
        }
        for path in [
            "/api/v1/namespaces/secrets",
            "/api/v1/namespaces/secrets/configmaps/secrets",
            "/apis/example.com/v1/secrets",
        ] {
            assert!(!is_about_secrets(path), "{path}");
        }
    }
}
