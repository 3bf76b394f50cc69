//! Everything on a table beside its keys, driven by JSON; the SDK reads what a table can show.

use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::raw;
use crate::world::World;
use crate::world::key;

const ARN: &str = "arn:aws:dynamodb:us-west-2:123456789012:table/table";

/// The answer, or code and message of an error.
async fn call(world: &World, operation: &str, input: Value) -> Result<Value, String> {
    let answer = raw::dynamodb(world, operation, &input.to_string()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if body.is_empty() {
        return Ok(Value::Null);
    }
    let value: Value = serde_json::from_str(body).unwrap();
    if head.starts_with("HTTP/1.1 200") {
        return Ok(value);
    }
    let code = value["__type"].as_str().unwrap().split('#').nth(1).unwrap();
    Err(format!("{code}: {}", value["message"].as_str().unwrap()))
}

async fn ok(world: &World, operation: &str, input: Value) -> Value {
    call(world, operation, input).await.unwrap()
}

async fn refused(world: &World, operation: &str, input: Value) -> String {
    call(world, operation, input).await.unwrap_err()
}

/// Input of CreateTable for a table of the reference example, with more or other members.
fn table(more: &Value) -> Value {
    let mut input = json!({
        "TableName": "table",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
    });
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

async fn with_table() -> World {
    let world = World::start().await;
    ok(&world, "CreateTable", table(&json!({}))).await;
    world
}

async fn describe(world: &World) -> Value {
    ok(world, "DescribeTable", json!({ "TableName": "table" })).await["Table"].clone()
}

async fn update(world: &World, mut input: Value) -> Result<Value, String> {
    input["TableName"] = json!("table");
    call(world, "UpdateTable", input).await.map(|answer| answer["TableDescription"].clone())
}

fn index(name: &str, attribute: &str) -> Value {
    json!({
        "IndexName": name,
        "KeySchema": [{ "AttributeName": attribute, "KeyType": "HASH" }],
        "Projection": { "ProjectionType": "ALL" },
    })
}

fn attribute(name: &str) -> Value {
    json!({ "AttributeName": name, "AttributeType": "S" })
}

#[tokio::test]
async fn a_table_with_everything_is_described_as_it_was_made() {
    let world = World::start().await;
    let input = table(&json!({
        "AttributeDefinitions": [attribute("id"), attribute("at"), attribute("by")],
        "KeySchema": [
            { "AttributeName": "id", "KeyType": "HASH" },
            { "AttributeName": "at", "KeyType": "RANGE" },
        ],
        "LocalSecondaryIndexes": [{
            "IndexName": "local",
            "KeySchema": [
                { "AttributeName": "id", "KeyType": "HASH" },
                { "AttributeName": "by", "KeyType": "RANGE" },
            ],
            "Projection": { "ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"] },
        }],
        "GlobalSecondaryIndexes": [index("global", "by")],
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" },
        "SSESpecification": { "Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "key" },
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "OnDemandThroughput": { "MaxReadRequestUnits": 5 },
        "Tags": [{ "Key": "a", "Value": "b" }],
        "ResourcePolicy": r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"dynamodb:GetItem","Resource":"*"}}"#,
        "DeletionProtectionEnabled": true,
    }));
    ok(&world, "CreateTable", input).await;
    ok(&world, "ListTables", json!({})).await;
    let dump = world.control.dump();
    let state = &dump["dynamodb"]["123456789012/us-west-2"]["tables"]["table"];
    insta::assert_snapshot!(serde_json::to_string_pretty(state).unwrap());

    // The SDK reads what was answered.
    let read = world.dynamodb().describe_table().table_name("table").send().await.unwrap();
    let read = read.table().unwrap();
    assert_eq!(read.global_secondary_indexes()[0].index_name(), Some("global"));
    assert!(read.latest_stream_arn().unwrap().starts_with(&format!("{ARN}/stream/20")));
    assert_eq!(read.sse_description().unwrap().status().unwrap().as_str(), "ENABLED");
}

