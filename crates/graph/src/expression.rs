//! A compiled expression, and what it evaluates to.

use crate::node::{Graph, NodeId};
use diagnostics::FieldPath;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The name of the instance in expressions.
pub(crate) const SCHEMA: &str = "schema";

/// An expression that was checked against the schemas of everything it reads.
#[derive(Debug)]
pub struct Expression {
    /// What stands in the definition, without `${` and `}`, or with them in a text.
    pub(crate) source: String,
    /// Where it stands in the definition.
    pub(crate) path: FieldPath,
    pub(crate) program: cel::Program,
    /// What it reads.
    pub(crate) paths: Vec<ReadPath>,
    /// The resources that it reads.
    pub(crate) nodes: Vec<NodeId>,
    /// Whether it reads the instance.
    pub(crate) reads_instance: bool,
}

/// A variable and the fields below it that an expression reads, as far as they are fixed names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadPath {
    pub(crate) root: String,
    pub(crate) fields: Vec<String>,
}

/// What expressions see: the instance, and the objects of resources as far as they exist.
#[derive(Debug)]
pub struct Scope<'a> {
    graph: &'a Graph,
    /// Without its status, which expressions can't read.
    instance: Value,
    objects: BTreeMap<NodeId, Arc<Value>>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Data that it reads is not there yet.
    Unresolved(Unresolved),
    /// It can never have one, for this data.
    Fatal(Fatal),
}

/// What an expression waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved {
    /// The expression.
    pub expression: String,
    /// What is missing.
    pub missing: String,
    /// Only the instance's own spec could supply it.
    pub only_instance: bool,
}

/// An evaluation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fatal {
    /// The expression.
    pub expression: String,
    /// What went wrong.
    pub message: String,
}

// === impl ReadPath ===

impl ReadPath {
    pub(crate) fn of(read: &cel::Read) -> Self {
        let fields = read.attribute.path.iter().map_while(|step| match step {
            cel::PathStep::Field(name) => {
                Some(schema::infer::unescape(name).unwrap_or_else(|| name.to_string()))
            }
            cel::PathStep::Index(_) | cel::PathStep::UintKey(_) | cel::PathStep::BoolKey(_) => None,
        });
        Self { root: read.attribute.root.to_string(), fields: fields.collect() }
    }
}

// === impl Scope ===

impl<'a> Scope<'a> {
    /// A scope in which no resource exists.
    #[must_use]
    pub fn new(graph: &'a Graph, instance: &Value) -> Self {
        let fields = instance.as_object().into_iter().flatten();
        let fields = fields.filter(|(key, _)| *key != "status");
        let instance = fields.map(|(key, value)| (key.clone(), value.clone())).collect();
        Self { graph, instance: Value::Object(instance), objects: BTreeMap::new() }
    }

    /// From now on expressions see `object` as the resource `node`.
    pub fn bind(&mut self, node: NodeId, object: &Arc<Value>) {
        self.objects.insert(node, object.clone());
    }
}

// === impl Expression ===

impl Expression {
    /// What stands in the definition.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it reads resources, not only the instance.
    #[must_use]
    pub fn reads_resources(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The value, as JSON.
    ///
    /// # Errors
    ///
    /// [`Stop::Unresolved`] when a resource that it reads does not exist in `scope`, or lacks
    /// data that it reads; [`Stop::Fatal`] for everything else, also a value that is no JSON.
    pub fn eval(&self, scope: &Scope<'_>) -> Result<Value, Stop> {
        let mut bindings = cel::Bindings::new();
        if self.reads_instance {
            bindings.json(SCHEMA, &scope.instance);
        }
        for &node in &self.nodes {
            let id = scope.graph.node(node).id.as_str();
            match scope.objects.get(&node) {
                Some(object) => bindings.json(id, object),
                None => bindings.unknown(id),
            };
        }
        match self.program.eval(&bindings) {
            cel::Outcome::Value(value) => value.to_json().map_err(|error| self.fatal(&error)),
            cel::Outcome::Unknown(unknown) => {
                let awaited: Vec<String> =
                    unknown.attributes().iter().map(ToString::to_string).collect();
                Err(self.unresolved(format!("waiting for {}", awaited.join(", "))))
            }
            cel::Outcome::Error(error) if error.is_missing_data() => {
                Err(self.unresolved(error.to_string()))
            }
            cel::Outcome::Error(error) => Err(self.fatal(&error)),
        }
    }

    fn unresolved(&self, missing: String) -> Stop {
        let only_instance = self.nodes.is_empty();
        Stop::Unresolved(Unresolved { expression: self.source.clone(), missing, only_instance })
    }

    fn fatal(&self, error: &dyn fmt::Display) -> Stop {
        Stop::Fatal(Fatal { expression: self.source.clone(), message: error.to_string() })
    }
}

// === impl Stop ===

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved(unresolved) => unresolved.fmt(f),
            Self::Fatal(fatal) => fatal.fmt(f),
        }
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expression \"{}\": {}", self.expression, self.missing)?;
        if self.only_instance {
            f.write_str(" (only the instance's spec can supply it)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fatal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to evaluate expression \"{}\": {}", self.expression, self.message)
    }
}
