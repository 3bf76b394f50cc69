use diagnostics::FieldPath;
use diagnostics::Place;
use diagnostics::source::LineColumn;
use diagnostics::source::Lines;
use diagnostics::yaml;
use diagnostics::yaml::Document;
use serde_json::Value;
use serde_json::json;

fn at(path: &str) -> FieldPath {
    path.parse().expect("a path written in a test")
}

#[track_caller]
fn one(text: &str) -> Document {
    let (documents, mistakes) = yaml::read(text);
    assert_eq!(mistakes, []);
    let [document] = <[Document; 1]>::try_from(documents).expect("one document");
    document
}

fn value(text: &str) -> Value {
    one(text).value
}

/// The text of the file in which `part` of the scalar at `path` stands.
#[track_caller]
fn shown<'a>(text: &'a str, path: &str, part: &str) -> &'a str {
    let document = one(text);
    let pointer: String = path.split('.').map(|name| format!("/{name}")).collect();
    let decoded = document.value.pointer(&pointer).and_then(Value::as_str).expect("a text");
    let start = decoded.find(part).expect("the part is there");
    let place = Place::inside(at(path), start..start + part.len());
    &text[document.map.span(&place).expect("a span")]
}

#[test]
fn plain_scalars_mean_what_they_mean_to_kubectl() {
    let cases = [
        ("true", json!(true)),
        ("yes", json!(true)),
        ("n", json!(false)),
        ("Off", json!(false)),
        ("yEs", json!("yEs")),
        ("~", json!(null)),
        ("12", json!(12)),
        ("+12", json!(12)),
        ("-0x1F", json!(-31)),
        ("0b11", json!(3)),
        ("0o17", json!(15)),
        ("017", json!(15)),
        ("09", json!(9.0)),
        ("1_000", json!(1000)),
        ("18446744073709551615", json!(u64::MAX)),
        ("18446744073709551616", json!(18_446_744_073_709_552_000.0)),
        ("1.5", json!(1.5)),
        (".5", json!(0.5)),
        ("1e3", json!(1000.0)),
        ("1.", json!(1.0)),
        ("+-1", json!("+-1")),
        ("--1", json!("--1")),
        (".", json!(".")),
        ("1.2.3", json!("1.2.3")),
        ("2026-01-01", json!("2026-01-01")),
        ("10:30", json!("10:30")),
        ("'12'", json!("12")),
        ("!!str 12", json!("12")),
        ("!!int \"12\"", json!(12)),
        ("1Gi", json!("1Gi")),
        ("é", json!("é")),
    ];
    for (text, expected) in cases {
        assert_eq!(value(&format!("v: {text}"))["v"], expected, "{text}");
    }
    assert_eq!(value("n: 1\n1: 2\n1.5: 3"), json!({"false": 1, "1": 2, "1.5": 3}));
    assert_eq!(value("{\"a\": [1, \"\\u00e9\", null]}"), json!({"a": [1, "é", null]}));
}

#[test]
fn anchors_and_merges() {
    let text = "base: &b {x: 1, z: [2]}\nuse: *b\nmore:\n  <<: *b\n  x: 3\n";
    let document = one(text);
    assert_eq!(document.value["use"], json!({"x": 1, "z": [2]}));
    assert_eq!(document.value["more"], json!({"x": 3, "z": [2]}));
    let shown = |path: &str| &text[document.map.span(&at(path).into()).unwrap()];
    assert_eq!(shown("base.z[0]"), "2");
    assert_eq!(shown("use.z[0]"), "*b");
    assert_eq!(shown("more.z[0]"), "*b");
    assert_eq!(shown("more.x"), "3");
}

#[test]
fn shows_a_part_of_any_scalar() {
    assert_eq!(shown("a: x ${b.c} y", "a", "b.c"), "b.c");
    assert_eq!(shown("a:\n  one\n  two ${b}\n\n  three", "a", "${b}"), "${b}");
    assert_eq!(shown("a:\n  one\n  two ${b}\n\n  three", "a", "one two"), "one\n  two");
    assert_eq!(shown("a: 'it''s ${x}'", "a", "${x}"), "${x}");
    assert_eq!(shown("a: 'it''s ${x}'", "a", "t's"), "t''s");
    assert_eq!(shown("a: 'one\n\n  ''two'' ${x}'", "a", "'two'"), "''two''");
    assert_eq!(shown("a: \"\\\"q\\\" ${x} é\\u00e9 \\x41b\"", "a", "${x}"), "${x}");
    assert_eq!(shown("a: \"\\\"q\\\" ${x} é\\u00e9 \\x41b\"", "a", "éé A"), "é\\u00e9 \\x41");
    assert_eq!(shown("a: \"one  \n  two ${x}\"", "a", "${x}"), "${x}");
    assert_eq!(shown("a: \"one\\\n   two\\n\n\n  ${x}\"", "a", "${x}"), "${x}");
    assert_eq!(shown("a: \"one\\\n   two ${x}\"", "a", "onetwo"), "one\\\n   two");
    assert_eq!(shown("k:\n  a: |\n    one\n     two ${x}\n\n    end\n", "k.a", "${x}"), "${x}");
    assert_eq!(shown("k:\n  a: |2-\n     one\n    ${x}\n", "k.a", "${x}"), "${x}");
    assert_eq!(shown("k:\n  a: |2-\n     one\n    ${x}\n", "k.a", " one"), " one");
    assert_eq!(shown("a: >-\n\n  one\n  two ${x}\n\n    more\n  z\nb: 1", "a", "${x}"), "${x}");
    assert_eq!(shown("a: >-\n\n  one\n  two\n\n    more\n  z\nb: 1", "a", "  more"), "  more");
    assert_eq!(shown("a: >-\n  one\n  two ${x}\n", "a", "one two"), "one\n  two");
    assert_eq!(shown("a: >\r\n  one\r\n  two ${x}\r\n", "a", "${x}"), "${x}");
    assert_eq!(shown("a: |\n  é ${x}\n", "a", "${x}"), "${x}");
}

