use std::fmt::Write;

use cel::Env;
use cel::ListSemantics;
use cel::Type;
use schema::Schema;
use schema::infer;
use serde_json::Value;
use serde_json::json;

fn schema(value: &Value) -> Schema {
    Schema::from_json(value).expect("a schema")
}

fn sample() -> Schema {
    schema(&json!({
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "spec": {
                "type": "object",
                "properties": {
                    "count": {"type": "integer"}, "ratio": {"type": "number"},
                    "on": {"type": "boolean"}, "size": {"type": "string", "enum": ["a"]},
                    "at": {"type": "string", "format": "date-time"},
                    "day": {"type": "string", "format": "date"},
                    "for": {"type": "string", "format": "duration"},
                    "in": {"type": "string"}, "namespace": {"type": "string"},
                    "raw": {"type": "string", "format": "byte"},
                    "id": {"type": "string", "format": "uuid"},
                    "port": {"x-kubernetes-int-or-string": true},
                    "target": {"format": "int-or-string", "oneOf": [{"type": "integer"}]},
                    "my-app.io/x__y": {"type": "string"}, "$ref": {"type": "string"},
                    "9lives": {"type": "string"}, "a_b": {"type": "string"},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "ports": {"type": "array", "x-kubernetes-list-type": "map",
                              "x-kubernetes-list-map-keys": ["name"],
                              "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
                    "zones": {"type": "array", "x-kubernetes-list-type": "set",
                              "items": {"type": "string"}},
                    "groups": {"type": "object", "additionalProperties": {
                        "type": "object", "properties": {"x": {"type": "integer"}}}},
                    "nothing": {"type": "object"},
                    "true": {"type": "object", "additionalProperties": true},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                             "properties": {"known": {"type": "string"}, "untyped": {}}},
                    "any": {"x-kubernetes-preserve-unknown-fields": true},
                    "embedded": {"type": "object", "x-kubernetes-embedded-resource": true},
                    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
                    "list": {"type": "array"}, "quantities": {"type": "array", "items": {}},
                    "byName": {"type": "object", "additionalProperties": {}}
                }
            }
        }
    }))
}

