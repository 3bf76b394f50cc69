//! Deletion in reverse order, with the real kubectl.

use anyhow::ensure;
use e2e::stack::Stack;
use e2e::{Options, User, scenario};
use serde_json::Value;

/// The example, ACTIVE.
async fn active() -> anyhow::Result<Stack> {
    let stack = Stack::running(Options::with_controllers()).await?;
    stack.apply_example("rgd.yaml").await?;
    stack.wait_served().await?;
    stack.apply_example("instance.yaml").await?;
    stack.wait_active("my-app").await?;
    Ok(stack)
}

/// Whether nothing is left at the AWS endpoint.
fn is_empty(dump: &Value) -> bool {
    match dump {
        Value::Object(fields) => fields.values().all(is_empty),
        Value::Array(items) => items.iter().all(is_empty),
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

async fn nothing_is_left(stack: &Stack) -> anyhow::Result<()> {
    for (kind, name) in [
        ("application", "my-app"),
        ("deployment", "my-app"),
        ("table", "my-app-table"),
        ("bucket", "my-app-data"),
    ] {
        stack.wait_gone(kind, name).await?;
    }
    Ok(())
}

/// kro deleted the Deployment before the bucket and the table.
async fn in_reverse(stack: &Stack) -> anyhow::Result<()> {
    let entries = stack.plane.audit().entries().await?;
    let deleted = |resource: &str| {
        entries.iter().position(|entry| {
            entry.user == User::KroController.name()
                && entry.resource == resource
                && entry.verb == "delete"
        })
    };
    let deployment = deleted("deployments").expect("kro deleted it");
    for resource in ["buckets", "tables"] {
        ensure!(deleted(resource).expect("kro deleted it") > deployment, "{resource} went first");
    }
    Ok(())
}

#[test]
fn the_deployment_goes_before_bucket_and_table() {
    scenario(async || {
        let stack = active().await?;
        stack.plane.kubectl(&["delete", "application", "my-app", "--timeout=60s"]).await?;
        nothing_is_left(&stack).await?;
        let dump = stack.aws.control().dump();
        ensure!(is_empty(&dump), "{dump:#}");
        in_reverse(&stack).await
    });
}

#[test]
fn a_bucket_with_the_policy_retain_stays_at_aws() {
    scenario(async || {
        let stack = active().await?;
        let policy = "services.k8s.aws/deletion-policy=retain";
        stack.plane.kubectl(&["annotate", "bucket", "my-app-data", policy]).await?;
        stack.plane.kubectl(&["delete", "application", "my-app", "--timeout=60s"]).await?;
        nothing_is_left(&stack).await?;
        let dump = stack.aws.control().dump();
        ensure!(dump["s3"].to_string().contains("my-app-data"), "the bucket is gone: {dump:#}");
        ensure!(!dump["dynamodb"].to_string().contains("my-app-data"), "the table stays: {dump:#}");
        Ok(())
    });
}

#[test]
fn deletion_works_without_the_definition() {
    scenario(async || {
        let mut stack = active().await?;
        stack.kro()?.kill()?;
        stack.plane.kubectl(&["delete", "rgd", "application", "--wait=false"]).await?;
        stack.start_kro(&stack.direct(User::KroController))?;
        stack.wait_gone("rgd", "application").await?;
        stack.plane.kubectl(&["delete", "application", "my-app", "--timeout=60s"]).await?;
        nothing_is_left(&stack).await?;
        let dump = stack.aws.control().dump();
        ensure!(is_empty(&dump), "{dump:#}");
        in_reverse(&stack).await
    });
}
