//! What is at rest in a cache.

use serde_json::Value;

/// A JSON value as text. A tree of maps takes several times the memory; reading it anew takes
/// microseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Box<str>);

impl Text {
    /// Writes `value`.
    pub fn of(value: &Value) -> Text {
        // A copy, since the text has grown in a buffer of up to twice its length.
        Text(value.to_string().as_str().into())
    }

    /// The value.
    pub fn read(&self) -> Value {
        serde_json::from_str(&self.0).expect("invariant: it was JSON before it was text")
    }
}
