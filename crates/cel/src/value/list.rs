//! Lists.

use std::sync::Arc;

use serde_json::Value as Json;

use super::json::{Shaped, from_json};
use crate::{
    ErrorKind, ListSemantics, Value,
    shape::{Shape, Shapes},
};

/// A list: bound JSON or computed.
#[derive(Clone, Debug)]
#[expect(private_interfaces, reason = "bound data is made by bindings only")]
pub enum List<'a> {
    /// Bound JSON with its declared type.
    #[doc(hidden)]
    Json(Shaped<'a, Vec<Json>>),
    /// Computed elements.
    Owned(Arc<Vec<Value<'a>>>),
}

impl<'a> List<'a> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            List::Json(list) => list.json.len(),
            List::Owned(list) => list.len(),
        }
    }

    /// True without elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at a position; `None` beyond the end.
    pub fn get(&self, index: usize) -> Option<Result<Value<'a>, Box<ErrorKind>>> {
        match self {
            List::Json(list) => {
                let json = list.json.get(index)?;
                Some(from_json(json, list.shapes, element_shape(list)))
            }
            List::Owned(list) => list.get(index).cloned().map(Ok),
        }
    }

    /// All elements. Bound data that does not have its declared type gives an error in its place.
    pub fn iter(&self) -> impl Iterator<Item = Result<Value<'a>, Box<ErrorKind>>> + '_ {
        (0..self.len()).filter_map(|i| self.get(i))
    }

    /// All elements in a vector.
    ///
    /// # Errors
    /// The first element that does not have its declared type.
    pub fn to_vec(&self) -> Result<Vec<Value<'a>>, Box<ErrorKind>> {
        match self {
            List::Json(_) => self.iter().collect(),
            List::Owned(list) => Ok(list.to_vec()),
        }
    }

    pub(crate) fn semantics(&self) -> Option<&'a ListSemantics> {
        match self {
            List::Json(list) => match list.shape() {
                Shape::List { semantics, .. } => Some(semantics),
                _ => None,
            },
            List::Owned(_) => None,
        }
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> List<'static> {
        let elements = self
            .iter()
            .map(|element| element.map_or(Value::Null, Value::into_owned))
            .collect::<Vec<_>>();
        List::Owned(Arc::new(elements))
    }
}

fn element_shape(list: &Shaped<'_, Vec<Json>>) -> u32 {
    match list.shape() {
        Shape::List { element, .. } => *element,
        _ => Shapes::DYN,
    }
}