#[test]
fn shows_keys_and_what_is_missing() {
    let text = "metadata:\n  name: x\nspec:\n  list:\n  - a: 1\n    b: {}\n\n# end\n";
    let document = one(text);
    let shown = |place: Place| &text[document.map.span(&place).unwrap()];
    assert_eq!(shown(Place::key(at("spec.list"))), "list");
    assert_eq!(shown(Place::key(at("spec.list[0].b"))), "b");
    assert_eq!(shown(at("spec.list[0].b").into()), "{}");
    assert_eq!(shown(at("metadata.name.first").into()), "name");
    assert_eq!(shown(at("spec.missing").into()), "spec");
    assert_eq!(shown(at("spec.list[7]").into()), "list");
    assert_eq!(shown(at("kind").into()), text.trim_end());
    let lines = Lines::of(text);
    let span = document.map.span(&at("spec.list[0].a").into()).unwrap();
    assert_eq!(lines.position(text, span.start), LineColumn { line: 5, column: 8 });
    assert_eq!(&text[lines.range(text, 5).unwrap()], "  - a: 1");
}

#[test]
fn several_documents() {
    let (documents, mistakes) = yaml::read("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n");
    assert_eq!(mistakes, []);
    let values: Vec<_> = documents.into_iter().map(|document| document.value).collect();
    assert_eq!(values, [json!({"a": 1}), json!({"b": 2})]);
    assert_eq!(yaml::read("").0.len(), 0);
}

#[test]
fn says_what_cannot_be_read() {
    let mistakes = |text: &str| {
        let lines = Lines::of(text);
        let found = yaml::read(text).1.into_iter().map(|mistake| {
            let LineColumn { line, column } = lines.position(text, mistake.span.start);
            format!("{line}:{column} {}: {}\n", mistake.severity, mistake.message)
        });
        found.collect::<String>()
    };
    let bomb: String =
        (1..40).map(|n| format!("a{n}: &a{n} [*a{m}, *a{m}]\n", m = n - 1)).collect();
    let deep = "[".repeat(10_000);
    let all = [
        mistakes("a: 1\nb: 2\na: 3\n"),
        mistakes("a: .inf\n~: 1\n? [x]\n: 1\n"),
        mistakes("a: [1, 2\nb: 3"),
        mistakes("a: \"x\nb: 3"),
        mistakes("a: *nowhere"),
        mistakes("a:\n\t- b"),
        mistakes("<<: 3"),
        mistakes(&format!("a0: &a0 x\n{bomb}")),
        mistakes(&deep),
    ]
    .join("--\n");
    insta::assert_snapshot!(all);
}

#[test]
fn every_scalar_of_odd_texts_has_a_span() {
    let pieces = [
        "a", "'", "\"", "\\", "\n", " ", ":", "- ", "|", ">", "é", "#", "[", "{", "\t", "&x", "*x",
        "\\n",
    ];
    let mut texts: Vec<String> = vec![String::new()];
    for _ in 0..2 {
        let longer = texts.iter().flat_map(|text| pieces.iter().map(move |p| format!("{text}{p}")));
        texts = longer.collect();
    }
    for piece in texts {
        for text in [
            format!("k: {piece}"),
            format!("k: \"{piece}\""),
            format!("k: '{piece}'"),
            format!("k: |\n  {piece}"),
            format!("k: >\n {piece}"),
        ] {
            for document in yaml::read(&text).0 {
                for path in document.map.paths() {
                    let decoded = document.value["k"].as_str().unwrap_or_default();
                    let starts: Vec<_> = decoded.char_indices().map(|(at, _)| at).collect();
                    let ends = starts.iter().copied().chain([decoded.len(), 100]);
                    let pairs = ends.flat_map(|end| starts.iter().map(move |at| *at..end));
                    for range in pairs {
                        let place = Place::inside(path.clone(), range);
                        let span = document.map.span(&place).expect("a span");
                        assert!(text.get(span.clone()).is_some(), "{text:?} {path} {span:?}");
                    }
                }
            }
        }
    }
}
