//! The chart of ACK, installed by Helm, and the controller as it starts it; then three controllers as
//! the published charts start theirs.

use crate::chart::{get, helm, kubeconfig};
use anyhow::{Context, ensure};
use e2e::stack::{SOON, Stack, file};
use e2e::{Options, Process, Program, User, binaries, scenario, wait_for};
use serde_json::Value;

const NAMESPACE: &str = "ack-system";

const OBJECTS: &str = r#"
apiVersion: s3.services.k8s.aws/v1alpha1
kind: Bucket
metadata: { name: data, namespace: team }
spec: { name: data-of-the-team }
---
apiVersion: dynamodb.services.k8s.aws/v1alpha1
kind: Table
metadata: { name: orders, namespace: team }
spec:
  tableName: orders
  billingMode: PAY_PER_REQUEST
  attributeDefinitions: [{ attributeName: id, attributeType: S }]
  keySchema: [{ attributeName: id, keyType: HASH }]
---
apiVersion: sqs.services.k8s.aws/v1alpha1
kind: Queue
metadata: { name: work, namespace: team }
spec: { queueName: work }
"#;

const EXPORT: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: { name: endpoints, namespace: team }
---
apiVersion: services.k8s.aws/v1alpha1
kind: FieldExport
metadata: { name: url, namespace: team }
spec:
  from:
    path: .status.queueURL
    resource: { group: sqs.services.k8s.aws, kind: Queue, name: work }
  to: { kind: configmap, name: endpoints, key: queue }
"#;

const KINDS: [&str; 3] = ["bucket/data", "table/orders", "queue/work"];

/// Waits until all objects are synced.
async fn synced(stack: &Stack, logs: impl Fn() -> String) -> anyhow::Result<()> {
    for object in KINDS {
        let wait = ["wait", "--for=condition=ACK.ResourceSynced", object, "-n", "team"];
        let wait = [&wait[..], &["--timeout=60s"]].concat();
        stack.plane.kubectl(&wait).await.with_context(&logs)?;
    }
    Ok(())
}

/// The controller with the arguments and the rights that the chart gives it.
async fn installed(stack: &Stack) -> anyhow::Result<Process> {
    let plane = &stack.plane;
    let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/ack");
    let deployment = get(plane, &path).await?;
    let args = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let args: Vec<String> = serde_json::from_value(args.clone()).context("no arguments")?;
    let kubeconfig = kubeconfig(plane, NAMESPACE, "ack").await?;
    let binary = binaries::workspace_binary("ack", "ack-controller")?;
    let program = Program::new("ack-controller", binary)
        .args(args)
        // Outside of a pod: ports that are free.
        .args(["--metrics-addr=127.0.0.1:0", "--healthz-addr=127.0.0.1:0"])
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .env("ACK_SYSTEM_NAMESPACE", NAMESPACE)
        .env("AWS_ACCESS_KEY_ID", "demo")
        .env("AWS_SECRET_ACCESS_KEY", "demo");
    plane.run(program)
}

#[test]
fn the_chart_of_ack_gives_the_rights_that_are_needed() {
    scenario(async || {
        let stack = Stack::start(Options::with_controllers()).await?;
        let plane = &stack.plane;
        let chart = file("charts/ack");
        helm(plane, &["lint", "--strict", &chart])?;
        let endpoint =
            format!("aws.endpoint_url={0},aws.identity_endpoint_url={0}", stack.aws.url());
        let values = [
            "--namespace=ack-system",
            "--set=aws.region=us-west-2,aws.allow_unsafe_aws_endpoint_urls=true",
            "--set=aws.endpoint_use_path_style=true,leaderElection.enabled=true",
            "--set",
            &endpoint,
        ];
        // The stack has applied the CRDs, which Helm then leaves alone.
        let install = ["install", "ack", &chart, "--create-namespace"];
        helm(plane, &[&install[..], &values].concat())?;
        plane.kubectl(&["create", "namespace", "team"]).await?;
        let everywhere = installed(&stack).await?;
        stack.apply(OBJECTS).await?;
        stack.apply(EXPORT).await?;
        synced(&stack, || everywhere.log_tail(20)).await?;
        let exported = ["get", "configmap/endpoints", "-n", "team", "-o=jsonpath={.data.queue}"];
        wait_for("the URL is exported", SOON, async || {
            let url = plane.kubectl(&exported).await?;
            ensure!(url.ends_with("/work"), "{url:?}");
            Ok(Some(()))
        })
        .await
        .with_context(|| everywhere.log_tail(20))?;
        allowed(&everywhere)?;

        // An upgrade to rights in one namespace only, and to one service; the others' objects wait.
        let narrow = "installScope=namespace,watchNamespace=team,services.dynamodb.enabled=false";
        let upgrade = ["upgrade", "ack", &chart, "--reset-then-reuse-values", "--set", narrow];
        helm(plane, &[&upgrade[..], &values[..1]].concat())?;
        everywhere.kill()?;
        let narrow = installed(&stack).await?;
        plane.kubectl(&["delete", "bucket/data", "queue/work", "-n", "team"]).await?;
        allowed(&narrow)?;
        let aws = stack.aws.control().dump();
        ensure!(aws["s3"]["buckets"] == serde_json::json!({}), "{aws:#}");
        helm(plane, &["uninstall", "ack", "--namespace=ack-system"])?;
        // Objects outlive the release.
        plane.kubectl(&["get", "table/orders", "-n", "team"]).await.map(drop)
    });
}

