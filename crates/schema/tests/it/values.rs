use diagnostics::FieldPath;
use schema::Schema;
use schema::apply_defaults;
use schema::prune;
use schema::unknown_fields;
use schema::validate;
use serde_json::Value;
use serde_json::json;

fn schema(value: &Value) -> Schema {
    Schema::from_json(value).expect("a schema")
}

#[track_caller]
fn mistakes(keywords: &Value, value: &Value) -> String {
    let at = FieldPath::root().field("v");
    validate(&schema(keywords), value, &at).to_string()
}

#[test]
fn every_keyword_refuses_what_does_not_fit() {
    let cases = [
        (json!({"type": "string"}), json!("x"), json!(1), "v: expected a string, found an integer"),
        (
            json!({"type": "integer"}),
            json!(1.0),
            json!(1.5),
            "v: expected an integer, found a number",
        ),
        (json!({"type": "number"}), json!(1), json!("1"), "v: expected a number, found a string"),
        (
            json!({"type": "boolean"}),
            json!(true),
            json!("true"),
            "v: expected a boolean, found a string",
        ),
        (json!({"type": "object"}), json!({}), json!([]), "v: expected an object, found a list"),
        (json!({"type": "array"}), json!([]), json!({}), "v: expected a list, found an object"),
        (
            json!({"type": "string", "nullable": true}),
            json!(null),
            json!(true),
            "v: expected a string, found a boolean",
        ),
        (json!({"type": "string"}), json!(""), json!(null), "v: expected a string, found null"),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!("x"),
            json!(true),
            "v: expected an integer or a string, found a boolean",
        ),
        (json!({"enum": ["a", 1]}), json!(1.0), json!("b"), "v: expected one of `a`, `1`"),
        (json!({"minimum": 1}), json!(1), json!(0), "v: expected at least 1"),
        (
            json!({"minimum": 1, "exclusiveMinimum": true}),
            json!(1.5),
            json!(1),
            "v: expected more than 1",
        ),
        (json!({"maximum": 1.5}), json!(1.5), json!(2), "v: expected at most 1.5"),
        (
            json!({"maximum": 1, "exclusiveMaximum": true}),
            json!(0),
            json!(1),
            "v: expected less than 1",
        ),
        (json!({"multipleOf": 2}), json!(4), json!(3), "v: expected a multiple of 2"),
        (
            json!({"format": "int32", "type": "integer"}),
            json!(1),
            json!(3_000_000_000_i64),
            "v: expected an integer of 32 bits",
        ),
        (
            json!({"minLength": 1}),
            json!("é"),
            json!(""),
            "v: expected at least 1 character, found 0",
        ),
        (
            json!({"maxLength": 2}),
            json!("éé"),
            json!("abc"),
            "v: expected at most 2 characters, found 3",
        ),
        (json!({"pattern": "^a"}), json!("ab"), json!("b"), "v: expected a text that matches `^a`"),
        (
            json!({"format": "date-time"}),
            json!("2026-02-28T23:59:60.5+01:00"),
            json!("2026-02-30T00:00:00Z"),
            "v: expected a text in format `date-time`",
        ),
        (
            json!({"format": "date"}),
            json!("2024-02-29"),
            json!("2023-02-29"),
            "v: expected a text in format `date`",
        ),
        (
            json!({"format": "byte"}),
            json!("YQ=="),
            json!("YQ="),
            "v: expected a text in format `byte`",
        ),
        (
            json!({"format": "cidr"}),
            json!("10.0.0.0/8"),
            json!("10.0.0.0/33"),
            "v: expected a text in format `cidr`",
        ),
        (
            json!({"format": "uuid"}),
            json!("123e4567-e89b-12d3-a456-426614174000"),
            json!("x"),
            "v: expected a text in format `uuid`",
        ),
        (json!({"minItems": 1}), json!([1]), json!([]), "v: expected at least 1 element, found 0"),
        (
            json!({"maxItems": 1}),
            json!([1]),
            json!([1, 2]),
            "v: expected at most 1 element, found 2",
        ),
        (
            json!({"uniqueItems": true}),
            json!([1, 2]),
            json!([1, 1.0]),
            "v[1]: the element is the same as element 0",
        ),
        (
            json!({"x-kubernetes-list-type": "set"}),
            json!(["a"]),
            json!(["a", "b", "a"]),
            "v[2]: the element is the same as element 0",
        ),
        (
            json!({"items": {"type": "string"}}),
            json!(["a"]),
            json!(["a", 1]),
            "v[1]: expected a string, found an integer",
        ),
        (
            json!({"minProperties": 1}),
            json!({"a": 1}),
            json!({}),
            "v: expected at least 1 field, found 0",
        ),
        (
            json!({"maxProperties": 0}),
            json!({}),
            json!({"a": 1}),
            "v: expected at most 0 fields, found 1",
        ),
        (
            json!({"required": ["a", "b", "a"]}),
            json!({"a": 1, "b": null}),
            json!({"b": 1}),
            "v: required field `a` is missing",
        ),
        (
            json!({"properties": {"a": {"type": "string"}}}),
            json!({"b": 1}),
            json!({"a": 1}),
            "v.a: expected a string, found an integer",
        ),
        (
            json!({"additionalProperties": {"type": "string"}}),
            json!({"b": ""}),
            json!({"a/b": 1}),
            "v[\"a/b\"]: expected a string, found an integer",
        ),
        (
            json!({"x-kubernetes-embedded-resource": true}),
            json!({"apiVersion": "v1", "kind": "X"}),
            json!({"kind": "X"}),
            "v: required field `apiVersion` is missing",
        ),
        (json!({"allOf": [{"minimum": 1}]}), json!(1), json!(0), "v: expected at least 1"),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "integer"}]}),
            json!(1),
            json!(true),
            "v: fits none of the allowed forms (anyOf)",
        ),
        (
            json!({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
            json!({"a": 1}),
            json!({"a": 1, "b": 1}),
            "v: must fit exactly one of the allowed forms (oneOf), fits 2",
        ),
        (
            json!({"not": {"required": ["a"]}}),
            json!({}),
            json!({"a": 1}),
            "v: has a form that is not allowed (not)",
        ),
    ];
    for (keywords, good, bad, message) in cases {
        assert_eq!(mistakes(&keywords, &good), "", "{keywords} {good}");
        assert_eq!(mistakes(&keywords, &bad), message, "{keywords} {bad}");
    }
}

