//! The functions of queries. All are pure, and none makes more than its arguments let expect.

use std::cmp::Ordering;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jaq_core::ops::Math;
use serde_json::Map;
use serde_json::Number;
use serde_json::Value as Json;
use serde_json::json;

/// A function of the input.
pub(super) type OfOne = fn(&Json) -> Result<Json, String>;
/// A function of the input and an argument, or an operator.
pub(super) type OfTwo = fn(&Json, &Json) -> Result<Json, String>;
/// A function of the items of the input, each with what its argument yields for it.
pub(super) type By = fn(Vec<(Json, Json)>) -> Json;

/// What a name stands for.
pub(super) enum Function {
    Value(Json),
    Empty,
    Fail,
    Select,
    First,
    Map,
    OfOne(OfOne),
    OfTwo(OfTwo),
    MapThen(OfOne),
    WithEntries { open: OfOne, close: OfOne },
    By(By),
}

/// The functions that may be called.
pub(super) fn find(name: &str, arguments: usize) -> Option<Function> {
    Some(match (name, arguments) {
        ("true", 0) => Function::Value(true.into()),
        ("false", 0) => Function::Value(false.into()),
        ("null", 0) => Function::Value(Json::Null),
        ("empty", 0) => Function::Empty,
        ("error", 0 | 1) => Function::Fail,
        ("select", 1) => Function::Select,
        ("first", 1) => Function::First,
        ("map", 1) => Function::Map,
        ("any", 1) => Function::MapThen(any),
        ("all", 1) => Function::MapThen(all),
        ("with_entries", 1) => Function::WithEntries { open: to_entries, close: from_entries },
        ("sort_by", 1) => Function::By(|keyed| sorted(keyed).collect()),
        ("min_by", 1) => Function::By(|keyed| sorted(keyed).next().unwrap_or_default()),
        ("max_by", 1) => Function::By(|keyed| sorted(keyed).last().unwrap_or_default()),
        ("has", 1) => Function::OfTwo(has),
        ("startswith", 1) => Function::OfTwo(|value, part| {
            both_texts(value, part).map(|(value, part)| value.starts_with(part).into())
        }),
        ("endswith", 1) => Function::OfTwo(|value, part| {
            both_texts(value, part).map(|(value, part)| value.ends_with(part).into())
        }),
        ("ltrimstr", 1) => Function::OfTwo(|value, part| {
            let rest = both_texts(value, part).ok().and_then(|(v, part)| v.strip_prefix(part));
            Ok(rest.map_or_else(|| value.clone(), Into::into))
        }),
        ("rtrimstr", 1) => Function::OfTwo(|value, part| {
            let rest = both_texts(value, part).ok().and_then(|(v, part)| v.strip_suffix(part));
            Ok(rest.map_or_else(|| value.clone(), Into::into))
        }),
        ("split", 1) => {
            Function::OfTwo(|value, part| both_texts(value, part).map(|(v, part)| split(v, part)))
        }
        ("join", 1) => Function::OfTwo(join),
        ("contains", 1) => Function::OfTwo(contains),
        (name, 0) => Function::OfOne(format(name).or_else(|| of_one(name))?),
        _ => return None,
    })
}

