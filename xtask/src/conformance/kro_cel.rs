//! Expressions and templates with what kro's Go stack made of them.
//!
//! Nothing of the language is in here: types of schemas come from `schema`, texts with expressions,
//! fields that a value fits and what is written of a value from `graph`, as in the compiler.

use std::collections::BTreeMap;
use std::path::Path;

use cel::{Bindings, Env, Outcome, Program, Type, Value, library};
use diagnostics::FieldPath;
use graph::language::{self, Text};
use schema::{Schema, infer};
use serde_json::{Map, Value as Json};

use super::{Mismatch, Report, SkipList, json_files};

mod notation;

/// Vectors on which ours is better, or different on purpose.
pub fn skip_list() -> SkipList {
    SkipList::parse(include_str!("../../../conformance/skips/kro-cel.txt"))
}

/// Runs all files of a folder in the environment of kro; its folder `schemas` has the types.
pub fn run(dir: &Path) -> Report {
    let mut report = Report::default();
    let list = skip_list();
    let mut schemas = BTreeMap::new();
    // Vectors without types need no schemas.
    if dir.join("schemas").is_dir() {
        for (name, json) in json_files(&dir.join("schemas"), &mut report) {
            match Schema::from_json(&json) {
                Ok(schema) => _ = schemas.insert(format!("{name}.json"), schema),
                Err(error) => report.broken(&format!("schemas/{name}"), &error.to_string()),
            }
        }
    }
    for (file, vectors) in json_files(dir, &mut report) {
        let Some(vectors) = vectors.as_array() else {
            report.broken(&file, "no array of vectors");
            continue;
        };
        for vector in vectors {
            let Some(vector) = Vector::read(vector) else {
                report.broken(&file, &format!("a vector without what every vector has: {vector}"));
                continue;
            };
            match vector.run(&schemas) {
                Err((mismatch, true))
                    if list.reason(&format!("{file}/{}", vector.name)).is_none() =>
                {
                    let reason = format!("marked as a defect of the Go stack: {}", mismatch.got);
                    report.skip(&file, vector.name, &reason);
                }
                result => {
                    let result = result.map_err(|(mismatch, _)| mismatch);
                    report.record(&list, &file, vector.name, result);
                }
            }
        }
    }
    report
}

struct Vector<'a> {
    name: &'a str,
    /// The expression, or the template.
    source: Source<'a>,
    vars: Option<&'a Map<String, Json>>,
    /// File of the schema of each variable, in typed vectors.
    schemas: Option<&'a Map<String, Json>>,
    all: &'a Json,
}

