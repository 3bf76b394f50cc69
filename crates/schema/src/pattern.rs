//! Regular expressions of schemas.

use regex::Regex;

/// Compiles a pattern, which the API server reads in RE2's syntax.
///
/// # Errors
/// The reason in one line.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    /// RE2 refuses what would take more.
    const SIZE_LIMIT: usize = 1 << 20;
    let regex = regex::RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The parser draws the pattern and a caret over several lines; the last says why.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}
