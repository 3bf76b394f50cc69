//! The reference example, word for word.

use anyhow::ensure;
use e2e::stack::Stack;
use e2e::{Options, User, scenario};
use serde_json::{Value, json};

#[test]
fn the_example_comes_up_in_order() {
    scenario(async || {
        let stack = Stack::running(Options::with_nodes()).await?;
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        let application = stack.wait_active("my-app").await?;

        let expected: Value = serde_saphyr::from_str(include_str!(
            "../../../examples/application/expected-status.yaml"
        ))?;
        for (field, value) in expected.as_object().into_iter().flatten() {
            ensure!(application["status"][field] == *value, "{field}: {}", application["status"]);
        }

        let aws = stack.aws.control().dump();
        let tags = &aws["s3"]["buckets"]["my-app-data"]["documents"]["tagging"]["TagSet"];
        let tag = json!({"Key": "app", "Value": "my-app"});
        ensure!(tags.as_array().is_some_and(|tags| tags.contains(&tag)), "the tag: {aws:#}");
        let table = &aws["dynamodb"]["123456789012/us-west-2"]["tables"]["my-app-data"];
        let key = json!([{"AttributeName": "id", "KeyType": "HASH"}]);
        ensure!(table["KeySchema"] == key, "the key schema: {aws:#}");
        let attributes = json!([{"AttributeName": "id", "AttributeType": "S"}]);
        ensure!(table["AttributeDefinitions"] == attributes, "the attributes: {aws:#}");

        let deployment = stack
            .wait("deployment", "my-app", "is available", |object| {
                object["status"]["availableReplicas"] == 1
            })
            .await?;
        let env = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
        ensure!(
            *env == json!([
                {"name": "BUCKET_NAME", "value": "my-app-data"},
                {"name": "BUCKET_ARN", "value": expected["bucketARN"]},
                {"name": "TABLE_NAME", "value": "my-app-data"},
                {"name": "TABLE_ARN", "value": expected["tableARN"]},
            ]),
            "{env:#}"
        );
        created_after_both_were_synced(&stack).await
    });
}

/// The Deployment was created by kro after ACK's last status write of the bucket and of the table:
/// the ones that made them synced, as nothing was written to them since.
async fn created_after_both_were_synced(stack: &Stack) -> anyhow::Result<()> {
    let entries = stack.plane.audit().entries().await?;
    let created = entries
        .iter()
        .position(|entry| {
            entry.user == User::KroController.name()
                && entry.resource == "deployments"
                && entry.is_write()
        })
        .expect("kro created the Deployment");
    for resource in ["buckets", "tables"] {
        let synced = entries
            .iter()
            .rposition(|entry| {
                entry.user == User::AckController.name()
                    && entry.resource == resource
                    && entry.subresource == "status"
            })
            .expect("ACK wrote the status");
        ensure!(synced < created, "{resource} synced after the Deployment was created");
    }
    Ok(())
}
