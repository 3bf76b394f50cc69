//! Objects that a definition reads and never writes.

use crate::object::{GroupKind, ObjectId};
use graph::Kind;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What an external reference points at, with everything evaluated: what the driver has to watch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Group and kind of what is read.
    pub kind: GroupKind,
    /// The version in which it is read.
    pub version: String,
    /// Its name in URLs.
    pub plural: String,
    /// The object, or which of them.
    pub target: Target,
}

/// Which objects of a kind a [`Reference`] reads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The object of this name.
    Object {
        /// Its namespace; empty for a cluster-scoped object.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// All objects whose labels fit.
    Matching {
        /// Their namespace; `None` for all, and for cluster-scoped objects.
        namespace: Option<String>,
        /// What their labels must be.
        selector: Selector,
    },
}

/// A label selector; the empty one selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

/// One condition of a [`Selector`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

/// What a [`Reference`] was found to point at.
#[derive(Debug, Clone, PartialEq)]
pub enum Referenced {
    /// There is no object of this name.
    Absent,
    /// The parts of the object that some expression reads.
    Object(Arc<Value>),
    /// The same of all objects that match, by namespace and name.
    Objects(BTreeMap<ObjectId, Arc<Value>>),
    /// It can't be read, in the API server's words.
    Unreadable(String),
}

/// Why a value is no label selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSelector {
    /// A part of it has another type than it needs.
    #[error("{place} must be {expected}")]
    Type {
        /// The part.
        place: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An operator that does not exist.
    #[error("operator `{0}` is none of In, NotIn, Exists, DoesNotExist")]
    Operator(String),
    /// In and NotIn without values, or Exists and DoesNotExist with some.
    #[error("operator {operator} {problem}")]
    Values {
        /// The operator.
        operator: String,
        /// What is wrong with its values.
        problem: &'static str,
    },
}

// === impl Reference ===

impl Reference {
    /// What `target` of `kind` is called.
    pub(crate) fn new(kind: &Kind, target: Target) -> Self {
        let gvk = &kind.gvk;
        Self {
            kind: GroupKind { group: gvk.group.clone(), kind: gvk.kind.clone() },
            version: gvk.version.clone(),
            plural: kind.plural.clone(),
            target,
        }
    }

    /// Whether an object of this kind is one that is referenced.
    pub fn selects<'l>(
        &self,
        namespace: &str,
        name: &str,
        label: impl Fn(&str) -> Option<&'l str>,
    ) -> bool {
        match &self.target {
            Target::Object { namespace: wanted, name: own } => wanted == namespace && own == name,
            Target::Matching { namespace: wanted, selector } => {
                wanted.as_deref().is_none_or(|wanted| wanted == namespace)
                    && selector.matches(label)
            }
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Object { namespace, name } if namespace.is_empty() => {
                write!(f, "{} {name}", self.kind)
            }
            Target::Object { namespace, name } => write!(f, "{} {namespace}/{name}", self.kind),
            Target::Matching { namespace, selector } => {
                let place = namespace.as_deref().unwrap_or("*");
                write!(f, "{} {place}/[{selector}]", self.kind)
            }
        }
    }
}

// === impl Selector ===

impl Selector {
    /// Reads a `LabelSelector`, as Kubernetes writes it; null and `{}` select everything.
    ///
    /// # Errors
    ///
    /// The first part that the API server would refuse.
    pub fn parse(selector: &Value) -> Result<Self, InvalidSelector> {
        let mut requirements = Vec::new();
        let whole = object(selector, "a selector")?;
        for (key, value) in object(whole.get("matchLabels"), "matchLabels")? {
            let value = text(value, || format!("matchLabels.{key}"))?;
            requirements
                .push(Requirement { key: key.clone(), operator: Operator::In(vec![value]) });
        }
        for entry in list(whole.get("matchExpressions"), || "matchExpressions".to_owned())? {
            let entry = object(entry, "an entry of matchExpressions")?;
            let field = |name: &str| entry.get(name).unwrap_or(&Value::Null);
            let key = text(field("key"), || "matchExpressions.key".to_owned())?;
            let operator = text(field("operator"), || "matchExpressions.operator".to_owned())?;
            let place = || "matchExpressions.values".to_owned();
            let mut values = list(entry.get("values"), place)?
                .iter()
                .map(|value| text(value, place))
                .collect::<Result<Vec<_>, _>>()?;
            values.sort_unstable();
            values.dedup();
            requirements.push(Requirement { key, operator: Operator::parse(&operator, values)? });
        }
        requirements.sort_unstable();
        requirements.dedup();
        Ok(Self { requirements })
    }