#[test]
fn schemas_become_types() {
    let (ty, mut objects) = infer::cel_type(&sample(), "__type_app").unwrap();
    objects.sort_by(|a, b| a.name.cmp(&b.name));
    let mut text = format!("{ty}\n");
    for object in objects {
        let open = if object.open { ", …" } else { "" };
        writeln!(text, "\n{}{open}", object.name).unwrap();
        for (name, field) in &object.fields {
            let property = field.property.as_deref().map(|name| format!(" = {name}"));
            let list = match &field.list {
                ListSemantics::Atomic => String::new(),
                other => format!(" {other:?}"),
            };
            let read = if field.readable { "" } else { " not readable" };
            let property = property.unwrap_or_default();
            writeln!(text, "  {name}: {}{property}{list}{read}", field.ty).unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn places_have_the_declared_types() {
    let sample = sample();
    let env = infer::declare(Env::standard().extend(), "app", &sample).build().unwrap();
    let of = |path: &str| infer::target_type(&sample, "app", &path.parse().unwrap());
    let cases = [
        ("", "__type_app"),
        ("spec", "__type_app.spec"),
        ("spec.count", "int"),
        ("spec.ports", "list(__type_app.spec.ports.@idx)"),
        ("spec.ports[3]", "__type_app.spec.ports.@idx"),
        ("spec.ports[3].name", "string"),
        ("spec.groups.anything", "__type_app.spec.groups.@elem"),
        ("spec.true", "__type_app.spec.__true__"),
        ("spec.labels", "map(string, string)"),
        ("spec.port", "dyn"),
        ("spec.quantity", "dyn"),
        ("spec.list[0]", "dyn"),
        ("spec.$ref.x", "dyn"),
        ("spec.unknown", "dyn"),
        ("spec.count.x", "dyn"),
    ];
    for (path, expected) in cases {
        let ty = of(path);
        assert_eq!(ty.to_string(), expected, "{path}");
        if let Type::Object(name) = &ty {
            assert!(env.object(name).is_some(), "{path}");
        }
    }
}

#[test]
fn a_value_without_a_type_is_not_seen() {
    assert_eq!(infer::cel_type(&schema(&json!({})), "x"), None);
    assert_eq!(infer::cel_type(&schema(&json!({"type": "array"})), "x"), None);
    assert_eq!(infer::cel_type(&Schema::any(), "x"), Some((Type::Dyn, Vec::new())));
}

#[test]
fn names_are_escaped_and_back() {
    let cases = [
        ("plain", Some("plain")),
        ("my-app", Some("my__dash__app")),
        ("a.b/c", Some("a__dot__b__slash__c")),
        ("a__b", Some("a__underscores__b")),
        ("a___b", Some("a__underscores___b")),
        ("namespace", Some("__namespace__")),
        ("true", Some("__true__")),
        ("_x", Some("_x")),
        ("$ref", None),
        ("9lives", None),
        ("-x", None),
        ("a b", None),
        ("é", None),
        ("", None),
    ];
    for (property, name) in cases {
        assert_eq!(infer::escape(property).as_deref(), name, "{property}");
        if let Some(name) = name {
            assert_eq!(infer::unescape(name).as_deref(), Some(property), "{name}");
        }
    }
    assert_eq!(infer::unescape("namespace").as_deref(), Some("namespace"));
    assert_eq!(infer::unescape("a__b"), None);
    assert_eq!(infer::unescape("__plain__"), None);
}

#[test]
fn types_become_status_schemas() {
    let env = infer::declare(Env::standard().extend(), "app", &sample()).build().unwrap();
    let of = |ty: Type| infer::schema_of(&ty, &env).to_json();
    let any = json!({"x-kubernetes-preserve-unknown-fields": true});
    assert_eq!(of(Type::String), json!({"type": "string"}));
    assert_eq!(of(Type::Bool), json!({"type": "boolean"}));
    assert_eq!(of(Type::Uint), json!({"type": "integer"}));
    assert_eq!(of(Type::Double), json!({"type": "number"}));
    assert_eq!(of(Type::Bytes), json!({"type": "string", "format": "byte"}));
    assert_eq!(of(Type::Dyn), any);
    let time = json!({"type": "string", "format": "date-time",
                      "description": "Timestamp representing a creation time"});
    assert_eq!(of(Type::Timestamp), time);
    assert_eq!(of(Type::list(Type::Timestamp)), json!({"type": "array", "items": time}));
    assert_eq!(
        of(Type::map(Type::String, Type::Dyn)),
        json!({"type": "object", "additionalProperties": any})
    );
    let described =
        |text: &str| json!({"x-kubernetes-preserve-unknown-fields": true, "description": text});
    assert_eq!(of(Type::Null), described("null type - any value allowed"));
    assert_eq!(of(Type::type_of(Type::Int)), described("unknown CEL type: type(int)"));
    assert_eq!(of(Type::optional(Type::Int)), described("unknown CEL type: optional_type(int)"));
    assert_eq!(of(Type::object("nowhere")), any);
    insta::assert_json_snapshot!(of(env.variable("app").unwrap().clone()));
}

#[test]
fn elements_are_merged() {
    let object = |fields: Value| schema(&json!({"type": "object", "properties": fields}));
    let text = || json!({"type": "string"});
    let merged = infer::merge_elements([
        object(json!({"name": text(), "in": {"type": "object", "properties": {"a": text()}}})),
        object(json!({"size": {"type": "integer"},
                      "in": {"type": "object", "properties": {"b": text()}}})),
    ]);
    let expected = object(json!({
        "name": text(), "size": {"type": "integer"},
        "in": {"type": "object", "properties": {"a": text(), "b": text()}}
    }));
    assert_eq!(merged, Some(expected));
    let mixed = [Schema::of(schema::Type::String), Schema::of(schema::Type::Integer)];
    assert_eq!(infer::merge_elements(mixed.clone()), Some(mixed[0].clone()));
    assert_eq!(infer::merge_elements([]), None);
}