fn of_one(name: &str) -> Option<OfOne> {
    Some(match name {
        "not" => |value| Ok(matches!(value, Json::Null | Json::Bool(false)).into()),
        "type" => |value| Ok(kind(value).into()),
        "length" => length,
        "keys" => keys,
        "tostring" => |value| Ok(plain(value).into()),
        "tojson" => |value| Ok(value.to_string().into()),
        "fromjson" => |value| {
            let text = text(value)?;
            serde_json::from_str(text).map_err(|_| "the text is no JSON".to_owned())
        },
        "tonumber" => |value| match value {
            Json::Number(_) => Ok(value.clone()),
            Json::String(text) => serde_json::from_str::<Number>(text)
                .map(Json::Number)
                .map_err(|_| "the text is no number".to_owned()),
            Json::Null | Json::Bool(_) | Json::Array(_) | Json::Object(_) => {
                Err(format!("{} is no number", kind(value)))
            }
        },
        "first" => |value| Ok(items(value)?.first().cloned().unwrap_or_default()),
        "last" => |value| Ok(items(value)?.last().cloned().unwrap_or_default()),
        "add" => |value| {
            let all: Vec<&Json> = match value {
                Json::Object(members) => members.values().collect(),
                other => items(other)?.iter().collect(),
            };
            // In place: many short texts make a long one without being copied over and over.
            all.into_iter().try_fold(Json::Null, |mut sum, item| {
                match (&mut sum, item) {
                    (Json::String(sum), Json::String(text)) => sum.push_str(text),
                    (Json::Array(sum), Json::Array(items)) => sum.extend(items.iter().cloned()),
                    (Json::Object(sum), Json::Object(members)) => {
                        sum.extend(members.iter().map(|(k, v)| (k.clone(), v.clone())));
                    }
                    (other, item) => *other = add(other, item)?,
                }
                Ok(sum)
            })
        },
        "any" => any,
        "all" => all,
        "min" => |value| Ok(items(value)?.iter().min_by(|a, b| compare(a, b)).cloned().into()),
        "max" => |value| Ok(items(value)?.iter().max_by(|a, b| compare(a, b)).cloned().into()),
        "sort" => |value| ordered(value).map(Json::Array),
        "unique" => |value| {
            let mut all = ordered(value)?;
            all.dedup_by(|a, b| compare(a, b).is_eq());
            Ok(all.into())
        },
        "reverse" => |value| Ok(items(value)?.iter().rev().cloned().collect()),
        "to_entries" => to_entries,
        "from_entries" => from_entries,
        "ascii_downcase" => |value| Ok(text(value)?.to_ascii_lowercase().into()),
        "ascii_upcase" => |value| Ok(text(value)?.to_ascii_uppercase().into()),
        "trim" => |value| Ok(text(value)?.trim().into()),
        "floor" => |value| {
            let number = value.as_f64().ok_or_else(|| format!("{} is no number", kind(value)))?;
            Ok(if value.is_i64() || value.is_u64() {
                value.clone()
            } else {
                number_of(number.floor())
            })
        },
        _ => return None,
    })
}

/// A format: `@base64` and its like.
pub(super) fn format(name: &str) -> Option<OfOne> {
    Some(match name {
        "@text" => |value| Ok(plain(value).into()),
        "@json" => |value| Ok(value.to_string().into()),
        "@base64" => |value| Ok(BASE64_STANDARD.encode(plain(value)).into()),
        "@base64d" => |value| {
            let bytes = BASE64_STANDARD.decode(plain(value)).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            text.map(Into::into).ok_or_else(|| "the text is no base64 of a text".to_owned())
        },
        "@uri" => |value| {
            let byte = |byte: u8| match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            };
            Ok(plain(value).bytes().map(byte).collect::<String>().into())
        },
        _ => return None,
    })
}

/// An operator. Texts and objects are not multiplied: that makes much of little.
pub(super) fn math(operation: Math) -> OfTwo {
    match operation {
        Math::Add => add,
        Math::Sub => |left, right| match (left, right) {
            (Json::Array(items), Json::Array(without)) => {
                let kept = |item: &&Json| without.iter().all(|out| compare(item, out).is_ne());
                Ok(items.iter().filter(kept).cloned().collect())
            }
            _ => calculate(left, right, i64::checked_sub, |a, b| a - b),
        },
        Math::Mul => |left, right| calculate(left, right, i64::checked_mul, |a, b| a * b),
        Math::Div => |left, right| match (left, right) {
            (Json::String(text), Json::String(separator)) => Ok(split(text, separator)),
            _ if right.as_f64() == Some(0.0) => Err("division by zero".to_owned()),
            _ => {
                let exact = |a: i64, b: i64| {
                    a.checked_rem(b).filter(|rest| *rest == 0).and_then(|_| a.checked_div(b))
                };
                calculate(left, right, exact, |a, b| a / b)
            }
        },
        Math::Rem => |left, right| {
            let whole = |value: &Json| {
                let number = value.as_f64().ok_or_else(|| format!("{} is no number", kind(value)));
                // As in jq: of the whole parts.
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a cast to the nearest is meant"
                )]
                number.map(|number| number as i64)
            };
            let (left, right) = (whole(left)?, whole(right)?);
            let rest = left.checked_rem(right.checked_abs().unwrap_or(i64::MAX));
            rest.map(Into::into).ok_or_else(|| "division by zero".to_owned())
        },
    }
}

/// How much there is to a value: its members, and the bytes of its texts.
pub(super) fn weight(value: &Json) -> usize {
    match value {
        Json::Null | Json::Bool(_) | Json::Number(_) => 1,
        Json::String(text) => 1 + text.len(),
        Json::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Json::Object(members) => {
            1 + members.iter().map(|(name, value)| name.len() + weight(value)).sum::<usize>()
        }
    }
}