fn allowed(process: &Process) -> anyhow::Result<()> {
    let log = process.log();
    ensure!(!log.to_lowercase().contains("forbidden"), "{log}");
    Ok(())
}

/// The command line of a published controller, as its chart has it once variables are filled in.
fn published(stack: &Stack, service: &str, kinds: &str) -> anyhow::Result<Process> {
    let (aws, binary) = (stack.aws.url(), binaries::workspace_binary("ack", "ack-controller")?);
    let program = Program::new(format!("ack-{service}-controller"), binary)
        .args(["--aws-region", "us-west-2", "--aws-endpoint-url", &aws])
        .args(["--aws-identity-endpoint-url", &aws, "--allow-unsafe-aws-endpoint-urls"])
        .args(["--log-level", "info", "--resource-tags", "services.k8s.aws/team=%K8S_NAMESPACE%"])
        .args(["--watch-namespace", "", "--watch-selectors", ""])
        .args(["--deletion-policy", "delete", "--enable-leader-election"])
        .args(["--leader-election-namespace", NAMESPACE])
        .args(["--reconcile-default-resync-seconds", "36000"])
        .args(["--reconcile-default-max-concurrent-syncs", "1"])
        .args(["--reconcile-resources", kinds, "--enable-carm=true"])
        .args(["--feature-gates", "ServiceLevelCARM=false,TeamLevelCARM=false"])
        // What a test needs beside.
        .args(["--metrics-addr=127.0.0.1:0", "--healthz-addr=127.0.0.1:0", "--kubeconfig"])
        .arg(stack.plane.kubeconfig(User::AckController))
        .env("AWS_ACCESS_KEY_ID", "demo")
        .env("AWS_SECRET_ACCESS_KEY", "demo");
    stack.plane.run(program)
}

/// Three Deployments, a service each, that know nothing of `--services`: each holds the lease of its
/// own service, and no other one.
#[test]
fn three_published_command_lines_share_the_services() {
    scenario(async || {
        let stack = Stack::start(Options::api_server()).await?;
        for namespace in [NAMESPACE, "team"] {
            stack.plane.kubectl(&["create", "namespace", namespace]).await?;
        }
        let services =
            [("s3", "Bucket"), ("dynamodb", "Backup,GlobalTable,Table"), ("sqs", "Queue")];
        let started = services.map(|(service, kinds)| published(&stack, service, kinds));
        let started = started.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let logs = || started.iter().map(|one| one.log_tail(10)).collect::<Vec<_>>().join("\n");
        stack.apply(OBJECTS).await?;
        synced(&stack, logs).await?;
        let leases = format!("/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases");
        let leases = get(&stack.plane, &leases).await?;
        let leases = leases["items"].as_array().context("no leases")?;
        let text = |lease: &Value, pointer: &str| {
            lease.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let mut names: Vec<String> =
            leases.iter().map(|lease| text(lease, "/metadata/name")).collect();
        names.sort();
        let expected = ["dynamodb", "s3", "sqs"].map(|it| format!("ack-{it}.services.k8s.aws"));
        ensure!(names == expected, "{names:?}");
        let mut holders: Vec<String> =
            leases.iter().map(|lease| text(lease, "/spec/holderIdentity")).collect();
        holders.sort();
        holders.dedup();
        ensure!(holders.len() == 3, "{holders:?}");
        stack.plane.kubectl(&[&["delete", "-n", "team"][..], &KINDS].concat()).await?;
        Ok(())
    });
}
