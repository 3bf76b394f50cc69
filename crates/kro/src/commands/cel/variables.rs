//! The variables of an expression: their types and their values.

use cel::{Bindings, Env};
use clap::Args;
use diagnostics::{Diagnostics, FieldPath, yaml};
use graph::Declared;
use graph::language::environment as environment_of_definitions;
use schema::{Schema, infer};
use serde_json::{Map, Value};

use crate::input;
use crate::kinds::{KindArgs, KindSources};
use crate::report::{Findings, Source};
use crate::{Failure, Terminal};

/// Where variables come from.
#[derive(Debug, Args)]
pub(super) struct VariableArgs {
    /// A file with a mapping from variables to values; may be repeated, the last value counts.
    #[arg(long, value_name = "FILE")]
    vars: Vec<String>,
    /// One variable; the value is YAML.
    #[arg(long, value_name = "NAME=VALUE")]
    var: Vec<String>,
    /// A file with the types of variables; may be repeated.
    #[arg(long, value_name = "FILE")]
    schema: Vec<String>,
}

/// Declared variables, and values of some.
pub(super) struct Variables {
    pub(super) env: Env,
    values: Map<String, Value>,
}

// === impl Variables ===

impl Variables {
    /// Reads all files.
    ///
    /// # Errors
    /// When one can't be read, or is not what it should be.
    pub(super) fn read(
        args: &VariableArgs,
        kinds: &KindArgs,
        terminal: &mut Terminal,
    ) -> Result<Self, Failure> {
        let mut types = Vec::new();
        for name in &args.schema {
            let source = input::read_text(name)?;
            types.extend(declarations(source, kinds, terminal)?);
        }
        let mut values = Map::new();
        for name in &args.vars {
            let source = input::read_text(name)?;
            for document in documents(&source, terminal)? {
                let Value::Object(fields) = document.value else {
                    let message =
                        format!("{}: expected a mapping from variables to values", source.name);
                    return Err(Failure::Usage(message));
                };
                values.extend(fields);
            }
        }
        for argument in &args.var {
            let (name, value) = argument
                .split_once('=')
                .ok_or_else(|| Failure::Usage(format!("--var {argument}: expected NAME=VALUE")))?;
            let source = Source::new(format!("--var {name}"), value);
            let document = documents(&source, terminal)?.into_iter().next();
            let value = document.map_or(Value::Null, |document| document.value);
            values.insert(name.to_owned(), value);
        }
        Ok(Self { env: environment(&types, &values), values })
    }

    /// Declares `name` with the type that the checker found, or gives it another value.
    pub(super) fn set(&mut self, name: &str, ty: cel::Type, value: Value) {
        let env = self.env.extend().variable(name, ty).build();
        self.env = env.expect("invariant: a variable adds no signature");
        self.values.insert(name.to_owned(), value);
    }

    /// The values; what is declared and has none is unknown.
    pub(super) fn bindings(&self) -> Bindings<'_> {
        let mut bindings = Bindings::new();
        for name in self.env.variable_names() {
            match self.values.get(name) {
                Some(value) => bindings.json(name.to_owned(), value),
                None => bindings.unknown(name.to_owned()),
            };
        }
        bindings
    }

    /// The value of a variable.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }
}

/// kro's environment with these variables; what has a value and no type is `dyn`.
fn environment(types: &[Declared], values: &Map<String, Value>) -> Env {
    let typed =
        types.iter().fold(environment_of_definitions(), |env, Declared { name, schema, list }| {
            match list {
                true => infer::declare_list(env, name, schema),
                false => infer::declare(env, name, schema),
            }
        });
    let untyped = values.keys().filter(|name| types.iter().all(|typed| typed.name != **name));
    let env = untyped.fold(typed, |env, name| env.variable(name, cel::Type::Dyn));
    env.build().expect("invariant: variables add no signature")
}

fn documents(source: &Source, terminal: &mut Terminal) -> Result<Vec<yaml::Document>, Failure> {
    let (documents, mistakes) = yaml::read(&source.text);
    let mut findings = Findings::default();
    let file = findings.add_source(Source::new(source.name.as_str(), source.text.as_str()));
    for mistake in mistakes {
        let code = diagnostics::Code::UnreadableDocument;
        findings.add_bare(file, mistake.span, code, mistake.severity, mistake.message);
    }
    findings.show_text(&mut terminal.err)?;
    if findings.has_errors() { Err(Failure::Mistakes) } else { Ok(documents) }
}

/// The variables that a file declares, see the help of `kro cel check`.
fn declarations(
    source: Source,
    kinds: &KindArgs,
    terminal: &mut Terminal,
) -> Result<Vec<Declared>, Failure> {
    let mut declared = Vec::new();
    let documents = documents(&source, terminal)?;
    let mut findings = Findings::default();
    let name = source.name.clone();
    let file = findings.add_source(source);
    let wrong = |what: &dyn std::fmt::Display| Failure::Usage(format!("{name}: {what}"));
    for document in documents {
        let value = &document.value;
        match value["kind"].as_str() {
            Some("ResourceGraphDefinition") => {
                let (variables, found) = definition(value, kinds)?;
                declared.extend(variables);
                findings.add(file, &document.map, found);
            }
            Some("CustomResourceDefinition") => {
                let kinds = schema::openapi::kinds_of_crd(value).map_err(|error| wrong(&error))?;
                declared.extend(kinds.into_iter().map(|kind| variable("self", kind.schema)));
            }
            Some(_) | None if value["type"] == "object" && value["properties"].is_object() => {
                let schema = Schema::from_json(value).map_err(|error| wrong(&error))?;
                declared.extend(properties(&schema));
            }
            Some(_) | None => {
                let root = FieldPath::root();
                let (schema, found) = schema::simple_schema::build(Some(value), None, &root);
                let found = found.into_iter().map(|mut diagnostic| {
                    // Places are those of a definition's `spec`; here the file is that mapping.
                    diagnostic.place.path = below_first(&diagnostic.place.path);
                    diagnostic
                });
                findings.add(file, &document.map, found.collect());
                declared.extend(properties(&schema));
            }
        }
    }
    findings.show_text(&mut terminal.err)?;
    if findings.has_errors() { Err(Failure::Mistakes) } else { Ok(declared) }
}

/// A path without its first segment.
fn below_first(path: &FieldPath) -> FieldPath {
    path.segments().into_iter().skip(1).cloned().collect()
}

fn properties(schema: &Schema) -> Vec<Declared> {
    schema.properties.iter().map(|(name, schema)| variable(name, schema.clone())).collect()
}

fn variable(name: &str, schema: Schema) -> Declared {
    Declared { name: name.to_owned(), schema, list: false }
}

/// `schema` and the ids of the resources of a definition, and what is wrong with their types.
///
/// # Errors
/// When a kind can't be looked up.
fn definition(value: &Value, kinds: &KindArgs) -> Result<(Vec<Declared>, Diagnostics), Failure> {
    let (spec, found) = graph::read(value);
    let Some(spec) = spec else { return Ok((Vec::new(), found)) };
    let kinds = KindSources::new(kinds)?.of(&spec)?;
    Ok(graph::variables(&spec, &kinds))
}
