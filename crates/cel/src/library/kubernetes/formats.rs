//! The named formats of Kubernetes.

use std::sync::Arc;

use base64::Engine as _;

use super::url::Url;
use crate::{CallResult, ErrorKind, Library, Opaque, Row as R, Timestamp, Value};

/// Named formats, with which texts are validated.
pub static FORMATS: Library = Library {
    name: "formats",
    doc: "Formats of names and other texts in Kubernetes.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[("kubernetes.NamedFormat", "kubernetes.NamedFormat")],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::new(
        "format_named",
        "format.named(string): optional(kubernetes.NamedFormat)",
        "The format with a name, if there is one.",
        named,
    ),
    R::new(
        "format_validate",
        "(kubernetes.NamedFormat).validate(string): optional(list(string))",
        "What is wrong with a text; nothing if it has the format.",
        validate,
    ),
    R::new(
        "format_dns1123_label",
        "format.dns1123Label(): kubernetes.NamedFormat",
        "Lower-case letters, digits and `-`, at most 63.",
        |_| Ok(value("dns1123Label")),
    ),
    R::new(
        "format_dns1123_subdomain",
        "format.dns1123Subdomain(): kubernetes.NamedFormat",
        "Such labels with dots between them, at most 253 characters.",
        |_| Ok(value("dns1123Subdomain")),
    ),
    R::new(
        "format_dns1035_label",
        "format.dns1035Label(): kubernetes.NamedFormat",
        "A label that begins with a letter.",
        |_| Ok(value("dns1035Label")),
    ),
    R::new(
        "format_dns1123_label_prefix",
        "format.dns1123LabelPrefix(): kubernetes.NamedFormat",
        "The beginning of a label: `-` may be the last character.",
        |_| Ok(value("dns1123LabelPrefix")),
    ),
    R::new(
        "format_dns1123_subdomain_prefix",
        "format.dns1123SubdomainPrefix(): kubernetes.NamedFormat",
        "The beginning of a subdomain: `-` may be the last character.",
        |_| Ok(value("dns1123SubdomainPrefix")),
    ),
    R::new(
        "format_dns1035_label_prefix",
        "format.dns1035LabelPrefix(): kubernetes.NamedFormat",
        "The beginning of a label that begins with a letter.",
        |_| Ok(value("dns1035LabelPrefix")),
    ),
    R::new(
        "format_qualified_name",
        "format.qualifiedName(): kubernetes.NamedFormat",
        "The key of a label: a name, with a subdomain and `/` in front or without.",
        |_| Ok(value("qualifiedName")),
    ),
    R::new(
        "format_label_value",
        "format.labelValue(): kubernetes.NamedFormat",
        "The value of a label.",
        |_| Ok(value("labelValue")),
    ),
    R::new("format_uri", "format.uri(): kubernetes.NamedFormat", "A URI.", |_| Ok(value("uri"))),
    R::new("format_uuid", "format.uuid(): kubernetes.NamedFormat", "A UUID.", |_| {
        Ok(value("uuid"))
    }),
    R::new("format_byte", "format.byte(): kubernetes.NamedFormat", "Base64.", |_| {
        Ok(value("byte"))
    }),
    R::new("format_date", "format.date(): kubernetes.NamedFormat", "A date of RFC 3339.", |_| {
        Ok(value("date"))
    }),
    R::new(
        "format_datetime",
        "format.datetime(): kubernetes.NamedFormat",
        "A date with a time of RFC 3339.",
        |_| Ok(value("datetime")),
    ),
];

/// A format by its name.
#[derive(Clone, Copy, Debug)]
pub struct NamedFormat {
    name: &'static str,
    faults: fn(&str) -> Vec<String>,
}

const FORMAT_TABLE: &[NamedFormat] = &[
    NamedFormat { name: "dns1123Label", faults: |text| label(text, false) },
    NamedFormat { name: "dns1123Subdomain", faults: subdomain },
    NamedFormat { name: "dns1035Label", faults: |text| label(text, true) },
    NamedFormat { name: "dns1123LabelPrefix", faults: |text| label(&whole(text), false) },
    NamedFormat { name: "dns1123SubdomainPrefix", faults: |text| subdomain(&whole(text)) },
    NamedFormat { name: "dns1035LabelPrefix", faults: |text| label(&whole(text), true) },
    NamedFormat { name: "qualifiedName", faults: qualified_name },
    NamedFormat { name: "labelValue", faults: label_value },
    NamedFormat { name: "uri", faults: |text| Url::parse(text).err().into_iter().collect() },
    NamedFormat { name: "uuid", faults: uuid },
    NamedFormat { name: "byte", faults: byte },
    NamedFormat { name: "date", faults: date },
    NamedFormat { name: "datetime", faults: datetime },
];