#[test]
fn list_map_keys_count_with_their_defaults() {
    let ports = json!({
        "type": "array", "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {"type": "object", "properties": {
            "port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}
        }}
    });
    assert_eq!(mistakes(&ports, &json!([{"port": 1}, {"port": 1, "protocol": "UDP"}])), "");
    assert_eq!(
        mistakes(&ports, &json!([{"port": 1}, {"port": 1, "protocol": "TCP"}])),
        "v[1]: the element has the same port and protocol as element 0"
    );
}

#[test]
fn defaults_go_into_what_defaults_made() {
    let schema = schema(&json!({
        "type": "object",
        "properties": {
            "a": {"type": "object", "default": {}, "properties": {
                "b": {"type": "integer", "default": 1},
                "c": {"type": "string", "default": "x", "nullable": true}
            }},
            "list": {"type": "array", "items": {"type": "object", "properties": {
                "d": {"type": "boolean", "default": true}}}},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {
                "e": {"type": "string", "default": ""}}}}
        }
    }));
    let defaulted = |mut value: Value| {
        apply_defaults(&schema, &mut value);
        value
    };
    assert_eq!(defaulted(json!({})), json!({"a": {"b": 1, "c": "x"}}));
    assert_eq!(defaulted(json!({"a": null})), json!({"a": {"b": 1, "c": "x"}}));
    assert_eq!(
        defaulted(
            json!({"a": {"b": null, "c": null}, "list": [{}, {"d": false}], "map": {"k": {}}})
        ),
        json!({"a": {"b": 1, "c": null}, "list": [{"d": true}, {"d": false}], "map": {"k": {"e": ""}}})
    );
    assert_eq!(defaulted(json!([])), json!([]));
}

#[test]
fn prunes_what_is_not_known() {
    let schema = schema(&json!({
        "type": "object",
        "properties": {
            "known": {"type": "object", "properties": {"a": {"type": "string"}}},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true,
                     "properties": {"strict": {"type": "object"}}},
            "any": {"type": "object", "additionalProperties": true},
            "map": {"type": "object", "additionalProperties": {"type": "object"}},
            "list": {"type": "array", "items": {"type": "object"}},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true}
        }
    }));
    let value = json!({
        "known": {"a": "x", "b": 1}, "unknown": 1, "any": {"x": {"y": 1}},
        "free": {"x": {"y": 1}, "strict": {"z": 1}}, "map": {"k": {"x": 1}}, "list": [{"x": 1}],
        "embedded": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": {}}
    });
    let paths =
        |paths: Vec<FieldPath>| -> Vec<String> { paths.iter().map(ToString::to_string).collect() };
    let lost = ["embedded.spec", "free.strict.z", "known.b", "list[0].x", "map.k.x", "unknown"];
    assert_eq!(paths(unknown_fields(&schema, &value)), lost);
    let mut pruned = value.clone();
    assert_eq!(paths(prune(&schema, &mut pruned)), lost);
    assert_eq!(
        pruned,
        json!({
            "known": {"a": "x"}, "any": {"x": {"y": 1}}, "free": {"x": {"y": 1}, "strict": {}},
            "map": {"k": {}}, "list": [{}],
            "embedded": {"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}}
        })
    );
    assert_eq!(prune(&schema, &mut pruned), []);
}
