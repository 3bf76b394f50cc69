//! The API server's words, where they may hold what nobody is to read.

use runtime::discretion::Documents;
use serde_json::Value;

/// Who refuses at admission writes what they like.
const FOREIGN: [&str; 2] = ["denied request", "denied the request"];
/// With what the typed form of an object shows a value.
const SHOWN: &str = "{Value:";
/// Members that tell a policy document: "Grammar of the IAM JSON policy language" in the AWS IAM
/// user guide; `RedrivePolicy` and `RedriveAllowPolicy` of the SQS API.
const MARKS: [&str; 3] = ["Statement", "deadLetterTargetArn", "redrivePermission"];
/// With what the names of all service accounts begin.
const ACCOUNT: &str = "system:serviceaccount:";

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
        std::str::from_utf8(body).is_ok_and(is_marked).then(|| Self(body.to_vec()))
    }

    /// The message without what it quotes of them.
    pub(super) fn withheld(&self, message: &str) -> String {
        let body: Value = serde_json::from_slice(&self.0).unwrap_or_default();
        let known = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let group = known("/apiVersion").split('/').next().unwrap_or_default();
        let sayable = [known("/metadata/name"), known("/metadata/namespace"), group, ACCOUNT];
        let mut documents = Documents::default();
        let mut values = vec![&body];
        while let Some(value) = values.pop() {
            match value {
                Value::String(text) if is_marked(text) => documents.add(text, &sayable),
                Value::Array(items) => values.extend(items),
                Value::Object(members) => {
                    if MARKS.iter().any(|mark| members.contains_key(*mark)) {
                        documents.add(&value.to_string(), &sayable);
                    }
                    values.extend(members.values());
                }
                _ => {}
            }
        }
        documents.withheld(message)
    }
}

fn is_marked(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark))
}

/// A message without what admission says after having said no, if it quotes a policy document: it
/// may be one that the request does not carry.
pub(super) fn without_policies(message: &str) -> &str {
    let (own, foreign) = message.split_at(admission(message));
    if is_marked(foreign) { own } else { message }
}

/// Where the words of admission begin.
fn admission(message: &str) -> usize {
    let ends = FOREIGN.iter().filter_map(|words| Some(message.find(words)? + words.len()));
    ends.min().unwrap_or(message.len())
}

/// A message without what may be a value: what stands in quotes, what the typed form of an object
/// shows of one, and what admission says after having said no.
pub(super) fn discreet(message: &str) -> String {
    let (own, _) = message.split_at(admission(message));
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

    #[track_caller]
    fn check_policy(policy: &Value, said: &str, told: &str) {
        let body = json!({
            "apiVersion": "s3.services.k8s.aws/v1alpha1",
            "metadata": { "name": "orders-of-the-shop", "namespace": "default" },
            "spec": { "policy": policy },
        });
        let policies = Policies::within(body.to_string().as_bytes()).expect("has one");
        assert_eq!(policies.withheld(said), told);
    }

    #[test]
    fn a_policy_of_the_request_is_not_quoted() {
        let structured = json!({ "Statement": [{
            "Sid": "OfTheVault", "Effect": "Deny", "Resource": "arn:aws:s3:::orders-of-the-shop/*",
        }] });
        let text = structured.to_string();
        let malformed = format!("{text},");
        for (policy, quoted) in [
            (&structured, &text),
            (&Value::from(&*text), &text),
            (&Value::from(&*malformed), &malformed),
        ] {
            check_policy(policy, &format!("no: {quoted}"), "no: …");
            check_policy(policy, "bucket orders-of-the-shop", "bucket orders-of-the-shop");
            check_policy(policy, "spec.x: Invalid value", "spec.x: Invalid value");
        }
        check_policy(&structured, "no Sid OfTheVault", "no Sid …");
        check_policy(&Value::from(&*text), &format!("no: {}", Value::from(&*text)), "no: \"…\"");
        let redrive = Value::from(r#"{"deadLetterTargetArn":"arn:aws:sqs:::of-the-vault"}"#);
        check_policy(&redrive, "no queue arn:aws:sqs:::of-the-vault", "no queue arn:aws:sqs::…");
        assert!(Policies::within(br#"{"spec": {"policy": ""}}"#).is_none());
    }

    #[test]
    fn a_policy_of_another_object_is_not_quoted() {
        for (said, told) in [
            (
                r#"policy 'p' with binding 'b' denied request: no: {"Statement": []}"#,
                "policy 'p' with binding 'b' denied request",
            ),
            (
                r#"admission webhook "w" denied the request: {\"deadLetterTargetArn\": \"a\"}"#,
                r#"admission webhook "w" denied the request"#,
            ),
            (
                "policy 'p' with binding 'b' denied request: too many replicas",
                "policy 'p' with binding 'b' denied request: too many replicas",
            ),
            ("unknown field Statement", "unknown field Statement"),
        ] {
            assert_eq!(without_policies(said), told);
        }
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
