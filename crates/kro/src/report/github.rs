//! Mistakes as workflow commands, which GitHub shows at the lines of a pull request.

use std::io::{self, Write as _};

use diagnostics::Severity;

use crate::report::Findings;
use crate::terminal::Stream;

pub(super) fn write(findings: &Findings, out: &mut Stream) -> io::Result<()> {
    for finding in &findings.list {
        let source = &findings.sources[finding.source];
        let diagnostic = &finding.diagnostic;
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let (start, end) = (source.position(finding.span.start), source.position(finding.span.end));
        let mut message = diagnostic.message.clone();
        if !diagnostic.place.path.is_root() {
            message = format!("{message}\nat {}", diagnostic.place.path);
        }
        if let Some(help) = &diagnostic.help {
            message = format!("{message}\n{help}");
        }
        let code = diagnostic.code;
        // Columns only have a meaning for GitHub when the span is on one line.
        let columns = match start.line == end.line {
            true => format!(",col={},endColumn={}", start.column, end.column),
            false => String::new(),
        };
        writeln!(
            out,
            "::{command} file={},line={},endLine={}{columns},title={code}::{}",
            property(&source.name),
            start.line,
            end.line,
            data(&message),
        )?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
