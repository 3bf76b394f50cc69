//! Tables of expressions and results. The vectors of the official suite cover the rest.

use cel::{Binding, Bindings, Env, Program, Type, Value};
use serde_json::json;

use crate::{env, eval};

#[track_caller]
fn table(env: &Env, rows: &[(&str, &str)]) {
    for (source, expected) in rows {
        assert_eq!(eval(env, source, &Bindings::new()), *expected, "{source}");
    }
}

#[test]
fn the_specification_and_cel_go_where_they_differ() {
    let spec = Env::spec();
    let kro = Env::kro();
    for (source, in_spec, in_kro) in [
        ("{'a': 1, 'a': 2}", "error: key `a` stands twice in one map", "{\"a\": 2}"),
        ("{dyn(1.5): 1}", "error: unsupported key type double", "{1.5: 1}"),
        ("duration('61.5s').getMilliseconds()", "500", "61500"),
        ("'abc'.indexOf('b', 9)", "error: indexOf: index 9 out of range", "-1"),
        ("'abc'.lastIndexOf('b', 9)", "error: lastIndexOf: index 9 out of range", "-1"),
        ("has({'a': dyn(1)}.a.b)", "error: no such key: b", "false"),
        ("{'a': dyn(null)}.?a.b", "error: no such key: b", "none"),
        (
            "string(ip('::ffff:c0a8:1'))",
            "\"192.168.0.1\"",
            "error: ip: `::ffff:c0a8:1` is an IPv4 address inside of IPv6, which is not allowed",
        ),
    ] {
        assert_eq!(eval(&spec, source, &Bindings::new()), in_spec, "{source} in spec");
        assert_eq!(eval(&kro, source, &Bindings::new()), in_kro, "{source} in kro");
    }
    assert!(spec.compile("[1].existsOne(x, x == 1)").is_ok());
    assert!(kro.compile("[1].existsOne(x, x == 1)").is_err());
}

#[test]
fn absorbing_of_errors() {
    table(
        &env(),
        &[
            ("1 / 0 == 1 || true", "true"),
            ("false && 1 / 0 == 1", "false"),
            ("1 / 0 == 1 || false", "error: division by zero"),
            ("[0, 1].exists(i, 1 / i == 1)", "true"),
            ("[1, 0].all(i, 1 / i == 2)", "false"),
            ("[0, 1].exists_one(i, 1 / i == 1)", "error: division by zero"),
            ("true ? 1 : 1 / 0", "1"),
            ("cel.bind(x, 1 / 0, true)", "true"),
            ("optional.of(1).orValue(1 / 0)", "1"),
            ("optional.none().orValue(1 / 0)", "error: division by zero"),
            ("optional.of(1).or(optional.of(1 / 0))", "some(1)"),
            ("{'a': 1}.?a.orValue(1 / 0)", "1"),
            ("cel.bind(x, 1 / 0, x == 1 || true)", "true"),
        ],
    );
}

#[test]
fn the_first_error_counts() {
    // What is added first fails first.
    table(
        &env(),
        &[("dyn(1) + dyn('a') + {'a': 1}['b']", "error: no such overload: _+_(int, string)")],
    );
}

#[test]
fn shared_subexpressions_are_evaluated_once() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let env = env()
        .extend()
        .overload(
            "tick",
            "tick(): int",
            "Counts its calls.",
            Binding::Closure(Arc::new(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                Ok(Value::Int(1))
            })),
        )
        .build()
        .expect("the declaration is well-formed");
    for (source, calls) in [
        ("cel.bind(t, tick(), t + t + [1, 2].map(x, x + t)[0])", 1),
        ("cel.bind(t, tick(), 1)", 0),
        ("optional.of(tick()).optMap(v, v + v).orValue(0)", 1),
        ("[1, 2, 3].map(x, cel.bind(t, tick(), t + t))", 3),
        ("true || tick() == 1", 0),
        ("[3, 1].sortBy(x, tick())", 2),
    ] {
        count.store(0, Ordering::Relaxed);
        eval(&env, source, &Bindings::new());
        assert_eq!(count.load(Ordering::Relaxed), calls, "{source}");
    }
}

#[test]
fn functions_of_the_caller() {
    fn shout<'a>(args: &[Value<'a>]) -> cel::CallResult<'a> {
        match args {
            [Value::String(text)] => Ok(Value::string(text.to_uppercase() + "!")),
            _ => Err(cel::Overload::no_such_overload("shout", args)),
        }
    }
    let env = env()
        .extend()
        .overload("shout", "(string).shout(): string", "Louder.", Binding::Function(shout))
        .build()
        .expect("the declaration is well-formed");
    assert_eq!(eval(&env, "'a'.shout() + 'b'.shout()", &Bindings::new()), "\"A!B!\"");
    let bad = Env::builder().overload("f", "f(int", "", Binding::Function(shout)).build();
    assert_eq!(
        bad.expect_err("a bad signature").to_string(),
        "signature `f(int` can't be read at byte 5"
    );
}