    /// Whether the labels, which `label` looks up, fit.
    pub fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.requirements.iter().all(|requirement| {
            let value = label(&requirement.key);
            let among =
                |values: &[String]| value.is_some_and(|value| values.iter().any(|v| v == value));
            match &requirement.operator {
                Operator::In(values) => among(values),
                Operator::NotIn(values) => !among(values),
                Operator::Exists => value.is_some(),
                Operator::DoesNotExist => value.is_none(),
            }
        })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Requirement { key, operator }) in self.requirements.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match operator {
                Operator::In(values) => match values.as_slice() {
                    [value] => write!(f, "{key}={value}")?,
                    values => write!(f, "{key} in ({})", values.join(","))?,
                },
                Operator::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                Operator::Exists => f.write_str(key)?,
                Operator::DoesNotExist => write!(f, "!{key}")?,
            }
        }
        Ok(())
    }
}

// === impl Operator ===

impl Operator {
    fn parse(operator: &str, values: Vec<String>) -> Result<Self, InvalidSelector> {
        let wrong =
            |problem| Err(InvalidSelector::Values { operator: operator.to_owned(), problem });
        match (operator, values.is_empty()) {
            ("In", false) => Ok(Self::In(values)),
            ("NotIn", false) => Ok(Self::NotIn(values)),
            ("Exists", true) => Ok(Self::Exists),
            ("DoesNotExist", true) => Ok(Self::DoesNotExist),
            ("In" | "NotIn", true) => wrong("needs values"),
            ("Exists" | "DoesNotExist", false) => wrong("takes no values"),
            _ => Err(InvalidSelector::Operator(operator.to_owned())),
        }
    }
}

fn object<'v>(
    value: impl Into<Option<&'v Value>>,
    place: &str,
) -> Result<&'v serde_json::Map<String, Value>, InvalidSelector> {
    static EMPTY: std::sync::LazyLock<serde_json::Map<String, Value>> =
        std::sync::LazyLock::new(serde_json::Map::new);
    match value.into() {
        None | Some(Value::Null) => Ok(&EMPTY),
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) => Err(InvalidSelector::Type { place: place.to_owned(), expected: "an object" }),
    }
}

fn list(value: Option<&Value>, place: impl Fn() -> String) -> Result<&[Value], InvalidSelector> {
    match value {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(InvalidSelector::Type { place: place(), expected: "a list" }),
    }
}

fn text(value: &Value, place: impl Fn() -> String) -> Result<String, InvalidSelector> {
    match value {
        Value::String(text) => Ok(text.clone()),
        _ => Err(InvalidSelector::Type { place: place(), expected: "a string" }),
    }
}

#[cfg(test)]
mod tests {
    use super::Selector;
    use serde_json::{Value, json};

    #[track_caller]
    fn check(selector: &Value, labels: &Value) -> bool {
        let selector = Selector::parse(selector).expect("a selector");
        selector.matches(|key| labels.get(key).and_then(Value::as_str))
    }

    #[test]
    fn labels_are_selected_as_an_api_server_selects_them() {
        let labels = json!({"app": "web", "tier": "front"});
        assert!(check(&json!({}), &labels));
        assert!(check(&Value::Null, &json!({})));
        assert!(check(&json!({"matchLabels": {"app": "web"}}), &labels));
        assert!(!check(&json!({"matchLabels": {"app": "web", "tier": "back"}}), &labels));
        let one = |operator: &str, key: &str, values: Value| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        assert!(check(&one("In", "app", json!(["api", "web"])), &labels));
        assert!(!check(&one("In", "none", json!(["web"])), &labels));
        assert!(!check(&one("NotIn", "app", json!(["web"])), &labels));
        assert!(check(&one("NotIn", "none", json!(["web"])), &labels));
        assert!(check(&one("Exists", "app", Value::Null), &labels));
        assert!(!check(&one("DoesNotExist", "app", json!([])), &labels));
    }

    #[test]
    fn what_no_api_server_takes_is_refused() {
        let error = |selector: Value| Selector::parse(&selector).expect_err("refused").to_string();
        let entry = |entry: Value| json!({"matchExpressions": [entry]});
        let messages = [
            error(json!({"matchLabels": {"app": 1}})),
            error(json!({"matchLabels": "app"})),
            error(entry(json!({"key": "app", "operator": "Is", "values": ["a"]}))),
            error(entry(json!({"key": "app", "operator": "In"}))),
            error(entry(json!({"key": "app", "operator": "Exists", "values": ["a"]}))),
        ];
        assert_eq!(
            messages,
            [
                "matchLabels.app must be a string",
                "matchLabels must be an object",
                "operator `Is` is none of In, NotIn, Exists, DoesNotExist",
                "operator In needs values",
                "operator Exists takes no values",
            ]
        );
    }

    #[test]
    fn equal_selectors_are_equal_whatever_the_order() {
        let one = json!({"matchLabels": {"a": "1"}, "matchExpressions": [
            {"key": "b", "operator": "In", "values": ["y", "x"]},
        ]});
        let two = json!({"matchExpressions": [
            {"key": "b", "operator": "In", "values": ["x", "y"]},
            {"key": "a", "operator": "In", "values": ["1"]},
        ]});
        assert_eq!(Selector::parse(&one), Selector::parse(&two));
        assert_eq!(Selector::parse(&one).expect("valid").to_string(), "a=1,b in (x,y)");
    }
}
