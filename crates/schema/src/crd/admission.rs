//! Names and columns that an API server would refuse in a definition or in its CRD.

use std::sync::LazyLock;

use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use diagnostics::Place;
use regex::Regex;

use super::CrdSource;
use super::PrinterColumn;

/// What can be told about a name by its letters.
struct Rule {
    pattern: LazyLock<Regex>,
    most: usize,
    expected: &'static str,
}

macro_rules! rule {
    ($pattern:literal, $most:literal, $expected:literal) => {
        Rule {
            pattern: LazyLock::new(|| {
                Regex::new($pattern).expect("invariant: a pattern written here compiles")
            }),
            most: $most,
            expected: $expected,
        }
    };
}

static KIND: Rule = rule!(
    "^[A-Z][a-zA-Z0-9]*$",
    63,
    "a name that begins with a capital and goes on with letters and digits"
);
static VERSION: Rule =
    rule!("^v[0-9]+((alpha|beta)[0-9]+)?$", 63, "`v1`, `v1alpha1` or `v1beta1` with any numbers");
static GROUP: Rule = rule!(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$",
    253,
    "a domain name in lower case with a dot, as `example.com`"
);
static LABEL: Rule = rule!(
    "^[a-z]([-a-z0-9]*[a-z0-9])?$",
    63,
    "lower-case letters, digits and dashes, a letter first"
);

impl Rule {
    fn takes(&self, name: &str) -> bool {
        name.len() <= self.most && self.pattern.is_match(name)
    }

    fn check(&self, name: &str, code: Code, at: &FieldPath, found: &mut Diagnostics) {
        if self.takes(name) {
            return;
        }
        let expected = self.expected;
        let message = if self.pattern.is_match(name) {
            format!("expected at most {} characters, found {}", self.most, name.len())
        } else {
            format!("expected {expected}, found `{name}`")
        };
        found.push(Diagnostic::error(code, at, message));
    }
}

static NAME: Rule = rule!(
    "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    63,
    "letters, digits, `-`, `_` and `.`, with a letter or a digit at both ends"
);
static DOMAIN: Rule = rule!(
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    253,
    "a domain name in lower case"
);

const COLUMN_TYPES: [&str; 5] = ["boolean", "date", "integer", "number", "string"];

/// How many short names or categories a definition may have.
const MOST_NAMES: usize = 32;

pub(super) fn check(source: &CrdSource, at: &FieldPath) -> Diagnostics {
    let mut found = Diagnostics::new();
    let kind_at = at.field("kind");
    KIND.check(&source.kind, Code::InvalidKind, &kind_at, &mut found);
    VERSION.check(&source.version, Code::InvalidApiVersion, &at.field("apiVersion"), &mut found);
    GROUP.check(&source.group, Code::InvalidGroup, &at.field("group"), &mut found);
    protected_group(source, at, &mut found);
    let plural = source.plural();
    if KIND.takes(&source.kind) && !LABEL.takes(&plural) {
        let message = format!("the plural of this kind, `{plural}`, cannot name a resource");
        let diagnostic = Diagnostic::error(Code::InvalidKind, &kind_at, message);
        found.push(diagnostic.with_help("choose another kind"));
    }
    let list = format!("{}List", source.kind);
    if KIND.takes(&source.kind) && LABEL.takes(&plural) && list.len() > LABEL.most {
        let message =
            format!("the kind of lists, `{list}`, is longer than {} characters", LABEL.most);
        let diagnostic = Diagnostic::error(Code::InvalidKind, &kind_at, message);
        found.push(diagnostic.with_help("choose a shorter kind"));
    }
    metadata(source, &at.field("metadata"), &mut found);
    names(&source.short_names, &at.field("shortNames"), &mut found);
    names(&source.categories, &at.field("categories"), &mut found);
    for (index, column) in source.printer_columns.iter().enumerate() {
        let at = at.field("additionalPrinterColumns").index(index);
        printer_column(column, &at, &mut found);
    }
    found.sorted()
}

/// The labels and annotations that the CRD gets.
fn metadata(source: &CrdSource, at: &FieldPath, found: &mut Diagnostics) {
    let maps = [("labels", &source.labels), ("annotations", &source.annotations)];
    for (field, entries) in maps {
        let at = at.field(field);
        for (key, value) in entries {
            let at = at.field(key.as_str());
            // As the API server: in annotations the case of letters is of no concern.
            let plain = if field == "labels" { key.clone() } else { key.to_ascii_lowercase() };
            let (prefix, name) = match plain.split_once('/') {
                Some((prefix, name)) => (Some(prefix), name),
                None => (None, plain.as_str()),
            };
            if !NAME.takes(name) || prefix.is_some_and(|prefix| !DOMAIN.takes(prefix)) {
                let message = format!(
                    "`{key}` is not a valid key: expected a name of {}, with or without a domain and `/` before it",
                    NAME.expected
                );
                found.push(Diagnostic::error(Code::InvalidName, Place::key(at), message));
            } else if field == "labels" && !value.is_empty() {
                NAME.check(value, Code::InvalidName, &at, found);
            }
        }
    }
}

fn protected_group(source: &CrdSource, at: &FieldPath, found: &mut Diagnostics) {
    const APPROVAL: &str = "api-approved.kubernetes.io";
    let group = source.group.as_str();
    let protected = ["k8s.io", "kubernetes.io"].iter().any(|domain| {
        group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    if protected && !source.annotations.contains_key(APPROVAL) {
        let message = format!("group `{group}` belongs to the Kubernetes project");
        let diagnostic = Diagnostic::error(Code::InvalidGroup, at.field("group"), message);
        let help = format!("use a domain of your own, or set the annotation `{APPROVAL}`");
        found.push(diagnostic.with_help(help));
    }
}

fn names(names: &[String], at: &FieldPath, found: &mut Diagnostics) {
    if names.len() > MOST_NAMES {
        let message = format!("expected at most {MOST_NAMES} names, found {}", names.len());
        found.push(Diagnostic::error(Code::InvalidShortName, at, message));
    }
    for (index, name) in names.iter().enumerate() {
        LABEL.check(name, Code::InvalidShortName, &at.index(index), found);
        if names.iter().take(index).any(|other| other == name) {
            let message = format!("`{name}` is given twice");
            found.push(Diagnostic::error(Code::DuplicateName, at.index(index), message));
        }
    }
}

fn printer_column(column: &PrinterColumn, at: &FieldPath, found: &mut Diagnostics) {
    let mut error = |field: &str, message: String| {
        found.push(Diagnostic::error(Code::InvalidPrinterColumn, at.field(field), message));
    };
    if column.name.is_empty() {
        error("name", "a column needs a name".to_owned());
    }
    if !COLUMN_TYPES.contains(&column.ty.as_str()) {
        let types = COLUMN_TYPES.map(|ty| format!("`{ty}`")).join(", ");
        error("type", format!("expected one of {types}, found `{}`", column.ty));
    }
    if column.json_path.is_empty() {
        error("jsonPath", "a column needs a path".to_owned());
    }
}
