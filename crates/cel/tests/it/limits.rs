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
fn steps_are_bounded() {
    let env = Env::kro().extend().options(|o| o.max_steps = 1_000).build().expect("well-formed");
    let source = "lists.range(100).map(a, lists.range(100).map(b, a * b)).size()";
    assert_eq!(
        eval(&env, source, &Bindings::new()),
        "error: the evaluation takes more than 1000 steps"
    );
    assert_eq!(
        eval(&env, "lists.range(30).map(a, lists.range(30)).size()", &Bindings::new()),
        "30"
    );
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
