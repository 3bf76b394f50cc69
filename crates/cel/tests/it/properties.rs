//! Properties over random expressions.

use cel::{Bindings, Env, Outcome, Program, Type};
use proptest::prelude::*;
use serde_json::json;

use crate::env;

/// Text that is close to an expression.
fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        Just("1"),
        Just("1u"),
        Just("1.5"),
        Just("'a'"),
        Just("b'a'"),
        Just("null"),
        Just("true"),
        Just("x"),
        Just("s"),
        Just("l"),
        Just("m"),
        Just("d"),
        Just("zz"),
        Just("."),
        Just(".?"),
        Just("["),
        Just("[?"),
        Just("]"),
        Just("("),
        Just(")"),
        Just("{"),
        Just("}"),
        Just(","),
        Just(":"),
        Just("?"),
        Just(" + "),
        Just(" - "),
        Just("*"),
        Just("/"),
        Just("%"),
        Just("!"),
        Just("&&"),
        Just("||"),
        Just("=="),
        Just("<"),
        Just(" in "),
        Just("has("),
        Just(".map(e,"),
        Just(".all(e,"),
        Just(".filter(e,"),
        Just("e"),
        Just("size("),
        Just("int("),
        Just("type("),
        Just(".orValue("),
        Just("`q`"),
        Just("'"),
        Just("\\"),
        Just("é"),
        Just("if"),
        Just("cel.bind(e,"),
        Just("\n"),
    ];
    proptest::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// Expressions that mostly check.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("x".to_owned()),
        Just("s".to_owned()),
        Just("l".to_owned()),
        Just("m".to_owned()),
        Just("d".to_owned()),
        Just("d.a".to_owned()),
        Just("d.?a".to_owned()),
        Just("m['a']".to_owned()),
        Just("1".to_owned()),
        Just("0".to_owned()),
        Just("'a'".to_owned()),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("1.5".to_owned()),
        Just("null".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("({a} + {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} / {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} == {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} < {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} && {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} || {b})")),
            two.clone().prop_map(|(a, b)| format!("({a} in {b})")),
            two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            two.clone().prop_map(|(a, b)| format!("{{'k': {a}, 'a': {b}}}")),
            two.clone().prop_map(|(a, b)| format!("dyn({a})[{b}]")),
            two.clone().prop_map(|(a, b)| format!("{a}.map(e, {b})")),
            two.clone().prop_map(|(a, b)| format!("{a}.filter(e, dyn({b}) == e)")),
            two.clone().prop_map(|(a, b)| format!("{a}.exists(e, dyn({b}) == e)")),
            two.clone().prop_map(|(a, b)| format!("{a}.all(e, dyn({b}) == e)")),
            two.clone().prop_map(|(a, b)| format!("cel.bind(e, {a}, [e, {b}])")),
            two.prop_map(|(a, b)| format!("({a} == {b} ? {a} : {a})")),
            inner.clone().prop_map(|a| format!("size({a})")),
            inner.clone().prop_map(|a| format!("dyn({a})")),
            inner.clone().prop_map(|a| format!("has(dyn({a}).a)")),
            inner.clone().prop_map(|a| format!("dyn({a}).?a")),
            inner.clone().prop_map(|a| format!("!{a}")),
            inner.prop_map(|a| format!("-{a}")),
        ]
    })
}

fn fits(ty: &Type, value: &cel::Value<'_>) -> bool {
    match ty {
        Type::Dyn | Type::Error => true,
        Type::List(element) => match value {
            cel::Value::List(list) => list.iter().all(|v| v.is_ok_and(|v| fits(element, &v))),
            _ => false,
        },
        Type::Map(entry) => match value {
            cel::Value::Map(map) => map
                .entries()
                .all(|(k, v)| fits(&entry.0, &k.to_value()) && v.is_ok_and(|v| fits(&entry.1, &v))),
            _ => false,
        },
        // Null is assignable to these, so a list of optionals may hold one.
        Type::Optional(_)
        | Type::Timestamp
        | Type::Duration
        | Type::Object(_)
        | Type::Opaque(_)
            if matches!(value, cel::Value::Null) =>
        {
            true
        }
        Type::Optional(inner) => match value {
            cel::Value::Optional(v) => v.as_ref().is_none_or(|v| fits(inner, v)),
            _ => false,
        },
        other => other.name() == value.type_name(),
    }
}

fn data() -> [(&'static str, serde_json::Value); 5] {
    [
        ("x", json!(1)),
        ("s", json!("a")),
        ("l", json!([0, 1, 2])),
        ("m", json!({"a": 1, "b": 0})),
        ("d", json!({"a": {"a": 1}, "k": [1, "a"], "b": 2.5})),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_on_any_text(source in text()) {
        let env = Env::kro();
        if let (Some(ast), mistakes) = env.parse(&source) {
            prop_assert!(mistakes.is_empty());
            let printed = ast.to_string();
            let (again, _) = env.parse(&printed);
            prop_assert_eq!(again.map(|ast| ast.to_string()), Some(printed));
            if let Ok(program) = Program::unchecked(&env, &ast) {
                let data = data();
                let mut bindings = Bindings::new();
                for (name, value) in &data {
                    bindings.json(*name, value);
                }
                let _ = program.eval(&bindings);
            }
            let _ = cel::check(&env, ast);
        }
    }

    #[test]
    fn a_value_has_the_checked_type(source in expression()) {
        // The checker takes `dyn(…)` for whatever an overload wants, as the reference does: `dyn(l) + ['a']` is a list of strings.
        // So nothing with `dyn`, or with the untyped variable `d`.
        if source.contains('d') {
            return Ok(());
        }
        if let Ok(checked) = env().compile(&source) {
            let data = data();
            let mut bindings = Bindings::new();
            for (name, value) in &data {
                bindings.json(*name, value);
            }
            let program = Program::new(&checked);
            let Ok(program) = program else { return Ok(()) };
            if let Outcome::Value(value) = program.eval(&bindings) {
                prop_assert!(fits(checked.result_type(), &value), "{} is no {}", crate::show(&value), checked.result_type());
            }
        }
    }

    #[test]
    fn what_is_known_despite_unknowns_is_right(source in expression(), known in 0u8..32) {
        let Ok(checked) = env().compile(&source) else { return Ok(()) };
        let Ok(program) = Program::new(&checked) else { return Ok(()) };
        let data = data();
        let mut all = Bindings::new();
        let mut some = Bindings::new();
        for (i, (name, value)) in data.iter().enumerate() {
            all.json(*name, value);
            if known & (1 << i) == 0 {
                some.unknown(*name);
            } else {
                some.json(*name, value);
            }
        }
        let full = crate::show_outcome(&program.eval(&all));
        match program.eval(&some) {
            Outcome::Unknown(unknown) => {
                prop_assert!(!unknown.attributes().is_empty());
                // What is awaited was left unknown, and binding it makes progress.
                let mut more = some.clone();
                for attribute in unknown.attributes() {
                    let at = data.iter().position(|(name, _)| **name == *attribute.root);
                    let at = at.expect("an awaited variable exists");
                    prop_assert!(known & (1 << at) == 0);
                    more.json(data[at].0, &data[at].1);
                }
                if let Outcome::Unknown(next) = program.eval(&more) {
                    prop_assert!(next.attributes().iter().all(|a| unknown.attributes().iter().all(|b| a.root != b.root)));
                }
            }
            other => prop_assert_eq!(crate::show_outcome(&other), full),
        }
    }
}
