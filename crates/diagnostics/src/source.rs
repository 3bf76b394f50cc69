//! From places in a document to bytes and lines of its file.

use std::collections::HashMap;
use std::ops::Range;

use crate::Anchor;
use crate::FieldPath;
use crate::Place;

/// Where the values of one document stand in its file.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    entries: HashMap<FieldPath, Entry>,
}

/// Where one value stands.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key, if it stands under one.
    pub(crate) key: Option<Text>,
    pub(crate) value: Text,
}

/// A piece of the file and, if it is a scalar, how its decoded text lies in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) span: Range<usize>,
    /// In rising order; empty if it is no scalar.
    pub(crate) runs: Vec<Run>,
}

/// Decoded text that lies in the file in one run: byte for byte if both lengths are equal,
/// otherwise as a whole (an escape, a line break).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) decoded: usize,
    pub(crate) decoded_length: usize,
    pub(crate) file: usize,
    pub(crate) file_length: usize,
}

impl SourceMap {
    pub(crate) fn insert(&mut self, path: FieldPath, entry: Entry) {
        self.entries.insert(path, entry);
    }

    /// The bytes of the file that a place means.
    ///
    /// A place that the document does not have (a missing field, say) is shown at the nearest
    /// value around it: at its key, if it has one. An empty range is a position.
    /// `None` only if the document is empty.
    #[must_use]
    pub fn span(&self, place: &Place) -> Option<Range<usize>> {
        let mut path = &place.path;
        loop {
            if let Some(entry) = self.entries.get(path) {
                let exact = path == &place.path;
                let text = match (&entry.key, place.anchor) {
                    (Some(key), Anchor::Key) if exact => key,
                    (Some(key), _) if !exact => key,
                    (Some(_) | None, _) => &entry.value,
                };
                return Some(match &place.range {
                    Some(range) if exact => text.part(range.start as usize..range.end as usize),
                    Some(_) | None => text.span.clone(),
                });
            }
            path = path.parent()?;
        }
    }

    /// The paths of all values, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<&FieldPath> {
        let mut paths: Vec<_> = self.entries.keys().collect();
        paths.sort();
        paths
    }
}

impl Text {
    /// The bytes of the file in which a part of the decoded text stands.
    fn part(&self, range: Range<usize>) -> Range<usize> {
        if self.runs.is_empty() {
            return self.span.clone();
        }
        let end = self.file_offset(range.end, true);
        let start = self.file_offset(range.start, false).min(end);
        if range.start >= range.end { start..start } else { start..end }
    }

    /// `end`: whether the offset ends a range, so that it belongs to what precedes it.
    fn file_offset(&self, decoded: usize, end: bool) -> usize {
        let before = |run: &Run| if end { run.decoded < decoded } else { run.decoded <= decoded };
        let count = self.runs.partition_point(before);
        let Some(run) = count.checked_sub(1).and_then(|index| self.runs.get(index)) else {
            return self.runs.first().map_or(self.span.start, |run| run.file);
        };
        let inside = decoded - run.decoded;
        if run.decoded_length == run.file_length {
            run.file + inside.min(run.file_length)
        } else if end || inside >= run.decoded_length {
            run.file + run.file_length
        } else {
            run.file
        }
    }
}

/// The lines of a text.
#[derive(Debug, Clone)]
pub struct Lines {
    /// The offsets at which lines begin.
    starts: Vec<usize>,
    length: usize,
}

/// A position as people count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

impl Lines {
    /// Finds the lines of `text`.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { starts, length: text.len() }
    }

    /// The line and column of a byte offset in `text`, which must be the text that the lines are
    /// of; offsets beyond its end mean its end.
    #[must_use]
    pub fn position(&self, text: &str, offset: usize) -> LineColumn {
        let offset = offset.min(self.length);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.starts.get(index)).copied();
        let before = text.get(start.unwrap_or(0)..offset).unwrap_or_default();
        LineColumn { line, column: before.chars().count() + 1 }
    }

    /// The bytes of a line, counted from 1, without its line break.
    #[must_use]
    pub fn range(&self, text: &str, line: usize) -> Option<Range<usize>> {
        let start = *self.starts.get(line.checked_sub(1)?)?;
        let end = self.starts.get(line).map_or(self.length, |next| next - 1);
        let end = if text.get(..end)?.ends_with('\r') { end - 1 } else { end };
        Some(start..end.max(start))
    }
}
