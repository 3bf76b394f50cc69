use schema::ContentHash;
use schema::same;
use serde_json::Value;
use serde_json::json;

#[test]
fn same_content_same_hash() {
    let text = r#"{"b": [1, 2.0, {"y": null, "x": "é"}], "a": 1e2}"#;
    let other = r#"{"a": 100, "b": [1.0, 2, {"x": "\u00e9", "y": null}]}"#;
    let (a, b): (Value, Value) =
        (serde_json::from_str(text).unwrap(), serde_json::from_str(other).unwrap());
    assert_eq!(ContentHash::of(&a), ContentHash::of(&b));
    assert!(same(&a, &b));
    // Stored nowhere yet, but two processes of different versions should agree.
    assert_eq!(ContentHash::of(&a).to_string(), "140753b41579e7e18453537dcc88a5cd");
}

#[test]
fn different_content_different_hash() {
    let values = [
        json!(null),
        json!(false),
        json!(true),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(""),
        json!("0"),
        json!("a"),
        json!([]),
        json!([[]]),
        json!(["a", "b"]),
        json!(["ab"]),
        json!([["a"], "b"]),
        json!({}),
        json!({"a": "b"}),
        json!({"a": {"b": 1}}),
        json!({"a": {}, "b": 1}),
        json!({"ab": 1}),
    ];
    for (i, a) in values.iter().enumerate() {
        for (j, b) in values.iter().enumerate() {
            assert_eq!(ContentHash::of(a) == ContentHash::of(b), i == j, "{a} {b}");
            assert_eq!(same(a, b), i == j, "{a} {b}");
        }
    }
}
