//! Whatever the input, neither the stack nor the memory is exhausted.

use cel::{Bindings, Env, MistakeKind};

use crate::{env, eval};

#[test]
fn nesting_is_bounded() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!(", ")"),
        ("-(", ")"),
        ("f(", ")"),
        ("a[", "]"),
        ("{1:", "}"),
        ("a.b(", ")"),
        ("x?1:", ""),
    ] {
        for depth in [300, 5_000, 30_000] {
            let source = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let (ast, mistakes) = cel::parse(&source);
            assert!(ast.is_none(), "{open} {depth}");
            assert!(
                mistakes.iter().any(|m| matches!(
                    m.kind,
                    MistakeKind::TooDeep { .. } | MistakeKind::TooLong { .. }
                )),
                "{open} {depth}: {:?}",
                mistakes.first()
            );
        }
        let source = format!("{}1{}", open.repeat(80), close.repeat(80));
        let (ast, mistakes) = cel::parse(&source);
        assert!(ast.is_some(), "{open}: {mistakes:?}");
    }
}

#[test]
fn chains_are_bounded_by_depth_only_where_they_nest() {
    let chain = |op: &str, n: usize| vec!["true"; n].join(op);
    let long = chain(" && ", 5_000);
    assert_eq!(eval(&env(), &long, &Bindings::new()), "true");
    let (ast, mistakes) = cel::parse(&vec!["1"; 5_000].join(" + "));
    assert!(ast.is_none());
    assert!(matches!(mistakes[0].kind, MistakeKind::TooDeep { limit: 250 }));
    assert!(cel::parse(&format!("a{}", ".b".repeat(5_000))).0.is_none());
    assert!(cel::parse(&format!("{}1", "-".repeat(50_000))).0.is_some());
    assert!(cel::parse(&"'".repeat(50_001)).0.is_none());
}

#[test]
fn length_is_bounded() {
    let source = " ".repeat(100_001);
    let (ast, mistakes) = cel::parse(&source);
    assert!(ast.is_none());
    assert_eq!(mistakes[0].kind, MistakeKind::TooLong { limit: 100_000 });
}

#[test]
fn cost_is_bounded() {
    let env = Env::kro().extend().options(|o| o.max_cost = 2_000).build().expect("well-formed");
    let source = "lists.range(100).map(a, lists.range(100).map(b, a * b)).size()";
    assert_eq!(eval(&env, source, &Bindings::new()), "error: the evaluation costs more than 2000");
    assert_eq!(
        eval(&env, "lists.range(30).map(a, lists.range(30)).size()", &Bindings::new()),
        "30"
    );
    let checked = Env::kro().compile("lists.range(9).all(i, i < 9)").expect("well-formed");
    let program = cel::Program::new(&checked).expect("well-formed");
    let bindings = Bindings::new();
    let full = program.eval_within(&bindings, 1_000);
    assert!(matches!(full.outcome, cel::Outcome::Value(cel::Value::Bool(true))));
    let exact = program.eval_within(&bindings, full.cost);
    assert!(matches!(exact.outcome, cel::Outcome::Value(_)));
    match program.eval_within(&bindings, full.cost - 1).outcome {
        cel::Outcome::Error(error) => {
            assert_eq!(error.kind, cel::ErrorKind::BudgetExceeded { limit: full.cost - 1 });
        }
        other => panic!("{other:?}"),
    }
}

/// `n` bindings, each of which uses the one before.
fn bound(n: usize, first: &str, next: &str, last: &str) -> String {
    let mut source = format!("cel.bind(x0, {first}, ");
    for i in 1..n {
        let next = next.replace('$', &format!("x{}", i - 1));
        source.push_str(&format!("cel.bind(x{i}, {next}, "));
    }
    source.push_str(&last.replace('$', &format!("x{}", n - 1)));
    source.push_str(&")".repeat(n));
    source
}

