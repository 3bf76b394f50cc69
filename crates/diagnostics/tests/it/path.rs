use diagnostics::FieldPath;

fn sample() -> FieldPath {
    let root = FieldPath::root();
    root.field("spec").field("resources").index(2).field("template").field("spec").field("env")
}

#[test]
fn prints_as_people_write_it() {
    let path = sample().index(0).field("value");
    assert_eq!(path.to_string(), "spec.resources[2].template.spec.env[0].value");
    assert_eq!(FieldPath::root().to_string(), "");
    let path = FieldPath::root().field("metadata").field("labels").field("a.b/\"c\"\n");
    assert_eq!(path.to_string(), r#"metadata.labels["a.b/\"c\"\n"]"#);
    assert_eq!(FieldPath::root().field("a b").field("c").to_string(), r#"["a b"].c"#);
    assert_eq!(FieldPath::root().field("").to_string(), r#"[""]"#);
}

#[test]
fn reads_what_it_prints() {
    for key in ["plain", "", "a.b", "x\"y", "back\\slash", "\u{1}", "ü", "]", "\"]", "9", "a-b"] {
        let path = sample().field(key).index(7).field("end");
        assert_eq!(path.to_string().parse(), Ok(path));
    }
    for (text, offset) in [("a..b", 1), ("a[x]", 1), ("a[\"b", 1), (".a", 0), ("a]", 0)] {
        let error = text.parse::<FieldPath>().unwrap_err();
        assert_eq!(error.offset, offset, "{text}");
    }
}

#[test]
fn list_elements_sort_by_number() {
    let list = FieldPath::root().field("list");
    let mut paths = [list.index(10), list.index(9).field("x"), list.index(9), list.clone()];
    paths.sort();
    let text: Vec<_> = paths.iter().map(ToString::to_string).collect();
    assert_eq!(text, ["list", "list[9]", "list[9].x", "list[10]"]);
}

#[test]
fn joins_and_takes_apart() {
    let tail = FieldPath::root().field("a").index(1);
    let joined = sample().join(&tail);
    assert_eq!(joined.to_string(), format!("{}.a[1]", sample()));
    assert!(joined.starts_with(&sample()));
    assert!(joined.starts_with(&FieldPath::root()));
    assert!(!sample().starts_with(&joined));
    assert_eq!(joined.parent().and_then(FieldPath::parent), Some(&sample()));
    assert_eq!(joined.depth(), sample().depth() + 2);
}

#[test]
fn a_very_deep_path_is_released() {
    let deep = (0..1_000_000).fold(FieldPath::root(), |path, _| path.index(0));
    assert_eq!(deep.depth(), 1_000_000);
    drop(deep);
}
