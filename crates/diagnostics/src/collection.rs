//! Many diagnostics in a settled order.

use std::fmt;

use crate::Diagnostic;
use crate::FieldPath;
use crate::Place;
use crate::Severity;

/// Everything that was found in one run, in the order in which it was found.
///
/// Analyses return `(T, Diagnostics)` rather than stopping at the first mistake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diagnostics {
    all: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Nothing found so far.
    #[must_use]
    pub const fn new() -> Self {
        Self { all: Vec::new() }
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.all.push(diagnostic);
    }

    /// Adds all of `other`, found in a document that is embedded into this one at `prefix`.
    pub fn extend_under(&mut self, prefix: &FieldPath, other: Self) {
        self.all.extend(other.all.into_iter().map(|mut diagnostic| {
            let under = |place: &Place| place.under(prefix);
            diagnostic.place = under(&diagnostic.place);
            for (place, _) in &mut diagnostic.labels {
                *place = under(place);
            }
            diagnostic
        }));
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.all.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// The errors alone, in order.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter().filter(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many were found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// All of them, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.all.iter()
    }

    /// The same, ordered by place and then by severity, code and text; what was found twice stays
    /// once.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.all.sort_by(|a, b| a.order().cmp(&b.order()));
        self.all.dedup();
        self
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        self.all.extend(diagnostics);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        Self { all: diagnostics.into_iter().collect() }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { all: vec![diagnostic] }
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl fmt::Display for Diagnostics {
    /// One diagnostic per line, without a line break at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.all.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}