/// The name of a value's type.
pub(super) fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// A text as it is, anything else as JSON.
pub(super) fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The order of jq: null, false, true, numbers, texts, arrays, objects.
pub(super) fn compare(left: &Json, right: &Json) -> Ordering {
    let rank = |value: &Json| match value {
        Json::Null => 0,
        Json::Bool(false) => 1,
        Json::Bool(true) => 2,
        Json::Number(_) => 3,
        Json::String(_) => 4,
        Json::Array(_) => 5,
        Json::Object(_) => 6,
    };
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => left.as_f64().partial_cmp(&right.as_f64()).unwrap_or(Ordering::Equal),
        },
        (Json::String(left), Json::String(right)) => left.cmp(right),
        (Json::Array(left), Json::Array(right)) => {
            let mut pairs = left.iter().zip(right).map(|(left, right)| compare(left, right));
            pairs.find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.keys().cmp(right.keys()).then_with(|| {
                let mut pairs = left.values().zip(right.values()).map(|(l, r)| compare(l, r));
                pairs.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            })
        }
        (left, right) => rank(left).cmp(&rank(right)),
    }
}

/// The item at a position; from the end where it is negative.
pub(super) fn item<'v>(items: &'v [Json], index: &Json) -> Option<&'v Json> {
    items.get(place(index, items.len())?)
}

/// A part of an array or a text; null for an open end.
pub(super) fn slice(value: &Json, from: &Json, upto: &Json) -> Result<Json, String> {
    let bounds = |length: usize| {
        let bound = |bound: &Json, open: usize| match bound {
            Json::Null => Ok(open),
            Json::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "bounded on both sides before"
                )]
                let place = {
                    let number = if number < 0.0 { number + length as f64 } else { number };
                    number.clamp(0.0, length as f64) as usize
                };
                Ok(place)
            }
            other => Err(format!("{} is no position", kind(other))),
        };
        let (from, upto) = (bound(from, 0)?, bound(upto, length)?);
        Ok::<_, String>((from, upto.max(from)))
    };
    match value {
        Json::Null => Ok(Json::Null),
        Json::Array(items) => {
            let (from, upto) = bounds(items.len())?;
            Ok(items.get(from..upto).unwrap_or_default().to_vec().into())
        }
        Json::String(text) => {
            let (from, upto) = bounds(text.chars().count())?;
            Ok(text.chars().skip(from).take(upto - from).collect::<String>().into())
        }
        Json::Bool(_) | Json::Number(_) | Json::Object(_) => {
            Err(format!("{} has no parts", kind(value)))
        }
    }
}

/// The position that is meant, if it is not before the begin.
pub(super) fn place(index: &Json, length: usize) -> Option<usize> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast to the nearest is meant")]
    let index = index.as_i64().or_else(|| index.as_f64().map(|index| index.floor() as i64))?;
    let length = i64::try_from(length).ok()?;
    usize::try_from(if index < 0 { index.checked_add(length)? } else { index }).ok()
}

fn text(value: &Json) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{} is no string", kind(value)))
}

fn both_texts<'v>(value: &'v Json, part: &'v Json) -> Result<(&'v str, &'v str), String> {
    Ok((text(value)?, text(part)?))
}

fn items(value: &Json) -> Result<&[Json], String> {
    match value {
        Json::Array(items) => Ok(items),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => {
            Err(format!("{} has no items", kind(value)))
        }
    }
}

fn ordered(value: &Json) -> Result<Vec<Json>, String> {
    let mut all = items(value)?.to_vec();
    all.sort_by(compare);
    Ok(all)
}

fn sorted(mut keyed: Vec<(Json, Json)>) -> impl Iterator<Item = Json> {
    keyed.sort_by(|(left, _), (right, _)| compare(left, right));
    keyed.into_iter().map(|(_, item)| item)
}

/// A number of a query.
pub(super) fn literal(text: &str) -> Option<Json> {
    let number: Json = serde_json::from_str(text).ok()?;
    Some(if number.is_i64() || number.is_u64() { number } else { number_of(number.as_f64()?) })
}

fn number_of(number: f64) -> Json {
    // Whole numbers are written as such.
    #[expect(clippy::cast_possible_truncation, reason = "bounded before")]
    let whole = (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64);
    whole.map_or_else(|| Number::from_f64(number).map_or(Json::Null, Json::Number), Json::from)
}

fn calculate(
    left: &Json,
    right: &Json,
    whole: fn(i64, i64) -> Option<i64>,
    real: fn(f64, f64) -> f64,
) -> Result<Json, String> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64())
        && let Some(exact) = whole(left, right)
    {
        return Ok(exact.into());
    }
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => {
            let (left, right) = (left.as_f64(), right.as_f64());
            Ok(number_of(real(left.unwrap_or_default(), right.unwrap_or_default())))
        }
        (left, right) => Err(format!("{} and {} are no numbers", kind(left), kind(right))),
    }
}

