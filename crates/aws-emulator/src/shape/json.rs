//! JSON documents by shape, refused in the words of AWS's JSON services.

use serde_json::Map;
use serde_json::Value;

use super::Layout;
use super::Member;
use super::Shape;
use super::Text;
use crate::failure::Failure;

/// Nesting beyond which a document is refused; the deepest AWS input here has six levels.
const MAX_DEPTH: usize = 32;

/// How many broken constraints AWS reports at once.
const MAX_PROBLEMS: usize = 10;

/// Reads a request body by its members.
///
/// Null members count as absent and are dropped, as AWS does.
///
/// # Errors
/// `SerializationException` for a value of the wrong kind, `NotImplemented` for a member that no row
/// names, `ValidationException` listing the constraints broken.
pub(crate) fn read(body: &[u8], members: &'static [Member]) -> Result<Map<String, Value>, Failure> {
    let value: Value = if body.is_empty() {
        Value::Object(Map::new())
    } else {
        serde_json::from_slice(body).map_err(|_| serialization(""))?
    };
    let Value::Object(given) = value else {
        return Err(serialization("Start of structure or map found where not expected"));
    };
    let out = convert_struct(given, members, "", 0)?;
    let mut problems = Vec::new();
    check_struct(&out, members, "", &mut problems);
    if problems.is_empty() {
        return Ok(out);
    }
    problems.truncate(MAX_PROBLEMS);
    let count = problems.len();
    let plural = if count == 1 { "" } else { "s" };
    Err(validation(format!("{count} validation error{plural} detected: {}", problems.join("; "))))
}

/// A `ValidationException` with this text.
pub(crate) fn validation(message: impl Into<String>) -> Failure {
    Failure::new(400, "ValidationException", message)
}

fn serialization(message: &str) -> Failure {
    Failure::new(400, "SerializationException", message)
}

/// First pass: kinds only. AWS finishes it before it looks at any constraint.
fn convert(value: Value, shape: &Shape, path: &str, depth: usize) -> Result<Value, Failure> {
    if depth > MAX_DEPTH {
        return Err(serialization("Document is nested too deeply"));
    }
    match (shape, value) {
        (Shape::Text(_), Value::String(text)) => Ok(Value::String(text)),
        (Shape::Text(_), other) => Err(wrong_kind(&other, "String")),
        (Shape::Bool, Value::Bool(flag)) => Ok(Value::Bool(flag)),
        (Shape::Bool, other) => Err(wrong_kind(&other, "Boolean")),
        (Shape::Time, Value::Number(number)) => Ok(Value::Number(number)),
        (Shape::Time, other) => Err(wrong_kind(&other, "Timestamp")),
        (Shape::Int { .. }, Value::Number(number)) => number
            .as_i64()
            .map(Value::from)
            .ok_or_else(|| wrong_kind(&Value::Number(number), "Long")),
        (Shape::Int { .. }, other) => Err(wrong_kind(&other, "Long")),
        (Shape::List { item, .. }, Value::Array(entries)) => entries
            .into_iter()
            .enumerate()
            .map(|(at, entry)| convert(entry, item, &format!("{path}[{at}]"), depth + 1))
            .collect::<Result<_, _>>()
            .map(Value::Array),
        (Shape::Struct(members), Value::Object(given)) => {
            convert_struct(given, members, path, depth + 1).map(Value::Object)
        }
        (Shape::Map { .. }, Value::Object(given)) => given
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| match value {
                Value::String(_) => Ok((name, value)),
                other => Err(wrong_kind(&other, "String")),
            })
            .collect::<Result<_, _>>()
            .map(Value::Object),
        (Shape::List { .. }, Value::Object(_)) => {
            Err(serialization("Start of structure or map found where not expected"))
        }
        (Shape::Struct(_), Value::Array(_)) => Err(serialization("Unrecognized collection type")),
        (Shape::List { .. } | Shape::Map { .. } | Shape::Struct(_), _) => {
            Err(serialization("Unexpected field type"))
        }
    }
}

fn convert_struct(
    given: Map<String, Value>,
    members: &[Member],
    path: &str,
    depth: usize,
) -> Result<Map<String, Value>, Failure> {
    let mut out = Map::new();
    for (name, value) in given {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(member) = members.iter().find(|member| member.name == name) else {
            return Err(Failure::not_implemented(format_args!("the request member `{path}`")));
        };
        if value.is_null() {
            continue;
        }
        let value = convert(value, &member.shape, &path, depth)?;
        out.insert(name, value);
    }
    Ok(out)
}

fn wrong_kind(value: &Value, wanted: &str) -> Failure {
    let found = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_i64() || number.is_u64() => "NUMBER_VALUE",
        Value::Number(_) => "DECIMAL_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => {
            return serialization(&format!(
                "Unrecognized collection type class java.lang.{wanted}"
            ));
        }
        Value::Object(_) => {
            return serialization("Start of structure or map found where not expected");
        }
    };
    serialization(&format!("{found} cannot be converted to {wanted}"))
}

