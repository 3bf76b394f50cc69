use diagnostics::FieldPath;
use schema::simple_schema;
use serde_json::Value;
use serde_json::json;

/// What is found wrong, each with the text that it points at.
#[track_caller]
fn mistakes(schema: &Value) -> String {
    let at: FieldPath = "schema".parse().expect("a path");
    let (_, found) = simple_schema::build(schema.get("spec"), schema.get("types"), &at);
    let lines = found.iter().map(|diagnostic| {
        let place = &diagnostic.place;
        let pointer: String = place.path.segments()[1..]
            .iter()
            .map(|segment| match segment {
                diagnostics::Segment::Field(name) => format!("/{}", name.replace('/', "~1")),
                diagnostics::Segment::Index(index) => format!("/{index}"),
            })
            .collect();
        let text = schema.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
        let marked = place.range.clone().map(|range| {
            let range = range.start as usize..range.end as usize;
            format!(" «{}»", text.get(range).expect("a range inside the text"))
        });
        format!("{} {diagnostic}{}\n", diagnostic.code, marked.unwrap_or_default())
    });
    lines.collect()
}

#[track_caller]
fn accepted(schema: &Value) -> Value {
    let at = FieldPath::root();
    let (built, found) = simple_schema::build(schema.get("spec"), schema.get("types"), &at);
    assert!(found.is_empty(), "{found}");
    built.to_json()
}

