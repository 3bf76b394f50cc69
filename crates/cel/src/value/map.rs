//! Maps and objects.

use std::{cmp::Ordering, fmt, sync::Arc};

use serde_json::Value as Json;

use super::json::{Shaped, from_json};
use crate::{
    ErrorKind, PathStep, Str, Value,
    shape::{Shape, Shapes},
};

/// A map: bound JSON, an object of a declared type, or computed.
#[derive(Clone, Debug)]
#[expect(private_interfaces, reason = "bound data is made by bindings only")]
pub enum Map<'a> {
    /// Bound JSON with its declared type.
    #[doc(hidden)]
    Json(Shaped<'a, serde_json::Map<String, Json>>),
    /// Computed entries, sorted by key.
    #[doc(hidden)]
    Owned(Arc<Vec<(Key<'a>, Value<'a>)>>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub enum Key<'a> {
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// A floating point number: only where an environment does not refuse it.
    Double(f64),
    /// Text.
    String(Str<'a>),
}

impl<'a> Key<'a> {
    /// The key that a value is; `None` for types that are no keys.
    pub fn from_value(value: &Value<'a>) -> Option<Key<'a>> {
        Some(match value {
            Value::Bool(v) => Key::Bool(*v),
            Value::Int(v) => Key::Int(*v),
            Value::Uint(v) => Key::Uint(*v),
            Value::Double(v) => Key::Double(*v),
            Value::String(v) => Key::String(v.clone()),
            _ => return None,
        })
    }

    /// The key as a value.
    pub fn to_value(&self) -> Value<'a> {
        match self {
            Key::Bool(v) => Value::Bool(*v),
            Key::Int(v) => Value::Int(*v),
            Key::Uint(v) => Value::Uint(*v),
            Key::Double(v) => Value::Double(*v),
            Key::String(v) => Value::String(v.clone()),
        }
    }

    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Key::Bool(_) => "bool",
            Key::Int(_) => "int",
            Key::Uint(_) => "uint",
            Key::Double(_) => "double",
            Key::String(_) => "string",
        }
    }

    /// The key as a step of a path, where it is one.
    pub fn to_step(&self) -> Option<PathStep> {
        Some(match self {
            Key::Bool(v) => PathStep::BoolKey(*v),
            Key::Int(v) => PathStep::Index(*v),
            Key::Uint(v) => PathStep::UintKey(*v),
            Key::Double(_) => return None,
            Key::String(v) => PathStep::Field((**v).into()),
        })
    }

    fn into_owned(self) -> Key<'static> {
        match self {
            Key::Bool(v) => Key::Bool(v),
            Key::Int(v) => Key::Int(v),
            Key::Uint(v) => Key::Uint(v),
            Key::Double(v) => Key::Double(v),
            Key::String(v) => Key::String(v.into_owned()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Key::Bool(_) => 0,
            Key::Int(_) => 1,
            Key::Uint(_) => 2,
            Key::Double(_) => 3,
            Key::String(_) => 4,
        }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Bool(v) => write!(f, "{v}"),
            Key::Int(v) => write!(f, "{v}"),
            Key::Uint(v) => write!(f, "{v}"),
            Key::Double(v) => write!(f, "{v}"),
            Key::String(v) => f.write_str(v),
        }
    }
}

impl Ord for Key<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Key::String(a), Key::String(b)) => (**a).cmp(&**b),
            (Key::Bool(a), Key::Bool(b)) => a.cmp(b),
            (Key::Int(a), Key::Int(b)) => a.cmp(b),
            (Key::Uint(a), Key::Uint(b)) => a.cmp(b),
            (Key::Double(a), Key::Double(b)) => a.total_cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}
impl PartialOrd for Key<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl PartialEq for Key<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Key<'_> {}

/// The key itself and the keys of other numeric types with the same value: lookup goes across numeric types.
pub(crate) fn lookup_keys<'a>(key: &Key<'a>) -> [Option<Key<'a>>; 3] {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match key {
        Key::Int(v) => {
            [Some(key.clone()), u64::try_from(*v).ok().map(Key::Uint), Some(Key::Double(*v as f64))]
        }
        Key::Uint(v) => {
            [Some(key.clone()), i64::try_from(*v).ok().map(Key::Int), Some(Key::Double(*v as f64))]
        }
        Key::Double(v) if v.trunc() == *v => [
            Some(key.clone()),
            (-LIMIT..LIMIT).contains(v).then_some(Key::Int(*v as i64)),
            (0.0..2.0 * LIMIT).contains(v).then_some(Key::Uint(*v as u64)),
        ],
        Key::Bool(_) | Key::Double(_) | Key::String(_) => [Some(key.clone()), None, None],
    }
}

