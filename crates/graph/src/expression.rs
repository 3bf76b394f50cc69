//! A compiled expression, and what it evaluates to.

use crate::condition::AuthorCondition;
use crate::language;
use crate::node::NodeId;
use crate::scope::{SCHEMA, Scope};
use cel::library::{Condition, runtime_value};
use diagnostics::FieldPath;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

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
    /// The iterators that it reads, or `each`.
    pub(crate) variables: Vec<String>,
    /// What it sees of the instance.
    pub(crate) instance: InstanceAccess,
    /// Whether it reads the instance.
    pub(crate) reads_schema: bool,
    /// Whether it is the whole value of its field, not part of a text.
    pub(crate) standalone: bool,
    /// Whether it reads a Secret or is a part of one: no value is told when it fails.
    pub(crate) discreet: bool,
}

/// What an expression sees of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InstanceAccess {
    /// Nothing.
    None,
    /// All but its status.
    Declared,
    /// Also kro's own conditions: author conditions, which have the variable `runtime`, too.
    Observed,
}

/// A variable and the fields below it that an expression reads, as far as they are fixed names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadPath {
    pub(crate) root: String,
    pub(crate) fields: Vec<String>,
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

// === impl Expression ===

impl Expression {
    /// What stands in the definition.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it stands in the definition.
    #[must_use]
    pub fn path(&self) -> &FieldPath {
        &self.path
    }

    /// Whether it is the whole value of its field, not part of a text.
    #[must_use]
    pub fn is_standalone(&self) -> bool {
        self.standalone
    }

    /// Whether it reads resources, not only the instance.
    #[must_use]
    pub fn reads_resources(&self) -> bool {
        !self.nodes.is_empty()
    }

    /// The resources that it reads, in the order of declaration.
    #[must_use]
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// The iterators that it reads, or `each`.
    #[must_use]
    pub fn variables(&self) -> &[String] {
        &self.variables
    }

    /// Whether it reads the instance.
    #[must_use]
    pub fn reads_instance(&self) -> bool {
        self.reads_schema
    }

    /// All names that it reads, sorted: resources, the instance, iterators, `runtime`.
    #[must_use]
    pub fn references(&self) -> BTreeSet<&str> {
        self.paths.iter().map(|path| path.root.as_str()).collect()
    }

    /// The value, as JSON. An absent optional is null.
    ///
    /// # Errors
    ///
    /// [`Stop::Unresolved`] when a resource that it reads does not exist in `scope`, or lacks
    /// data that it reads; [`Stop::Fatal`] for everything else, also a value that is no JSON.
    pub fn eval(&self, scope: &Scope<'_>) -> Result<Value, Stop> {
        self.eval_with(scope, |value| value.to_json().map_err(|error| self.no_json(&error)))
    }

    /// The value for a field of a template; `None` when `omit()` removes the field. Elements and
    /// entries of the value that are `omit()` are left out.
    ///
    /// # Errors
    ///
    /// As [`Expression::eval`].
    pub(crate) fn eval_field(&self, scope: &Scope<'_>) -> Result<Option<Value>, Stop> {
        self.eval_with(scope, |value| {
            language::written(&value).map_err(|error| self.no_json(&error))
        })
    }

    /// The values that a dimension of a collection runs over.
    ///
    /// # Errors
    ///
    /// As [`Expression::eval`]; a value that is no list is fatal.
    pub fn items(&self, scope: &Scope<'_>) -> Result<Vec<Value>, Stop> {
        match self.eval(scope)? {
            Value::Array(items) => Ok(items),
            Value::Null => Err(self.fatal(&"expected a list, got null")),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                Err(self.fatal(&"expected a list"))
            }
        }
    }

    /// The conditions that an entry of `status.conditions` gives: one, or a list of them.
    ///
    /// # Errors
    ///
    /// As [`Expression::eval`]; a value that is no condition is fatal.
    pub fn conditions(&self, scope: &Scope<'_>) -> Result<Vec<AuthorCondition>, Stop> {
        self.eval_with(scope, |value| match value {
            cel::Value::List(list) => list
                .iter()
                .map(|element| match element {
                    Ok(element) => self.condition(&element),
                    Err(error) => Err(self.fatal(&self.words(&error))),
                })
                .collect(),
            value => Ok(vec![self.condition(&value)?]),
        })
    }

    fn condition(&self, value: &cel::Value<'_>) -> Result<AuthorCondition, Stop> {
        match value.downcast::<Condition>() {
            Some(condition) => Ok(AuthorCondition::from(condition)),
            None => {
                let name = value.type_name();
                Err(self.fatal(&format!("expected a condition, got a value of type {name}")))
            }
        }
    }

    fn eval_with<T>(
        &self,
        scope: &Scope<'_>,
        convert: impl FnOnce(cel::Value<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut bindings = cel::Bindings::new();
        match self.instance {
            InstanceAccess::None => {}
            InstanceAccess::Declared => {
                bindings.json(SCHEMA, scope.instance());
            }
            InstanceAccess::Observed => {
                bindings.json(SCHEMA, scope.observed_instance());
                bindings.value("runtime", runtime_value());
            }
        }
        for name in &self.variables {
            if let Some(value) = scope.variable(name) {
                bindings.json(name.as_str(), value);
            }
        }
        for &node in &self.nodes {
            let id = scope.graph().node(node).id.as_str();
            match scope.object(node) {
                Some(object) => bindings.json(id, object),
                None => bindings.unknown(id),
            };
        }
        match self.program.eval(&bindings) {
            cel::Outcome::Value(value) => convert(value),
            cel::Outcome::Unknown(unknown) => {
                let awaited: Vec<String> =
                    unknown.attributes().iter().map(ToString::to_string).collect();
                Err(self.unresolved(format!("waiting for {}", awaited.join(", "))))
            }
            cel::Outcome::Error(error) if error.is_missing_data() => {
                Err(self.unresolved(self.words(&error.kind)))
            }
            cel::Outcome::Error(error) => Err(self.fatal(&self.words(&error.kind))),
        }
    }

    fn no_json(&self, error: &cel::ConvertError) -> Stop {
        if self.discreet { self.fatal(&"the value has no JSON form") } else { self.fatal(error) }
    }

    fn words(&self, error: &cel::ErrorKind) -> String {
        if self.discreet { error.discreet(&self.source) } else { error.to_string() }
    }

    fn unresolved(&self, missing: String) -> Stop {
        let only_instance = self.nodes.is_empty() && self.variables.is_empty();
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
