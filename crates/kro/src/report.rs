//! Mistakes in files, and the forms in which they are shown.

use std::io::{self, Write as _};
use std::ops::Range;

use diagnostics::source::{LineColumn, Lines, SourceMap};
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Severity};
use serde_json::{Value, json};

use crate::terminal::Stream;
use crate::{Exit, emit};

mod github;
mod sarif;
mod text;

/// How mistakes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
    /// The same as YAML.
    Yaml,
    /// SARIF 2.1.0, which code hosts and editors read.
    Sarif,
    /// Annotations of a GitHub workflow.
    Github,
}

/// A text that was looked at.
pub(crate) struct Source {
    /// What people call it: a path, `<stdin>`, `<expression>`.
    pub(crate) name: String,
    /// What stands in it.
    pub(crate) text: String,
    lines: Lines,
}

/// A mistake, and where in which text it is.
pub(crate) struct Finding {
    /// Position of the text in [`Findings::sources`].
    pub(crate) source: usize,
    /// The mistake.
    pub(crate) diagnostic: Diagnostic,
    /// Bytes of the text.
    pub(crate) span: Range<usize>,
    /// Other places in the text that belong to it.
    pub(crate) labels: Vec<(Range<usize>, String)>,
}

/// All mistakes of one run.
#[derive(Default)]
pub(crate) struct Findings {
    /// The texts that were looked at.
    pub(crate) sources: Vec<Source>,
    /// The mistakes, in the order of the texts and of the places in them after [`Findings::sort`].
    pub(crate) list: Vec<Finding>,
}

// === impl Source ===

impl Source {
    /// A text and its name.
    #[must_use]
    pub(crate) fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { name: name.into(), lines: Lines::of(&text), text }
    }

    /// Line and column of an offset.
    #[must_use]
    pub(crate) fn position(&self, offset: usize) -> LineColumn {
        self.lines.position(&self.text, offset)
    }
}

// === impl Findings ===

impl Findings {
    /// Adds a text; the number is its position.
    pub(crate) fn add_source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Adds what was found in the document of `source` that `map` describes.
    pub(crate) fn add(&mut self, source: usize, map: &SourceMap, found: Diagnostics) {
        for diagnostic in found {
            let span = map.span(&diagnostic.place).unwrap_or(0..0);
            let labels = diagnostic.labels.iter();
            let labels = labels
                .filter_map(|(place, text)| Some((map.span(place)?, text.clone())))
                .filter(|(label, _)| *label != span)
                .collect();
            self.list.push(Finding { source, diagnostic, span, labels });
        }
    }

    /// Adds one mistake at bytes of `source`.
    pub(crate) fn add_at(&mut self, source: usize, span: Range<usize>, diagnostic: Diagnostic) {
        self.list.push(Finding { source, diagnostic, span, labels: Vec::new() });
    }

    /// Adds one mistake that is at no path of a document: in an expression, in YAML that is none.
    pub(crate) fn add_bare(
        &mut self,
        source: usize,
        span: Range<usize>,
        code: Code,
        severity: Severity,
        message: impl Into<String>,
    ) {
        let diagnostic = Diagnostic::new(code, severity, FieldPath::root(), message);
        self.add_at(source, span, diagnostic);
    }

    /// Orders the mistakes by text, then by place.
    pub(crate) fn sort(&mut self) {
        self.list.sort_by_key(|finding| (finding.source, finding.span.start, finding.span.end));
    }

    /// How many have this severity.
    #[must_use]
    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|finding| finding.diagnostic.severity == severity).count()
    }

    /// Whether any is an error.
    #[must_use]
    pub(crate) fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// The exit code that follows from them.
    #[must_use]
    pub(crate) fn exit(&self) -> Exit {
        if self.has_errors() { Exit::Mistakes } else { Exit::Good }
    }

    /// Shows them; `checked` says what was looked at (`3 definitions`).
    ///
    /// Text goes to both streams: mistakes to `err`, the summary of a good run to `out`; all
    /// other forms go to `out`.
    ///
    /// # Errors
    /// When the stream can't be written.
    pub(crate) fn show(
        &self,
        output: Output,
        out: &mut Stream,
        err: &mut Stream,
        checked: &str,
    ) -> io::Result<()> {
        match output {
            Output::Text => {
                self.show_text(err)?;
                if self.has_errors() {
                    writeln!(err, "{}", self.summary(err))
                } else {
                    err.flush()?;
                    let mistakes = match self.count(Severity::Warning) {
                        0 => "no mistakes".to_owned(),
                        count => format!("no errors, {}", counted(count, "warning")),
                    };
                    writeln!(out, "{} {checked}: {mistakes}", out.green("ok:"))
                }
            }
            Output::Json => emit::json(out, &self.to_json()),
            Output::Yaml => emit::yaml(out, &self.to_json()),
            Output::Sarif => emit::json(out, &sarif::log(self)),
            Output::Github => github::write(self, out),
        }
    }

    /// Shows them to people.
    ///
    /// # Errors
    /// When the stream can't be written.
    pub(crate) fn show_text(&self, err: &mut Stream) -> io::Result<()> {
        text::write(self, err)
    }

    /// The last line: how many there are, and where one learns more.
    #[must_use]
    pub(crate) fn summary(&self, stream: &Stream) -> String {
        let mut counts = Vec::new();
        for (severity, noun) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
            match self.count(severity) {
                0 => {}
                count => counts.push(counted(count, noun)),
            }
        }
        let mut codes: Vec<Code> =
            self.list.iter().map(|finding| finding.diagnostic.code).collect();
        codes.dedup();
        let hint = match codes.first() {
            Some(code) => format!("; `kro explain {code}` says more"),
            None => String::new(),
        };
        let counts = counts.join(", ");
        let counts = if self.has_errors() { stream.red(&counts) } else { stream.yellow(&counts) };
        format!("{counts}{hint}")
    }

    fn to_json(&self) -> Value {
        let list: Vec<Value> = self.list.iter().map(|finding| self.finding_json(finding)).collect();
        json!({
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "findings": list,
        })
    }

    fn finding_json(&self, finding: &Finding) -> Value {
        let source = &self.sources[finding.source];
        let diagnostic = &finding.diagnostic;
        let place = |span: &Range<usize>| {
            let (start, end) = (source.position(span.start), source.position(span.end));
            json!({
                "line": start.line,
                "column": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            })
        };
        let labels: Vec<Value> = (finding.labels.iter())
            .map(|(span, text)| json!({ "message": text, "span": place(span) }))
            .collect();
        let mut value = json!({
            "code": diagnostic.code.to_string(),
            "severity": diagnostic.severity.to_string(),
            "message": diagnostic.message,
            "file": source.name,
            "span": place(&finding.span),
        });
        if !diagnostic.place.path.is_root() {
            value["path"] = diagnostic.place.path.to_string().into();
        }
        if let Some(help) = &diagnostic.help {
            value["help"] = help.as_str().into();
        }
        if !labels.is_empty() {
            value["labels"] = labels.into();
        }
        value
    }
}

/// `1 error`, `2 errors`.
#[must_use]
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
