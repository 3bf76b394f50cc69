//! Declared types of bound data, resolved into a table: how JSON is read.

use std::{collections::HashMap, sync::Arc};

use crate::{ListSemantics, ObjectType, Type};

/// A resolved type. The first one of a table is always [`Shape::Dyn`].
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// As the JSON says.
    Dyn,
    /// One of the types without parts; wrappers too.
    Scalar(Type),
    List {
        element: u32,
        semantics: ListSemantics,
    },
    Map {
        value: u32,
    },
    Object(Arc<ObjectShape>),
    /// Whole numbers and text.
    IntOrString,
    /// Never valid.
    Invalid,
}

/// An object type with its fields resolved.
#[derive(Clone, Debug)]
pub(crate) struct ObjectShape {
    pub(crate) name: Arc<str>,
    pub(crate) open: bool,
    /// Sorted by name.
    pub(crate) fields: Vec<FieldShape>,
}

#[derive(Clone, Debug)]
pub(crate) struct FieldShape {
    pub(crate) name: Arc<str>,
    /// Name of the JSON property.
    pub(crate) property: Arc<str>,
    pub(crate) shape: u32,
}

impl ObjectShape {
    /// Null counts as absent where some field is declared.
    pub(crate) fn null_is_absent(&self) -> bool {
        !self.fields.is_empty()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&FieldShape> {
        let at = self.fields.binary_search_by(|f| (*f.name).cmp(name)).ok()?;
        self.fields.get(at)
    }
}

/// All resolved types of an environment.
#[derive(Clone, Debug)]
pub(crate) struct Shapes {
    nodes: Vec<Shape>,
    objects: HashMap<Arc<str>, u32>,
}

/// What untyped data is read with.
pub(crate) static UNTYPED: std::sync::LazyLock<Shapes> = std::sync::LazyLock::new(Shapes::new);

impl Shapes {
    pub(crate) const DYN: u32 = 0;

    pub(crate) fn new() -> Shapes {
        Shapes { nodes: vec![Shape::Dyn], objects: HashMap::new() }
    }

    pub(crate) fn get(&self, index: u32) -> &Shape {
        self.nodes.get(index as usize).unwrap_or(&Shape::Dyn)
    }

    fn push(&mut self, shape: Shape) -> u32 {
        let index = u32::try_from(self.nodes.len()).unwrap_or(Self::DYN);
        self.nodes.push(shape);
        index
    }

    /// Resolves a type; object types are looked up in `objects`.
    pub(crate) fn resolve(
        &mut self,
        ty: &Type,
        semantics: &ListSemantics,
        objects: &HashMap<Arc<str>, Arc<ObjectType>>,
    ) -> u32 {
        let atomic = ListSemantics::Atomic;
        match ty {
            Type::Dyn
            | Type::Error
            | Type::Type(_)
            | Type::Optional(_)
            | Type::Opaque(_)
            | Type::Param(_)
            | Type::Var(_) => Self::DYN,
            Type::Null
            | Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::Timestamp
            | Type::Duration
            | Type::Wrapper(_) => self.push(Shape::Scalar(ty.clone())),
            Type::List(element) => {
                let element = self.resolve(element, &atomic, objects);
                self.push(Shape::List { element, semantics: semantics.clone() })
            }
            Type::Map(entry) => {
                let value = self.resolve(&entry.1, &atomic, objects);
                self.push(Shape::Map { value })
            }
            Type::Object(name) => {
                if let Some(index) = self.objects.get(name) {
                    return *index;
                }
                let Some(object) = objects.get(name) else { return Self::DYN };
                // The place is taken first, so that an object may contain itself.
                let index = self.push(Shape::Dyn);
                self.objects.insert(name.clone(), index);
                let mut fields: Vec<FieldShape> = Vec::with_capacity(object.fields.len());
                for (name, field) in &object.fields {
                    let shape = if !field.readable {
                        self.push(Shape::Invalid)
                    } else if field.int_or_string {
                        self.push(Shape::IntOrString)
                    } else {
                        self.resolve(&field.ty, &field.list, objects)
                    };
                    let property = field.property.clone().unwrap_or_else(|| name.clone());
                    fields.push(FieldShape { name: name.clone(), property, shape });
                }
                fields.sort_by(|a, b| a.name.cmp(&b.name));
                let shape = ObjectShape { name: object.name.clone(), open: object.open, fields };
                self.nodes[index as usize] = Shape::Object(Arc::new(shape));
                index
            }
        }
    }
}
