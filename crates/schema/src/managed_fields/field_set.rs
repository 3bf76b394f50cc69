//! Sets of fields in the form of `fieldsV1`.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;

/// How deeply a set may be nested; objects that an API server takes are flatter.
const MAX_DEPTH: usize = 128;

/// One step into an object, as `fieldsV1` writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum PathElement {
    /// `f:name`: a field of an object or a key of a map.
    Field(String),
    /// `k:{…}`: the list element with these values of its key fields.
    Key(Map<String, Value>),
    /// `v:…`: this element of a set.
    Value(Value),
    /// `i:0`: the element at this position.
    Index(usize),
}

/// A set of fields: a tree of path elements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FieldSet {
    /// Whether the value itself belongs to the set, not only parts of it. True for leaves.
    pub itself: bool,
    /// The parts that belong to the set, by how `fieldsV1` writes them.
    pub parts: BTreeMap<String, (PathElement, Self)>,
}

impl FieldSet {
    /// Reads `fieldsV1`; `None` if it is not of that form.
    #[must_use]
    pub fn from_fields_v1(value: &Value) -> Option<Self> {
        Self::read(value, 0)
    }

    fn read(value: &Value, depth: usize) -> Option<Self> {
        let fields = value.as_object().filter(|_| depth < MAX_DEPTH)?;
        let mut set = Self { itself: fields.is_empty() && depth > 0, parts: BTreeMap::new() };
        for (key, value) in fields {
            if key == "." {
                set.itself = true;
                continue;
            }
            let (kind, rest) = key.split_once(':')?;
            let element = match kind {
                "f" => PathElement::Field(rest.to_owned()),
                "k" => PathElement::Key(serde_json::from_str(rest).ok()?),
                "v" => PathElement::Value(serde_json::from_str(rest).ok()?),
                "i" => PathElement::Index(rest.parse().ok()?),
                _ => return None,
            };
            set.parts.insert(key.clone(), (element, Self::read(value, depth + 1)?));
        }
        Some(set)
    }

    /// Whether the set holds the value and says nothing of its parts: the whole value is meant.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        self.parts.is_empty()
    }

    /// The set below field `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        self.parts.get(&format!("f:{name}")).map(|(_, set)| set)
    }

    /// The parts, in the order in which they are stored.
    pub fn iter(&self) -> impl Iterator<Item = (&PathElement, &Self)> {
        self.parts.values().map(|(element, set)| (element, set))
    }
}
