//! Paths to values inside a document.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::str::FromStr;
use std::sync::Arc;

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// The value of a key of a mapping.
    Field(Arc<str>),
    /// An element of a list, counted from zero.
    Index(usize),
}

/// The way from the root of a document to one of its values.
///
/// Prints as people write it: `spec.resources[2].template.spec.env[0].value`; keys that are no
/// plain identifiers are put in brackets and quotes: `metadata.annotations["kro.run/reconcile"]`.
/// The root itself prints as nothing.
///
/// Cloning and appending a segment take constant time: paths share their beginnings.
/// Paths are ordered segment by segment, list elements by their number.
#[derive(Clone, Default)]
pub struct FieldPath(Option<Arc<Node>>);

struct Node {
    parent: FieldPath,
    segment: Segment,
    depth: usize,
}

impl FieldPath {
    /// The path of the document itself.
    #[must_use]
    pub const fn root() -> Self {
        Self(None)
    }

    /// The path of the value under key `name`.
    #[must_use]
    pub fn field(&self, name: impl Into<Arc<str>>) -> Self {
        self.child(Segment::Field(name.into()))
    }

    /// The path of list element `index`.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.child(Segment::Index(index))
    }

    /// This path with one more segment.
    #[must_use]
    pub fn child(&self, segment: Segment) -> Self {
        let depth = self.depth() + 1;
        Self(Some(Arc::new(Node { parent: self.clone(), segment, depth })))
    }

    /// This path followed by all segments of `tail`.
    #[must_use]
    pub fn join(&self, tail: &Self) -> Self {
        tail.segments().into_iter().fold(self.clone(), |path, segment| path.child(segment.clone()))
    }

    /// The path without its last segment; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<&Self> {
        self.0.as_ref().map(|node| &node.parent)
    }

    /// The last segment; `None` for the root.
    #[must_use]
    pub fn last(&self) -> Option<&Segment> {
        self.0.as_ref().map(|node| &node.segment)
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// The number of segments.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.depth)
    }

    /// All segments, from the root on.
    #[must_use]
    pub fn segments(&self) -> Vec<&Segment> {
        let mut segments = Vec::with_capacity(self.depth());
        let mut at = self;
        while let Some(node) = &at.0 {
            segments.push(&node.segment);
            at = &node.parent;
        }
        segments.reverse();
        segments
    }

    /// Whether `prefix` is this path or leads to it.
    #[must_use]
    pub fn starts_with(&self, prefix: &Self) -> bool {
        let mut at = self;
        while at.depth() > prefix.depth() {
            match &at.0 {
                Some(node) => at = &node.parent,
                None => return false,
            }
        }
        at == prefix
    }
}

impl Drop for Node {
    /// Releases a chain of parents in a loop: a path as deep as its (untrusted) document must not
    /// take a stack frame per segment.
    fn drop(&mut self) {
        let mut next = self.parent.0.take();
        while let Some(node) = next {
            match Arc::try_unwrap(node) {
                Ok(mut node) => next = node.parent.0.take(),
                Err(_) => break,
            }
        }
    }
}

impl PartialEq for FieldPath {
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self, other);
        if a.depth() != b.depth() {
            return false;
        }
        loop {
            match (&a.0, &b.0) {
                (None, None) => return true,
                (Some(x), Some(y)) if Arc::ptr_eq(x, y) => return true,
                (Some(x), Some(y)) if x.segment == y.segment => (a, b) = (&x.parent, &y.parent),
                (Some(_) | None, Some(_)) | (Some(_), None) => return false,
            }
        }
    }
}

impl Eq for FieldPath {}

impl PartialOrd for FieldPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for FieldPath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.segments().cmp(&other.segments())
    }
}

impl Hash for FieldPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.depth().hash(state);
        let mut at = self;
        while let Some(node) = &at.0 {
            node.segment.hash(state);
            at = &node.parent;
        }
    }
}

impl FromIterator<Segment> for FieldPath {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        segments.into_iter().fold(Self::root(), |path, segment| path.child(segment))
    }
}

fn is_plain(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments().into_iter().enumerate() {
            match segment {
                Segment::Field(key) if is_plain(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    f.write_str(key)?;
                }
                Segment::Field(key) => {
                    f.write_str("[\"")?;
                    for c in key.chars() {
                        match c {
                            '"' => f.write_str("\\\"")?,
                            '\\' => f.write_str("\\\\")?,
                            '\n' => f.write_str("\\n")?,
                            '\t' => f.write_str("\\t")?,
                            '\r' => f.write_str("\\r")?,
                            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                            c => write!(f, "{c}")?,
                        }
                    }
                    f.write_str("\"]")?;
                }
                Segment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

/// A text that is not a path as [`FieldPath`] prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsePathError {
    /// Where in the text reading stopped, in bytes.
    pub offset: usize,
}

impl fmt::Display for ParsePathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a field path from byte {} on", self.offset)
    }
}

impl std::error::Error for ParsePathError {}

impl FromStr for FieldPath {
    type Err = ParsePathError;

    /// Reads what [`Display`](fmt::Display) prints.
    fn from_str(text: &str) -> Result<Self, ParsePathError> {
        let mut path = Self::root();
        let mut rest = text;
        while !rest.is_empty() {
            let offset = text.len() - rest.len();
            let error = ParsePathError { offset };
            if let Some(quoted) = rest.strip_prefix("[\"") {
                let (key, after) = unquote(quoted).ok_or(error)?;
                path = path.field(key);
                rest = after;
            } else if let Some(number) = rest.strip_prefix('[') {
                let (digits, after) = number.split_once(']').ok_or_else(|| error.clone())?;
                path = path.index(digits.parse().map_err(|_| error)?);
                rest = after;
            } else {
                let plain =
                    if path.is_root() { rest } else { rest.strip_prefix('.').unwrap_or("") };
                let end = plain.find(['.', '[']).unwrap_or(plain.len());
                let (key, after) = plain.split_at(end);
                if !is_plain(key) {
                    return Err(error);
                }
                path = path.field(key);
                rest = after;
            }
        }
        Ok(path)
    }
}

/// Reads a quoted key up to and including `"]`.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return text[at + 1..].strip_prefix(']').map(|rest| (key, rest)),
            '\\' => match chars.next()?.1 {
                'n' => key.push('\n'),
                't' => key.push('\t'),
                'r' => key.push('\r'),
                'u' => {
                    let (from, _) = chars.next().filter(|(_, c)| *c == '{')?;
                    let (to, _) = chars.find(|(_, c)| *c == '}')?;
                    let number = u32::from_str_radix(&text[from + 1..to], 16).ok()?;
                    key.push(char::from_u32(number)?);
                }
                c => key.push(c),
            },
            c => key.push(c),
        }
    }
    None
}