impl Opaque for NamedFormat {
    fn type_name(&self) -> &str {
        "kubernetes.NamedFormat"
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        let any: &dyn std::any::Any = other;
        Ok(any.downcast_ref::<NamedFormat>().is_some_and(|other| self.name == other.name))
    }
    fn text(&self) -> Option<String> {
        Some(self.name.to_owned())
    }
}

fn find(name: &str) -> Option<Value<'static>> {
    let format = FORMAT_TABLE.iter().find(|format| format.name == name)?;
    Some(Value::Opaque(Arc::new(*format)))
}

/// A format that the table has.
fn value<'a>(name: &str) -> Value<'a> {
    find(name).unwrap_or(Value::Null)
}

fn named<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(name)] => Ok(find(name).map_or(Value::Optional(None), Value::some)),
        _ => Err(ErrorKind::overload("format.named", args)),
    }
}

fn validate<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [format, Value::String(text)] = args else {
        return Err(ErrorKind::overload("validate", args));
    };
    let Some(format) = format.downcast::<NamedFormat>() else {
        return Err(ErrorKind::overload("validate", args));
    };
    let faults = (format.faults)(text);
    Ok(if faults.is_empty() { Value::Optional(None) } else { Value::some(Value::strings(faults)) })
}

fn too_long(text: &str, limit: usize) -> Option<String> {
    (text.len() > limit).then(|| format!("must be no more than {limit} bytes"))
}

/// Does the text consist of these characters, letters and digits at both ends?
fn is_word(text: &str, inner: &[u8], upper: bool) -> bool {
    let plain =
        |c: u8| c.is_ascii_digit() || c.is_ascii_lowercase() || upper && c.is_ascii_uppercase();
    match text.as_bytes() {
        [] => false,
        [one] => plain(*one),
        [first, middle @ .., last] => {
            plain(*first) && plain(*last) && middle.iter().all(|c| plain(*c) || inner.contains(c))
        }
    }
}

fn label(text: &str, letter_first: bool) -> Vec<String> {
    let mut faults: Vec<String> = too_long(text, 63).into_iter().collect();
    let begins = !letter_first || text.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !is_word(text, b"-", false) {
        let begin =
            if letter_first { "begin with a letter" } else { "begin with a letter or digit" };
        faults.push(format!(
            "must consist of lower-case letters, digits and `-`, {begin} and end with a letter or digit"
        ));
    }
    faults
}

fn subdomain(text: &str) -> Vec<String> {
    let mut faults: Vec<String> = too_long(text, 253).into_iter().collect();
    if !text.split('.').all(|part| is_word(part, b"-", false)) {
        faults.push(
            "must consist of lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of every part"
                .to_owned(),
        );
    }
    faults
}

/// A prefix as a whole name: what follows a `-` at the end is still to come.
fn whole(prefix: &str) -> String {
    match prefix.strip_suffix('-') {
        Some(before) if !before.is_empty() => format!("{before}a"),
        _ => prefix.to_owned(),
    }
}

fn name(text: &str) -> Vec<String> {
    let mut faults: Vec<String> = too_long(text, 63).into_iter().collect();
    if !is_word(text, b"-_.", true) {
        faults.push(
            "must consist of letters, digits, `-`, `_` and `.`, with a letter or digit at both ends".to_owned(),
        );
    }
    faults
}

fn qualified_name(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('/').collect();
    match *parts {
        [only] => name(only),
        [prefix, only] => {
            let mut faults = Vec::new();
            if prefix.is_empty() {
                faults.push("the part before `/` must not be empty".to_owned());
            } else {
                faults.extend(subdomain(prefix));
            }
            faults.extend(name(only));
            faults
        }
        [..] => vec!["must be a name with an optional subdomain and `/` in front".to_owned()],
    }
}

fn label_value(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { name(text) }
}

fn unless(holds: bool, fault: &str) -> Vec<String> {
    if holds { Vec::new() } else { vec![fault.to_owned()] }
}

fn uuid(text: &str) -> Vec<String> {
    let groups: Vec<&str> = if text.contains('-') {
        text.split('-').collect()
    } else if text.len() == 32 && text.is_ascii() {
        vec![&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]]
    } else {
        Vec::new()
    };
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let hex = text.bytes().all(|c| c == b'-' || c.is_ascii_hexdigit());
    unless(hex && lengths == [8, 4, 4, 4, 12], "does not match the UUID format")
}

fn byte(text: &str) -> Vec<String> {
    let decoded = base64::engine::general_purpose::STANDARD.decode(text);
    unless(decoded.is_ok(), "invalid base64")
}

fn date(text: &str) -> Vec<String> {
    let valid = text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00Z")).is_some();
    unless(valid, "invalid date")
}

fn datetime(text: &str) -> Vec<String> {
    unless(Timestamp::parse(text).is_some(), "invalid datetime")
}
