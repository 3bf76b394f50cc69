//! Between schemas and the types of expressions.

use cel::EnvBuilder;
use cel::Field;
use cel::ListSemantics;
use cel::ObjectType;
use diagnostics::FieldPath;
use diagnostics::Segment;

use crate::ListType;
use crate::Schema;
use crate::SchemaNode;
use crate::Type;

mod names;
mod parts;
mod status;

pub use names::escape;
pub use names::unescape;
pub use parts::Parts;
pub use status::merge_elements;
pub use status::schema_of;

/// How deeply a schema is looked at; beyond, values are untyped.
const MAX_DEPTH: usize = 64;

/// Declares a variable that holds values of this schema, with the object types that it needs.
///
/// Object types are called `__type_VARIABLE`, and what they contain `__type_VARIABLE.field`,
/// `….@idx` (elements of a list) and `….@elem` (values of a map). A value that its schema gives no
/// type is declared as `dyn`.
#[must_use]
pub fn declare(env: EnvBuilder, variable: &str, schema: &Schema) -> EnvBuilder {
    let (ty, objects) = declared(schema, &format!("__type_{variable}"));
    let env = objects.into_iter().fold(env, EnvBuilder::object);
    env.list_variable(variable, ty, list_semantics(schema))
}

/// Declares a variable that holds a list of values of this schema: a collection.
#[must_use]
pub fn declare_list(env: EnvBuilder, variable: &str, element: &Schema) -> EnvBuilder {
    let (ty, objects) = declared(element, &format!("__type_{variable}"));
    let env = objects.into_iter().fold(env, EnvBuilder::object);
    env.variable(variable, cel::Type::list(ty))
}

fn declared(schema: &Schema, name: &str) -> (cel::Type, Vec<ObjectType>) {
    cel_type(schema, name).unwrap_or((cel::Type::Dyn, Vec::new()))
}

/// As [`declare`], but describes only the object types on the way to these parts and inside of
/// them. Others are named, so that it is known which fields there are: the schemas of kinds are
/// large, and a definition reads little of them.
#[must_use]
pub fn declare_parts(
    env: EnvBuilder,
    variable: &str,
    schema: &Schema,
    parts: &Parts,
) -> EnvBuilder {
    let (ty, objects) = declared_parts(schema, variable, parts);
    let env = objects.into_iter().fold(env, EnvBuilder::object);
    env.list_variable(variable, ty, list_semantics(schema))
}

/// As [`declare_list`], with the parts of the elements that are described, see [`declare_parts`].
#[must_use]
pub fn declare_list_parts(
    env: EnvBuilder,
    variable: &str,
    element: &Schema,
    parts: &Parts,
) -> EnvBuilder {
    let (ty, objects) = declared_parts(element, variable, parts);
    let env = objects.into_iter().fold(env, EnvBuilder::object);
    env.variable(variable, cel::Type::list(ty))
}

fn declared_parts(schema: &Schema, variable: &str, parts: &Parts) -> (cel::Type, Vec<ObjectType>) {
    let mut types = Types { objects: Vec::new(), name: format!("__type_{variable}") };
    match types.of(schema, 0, Depiction::Parts(parts)) {
        Some(ty) => (ty, types.objects),
        None => (cel::Type::Dyn, Vec::new()),
    }
}

/// The type that expressions see for a value of this schema, and the object types that it needs,
/// called as in [`declare`] with `name` as the beginning.
///
/// `None` if expressions cannot see such a value: its schema gives it no type. A place of such a
/// schema takes every value.
///
/// Field names that are no identifiers are [escaped](escape).
#[must_use]
pub fn cel_type(schema: &Schema, name: &str) -> Option<(cel::Type, Vec<ObjectType>)> {
    let mut types = Types { objects: Vec::new(), name: name.to_owned() };
    let ty = types.of(schema, 0, Depiction::All)?;
    Some((ty, types.objects))
}

/// The type of the place at `path` in an object of this schema that is declared as `variable`:
/// its object types are those that [`declare`] gives to the environment.
///
/// A place that the schema does not know, or to which it gives no type, takes everything: `dyn`.
#[must_use]
pub fn target_type(schema: &Schema, variable: &str, path: &FieldPath) -> cel::Type {
    let mut name = format!("__type_{variable}");
    let place = path.segments().into_iter().try_fold(schema, |schema, segment| {
        let (step, inside) = match segment {
            Segment::Index(_) => (Some("@idx".to_owned()), schema.items.as_ref()?),
            Segment::Field(key) if schema.map_values().is_some() => {
                (Some("@elem".to_owned()), schema.field(key)?)
            }
            Segment::Field(key) => (escape(key), schema.field(key)?),
        };
        name.push('.');
        name.push_str(&step?);
        Some(inside)
    });
    let Some(place) = place else { return cel::Type::Dyn };
    let mut types = Types { objects: Vec::new(), name };
    types.of(place, 0, Depiction::Name).unwrap_or(cel::Type::Dyn)
}

struct Types {
    objects: Vec<ObjectType>,
    /// What an object at the current place is called.
    name: String,
}

/// How object types are depicted.
#[derive(Clone, Copy)]
enum Depiction<'a> {
    /// Described with all that is in them.
    All,
    /// Described with these parts, the others are named.
    Parts(&'a Parts),
    /// Only named.
    Name,
}

