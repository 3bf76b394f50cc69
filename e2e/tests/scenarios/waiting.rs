//! What an Application waits for, and what it says meanwhile.

use anyhow::ensure;
use aws_emulator::Fault;
use e2e::stack::{Stack, condition, message};
use e2e::{Options, User, scenario};
use serde_json::json;

#[test]
fn a_table_that_is_still_creating_holds_back_the_deployment() {
    scenario(async || {
        let stack = Stack::running(Options::api_server()).await?;
        stack.aws.control().hold_table("my-app-data");
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        let waits = |object: &serde_json::Value| {
            message(object, "ResourcesReady")
                .contains("waiting for node \"table\": ACK.ResourceSynced")
                && object["status"]["tableARN"].is_string()
        };
        let application =
            stack.wait("application", "my-app", "says that it waits for the table", waits).await?;
        ensure!(application["status"]["state"] == "IN_PROGRESS", "{}", application["status"]);
        ensure!(
            message(&application, "ResourcesReady").contains("CREATING"),
            "ACK's message is missing"
        );
        let table = stack.get("table", "default", "my-app-table").await?.expect("it exists");
        ensure!(table["status"]["ackResourceMetadata"]["arn"].is_string(), "{}", table["status"]);
        ensure!(stack.get("deployment", "default", "my-app").await?.is_none(), "created too early");
        stack.aws.control().release_table("my-app-data");
        stack.wait_active("my-app").await?;
        ensure!(stack.get("deployment", "default", "my-app").await?.is_some(), "not created");
        Ok(())
    });
}

#[test]
fn the_same_holds_for_a_table_that_is_written_by_hand() {
    scenario(async || {
        let mut stack = Stack::start(Options::api_server()).await?;
        stack.start_kro(&stack.direct(User::KroController))?;
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        stack.wait("table", "my-app-table", "exists", |_| true).await?;
        stack.wait("bucket", "my-app-data", "exists", |_| true).await?;
        status(&stack, "bucket", "my-app-data", "arn:aws:s3:::b", "True").await?;
        status(&stack, "table", "my-app-table", "arn:aws:dynamodb:::t", "False").await?;
        let waits = |object: &serde_json::Value| {
            message(object, "ResourcesReady")
                .contains("waiting for node \"table\": ACK.ResourceSynced is False")
                && object["status"]["tableARN"] == "arn:aws:dynamodb:::t"
        };
        stack.wait("application", "my-app", "waits for the table", waits).await?;
        ensure!(stack.get("deployment", "default", "my-app").await?.is_none(), "created too early");
        status(&stack, "table", "my-app-table", "arn:aws:dynamodb:::t", "True").await?;
        stack.wait_active("my-app").await.map(drop)
    });
}

/// Writes what ACK would write.
async fn status(
    stack: &Stack,
    kind: &str,
    name: &str,
    arn: &str,
    synced: &str,
) -> anyhow::Result<()> {
    let status = json!({"status": {
        "ackResourceMetadata": {"arn": arn, "ownerAccountID": "123456789012", "region": "us-west-2"},
        "conditions": [{"type": "ACK.ResourceSynced", "status": synced, "message": "by hand"}],
    }});
    let patch = status.to_string();
    let args = ["patch", kind, name, "--subresource=status", "--type=merge", "-p", &patch];
    stack.plane.kubectl(&args).await.map(drop)
}

#[test]
fn a_bucket_name_that_belongs_to_somebody_else() {
    scenario(async || {
        let stack = Stack::running(Options::api_server()).await?;
        stack.aws.control().set_foreign_bucket("my-app-data", true);
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        let names = |object: &serde_json::Value| {
            let message = message(object, "ResourcesReady");
            message.contains("\"bucket\"") && message.contains("BucketAlreadyExists")
        };
        stack.wait("application", "my-app", "names the bucket and the reason", names).await?;
        let bucket = stack.get("bucket", "default", "my-app-data").await?.expect("it exists");
        let recoverable = condition(&bucket, "ACK.Recoverable");
        ensure!(recoverable["status"] == "True", "{}", bucket["status"]);
        ensure!(
            stack.get("deployment", "default", "my-app").await?.is_none(),
            "created all the same"
        );

        let patch = json!({"spec": {"bucketName": "my-app-data-2"}}).to_string();
        stack
            .plane
            .kubectl(&["patch", "application", "my-app", "--type=merge", "-p", &patch])
            .await?;
        let application = stack.wait_active("my-app").await?;
        ensure!(
            application["status"]["bucketARN"] == "arn:aws:s3:::my-app-data-2",
            "{application:#}"
        );
        let entries = stack.plane.audit().entries().await?;
        let created = entries.iter().filter(|entry| {
            entry.user == User::KroController.name()
                && entry.resource == "deployments"
                && entry.is_write()
        });
        ensure!(created.count() == 1, "the Deployment was written more than once");
        Ok(())
    });
}

#[test]
fn throttling_is_retried_and_reported() {
    scenario(async || {
        let stack = Stack::running(Options::api_server()).await?;
        let slow = Fault::error(503, "SlowDown", "Please reduce your request rate.");
        stack.aws.control().fail(slow.on("s3", "CreateBucket").times(3));
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        stack.wait_active("my-app").await.map(drop)
    });
}
