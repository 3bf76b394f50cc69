//! AWS resources by themselves: `ack-controller` alone on the API server.

use anyhow::{Context, ensure};
use e2e::stack::{Stack, ack_program};
use e2e::{Options, User, scenario};
use serde_json::Value;

async fn stack() -> anyhow::Result<Stack> {
    let mut stack = Stack::start(Options::api_server()).await?;
    stack.start_ack(&stack.direct(User::AckController))?;
    Ok(stack)
}

/// Waits with kubectl, as people do.
async fn synced(stack: &Stack, object: &str) -> anyhow::Result<Value> {
    let wait = ["wait", "--for=condition=ACK.ResourceSynced", object, "--timeout=60s"];
    stack.plane.kubectl(&wait).await.with_context(|| stack.logs())?;
    get(stack, object).await
}

async fn get(stack: &Stack, object: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(&stack.plane.kubectl(&["get", object, "-o", "json"]).await?)?)
}

const EVERYTHING: &str = r#"
apiVersion: s3.services.k8s.aws/v1alpha1
kind: Bucket
metadata: { name: site }
spec:
  name: site-of-the-team
  versioning: { status: Enabled }
  website: { indexDocument: { suffix: index.html } }
  lifecycle:
    rules:
    - { id: old, status: Enabled, filter: { prefix: "" }, expiration: { days: 30 } }
  tagging: { tagSet: [{ key: app, value: site }] }
---
apiVersion: dynamodb.services.k8s.aws/v1alpha1
kind: Table
metadata: { name: orders }
spec:
  tableName: orders
  billingMode: PAY_PER_REQUEST
  attributeDefinitions:
  - { attributeName: id, attributeType: S }
  - { attributeName: day, attributeType: S }
  keySchema: [{ attributeName: id, keyType: HASH }]
  globalSecondaryIndexes:
  - indexName: by-day
    keySchema: [{ attributeName: day, keyType: HASH }]
    projection: { projectionType: ALL }
  streamSpecification: { streamEnabled: true, streamViewType: NEW_IMAGE }
  timeToLive: { attributeName: until, enabled: true }
---
apiVersion: sqs.services.k8s.aws/v1alpha1
kind: Queue
metadata: { name: work }
spec: { queueName: work.fifo, fifoQueue: "true", visibilityTimeout: "60" }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: endpoints }
---
apiVersion: services.k8s.aws/v1alpha1
kind: FieldExport
metadata: { name: url }
spec:
  from:
    path: .status.queueURL
    resource: { group: sqs.services.k8s.aws, kind: Queue, name: work }
  to: { kind: configmap, name: endpoints, key: queue }
---
apiVersion: services.k8s.aws/v1alpha1
kind: FieldExport
metadata: { name: account }
spec:
  from:
    path: '.status | select(.queueURL != null) | .ackResourceMetadata.arn | split(":")[4]'
    resource: { group: sqs.services.k8s.aws, kind: Queue, name: work }
  to: { kind: configmap, name: endpoints, key: account }
"#;

#[test]
fn resources_come_up_settle_and_go() {
    scenario(async || {
        let stack = stack().await?;
        stack.apply(EVERYTHING).await?;
        let bucket = synced(&stack, "bucket/site").await?;
        ensure!(bucket["spec"]["encryption"].is_object(), "late initialisation: {bucket:#}");
        synced(&stack, "table/orders").await?;
        let queue = synced(&stack, "queue/work").await?;
        let url = queue["status"]["queueURL"].as_str().context("a queue has a URL")?;
        let account = queue["status"]["ackResourceMetadata"]["ownerAccountID"].as_str();
        for (key, value) in [("queue", url), ("account", account.context("it has an account")?)] {
            let exported = format!("--for=jsonpath={{.data.{key}}}={value}");
            let wait = ["wait", exported.as_str(), "configmap/endpoints", "--timeout=60s"];
            stack.plane.kubectl(&wait).await.with_context(|| stack.logs())?;
        }

        // Applied again, nothing happens: neither at AWS nor in the cluster.
        let before = [get(&stack, "bucket/site").await?, get(&stack, "table/orders").await?];
        let calls = stack.aws.control().calls().len();
        stack.apply(EVERYTHING).await?;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let after = [get(&stack, "bucket/site").await?, get(&stack, "table/orders").await?];
        for (before, after) in before.iter().zip(&after) {
            ensure!(before["status"] == after["status"] && before["spec"] == after["spec"]);
        }
        let calls = &stack.aws.control().calls()[calls..];
        ensure!(calls.is_empty(), "applied again: {calls:#?}");

        let all = [
            "delete",
            "bucket/site",
            "table/orders",
            "queue/work",
            "fieldexport/url",
            "fieldexport/account",
        ];
        stack.plane.kubectl(&all).await.with_context(|| stack.logs())?;
        let dump = stack.aws.control().dump();
        ensure!(dump["s3"]["buckets"] == serde_json::json!({}), "{dump:#}");
        ensure!(!dump["dynamodb"].to_string().contains("orders"), "{dump:#}");
        ensure!(!dump["sqs"].to_string().contains("work.fifo"), "{dump:#}");
        Ok(())
    });
}

