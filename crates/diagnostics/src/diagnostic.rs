//! One mistake, warning or remark.

use std::fmt;

use crate::Code;
use crate::Place;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is taken, but probably does not do what its author wants.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

/// What is wrong, where, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which kind of mistake; stable over releases.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// One line, lower case, no full stop; names in backticks; expected and found.
    pub message: String,
    /// Where the mistake is.
    pub place: Place,
    /// Other places that belong to it, each with what it has to do with it.
    pub labels: Vec<(Place, String)>,
    /// What to do about it, in one line.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake because of which the document is refused.
    #[must_use]
    pub fn error(code: Code, place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, place, message)
    }

    /// Something that is legal but suspicious.
    #[must_use]
    pub fn warning(code: Code, place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, place, message)
    }

    /// A diagnostic of any severity, without labels and help.
    #[must_use]
    pub fn new(
        code: Code,
        severity: Severity,
        place: impl Into<Place>,
        message: impl Into<String>,
    ) -> Self {
        let (message, place) = (message.into(), place.into());
        Self { code, severity, message, place, labels: Vec::new(), help: None }
    }

    /// Adds another place and what it has to do with the mistake.
    #[must_use]
    pub fn with_label(mut self, place: impl Into<Place>, text: impl Into<String>) -> Self {
        self.labels.push((place.into(), text.into()));
        self
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// What diagnostics are ordered by: the place, then what is said there.
    pub(crate) fn order(&self) -> (&Place, Severity, Code, &str, Option<&str>) {
        (&self.place, self.severity, self.code, &self.message, self.help.as_deref())
    }
}

impl fmt::Display for Diagnostic {
    /// `path: message (help)`, in one line: what a Kubernetes condition carries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.path.is_root() {
            write!(f, "{}: ", self.place)?;
        }
        one_line(f, &self.message)?;
        if let Some(help) = &self.help {
            f.write_str(" (")?;
            one_line(f, help)?;
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// Writes `text` without line breaks, whatever a name that it quotes contains.
fn one_line(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for (position, line) in text.split(['\n', '\r']).enumerate() {
        if position > 0 {
            f.write_str(" ")?;
        }
        f.write_str(line)?;
    }
    Ok(())
}