impl<'a> Depiction<'a> {
    fn inside(self, step: &str) -> Self {
        match self {
            Self::Parts(parts) if parts.whole => Self::All,
            Self::Parts(parts) => parts.inside.get(step).map_or(Self::Name, Self::Parts),
            Self::All | Self::Name => self,
        }
    }
}

impl Types {
    fn of(&mut self, schema: &Schema, depth: usize, how: Depiction<'_>) -> Option<cel::Type> {
        if schema.is_int_or_string() || depth > MAX_DEPTH {
            return Some(cel::Type::Dyn);
        }
        Some(match schema.ty {
            None if schema.preserve_unknown_fields => cel::Type::Dyn,
            None => return None,
            Some(Type::String) => match schema.format.as_deref() {
                Some("byte") => cel::Type::Bytes,
                Some("date" | "date-time") => cel::Type::Timestamp,
                Some("duration") => cel::Type::Duration,
                Some(_) | None => cel::Type::String,
            },
            Some(Type::Integer) => cel::Type::Int,
            Some(Type::Number) => cel::Type::Double,
            Some(Type::Boolean) => cel::Type::Bool,
            Some(Type::Array) => {
                let items = schema.items.as_ref()?;
                cel::Type::list(self.inside("@idx", items, depth, how)?)
            }
            Some(Type::Object) => match schema.map_values() {
                // As upstream: values without a type do not hide the map, as elements do a list.
                Some(values) => {
                    let values = self.inside("@elem", values, depth, how);
                    cel::Type::map(cel::Type::String, values.unwrap_or(cel::Type::Dyn))
                }
                None => self.object(schema, depth, how),
            },
        })
    }

    /// The type of what is inside the current place.
    fn inside(
        &mut self,
        step: &str,
        schema: &Schema,
        depth: usize,
        how: Depiction<'_>,
    ) -> Option<cel::Type> {
        let length = self.name.len();
        self.name.push('.');
        self.name.push_str(step);
        let ty = self.of(schema, depth + 1, how.inside(step));
        self.name.truncate(length);
        ty
    }

    fn object(&mut self, schema: &Schema, depth: usize, how: Depiction<'_>) -> cel::Type {
        if let Depiction::Name = how {
            return cel::Type::object(&self.name);
        }
        let open = schema.preserve_unknown_fields;
        let mut object = ObjectType::new(self.name.as_str());
        object.open = open;
        let implied =
            if schema.embedded_resource { implied_properties(schema) } else { Vec::new() };
        let is_implied = |name: &str| implied.iter().any(|(implied, _)| *implied == name);
        let properties = schema.properties.iter().map(|(name, schema)| (&**name, schema));
        let properties = properties.filter(|(name, _)| !is_implied(name));
        for (property, schema) in
            properties.chain(implied.iter().map(|(name, schema)| (*name, schema)))
        {
            let Some(escaped) = escape(property) else { continue };
            let found = self.inside(&escaped, schema, depth, how);
            // As upstream: in an open object such a field can be named, but not read.
            let readable = found.is_some() || is_quantity(schema);
            let Some(ty) = found.or(open.then_some(cel::Type::Dyn)) else { continue };
            let mut field = Field::new(ty).list(list_semantics(schema));
            field.readable = readable;
            field.int_or_string = schema.is_int_or_string();
            if names::usable_after_dot(property) {
                object.fields.insert(property.into(), field.clone());
            }
            let field = if escaped == property { field } else { field.property(property) };
            object.fields.insert(escaped.into(), field);
        }
        let ty = cel::Type::object(&self.name);
        self.objects.push(object);
        ty
    }
}

fn list_semantics(schema: &SchemaNode) -> ListSemantics {
    match schema.list_type {
        Some(ListType::Set) => ListSemantics::Set,
        Some(ListType::Map) => {
            ListSemantics::Map(schema.list_map_keys.iter().map(|key| key.as_str().into()).collect())
        }
        Some(ListType::Atomic) | None => ListSemantics::Atomic,
    }
}

/// What an embedded object always has, whatever its schema says of it.
fn implied_properties(schema: &SchemaNode) -> Vec<(&'static str, Schema)> {
    let text = || Schema::of(Type::String);
    let declared = schema.properties.get("metadata").filter(|meta| meta.ty == Some(Type::Object));
    // Differs from kro: what the schema says of the metadata is kept.
    let mut metadata = declared.cloned().unwrap_or_else(|| Schema::of(Type::Object));
    for name in ["name", "generateName"] {
        metadata.make_mut().properties.entry(name.into()).or_insert_with(text);
    }
    vec![("apiVersion", text()), ("kind", text()), ("metadata", metadata)]
}

/// Whether it is how OpenAPI documents describe a quantity: no type, but a text or a number.
fn is_quantity(schema: &SchemaNode) -> bool {
    let types = schema.one_of.iter().map(|schema| schema.ty);
    schema.ty.is_none()
        && matches!(
            types.collect::<Vec<_>>().as_slice(),
            [Some(Type::String), Some(Type::Number)] | [Some(Type::Number), Some(Type::String)]
        )
}
