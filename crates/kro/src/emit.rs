//! Values as JSON and YAML.

use std::io::{self, Write as _};

use serde_json::Value;

use crate::terminal::Stream;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum DataOutput {
    /// For people.
    #[default]
    Text,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

/// Writes `value` as indented JSON.
///
/// # Errors
/// When the stream can't be written.
pub(crate) fn json(out: &mut Stream, value: &Value) -> io::Result<()> {
    writeln!(out, "{value:#}")
}

/// Writes `value` as a YAML document, without `---`.
///
/// # Errors
/// When the stream can't be written.
pub(crate) fn yaml(out: &mut Stream, value: &Value) -> io::Result<()> {
    out.write_all(yaml_text(value).as_bytes())
}

/// `value` as YAML that means the same to readers of YAML 1.1 (`kubectl`) and 1.2, with a line
/// break at its end.
#[must_use]
pub(crate) fn yaml_text(value: &Value) -> String {
    let text = serde_saphyr::to_string(value);
    let mut text = text.expect("invariant: JSON can be written as YAML");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
