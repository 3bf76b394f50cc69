//! Mistakes as people read them: the line, and a caret under it.

use std::io::{self, Write as _};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use diagnostics::Severity;

use crate::report::{Finding, Findings, Source};
use crate::terminal::Stream;

pub(super) fn write(findings: &Findings, stream: &mut Stream) -> io::Result<()> {
    let renderer = if stream.styled { Renderer::styled() } else { Renderer::plain() };
    for finding in &findings.list {
        let source = &findings.sources[finding.source];
        writeln!(stream, "{}\n", render(&renderer, source, finding))?;
    }
    Ok(())
}

fn render(renderer: &Renderer, source: &Source, finding: &Finding) -> String {
    let diagnostic = &finding.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let code = diagnostic.code.to_string();
    let shown = first_line(&source.text, &finding.span);
    let mut snippet = Snippet::source(source.text.as_str())
        .path(source.name.as_str())
        .annotation(AnnotationKind::Primary.span(shown));
    for (span, label) in &finding.labels {
        let shown = first_line(&source.text, span);
        snippet = snippet.annotation(AnnotationKind::Context.span(shown).label(label.as_str()));
    }
    let mut group = level.primary_title(diagnostic.message.as_str()).id(code).element(snippet);
    if !diagnostic.place.path.is_root() {
        group = group.element(Level::NOTE.message(format!("at {}", diagnostic.place.path)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// A span that covers several lines is shown at its first: the block below it says nothing more.
fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let length = text.len();
    let (start, end) = (span.start.min(length), span.end.min(length));
    match text.get(start..end).and_then(|part| part.find('\n')) {
        Some(0) | None => start..end,
        Some(at) => start..start + at,
    }
}
