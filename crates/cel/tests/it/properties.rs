//! Properties over random expressions.

use cel::{Ast, Attribute, Bindings, Env, Expr, ExprId, Outcome, PathStep, Program, Size, Type};
use proptest::prelude::*;
use serde_json::json;

use crate::{
    env,
    random::{self, Draw, VARIABLES, any_expression, value_of},
};

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
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

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

    /// The tree of the printed text is the tree that was printed, whatever was written.
    #[test]
    fn printing_and_parsing_is_the_identity(source in prop_oneof![text(), expression()]) {
        let env = Env::kro();
        let Some(ast) = env.parse(&source).0 else { return Ok(()) };
        let printed = ast.to_string();
        let (again, mistakes) = env.parse(&printed);
        prop_assert!(again.is_some(), "{printed}: {}", crate::join(&mistakes));
        if let Some(again) = again {
            prop_assert_eq!(outline(&again), outline(&ast), "{} as {}", source, printed);
        }
    }

    /// The estimate bounds the cost: a value costs at least the least, and nothing costs more than the most.
    #[test]
    fn the_estimate_bounds_the_cost(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let mut draw = Draw::new(&bytes);
        let source = any_expression(&mut draw);
        let checked = random::env().compile(&source).map_err(|m| TestCaseError::fail(crate::join(&m)))?;
        let program = Program::new(&checked).expect("no constant arguments");
        let data: Vec<_> = VARIABLES.map(|name| (name, value_of(name, &mut draw))).into();
        let mut bindings = Bindings::new();
        for (name, json) in &data {
            bindings.json(*name, json);
        }
        let size = |attribute: &Attribute| {
            let (_, json) = data.iter().find(|(name, _)| **name == *attribute.root)?;
            let mut json = Some(json);
            for step in &attribute.path {
                json = json.and_then(|json| match step {
                    PathStep::Field(name) => json.get(&**name),
                    PathStep::Index(at) => json.get(usize::try_from(*at).ok()?),
                    PathStep::UintKey(_) | PathStep::BoolKey(_) => None,
                });
            }
            Some(json.map_or(Size::SCALAR, Size::of))
        };
        let evaluation = program.eval_within(&bindings, u64::MAX);
        for estimate in [cel::cost::estimate(&checked, &size), cel::cost::estimate(&checked, &|_| None)] {
            let range = estimate.cost;
            prop_assert!(evaluation.cost <= range.max, "{} > {} {source}", evaluation.cost, range.max);
            if let Outcome::Value(_) = evaluation.outcome {
                prop_assert!(evaluation.cost >= range.min, "{} < {} {source}", evaluation.cost, range.min);
            }
        }
        // The budget is exact.
        let exact = program.eval_within(&bindings, evaluation.cost);
        prop_assert_eq!(crate::show_outcome(&exact.outcome), crate::show_outcome(&evaluation.outcome));
    }

    /// What is not read has no influence.
    #[test]
    fn reads_are_all_that_counts(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        more in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut draw = Draw::new(&bytes);
        let source = any_expression(&mut draw);
        let checked = random::env().compile(&source).map_err(|m| TestCaseError::fail(crate::join(&m)))?;
        let program = Program::new(&checked).expect("no constant arguments");
        let reads = checked.reads();
        let outcome = |data: &[(&str, serde_json::Value)]| {
            let mut bindings = Bindings::new();
            for (name, json) in data {
                bindings.json(*name, json);
            }
            crate::show_outcome(&program.eval(&bindings))
        };
        let data: Vec<_> = VARIABLES.map(|name| (name, value_of(name, &mut draw))).into();
        let mut draw = Draw::new(&more);
        let other: Vec<_> = data
            .iter()
            .map(|(name, json)| {
                let mut path = vec![PathStep::Field((*name).into())];
                (*name, unless_read(json, &value_of(name, &mut draw), &mut path, &reads))
            })
            .collect();
        prop_assert_eq!(outcome(&data), outcome(&other), "{} {:?} {:?}", source, data, other);
    }
}

/// `other`, with all that is read (in `json` at `path`) as it is.
fn unless_read(
    json: &serde_json::Value,
    other: &serde_json::Value,
    path: &mut Vec<PathStep>,
    reads: &[cel::Read],
) -> serde_json::Value {
    let at = |read: &cel::Read| {
        let mut whole = vec![PathStep::Field(read.attribute.root.clone())];
        whole.extend(read.attribute.path.iter().cloned());
        whole
    };
    if reads.iter().any(|read| path.starts_with(&at(read))) {
        return json.clone();
    }
    if !reads.iter().any(|read| at(read).starts_with(path)) {
        return other.clone();
    }
    // Something below is read: only parts that exist in both, and are not read, change.
    let mut mixed = json.clone();
    if let Some(object) = mixed.as_object_mut() {
        for (name, value) in object.iter_mut() {
            if let Some(other) = other.get(name) {
                path.push(PathStep::Field(name.as_str().into()));
                *value = unless_read(value, other, path, reads);
                path.pop();
            }
        }
    }
    mixed
}

/// The tree without places.
fn outline(ast: &Ast) -> String {
    fn write(ast: &Ast, id: ExprId, out: &mut String) {
        let text = match ast.expr(id) {
            Expr::Literal(literal) => format!("{literal:?}"),
            Expr::Ident { name, absolute } => format!("{absolute} {:?}", name.text),
            Expr::Select { field, optional, .. } => format!("select {optional} {:?}", field.text),
            Expr::Has { field, .. } => format!("has {:?}", field.text),
            Expr::Index { optional, .. } => format!("index {optional}"),
            Expr::Call { function, target, absolute, .. } => {
                format!("call {absolute} {:?} {}", function.text, target.is_some())
            }
            Expr::Unary { op, .. } => format!("{op:?}"),
            Expr::Binary { op, .. } => format!("{op:?}"),
            Expr::Logic { op, .. } => format!("{op:?}"),
            Expr::Conditional { .. } => "conditional".to_owned(),
            Expr::List(elements) => {
                format!("list {:?}", elements.iter().map(|e| e.optional).collect::<Vec<_>>())
            }
            Expr::Map(entries) => {
                format!("map {:?}", entries.iter().map(|e| e.optional).collect::<Vec<_>>())
            }
            Expr::Struct { name, fields } => {
                let fields: Vec<_> = fields.iter().map(|f| (&f.field.text, f.optional)).collect();
                format!("struct {:?} {fields:?}", name.text)
            }
            Expr::Comprehension(c) => format!(
                "{:?} {:?} {:?} {:?} {}",
                c.kind,
                c.function.text,
                c.variable.text,
                c.second.as_ref().map(|name| &name.text),
                c.filter.is_some()
            ),
            Expr::Bind { variable, .. } => format!("bind {:?}", variable.text),
        };
        out.push_str(&text);
        out.push('(');
        ast.for_each_child(id, |child| write(ast, child, out));
        out.push(')');
    }
    let mut out = String::new();
    write(ast, ast.root(), &mut out);
    out
}
