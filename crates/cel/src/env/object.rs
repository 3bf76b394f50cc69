//! Object types that the caller declares.

use std::{collections::BTreeMap, sync::Arc};

use crate::Type;

/// An object type: its fields and their types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectType {
    /// The name, as it is printed.
    pub name: Arc<str>,
    /// The fields by the name that an expression uses.
    pub fields: BTreeMap<Arc<str>, Field>,
    /// Other fields are allowed and `dyn`.
    pub open: bool,
}

/// A field of an [`ObjectType`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its type.
    pub ty: Type,
    /// An object of the type always has it.
    pub required: bool,
    /// The name of the JSON property, where expressions use another one.
    pub property: Option<Arc<str>>,
    /// How a list compares and adds.
    pub list: ListSemantics,
    /// False for a field that is declared without a type: data in it is invalid.
    pub readable: bool,
    /// Only whole numbers and text are valid, in a field of type `dyn`.
    pub int_or_string: bool,
}

/// How a list that is bound data compares (`==`) and adds (`+`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListSemantics {
    /// By position.
    #[default]
    Atomic,
    /// A set: order has no meaning, adding is a union.
    Set,
    /// A map by the values of these fields: adding replaces elements with the same values.
    Map(Vec<Arc<str>>),
}

impl ObjectType {
    /// An object type without fields that takes no others.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        ObjectType { name: name.into(), fields: BTreeMap::new(), open: false }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: impl Into<Arc<str>>, field: Field) -> Self {
        self.fields.insert(name.into(), field);
        self
    }

    /// Other fields are allowed.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.open = true;
        self
    }
}

impl Field {
    /// An optional field of this type.
    pub fn new(ty: Type) -> Self {
        Field {
            ty,
            required: false,
            property: None,
            list: ListSemantics::Atomic,
            readable: true,
            int_or_string: false,
        }
    }

    /// An object always has it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The JSON property has another name.
    #[must_use]
    pub fn property(mut self, name: impl Into<Arc<str>>) -> Self {
        self.property = Some(name.into());
        self
    }

    /// Only whole numbers and text are valid.
    #[must_use]
    pub fn int_or_string(mut self) -> Self {
        self.int_or_string = true;
        self
    }

    /// The list compares and adds in its own way.
    #[must_use]
    pub fn list(mut self, semantics: ListSemantics) -> Self {
        self.list = semantics;
        self
    }
}
