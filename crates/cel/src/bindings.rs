//! Values for the variables of an expression.

use std::{borrow::Cow, sync::Arc};

use crate::{Attribute, Value, value::same_name};

/// Values for variables, borrowed or shared.
///
/// A variable that is declared but not bound is an error when it is read ([`NoSuchAttribute`](crate::ErrorKind::NoSuchAttribute));
/// one that is bound as unknown makes the results that depend on it [unknown](crate::Outcome::Unknown).
/// JSON is read with the type that the environment declares for the variable.
#[derive(Clone, Debug, Default)]
pub struct Bindings<'b> {
    entries: Vec<(Cow<'b, str>, Bound<'b>)>,
    unknown_paths: Vec<Attribute>,
}

#[derive(Clone, Debug)]
pub(crate) enum Bound<'b> {
    Json(&'b serde_json::Value),
    Shared(Arc<serde_json::Value>),
    Value(Value<'b>),
    Unknown,
}

impl<'b> Bindings<'b> {
    /// Without any.
    pub fn new() -> Self {
        Self::default()
    }

    fn set(&mut self, name: Cow<'b, str>, bound: Bound<'b>) -> &mut Self {
        match self.entries.iter_mut().find(|(n, _)| *n == name) {
            Some(entry) => entry.1 = bound,
            None => self.entries.push((name, bound)),
        }
        self
    }

    /// Binds JSON without copying it.
    pub fn json(
        &mut self,
        name: impl Into<Cow<'b, str>>,
        value: &'b serde_json::Value,
    ) -> &mut Self {
        self.set(name.into(), Bound::Json(value))
    }

    /// Binds shared JSON without copying it.
    pub fn shared(
        &mut self,
        name: impl Into<Cow<'b, str>>,
        value: Arc<serde_json::Value>,
    ) -> &mut Self {
        self.set(name.into(), Bound::Shared(value))
    }

    /// Binds a value, for instance an element of the result of another expression.
    pub fn value(&mut self, name: impl Into<Cow<'b, str>>, value: Value<'b>) -> &mut Self {
        self.set(name.into(), Bound::Value(value))
    }

    /// Says that the value is not known yet.
    pub fn unknown(&mut self, name: impl Into<Cow<'b, str>>) -> &mut Self {
        self.set(name.into(), Bound::Unknown)
    }

    /// Says that a part of a bound value is not known yet: whatever reads it, something in it or all of it is unknown.
    pub fn unknown_path(&mut self, attribute: Attribute) -> &mut Self {
        self.unknown_paths.push(attribute);
        self
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Bound<'b>> {
        self.entries.iter().find(|(n, _)| same_name(n, name)).map(|(_, bound)| bound)
    }

    pub(crate) fn unknown_paths(&self) -> &[Attribute] {
        &self.unknown_paths
    }
}
