//! How the decoded text of a scalar lies in the file.
//!
//! The parser decodes; this finds out where each piece came from, by following both texts. Where
//! they cannot be followed (which would be a mistake here), the scalar is placed as a whole.

use std::ops::Range;

use granit_parser::ScalarStyle;

use crate::source::Run;
use crate::source::Text;

/// The place of a scalar that stands at `span` of `file`.
pub(super) fn text(file: &str, span: &Range<usize>, style: ScalarStyle, decoded: &str) -> Text {
    let raw = file.get(span.clone()).unwrap_or_default();
    let mut follow = Follow { decoded, done: 0, base: span.start, runs: Vec::new() };
    let followed = match style {
        ScalarStyle::Plain => follow.plain(raw),
        ScalarStyle::SingleQuoted => {
            let inner = raw.strip_prefix('\'').and_then(|raw| raw.strip_suffix('\''));
            inner.and_then(|inner| follow.single_quoted(inner))
        }
        ScalarStyle::DoubleQuoted => {
            let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
            inner.and_then(|inner| follow.double_quoted(inner))
        }
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let line = file
                .get(..span.start)
                .map_or(0, |before| before.rfind('\n').map_or(0, |at| at + 1));
            follow.block(raw, span.start - line)
        }
    };
    let rest = &decoded[follow.done..];
    // What is left can only be the line breaks at the end of a block.
    let complete = followed.is_some() && rest.chars().all(|c| c == '\n');
    let span = span.start..span.start + raw.trim_end().len();
    let runs = if complete { follow.runs } else { Vec::new() };
    Text { span, runs }
}

struct Follow<'a> {
    decoded: &'a str,
    /// How much of the decoded text was found.
    done: usize,
    /// Where the raw text begins in the file.
    base: usize,
    runs: Vec<Run>,
}

impl Follow<'_> {
    fn rest(&self) -> &str {
        &self.decoded[self.done..]
    }

    /// The next `raw_length` raw bytes at `raw` stand for the next `length` decoded bytes.
    fn push(&mut self, raw: usize, raw_length: usize, length: usize) {
        let (decoded, file) = (self.done, self.base + raw);
        self.runs.push(Run { decoded, decoded_length: length, file, file_length: raw_length });
        self.done += length;
    }

    /// Raw text that stands for itself.
    fn verbatim(&mut self, raw: usize, text: &str) -> Option<()> {
        self.rest().starts_with(text).then(|| self.push(raw, text.len(), text.len()))
    }

    /// Passes over the blank or the line breaks that stand for breaks of raw lines, up to `text`.
    fn join(&mut self, raw: usize, text: &str) -> Option<()> {
        let joined = self.rest().len() - self.rest().trim_start_matches([' ', '\n']).len();
        // As few as possible: `text` itself may begin with blanks.
        let length = (0..=joined).find(|length| self.rest()[*length..].starts_with(text))?;
        if length > 0 {
            self.push(raw, 0, length);
        }
        Some(())
    }

    fn plain(&mut self, raw: &str) -> Option<()> {
        let mut at = 0;
        for line in raw.split_inclusive('\n') {
            let start = at + line.len() - line.trim_start().len();
            let text = line.trim();
            if !text.is_empty() {
                self.join(start, text)?;
                self.verbatim(start, text)?;
            }
            at += line.len();
        }
        Some(())
    }

    /// The parser's span of a block scalar begins at the content of its first line that has any,
    /// `indent` bytes into that line; every further line is indented as much.
    fn block(&mut self, raw: &str, indent: usize) -> Option<()> {
        let mut at = 0;
        for line in raw.split_inclusive('\n') {
            let text = line.trim_end_matches(['\n', '\r']);
            let blanks = text.len() - text.trim_start_matches(' ').len();
            let skip = if at == 0 { 0 } else { blanks.min(indent) };
            let text = &text[skip..];
            if !text.is_empty() {
                self.join(at + skip, text)?;
                self.verbatim(at + skip, text)?;
            }
            at += line.len();
        }
        Some(())
    }

    fn single_quoted(&mut self, inner: &str) -> Option<()> {
        let mut at = 1;
        for (number, line) in inner.split_inclusive('\n').enumerate() {
            let first = number == 0;
            let last = !line.ends_with('\n');
            let text = if first { line } else { line.trim_start() };
            let start = at + line.len() - text.len();
            let text = if last { text } else { text.trim_end() };
            let mut piece_at = start;
            let mut fresh = !first;
            for (position, piece) in text.split("''").enumerate() {
                if position > 0 {
                    if std::mem::take(&mut fresh) {
                        self.join(piece_at, "'")?;
                    }
                    self.rest().starts_with('\'').then(|| self.push(piece_at, 2, 1))?;
                    piece_at += 2;
                }
                if !piece.is_empty() {
                    if std::mem::take(&mut fresh) {
                        self.join(piece_at, piece)?;
                    }
                    self.verbatim(piece_at, piece)?;
                    piece_at += piece.len();
                }
            }
            at += line.len();
        }
        self.rest().trim_matches([' ', '\n']).is_empty().then(|| self.done = self.decoded.len())
    }

    fn double_quoted(&mut self, inner: &str) -> Option<()> {
        let mut rest = inner;
        let at = |rest: &str| 1 + inner.len() - rest.len();
        while let Some(c) = rest.chars().next() {
            if c == '\\' {
                let after = &rest[1..];
                let escape = after.chars().next()?;
                if matches!(escape, '\n' | '\r') {
                    // A line that goes on: nothing, with the blanks before the next one.
                    rest = after.trim_start();
                    continue;
                }
                let length = 1 + match escape {
                    'x' => 3,
                    'u' => 5,
                    'U' => 9,
                    other => other.len_utf8(),
                };
                let decoded = self.rest().chars().next()?.len_utf8();
                self.push(at(rest), length, decoded);
                rest = rest.get(length..)?;
            } else if c == '\n' || (c.is_whitespace() && breaks_line(rest)) {
                let next = rest.trim_start();
                let joined = self.rest().len() - self.rest().trim_start_matches('\n').len();
                self.push(at(rest), rest.len() - next.len(), joined.max(1));
                rest = next;
            } else {
                let end = rest.find(|c: char| c == '\\' || c.is_whitespace());
                let end = end.unwrap_or(rest.len()).max(c.len_utf8());
                self.verbatim(at(rest), &rest[..end])?;
                rest = &rest[end..];
            }
        }
        (self.done == self.decoded.len()).then_some(())
    }
}

/// Whether only blanks stand before the next line break.
fn breaks_line(text: &str) -> bool {
    text.trim_start_matches([' ', '\t', '\r']).starts_with('\n')
}
