//! Vectors recorded from the Go stack.

use std::{collections::BTreeMap, path::Path};

use base64::Engine as _;
use cel::{
    Bindings, ConvertError, Env, EnvBuilder, Field, ListSemantics, ObjectType, Outcome, Program,
    Type, Value, library,
};
use serde_json::{Value as Json, json};

use super::{Mismatch, Report, SkipList, cel_spec::join, json_files};

/// Vectors on which ours is better, or different on purpose.
pub fn skip_list() -> SkipList {
    SkipList::parse(include_str!("../../../conformance/skips/kro-cel.txt"))
}

/// Runs all files of a folder in the environment of kro.
pub fn run(dir: &Path) -> Report {
    let mut report = Report::default();
    let list = skip_list();
    let mut schemas = BTreeMap::new();
    for (name, json) in json_files(&dir.join("schemas"), &mut report) {
        schemas.insert(format!("{name}.json"), json);
    }
    for (file, vectors) in json_files(dir, &mut report) {
        for vector in vectors.as_array().into_iter().flatten() {
            let name = vector["name"].as_str().unwrap_or("");
            let Some(expr) = vector["expr"].as_str() else {
                report.skip(&file, name, "a template without an expression");
                continue;
            };
            let typed = vector.get("schemas").is_some();
            let mut results =
                vec![(vector, run_one(expr, vector, vector, typed.then_some(&schemas)))];
            if let Some(untyped) = vector.get("untyped") {
                results.push((untyped, run_one(expr, vector, untyped, None)));
            }
            let quirk = |expected: &Json| expected["upstreamQuirk"] == true;
            let failed =
                results.into_iter().find_map(|(expected, result)| Some((expected, result.err()?)));
            match failed {
                Some((expected, _)) if quirk(expected) => {
                    report.skip(&file, name, "a defect of the Go stack");
                }
                Some((_, got)) => {
                    let expected = format!("the recorded outcome of `{expr}`");
                    report.record(&list, &file, name, Err(Mismatch::new(expected, got)));
                }
                None => report.record(&list, &file, name, Ok(())),
            }
        }
    }
    report
}

fn run_one(
    expr: &str,
    vector: &Json,
    expected: &Json,
    schemas: Option<&BTreeMap<String, Json>>,
) -> Result<(), String> {
    let mut builder = Env::kro().extend();
    let empty = serde_json::Map::new();
    let vars = vector["vars"].as_object().unwrap_or(&empty);
    match schemas {
        Some(schemas) => {
            for (name, file) in vector["schemas"].as_object().unwrap_or(&empty) {
                let file = file.as_str().unwrap_or("");
                let (file, collection) = match file.strip_suffix("[]") {
                    Some(file) => (file, true),
                    None => (file, false),
                };
                let schema = schemas.get(file).ok_or_else(|| format!("no schema {file}"))?;
                let mut types = Types { objects: Vec::new() };
                let ty = types.read(schema, &format!("__type_{name}")).unwrap_or(Type::Dyn);
                for object in types.objects {
                    builder = builder.object(object);
                }
                builder = builder.variable(name, if collection { Type::list(ty) } else { ty });
            }
        }
        None => {
            let mut names: Vec<&String> = vars.keys().collect();
            names.extend(vector["schemas"].as_object().unwrap_or(&empty).keys());
            for name in names {
                if name != "runtime" {
                    builder = builder.variable(name, Type::Dyn);
                }
            }
        }
    }
    let env = EnvBuilder::build(builder).map_err(|error| error.to_string())?;
    let rejects = expected.get("checkError").is_some();
    let checked = match env.compile(expr) {
        Ok(checked) => checked,
        Err(_) if rejects => return Ok(()),
        Err(mistakes) => return Err(format!("rejected: {}", join(&mistakes))),
    };
    let program = match Program::new(&checked) {
        Ok(_) if rejects => {
            let why = expected["checkError"].as_str().unwrap_or("").lines().next().unwrap_or("");
            return Err(format!("accepted as {}, expected: {why}", checked.result_type()));
        }
        Ok(program) => program,
        Err(_) if rejects => return Ok(()),
        Err(mistakes) => return Err(format!("rejected: {}", join(&mistakes))),
    };
    if let Some(ty) = expected["type"].as_str()
        && ty != checked.result_type().to_string()
    {
        return Err(format!("expected type {ty}, got {}", checked.result_type()));
    }
    if vector.get("target").is_some() {
        // Whether a value fits a field is asked elsewhere.
        return Ok(());
    }
    let mut bindings = Bindings::new();
    bindings.value("runtime", library::runtime_value());
    for (name, value) in vars {
        if name != "runtime" {
            bindings.json(name.as_str(), value);
        }
    }
    let pending = expected["dataPending"] == true;
    match (program.eval(&bindings), expected.get("value")) {
        (Outcome::Value(got), Some(value)) => {
            let got_tagged = tag(&got);
            let unordered = expected["unordered"] == true;
            if normal(&got_tagged, unordered) != normal(value, unordered) {
                return Err(format!("expected {value}, got {got_tagged}"));
            }
            if value.to_string().contains("\"error\"") {
                return Ok(());
            }
            match (convert(&got), expected.get("result"), expected.get("convertError")) {
                (Ok(got), Some(result), _) if unordered || got == *result => Ok(()),
                (Ok(got), Some(result), _) => Err(format!("expected result {result}, got {got}")),
                (Err(_), None, _) => Ok(()),
                (Ok(_), None, None) => Ok(()),
                (Ok(got), None, Some(error)) => {
                    Err(format!("expected conversion error {error}, got {got}"))
                }
                (Err(error), Some(result), _) => {
                    Err(format!("expected result {result}, got {error}"))
                }
            }
        }
        (Outcome::Value(got), None) => {
            Err(format!("expected error {}, got {}", expected["evalError"], tag(&got)))
        }
        (Outcome::Error(error), None) if error.is_missing_data() == pending => Ok(()),
        (Outcome::Error(error), None) => Err(format!(
            "expected error {} (pending {pending}), got {error}",
            expected["evalError"]
        )),
        (Outcome::Error(error), Some(value)) => Err(format!("expected {value}, got error {error}")),
        (Outcome::Unknown(unknown), _) => Err(format!("unknown {:?}", unknown.attributes())),
    }
}