#[tokio::test]
async fn indexes_come_and_go_one_at_a_time() {
    let world = with_table().await;
    world.control.set_table_delay(Duration::from_secs(10));
    let create = |name: &str, by: &str| {
        json!({
            "AttributeDefinitions": [attribute("id"), attribute(by)],
            "GlobalSecondaryIndexUpdates": [{ "Create": index(name, by) }],
        })
    };
    let made = update(&world, create("one", "a")).await.unwrap();
    assert_eq!(made["TableStatus"], "UPDATING");
    assert_eq!(made["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");

    // The table is ready before its new index is.
    world.control.skip_time(Duration::from_secs(11));
    let halfway = describe(&world).await;
    assert_eq!(halfway["TableStatus"], "ACTIVE");
    assert_eq!(halfway["GlobalSecondaryIndexes"][0]["IndexStatus"], "CREATING");
    assert_eq!(halfway["GlobalSecondaryIndexes"][0]["Backfilling"], true);
    assert_eq!(
        update(&world, create("two", "b")).await.unwrap_err(),
        "LimitExceededException: Subscriber limit exceeded: Only 1 online index can be created or \
         deleted simultaneously per table"
    );
    assert!(
        refused(&world, "DeleteTable", json!({ "TableName": "table" }))
            .await
            .starts_with("ResourceInUseException")
    );
    world.control.skip_time(Duration::from_secs(11));
    let ready = describe(&world).await;
    assert_eq!(ready["GlobalSecondaryIndexes"][0]["IndexStatus"], "ACTIVE");
    assert_eq!(ready["AttributeDefinitions"], json!([attribute("id"), attribute("a")]));

    world.control.set_table_delay(Duration::ZERO);
    update(&world, create("two", "b")).await.unwrap();
    assert!(update(&world, create("two", "b")).await.unwrap_err().contains("already exists"));
    let delete = json!({ "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "one" } }] });
    update(&world, delete.clone()).await.unwrap();
    let left = describe(&world).await;
    assert_eq!(left["GlobalSecondaryIndexes"].as_array().unwrap().len(), 1);
    assert_eq!(left["AttributeDefinitions"], json!([attribute("id"), attribute("b")]));
    assert!(update(&world, delete).await.unwrap_err().starts_with("ResourceNotFoundException"));
    let both = json!({ "GlobalSecondaryIndexUpdates": [
        { "Delete": { "IndexName": "two" } },
        { "Create": index("three", "id") },
    ] });
    assert!(update(&world, both).await.unwrap_err().starts_with("LimitExceededException"));
}

#[tokio::test]
async fn throughput_belongs_to_a_billing_mode() {
    let world = with_table().await;
    let by = json!([attribute("id"), attribute("by")]);
    let units = json!({ "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 });
    let mut with_units = index("global", "by");
    with_units["ProvisionedThroughput"] = units.clone();
    let create = |index: Value| {
        json!({
            "AttributeDefinitions": by,
            "GlobalSecondaryIndexUpdates": [{ "Create": index }],
        })
    };
    assert!(
        update(&world, create(with_units)).await.unwrap_err().contains("should not be specified")
    );
    update(&world, create(index("global", "by"))).await.unwrap();
    update(&world, json!({ "OnDemandThroughput": { "MaxReadRequestUnits": 7 } })).await.unwrap();
    assert_eq!(describe(&world).await["OnDemandThroughput"]["MaxReadRequestUnits"], 7);

    let provisioned = json!({ "BillingMode": "PROVISIONED", "ProvisionedThroughput": units });
    assert_eq!(
        update(&world, provisioned.clone()).await.unwrap_err(),
        "ValidationException: One or more parameter values were invalid: ProvisionedThroughput must \
         be specified for index: global"
    );
    let index_units = json!([{ "Update": {
        "IndexName": "global",
        "ProvisionedThroughput": units,
    } }]);
    let mut all = provisioned;
    all["GlobalSecondaryIndexUpdates"] = index_units.clone();
    update(&world, all).await.unwrap();
    let read = describe(&world).await;
    assert_eq!(read["OnDemandThroughput"], Value::Null);
    assert_eq!(read["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"]["ReadCapacityUnits"], 1);
    let same = json!({ "GlobalSecondaryIndexUpdates": index_units });
    assert!(
        update(&world, same).await.unwrap_err().contains("for the index global will not change")
    );
    let limits = json!({ "OnDemandThroughput": { "MaxReadRequestUnits": 7 } });
    assert!(update(&world, limits).await.unwrap_err().starts_with("ValidationException"));
}

#[tokio::test]
async fn streams_and_keys_are_switched() {
    let world = with_table().await;
    let on = json!({ "StreamSpecification": {
        "StreamEnabled": true, "StreamViewType": "NEW_IMAGE",
    } });
    let off = json!({ "StreamSpecification": { "StreamEnabled": false } });
    assert!(update(&world, off.clone()).await.unwrap_err().contains("no stream to disable"));
    update(&world, on.clone()).await.unwrap();
    assert!(update(&world, on).await.unwrap_err().contains("already has an enabled stream"));
    let label = describe(&world).await["LatestStreamLabel"].clone();
    update(&world, off).await.unwrap();
    let read = describe(&world).await;
    assert_eq!(read["StreamSpecification"], Value::Null);
    assert_eq!(read["LatestStreamLabel"], label);

    world.control.set_table_delay(Duration::from_secs(10));
    let encrypt = json!({ "SSESpecification": { "Enabled": true, "SSEType": "KMS" } });
    update(&world, encrypt.clone()).await.unwrap();
    assert_eq!(describe(&world).await["SSEDescription"]["Status"], "UPDATING");
    world.control.skip_time(Duration::from_secs(10));
    assert_eq!(describe(&world).await["SSEDescription"]["Status"], "ENABLED");
    assert!(update(&world, encrypt).await.unwrap_err().contains("already encrypted by given"));
    let plain = json!({ "SSESpecification": { "Enabled": false } });
    let mut mixed = plain.clone();
    mixed["TableClass"] = json!("STANDARD");
    assert!(update(&world, mixed).await.unwrap_err().contains("can't be combined"));
    update(&world, plain).await.unwrap();
    world.control.skip_time(Duration::from_secs(10));
    assert_eq!(describe(&world).await["SSEDescription"], Value::Null);
}

#[tokio::test]
async fn a_refused_update_changes_nothing() {
    let world = with_table().await;
    describe(&world).await;
    let before = world.control.dump();
    let input = json!({
        "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": { "ReadCapacityUnits": 1, "WriteCapacityUnits": 1 },
        "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": "nothing" } }],
    });
    update(&world, input).await.unwrap_err();
    assert_eq!(world.control.dump(), before);
}

#[tokio::test]
async fn replicas_are_tables_in_other_regions() {
    let world = with_table().await;
    world.control.set_table_delay(Duration::from_secs(10));
    let wait = || world.control.skip_time(Duration::from_secs(11));
    let there = world.dynamodb_as("eu-west-1", key("AKIATEST"));
    let replica = |action: &str, region: &str| json!({ "ReplicaUpdates": [{ action: { "RegionName": region } }] });
    assert!(
        update(&world, replica("Create", "eu-west-1")).await.unwrap_err().contains("new and old")
    );
    let stream = json!({ "StreamSpecification": {
        "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES",
    } });
    update(&world, stream).await.unwrap();
    wait();
    assert!(
        update(&world, replica("Create", "us-west-2")).await.unwrap_err().contains("local region")
    );
    update(&world, replica("Create", "eu-west-1")).await.unwrap();
    let read = describe(&world).await;
    assert_eq!(read["TableStatus"], "UPDATING");
    assert_eq!(read["Replicas"][0]["ReplicaStatus"], "CREATING");
    wait();
    assert_eq!(describe(&world).await["Replicas"][0]["ReplicaStatus"], "ACTIVE");
    assert_eq!(describe(&world).await["GlobalTableVersion"], "2019.11.21");
    let copy = there.describe_table().table_name("table").send().await.unwrap();
    let copy = copy.table().unwrap();
    assert_eq!(copy.replicas()[0].region_name(), Some("us-west-2"));
    assert!(copy.table_arn().unwrap().contains(":eu-west-1:"));

    assert!(update(&world, replica("Create", "eu-west-1")).await.unwrap_err().contains("existed"));
    assert!(update(&world, replica("Delete", "eu-west-3")).await.unwrap_err().contains("not part"));
    let class = json!({ "ReplicaUpdates": [{ "Update": {
        "RegionName": "eu-west-1", "TableClassOverride": "STANDARD_INFREQUENT_ACCESS",
    } }] });
    update(&world, class).await.unwrap();
    wait();
    assert_eq!(
        describe(&world).await["Replicas"][0]["ReplicaTableClassSummary"]["TableClass"],
        "STANDARD_INFREQUENT_ACCESS"
    );
    assert!(
        refused(&world, "DeleteTable", json!({ "TableName": "table" })).await.contains("replicas")
    );
    update(&world, replica("Delete", "eu-west-1")).await.unwrap();
    assert_eq!(describe(&world).await["Replicas"][0]["ReplicaStatus"], "DELETING");
    wait();
    assert_eq!(describe(&world).await["Replicas"], Value::Null);
    assert!(there.describe_table().table_name("table").send().await.is_err());
}

#[tokio::test]
async fn expiry_of_items_is_switched() {
    let world = with_table().await;
    describe(&world).await;
    world.control.set_table_delay(Duration::from_secs(10));
    let switch = async |on: bool, attribute: &str| {
        let input = json!({
            "TableName": "table",
            "TimeToLiveSpecification": { "Enabled": on, "AttributeName": attribute },
        });
        call(&world, "UpdateTimeToLive", input).await
    };
    let read = async || {
        let out = ok(&world, "DescribeTimeToLive", json!({ "TableName": "table" })).await;
        out["TimeToLiveDescription"].clone()
    };
    let refused = "ValidationException: TimeToLive is already disabled";
    assert_eq!(switch(false, "at").await.unwrap_err(), refused);
    switch(true, "at").await.unwrap();
    assert_eq!(read().await, json!({ "TimeToLiveStatus": "ENABLING", "AttributeName": "at" }));
    assert!(switch(false, "at").await.unwrap_err().contains("multiple times"));
    world.control.skip_time(Duration::from_secs(10));
    assert_eq!(read().await["TimeToLiveStatus"], "ENABLED");
    assert!(switch(true, "at").await.unwrap_err().contains("already enabled"));
    assert!(switch(false, "other").await.unwrap_err().contains("current AttributeName is at"));
    switch(false, "at").await.unwrap();
    world.control.skip_time(Duration::from_secs(10));
    assert_eq!(read().await, json!({ "TimeToLiveStatus": "DISABLED" }));
}

#[tokio::test]
async fn recovery_waits_for_the_table() {
    let world = World::start().await;
    world.control.hold_table("table");
    ok(&world, "CreateTable", table(&json!({}))).await;
    let switch = async |recovery: Value| {
        let input = json!({
            "TableName": "table", "PointInTimeRecoverySpecification": recovery,
        });
        call(&world, "UpdateContinuousBackups", input).await.map(|out| {
            out["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone()
        })
    };
    let on = json!({ "PointInTimeRecoveryEnabled": true });
    assert_eq!(
        switch(on.clone()).await.unwrap_err(),
        "ContinuousBackupsUnavailableException: Backups are being enabled for the table: table. \
         Please retry later"
    );
    world.control.release_table("table");
    assert_eq!(switch(on.clone()).await.unwrap()["RecoveryPeriodInDays"], 35);
    let week = json!({ "PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7 });
    assert_eq!(switch(week).await.unwrap()["RecoveryPeriodInDays"], 7);
    assert_eq!(switch(on).await.unwrap()["RecoveryPeriodInDays"], 7);
    let off = json!({ "PointInTimeRecoveryEnabled": false });
    assert_eq!(switch(off).await.unwrap(), json!({ "PointInTimeRecoveryStatus": "DISABLED" }));
}

#[tokio::test]
async fn a_policy_has_revisions() {
    let world = with_table().await;
    describe(&world).await;
    let policy = |action: &str| {
        json!({ "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*",
        }] })
        .to_string()
    };
    let put = async |text: String, expected: Option<&str>| {
        let mut input = json!({ "ResourceArn": ARN, "Policy": text });
        if let Some(expected) = expected {
            input["ExpectedRevisionId"] = json!(expected);
        }
        let out = call(&world, "PutResourcePolicy", input).await?;
        Ok::<_, String>(out["RevisionId"].as_str().unwrap().to_owned())
    };
    assert!(put("no".to_owned(), None).await.unwrap_err().contains("not valid JSON"));
    assert!(put("{}".to_owned(), None).await.unwrap_err().contains("no statement"));
    let first = put(policy("dynamodb:GetItem"), Some("NO_POLICY")).await.unwrap();
    assert_eq!(put(policy("dynamodb:GetItem"), None).await.unwrap(), first);
    assert!(put(policy("x"), Some("NO_POLICY")).await.unwrap_err().starts_with("PolicyNotFound"));
    let second = put(policy("dynamodb:Query"), Some(&first)).await.unwrap();
    assert_ne!(first, second);
    let resource = json!({ "ResourceArn": ARN });
    let read = ok(&world, "GetResourcePolicy", resource.clone()).await;
    assert_eq!(read, json!({ "Policy": policy("dynamodb:Query"), "RevisionId": second }));
    ok(&world, "DeleteResourcePolicy", resource.clone()).await;
    assert_eq!(
        ok(&world, "DeleteResourcePolicy", resource.clone()).await,
        json!({ "RevisionId": "" })
    );
    assert!(
        refused(&world, "GetResourcePolicy", resource).await.starts_with("PolicyNotFoundException")
    );
}

#[tokio::test]
async fn insights_are_switched() {
    let world = with_table().await;
    describe(&world).await;
    world.control.set_table_delay(Duration::from_secs(10));
    let switch = async |action: &str| {
        let input = json!({ "TableName": "table", "ContributorInsightsAction": action });
        call(&world, "UpdateContributorInsights", input).await
    };
    let read =
        async || ok(&world, "DescribeContributorInsights", json!({ "TableName": "table" })).await;
    assert_eq!(switch("ENABLE").await.unwrap()["ContributorInsightsStatus"], "ENABLING");
    assert!(switch("DISABLE").await.unwrap_err().starts_with("ResourceInUseException"));
    world.control.skip_time(Duration::from_secs(10));
    let enabled = read().await;
    assert_eq!(enabled["ContributorInsightsStatus"], "ENABLED");
    assert_eq!(enabled["ContributorInsightsRuleList"].as_array().unwrap().len(), 2);
    switch("DISABLE").await.unwrap();
    world.control.skip_time(Duration::from_secs(10));
    assert_eq!(read().await["ContributorInsightsStatus"], "DISABLED");
    let index = json!({ "TableName": "table", "IndexName": "none" });
    assert!(
        refused(&world, "DescribeContributorInsights", index).await.starts_with("ResourceNotFound")
    );
}

#[tokio::test]
async fn backups_outlive_their_table() {
    let world = with_table().await;
    let named = json!({ "TableName": "table", "BackupName": "first" });
    world.control.set_table_delay(Duration::from_secs(10));
    let made = ok(&world, "CreateBackup", named.clone()).await;
    let arn = made["BackupDetails"]["BackupArn"].clone();
    assert_eq!(made["BackupDetails"]["BackupStatus"], "CREATING");
    let backup = json!({ "BackupArn": arn });
    assert!(refused(&world, "DeleteBackup", backup.clone()).await.starts_with("BackupInUse"));
    world.control.skip_time(Duration::from_secs(10));
    ok(&world, "CreateBackup", named).await;
    ok(&world, "DeleteTable", json!({ "TableName": "table" })).await;
    world.control.skip_time(Duration::from_secs(10));

    let read = ok(&world, "DescribeBackup", backup.clone()).await;
    assert_eq!(read["BackupDescription"]["BackupDetails"]["BackupStatus"], "AVAILABLE");
    assert_eq!(read["BackupDescription"]["SourceTableDetails"]["TableName"], "table");
    let list = async |more: Value| {
        let out = ok(&world, "ListBackups", more).await;
        (out["BackupSummaries"].as_array().unwrap().len(), out["LastEvaluatedBackupArn"].clone())
    };
    assert_eq!(list(json!({ "TableName": "table" })).await.0, 2);
    assert_eq!(list(json!({ "TableName": "other" })).await.0, 0);
    assert_eq!(list(json!({ "TimeRangeUpperBound": 1.5 })).await.0, 0);
    let (count, last) = list(json!({ "Limit": 1 })).await;
    assert_eq!(count, 1);
    let rest = list(json!({ "ExclusiveStartBackupArn": last })).await;
    assert_eq!(rest, (1, Value::Null));

    let deleted = ok(&world, "DeleteBackup", backup.clone()).await;
    assert_eq!(deleted["BackupDescription"]["BackupDetails"]["BackupStatus"], "DELETED");
    assert!(refused(&world, "DescribeBackup", backup).await.starts_with("BackupNotFoundException"));
}

#[tokio::test]
async fn a_global_table_of_2017_joins_tables_that_exist() {
    let world = World::start().await;
    let client = world.dynamodb();
    let group = json!([{ "RegionName": "us-west-2" }]);
    let create = json!({ "GlobalTableName": "table", "ReplicationGroup": group });
    let named = json!({ "GlobalTableName": "table" });
    assert!(
        refused(&world, "CreateGlobalTable", create.clone())
            .await
            .starts_with("TableNotFoundException")
    );
    let stream = json!({ "StreamSpecification": {
        "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES",
    } });
    ok(&world, "CreateTable", table(&stream)).await;
    ok(&world, "CreateGlobalTable", create.clone()).await;
    assert!(
        refused(&world, "CreateGlobalTable", create).await.starts_with("GlobalTableAlreadyExists")
    );
    let read = client.describe_global_table().global_table_name("table").send().await.unwrap();
    let read = read.global_table_description().unwrap();
    assert_eq!(read.global_table_status().unwrap().as_str(), "ACTIVE");
    assert_eq!(read.replication_group()[0].region_name(), Some("us-west-2"));
    let list = ok(&world, "ListGlobalTables", json!({ "RegionName": "us-west-2" })).await;
    assert_eq!(list["GlobalTables"][0]["GlobalTableName"], "table");

    let change = |action: &str, region: &str| {
        json!({
            "GlobalTableName": "table",
            "ReplicaUpdates": [{ action: { "RegionName": region } }],
        })
    };
    assert!(
        refused(&world, "UpdateGlobalTable", change("Delete", "eu-west-1"))
            .await
            .starts_with("ReplicaNotFoundException")
    );
    assert!(
        refused(&world, "UpdateGlobalTable", change("Create", "us-west-2"))
            .await
            .starts_with("ReplicaAlreadyExistsException")
    );
    ok(&world, "UpdateGlobalTable", change("Delete", "us-west-2")).await;
    assert!(
        refused(&world, "DescribeGlobalTable", named)
            .await
            .starts_with("GlobalTableNotFoundException")
    );
}