#[test]
fn values_borrow_from_their_bindings() {
    let data = json!({"name": "a long enough name", "list": [1, 2]});
    let env = env();
    let program = Program::new(&env.compile("d.name").expect("valid")).expect("valid");
    let mut bindings = Bindings::new();
    bindings.json("d", &data);
    let value = program.eval(&bindings).value().expect("a value");
    let text = value.as_str().expect("text");
    assert!(std::ptr::eq(text, data["name"].as_str().expect("text")));
}

#[test]
fn integers_stay_exact() {
    let data = json!({"big": 9_007_199_254_740_993_i64, "max": u64::MAX, "f": 3.0});
    let mut bindings = Bindings::new();
    bindings.json("d", &data);
    assert_eq!(eval(&env(), "d.big + 0", &bindings), "9007199254740993");
    assert_eq!(eval(&env(), "d.max", &bindings), "18446744073709551615u");
    assert_eq!(eval(&env(), "type(d.f)", &bindings), "double");
    let checked = env().compile("[d.big, d.f]").expect("valid");
    let program = Program::new(&checked).expect("valid");
    let value = program.eval(&bindings).value().expect("a value");
    assert_eq!(value.to_json().expect("JSON").to_string(), "[9007199254740993,3.0]");
}

#[test]
fn long_sums_and_lists_are_not_copied_again_and_again() {
    let source = vec!["s"; 200].join(" + ");
    let data = json!("0123456789");
    let mut bindings = Bindings::new();
    bindings.json("s", &data);
    assert_eq!(eval(&env(), &source, &bindings).len(), 2002);
    let source = vec!["l"; 200].join(" + ");
    let data = json!([1, 2, 3]);
    bindings.json("l", &data);
    assert_eq!(eval(&env(), &format!("size({source})"), &bindings), "600");
}

#[test]
fn unchecked_programs_dispatch_at_run_time() {
    let env = Env::spec();
    let (ast, _) = env.parse("x.size() + [y, 'a'].size() + math.abs(-1)");
    let program = Program::unchecked(&env, &ast.expect("valid")).expect("valid");
    let (x, y) = (json!("abc"), json!(1));
    let mut bindings = Bindings::new();
    bindings.json("x", &x).json("y", &y);
    assert_eq!(crate::show_outcome(&program.eval(&bindings)), "6");
}

#[test]
fn zones_come_from_the_binary() {
    table(
        &env(),
        &[
            ("timestamp('2024-07-01T00:00:00Z').getHours('America/New_York')", "20"),
            ("timestamp('2024-01-01T00:00:00Z').getHours('America/New_York')", "19"),
            ("timestamp('2024-01-01T00:00:00Z').getHours('+05:30')", "5"),
            ("timestamp('0001-01-01T00:00:00Z').getFullYear('-12:00')", "0"),
            (
                "timestamp('2024-01-01T00:00:00Z').getHours('Mars/Base')",
                "error: getHours: unknown time zone Mars/Base",
            ),
        ],
    );
}

#[test]
fn a_variable_may_hide_another() {
    let env = env().extend().variable("e", Type::String).build().expect("well-formed");
    table(
        &env,
        &[
            ("[1].map(e, [2].map(e, e + 1)[0] + e)", "[4]"),
            ("[{'size': 1}].map(math, math.size)", "[1]"),
            ("cel.bind(x, 1, cel.bind(x, x + 1, x))", "2"),
        ],
    );
}

#[test]
fn a_bound_value_may_have_loops_of_its_own() {
    table(
        &env(),
        &[
            ("cel.bind(a, [3].map(e, e), [1, 2].map(e, a[0] + e))", "[4, 5]"),
            ("cel.bind(a, [3, 4].map(e, e), cel.bind(b, 2, a.map(e, e + b)))", "[5, 6]"),
            ("cel.bind(a, cel.bind(c, 3, [c, c]), cel.bind(b, 2, a.map(e, e + b)))", "[5, 5]"),
        ],
    );
}