/// Second pass: constraints, all that are broken.
fn check(value: &Value, shape: &Shape, path: &str, problems: &mut Vec<String>) {
    let mut broken = |constraint: String| {
        problems.push(format!(
            "Value {} at '{path}' failed to satisfy constraint: {constraint}",
            shown(value),
        ));
    };
    match (shape, value) {
        (Shape::Text(rule), Value::String(text)) => {
            for constraint in broken_text(rule, text) {
                broken(constraint);
            }
        }
        (Shape::Int { min, max }, Value::Number(number)) => {
            let number = number.as_i64().unwrap_or_default();
            if number < *min {
                broken(format!("Member must have value greater than or equal to {min}"));
            }
            if number > *max {
                broken(format!("Member must have value less than or equal to {max}"));
            }
        }
        (
            Shape::List { item, min, max, layout: Layout::Wrapped(_) | Layout::Flat },
            Value::Array(entries),
        ) => {
            if entries.len() < *min {
                broken(format!("Member must have length greater than or equal to {min}"));
            }
            if entries.len() > *max {
                broken(format!("Member must have length less than or equal to {max}"));
            }
            for (at, entry) in entries.iter().enumerate() {
                check(entry, item, &format!("{path}.{}.member", at + 1), problems);
            }
        }
        (Shape::Map { max }, Value::Object(given)) if given.len() > *max => {
            broken(format!("Member must have length less than or equal to {max}"));
        }
        (Shape::Struct(members), Value::Object(given)) => {
            check_struct(given, members, path, problems);
        }
        // `convert` let only matching kinds through.
        _ => {}
    }
}

fn check_struct(
    given: &Map<String, Value>,
    members: &[Member],
    path: &str,
    problems: &mut Vec<String>,
) {
    for member in members {
        let name = lower_first(member.name);
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        match given.get(member.name) {
            Some(value) => check(value, &member.shape, &path, problems),
            None if member.required => problems.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            )),
            None => {}
        }
    }
}

/// The constraints that a string breaks, in AWS's words.
fn broken_text(rule: &Text, text: &str) -> Vec<String> {
    let length = text.chars().count();
    let mut out = Vec::new();
    if let Some(pattern) = &rule.pattern
        && !(pattern.matches)(text)
    {
        out.push(format!("Member must satisfy regular expression pattern: {}", pattern.text));
    }
    if length < rule.min {
        out.push(format!("Member must have length greater than or equal to {}", rule.min));
    }
    if length > rule.max {
        out.push(format!("Member must have length less than or equal to {}", rule.max));
    }
    if !rule.one_of.is_empty() && !rule.one_of.contains(&text) {
        out.push(format!("Member must satisfy enum value set: [{}]", rule.one_of.join(", ")));
    }
    out
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => format!("'{other}'"),
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    const NAME: Pattern =
        Pattern { text: "[a-z]+", matches: |text| text.bytes().all(|b| b.is_ascii_lowercase()) };
    const ENTRY: Shape = Shape::Struct(&[req("Key", text(1, 3)), opt("Size", int(1, 9))]);
    const INPUT: &[Member] = &[
        req("TableName", text_like(3, 5, NAME)),
        opt("Mode", one_of(&["A", "B"])),
        opt("Entries", list(&ENTRY, 1, 2, "member")),
        opt("Flag", Shape::Bool),
    ];

    #[track_caller]
    fn refused(body: &str) -> (String, String) {
        let failure = read(body.as_bytes(), INPUT).unwrap_err();
        (failure.code.into_owned(), failure.message)
    }

    #[test]
    fn nulls_are_dropped_and_the_rest_is_kept() {
        let out = read(br#"{"TableName":"abc","Mode":null,"Flag":true}"#, INPUT).unwrap();
        assert_eq!(Value::Object(out).to_string(), r#"{"Flag":true,"TableName":"abc"}"#);
    }

    #[test]
    fn every_broken_constraint_is_listed_in_order() {
        let (code, message) =
            refused(r#"{"TableName":"A","Mode":"C","Entries":[{"Size":0},{"Key":"abcd"}]}"#);
        assert_eq!(code, "ValidationException");
        assert_eq!(
            message,
            "6 validation errors detected: \
             Value 'A' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; \
             Value 'A' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3; \
             Value 'C' at 'mode' failed to satisfy constraint: Member must satisfy enum value set: [A, B]; \
             Value null at 'entries.1.member.key' failed to satisfy constraint: Member must not be null; \
             Value '0' at 'entries.1.member.size' failed to satisfy constraint: Member must have value greater than or equal to 1; \
             Value 'abcd' at 'entries.2.member.key' failed to satisfy constraint: Member must have length less than or equal to 3"
        );
    }

    #[test]
    fn a_wrong_kind_is_a_serialization_error() {
        for (body, message) in [
            (r#"{"TableName":1}"#, "NUMBER_VALUE cannot be converted to String"),
            (r#"{"Flag":"x"}"#, "STRING_VALUE cannot be converted to Boolean"),
            (r#"{"Entries":{}}"#, "Start of structure or map found where not expected"),
            (r#"{"Entries":1}"#, "Unexpected field type"),
            ("[]", "Start of structure or map found where not expected"),
            ("{", ""),
        ] {
            assert_eq!(refused(body), ("SerializationException".to_owned(), message.to_owned()));
        }
    }

    #[test]
    fn an_unknown_member_is_named_with_its_path() {
        let (code, message) = refused(r#"{"TableName":"abc","Entries":[{"Key":"a","New":1}]}"#);
        assert_eq!(code, "NotImplemented");
        assert_eq!(message, "the emulator does not implement the request member `Entries[0].New`");
    }
}