/// Equality of names: most that differ do so in length or in the last byte, most that don't are short.
#[inline]
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() || a.last() != b.last() {
        return false;
    }
    match a.len() {
        0..4 => a.iter().zip(b).all(|(a, b)| a == b),
        // The two parts overlap where the name is shorter than both together.
        4..=8 => a.first_chunk::<4>() == b.first_chunk() && a.last_chunk::<4>() == b.last_chunk(),
        9..=16 => a.first_chunk::<8>() == b.first_chunk() && a.last_chunk::<8>() == b.last_chunk(),
        _ => a == b,
    }
}

/// As many entries as one node of the tree holds: comparing lengths first is faster there than the order of texts.
pub(crate) const SMALL: usize = 11;

/// The property of this name.
pub(crate) fn property<'j>(
    object: &'j serde_json::Map<String, Json>,
    name: &str,
) -> Option<&'j Json> {
    if object.len() <= SMALL {
        return object.iter().find(|(key, _)| same_name(key, name)).map(|(_, json)| json);
    }
    object.get(name)
}

impl<'a> Map<'a> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        match self {
            Map::Json(map) => map.json.len(),
            Map::Owned(map) => map.len(),
        }
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the object type, for an object of a declared type.
    pub fn object_name(&self) -> Option<&'a Arc<str>> {
        match self {
            Map::Json(map) => match map.shape() {
                Shape::Object(object) => Some(&object.name),
                _ => None,
            },
            Map::Owned(_) => None,
        }
    }

    /// The value of a text key or of a field. A null property of a declared object counts as absent.
    pub fn get_str(&self, key: &str) -> Option<Result<Value<'a>, Box<ErrorKind>>> {
        match self {
            Map::Json(map) => {
                let (json, shape) = match map.shape() {
                    Shape::Map { value } => (property(map.json, key)?, *value),
                    Shape::Object(object) => {
                        let (json, shape) = match object.field(key) {
                            Some(field) => (property(map.json, &field.property)?, field.shape),
                            None if object.open => (property(map.json, key)?, Shapes::DYN),
                            None => return None,
                        };
                        if json.is_null() && object.null_is_absent() {
                            return None;
                        }
                        (json, shape)
                    }
                    _ => (property(map.json, key)?, Shapes::DYN),
                };
                Some(from_json(json, map.shapes, shape))
            }
            Map::Owned(map) => {
                let at = map
                    .binary_search_by(|(k, _)| match k {
                        Key::String(k) => (**k).cmp(key),
                        _ => Ordering::Less,
                    })
                    .ok()?;
                map.get(at).map(|(_, value)| Ok(value.clone()))
            }
        }
    }

    /// The value of a key; numbers of different types with the same value are the same key.
    pub fn get(&self, key: &Key<'_>) -> Option<Result<Value<'a>, Box<ErrorKind>>> {
        if let Key::String(key) = key {
            return self.get_str(key);
        }
        match self {
            Map::Json(_) => None,
            Map::Owned(map) => lookup_keys(key).into_iter().flatten().find_map(|key| {
                let at = map.binary_search_by(|(k, _)| k.cmp(&key)).ok()?;
                map.get(at).map(|(_, value)| Ok(value.clone()))
            }),
        }
    }

    /// The value of a key as [`Map::entries`] gives it: a property of a declared object by its own name.
    pub(crate) fn get_entry(&self, key: &Key<'_>) -> Option<Result<Value<'a>, Box<ErrorKind>>> {
        match (self, key) {
            (Map::Json(map), Key::String(key)) => {
                let (property, json) = match map.json.get_key_value(&**key) {
                    Some(found) => found,
                    None => match map.shape() {
                        Shape::Object(object) => {
                            map.json.get_key_value(&*object.field(key)?.property)?
                        }
                        _ => return None,
                    },
                };
                let (_, shape) = entry(map, property, json)?;
                Some(from_json(json, map.shapes, shape))
            }
            _ => self.get(key),
        }
    }

    /// All entries, sorted by key. Null fields of a declared object are left out.
    pub fn entries(&self) -> Entries<'_, 'a> {
        match self {
            Map::Json(map) => Entries::Json(map, map.json.iter()),
            Map::Owned(map) => Entries::Owned(map.iter()),
        }
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Map<'static> {
        let mut entries = MapBuilder::with_capacity(self.len());
        for (key, value) in self.entries() {
            entries.push(key.into_owned(), value.map_or(Value::Null, Value::into_owned));
        }
        entries.finish()
    }
}

/// The key and the type of the value of an entry; `None` for a null that counts as absent.
///
/// A property whose name is no name in the language goes by the longest name of its field: the escaped one.
fn entry<'a>(
    map: &Shaped<'a, serde_json::Map<String, Json>>,
    key: &'a str,
    json: &Json,
) -> Option<(&'a str, u32)> {
    Some(match map.shape() {
        Shape::Map { value } => (key, *value),
        Shape::Object(object) if json.is_null() && object.null_is_absent() => return None,
        Shape::Object(object) => {
            let fields = object.fields.iter().filter(|field| *field.property == *key);
            fields
                .max_by_key(|field| field.name.len())
                .map_or((key, Shapes::DYN), |field| (&*field.name, field.shape))
        }
        _ => (key, Shapes::DYN),
    })
}