fn convert(value: &Value<'_>) -> Result<Json, ConvertError> {
    // kro writes the first instant of the year 1 as null.
    if matches!(value, Value::Timestamp(v) if v.seconds() == -62_135_596_800 && v.nanos() == 0) {
        return Ok(Json::Null);
    }
    value
        .to_json_with(&mut |opaque| match opaque.type_name() {
            "kro.omit" => Ok(Some(json!({"$omit": true}))),
            name => Err(ConvertError::UnsupportedType(name.to_owned())),
        })
        .map(|json| json.unwrap_or(Json::Null))
}

/// A value in the notation of the vectors.
fn tag(value: &Value<'_>) -> Json {
    let number = |v: f64| {
        if v.is_nan() {
            "NaN".to_owned()
        } else if v.is_infinite() {
            if v > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
        } else {
            v.to_string()
        }
    };
    match value {
        Value::Null => json!({"null": null}),
        Value::Bool(v) => json!({"bool": v}),
        Value::Int(v) => json!({"int": v.to_string()}),
        Value::Uint(v) => json!({"uint": v.to_string()}),
        Value::Double(v) => json!({"double": number(*v)}),
        Value::String(v) => json!({"string": &**v}),
        Value::Bytes(v) => {
            json!({"bytes": base64::engine::general_purpose::STANDARD.encode(&**v)})
        }
        Value::Timestamp(v) => json!({"timestamp": v.in_utc().to_string()}),
        Value::Duration(v) => json!({"durationNanos": v.nanos().to_string()}),
        Value::List(list) => {
            let elements: Vec<Json> = list
                .iter()
                .map(|element| match element {
                    Ok(element) => tag(&element),
                    Err(error) => json!({"error": error.to_string()}),
                })
                .collect();
            json!({"list": elements})
        }
        Value::Map(map) => {
            let entries: Vec<Json> = map
                .entries()
                .map(|(key, value)| match value {
                    Ok(value) => json!([tag(&key.to_value()), tag(&value)]),
                    Err(error) => json!([tag(&key.to_value()), {"error": error.to_string()}]),
                })
                .collect();
            json!({"map": entries})
        }
        Value::Type(ty) => json!({"type": ty.to_string()}),
        Value::Optional(None) => json!({"optional": null}),
        Value::Optional(Some(v)) => json!({"optional": tag(v)}),
        Value::Opaque(opaque) => {
            let text = opaque.text();
            match opaque.type_name() {
                "kubernetes.Quantity" => json!({"quantity": text}),
                "kubernetes.URL" => json!({"url": text}),
                "kubernetes.Semver" => json!({"semver": text}),
                "net.IP" => json!({"ip": text}),
                "net.CIDR" => json!({"cidr": text}),
                "kro.omit" => json!({"omit": true}),
                "kro.run.Condition" => match value.downcast::<library::Condition>() {
                    Some(c) => json!({"condition": {
                        "type": c.kind, "status": c.status, "reason": c.reason, "message": c.message,
                    }}),
                    None => Json::Null,
                },
                name => json!({"opaque": name}),
            }
        }
    }
}

