//! What is told about expressions that are wrong.

use crate::env;

/// All mistakes of an expression: the place, the message, the suggestion.
fn mistakes(source: &str) -> String {
    let found = match env().compile(source) {
        Ok(checked) => return format!("accepted: {}", checked.result_type()),
        Err(found) => found,
    };
    let mut out = String::new();
    for mistake in found {
        let (start, end) = (mistake.span.start as usize, mistake.span.end as usize);
        out.push_str(&format!(
            "{source}\n{}{} {mistake}",
            " ".repeat(start),
            "^".repeat((end - start).max(1))
        ));
        if let Some(suggestion) = mistake.suggestion() {
            out.push_str(&format!(" (`{suggestion}`?)"));
        }
        out.push('\n');
    }
    out
}

#[test]
fn several_mistakes_of_syntax_in_one_pass() {
    insta::assert_snapshot!(mistakes("[1, , 2].map(x) + f(1 2) + {a b}"), @r"
    [1, , 2].map(x) + f(1 2) + {a b}
        ^ expected an expression, found `,`
    [1, , 2].map(x) + f(1 2) + {a b}
                          ^ expected `,` or `)`, found `2`
    [1, , 2].map(x) + f(1 2) + {a b}
                                  ^ expected `:`, found `b`
    ");
    insta::assert_snapshot!(mistakes("'a\\q' + 99999999999999999999 # for + \"x"), @r#"
    'a\q' + 99999999999999999999 # for + "x
      ^^ `\q` is not a valid escape sequence
    'a\q' + 99999999999999999999 # for + "x
            ^^^^^^^^^^^^^^^^^^^^ `99999999999999999999` is not a number in range
    'a\q' + 99999999999999999999 # for + "x
                                 ^ unexpected character '#'
    'a\q' + 99999999999999999999 # for + "x
                                   ^^^ expected the end of the expression, found `for`
    'a\q' + 99999999999999999999 # for + "x
                                         ^^ the closing quote is missing
    "#);
    insta::assert_snapshot!(mistakes("has(a[0]) && l.all(x.y, true) && if"), @r"
    has(a[0]) && l.all(x.y, true) && if
        ^^^^ `has` needs a field selection such as `a.b`
    has(a[0]) && l.all(x.y, true) && if
                                     ^^ `if` is a reserved word
    ");
}

#[test]
fn mistakes_after_the_end_of_an_expression() {
    insta::assert_snapshot!(mistakes("a b && f(1 2) ) || [3 4"), @r"
    a b && f(1 2) ) || [3 4
      ^ expected the end of the expression, found `b`
    a b && f(1 2) ) || [3 4
               ^ expected `,` or `)`, found `2`
    a b && f(1 2) ) || [3 4
                  ^ expected the end of the expression, found `)`
    a b && f(1 2) ) || [3 4
                          ^ expected `,` or `]`, found `4`
    ");
    insta::assert_snapshot!(mistakes("(a))) + b.`c`(1)"), @r"
    (a))) + b.`c`(1)
       ^ expected the end of the expression, found `)`
    (a))) + b.`c`(1)
              ^^^ expected the name of a function, which has no quotes, found ``c``
    ");
}

#[test]
fn names_with_suggestions() {
    insta::assert_snapshot!(mistakes("y + dd.size() + 'a'.startWith('b') + l.fliter(q, q)"), @r"
    y + dd.size() + 'a'.startWith('b') + l.fliter(q, q)
    ^ undeclared reference `y` (`d`?)
    y + dd.size() + 'a'.startWith('b') + l.fliter(q, q)
        ^^ undeclared reference `dd` (`d`?)
    y + dd.size() + 'a'.startWith('b') + l.fliter(q, q)
                        ^^^^^^^^^ undeclared function `startWith` (`startsWith`?)
    y + dd.size() + 'a'.startWith('b') + l.fliter(q, q)
                                           ^^^^^^ undeclared function `fliter`
    y + dd.size() + 'a'.startWith('b') + l.fliter(q, q)
                                                  ^ undeclared reference `q` (`d`?)
    y + dd.size() + 'a'.startWith('b') + l.fliter(q, q)
                                                     ^ undeclared reference `q` (`d`?)
    ");
}

#[test]
fn types_expected_and_found() {
    insta::assert_snapshot!(mistakes("x + s == 1 && s.size(1) && (true ? 1 : 'a') && x.y && s.map(c, c) == []"), @r"
    x + s == 1 && s.size(1) && (true ? 1 : 'a') && x.y && s.map(c, c) == []
      ^ no overload of `_+_` takes (`int`, `string`)
    x + s == 1 && s.size(1) && (true ? 1 : 'a') && x.y && s.map(c, c) == []
                    ^^^^ no overload of `size` takes `string`.(`int`)
    x + s == 1 && s.size(1) && (true ? 1 : 'a') && x.y && s.map(c, c) == []
                                       ^^^^^^^ no overload of `_?_:_` takes (`bool`, `int`, `string`)
    x + s == 1 && s.size(1) && (true ? 1 : 'a') && x.y && s.map(c, c) == []
                                                     ^ a value of type `int` has no fields
    x + s == 1 && s.size(1) && (true ? 1 : 'a') && x.y && s.map(c, c) == []
                                                          ^ expected a list or a map to run over, found `string`
    ");
    insta::assert_snapshot!(mistakes("1 && !s"), @r"
    1 && !s
    ^ expected type `bool`, found `int`
    1 && !s
         ^ no overload of `!_` takes (`string`)
    ");
}

#[test]
fn constants_that_can_never_be_right() {
    let env = cel::Env::kro();
    for (source, expected) in [
        ("'%d'.format(['a'])", "`format`: `%d` does not take a value of type `string`"),
        ("'%d'.format([1, 2])", "`format`: there are 2 arguments for 1 clauses"),
        ("'%z'.format([1])", "`format`: `%z` is not a clause"),
        ("{'a': 1}[dyn(null)] == 1 || [1][null] == 1", "`[]`: null is no key and no position"),
    ] {
        let checked = match env.compile(source) {
            Ok(checked) => checked,
            Err(found) => {
                assert_eq!(expected, "`[]`: null is no key and no position", "{found:?}");
                continue;
            }
        };
        let found = cel::Program::new(&checked).expect_err(source);
        assert_eq!(found[0].to_string(), expected);
        assert_eq!(found[0].phase(), cel::Phase::Plan);
    }
    // A pattern is verified where the library says so, and only used otherwise.
    let checked = env.compile("'a'.find('(')").expect("types fit");
    assert!(cel::Program::new(&checked).is_err());
    let checked = env.compile("'a'.matches('(')").expect("types fit");
    assert!(cel::Program::new(&checked).is_ok());
}
