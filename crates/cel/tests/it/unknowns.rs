//! Values that are not known yet.

use cel::{Attribute, Bindings, PathStep};
use serde_json::json;

use crate::{env, eval};

fn with_unknown(source: &str) -> String {
    let s = json!("text");
    let m = json!({"a": 1});
    let mut bindings = Bindings::new();
    bindings.unknown("d").unknown("x").json("s", &s).json("m", &m);
    eval(&env(), source, &bindings)
}

#[test]
fn an_unknown_names_what_it_waits_for() {
    for (source, expected) in [
        ("d", "unknown: d"),
        ("d.status.arn", "unknown: d.status.arn"),
        ("d.list[2]['k-x'].y", "unknown: d.list[2][\"k-x\"].y"),
        ("d[s].y", "unknown: d.text.y"),
        ("d[d.k].y", "unknown: d, d.k"),
        ("d.a + d.b + x", "unknown: d.a, d.b, x"),
        ("has(d.a.b)", "unknown: d.a.b"),
        ("d.?a.orValue(1)", "unknown: d.a"),
        ("d.items.map(i, i.name)", "unknown: d.items"),
        ("[1, 2].map(i, i + d.y)", "unknown: d.y"),
        ("size(d.name)", "unknown: d.name"),
        ("cel.bind(v, d.a, v == 1 ? v : d.b)", "unknown: d.a"),
    ] {
        assert_eq!(with_unknown(source), expected, "{source}");
    }
}

#[test]
fn an_unknown_outranks_errors_but_not_what_decides() {
    for (source, expected) in [
        ("1 / 0 == d.a", "unknown: d.a"),
        ("d.a == 1 / 0", "unknown: d.a"),
        ("m.b + x", "unknown: x"),
        ("[1 / 0, d]", "unknown: d"),
        ("{'a': 1 / 0, 'b': d}", "unknown: d"),
        ("1 / 0 == 1 && d.a == 1", "unknown: d.a"),
        ("d.a == 1 && 1 / 0 == 1", "unknown: d.a"),
        ("d.a == 1 || true", "true"),
        ("true || d.a == 1", "true"),
        ("false && d.a == 1", "false"),
        ("d.a == 1 && false", "false"),
        ("d.a ? 1 : 2", "unknown: d.a"),
        ("true ? 1 : x", "1"),
        ("[1, 2].exists(i, i == x || i == 2)", "true"),
        ("[1, 2].all(i, i == x && i == 1)", "false"),
        ("[1, 2].exists(i, i == x)", "unknown: x"),
        ("[0, 1].filter(i, 1 / i == x)", "unknown: x"),
        ("cel.bind(v, x, 1)", "1"),
        ("m.b", "error: no such key: b at m.b"),
    ] {
        assert_eq!(with_unknown(source), expected, "{source}");
    }
}

#[test]
fn a_part_of_a_value_may_be_unknown() {
    let data = json!({"spec": {"name": "a"}, "status": {"x": 1}});
    let mut bindings = Bindings::new();
    bindings.json("d", &data);
    bindings.unknown_path(Attribute {
        root: "d".into(),
        path: vec![PathStep::Field("status".into()), PathStep::Field("arn".into())],
    });
    for (source, expected) in [
        ("d.spec.name", "\"a\""),
        ("d.status.x", "1"),
        ("d.status.arn", "unknown: d.status.arn"),
        ("d.status.arn.y", "unknown: d.status.arn.y"),
        ("d.status", "unknown: d.status"),
        ("d", "unknown: d"),
        ("d.spec.name == 'a' || d.status.arn == ''", "true"),
    ] {
        assert_eq!(eval(&env(), source, &bindings), expected, "{source}");
    }
}
