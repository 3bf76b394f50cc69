//! Which names a definition may use.
//!
//! Source: kro-compiler facts, "Names".

/// Words that no resource and no iterator may be called.
const RESERVED: &[&str] = &[
    "apiVersion",
    "context",
    "dependency",
    "dependencies",
    "each",
    "externalRef",
    "externalReference",
    "externalRefs",
    "externalReferences",
    "graph",
    "instance",
    "item",
    "items",
    "kind",
    "kro",
    "metadata",
    "namespace",
    "object",
    "resource",
    "resourcegraphdefinition",
    "resourceGraphDefinition",
    "resources",
    "root",
    "runtime",
    "schema",
    "self",
    "serviceAccountName",
    "spec",
    "status",
    "this",
    "variables",
    "vars",
    "version", // From here on: words of CEL.
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "return",
    "var",
    "void",
    "while",
];

/// Whether the word has a meaning of its own.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// `^[a-z][a-zA-Z0-9]*$`: a resource id or an iterator.
pub(crate) fn is_id(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && chars.all(|char| char.is_ascii_alphanumeric())
}

/// Label and annotation keys that only kro writes.
pub(crate) fn reserved_prefix(key: &str) -> Option<&'static str> {
    ["kro.run/", "internal.kro.run/"].into_iter().find(|prefix| key.starts_with(prefix))
}
