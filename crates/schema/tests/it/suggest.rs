use schema::Schema;
use schema::suggest;
use serde_json::Value;
use serde_json::json;

#[test]
fn finds_the_field_that_was_meant() {
    let text = || json!({"type": "string"});
    let schema = Schema::from_json(&json!({
        "type": "object",
        "properties": {
            "name": text(), "versioning": {"type": "object", "properties": {"status": text()}},
            "advanced": {"type": "object", "properties": {"tag": text(), "tagList": {"type": "array"}}},
            "tagging": {"type": "object", "properties": {
                "stage": text(), "tagSet": {"type": "array", "items": {"type": "object"}}}}
        }
    }));
    let schema = schema.unwrap();
    let found = |name: &str, value: Option<Value>| {
        suggest(&schema, name, value.as_ref()).map(|path| path.to_string())
    };
    assert_eq!(found("tags", Some(json!([]))).as_deref(), Some("tagging.tagSet"));
    assert_eq!(found("tags", Some(json!("x"))).as_deref(), Some("advanced.tag"));
    assert_eq!(found("tags", None).as_deref(), Some("tagging.tagSet"));
    assert_eq!(found("Name", None).as_deref(), Some("name"));
    assert_eq!(found("verisoning", None).as_deref(), Some("versioning"));
    assert_eq!(found("statuses", Some(json!(""))).as_deref(), Some("versioning.status"));
    assert_eq!(found("replicas", None), None);
    assert_eq!(found("é", None), None);
    assert_eq!(found("", None), None);
}
