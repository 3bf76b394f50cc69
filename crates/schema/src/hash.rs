//! Hashes and equality of JSON values, the same for the same content.

use std::fmt;

use serde_json::Number;
use serde_json::Value;
use sha2::Digest;
use sha2::Sha256;

/// A hash of a JSON value's content: the order of keys and how a number is written (`1`, `1.0`)
/// do not matter.
///
/// Half of a SHA-256: nobody can make two objects that an unchanged-check takes for one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 16]);

impl ContentHash {
    /// The hash of a value.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self::of_part(Part::Value(value))
    }

    /// The hash of a value of which only parts count: that of the value without the other parts.
    #[must_use]
    pub fn of_part(part: Part<'_>) -> Self {
        let mut hasher = Sha256::new();
        feed_part(&mut hasher, part);
        let digest: [u8; 32] = hasher.finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

impl fmt::Display for ContentHash {
    /// Lower-case hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A value that is put together of parts of others.
#[derive(Debug, Clone)]
pub enum Part<'a> {
    /// A whole value.
    Value(&'a Value),
    /// An object with these fields; no name comes twice.
    Fields(Vec<(&'a str, Part<'a>)>),
}

fn feed_part(hasher: &mut Sha256, part: Part<'_>) {
    match part {
        Part::Value(value) => feed(hasher, value),
        Part::Fields(fields) => feed_fields(hasher, fields, feed_part),
    }
}

/// Feeds an encoding that no two different values share: a tag, and a length where one is needed.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hasher.update(b"0"),
        Value::Bool(false) => hasher.update(b"f"),
        Value::Bool(true) => hasher.update(b"t"),
        Value::Number(number) => match canonical(number) {
            Canonical::Whole(whole) => {
                hasher.update(b"i");
                hasher.update(whole.to_le_bytes());
            }
            Canonical::Float(float) => {
                hasher.update(b"d");
                hasher.update(float.to_le_bytes());
            }
        },
        Value::String(text) => feed_text(hasher, b"s", text),
        Value::Array(items) => {
            feed_length(hasher, b"a", items.len());
            for item in items {
                feed(hasher, item);
            }
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.as_str(), value)).collect();
            feed_fields(hasher, fields, feed);
        }
    }
}

fn feed_fields<T>(hasher: &mut Sha256, mut fields: Vec<(&str, T)>, feed: fn(&mut Sha256, T)) {
    feed_length(hasher, b"o", fields.len());
    // Sorted here: whether the map is sorted depends on a feature of its crate.
    fields.sort_unstable_by_key(|(key, _)| *key);
    for (key, value) in fields {
        feed_text(hasher, b"k", key);
        feed(hasher, value);
    }
}

fn feed_length(hasher: &mut Sha256, tag: &[u8], length: usize) {
    hasher.update(tag);
    hasher.update((length as u64).to_le_bytes());
}

fn feed_text(hasher: &mut Sha256, tag: &[u8], text: &str) {
    feed_length(hasher, tag, text.len());
    hasher.update(text);
}

#[derive(PartialEq)]
enum Canonical {
    Whole(i128),
    Float(f64),
}

fn canonical(number: &Number) -> Canonical {
    /// Up to here every whole float is one integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Some(whole) = number.as_i128() {
        return Canonical::Whole(whole);
    }
    let float = number.as_f64().unwrap_or_default();
    if float.fract() == 0.0 && float.abs() <= EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within ±2^53")]
        Canonical::Whole(float as i128)
    } else {
        Canonical::Float(float)
    }
}

/// Whether two values have the same content; numbers are compared as numbers.
#[must_use]
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || canonical(a) == canonical(b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| b.get(key).is_some_and(|value| same(a, value)))
        }
        _ => a == b,
    }
}
