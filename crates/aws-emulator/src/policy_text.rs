//! Policy documents: what AWS does to them on the way in.

use std::fmt;

use serde::Deserialize;
use serde::Serialize;
use serde::de::Deserializer;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde::ser::Serializer;
use serde_json::Value;

/// A document tidied as [`tidy`] does, without blanks, its members in the order in which they were
/// given; `None` if it is none.
pub(crate) fn in_order(text: &[u8]) -> Option<String> {
    let mut policy: Ordered = serde_json::from_slice(text).ok()?;
    policy.tidy();
    serde_json::to_string(&policy).ok()
}

/// JSON whose members keep their order.
#[derive(Debug)]
enum Ordered {
    Scalar(Value),
    List(Vec<Ordered>),
    Members(Vec<(String, Ordered)>),
}

impl Ordered {
    fn members(&mut self) -> impl Iterator<Item = (&str, &mut Ordered)> {
        let members = if let Self::Members(members) = self { &mut members[..] } else { &mut [] };
        members.iter_mut().map(|(name, value)| (name.as_str(), value))
    }

    fn items(&mut self) -> impl Iterator<Item = &mut Ordered> {
        let items = if let Self::List(items) = self { &mut items[..] } else { &mut [] };
        items.iter_mut()
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Scalar(Value::Null))
    }

    fn unwrap_single(&mut self) {
        if let Self::List(items) = self
            && let [only] = &mut items[..]
        {
            *self = only.take();
        }
    }

    fn tidy(&mut self) {
        for (_, statements) in self.members().filter(|(name, _)| *name == "Statement") {
            if matches!(statements, Self::Members(_)) {
                *statements = Self::List(vec![statements.take()]);
            }
            for (name, value) in statements.items().flat_map(Self::members) {
                match name {
                    "Action" | "NotAction" | "Resource" | "NotResource" => value.unwrap_single(),
                    "Principal" | "NotPrincipal" => {
                        value.members().for_each(|(_, value)| value.unwrap_single());
                    }
                    _ => {}
                }
            }
        }
    }
}

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(value) => value.serialize(serializer),
            Self::List(items) => serializer.collect_seq(items),
            Self::Members(members) => {
                serializer.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Ordered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Ordered;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_unit<E>(self) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
                Ok(Ordered::Scalar(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Ordered, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = all.next_element()? {
                    items.push(item);
                }
                Ok(Ordered::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Ordered, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = all.next_entry()? {
                    members.push(member);
                }
                Ok(Ordered::Members(members))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

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
    fn members_keep_their_order() {
        let text = br#"{ "Version": "x", "Id": "y", "Statement": { "Principal": { "B": ["1"],
            "A": "2" }, "Action": ["a:b"], "Condition": { "z": { "y": [true, null, 1.5, -3] } } } }"#;
        assert_eq!(
            in_order(text).as_deref(),
            Some(
                r#"{"Version":"x","Id":"y","Statement":[{"Principal":{"B":"1","A":"2"},"Action":"a:b","Condition":{"z":{"y":[true,null,1.5,-3]}}}]}"#
            )
        );
        let mut value = serde_json::from_slice(text).expect("is JSON");
        tidy(&mut value);
        let again: Value = serde_json::from_str(&in_order(text).expect("is JSON")).expect("too");
        assert_eq!(again, value);
        assert_eq!(in_order(b"{"), None);
    }

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