/// Maps sorted, errors without their text, numbers in one form.
fn normal(json: &Json, unordered: bool) -> Json {
    match json {
        Json::Object(object) => {
            if object.contains_key("error") {
                return json!("error");
            }
            if let Some(Json::String(number)) = object.get("double")
                && let Ok(value) = number.parse::<f64>()
            {
                return json!({"double": value.to_string()});
            }
            Json::Object(
                object
                    .iter()
                    .map(|(key, value)| {
                        let mut value = normal(value, unordered);
                        if (key == "map" || unordered && key == "list")
                            && let Some(entries) = value.as_array_mut()
                        {
                            entries.sort_by_key(ToString::to_string);
                        }
                        (key.clone(), value)
                    })
                    .collect(),
            )
        }
        Json::Array(elements) => {
            Json::Array(elements.iter().map(|element| normal(element, unordered)).collect())
        }
        other => other.clone(),
    }
}

/// Types from OpenAPI schemas.
struct Types {
    objects: Vec<ObjectType>,
}

impl Types {
    fn read(&mut self, schema: &Json, name: &str) -> Option<Type> {
        if schema["x-kubernetes-int-or-string"] == true {
            return Some(Type::Dyn);
        }
        let preserve = schema["x-kubernetes-preserve-unknown-fields"] == true;
        match schema["type"].as_str() {
            None if preserve => Some(Type::Dyn),
            None => None,
            Some("string") => Some(match schema["format"].as_str() {
                Some("byte") => Type::Bytes,
                Some("date" | "date-time") => Type::Timestamp,
                Some("duration") => Type::Duration,
                _ => Type::String,
            }),
            Some("integer") => Some(Type::Int),
            Some("number") => Some(Type::Double),
            Some("boolean") => Some(Type::Bool),
            Some("array") => {
                let element = self.read(schema.get("items")?, &format!("{name}.@idx"))?;
                Some(Type::list(element))
            }
            Some("object") => {
                if let Some(additional) = schema.get("additionalProperties")
                    && additional.is_object()
                {
                    let value = self.read(additional, &format!("{name}.@elem"))?;
                    return Some(Type::map(Type::String, value));
                }
                let mut object = ObjectType::new(name);
                object.open = preserve;
                if schema["x-kubernetes-embedded-resource"] == true {
                    for field in ["apiVersion", "kind"] {
                        object = object.with(field, Field::new(Type::String));
                    }
                    let metadata = ObjectType::new(format!("{name}.metadata"))
                        .with("name", Field::new(Type::String))
                        .with("generateName", Field::new(Type::String));
                    let ty = Type::object(&metadata.name);
                    self.objects.push(metadata);
                    object = object.with("metadata", Field::new(ty));
                }
                for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
                    let Some(field) = escape(property) else { continue };
                    let field_type = match self.read(schema, &format!("{name}.{property}")) {
                        Some(ty) if schema["x-kubernetes-int-or-string"] == true => {
                            Field::new(ty).int_or_string()
                        }
                        Some(ty) => Field::new(ty),
                        None if preserve && schema.get("type").is_none() => {
                            let mut field = Field::new(Type::Dyn);
                            field.readable = false;
                            field
                        }
                        None => continue,
                    };
                    let list = match schema["x-kubernetes-list-type"].as_str() {
                        Some("set") => ListSemantics::Set,
                        Some("map") => ListSemantics::Map(
                            schema["x-kubernetes-list-map-keys"]
                                .as_array()
                                .into_iter()
                                .flatten()
                                .filter_map(|key| key.as_str().map(Into::into))
                                .collect(),
                        ),
                        _ => ListSemantics::Atomic,
                    };
                    let field_type = field_type.property(property.as_str()).list(list);
                    if RESERVED.contains(&property.as_str()) {
                        object = object.with(property.as_str(), field_type.clone());
                    }
                    object = object.with(field.as_str(), field_type);
                }
                let ty = Type::object(&object.name);
                self.objects.push(object);
                Some(ty)
            }
            Some(_) => None,
        }
    }
}

/// Words that are reserved, but may follow a dot.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The name of a field for a property; `None` for properties that can't be reached.
fn escape(property: &str) -> Option<String> {
    let keyword = matches!(property, "in" | "true" | "false" | "null");
    if keyword || RESERVED.contains(&property) {
        return Some(format!("__{property}__"));
    }
    let mut out = String::new();
    let mut rest = property;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("__") {
            out.push_str("__underscores__");
            rest = after;
            continue;
        }
        match c {
            '-' => out.push_str("__dash__"),
            '.' => out.push_str("__dot__"),
            '/' => out.push_str("__slash__"),
            c if c.is_ascii_alphanumeric() || c == '_' => out.push(c),
            _ => return None,
        }
        rest = &rest[c.len_utf8()..];
    }
    (!out.starts_with(|c: char| c.is_ascii_digit())).then_some(out)
}
