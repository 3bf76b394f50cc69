//! The expressions and the data on which engines are compared, and the engines behind one trait.
//!
//! `../cases.json` goes in; a [`Case`] and the [`engines`] come out, each checked to give the expected value.

use std::{hint::black_box, sync::Arc};

use serde_json::Value as Json;

/// An expression with its expected value.
pub struct Case {
    /// What it stands for.
    pub name: String,
    /// The text.
    pub expression: String,
    /// The value as JSON.
    pub expected: Json,
}

/// All cases, and the variables with their types and values.
pub struct Cases {
    /// In the order of the file.
    pub cases: Vec<Case>,
    /// Name, type and value.
    pub variables: Vec<(String, String, Json)>,
}

fn repeat(value: &Json, times: &Json) -> Json {
    match (value, times.as_u64()) {
        (Json::Array(list), Some(times)) => {
            (0..times).flat_map(|_| list.iter().cloned()).collect::<Vec<_>>().into()
        }
        _ => value.clone(),
    }
}

impl Cases {
    /// Reads the text of `cases.json`.
    ///
    /// # Panics
    /// The text has another form.
    pub fn parse(text: &str) -> Cases {
        let json: Json = serde_json::from_str(text).expect("cases.json is JSON");
        let string = |json: &Json| json.as_str().expect("a string").to_owned();
        let variables = json["variables"].as_object().expect("variables").iter();
        let variables = variables
            .map(|(name, v)| (name.clone(), string(&v["type"]), repeat(&v["value"], &v["repeat"])))
            .collect();
        let cases = json["cases"].as_array().expect("cases").iter();
        let cases = cases
            .map(|case| Case {
                name: string(&case["name"]),
                expression: match case["terms"].as_u64() {
                    Some(terms) => {
                        let term = string(&case["term"]);
                        let terms = (0..terms).map(|i| term.replace('#', &i.to_string()));
                        terms.collect::<Vec<_>>().join(&string(&case["separator"]))
                    }
                    None => string(&case["expression"]),
                },
                expected: repeat(&case["expected"], &case["expectedRepeat"]),
            })
            .collect();
        Cases { cases, variables }
    }

    /// Reads the file beside this crate.
    pub fn read() -> Cases {
        Cases::parse(include_str!("../../cases.json"))
    }
}

/// An engine, ready to compile.
pub trait Engine {
    /// The name in tables.
    fn name(&self) -> &'static str;
    /// Everything from the text to what is evaluated; the result is dropped. False if the engine can't.
    fn compile(&self, expression: &str) -> bool;
    /// Compiles once and hands over a function that evaluates and drops the value. Nothing if the engine can't.
    fn with_program(&self, expression: &str, run: &mut dyn FnMut(&mut dyn FnMut()));
    /// The value as JSON, if the engine can evaluate the expression.
    fn value(&self, expression: &str) -> Option<Json>;
}

/// All engines with the variables declared and bound.
pub fn engines(cases: &Cases) -> Vec<Box<dyn Engine + '_>> {
    vec![Box::new(Ours::new(cases)), Box::new(CelRust::new(cases)), Box::new(CelCore::new(cases))]
}

/// This project's engine, with the environment of kro.
pub struct Ours<'c> {
    env: cel::Env,
    bindings: cel::Bindings<'c>,
}

impl<'c> Ours<'c> {
    fn new(cases: &'c Cases) -> Self {
        let mut env = cel::Env::kro().extend();
        let mut bindings = cel::Bindings::new();
        for (name, ty, value) in &cases.variables {
            let ty = match ty.as_str() {
                "list(dyn)" => cel::Type::list(cel::Type::Dyn),
                _ => cel::Type::map(cel::Type::String, cel::Type::Dyn),
            };
            env = env.variable(name, ty);
            bindings.json(name.as_str(), value);
        }
        Ours { env: env.build().expect("types are well-formed"), bindings }
    }

    fn program(&self, expression: &str) -> Option<cel::Program> {
        cel::Program::new(&self.env.compile(expression).ok()?).ok()
    }
}

impl Engine for Ours<'_> {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn compile(&self, expression: &str) -> bool {
        black_box(self.program(black_box(expression))).is_some()
    }

    fn with_program(&self, expression: &str, run: &mut dyn FnMut(&mut dyn FnMut())) {
        let Some(program) = self.program(expression) else { return };
        run(&mut || {
            black_box(black_box(&program).eval(black_box(&self.bindings)));
        });
    }

    fn value(&self, expression: &str) -> Option<Json> {
        self.program(expression)?.eval(&self.bindings).value()?.to_json().ok()
    }
}

