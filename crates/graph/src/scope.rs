//! What expressions see.

use crate::node::{Graph, NodeId};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of the instance in expressions.
pub(crate) const SCHEMA: &str = "schema";

/// The name of the current object in the conditions of a collection.
pub const EACH: &str = "each";

/// What expressions see: the instance, the objects of resources as far as they exist, and the
/// variables of an iteration.
///
/// Cloning is cheap: what is bound is shared.
#[derive(Debug, Clone)]
pub struct Scope<'a> {
    graph: &'a Graph,
    /// Without its status, which expressions can't read.
    instance: Arc<Value>,
    /// With kro's own conditions, for author conditions.
    observed_instance: Option<Arc<Value>>,
    /// An object, or an array of objects for what expressions see as a list.
    objects: Arc<BTreeMap<NodeId, Arc<Value>>>,
    variables: Vec<(Arc<str>, Arc<Value>)>,
}

// === impl Scope ===

impl<'a> Scope<'a> {
    /// A scope in which no resource exists.
    #[must_use]
    pub fn new(graph: &'a Graph, instance: &Value) -> Self {
        Self {
            graph,
            instance: Arc::new(without_status(instance)),
            observed_instance: None,
            objects: Arc::default(),
            variables: Vec::new(),
        }
    }

    /// From now on expressions see `object` as the resource `node`.
    pub fn bind(&mut self, node: NodeId, object: &Arc<Value>) {
        Arc::make_mut(&mut self.objects).insert(node, object.clone());
    }

    /// From now on expressions see these objects as the resource `node`, which is a collection or
    /// an external reference with a selector: a list, in this order.
    pub fn bind_list(&mut self, node: NodeId, objects: &[Arc<Value>]) {
        let list = objects.iter().map(|object| Value::clone(object)).collect();
        Arc::make_mut(&mut self.objects).insert(node, Arc::new(list));
    }

    /// From now on author conditions see these conditions (a list, as in an object's status) on
    /// the instance: `runtime.condition(schema, 'Ready')`.
    pub fn bind_runtime(&mut self, conditions: Value) {
        let mut instance = Value::clone(&self.instance);
        if let Value::Object(fields) = &mut instance {
            let status = Map::from_iter([("conditions".to_owned(), conditions)]);
            fields.insert("status".to_owned(), Value::Object(status));
        }
        self.observed_instance = Some(Arc::new(instance));
    }

    /// This scope with variables: the iterators of a collection's item, or [`EACH`]. A later one
    /// hides an earlier one of the same name.
    #[must_use]
    pub fn with_variables<'v>(
        &self,
        variables: impl IntoIterator<Item = (&'v str, Value)>,
    ) -> Self {
        let mut inner = self.clone();
        let variables = variables.into_iter();
        inner.variables.extend(variables.map(|(name, value)| (name.into(), Arc::new(value))));
        inner
    }

    pub(crate) fn graph(&self) -> &'a Graph {
        self.graph
    }

    pub(crate) fn instance(&self) -> &Value {
        &self.instance
    }

    pub(crate) fn observed_instance(&self) -> &Value {
        self.observed_instance.as_ref().unwrap_or(&self.instance)
    }

    pub(crate) fn object(&self, node: NodeId) -> Option<&Value> {
        self.objects.get(&node).map(|object| &**object)
    }

    pub(crate) fn variable(&self, name: &str) -> Option<&Value> {
        let found = self.variables.iter().rev().find(|(known, _)| **known == *name);
        found.map(|(_, value)| &**value)
    }
}

fn without_status(instance: &Value) -> Value {
    let fields = instance.as_object().into_iter().flatten();
    let fields = fields.filter(|(key, _)| *key != "status");
    fields.map(|(key, value)| (key.clone(), value.clone())).collect::<Map<_, _>>().into()
}