/// The matrix of namespace and object, each with no policy, `delete` and `retain`: the object wins.
#[test]
fn the_deletion_policy_of_the_object_wins() {
    scenario(async || {
        let stack = stack().await?;
        let policies = [None, Some("delete"), Some("retain")];
        for (number, namespace) in policies.into_iter().enumerate() {
            let name = format!("team-{number}");
            stack.plane.kubectl(&["create", "namespace", &name]).await?;
            if let Some(policy) = namespace {
                let annotation = format!("s3.services.k8s.aws/deletion-policy={policy}");
                stack.plane.kubectl(&["annotate", "namespace", &name, &annotation]).await?;
            }
            for (other, object) in policies.into_iter().enumerate() {
                let annotations = object.map_or("{}".to_owned(), |policy| {
                    format!("{{ services.k8s.aws/deletion-policy: {policy} }}")
                });
                let bucket = format!("bucket-{number}-{other}");
                let yaml = format!(
                    "apiVersion: s3.services.k8s.aws/v1alpha1\nkind: Bucket\nmetadata: {{ name: \
                     {bucket}, namespace: {name}, annotations: {annotations} }}\nspec: {{ name: \
                     {bucket} }}\n"
                );
                stack.apply(&yaml).await?;
            }
            let wait =
                ["wait", "--for=condition=ACK.ResourceSynced", "bucket", "--all", "-n", &name];
            stack.plane.kubectl(&wait).await.with_context(|| stack.logs())?;
            stack.plane.kubectl(&["delete", "bucket", "--all", "-n", &name]).await?;
            let dump = stack.aws.control().dump();
            for (other, object) in policies.into_iter().enumerate() {
                let stays = object.or(namespace) == Some("retain");
                let bucket = format!("bucket-{number}-{other}");
                let found = dump["s3"]["buckets"].get(&bucket).is_some();
                ensure!(found == stays, "{namespace:?} {object:?}: {}", dump["s3"]["buckets"]);
            }
        }
        Ok(())
    });
}

/// A selector chooses a role of another account: the queue is made there.
#[test]
fn a_selector_chooses_the_account() {
    scenario(async || {
        let mut stack = Stack::start(Options::api_server()).await?;
        let endpoints = stack.direct(User::AckController);
        let path = e2e::binaries::workspace_binary("ack", "ack-controller")?;
        let program = ack_program(path, &endpoints).args([
            "--services=sqs",
            "--enable-carm=false",
            "--feature-gates=IAMRoleSelector=true",
        ]);
        stack.ack = Some(stack.plane.run(program)?);
        stack
            .apply(
                r#"
apiVersion: services.k8s.aws/v1alpha1
kind: IAMRoleSelector
metadata: { name: other-account }
spec:
  arn: arn:aws:iam::222222222222:role/ack
  namespaceSelector: { names: [default] }
  resourceTypeSelector: [{ group: sqs.services.k8s.aws, version: "", kind: Queue }]
"#,
            )
            .await?;
        let there = ["wait", "--for=jsonpath={.metadata.uid}", "iamroleselector/other-account"];
        stack.plane.kubectl(&there).await?;
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let queue = "apiVersion: sqs.services.k8s.aws/v1alpha1\nkind: Queue\nmetadata: { name: q \
                     }\nspec: { queueName: q }\n";
        stack.apply(queue).await?;
        let queue = synced(&stack, "queue/q").await?;
        let metadata = &queue["status"]["ackResourceMetadata"];
        ensure!(metadata["ownerAccountID"] == "222222222222", "{queue:#}");
        ensure!(metadata["arn"] == "arn:aws:sqs:us-west-2:222222222222:q", "{queue:#}");
        let selected = e2e::stack::condition(&queue, "ACK.IAMRoleSelected");
        ensure!(selected["reason"] == "Selected", "{queue:#}");
        Ok(())
    });
}
