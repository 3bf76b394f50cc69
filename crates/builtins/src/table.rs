//! Sorted lines of a text, `NAME VERSIONS CONTENT`.

use std::sync::OnceLock;

use crate::Version;

/// A table whose lines are found by name and version.
pub(crate) struct Table {
    text: &'static str,
    /// Split at the first look-up.
    rows: OnceLock<Vec<Row>>,
}

struct Row {
    name: &'static str,
    /// `33-34,36`.
    versions: &'static str,
    content: &'static str,
}

impl Table {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, rows: OnceLock::new() }
    }

    /// The content of the line with this name for this version.
    pub(crate) fn find(&self, name: &str, version: Version) -> Option<&'static str> {
        let rows = self.rows();
        let first = rows.partition_point(|row| row.name < name);
        let mut same = rows[first..].iter().take_while(|row| row.name == name);
        same.find(|row| row.is_for(version)).map(|row| row.content)
    }

    /// Name and content of all lines for this version.
    pub(crate) fn lines(
        &self,
        version: Version,
    ) -> impl Iterator<Item = (&'static str, &'static str)> {
        let rows = self.rows().iter().filter(move |row| row.is_for(version));
        rows.map(|row| (row.name, row.content))
    }

    fn rows(&self) -> &[Row] {
        self.rows.get_or_init(|| self.text.lines().filter_map(Row::read).collect())
    }
}

impl Row {
    fn read(line: &'static str) -> Option<Self> {
        let (name, rest) = line.split_once(' ')?;
        let (versions, content) = rest.split_once(' ')?;
        Some(Self { name, versions, content })
    }

    fn is_for(&self, version: Version) -> bool {
        let minor = version.minor();
        self.versions.split(',').any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let bound = |text: &str| text.parse::<u32>().ok();
            bound(first).is_some_and(|first| first <= minor)
                && bound(last).is_some_and(|last| minor <= last)
        })
    }
}