/// The entries of a [`Map`].
#[expect(private_interfaces, reason = "made by Map::entries only")]
pub enum Entries<'m, 'a> {
    #[doc(hidden)]
    Json(&'m Shaped<'a, serde_json::Map<String, Json>>, serde_json::map::Iter<'a>),
    #[doc(hidden)]
    Owned(std::slice::Iter<'m, (Key<'a>, Value<'a>)>),
}

impl<'a> Iterator for Entries<'_, 'a> {
    type Item = (Key<'a>, Result<Value<'a>, Box<ErrorKind>>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Entries::Json(map, iter) => loop {
                let (key, json) = iter.next()?;
                let Some((name, shape)) = entry(map, key, json) else { continue };
                let value = from_json(json, map.shapes, shape);
                return Some((Key::String(Str::Borrowed(name)), value));
            },
            Entries::Owned(iter) => iter.next().map(|(k, v)| (k.clone(), Ok(v.clone()))),
        }
    }
}

/// Collects entries of a map; of entries with one key the last one stays.
#[derive(Debug, Default)]
pub struct MapBuilder<'a> {
    entries: Vec<(Key<'a>, Value<'a>)>,
}

impl<'a> MapBuilder<'a> {
    /// Without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Without entries, with room for some.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity) }
    }

    /// Adds an entry.
    pub fn push(&mut self, key: Key<'a>, value: Value<'a>) {
        self.entries.push((key, value));
    }

    /// The map.
    pub fn finish(self) -> Map<'a> {
        let mut entries = self.entries;
        // Stable, so that among equal keys the last one comes last.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        // `dedup_by` keeps the first of each run: the later entry is moved there.
        entries.dedup_by(|later, first| {
            let same = later.0 == first.0;
            if same {
                std::mem::swap(later, first);
            }
            same
        });
        Map::Owned(Arc::new(entries))
    }

    /// The map, unless a key stands twice; numbers of different types with the same value are the same key.
    ///
    /// # Errors
    /// The repeated key.
    pub fn finish_unique(self) -> Result<Map<'a>, Key<'a>> {
        let len = self.entries.len();
        let keys: Vec<Key<'a>> = self.entries.iter().map(|(k, _)| k.clone()).collect();
        let map = self.finish();
        let unique = map.len() == len
            && keys.iter().all(|key| {
                lookup_keys(key).into_iter().flatten().skip(1).all(|other| match &map {
                    Map::Owned(entries) => {
                        entries.binary_search_by(|(k, _)| k.cmp(&other)).is_err()
                    }
                    Map::Json(_) => true,
                })
            });
        if unique {
            return Ok(map);
        }
        let mut seen: Vec<&Key<'a>> = Vec::new();
        for key in &keys {
            let equal = lookup_keys(key);
            if seen.iter().any(|s| equal.iter().flatten().any(|k| k == *s)) {
                return Err(key.clone());
            }
            seen.push(key);
        }
        Ok(map)
    }
}