/// The crate `cel`: no checker.
pub struct CelRust {
    context: cel_rust::Context<'static, 'static>,
    env: Arc<cel_rust::Env>,
}

impl CelRust {
    fn new(cases: &Cases) -> Self {
        let mut env = cel_rust::Env::stdlib();
        cel_rust::extensions::strings(&mut env).expect("it is declared once");
        let env = Arc::new(env);
        let mut context = cel_rust::Context::with_env(env.clone());
        for (name, _, value) in &cases.variables {
            context.add_variable_from_value(name.as_str(), rust_value(value));
        }
        CelRust { context, env }
    }
}

fn rust_value(json: &Json) -> cel_rust::Value {
    use cel_rust::Value;
    match json {
        Json::Null => Value::Null,
        Json::Bool(v) => Value::Bool(*v),
        Json::Number(v) => match v.as_i64() {
            Some(v) => Value::Int(v),
            None => Value::Float(v.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(v) => Value::from(v.as_str()),
        Json::Array(v) => Value::from(v.iter().map(rust_value).collect::<Vec<_>>()),
        Json::Object(v) => {
            let entries = v.iter().map(|(k, v)| (k.clone(), rust_value(v)));
            Value::from(entries.collect::<std::collections::HashMap<String, Value>>())
        }
    }
}

impl Engine for CelRust {
    fn name(&self) -> &'static str {
        "cel 0.15"
    }

    fn compile(&self, expression: &str) -> bool {
        black_box(self.env.compile(black_box(expression))).is_ok()
    }

    fn with_program(&self, expression: &str, run: &mut dyn FnMut(&mut dyn FnMut())) {
        let Ok(program) = self.env.compile(expression) else { return };
        run(&mut || {
            let _ = black_box(black_box(&program).execute(black_box(&self.context)));
        });
    }

    fn value(&self, expression: &str) -> Option<Json> {
        self.env.compile(expression).ok()?.execute(&self.context).ok()?.json().ok()
    }
}

/// The crate `cel-core`, with all its extensions.
pub struct CelCore {
    env: cel_core::Env,
    activation: cel_core::MapActivation,
}

impl CelCore {
    fn new(cases: &Cases) -> Self {
        let mut env = cel_core::Env::with_standard_library().with_all_extensions();
        let mut activation = cel_core::MapActivation::new();
        for (name, ty, value) in &cases.variables {
            use cel_core::CelType;
            let ty = match ty.as_str() {
                "list(dyn)" => CelType::list(CelType::Dyn),
                _ => CelType::map(CelType::String, CelType::Dyn),
            };
            env.add_variable(name.as_str(), ty);
            activation.insert(name.as_str(), core_value(value));
        }
        CelCore { env, activation }
    }

    fn program(&self, expression: &str) -> Option<cel_core::Program> {
        self.env.program(&self.env.compile(expression).ok()?).ok()
    }
}

fn core_value(json: &Json) -> cel_core::Value {
    use cel_core::Value;
    match json {
        Json::Null => Value::Null,
        Json::Bool(v) => Value::Bool(*v),
        Json::Number(v) => match v.as_i64() {
            Some(v) => Value::Int(v),
            None => Value::Double(v.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(v) => Value::from(v.as_str()),
        Json::Array(v) => Value::list(v.iter().map(core_value)),
        Json::Object(v) => Value::map(v.iter().map(|(k, v)| (k.as_str(), core_value(v)))),
    }
}

fn core_json(value: &cel_core::Value) -> Option<Json> {
    use cel_core::Value;
    Some(match value {
        Value::Null => Json::Null,
        Value::Bool(v) => Json::from(*v),
        Value::Int(v) => Json::from(*v),
        Value::UInt(v) => Json::from(*v),
        Value::Double(v) => Json::from(*v),
        Value::String(v) => Json::from(&**v),
        Value::List(v) => Json::Array(v.iter().map(core_json).collect::<Option<_>>()?),
        _ => return None,
    })
}

impl Engine for CelCore {
    fn name(&self) -> &'static str {
        "cel-core 0.5"
    }

    fn compile(&self, expression: &str) -> bool {
        black_box(self.program(black_box(expression))).is_some()
    }

    fn with_program(&self, expression: &str, run: &mut dyn FnMut(&mut dyn FnMut())) {
        let Some(program) = self.program(expression) else { return };
        run(&mut || {
            black_box(black_box(&program).eval(black_box(&self.activation)));
        });
    }

    fn value(&self, expression: &str) -> Option<Json> {
        core_json(&self.program(expression)?.eval(&self.activation))
    }
}
