//! Whether the value of an expression fits the field that takes it.
//!
//! Source: kro-cel-env facts, section 9.

use cel::{Env, Type};
use schema::{Additional, Schema};

/// Whether a value of type `found` may stand where `expected` is wanted: by the rules of CEL, or by
/// structure. `schema` is that of the field, if it is known.
pub(super) fn fits(expected: &Type, found: &Type, schema: Option<&Schema>, env: &Env) -> bool {
    if expected.is_assignable_from(found) {
        return true;
    }
    let open = schema.is_some_and(|schema| {
        schema.preserve_unknown_fields
            || matches!(schema.additional, Some(Additional::Allowed(true)))
    });
    open || structural(expected, found, env)
}

fn structural(expected: &Type, found: &Type, env: &Env) -> bool {
    match (expected, found) {
        (_, Type::Optional(inner)) => {
            expected.is_assignable_from(inner) || structural(expected, inner, env)
        }
        (Type::Dyn | Type::Error, _) | (_, Type::Dyn | Type::Error) => true,
        (Type::List(expected), Type::List(found)) => structural(expected, found, env),
        (Type::Map(expected), Type::Map(found)) => {
            structural(&expected.0, &found.0, env) && structural(&expected.1, &found.1, env)
        }
        (Type::Object(expected), Type::Object(found)) => object_to_object(expected, found, env),
        (Type::Object(expected), Type::Map(found)) => {
            map_to_object(expected, &found.0, &found.1, env)
        }
        (Type::Map(expected), Type::Object(found)) => {
            let fields = env.object(found).into_iter().flat_map(|object| object.fields.values());
            expected.0 == Type::String
                && fields.into_iter().all(|field| structural(&expected.1, &field.ty, env))
        }
        // The reference lets anything without fields into an object's place.
        (Type::Object(_), _) => true,
        _ => expected == found,
    }
}

/// What comes may lack fields, never have more.
fn object_to_object(expected: &str, found: &str, env: &Env) -> bool {
    let (Some(expected), Some(found)) = (env.object(expected), env.object(found)) else {
        return false;
    };
    expected.open
        || found.fields.iter().all(|(name, field)| {
            expected.fields.get(name).is_some_and(|slot| structural(&slot.ty, &field.ty, env))
        })
}

/// The value type of the map must fit every field: the reference does not look at keys.
fn map_to_object(expected: &str, key: &Type, value: &Type, env: &Env) -> bool {
    let Some(expected) = env.object(expected) else { return false };
    *key == Type::String
        && (expected.open
            || expected.fields.values().all(|field| structural(&field.ty, value, env)))
}
