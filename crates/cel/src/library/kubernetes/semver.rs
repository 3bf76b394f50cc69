//! Semantic versions.

use std::{cmp::Ordering, sync::Arc};

use crate::{CallResult, ErrorKind, Library, Opaque, Row as R, Value};

/// Semantic versions.
pub static SEMVER: Library = Library {
    name: "semver",
    doc: "Semantic versions such as `1.2.3-rc.1`.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[("kubernetes.Semver", "kubernetes.Semver")],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::new(
        "string_to_semver",
        "semver(string): kubernetes.Semver",
        "The version that is written.",
        to_semver,
    ),
    R::new("is_semver_string", "isSemver(string): bool", "Is the text a version?", is_semver),
    R::new("semver_major", "(kubernetes.Semver).major(): int", "The first number.", |a| {
        number("major", a, |v| v.numbers[0])
    }),
    R::new("semver_minor", "(kubernetes.Semver).minor(): int", "The second number.", |a| {
        number("minor", a, |v| v.numbers[1])
    }),
    R::new("semver_patch", "(kubernetes.Semver).patch(): int", "The third number.", |a| {
        number("patch", a, |v| v.numbers[2])
    }),
    R::new(
        "semver_is_less_than",
        "(kubernetes.Semver).isLessThan(kubernetes.Semver): bool",
        "Is it older?",
        |a| compare("isLessThan", a, |o| Value::Bool(o.is_lt())),
    ),
    R::new(
        "semver_is_greater_than",
        "(kubernetes.Semver).isGreaterThan(kubernetes.Semver): bool",
        "Is it newer?",
        |a| compare("isGreaterThan", a, |o| Value::Bool(o.is_gt())),
    ),
    R::new(
        "semver_compare_to",
        "(kubernetes.Semver).compareTo(kubernetes.Semver): int",
        "-1, 0 or 1.",
        |a| compare("compareTo", a, |o| Value::Int(o as i64)),
    ),
];

/// `semver` and `isSemver` that may take what is nearly a version.
pub static SEMVER_NORMALIZED: Library = Library {
    name: "normalized semver",
    doc: "Versions that are not quite: with a `v` in front, with fewer than three numbers, or with leading zeros.",
    functions: &[&[
        R::new(
            "string_bool_to_semver",
            "semver(string, bool): kubernetes.Semver",
            "The version that is written, if the second argument is true also one that is not quite.",
            |args| match args {
                [Value::String(text), Value::Bool(normalize)] => {
                    match normalized(text, *normalize) {
                        Ok(version) => Ok(Value::Opaque(Arc::new(version))),
                        Err(reason) => Err(ErrorKind::argument("semver", reason)),
                    }
                }
                _ => Err(ErrorKind::overload("semver", args)),
            },
        ),
        R::new(
            "is_semver_string_bool",
            "isSemver(string, bool): bool",
            "Is the text a version, if the second argument is true not quite?",
            |args| match args {
                [Value::String(text), Value::Bool(normalize)] => {
                    Ok(Value::Bool(normalized(text, *normalize).is_ok()))
                }
                _ => Err(ErrorKind::overload("isSemver", args)),
            },
        ),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

fn normalized(text: &str, normalize: bool) -> Result<Semver, String> {
    if !normalize {
        return Semver::parse(text);
    }
    let text = text.strip_prefix('v').unwrap_or(text);
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let mut numbers: Vec<&str> = numbers
        .split('.')
        .map(|number| match number.trim_start_matches('0') {
            "" if !number.is_empty() => "0",
            number => number,
        })
        .collect();
    while numbers.len() < 3 {
        numbers.push("0");
    }
    Semver::parse(&format!("{}{rest}", numbers.join(".")))
}

/// A semantic version. Build metadata has no influence on the order.
#[derive(Clone, Debug)]
pub struct Semver {
    numbers: [u64; 3],
    pre: Vec<Identifier>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Text(String),
}

fn plain_number(text: &str) -> Result<u64, String> {
    if text.is_empty() || !text.bytes().all(|c| c.is_ascii_digit()) {
        return Err(format!("`{text}` is not a number"));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(format!("`{text}` has a leading zero"));
    }
    text.parse().map_err(|_| format!("`{text}` is too large"))
}

impl Semver {
    /// Reads a version: three numbers, then `-` and identifiers, then `+` and metadata.
    ///
    /// # Errors
    /// A sentence for the user when the text is no version.
    pub fn parse(text: &str) -> Result<Semver, String> {
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err("a version has three numbers with dots between them".to_owned());
        };
        let (rest, build) = match rest.split_once('+') {
            Some((rest, build)) => (rest, Some(build)),
            None => (rest, None),
        };
        let (patch, pre) = match rest.split_once('-') {
            Some((patch, pre)) => (patch, Some(pre)),
            None => (rest, None),
        };
        let valid = |text: &str| {
            !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        };
        let mut identifiers = Vec::new();
        for identifier in pre.iter().flat_map(|pre| pre.split('.')) {
            if !valid(identifier) {
                return Err(format!("`{identifier}` is not an identifier of a version"));
            }
            identifiers.push(if identifier.bytes().all(|c| c.is_ascii_digit()) {
                Identifier::Number(plain_number(identifier)?)
            } else {
                Identifier::Text(identifier.to_owned())
            });
        }
        for identifier in build.iter().flat_map(|build| build.split('.')) {
            if !valid(identifier) {
                return Err(format!("`{identifier}` is not an identifier of a version"));
            }
        }
        let numbers = [plain_number(major)?, plain_number(minor)?, plain_number(patch)?];
        Ok(Semver { numbers, pre: identifiers, text: text.to_owned() })
    }

    fn order(&self, other: &Semver) -> Ordering {
        // A version without identifiers comes after all with them.
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| self.pre.is_empty().cmp(&other.pre.is_empty()))
            .then_with(|| self.pre.cmp(&other.pre))
    }
}

impl Opaque for Semver {
    fn type_name(&self) -> &str {
        "kubernetes.Semver"
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        let any: &dyn std::any::Any = other;
        Ok(any.downcast_ref::<Semver>().is_some_and(|other| self.order(other).is_eq()))
    }
    fn compares_only_with_its_type(&self) -> bool {
        true
    }
    fn text(&self) -> Option<String> {
        Some(self.text.clone())
    }
}

fn to_semver<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => match Semver::parse(text) {
            Ok(version) => Ok(Value::Opaque(Arc::new(version))),
            Err(reason) => Err(ErrorKind::argument("semver", reason)),
        },
        _ => Err(ErrorKind::overload("semver", args)),
    }
}

fn is_semver<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(Semver::parse(text).is_ok())),
        _ => Err(ErrorKind::overload("isSemver", args)),
    }
}

fn number<'a>(
    function: &'static str,
    args: &[Value<'a>],
    get: fn(&Semver) -> u64,
) -> CallResult<'a> {
    let [value] = args else { return Err(ErrorKind::overload(function, args)) };
    match value.downcast::<Semver>() {
        // As in the reference, numbers beyond the signed range wrap.
        Some(version) => Ok(Value::Int(get(version).cast_signed())),
        None => Err(ErrorKind::overload(function, args)),
    }
}

fn compare<'a>(
    function: &'static str,
    args: &[Value<'a>],
    result: fn(Ordering) -> Value<'a>,
) -> CallResult<'a> {
    let refuse = || ErrorKind::overload(function, args);
    let [a, b] = args else { return Err(refuse()) };
    let (a, b) =
        (a.downcast::<Semver>().ok_or_else(refuse)?, b.downcast::<Semver>().ok_or_else(refuse)?);
    Ok(result(a.order(b)))
}
