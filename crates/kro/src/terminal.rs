//! Where output goes, and whether it may have colours.

use std::io::{self, IsTerminal as _, Write};

/// Standard input, output and error of one run.
pub(crate) struct Terminal {
    /// Results.
    pub(crate) out: Stream,
    /// Everything else that people read: mistakes, progress, summaries.
    pub(crate) err: Stream,
}

/// One of the two output streams.
pub(crate) struct Stream {
    writer: Box<dyn Write>,
    /// Whether escape sequences for colours are welcome.
    pub(crate) styled: bool,
}

/// When output has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

// === impl Terminal ===

impl Terminal {
    /// The process's own streams.
    #[must_use]
    pub(crate) fn of_process(color: Color) -> Self {
        // https://no-color.org: any value but the empty one.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let styled = |is_terminal: bool| match color {
            Color::Auto => is_terminal && !refused,
            Color::Always => true,
            Color::Never => false,
        };
        let (out, err) = (io::stdout(), io::stderr());
        let (out_styled, err_styled) = (styled(out.is_terminal()), styled(err.is_terminal()));
        let out = Box::new(io::BufWriter::new(out.lock()));
        Self {
            out: Stream { writer: out, styled: out_styled },
            err: Stream { writer: Box::new(err), styled: err_styled },
        }
    }
}

// === impl Stream ===

impl Stream {
    /// `text` dimmed.
    #[must_use]
    pub(crate) fn dim(&self, text: &str) -> String {
        self.paint("2", text)
    }

    /// `text` in red.
    #[must_use]
    pub(crate) fn red(&self, text: &str) -> String {
        self.paint("31", text)
    }

    /// `text` in green.
    #[must_use]
    pub(crate) fn green(&self, text: &str) -> String {
        self.paint("32", text)
    }

    /// `text` in yellow.
    #[must_use]
    pub(crate) fn yellow(&self, text: &str) -> String {
        self.paint("33", text)
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.styled && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
