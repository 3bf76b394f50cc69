//! What one table yields: type, schema, conversions, comparison.

use ack::dynamodb::shapes as dynamodb;
use ack::s3::shapes as s3;
use ack::shape::Delta;
use ack::shape::FromSdk;
use ack::shape::Shape;
use ack::shape::ToSdk;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::types as dynamodb_sdk;
use aws_sdk_s3::types as s3_sdk;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use proptest::test_runner::TestRunner;
use serde_json::Value as Json;
use serde_json::json;

use crate::values::Members;
use crate::values::admitted;

/// Runs `test` with values that the schema of the shape admits.
#[track_caller]
fn for_all<S: Shape>(members: Members, test: impl Fn(Json, S) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() };
    let result = TestRunner::new(config).run(&admitted(&S::schema(), members), |json| {
        let shape =
            serde_json::from_value(json.clone()).expect("the type admits what the schema does");
        test(json, shape)
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// What users wrote comes back as they wrote it.
#[test]
fn json_survives_the_type() {
    fn check<S: Shape>() {
        for_all(Members::Some, |json, shape: S| {
            prop_assert_eq!(serde_json::to_value(&shape).expect("is JSON"), json);
            Ok(())
        });
    }
    check::<s3::BucketSpec>();
    check::<s3::BucketStatus>();
    check::<dynamodb::TableSpec>();
    check::<dynamodb::TableStatus>();
}

/// What the SDK's type gets is what it gives back.
#[test]
fn shapes_survive_the_sdk() {
    fn check<S: Shape + ToSdk<T> + FromSdk<T>, T>() {
        for_all(Members::All, |_, shape: S| {
            let sdk = shape.to_sdk().map_err(|unfit| TestCaseError::fail(unfit.to_string()))?;
            prop_assert_eq!(S::from_sdk(&sdk), shape);
            Ok(())
        });
    }
    check::<s3::Tag, s3_sdk::Tag>();
    check::<s3::Tagging, s3_sdk::Tagging>();
    check::<dynamodb::AttributeDefinition, dynamodb_sdk::AttributeDefinition>();
    check::<dynamodb::KeySchemaElement, dynamodb_sdk::KeySchemaElement>();
    check::<dynamodb::ProvisionedThroughput, dynamodb_sdk::ProvisionedThroughput>();
    check::<dynamodb::Tag, dynamodb_sdk::Tag>();
    check::<dynamodb::Projection, dynamodb_sdk::Projection>();
    check::<dynamodb::OnDemandThroughput, dynamodb_sdk::OnDemandThroughput>();
}

/// A creation carries everything, and an unchanged spec has an empty delta.
#[test]
fn table_spec_reaches_create_table() {
    for_all(Members::All, |_, spec: dynamodb::TableSpec| {
        let input = spec
            .fill_create(CreateTableInputBuilder::default())
            .map_err(|unfit| TestCaseError::fail(unfit.to_string()))?;
        let sent = format!("{input:?}");
        for name in [&spec.table_name, &spec.billing_mode] {
            let name = format!("{:?}", name.as_deref().unwrap_or_default());
            prop_assert!(sent.contains(&name), "{} lacks {}", sent, name);
        }
        prop_assert_eq!(input.get_tags().as_ref().map(Vec::len), spec.tags.as_ref().map(Vec::len));
        prop_assert!(Delta::between(&spec, &spec.clone(), "spec").is_empty());
        Ok(())
    });
}

/// A member that AWS demands and the CRD does not is the user's mistake, told by its path.
#[test]
fn a_missing_member_is_named() {
    let spec: dynamodb::TableSpec =
        serde_json::from_value(json!({ "keySchema": [{ "attributeName": "id" }] })).expect("valid");
    let unfit = spec.fill_create(CreateTableInputBuilder::default()).expect_err("no key type");
    insta::assert_snapshot!(unfit, @"spec.keySchema[0].keyType has no value, and AWS demands one");
}

#[track_caller]
fn delta<S: Shape>(desired: Json, latest: Json) -> Vec<String> {
    let read = |json| serde_json::from_value::<S>(json).expect("valid");
    let delta = Delta::between(&read(desired), &read(latest), "spec");
    delta.paths().map(str::to_owned).collect()
}

#[test]
fn unset_and_set_differ_at_the_field() {
    let delta = delta::<dynamodb::TableSpec>(
        json!({ "tableName": "a" }),
        json!({ "provisionedThroughput": { "readCapacityUnits": 1 } }),
    );
    assert_eq!(delta, ["spec.provisionedThroughput", "spec.tableName"]);
}

#[test]
fn nested_structs_differ_at_the_innermost_field() {
    let delta = delta::<dynamodb::TableSpec>(
        json!({ "provisionedThroughput": { "readCapacityUnits": 2, "writeCapacityUnits": 1 } }),
        json!({ "provisionedThroughput": { "readCapacityUnits": 1, "writeCapacityUnits": 1 } }),
    );
    assert_eq!(delta, ["spec.provisionedThroughput.readCapacityUnits"]);
}

#[test]
fn tags_are_a_map() {
    let tag = |key: &str, value: &str| json!({ "key": key, "value": value });
    let two = [tag("a", "1"), tag("b", "2")];
    let swapped = [tag("b", "2"), tag("a", "1")];
    let table = |tags: &[Json]| json!({ "tags": tags });
    assert!(delta::<dynamodb::TableSpec>(table(&two), table(&swapped)).is_empty());
    assert!(delta::<dynamodb::TableSpec>(table(&[]), json!({})).is_empty());
    let other = [tag("a", "1"), tag("b", "3")];
    assert_eq!(delta::<dynamodb::TableSpec>(table(&two), table(&other)), ["spec.tags"]);
    let bucket = |tags: &[Json]| json!({ "tagging": { "tagSet": tags } });
    assert!(delta::<s3::BucketSpec>(bucket(&two), bucket(&swapped)).is_empty());
    assert_eq!(delta::<s3::BucketSpec>(bucket(&two), bucket(&other)), ["spec.tagging.tagSet"]);
}

#[test]
fn attributes_and_keys_have_no_order_but_content() {
    let key = |name: &str, kind: &str| json!({ "attributeName": name, "keyType": kind });
    let keys = |keys: [Json; 2]| json!({ "keySchema": keys });
    let (a, b) = (key("a", "HASH"), key("b", "RANGE"));
    let same = delta::<dynamodb::TableSpec>(keys([a.clone(), b.clone()]), keys([b, a.clone()]));
    assert!(same.is_empty());
    let other = keys([a.clone(), key("b", "HASH")]);
    let differs = delta::<dynamodb::TableSpec>(keys([a, key("b", "RANGE")]), other);
    assert_eq!(differs, ["spec.keySchema"]);
}

#[test]
fn defaults_of_aws_equal_unset() {
    let table = |mode: &str| json!({ "billingMode": mode });
    assert!(delta::<dynamodb::TableSpec>(json!({}), table("PROVISIONED")).is_empty());
    assert!(delta::<dynamodb::TableSpec>(table("PROVISIONED"), json!({})).is_empty());
    let differs = delta::<dynamodb::TableSpec>(table("PAY_PER_REQUEST"), json!({}));
    assert_eq!(differs, ["spec.billingMode"]);
}

#[test]
fn what_only_matters_at_creation_never_differs() {
    let bucket = json!({ "createBucketConfiguration": { "locationConstraint": "eu-west-1" } });
    assert!(delta::<s3::BucketSpec>(bucket, json!({})).is_empty());
}