enum Source<'a> {
    Expression(&'a str),
    Template(&'a str),
}

impl<'a> Vector<'a> {
    fn read(all: &'a Json) -> Option<Self> {
        let source = match (all["template"].as_str(), all["expr"].as_str()) {
            (Some(template), _) => Source::Template(template),
            (None, Some(expression)) => Source::Expression(expression),
            (None, None) => return None,
        };
        let vars = all["vars"].as_object();
        let schemas = all["schemas"].as_object();
        Some(Self { name: all["name"].as_str()?, source, vars, schemas, all })
    }

    /// The first difference, and whether what was recorded there is marked as a defect.
    fn run(&self, schemas: &BTreeMap<String, Schema>) -> Result<(), (Mismatch, bool)> {
        let marked = |expected: &Json| expected["upstreamQuirk"] == true;
        let result = self.typed_or_not(schemas);
        result.map_err(|mismatch| (mismatch, marked(self.all)))?;
        let Some(untyped) = self.all.get("untyped") else { return Ok(()) };
        let env = self.untyped_env().build().map_err(|error| (broken(&error), false))?;
        let Source::Expression(expression) = self.source else { return Ok(()) };
        self.evaluate(&env, expression, untyped).map_err(|mismatch| {
            let expected = format!("untyped: {}", mismatch.expected);
            (Mismatch::new(expected, mismatch.got), marked(untyped))
        })
    }

    fn typed_or_not(&self, schemas: &BTreeMap<String, Schema>) -> Result<(), Mismatch> {
        let env = match self.schemas {
            Some(files) => Self::typed_env(files, schemas)?,
            None => self.untyped_env(),
        };
        let env = env.build().map_err(|error| broken(&error))?;
        match self.source {
            Source::Template(template) => self.template(&env, template),
            Source::Expression(expression) => match self.all.get("target") {
                Some(target) => self.fits(&env, expression, target, schemas),
                None => self.evaluate(&env, expression, self.all),
            },
        }
    }

    fn untyped_env(&self) -> cel::EnvBuilder {
        let variables = self
            .vars
            .into_iter()
            .flat_map(Map::keys)
            .chain(self.schemas.into_iter().flat_map(Map::keys));
        let variables = variables.filter(|name| *name != "runtime");
        variables.fold(language::environment(), |env, name| env.variable(name, Type::Dyn))
    }

    fn typed_env(
        files: &Map<String, Json>,
        schemas: &BTreeMap<String, Schema>,
    ) -> Result<cel::EnvBuilder, Mismatch> {
        files.iter().try_fold(language::environment(), |env, (variable, file)| {
            let file = file.as_str().unwrap_or_default();
            Ok(match file.strip_suffix("[]") {
                Some(file) => infer::declare_list(env, variable, schema(schemas, file)?),
                None => infer::declare(env, variable, schema(schemas, file)?),
            })
        })
    }

    fn template(&self, env: &Env, template: &str) -> Result<(), Mismatch> {
        let refused = self.all.get("templateError").is_some();
        let text = match Text::read(template) {
            Ok(text) => text,
            Err(_) if refused => return Ok(()),
            Err(nested) => return Err(differs(&"a template", format!("{nested:?}"))),
        };
        if refused {
            return Err(differs(&self.all["templateError"], format!("{text:?}")));
        }
        let expressions: Vec<&str> =
            text.iter().flat_map(Text::expressions).map(|range| &template[range]).collect();
        if self.all["expressions"] != Json::from(expressions.clone()) {
            return Err(differs(&self.all["expressions"], format!("{expressions:?}")));
        }
        match text {
            Some(text) => {
                let standalone = self.all["standalone"].as_bool();
                if standalone.is_some_and(|standalone| standalone != text.is_standalone()) {
                    let got = format!("standalone: {}", text.is_standalone());
                    return Err(differs(&self.all["standalone"], got));
                }
                self.evaluate(env, text.cel(), self.all)
            }
            None if self.all.get("expr").is_some() => Err(differs(&self.all["expr"], "plain text")),
            None if self.all["result"] == template => Ok(()),
            None => Err(differs(&self.all["result"], template)),
        }
    }

    /// Whether the value of the expression may be written to a field.
    fn fits(
        &self,
        env: &Env,
        expression: &str,
        target: &Json,
        schemas: &BTreeMap<String, Schema>,
    ) -> Result<(), Mismatch> {
        let variable = target["var"].as_str().unwrap_or_default();
        let path = target["path"].as_str().and_then(|path| path.parse::<FieldPath>().ok());
        let path = path.ok_or_else(|| differs(&"a path", target.to_string()))?;
        let file = self.schemas.and_then(|files| files[variable].as_str()).unwrap_or_default();
        let schema = schema(schemas, file)?;
        let Some(checked) = checked(env, expression, self.all)? else { return Ok(()) };
        let expected = infer::target_type(schema, variable, &path);
        if self.all["expectedType"] != expected.to_string() {
            return Err(differs(&self.all["expectedType"], format!("target type {expected}")));
        }
        let found = checked.result_type();
        let compatible = language::fits(&expected, found, env);
        if self.all["compatible"] == compatible {
            return Ok(());
        }
        let got = format!("compatible: {compatible}: {found} to {expected}");
        Err(differs(&format!("compatible: {}", self.all["compatible"]), got))
    }

    fn evaluate(&self, env: &Env, expression: &str, expected: &Json) -> Result<(), Mismatch> {
        let Some(checked) = checked(env, expression, expected)? else { return Ok(()) };
        let refused = expected.get("checkError");
        let program = match (Program::new(&checked), refused) {
            (Ok(program), None) => program,
            (Err(_), Some(_)) => return Ok(()),
            (Ok(_), Some(error)) => {
                return Err(differs(error, format!("accepted as {}", checked.result_type())));
            }
            (Err(mistakes), None) => {
                return Err(differs(&"a program", super::cel_spec::join(&mistakes)));
            }
        };
        let mut bindings = Bindings::new();
        bindings.value("runtime", library::runtime_value());
        for name in self.schemas.into_iter().flat_map(Map::keys) {
            bindings.unknown(name.as_str());
        }
        for (name, value) in self.vars.into_iter().flatten().filter(|(name, _)| *name != "runtime")
        {
            bindings.json(name.as_str(), value);
        }
        let pending = expected["dataPending"] == true;
        match (program.eval(&bindings), expected.get("value")) {
            (Outcome::Value(got), Some(value)) => compare(&got, value, expected),
            (Outcome::Error(error), None) if error.is_missing_data() == pending => Ok(()),
            // What an expression waits for is not there yet.
            (Outcome::Unknown(_), None) if pending => Ok(()),
            (outcome, value) => {
                let expected = match value {
                    Some(value) => value.to_string(),
                    None => format!("error {} (pending: {pending})", expected["evalError"]),
                };
                let got = match outcome {
                    Outcome::Value(value) => notation::tagged(&value).to_string(),
                    Outcome::Error(error) => {
                        format!("error {error} (pending: {})", error.is_missing_data())
                    }
                    Outcome::Unknown(unknown) => format!("unknown {:?}", unknown.attributes()),
                };
                Err(Mismatch::new(expected, got))
            }
        }
    }
}

/// The checked expression; `None` if it is refused, as it should be.
fn checked(env: &Env, expression: &str, expected: &Json) -> Result<Option<cel::Checked>, Mismatch> {
    let refused = expected.get("checkError").is_some();
    let checked = match env.compile(expression) {
        Ok(checked) => checked,
        Err(_) if refused => return Ok(None),
        Err(mistakes) => {
            let ty = expected["type"].as_str().unwrap_or("accepted");
            return Err(differs(&ty, format!("refused: {}", super::cel_spec::join(&mistakes))));
        }
    };
    match expected["type"].as_str() {
        Some(ty) if ty != checked.result_type().to_string() => {
            Err(differs(&format!("type {ty}"), format!("type {}", checked.result_type())))
        }
        Some(_) | None => Ok(Some(checked)),
    }
}

/// Compares a value and what is written of it.
fn compare(got: &Value<'_>, value: &Json, expected: &Json) -> Result<(), Mismatch> {
    let unordered = expected["unordered"] == true;
    let tagged = notation::tagged(got);
    if notation::normal(&tagged, unordered) != notation::normal(value, unordered) {
        return Err(differs(&value, tagged.to_string()));
    }
    match (language::written(got), expected.get("result")) {
        (Ok(written), Some(result)) => {
            let result = notation::written(result);
            if notation::same(&written, &result, unordered) {
                return Ok(());
            }
            Err(differs(&format!("written as {result:?}"), format!("{written:?}")))
        }
        (Err(_), None) => Ok(()),
        (Ok(written), None) => {
            let expected = format!("not written: {}", expected["convertError"]);
            Err(differs(&expected, format!("written as {written:?}")))
        }
        (Err(error), Some(result)) => {
            Err(differs(&format!("written as {result}"), error.to_string()))
        }
    }
}

fn schema<'a>(schemas: &'a BTreeMap<String, Schema>, file: &str) -> Result<&'a Schema, Mismatch> {
    let file = file.trim_end_matches("[]");
    schemas.get(file).ok_or_else(|| differs(&format!("a schema `{file}`"), "no such file"))
}

fn differs(expected: &dyn std::fmt::Display, got: impl Into<String>) -> Mismatch {
    Mismatch::new(expected.to_string(), got)
}

fn broken(error: &dyn std::fmt::Display) -> Mismatch {
    Mismatch::new("an environment", error.to_string())
}