#[test]
fn reports_every_mistake_at_its_place() {
    let schema = json!({
        "spec": {
            "a": "strnig", "b": "int", "c": "[]", "d": " map[ string ]string", "e": "",
            "f": 3, "g": null, "h": ["string"], "i": {"nested": true},
            "j": " [] Missing | required=maybe", "k": "string,integer",
            "l": "[][][][][][][][][][][][][][][][][]string", "m": "map[string]  "
        }
    });
    insta::assert_snapshot!(mistakes(&schema));
    let schema = json!({"spec": ["string"], "types": "string"});
    insta::assert_snapshot!(mistakes(&schema), @"
    KRO0201 schema.spec: expected a mapping of fields, found a list
    KRO0201 schema.types: expected a mapping of fields, found a text
    ");
}

#[test]
fn reports_every_wrong_marker() {
    let schema = json!({
        "spec": {
            "a": "string | required default=x",
            "b": "string | required=true | default=x",
            "c": "string | requird=true =5",
            "d": "string | defalt=\"a",
            "e": "object | default={\"a\":1",
            "f": "object | default=]",
            "g": "string | description='two words'",
            "h": "integer | required=true, default=5",
            "i": "integer | default=+7", "j": "float | default=.5", "k": "boolean | default=1",
            "l": "string | default=\"say \\\"hi\\\"\"", "m": "[]string | default=none",
            "n": "integer | minimum=one maximum=inf pattern=x minItems=1",
            "o": "string | minLength=3.0 maxItems=2 pattern= pattern=\"([a-z\"",
            "p": "string | pattern=\"^(?!x).*$\"",
            "q": "string | enum=\"a,,b\"", "r": "integer | enum=1,x", "s": "float | enum=0.5",
            "t": "[]string | listType=map uniqueItems=true", "u": "[]string | listType=sorted",
            "v": "[]object | listMapKey=a listMapKey=a listType=set",
            "w": "[]object | listMapKey=a", "x": "string | validation=\"\" immutable=always",
            "y": "string | format=date-time", "z": "[]string | default={"
        }
    });
    insta::assert_snapshot!(mistakes(&schema));
}

#[test]
fn reports_cycles_and_unknown_types_in_types() {
    let schema = json!({
        "spec": {"a": "A", "self": "Self", "user": "User"},
        "types": {
            "A": "map[string]B", "B": {"deep": {"c": "[]C | required=true"}}, "C": "A",
            "Self": {"next": "Self"}, "User": {"self": "Self", "gone": "Gone", "typo": "Usr"},
            "List": ["string"], "Nothing": null
        }
    });
    insta::assert_snapshot!(mistakes(&schema));
}

#[test]
fn reports_rules_that_no_api_server_takes() {
    let schema = json!({
        "spec": {
            "a": "integer | validation=\"self.size() > 0\"",
            "b": "integer | validation=\"self +\"", "c": "integer | validation=self+1",
            "d": "string | validation=\"slf == 'x'\"",
            "e": "Pair | validation=\"self.left == self.rigth\"",
            "f": "string | validation=\"self == \\\"x\\\" && 1\"",
            "good": "Pair | validation=\"self.left == oldSelf.left\" validation=\"has(self.left)\"",
            "numbers": "integer | validation=\"self < 1.5\"",
            "library": "string | validation=\"isURL(self) && url(self).getHost() == 'x'\"",
            "namespace": "integer | validation=\"math.greatest(self, 3) == 3\"",
            "macro": "[]string | validation=\"self.all(i, v, i > 0)\""
        },
        "types": {"Pair": {"left": "string", "right": "string"}}
    });
    insta::assert_snapshot!(mistakes(&schema));
}

#[test]
fn types_that_double_at_every_step_are_refused() {
    let types: serde_json::Map<_, _> = (1..60)
        .map(|n| (format!("T{n}"), json!({"a": format!("T{}", n - 1), "b": format!("T{}", n - 1)})))
        .chain([("T0".to_owned(), json!("string"))])
        .collect();
    let found = mistakes(&json!({"spec": {"v": "T59"}, "types": types}));
    assert_eq!(
        found.lines().next(),
        Some("KRO0216 schema.types.T15: expected at most 50000 fields with all types written out")
    );
}

#[test]
fn values_of_markers() {
    let default = |text: &str| {
        let schema = accepted(&json!({"spec": {"v": text}}));
        schema["properties"]["v"]["default"].clone()
    };
    let cases = [
        ("string | default=", json!("")),
        ("string | default=x ", json!("x")),
        ("string | default=x\n", json!("x")),
        ("string |default= description=d", json!("")),
        ("string | default =x", json!("x")),
        ("string | default==x", json!("=x")),
        ("string | default='hello'", json!("'hello'")),
        ("string | default=\"}{ ]\"", json!("}{ ]")),
        ("string | default=\"a\\nb\"", json!("a\nb")),
        ("string | default=\"a\\\\\\\"b\"", json!("a\"b")),
        ("string | default={a b}", json!("{a b}")),
        ("string | default=1 default=2", json!("2")),
        ("integer | default=\"5\"", json!(5)),
        ("integer | default=-9223372036854775808", json!(i64::MIN)),
        ("float | default=1e3", json!(1000.0)),
        ("boolean | default=true", json!(true)),
        ("[]string | default=[ \"a\", \"]\" ]", json!(["a", "]"])),
        ("object | default={\"a\": \"x y\"}", json!({"a": "x y"})),
        ("object | default=\"{\\\"a\\\": 1}\"", json!({"a": 1})),
    ];
    for (text, expected) in cases {
        assert_eq!(default(text), expected, "{text}");
    }
}

#[test]
fn never_panics_on_odd_text() {
    let pieces = ["|", "=", "\"", "\\", "{", "]", " ", "ü", "default", "string", "[]", "map[", ","];
    let mut texts = vec![String::new()];
    for _ in 0..3 {
        let longer = texts.iter().flat_map(|text| pieces.iter().map(move |p| format!("{text}{p}")));
        texts = longer.collect();
    }
    for text in texts {
        mistakes(&json!({"spec": {"v": text}}));
        mistakes(&json!({"spec": {"v": format!("string |{text}")}}));
    }
}

/// As upstream reads them, odd as it is: backslashes outside quotes are plain, quotes at both ends
/// are taken off whatever stands between, any bracket closes any other.
#[test]
fn values_are_cut_as_upstream_cuts_them() {
    let schema = json!({
        "spec": {
            "a": r#"string | enum="1","2""#, "b": r"string | description=\d{2] pattern=^\d+$",
            "c": "object | minimum=1_0", "d": "map[string]string | default=null"
        }
    });
    assert_eq!(
        accepted(&schema)["properties"],
        json!({
            "a": {"type": "string", "enum": ["1\"", "\"2"]},
            "b": {"type": "string", "description": r"\d{2]", "pattern": r"^\d+$"},
            "c": {
                "type": "object", "minimum": 10, "x-kubernetes-preserve-unknown-fields": true
            },
            "d": {
                "type": "object", "default": null, "additionalProperties": {"type": "string"}
            },
        })
    );
    let schema = json!({
        "spec": {"a": "string |", "b": "integer | enum=+1", "c": "string | pattern=a**"}
    });
    insta::assert_snapshot!(mistakes(&schema), @"
    KRO0206 schema.spec.a: expected markers after `|` (write `key=value`, or leave out the `|`) «|»
    KRO0208 schema.spec.b: `enum` of an integer must list integers, found `+1` «+1»
    KRO0212 schema.spec.c: `a**` is not a regular expression: a repetition can't be repeated «a**»
    ");
}

/// No API server sees a type that no field has.
#[test]
fn what_a_server_would_refuse_of_an_unused_type_is_a_warning() {
    let schema = json!({
        "spec": {"a": "[]Used"},
        "types": {
            "Used": {"x": "Inner"}, "Inner": "object | default=1",
            "Unused": "object | default=1"
        }
    });
    insta::assert_snapshot!(mistakes(&schema), @"
    KRO0211 schema.types.Inner: the default does not fit the field: expected an object, found an integer «1»
    KRO0211 schema.types.Unused: the default does not fit the field: expected an object, found an integer «1»
    ");
    let (_, found) =
        simple_schema::build(schema.get("spec"), schema.get("types"), &FieldPath::root());
    assert_eq!(found.errors().count(), 1, "{found}");
    let (_, found) = simple_schema::build(None, schema.get("types"), &FieldPath::root());
    assert!(!found.has_errors() && found.len() == 2, "{found}");
}
