//! What is fuzzed: any bytes go in, and nothing panics, hangs or contradicts itself.
//!
//! The tests run these functions over a committed corpus; the programs in `fuzz/` run them under a fuzzer.

use cel::{Bindings, Env, Outcome, Partial, Program};

use crate::random::{self, Draw, PATHS, VARIABLES, any_expression, value_of};

/// Any text parses or has mistakes with places in it; what parses is printed and parses to the same text.
pub(crate) fn parser(bytes: &[u8]) {
    let source = String::from_utf8_lossy(bytes);
    let (ast, mistakes) = cel::parse(&source);
    assert_eq!(ast.is_some(), mistakes.is_empty());
    for mistake in &mistakes {
        let (start, end) = (mistake.span.start as usize, mistake.span.end as usize);
        assert!(start <= end, "{mistake:?}");
        let inside = source.get(start..end).is_some() || start >= source.len();
        assert!(inside, "{mistake:?} in {source:?}");
        assert!(!mistake.to_string().is_empty());
    }
    let Some(ast) = ast else { return };
    let printed = ast.to_string();
    let (again, mistakes) = cel::parse(&printed);
    let again = again.unwrap_or_else(|| panic!("{source:?} as {printed:?}: {mistakes:?}"));
    assert_eq!(again.to_string(), printed);
    assert_eq!(again.len(), ast.len(), "{source:?} as {printed:?}");
    ast.reads();
}

/// Any text checks or has mistakes, in two environments; what checks can be planned or says why not, and its cost be estimated.
pub(crate) fn checker(bytes: &[u8]) {
    let source = String::from_utf8_lossy(bytes);
    for env in [random::env(), Env::kro()] {
        match env.compile(&source) {
            Ok(checked) => {
                let _ = checked.result_type().to_string();
                checked.reads();
                let estimate = cel::cost::estimate(&checked, &|_| None).cost;
                assert!(estimate.min <= estimate.max, "{source}: {estimate:?}");
                if let Err(mistakes) = Program::new(&checked) {
                    assert!(!mistakes.is_empty());
                }
            }
            Err(mistakes) => {
                assert!(!mistakes.is_empty());
                for mistake in mistakes {
                    assert!(!mistake.to_string().is_empty());
                }
            }
        }
    }
}

/// Any text evaluates, checked and unchecked, with any data of which any part is unknown.
///
/// The text ends at the first zero byte, what follows chooses the data. Without text, the expression is chosen, too.
pub(crate) fn evaluator(bytes: &[u8]) {
    let (text, rest) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let mut draw = Draw::new(rest);
    let source = if text.is_empty() {
        any_expression(&mut draw)
    } else {
        String::from_utf8_lossy(text).into_owned()
    };
    let env = random::env().extend().options(|options| options.max_cost = 50_000).build();
    let env = env.expect("the options are valid");
    let data = VARIABLES.map(|name| (name, value_of(name, &mut draw)));
    let mut full = Bindings::new();
    for (name, json) in &data {
        full.json(*name, json);
    }
    let mut part = full.clone();
    for name in VARIABLES {
        if draw.below(4) == 1 {
            part.unknown(name);
        }
    }
    for path in PATHS {
        if draw.below(4) == 1 {
            let steps = path[1..].iter().map(|name| cel::PathStep::Field((*name).into()));
            let root = path[0].into();
            part.unknown_path(cel::Attribute { root, path: steps.collect() });
        }
    }
    let Some(ast) = env.parse(&source).0 else { return };
    if let Ok(program) = Program::unchecked(&env, &ast) {
        for bindings in [&full, &part] {
            outlast(&program.eval(bindings));
        }
    }
    let Ok(checked) = cel::check(&env, ast) else { return };
    let Ok(program) = Program::new(&checked) else { return };
    let evaluation = program.eval_within(&full, 50_000);
    outlast(&evaluation.outcome);
    let most = cel::cost::estimate(&checked, &|_| None).cost.max;
    assert!(evaluation.cost <= most, "{source}: {} > {most}", evaluation.cost);
    match (checked.partial(&part), &evaluation.outcome) {
        (Ok(Partial::Residual(residual)), outcome) => {
            let printed = residual.ast.to_string();
            let rest = cel::check(&env, residual.ast)
                .unwrap_or_else(|mistakes| panic!("{source} as {printed}: {mistakes:?}"));
            let rest = Program::new(&rest).expect("it could be planned before");
            assert_same(&source, outcome, &rest.eval_within(&full, 50_000).outcome);
        }
        (Ok(Partial::Value(value)), outcome) => {
            assert_same(&source, outcome, &Outcome::Value(value));
        }
        (Ok(Partial::Error(_)) | Err(_), _) => {}
    }
}

/// Whatever one does with an outcome comes to an end.
fn outlast(outcome: &Outcome<'_>) {
    match outcome {
        Outcome::Value(value) => {
            let _ = value.to_json();
            let _ = value.equals(value);
            drop(value.clone().into_owned());
        }
        Outcome::Error(error) => assert!(!error.to_string().is_empty()),
        Outcome::Unknown(unknown) => assert!(!unknown.attributes().is_empty()),
    }
}

/// The same, unless one of the two was too dear: a residual may cost less.
fn assert_same(source: &str, a: &Outcome<'_>, b: &Outcome<'_>) {
    let shown = [a, b].map(|outcome| match outcome {
        Outcome::Value(value) => value.to_json().map(|json| json.to_string()),
        _ => Ok("no value".to_owned()),
    });
    let dear = [a, b].iter().any(|outcome| {
        matches!(outcome, Outcome::Error(error)
            if matches!(error.kind, cel::ErrorKind::BudgetExceeded { .. }))
    });
    assert!(dear || shown[0] == shown[1], "{source}: {a:?}, but {b:?}");
}
