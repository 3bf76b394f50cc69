//! The table language, on a shape that uses all of it.

use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::types::TableDescription;
use serde_json::json;

use super::Delta;
use super::Shape;
use super::Value;
use super::compare;
use super::shape;

shape! {
    /// Several lines
    /// of description.
    struct Sample: update(UpdateTableInputBuilder), read(TableDescription) {
        "deletionProtectionEnabled" deletion_protection_enabled: bool
            [update read unset(false)] "Compared with a default.";
        "itemID" item_count: i64 [late read] "Late-initialised, with an odd name.";
        "labels" table_id: Vec<String> [compare(compare::ignored)] "Not compared.";
        "names" replica_names: Vec<String> [] "A set.";
        "tableName" table_name: String [immutable required read update] "Fixed.";
    }
}

fn sample(json: serde_json::Value) -> Sample {
    serde_json::from_value(json).expect("valid")
}

#[test]
fn schema() {
    insta::assert_json_snapshot!(Sample::schema());
}

#[test]
fn late_fields_are_taken_over_once() {
    let latest = sample(json!({ "itemID": 3, "tableName": "t" }));
    let mut spec = Sample::default();
    assert!(spec.late_initialize(&latest));
    assert_eq!(spec, sample(json!({ "itemID": 3 })), "and no others");
    assert!(!spec.late_initialize(&latest));
    let mut own = sample(json!({ "itemID": 1 }));
    assert!(!own.late_initialize(&latest), "what the user has set stays");
}

#[test]
fn an_update_sends_what_differs_and_resets_what_is_unset() {
    let latest = sample(json!({ "deletionProtectionEnabled": true, "tableName": "t" }));
    let desired = sample(json!({ "tableName": "t" }));
    let delta = Delta::between(&desired, &latest, "spec");
    let input = desired.fill_update(UpdateTableInputBuilder::default(), &delta).expect("fits");
    assert_eq!(input, UpdateTableInputBuilder::default().deletion_protection_enabled(false));
    assert_eq!(Sample::UPDATED, ["deletionProtectionEnabled", "tableName"]);
}

#[test]
fn reading_keeps_what_the_answer_does_not_carry() {
    let mut found = sample(json!({ "names": ["a"] }));
    found.read_from(&TableDescription::builder().table_name("t").item_count(5).build());
    assert_eq!(found, sample(json!({ "names": ["a"], "tableName": "t", "itemID": 5 })));
}

#[test]
fn rules_of_comparison() {
    let differs = |desired, latest| {
        let delta = Delta::between(&sample(desired), &sample(latest), "spec");
        delta.paths().map(str::to_owned).collect::<Vec<_>>()
    };
    let nothing: Vec<String> = Vec::new();
    assert_eq!(differs(json!({ "names": ["a", "b"] }), json!({ "names": ["b", "a"] })), nothing);
    assert_eq!(differs(json!({ "names": [] }), json!({})), ["spec.names"], "unset is not empty");
    assert_eq!(differs(json!({ "labels": ["a"] }), json!({})), nothing);
    assert_eq!(differs(json!({}), json!({ "deletionProtectionEnabled": false })), nothing);
}

#[test]
fn a_path_is_touched_by_what_is_below_it() {
    let mut delta = Delta::default();
    delta.insert("spec.tagging", "tagSet");
    assert!(delta.touches("spec.tagging") && delta.touches("spec.tagging.tagSet"));
    assert!(!delta.touches("spec.tag") && !delta.touches("spec.tagging.tagSet.key"));
    assert!(delta.without(&["spec.tagging"]).is_empty());
}
