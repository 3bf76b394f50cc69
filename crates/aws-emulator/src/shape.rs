//! Shapes: what a document may contain, as data.
//!
//! An operation's input is a table of members. The two codecs ([`json`], [`xml`]) read a request by
//! its shape, so that an element or member that no table names can't get through unseen, and write a
//! response by its shape, so that what is stored and what is answered have the same names. Adding a
//! member is one row.

pub(crate) mod json;
pub(crate) mod xml;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// A string.
    Text(Text),
    /// A whole number within bounds.
    Int {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
    },
    /// `true` or `false`.
    Bool,
    /// A point in time: seconds since the epoch in JSON.
    Time,
    /// A list; in XML its entries are elements called `entry`.
    List {
        /// What each entry is.
        item: &'static Shape,
        /// Fewest entries.
        min: usize,
        /// Most entries.
        max: usize,
        /// How XML writes it.
        layout: Layout,
    },
    /// Any names, with strings as their values.
    Map {
        /// Most entries.
        max: usize,
    },
    /// Named members.
    Struct(&'static [Member]),
}

/// How XML writes a list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// `<Name><Entry/><Entry/></Name>`; the text is the entry's element name.
    Wrapped(&'static str),
    /// `<Name/><Name/>`.
    Flat,
}

/// What a string may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    /// Fewest characters.
    pub(crate) min: usize,
    /// Most characters.
    pub(crate) max: usize,
    /// The only values allowed, in AWS's order; empty for any.
    pub(crate) one_of: &'static [&'static str],
    /// A rule on the characters.
    pub(crate) pattern: Option<Pattern>,
}

/// A rule on characters, with the expression that AWS quotes when it is broken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    /// The regular expression, as AWS prints it.
    pub(crate) text: &'static str,
    /// Whether a whole string satisfies it.
    pub(crate) matches: fn(&str) -> bool,
}

/// A member of a struct.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// What it may be.
    pub(crate) shape: Shape,
    /// Whether it must be there.
    pub(crate) required: bool,
    /// Whether XML writes it as an attribute.
    pub(crate) attribute: bool,
}

/// A member that must be there.
pub(crate) const fn req(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: true, attribute: false }
}

/// A member that may be absent.
pub(crate) const fn opt(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: false, attribute: false }
}

/// A member that must be there and that XML writes as an attribute.
pub(crate) const fn attribute(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: true, attribute: true }
}

/// A string of `min..=max` characters.
pub(crate) const fn text(min: usize, max: usize) -> Shape {
    Shape::Text(Text { min, max, one_of: &[], pattern: None })
}

/// A string of `min..=max` characters that satisfies a pattern.
pub(crate) const fn text_like(min: usize, max: usize, pattern: Pattern) -> Shape {
    Shape::Text(Text { min, max, one_of: &[], pattern: Some(pattern) })
}

/// One of a set of strings.
pub(crate) const fn one_of(values: &'static [&'static str]) -> Shape {
    Shape::Text(Text { min: 0, max: usize::MAX, one_of: values, pattern: None })
}

/// A whole number in `min..=max`.
pub(crate) const fn int(min: i64, max: i64) -> Shape {
    Shape::Int { min, max }
}

/// A list of `min..=max` entries; XML wraps them in elements called `entry`.
pub(crate) const fn list(
    item: &'static Shape,
    min: usize,
    max: usize,
    entry: &'static str,
) -> Shape {
    Shape::List { item, min, max, layout: Layout::Wrapped(entry) }
}

/// A list of `min..=max` entries that XML repeats without a wrapper.
pub(crate) const fn flat(item: &'static Shape, min: usize, max: usize) -> Shape {
    Shape::List { item, min, max, layout: Layout::Flat }
}
