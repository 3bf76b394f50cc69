use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::AttributeDefinition;
use aws_sdk_dynamodb::types::BillingMode;
use aws_sdk_dynamodb::types::KeySchemaElement;
use aws_sdk_dynamodb::types::KeyType;
use aws_sdk_dynamodb::types::ProvisionedThroughput;
use aws_sdk_dynamodb::types::ScalarAttributeType;
use aws_sdk_dynamodb::types::TableClass;
use aws_sdk_dynamodb::types::TableStatus;
use aws_sdk_dynamodb::types::Tag;

use crate::world::REGION;
use crate::world::World;
use crate::world::code;
use crate::world::key;
use crate::world::refusal;

fn attribute(name: &str) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(ScalarAttributeType::S)
        .build()
        .unwrap()
}

fn key_element(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn units(read: i64, write: i64) -> ProvisionedThroughput {
    ProvisionedThroughput::builder()
        .read_capacity_units(read)
        .write_capacity_units(write)
        .build()
        .unwrap()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

/// A table as in the reference example.
fn on_demand(client: &Client, name: &str) -> CreateTableFluentBuilder {
    client
        .create_table()
        .table_name(name)
        .attribute_definitions(attribute("id"))
        .key_schema(key_element("id", KeyType::Hash))
        .billing_mode(BillingMode::PayPerRequest)
}

async fn status(client: &Client, name: &str) -> Option<TableStatus> {
    let out = client.describe_table().table_name(name).send().await.ok()?;
    out.table().unwrap().table_status().cloned()
}

#[tokio::test]
async fn a_table_is_made_described_and_deleted() {
    let world = World::start().await;
    let client = world.dynamodb();
    let made = on_demand(&client, "my-app-data").send().await.unwrap();
    let made = made.table_description().unwrap();
    assert_eq!(made.table_status(), Some(&TableStatus::Creating));
    assert_eq!(made.table_arn(), Some("arn:aws:dynamodb:us-west-2:123456789012:table/my-app-data"));

    let read = client.describe_table().table_name("my-app-data").send().await.unwrap();
    let read = read.table().unwrap();
    assert_eq!(read.table_status(), Some(&TableStatus::Active));
    assert_eq!(read.table_id(), made.table_id());
    assert_eq!(read.creation_date_time(), made.creation_date_time());
    let billing = read.billing_mode_summary().unwrap();
    assert_eq!(billing.billing_mode(), Some(&BillingMode::PayPerRequest));
    assert_eq!(read.item_count(), Some(0));
    assert_eq!(read.deletion_protection_enabled(), Some(false));
    assert!(read.table_class_summary().is_none());

    let (code_, message) = refusal(on_demand(&client, "my-app-data").send().await);
    assert_eq!(code_, "ResourceInUseException");
    assert_eq!(message, "Table already exists: my-app-data");

    let list = client.list_tables().send().await.unwrap();
    assert_eq!(list.table_names(), ["my-app-data"]);
    client.delete_table().table_name("my-app-data").send().await.unwrap();
    let (code_, message) = refusal(client.describe_table().table_name("my-app-data").send().await);
    assert_eq!(code_, "ResourceNotFoundException");
    assert_eq!(message, "Requested resource not found: Table: my-app-data not found");
}

#[tokio::test]
async fn every_change_takes_the_table_delay() {
    let world = World::start().await;
    let client = world.dynamodb();
    world.control.set_table_delay(Duration::from_secs(60));
    let wait = |seconds| world.control.skip_time(Duration::from_secs(seconds));

    on_demand(&client, "slow").send().await.unwrap();
    wait(55);
    assert_eq!(status(&client, "slow").await, Some(TableStatus::Creating));
    let (code_, message) = refusal(client.delete_table().table_name("slow").send().await);
    assert_eq!(code_, "ResourceInUseException");
    assert_eq!(
        message,
        "Attempt to change a resource which is still in use: Table is being created: slow"
    );
    wait(10);
    assert_eq!(status(&client, "slow").await, Some(TableStatus::Active));

    let update = client.update_table().table_name("slow").deletion_protection_enabled(true);
    update.send().await.unwrap();
    assert_eq!(status(&client, "slow").await, Some(TableStatus::Updating));
    wait(61);
    assert_eq!(
        refusal(client.delete_table().table_name("slow").send().await).1,
        "Resource cannot be deleted as it is currently protected against deletion. Disable \
         deletion protection first."
    );
    let update = client.update_table().table_name("slow").deletion_protection_enabled(false);
    update.send().await.unwrap();
    wait(61);
    client.delete_table().table_name("slow").send().await.unwrap();
    assert_eq!(status(&client, "slow").await, Some(TableStatus::Deleting));
    wait(61);
    assert_eq!(status(&client, "slow").await, None);
}

#[tokio::test]
async fn a_held_table_stays_in_its_status() {
    let world = World::start().await;
    let client = world.dynamodb();
    world.control.hold_table("held");
    on_demand(&client, "held").send().await.unwrap();
    on_demand(&client, "free").send().await.unwrap();
    assert_eq!(status(&client, "held").await, Some(TableStatus::Creating));
    assert_eq!(status(&client, "free").await, Some(TableStatus::Active));
    world.control.release_table("held");
    assert_eq!(status(&client, "held").await, Some(TableStatus::Active));
}

#[tokio::test]
async fn inputs_that_contradict_themselves_are_refused_in_awss_words() {
    const INVALID: &str = "One or more parameter values were invalid: ";
    let world = World::start().await;
    let client = world.dynamodb();
    let base = || client.create_table().table_name("bad");
    let hash = || key_element("id", KeyType::Hash);
    let cases = [
        (
            base().attribute_definitions(attribute("id")).key_schema(hash()),
            format!(
                "{INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when \
                 BillingMode is PROVISIONED"
            ),
        ),
        (
            on_demand(&client, "bad").provisioned_throughput(units(1, 1)),
            format!(
                "{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when \
                 BillingMode is PAY_PER_REQUEST"
            ),
        ),
        (
            on_demand(&client, "bad").attribute_definitions(attribute("extra")),
            format!(
                "{INVALID}Number of attributes in KeySchema does not exactly match number of \
                 attributes defined in AttributeDefinitions"
            ),
        ),
        (
            on_demand(&client, "bad").key_schema(key_element("other", KeyType::Range)),
            "Invalid KeySchema: Some index key attribute have no definition".to_owned(),
        ),
        (
            base()
                .billing_mode(BillingMode::PayPerRequest)
                .attribute_definitions(attribute("id"))
                .key_schema(key_element("other", KeyType::Hash)),
            format!(
                "{INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: \
                 [other], AttributeDefinitions: [id]"
            ),
        ),
        (
            base()
                .billing_mode(BillingMode::PayPerRequest)
                .attribute_definitions(attribute("id"))
                .key_schema(key_element("id", KeyType::Range)),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".to_owned(),
        ),
        (
            on_demand(&client, "no"),
            "TableName must be at least 3 characters long and at most 255 characters long"
                .to_owned(),
        ),
        (
            on_demand(&client, "a b c"),
            "1 validation error detected: Value 'a b c' at 'tableName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
                .to_owned(),
        ),
    ];
    for (request, message) in cases {
        assert_eq!(refusal(request.send().await), ("ValidationException".to_owned(), message));
    }
}

#[tokio::test]
async fn billing_throughput_and_class_can_be_changed() {
    let world = World::start().await;
    let client = world.dynamodb();
    on_demand(&client, "table").send().await.unwrap();
    let update = || client.update_table().table_name("table");

    assert_eq!(
        refusal(update().send().await).1,
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
         GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
    );
    assert_eq!(
        refusal(update().billing_mode(BillingMode::Provisioned).send().await).1,
        "One or more parameter values were invalid: ProvisionedThroughput must be specified when \
         BillingMode is PROVISIONED"
    );
    update()
        .billing_mode(BillingMode::Provisioned)
        .provisioned_throughput(units(5, 2))
        .send()
        .await
        .unwrap();
    let (code_, message) = refusal(update().provisioned_throughput(units(5, 2)).send().await);
    assert_eq!(code_, "ValidationException");
    assert!(message.starts_with("The provisioned throughput for the table will not change."));
    update().provisioned_throughput(units(1, 2)).send().await.unwrap();
    let during = update().table_class(TableClass::StandardInfrequentAccess).send().await.unwrap();
    let during = during.table_description().unwrap();
    assert!(during.table_class_summary().is_none(), "the class follows when the table is done");

    let table = client.describe_table().table_name("table").send().await.unwrap();
    let table = table.table().unwrap();
    let throughput = table.provisioned_throughput().unwrap();
    assert_eq!(throughput.read_capacity_units(), Some(1));
    assert_eq!(throughput.number_of_decreases_today(), Some(1));
    assert_eq!(
        table.billing_mode_summary().unwrap().billing_mode(),
        Some(&BillingMode::Provisioned)
    );
    assert_eq!(
        table.table_class_summary().unwrap().table_class(),
        Some(&TableClass::StandardInfrequentAccess)
    );
}

#[tokio::test]
async fn tags_are_added_removed_and_paged() {
    let world = World::start().await;
    let client = world.dynamodb();
    on_demand(&client, "tagged").tags(tag("app", "my-app")).send().await.unwrap();
    let arn = "arn:aws:dynamodb:us-west-2:123456789012:table/tagged";
    let mut request = client.tag_resource().resource_arn(arn).tags(tag("app", "changed"));
    for n in 0..12 {
        request = request.tags(tag(&format!("t{n:02}"), ""));
    }
    request.send().await.unwrap();
    client.untag_resource().resource_arn(arn).tag_keys("t11").send().await.unwrap();

    let first = client.list_tags_of_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(first.tags().len(), 10);
    assert_eq!((first.tags()[0].key(), first.tags()[0].value()), ("app", "changed"));
    let rest = client
        .list_tags_of_resource()
        .resource_arn(arn)
        .set_next_token(first.next_token().map(str::to_owned))
        .send()
        .await
        .unwrap();
    let keys: Vec<&str> = rest.tags().iter().map(Tag::key).collect();
    assert_eq!(keys, ["t09", "t10"]);
    assert_eq!(rest.next_token(), None);

    let gone = "arn:aws:dynamodb:us-west-2:123456789012:table/gone";
    assert_eq!(
        refusal(client.list_tags_of_resource().resource_arn(gone).send().await),
        (
            "ResourceNotFoundException".to_owned(),
            format!("Requested resource not found: ResourcArn: {gone} not found")
        )
    );
    assert_eq!(
        refusal(client.list_tags_of_resource().resource_arn("arn:aws:s3:::b").send().await).1,
        "Invalid TableArn: Invalid ResourceArn provided as input arn:aws:s3:::b"
    );
}

#[tokio::test]
async fn what_hangs_on_a_new_table_is_off() {
    let world = World::start().await;
    let client = world.dynamodb();
    let made = on_demand(&client, "bare").send().await.unwrap();
    let arn = made.table_description().unwrap().table_arn().unwrap();

    let ttl = client.describe_time_to_live().table_name("bare").send().await.unwrap();
    let ttl = ttl.time_to_live_description().unwrap();
    assert_eq!(ttl.time_to_live_status().unwrap().as_str(), "DISABLED");
    let backups = client.describe_continuous_backups().table_name("bare").send().await.unwrap();
    let backups = backups.continuous_backups_description().unwrap();
    let recovery = backups.point_in_time_recovery_description().unwrap();
    assert_eq!(recovery.point_in_time_recovery_status().unwrap().as_str(), "DISABLED");
    let insights = client.describe_contributor_insights().table_name("bare").send().await.unwrap();
    assert_eq!(insights.contributor_insights_status().unwrap().as_str(), "DISABLED");
    assert_eq!(
        code(client.get_resource_policy().resource_arn(arn).send().await),
        "PolicyNotFoundException"
    );
    assert_eq!(
        code(client.describe_continuous_backups().table_name("gone").send().await),
        "TableNotFoundException"
    );
}

#[tokio::test]
async fn accounts_and_regions_have_their_own_tables() {
    let world = World::start().await;
    world.control.set_account("AKIAOTHER", "210987654321");
    let here = world.dynamodb();
    let there = world.dynamodb_as("eu-west-1", key("AKIATEST"));
    let other = world.dynamodb_as(REGION, key("AKIAOTHER"));
    on_demand(&here, "table").send().await.unwrap();
    on_demand(&there, "table").send().await.unwrap();
    assert_eq!(status(&other, "table").await, None);
    let places: Vec<String> =
        world.control.dump()["dynamodb"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(places, ["123456789012/eu-west-1", "123456789012/us-west-2"]);
}
