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
        let text = aws.to_string();
        ensure!(text.contains("my-app-data"), "{aws:#}");
        let bucket = find(&aws, "my-app-data", "s3").expect("the bucket exists");
        ensure!(bucket.to_string().contains("\"app\""), "the tag: {bucket:#}");
        ensure!(bucket.to_string().contains("\"my-app\""), "the tag's value: {bucket:#}");
        let table = find(&aws, "my-app-data", "dynamodb").expect("the table exists");
        ensure!(table.to_string().contains("HASH"), "the key schema: {table:#}");

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

/// The part of a dump below `service` that belongs to `name`.
fn find<'a>(dump: &'a Value, name: &str, service: &str) -> Option<&'a Value> {
    fn below<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
        match value {
            Value::Object(fields) => {
                fields.get(name).or_else(|| fields.values().find_map(|value| below(value, name)))
            }
            Value::Array(items) => items.iter().find_map(|value| below(value, name)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    below(&dump[service], name)
}
