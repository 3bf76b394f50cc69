//! The points where implementations disagree: each has an option, and both answers are tested in both environments.

use cel::{Bindings, Env, Expr, Macro, MacroCx, MacroInput, Mistake, Options};

use crate::eval;

#[track_caller]
fn both(option: fn(&mut Options, bool), source: &str, on: &str, off: &str) {
    for env in [Env::spec(), Env::kro()] {
        for (value, expected) in [(true, on), (false, off), (true, on)] {
            let env = env.extend().options(|options| option(options, value)).build();
            let env = env.expect("options are valid");
            assert_eq!(eval(&env, source, &Bindings::new()), expected, "{source} with {value}");
        }
    }
}

#[test]
fn a_repeated_key() {
    both(
        |o, v| o.unique_keys = v,
        "{'a': 1, 'a': 2}",
        "error: key `a` stands twice in one map",
        "{\"a\": 2}",
    );
}

#[test]
fn a_key_that_is_a_floating_point_number() {
    both(|o, v| o.any_keys = v, "{dyn(1.5): 1}", "{1.5: 1}", "error: unsupported key type double");
}

#[test]
fn the_milliseconds_of_a_duration() {
    both(
        |o, v| o.milliseconds_of_second = v,
        "duration('61.5s').getMilliseconds()",
        "500",
        "61500",
    );
}

#[test]
fn an_index_beyond_the_end() {
    let option = |o: &mut Options, v| o.strict_index = v;
    both(option, "'abc'.indexOf('b', 9)", "error: indexOf: index 9 out of range", "-1");
    both(option, "'abc'.lastIndexOf('b', 9)", "error: lastIndexOf: index 9 out of range", "-1");
    both(option, "'abc'.indexOf('c', 1)", "2", "2");
}

#[test]
fn an_ipv4_address_inside_of_ipv6() {
    both(
        |o, v| o.mapped_addresses = v,
        "string(ip('::ffff:c0a8:1'))",
        "\"192.168.0.1\"",
        "error: ip: `::ffff:c0a8:1` is an IPv4 address inside of IPv6, which is not allowed",
    );
}

#[test]
fn the_order_of_numbers_of_different_types() {
    let option = |o: &mut Options, v| o.mixed_comparisons = v;
    both(option, "1 < 1.5", "true", "mistake: no overload of `_<_` takes (`int`, `double`)");
    both(option, "2u >= 3", "false", "mistake: no overload of `_>=_` takes (`uint`, `int`)");
    both(option, "1 < 2 && dyn(1) < 1.5", "true", "true");
}

#[test]
fn the_order_of_numbers_of_different_types_in_bodies() {
    let option = |o: &mut Options, v| o.mixed_comparisons_in_bodies = v;
    let refused = "mistake: no overload of `_>_` takes (`int`, `uint`)";
    both(option, "[1].map(v, v > 0u)", "[true]", refused);
    both(option, "cel.bind(v, 1, v > 0u)", "true", refused);
    both(option, "1 > 0u", refused, refused);
    both(option, "[1 > 0u].map(v, v)", refused, refused);
}

#[test]
fn null_beside_a_type_that_takes_it() {
    for (source, gives_way, wins) in [
        ("[timestamp(0), null]", "list(google.protobuf.Timestamp)", "list(null_type)"),
        (
            "[null, timestamp(0)]",
            "list(google.protobuf.Timestamp)",
            "list(google.protobuf.Timestamp)",
        ),
        ("true ? null : timestamp(0)", "google.protobuf.Timestamp", "null_type"),
        ("true ? timestamp(0) : null", "google.protobuf.Timestamp", "google.protobuf.Timestamp"),
        (
            "{'a': optional.of(1), 'b': null}",
            "map(string, optional_type(int))",
            "map(string, null_type)",
        ),
    ] {
        for env in [Env::spec(), Env::kro()] {
            for (on, expected) in [(true, gives_way), (false, wins)] {
                let env = env.extend().options(|o| o.null_gives_way = on).build().expect("valid");
                let checked = env.compile(source).expect(source);
                assert_eq!(checked.result_type().to_string(), expected, "{source} with {on}");
            }
        }
    }
}

#[test]
fn presence_in_what_has_no_fields() {
    let option = |o: &mut Options, v| o.strict_presence = v;
    both(option, "has({'a': dyn(1)}.a.b)", "error: no such key: b", "false");
    both(option, "{'a': dyn(null)}.?a.b", "error: no such key: b", "none");
}

#[test]
fn construction_of_declared_objects() {
    for (construct, expected) in [(true, "1"), (false, "error: objects of type `T` can't be made")]
    {
        let env = Env::spec()
            .extend()
            .object(cel::ObjectType::new("T").with("a", cel::Field::new(cel::Type::Int)))
            .options(|options| options.construct_objects = construct)
            .build()
            .expect("well-formed");
        assert_eq!(eval(&env, "T{a: 1}.a", &Bindings::new()), expected);
    }
}

/// An option changes functions that are there; it adds none to an environment without the library.
#[test]
fn options_add_no_libraries() {
    let env = Env::standard().extend().options(|o| o.strict_index = true).build();
    let env = env.expect("well-formed");
    assert!(env.function("indexOf").is_none());
}

/// `twice(x)` becomes `cel.bind(@x, x, [@x, @x])`.
fn twice(cx: &mut MacroCx<'_>, input: &MacroInput<'_>) -> Result<Option<cel::ExprId>, Mistake> {
    let [arg] = *input.args else { return Ok(None) };
    if matches!(cx.expr(arg), Expr::Literal(cel::Literal::Null)) {
        return Err(cx.refuse(input, arg, "takes something"));
    }
    let (first, second) = (cx.ident("@x", input.span), cx.ident("@x", input.span));
    let element = |value| cel::Element { value, optional: false };
    let body = cx.add(Expr::List(vec![element(first), element(second)]), input.span);
    let variable = cel::Name { text: "@x".into(), span: input.span };
    Ok(Some(cx.add(Expr::Bind { variable, init: arg, body }, input.span)))
}

#[test]
fn macros_of_the_caller() {
    let twice = Macro { function: "twice", receiver: false, args: Some(1), expand: twice };
    let env = Env::standard().extend().with_macro(twice).build().expect("well-formed");
    assert_eq!(eval(&env, "twice(1 + 2)", &Bindings::new()), "[3, 3]");
    assert_eq!(eval(&env, "twice(twice('a'))[0][1]", &Bindings::new()), "\"a\"");
    assert_eq!(eval(&env, "twice(null)", &Bindings::new()), "mistake: `twice` takes something");
    // With another number of arguments it is a call, of a function that does not exist.
    assert_eq!(eval(&env, "twice(1, 2)", &Bindings::new()), "mistake: undeclared function `twice`");
    let (ast, _) = env.parse("twice( x )[0]");
    assert_eq!(ast.map(|ast| ast.to_string()).as_deref(), Some("twice(x)[0]"));
}
