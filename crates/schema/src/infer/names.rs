//! Property names as expressions write them after a dot.

/// Words that the expression language keeps for itself.
const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Reserved words that cannot even stand after a dot.
const NEVER_PLAIN: [&str; 4] = ["false", "in", "null", "true"];

/// The name under which expressions reach a property: `my-app.io/x` as
/// `my__dash__app__dot__io__slash__x`, reserved words as `__namespace__`.
///
/// `None` for names that cannot be written this way (`$ref`, `9lives`).
#[must_use]
pub fn escape(property: &str) -> Option<String> {
    if RESERVED.contains(&property) {
        return Some(format!("__{property}__"));
    }
    if !property.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let mut escaped = String::with_capacity(property.len());
    let mut rest = property;
    while let Some(c) = rest.chars().next() {
        let (from, to) = match c {
            '_' if rest.starts_with("__") => ("__", "__underscores__"),
            '-' => ("-", "__dash__"),
            '.' => (".", "__dot__"),
            '/' => ("/", "__slash__"),
            c if c.is_ascii_alphanumeric() || c == '_' => {
                escaped.push(c);
                rest = &rest[1..];
                continue;
            }
            _ => return None,
        };
        escaped.push_str(to);
        rest = &rest[from.len()..];
    }
    Some(escaped)
}

/// The property that expressions reach under `name`; what is not escaped stands for itself.
///
/// `None` for two underscores in a row that escape nothing.
#[must_use]
pub fn unescape(name: &str) -> Option<String> {
    let word = name.strip_prefix("__").and_then(|name| name.strip_suffix("__"));
    if let Some(word) = word.filter(|word| RESERVED.contains(word)) {
        return Some(word.to_owned());
    }
    const ESCAPES: [(&str, &str); 4] =
        [("__underscores__", "__"), ("__dash__", "-"), ("__dot__", "."), ("__slash__", "/")];
    let mut property = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("__") {
        let (before, escaped) = rest.split_at(at);
        property.push_str(before);
        let (escape, plain) = ESCAPES.iter().find(|(escape, _)| escaped.starts_with(escape))?;
        property.push_str(plain);
        rest = &escaped[escape.len()..];
    }
    property.push_str(rest);
    Some(property)
}

/// Whether a reserved word may be written as it is after a dot.
pub(super) fn usable_after_dot(property: &str) -> bool {
    RESERVED.contains(&property) && !NEVER_PLAIN.contains(&property)
}