#[test]
fn sets_and_patterns() {
    let env = env()
        .extend()
        .library(&cel::library::SETS)
        .library(&cel::library::REGEX)
        .build()
        .expect("well-formed");
    table(
        &env,
        &[
            ("sets.contains([1, 2, 3], [3, 1, 1])", "true"),
            ("sets.contains([1], [1, 2])", "false"),
            ("sets.equivalent([1, 2, 2], [2, 1])", "true"),
            ("sets.equivalent([], [1])", "false"),
            ("sets.intersects([1, 2], [2, 3])", "true"),
            ("sets.intersects([], [])", "false"),
            ("regex.replace('a1b22', '[0-9]+', '<\\\\0>')", "\"a<1>b<22>\""),
            ("regex.replace('a1b22', '([a-z])([0-9]+)', '\\\\2\\\\1', 1)", "\"1ab22\""),
            (
                "regex.replace('abc', 'b', '\\\\1')",
                "error: regex.replace: the pattern has no group 1",
            ),
            ("regex.extract('v1.2', 'v([0-9])')", "some(\"1\")"),
            ("regex.extract('x', '[0-9]')", "none"),
            ("regex.extractAll('a1b2', '[0-9]')", "[\"1\", \"2\"]"),
            (
                "regex.extract('x', '(a)(b)')",
                "error: regex.extract: the pattern has more than one group",
            ),
        ],
    );
}

#[test]
fn every_library_has_well_formed_unique_rows() {
    let env = cel::library::ALL
        .iter()
        .fold(Env::builder(), |builder, library| builder.library(library))
        .build()
        .expect("all signatures can be read");
    let mut ids: Vec<String> = Vec::new();
    for function in env.functions() {
        for overload in &function.overloads {
            assert!(!overload.doc.is_empty(), "{overload}");
            ids.push(overload.id.to_string());
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "ids of overloads are unique");
    assert!(count > 250, "{count}");
}

#[test]
fn formats_and_nearly_versions() {
    let env = Env::kro()
        .extend()
        .library(&cel::library::FORMATS)
        .library(&cel::library::SEMVER_NORMALIZED)
        .build()
        .expect("well-formed");
    table(
        &env,
        &[
            ("format.dns1123Label().validate('a-1')", "none"),
            ("format.dns1123Label().validate('A_').hasValue()", "true"),
            ("format.dns1123LabelPrefix().validate('a-')", "none"),
            ("format.dns1035Label().validate('1a').hasValue()", "true"),
            ("format.dns1123Subdomain().validate('a.b-c.d')", "none"),
            ("format.dns1123Subdomain().validate('a..b').hasValue()", "true"),
            ("format.qualifiedName().validate('kro.run/a_B.c')", "none"),
            (
                "format.qualifiedName().validate('/a').value()",
                "[\"the part before `/` must not be empty\"]",
            ),
            ("format.qualifiedName().validate('a/b/c').value().size()", "1"),
            ("format.labelValue().validate('')", "none"),
            ("format.labelValue().validate('-').hasValue()", "true"),
            ("format.uri().validate('https://a/b')", "none"),
            ("format.uri().validate('::').hasValue()", "true"),
            ("format.uuid().validate('123e4567-e89b-12d3-a456-426614174000')", "none"),
            ("format.uuid().validate('123e4567e89b12d3a456426614174000')", "none"),
            ("format.uuid().validate('x').value()", "[\"does not match the UUID format\"]"),
            ("format.byte().validate('aGk=')", "none"),
            ("format.date().validate('2024-02-30').hasValue()", "true"),
            ("format.datetime().validate('2024-02-29T01:02:03Z')", "none"),
            ("format.named('date').value() == format.date()", "true"),
            ("format.named('nope')", "none"),
            ("semver('v1.02', true) == semver('1.2.0')", "true"),
            ("isSemver('v1', false) || !isSemver('v1', true)", "false"),
            ("isSemver('1.2.3.4', true)", "false"),
        ],
    );
}

/// As the Go stack has it; found by comparing random expressions.
#[test]
fn what_compares_with_nothing_is_an_error() {
    table(
        &Env::kro(),
        &[
            ("[1, {'a': 1}].max()", "error: no such overload: max(list)"),
            ("[1, 'a'].max()", "1"),
            (
                "dyn(quantity('1')) == dyn(1)",
                "error: no such overload: ==(kubernetes.Quantity, int)",
            ),
            ("dyn(quantity('1')) == dyn(null)", "false"),
            ("[quantity('1'), 1].indexOf('a')", "-1"),
            ("dyn(1)[dyn(null)]", "error: unsupported key type null_type"),
            ("optional.ofNonZeroValue(optional.none()).hasValue()", "true"),
            ("json.encode({'a': 1}[?'a'])", "\"1\""),
        ],
    );
}
