//! Bound JSON read with declared types.

use cel::{Bindings, Env, Field, ListSemantics, ObjectType, Type};
use serde_json::json;

use crate::eval;

fn env() -> Env {
    let spec = ObjectType::new("Spec")
        .with("name", Field::new(Type::String))
        .with("ratio", Field::new(Type::Double))
        .with("count", Field::new(Type::Int))
        .with("since", Field::new(Type::Timestamp))
        .with("every", Field::new(Type::Duration))
        .with("data", Field::new(Type::Bytes))
        .with("with__dash__dash", Field::new(Type::String).property("with-dash"))
        .with("port", Field::new(Type::Dyn).int_or_string())
        .with("set", Field::new(Type::list(Type::String)).list(ListSemantics::Set))
        .with(
            "env",
            Field::new(Type::list(Type::object("Pair")))
                .list(ListSemantics::Map(vec!["name".into()])),
        )
        .with("labels", Field::new(Type::map(Type::String, Type::Double)))
        .with("inner", Field::new(Type::object("Spec")));
    let pair = ObjectType::new("Pair")
        .with("name", Field::new(Type::String))
        .with("value", Field::new(Type::String));
    Env::kro()
        .extend()
        .object(spec)
        .object(pair)
        .variable("spec", Type::object("Spec"))
        .build()
        .expect("the declarations are well-formed")
}

#[test]
fn fields_have_their_declared_types() {
    let data = json!({
        "name": null, "ratio": 2, "count": 3.0, "since": "2024-01-02T03:04:05Z", "every": "90s",
        "data": "aGk=", "with-dash": "dash", "port": 80, "set": ["a", "b"],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "labels": {"x": 1}, "inner": {"inner": {"count": 7}},
    });
    let mut bindings = Bindings::new();
    bindings.json("spec", &data);
    let env = env();
    for (source, expected) in [
        ("spec.ratio", "2.0"),
        ("spec.count", "3"),
        ("spec.since.getFullYear()", "2024"),
        ("spec.every + duration('30s')", "2m0s"),
        ("spec.data", "[104, 105]"),
        ("spec.with__dash__dash", "\"dash\""),
        ("spec.port", "80"),
        ("spec.labels.x + 0.5", "1.5"),
        ("spec.inner.inner.count", "7"),
        ("has(spec.name)", "false"),
        ("has(spec.inner.name)", "false"),
        ("spec.?name.orValue('none')", "\"none\""),
        ("spec.name", "error: no such key: name at spec.name"),
        ("spec.inner.since", "error: no such key: since at spec.inner.since"),
        ("spec.set == ['b', 'a']", "true"),
        ("['b', 'a'] == spec.set", "false"),
        ("spec.set + ['b', 'c']", "[\"a\", \"b\", \"c\"]"),
        ("(spec.env + spec.env).size()", "2"),
        ("type(spec)", "Spec"),
        ("spec == spec", "true"),
    ] {
        assert_eq!(eval(&env, source, &bindings), expected, "{source}");
    }
}

#[test]
fn data_of_another_type_is_an_error_that_is_not_pending() {
    let data = json!({
        "name": 5, "ratio": "2", "count": 1.5, "since": "yesterday", "every": "soon", "data": "%",
        "port": 1.5, "set": {}, "labels": [],
    });
    let mut bindings = Bindings::new();
    bindings.json("spec", &data);
    let env = env();
    for field in ["name", "ratio", "count", "since", "every", "data", "port", "set", "labels"] {
        for source in
            [format!("spec.{field}"), format!("has(spec.{field})"), format!("spec.?{field}")]
        {
            let checked = env.compile(&source).expect("valid");
            let program = cel::Program::new(&checked).expect("valid");
            match program.eval(&bindings) {
                cel::Outcome::Error(error) => {
                    assert!(!error.is_missing_data(), "{source}: {error}");
                }
                other => panic!("{source}: {other:?}"),
            };
        }
    }
}

#[test]
fn exactly_four_kinds_are_missing_data() {
    let data = json!({"a": [1]});
    let mut bindings = Bindings::new();
    bindings.json("d", &data);
    let env = Env::kro()
        .extend()
        .variable("d", Type::Dyn)
        .variable("unbound", Type::Dyn)
        .build()
        .expect("well-formed");
    for (source, pending) in [
        ("d.b", true),
        ("d['b']", true),
        ("d.a[1]", true),
        ("d.a[0].x", true),
        ("unbound", true),
        ("has(unbound.x)", true),
        ("d.a.x", false),
        ("1 / 0", false),
        ("d.a[0] + 'x'", false),
        ("int('x')", false),
        ("optional.none().value()", false),
        ("lists.removeAtIndex([1], 5)", false),
    ] {
        let program = cel::Program::new(&env.compile(source).expect("valid")).expect("valid");
        match program.eval(&bindings) {
            cel::Outcome::Error(error) => {
                assert_eq!(error.is_missing_data(), pending, "{source}: {error}");
            }
            other => panic!("{source}: {other:?}"),
        };
    }
}
