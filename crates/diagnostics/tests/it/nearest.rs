use diagnostics::nearest;

#[test]
fn finds_what_was_probably_meant() {
    let types = ["string", "integer", "boolean", "float", "object"];
    let cases = [
        ("String", Some("string")),
        ("strnig", Some("string")),
        ("interger", Some("integer")),
        ("bool", None),
        ("flaot", Some("float")),
        ("xyz", None),
        ("", None),
    ];
    for (name, expected) in cases {
        assert_eq!(nearest(name, types), expected, "{name}");
    }
    assert_eq!(nearest("a", ["b"]), None);
    assert_eq!(nearest("ab", ["ac", "ad"]), Some("ac"));
    assert_eq!(nearest(&"x".repeat(1000), ["x"]), None);
}
