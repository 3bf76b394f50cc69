//! What each marker does to a schema.

use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use diagnostics::Place;
use diagnostics::nearest;
use serde_json::Value;

use super::Built;
use super::defaults;
use super::marker_text::MarkerText;
use crate::ListType;
use crate::SchemaNode;
use crate::Type;
use crate::ValidationRule;

/// What a marker is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Required,
    Default,
    Description,
    Minimum,
    Maximum,
    Enum,
    Pattern,
    MinLength,
    MaxLength,
    MinItems,
    MaxItems,
    UniqueItems,
    Immutable,
    Validation,
    ListType,
    ListMapKey,
}

/// Every marker with its name and the types that it applies to (all if empty).
const MARKERS: [(&str, Marker, &[Type]); 16] = [
    ("required", Marker::Required, &[]),
    ("default", Marker::Default, &[]),
    ("description", Marker::Description, &[]),
    ("minimum", Marker::Minimum, &[]),
    ("maximum", Marker::Maximum, &[]),
    ("enum", Marker::Enum, &[Type::String, Type::Integer]),
    ("pattern", Marker::Pattern, &[Type::String]),
    ("minLength", Marker::MinLength, &[Type::String]),
    ("maxLength", Marker::MaxLength, &[Type::String]),
    ("minItems", Marker::MinItems, &[Type::Array]),
    ("maxItems", Marker::MaxItems, &[Type::Array]),
    ("uniqueItems", Marker::UniqueItems, &[Type::Array]),
    ("immutable", Marker::Immutable, &[]),
    ("validation", Marker::Validation, &[]),
    ("listType", Marker::ListType, &[Type::Array]),
    ("listMapKey", Marker::ListMapKey, &[Type::Array]),
];

/// A mistake in a marker's value, without its place.
struct Mistake {
    code: Code,
    message: String,
    help: Option<String>,
}

impl Mistake {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None }
    }

    fn value(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidMarkerValue, message)
    }
}

/// Applies all markers in order to a field that is already typed.
pub(super) fn apply(
    built: &mut Built,
    texts: &[MarkerText],
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    let mut list_map_key = None;
    for text in texts {
        let known = MARKERS.iter().find(|(name, ..)| *name == text.key);
        let Some((name, marker, types)) = known else {
            found.push(unknown(text, at));
            continue;
        };
        if *marker == Marker::Required {
            match boolean(name, &text.value) {
                Ok(required) => built.required += usize::from(required),
                Err(mistake) => found.push(report(mistake, text, at)),
            }
            continue;
        }
        // A field whose type is broken takes every marker: nothing can be said about it.
        let Some(schema) = &mut built.schema else { continue };
        let ty = schema.ty;
        if !types.is_empty() && ty.is_some_and(|ty| !types.contains(&ty)) {
            let allowed: Vec<_> = types.iter().map(|ty| format!("`{}`", written(*ty))).collect();
            let (allowed, actual) = (allowed.join(" and "), ty.map_or("any", written));
            let message = format!("marker `{name}` applies to {allowed}, found `{actual}`");
            let place = Place::inside(at.clone(), text.key_range.clone());
            found.push(Diagnostic::error(Code::MarkerNotForType, place, message));
            continue;
        }
        if *marker == Marker::ListMapKey {
            list_map_key = Some(text);
        }
        if let Err(mistake) = set(schema.make_mut(), *marker, name, &text.value) {
            found.push(report(mistake, text, at));
        }
    }
    // Checked last: the two markers may come in either order.
    let list_type = built.schema.as_ref().and_then(|schema| schema.list_type);
    if let Some(text) = list_map_key
        && list_type != Some(ListType::Map)
    {
        let actual = list_type.map_or("none", ListType::name);
        let message = format!("`listMapKey` needs `listType=map`, found list type `{actual}`");
        found.push(report(Mistake::new(Code::ConflictingMarkers, message), text, at));
    }
}

fn unknown(text: &MarkerText, at: &FieldPath) -> Diagnostic {
    let key = &text.key;
    let place = Place::inside(at.clone(), text.key_range.clone());
    let diagnostic =
        Diagnostic::error(Code::UnknownMarker, place, format!("unknown marker `{key}`"));
    let names = || MARKERS.iter().map(|(name, ..)| *name);
    if let Some(rest) = names().find_map(|name| key.strip_prefix(name).filter(|rest| known(rest))) {
        let first = &key[..key.len() - rest.len()];
        return diagnostic.with_help(format!("`{first}` needs a value, as in `{first}=true`"));
    }
    if key.starts_with('|') {
        return diagnostic.with_help("markers are separated by blanks, not by `|`");
    }
    match nearest(key, names()) {
        Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
        None => {
            let all: Vec<_> = names().map(|name| format!("`{name}`")).collect();
            diagnostic.with_help(format!("markers are {}", all.join(", ")))
        }
    }
}

/// How SimpleSchema writes a type.
fn written(ty: Type) -> &'static str {
    match ty {
        Type::Array => "[]T",
        Type::Number => "float",
        Type::Object | Type::String | Type::Integer | Type::Boolean => ty.name(),
    }
}

fn known(name: &str) -> bool {
    MARKERS.iter().any(|(known, ..)| *known == name)
}

