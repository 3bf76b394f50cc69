//! Whether the value of an expression fits the field that takes it.

use cel::{Env, Field, ObjectType, Type};

/// Whether a value of type `found` may stand where `expected` is wanted: by the rules of CEL, or by
/// structure. `env` has the object types of both.
///
/// Source: kro-cel-env facts, section 9.
#[must_use]
pub fn fits(expected: &Type, found: &Type, env: &Env) -> bool {
    expected.is_assignable_from(found) || structural(expected, found, env)
}

fn structural(expected: &Type, found: &Type, env: &Env) -> bool {
    match (expected, found) {
        (Type::Dyn | Type::Error, _) | (_, Type::Dyn | Type::Error) => true,
        (_, Type::Optional(inner)) => structural(expected, inner, env),
        (Type::Object(expected), Type::Object(found)) => object_to_object(expected, found, env),
        (Type::Object(expected), Type::Map(entry)) => {
            map_to_object(expected, &entry.0, &entry.1, env)
        }
        // The reference lets anything without fields into an object's place.
        (Type::Object(_), _) => true,
        (Type::Map(entry), Type::Object(found)) => object_to_map(&entry.1, found, env),
        // The reference compares parameters of types, whatever the types: a map fits a list if its
        // keys fit the elements.
        (Type::List(expected), found) => {
            parameters(found).first().is_some_and(|found| structural(expected, found, env))
        }
        (Type::Map(expected), found) => match parameters(found).as_slice() {
            [key, value, ..] => {
                structural(&expected.0, key, env) && structural(&expected.1, value, env)
            }
            _ => false,
        },
        _ => expected == found,
    }
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
fn object_to_object(expected: &str, found: &str, env: &Env) -> bool {
    let (Some(expected), Some(found)) = (object(expected, env), object(found, env)) else {
        return true;
    };
    expected.open
        || fields(found).all(|(name, field)| {
            expected.fields.get(name).is_some_and(|slot| structural(&slot.ty, &field.ty, env))
        })
}

/// The value type of the map must fit every field: the reference does not look at keys.
fn map_to_object(expected: &str, key: &Type, value: &Type, env: &Env) -> bool {
    object(expected, env).is_none_or(|expected| {
        *key == Type::String && fields(expected).all(|(_, field)| structural(&field.ty, value, env))
    })
}

fn object_to_map(value: &Type, found: &str, env: &Env) -> bool {
    object(found, env)
        .is_none_or(|found| fields(found).all(|(_, field)| structural(value, &field.ty, env)))
}

/// The fields for which the schema has a type.
fn fields(object: &ObjectType) -> impl Iterator<Item = (&str, &Field)> {
    object.fields.iter().map(|(name, field)| (&**name, field)).filter(|(_, field)| field.readable)
}
