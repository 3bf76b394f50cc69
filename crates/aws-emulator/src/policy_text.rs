//! Policy documents: what AWS does to them on the way in.

use serde_json::Value;

/// Makes lists of one the one in every statement, as AWS answers them; a single statement becomes a
/// list.
pub(crate) fn tidy(policy: &mut Value) {
    if let Some(statement) = policy.get_mut("Statement").filter(|value| value.is_object()) {
        *statement = Value::Array(vec![statement.take()]);
    }
    let statements = policy.get_mut("Statement").and_then(Value::as_array_mut);
    for statement in statements.into_iter().flatten() {
        for name in ["Action", "NotAction", "Resource", "NotResource"] {
            if let Some(value) = statement.get_mut(name) {
                unwrap_single(value);
            }
        }
        for name in ["Principal", "NotPrincipal"] {
            let kinds = statement.get_mut(name).and_then(Value::as_object_mut);
            kinds.into_iter().flatten().for_each(|(_, value)| unwrap_single(value));
        }
    }
}

fn unwrap_single(value: &mut Value) {
    if let Some([only]) = value.as_array_mut().map(Vec::as_mut_slice) {
        let only = only.take();
        *value = only;
    }
}

/// A string or a list of strings, as a list.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(entries) => entries.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_entries_lose_their_list() {
        let mut policy = serde_json::json!({ "Statement": {
            "Action": ["a:b"], "Principal": { "AWS": ["1"] }, "Resource": ["x", "y"],
        } });
        tidy(&mut policy);
        assert_eq!(
            policy.to_string(),
            r#"{"Statement":[{"Action":"a:b","Principal":{"AWS":"1"},"Resource":["x","y"]}]}"#
        );
    }
}