/// What doubles with every binding is large long before the expression is.
#[test]
fn what_doubles_is_bounded() {
    let env = Env::kro().extend().options(|o| o.max_cost = 100_000).build().expect("well-formed");
    for (first, next, last) in [
        ("'0123456789'", "$ + $", "$"),
        ("b'0123456789'", "$ + $", "$"),
        ("[1]", "$ + $", "$"),
        ("[1]", "[$, $]", "$"),
        ("[1]", "[$, $]", "$ == $"),
        ("[1]", "[$, $]", "1 in dyn($)"),
        ("[1]", "[$, $]", "json.marshal($)"),
        ("[1]", "[$, $]", "'%s'.format([$])"),
        ("[dyn(1)]", "[dyn($), dyn($)]", "$.flatten(1000)"),
        ("[1]", "[$, $]", "$.distinct()"),
        ("[1]", "{'a': $, 'b': $}", "$"),
        ("'a'", "[$, $].join('abcdefghijklmn')", "$"),
        ("'a'", "$.replace('', 'abc')", "$"),
        ("'ab'", "$.replace('a', $)", "$"),
        ("'aa'", "base64.encode(bytes($ + $))", "$"),
        ("['a']", "$ + $", "$.join().split('')"),
    ] {
        let source = bound(60, first, next, last);
        let outcome = eval(&env, &source, &Bindings::new());
        assert!(
            outcome.contains("costs more than") || outcome.contains("larger than"),
            "{source}: {}",
            &outcome[..outcome.len().min(200)]
        );
    }
    // Types double, too.
    let source = bound(60, "{1: 1}", "{$: $}", "$");
    let outcome = eval(&Env::kro(), &source, &Bindings::new());
    assert!(outcome.contains("more than 1000 parts"), "{}", &outcome[..outcome.len().min(200)]);
}

/// Values nest deeper than the expression where bindings stand one in another; so do types.
#[test]
fn nesting_of_values_is_bounded() {
    let deep = |n: usize, inner: &str| format!("{}{inner}{}", "[".repeat(n), "]".repeat(n));
    let bindings = |n: usize| bound(n, "1", &deep(100, "$"), "$ == $");
    let (ast, mistakes) = cel::parse(&bindings(200));
    assert!(ast.is_none());
    assert!(matches!(mistakes[..], [cel::Mistake { kind: MistakeKind::TooDeep { .. }, .. }]));
    assert_eq!(eval(&env(), &bindings(8), &Bindings::new()), "true");
    let maps = format!("[1]{}", format!(".map(x, {})", deep(100, "x")).repeat(100));
    assert!(cel::parse(&maps).0.is_none());
}

/// The deepest that is accepted: nothing on the way to its value exhausts the stack of a test's thread (2 MiB), nor does dropping it.
#[test]
fn the_deepest_expressions_are_handled() {
    let env = Env::kro().extend().options(|o| o.max_depth = usize::MAX).build().expect("valid");
    for (open, inner, close) in [
        ("[", "1", "]"),
        ("(1 + ", "1", ")"),
        ("{'a': ", "1", "}"),
        ("dyn(", "1", ")"),
        ("true ? 1 : ", "1", ""),
        ("[1].map(x, ", "1", ")"),
        ("[[1]].all(x, x == ", "[1]", ")"),
        ("optional.of(", "1", ")"),
        ("!(", "true", ")"),
        ("cel.bind(x, 1, ", "x", ")"),
        ("optional.of(1).optMap(x, ", "1", ")"),
        ("{'a': 1}[?", "'a'", "].orValue('a')"),
    ] {
        let nested = |n: usize| format!("{}{inner}{}", open.repeat(n), close.repeat(n));
        // The deepest that the parser takes, found by halving.
        let (mut good, mut bad) = (1, 600);
        while bad - good > 1 {
            let middle = usize::midpoint(good, bad);
            let taken = env.parse(&nested(middle)).0.is_some();
            if taken { good = middle } else { bad = middle }
        }
        assert!((50..600).contains(&good), "{open}: {good}");
        let source = nested(good);
        let ast = env.parse(&source).0.expect("it was taken");
        let printed = ast.to_string();
        assert!(env.parse(&printed).0.is_some(), "{open}");
        let _ = ast.reads();
        if let Ok(checked) = cel::check(&env, ast) {
            let _ = checked.result_type().to_string();
            let _ = cel::cost::estimate(&checked, &|_| None);
            let program = cel::Program::new(&checked).expect("no constants");
            let bindings = Bindings::new();
            if let cel::Outcome::Value(value) = program.eval(&bindings) {
                let _ = value.equals(&value.clone());
                let _ = value.to_json();
                drop(value.into_owned());
            }
        }
    }
}

#[test]
fn sizes_of_results_are_bounded() {
    for source in [
        "lists.range(1000001)",
        "random.seededString(1000000000, 'x')",
        "'%.100000f'.format([1.0])",
    ] {
        let outcome = eval(&Env::kro(), source, &Bindings::new());
        assert!(outcome.starts_with("error") || outcome.starts_with("mistake"), "{source}");
    }
}
