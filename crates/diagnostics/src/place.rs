//! Where in a document a diagnostic points.

use std::fmt;
use std::ops::Range;

use crate::FieldPath;

/// Which part of the entry at a path is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Anchor {
    /// The value (the default).
    #[default]
    Value,
    /// The key under which the value stands: a field that must not be there, a bad name.
    Key,
}

/// Where something is inside one document.
///
/// A source map over the document's text turns it into a span of the file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// The value that is meant.
    pub path: FieldPath,
    /// Its value or its key.
    pub anchor: Anchor,
    /// The bytes inside the decoded text of the scalar (or of the key) at `path`; the whole of it
    /// if `None`. Inside an expression of a template the range counts from the beginning of the
    /// scalar, not of the expression.
    pub range: Option<Range<u32>>,
}

impl Place {
    /// The whole value at `path`.
    #[must_use]
    pub fn value(path: FieldPath) -> Self {
        Self { path, anchor: Anchor::Value, range: None }
    }

    /// The key of the entry at `path`.
    #[must_use]
    pub fn key(path: FieldPath) -> Self {
        Self { path, anchor: Anchor::Key, range: None }
    }

    /// A part of the scalar at `path`, in bytes of its decoded text.
    ///
    /// Offsets beyond four gigabytes are clamped.
    #[must_use]
    pub fn inside(path: FieldPath, range: Range<usize>) -> Self {
        let clamp = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let range = clamp(range.start)..clamp(range.end);
        Self { path, anchor: Anchor::Value, range: Some(range) }
    }

    /// The same place in a document into which this one's document is embedded at `prefix`.
    #[must_use]
    pub fn under(&self, prefix: &FieldPath) -> Self {
        Self { path: prefix.join(&self.path), anchor: self.anchor, range: self.range.clone() }
    }

    /// What places are ordered by: path, then the beginning of the range.
    fn order(&self) -> (&FieldPath, Anchor, u32, u32) {
        let range = self.range.as_ref().map_or((0, u32::MAX), |range| (range.start, range.end));
        (&self.path, self.anchor, range.0, range.1)
    }
}

impl From<FieldPath> for Place {
    fn from(path: FieldPath) -> Self {
        Self::value(path)
    }
}

impl From<&FieldPath> for Place {
    fn from(path: &FieldPath) -> Self {
        Self::value(path.clone())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl fmt::Display for Place {
    /// The path; the range has no meaning without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}
