//! Whether the value of an expression fits the field that takes it.

use cel::{Env, Field, ObjectType, Type};

/// Whether a value of type `found` may stand where `expected` is wanted: by the rules of CEL, or by
/// structure. `env` has the object types of both.
///
/// Source: kro-cel-env facts, section 9.
#[must_use]
pub fn fits(expected: &Type, found: &Type, env: &Env) -> bool {
    mismatch(expected, found, env).is_none()
}

/// Why a value of type `found` does not [fit](fits) where `expected` is wanted, in words; `None`
/// if it does. Types are named as the environment does.
#[must_use]
pub fn mismatch(expected: &Type, found: &Type, env: &Env) -> Option<String> {
    if expected.is_assignable_from(found) { None } else { structural(expected, found, env) }
}

fn structural(expected: &Type, found: &Type, env: &Env) -> Option<String> {
    match (expected, found) {
        (Type::Dyn | Type::Error, _) | (_, Type::Dyn | Type::Error) => None,
        (_, Type::Optional(inner)) => structural(expected, inner, env),
        (Type::Object(expected), Type::Object(found)) => object_to_object(expected, found, env),
        (Type::Object(expected), Type::Map(entry)) => {
            map_to_object(expected, &entry.0, &entry.1, env)
        }
        // The reference lets anything without fields into an object's place.
        (Type::Object(_), _) => None,
        (Type::Map(entry), Type::Object(found)) => object_to_map(&entry.1, found, env),
        // The reference compares parameters of types, whatever the types: a map fits a list if its
        // keys fit the elements.
        (Type::List(element), found) => match parameters(found).first() {
            Some(first) => {
                structural(element, first, env).map(|why| format!("the elements: {why}"))
            }
            None => Some(different(expected, found)),
        },
        (Type::Map(entry), found) => match parameters(found).as_slice() {
            [key, value, ..] => {
                structural(&entry.0, key, env).map(|why| format!("the keys: {why}")).or_else(|| {
                    structural(&entry.1, value, env).map(|why| format!("the values: {why}"))
                })
            }
            _ => Some(different(expected, found)),
        },
        _ => (expected != found).then(|| different(expected, found)),
    }
}

fn different(expected: &Type, found: &Type) -> String {
    format!("expected `{expected}`, found `{found}`")
}

fn parameters(ty: &Type) -> Vec<&Type> {
    match ty {
        Type::List(inner) | Type::Type(inner) => vec![inner],
        Type::Map(entry) => vec![&entry.0, &entry.1],
        Type::Opaque(opaque) => opaque.params.iter().collect(),
        _ => Vec::new(),
    }
}

/// An object type that comes from a schema; others have no fields for the reference.
fn object<'a>(name: &str, env: &'a Env) -> Option<&'a ObjectType> {
    env.object(name).filter(|_| name.starts_with("__type_")).map(|object| &**object)
}

/// What comes may lack fields, never have more.
fn object_to_object(expected: &str, found: &str, env: &Env) -> Option<String> {
    let (expected, found) = (object(expected, env)?, object(found, env)?);
    if expected.open {
        return None;
    }
    fields(found).find_map(|(name, field)| match expected.fields.get(name) {
        None => Some(format!("the field `{name}` does not exist there")),
        Some(slot) => {
            let why = structural(&slot.ty, &field.ty, env)?;
            Some(format!("field `{name}`: {why}"))
        }
    })
}

/// The value type of the map must fit every field: the reference does not look at keys.
fn map_to_object(expected: &str, key: &Type, value: &Type, env: &Env) -> Option<String> {
    let expected = object(expected, env)?;
    if *key != Type::String {
        return Some(format!("expected keys of type `string`, found `{key}`"));
    }
    fields(expected).find_map(|(name, field)| {
        let why = structural(&field.ty, value, env)?;
        Some(format!("the values of a map must fit every field, and `{name}` does not: {why}"))
    })
}

fn object_to_map(value: &Type, found: &str, env: &Env) -> Option<String> {
    fields(object(found, env)?).find_map(|(name, field)| {
        let why = structural(value, &field.ty, env)?;
        Some(format!("field `{name}`: {why}"))
    })
}

/// The fields for which the schema has a type.
fn fields(object: &ObjectType) -> impl Iterator<Item = (&str, &Field)> {
    object.fields.iter().map(|(name, field)| (&**name, field)).filter(|(_, field)| field.readable)
}
