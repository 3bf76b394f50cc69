//! Bad definitions are refused with the resource, the path and the reason; what was good before
//! goes on.

use anyhow::ensure;
use e2e::stack::{Stack, message};
use e2e::{Options, User, scenario};
use serde_json::json;

/// A part of the example, what it is replaced by, and what the condition must say.
const MISTAKES: &[(&str, &str, &[&str])] = &[
    (
        "billingMode: PAY_PER_REQUEST",
        "billingMood: PAY_PER_REQUEST",
        &[
            "spec.resources[1].template.spec.billingMood",
            "Table",
            "did you mean `spec.billingMode`",
        ],
    ),
    (
        "value: ${bucket.status.ackResourceMetadata.arn}",
        "value: ${buckets.status.ackResourceMetadata.arn}",
        &["spec.resources[2].template.spec.template.spec.containers[0].env[1].value", "buckets"],
    ),
    (
        "name: ${schema.spec.name}-table",
        "name: ${deployment.metadata.name}-table",
        &["graph contains a cycle: table -> deployment -> table"],
    ),
    (
        "replicas: 1",
        "replicas: ${schema.spec.name}",
        &["spec.resources[2].template.spec.replicas", "int", "string"],
    ),
    (
        "tableName: ${schema.spec.name}-data",
        "tableName: ${schema.spec.name +}-data",
        &["spec.resources[1].template.spec.tableName"],
    ),
];

#[test]
fn mistakes_are_named_and_the_last_good_version_keeps_serving() {
    scenario(async || {
        let stack = Stack::running(Options::api_server()).await?;
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        stack.wait_active("my-app").await?;
        let good = include_str!("../../../examples/application/rgd.yaml");
        for (number, (from, to, expected)) in MISTAKES.iter().enumerate() {
            ensure!(good.contains(from), "the example changed: {from}");
            stack.apply(&good.replace(from, to)).await?;
            let says = |object: &serde_json::Value| {
                let message = message(object, "GraphAccepted");
                expected.iter().all(|part| message.contains(part))
            };
            let rgd = stack.wait("rgd", "application", &format!("says {expected:?}"), says).await?;
            ensure!(rgd["status"]["state"] == "Inactive", "{}", rgd["status"]);
            // Instances of the good version go on.
            let image = format!("my-app:{number}");
            let patch = json!({"spec": {"image": image}}).to_string();
            stack
                .plane
                .kubectl(&["patch", "application", "my-app", "--type=merge", "-p", &patch])
                .await?;
            let follows = |object: &serde_json::Value| {
                object["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str()
            };
            stack.wait("deployment", "my-app", "follows the instance", follows).await?;
        }
        stack.apply(good).await?;
        stack.wait_served().await.map(drop)
    });
}

#[test]
fn the_published_bucket_points_at_the_right_field() {
    scenario(async || {
        let mut stack = Stack::start(Options::api_server()).await?;
        // As published: without `spec.tags`.
        let patch = json!([
            {"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/tags"},
            {"op": "remove", "path": "/spec/versions/0/schema/openAPIV3Schema/properties/spec/x-kubernetes-validations"},
        ]);
        let crd = "buckets.s3.services.k8s.aws";
        let args = ["patch", "crd", crd, "--type=json", "-p", &patch.to_string()];
        stack.plane.kubectl(&args).await?;
        stack.start_kro(&stack.direct(User::KroController))?;
        stack.apply_example("rgd.yaml").await?;
        let says = |object: &serde_json::Value| {
            let message = message(object, "GraphAccepted");
            ["spec.resources[0].template.spec.tags", "Bucket", "tagging.tagSet"]
                .iter()
                .all(|part| message.contains(part))
        };
        stack.wait("rgd", "application", "names tags and tagging.tagSet", says).await.map(drop)
    });
}