fn report(mistake: Mistake, text: &MarkerText, at: &FieldPath) -> Diagnostic {
    let place = Place::inside(at.clone(), text.value_range.clone());
    let diagnostic = Diagnostic::error(mistake.code, place, mistake.message);
    match mistake.help {
        Some(help) => diagnostic.with_help(help),
        None => diagnostic,
    }
}

fn set(node: &mut SchemaNode, marker: Marker, name: &str, value: &str) -> Result<(), Mistake> {
    match marker {
        Marker::Required => {}
        Marker::Default => {
            let default = defaults::read(node, value);
            let default = default.map_err(|message| Mistake::new(Code::InvalidDefault, message))?;
            node.default = Some(default);
        }
        Marker::Description => node.description = (!value.is_empty()).then(|| value.into()),
        Marker::Minimum => node.minimum = Some(number(name, value)?),
        Marker::Maximum => node.maximum = Some(number(name, value)?),
        Marker::Enum => node.enum_values = enum_values(node.ty, value)?,
        Marker::Pattern => {
            if value.is_empty() {
                return Err(Mistake::new(Code::InvalidPattern, "`pattern` must not be empty"));
            }
            crate::pattern::compile(value).map_err(|reason| {
                let message = format!("`{value}` is not a regular expression: {reason}");
                Mistake::new(Code::InvalidPattern, message)
            })?;
            node.pattern = Some(value.to_owned());
        }
        Marker::MinLength => node.min_length = Some(count(name, value)?),
        Marker::MaxLength => node.max_length = Some(count(name, value)?),
        Marker::MinItems => node.min_items = Some(count(name, value)?),
        Marker::MaxItems => node.max_items = Some(count(name, value)?),
        Marker::UniqueItems => {
            if boolean(name, value)? {
                set_list_type(node, ListType::Set, "uniqueItems")?;
            }
        }
        Marker::Immutable => {
            if boolean(name, value)? {
                push_rule(node, "self == oldSelf", "field is immutable");
            }
        }
        Marker::Validation => {
            if value.trim().is_empty() {
                return Err(Mistake::value("`validation` must not be empty"));
            }
            push_rule(node, value, "validation failed");
        }
        Marker::ListType => {
            let list_type = match value {
                "atomic" => ListType::Atomic,
                "set" => ListType::Set,
                "map" => ListType::Map,
                other => {
                    let message =
                        format!("`listType` must be `atomic`, `set` or `map`, found `{other}`");
                    return Err(Mistake::value(message));
                }
            };
            set_list_type(node, list_type, "listType")?;
        }
        Marker::ListMapKey => {
            if value.is_empty() {
                return Err(Mistake::value("`listMapKey` must name a field"));
            }
            if node.list_map_keys.iter().any(|key| key == value) {
                let message = format!("`listMapKey={value}` is given twice");
                return Err(Mistake::new(Code::RepeatedMarker, message));
            }
            node.list_map_keys.push(value.to_owned());
        }
    }
    Ok(())
}

fn set_list_type(node: &mut SchemaNode, to: ListType, marker: &str) -> Result<(), Mistake> {
    match node.list_type {
        Some(is) if is != to => Err(Mistake::new(
            Code::ConflictingMarkers,
            format!(
                "`{marker}` makes this a list of type `{}`, but it is already of type `{}`",
                to.name(),
                is.name()
            ),
        )),
        Some(_) | None => {
            node.list_type = Some(to);
            Ok(())
        }
    }
}

fn push_rule(node: &mut SchemaNode, rule: &str, message: &str) {
    let message = Some(message.to_owned());
    let rule = rule.to_owned();
    node.validations.push(ValidationRule { rule, message, ..ValidationRule::default() });
}

/// The forms that Go reads as a boolean.
fn boolean(name: &str, value: &str) -> Result<bool, Mistake> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => {
            let mut mistake =
                Mistake::value(format!("`{name}` must be `true` or `false`, found `{other}`"));
            if other.ends_with(',') {
                mistake.help = Some("markers are separated by blanks, not by commas".to_owned());
            }
            Err(mistake)
        }
    }
}

fn number(name: &str, value: &str) -> Result<f64, Mistake> {
    // Go reads underscores between digits.
    let digit = |at: Option<usize>| {
        at.and_then(|at| value.as_bytes().get(at)).is_some_and(u8::is_ascii_digit)
    };
    let between = |(at, _)| digit(usize::checked_sub(at, 1)) && digit(Some(at + 1));
    let text =
        if value.match_indices('_').all(between) { value.replace('_', "") } else { value.into() };
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
        .ok_or_else(|| Mistake::value(format!("`{name}` must be a number, found `{value}`")))
}

fn count(name: &str, value: &str) -> Result<i64, Mistake> {
    value
        .parse()
        .map_err(|_| Mistake::value(format!("`{name}` must be a whole number, found `{value}`")))
}

fn enum_values(ty: Option<Type>, value: &str) -> Result<Vec<Value>, Mistake> {
    value
        .split(',')
        .map(|item| {
            let item = item.trim();
            if item.is_empty() {
                return Err(Mistake::value("`enum` has an empty value"));
            }
            if ty != Some(Type::Integer) {
                return Ok(Value::from(item));
            }
            // Written into the CRD as it stands, so it has to be JSON.
            let number = serde_json::from_str::<i64>(item).map(Value::from);
            number.map_err(|_| {
                let message = format!("`enum` of an integer must list integers, found `{item}`");
                Mistake::value(message)
            })
        })
        .collect()
}