fn add(left: &Json, right: &Json) -> Result<Json, String> {
    match (left, right) {
        (Json::Null, other) | (other, Json::Null) => Ok(other.clone()),
        (Json::String(left), Json::String(right)) => Ok(format!("{left}{right}").into()),
        (Json::Array(left), Json::Array(right)) => Ok(left.iter().chain(right).cloned().collect()),
        (Json::Object(left), Json::Object(right)) => {
            let members =
                left.iter().chain(right).map(|(name, value)| (name.clone(), value.clone()));
            Ok(Json::Object(members.collect::<Map<_, _>>()))
        }
        (left, right) => calculate(left, right, i64::checked_add, |a, b| a + b),
    }
}

fn split(text: &str, separator: &str) -> Json {
    if separator.is_empty() {
        return text.chars().map(|character| Json::from(character.to_string())).collect();
    }
    text.split(separator).map(Json::from).collect()
}

fn join(value: &Json, separator: &Json) -> Result<Json, String> {
    let part = |item: &Json| match item {
        Json::Null => Ok(String::new()),
        Json::Bool(_) | Json::Number(_) | Json::String(_) => Ok(plain(item)),
        Json::Array(_) | Json::Object(_) => Err(format!("{} can't be joined", kind(item))),
    };
    let parts: Vec<String> = items(value)?.iter().map(part).collect::<Result<_, _>>()?;
    Ok(parts.join(text(separator)?).into())
}

fn length(value: &Json) -> Result<Json, String> {
    Ok(match value {
        Json::Null => 0.into(),
        Json::Bool(_) => return Err("boolean has no length".to_owned()),
        Json::Number(number) => number_of(number.as_f64().unwrap_or_default().abs()),
        Json::String(text) => text.chars().count().into(),
        Json::Array(items) => items.len().into(),
        Json::Object(members) => members.len().into(),
    })
}

fn keys(value: &Json) -> Result<Json, String> {
    match value {
        // Sorted, as the members of a JSON object are here.
        Json::Object(members) => Ok(members.keys().map(|name| Json::from(name.as_str())).collect()),
        other => Ok((0..items(other)?.len()).map(Json::from).collect()),
    }
}

fn has(value: &Json, key: &Json) -> Result<Json, String> {
    match (value, key) {
        (Json::Object(members), Json::String(name)) => Ok(members.contains_key(name).into()),
        (Json::Array(items), Json::Number(_)) => Ok(item(items, key).is_some().into()),
        (value, key) => Err(format!("{} has no {}", kind(value), kind(key))),
    }
}

fn contains(value: &Json, part: &Json) -> Result<Json, String> {
    fn within(value: &Json, part: &Json) -> bool {
        match (value, part) {
            (Json::Object(value), Json::Object(part)) => part
                .iter()
                .all(|(name, part)| value.get(name).is_some_and(|value| within(value, part))),
            (Json::Array(value), Json::Array(part)) => {
                part.iter().all(|part| value.iter().any(|value| within(value, part)))
            }
            (Json::String(value), Json::String(part)) => value.contains(part.as_str()),
            (value, part) => compare(value, part).is_eq(),
        }
    }
    if kind(value) != kind(part) {
        return Err(format!("{} contains no {}", kind(value), kind(part)));
    }
    Ok(within(value, part).into())
}

fn any(value: &Json) -> Result<Json, String> {
    Ok(items(value)?.iter().any(|item| !matches!(item, Json::Null | Json::Bool(false))).into())
}

fn all(value: &Json) -> Result<Json, String> {
    Ok(items(value)?.iter().all(|item| !matches!(item, Json::Null | Json::Bool(false))).into())
}

fn to_entries(value: &Json) -> Result<Json, String> {
    let Json::Object(members) = value else {
        return Err(format!("{} has no entries", kind(value)));
    };
    Ok(members.iter().map(|(name, value)| json!({ "key": name, "value": value })).collect())
}

fn from_entries(value: &Json) -> Result<Json, String> {
    let mut members = Map::new();
    for entry in items(value)? {
        let named = |names: &[&str]| names.iter().find_map(|name| entry.get(*name)).cloned();
        let name = match named(&["key", "k", "name", "Name", "Key", "K"]) {
            Some(Json::String(name)) => name,
            other => return Err(format!("{} is no key", kind(&other.unwrap_or_default()))),
        };
        members.insert(name, named(&["value", "v", "Value", "V"]).unwrap_or_default());
    }
    Ok(Json::Object(members))
}
