//! No credential, policy document or value of a Secret is in a log, an event, a condition, a metric
//! or a trace: neither when all goes well, nor when AWS or the API server quote what they refuse.

use std::time::Duration;

use anyhow::{Context, ensure};
use aws_emulator::Fault;
use e2e::kro::{Kro, condition, definition, instance, object};
use e2e::secrets::{Secrets, Tap};
use e2e::stack::{Endpoints, Stack, ack_program};
use e2e::{ControlPlane, Options, Process, User, binaries, scenario, wait_for};
use serde_json::{Value, json};

use crate::process::{collector, fetch};

/// An access key that is anybody's at the emulator, with all that is secret about it.
const KEY: &str = "AKIAQVAULT0KEY0ID000";
const SECRET_KEY: &str = "vaultKey/7Gq+x2Zr9Lw4Tn8Bv3Cm6Hj1Ks5Pd0F";
const SESSION: &str = "vaultSession/IQoJb3JpZ2luX2VjEJr+aXVzLXdlc3QtMiJHMEUCIQ==";

/// A policy of which two parts are as distinct as a name can be.
fn policy(action: &str, resource: &str, mark: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": format!("Sid{mark}Vault"),
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::123456789012:root" },
            "Action": action,
            "Resource": resource,
            "Condition": { "StringEquals": { "aws:PrincipalTag/team": format!("tag-{mark}-vault") } },
        }],
    })
    .to_string()
}

fn aws(service: &str, kind: &str, namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{service}.services.k8s.aws/v1alpha1"),
        "kind": kind,
        "metadata": { "name": name, "namespace": namespace },
        "spec": spec,
    })
}

fn table(name: &str, policy: Option<&str>) -> Value {
    let mut spec = json!({
        "tableName": name,
        "billingMode": "PAY_PER_REQUEST",
        "attributeDefinitions": [{ "attributeName": "id", "attributeType": "S" }],
        "keySchema": [{ "attributeName": "id", "keyType": "HASH" }],
    });
    if let Some(policy) = policy {
        spec["resourcePolicy"] = policy.into();
    }
    spec
}

/// An admission policy of the cluster that quotes what it refuses.
fn guard(group: &str, resource: &str, operation: &str, quote: &str) -> Value {
    let name = format!("guard-{resource}");
    json!([{
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [group], "apiVersions": ["*"], "operations": [operation],
                "resources": [resource],
            }] },
            "matchConditions": [{
                "name": "guarded", "expression": "object.metadata.name == 'guarded'",
            }],
            "validations": [{ "expression": "false", "messageExpression": quote }],
        },
    }, {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": { "name": name },
        "spec": { "policyName": name, "validationActions": ["Deny"] },
    }])
}

/// What kubectl applies as one: all entries of some arrays.
fn list(arrays: &[Value]) -> String {
    let items: Vec<&Value> = arrays.iter().filter_map(Value::as_array).flatten().collect();
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

/// Waits until an object says something of that type; returns the message.
async fn says(stack: &Stack, namespace: &str, object: &str, kind: &str) -> anyhow::Result<String> {
    wait_for(format!("{object} says {kind}"), e2e::kro::SOON, async || {
        let read = ["get", object, "-n", namespace, "-o", "json"];
        let object: Value = serde_json::from_str(&stack.plane.kubectl(&read).await?)?;
        let found = e2e::stack::condition(&object, kind);
        ensure!(found["status"] == "True", "{}", object["status"]);
        Ok(found["message"].as_str().map(str::to_owned).or(Some(String::new())))
    })
    .await
    .with_context(|| stack.logs())
}

/// Where a controller listens, whatever the form of its log.
fn address(process: &Process, server: &str) -> anyhow::Result<String> {
    let log = process.log();
    let line = log.lines().find(|line| line.contains("listening") && line.contains(server));
    let line = line.with_context(|| format!("{process} does not serve {server}"))?;
    let (_, rest) = line.split_once("127.0.0.1:").context("no address")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Ok(format!("127.0.0.1:{port}"))
}

/// Everything that people may read of a run: logs, metrics, events, and the conditions of all
/// custom resources.
async fn said(
    plane: &ControlPlane,
    controllers: &[&Process],
) -> anyhow::Result<Vec<(String, String)>> {
    let mut said = Vec::new();
    for process in controllers {
        let log = process.log();
        ensure!(log.lines().count() > 5, "hardly anything in the log: {log}");
        said.push((format!("the log of {process}"), log));
        let (code, metrics) = fetch(&address(process, "metrics")?, "/metrics").await?;
        ensure!(code == 200, "{metrics}");
        said.push((format!("a metric of {process}"), metrics));
    }
    let events = plane.kubectl(&["get", "events", "-A", "-o", "json"]).await?;
    said.push(("an event".to_owned(), events));
    let names = "jsonpath={range .items[*]}{.spec.names.plural}.{.spec.group}{\"\\n\"}{end}";
    for kind in plane.kubectl(&["get", "crd", "-o", names]).await?.lines() {
        let list = plane.kubectl(&["get", kind, "-A", "-o", "json"]).await?;
        let list: Value = serde_json::from_str(&list)?;
        for object in list["items"].as_array().into_iter().flatten() {
            let name = &object["metadata"]["name"];
            said.push((
                format!("a condition of {kind} {name}"),
                object["status"]["conditions"].to_string(),
            ));
        }
    }
    Ok(said)
}

#[test]
fn ack_tells_no_credential_and_no_policy() {
    scenario(async || {
        let mut stack = Stack::start(Options::api_server()).await?;
        let tap = Tap::before(&stack.aws.url()).await?;
        let endpoints =
            Endpoints { aws: tap.url().to_owned(), ..stack.direct(User::AckController) };
        let mut secrets = Secrets::default();
        secrets.add("the id of the access key", KEY);
        secrets.add("the secret access key", SECRET_KEY);
        secrets.add("the token of the session", SESSION);
        secrets.add("the token for the API server", &User::AckController.token());
        secrets.add("the password of an endpoint", "vault-of-the-endpoint");

        let setup = json!([
            { "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "ack-system" } },
            { "apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": "elsewhere",
                "annotations": { "services.k8s.aws/owner-account-id": "222222222222" },
            } },
            { "apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": "misled",
                "annotations": { "services.k8s.aws/endpoint-url": format!(
                    "http://user:vault-of-the-endpoint@{}", tap.url().trim_start_matches("http://")
                ) },
            } },
            {
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "ack-role-account-map", "namespace": "ack-system" },
                "data": { "222222222222": "arn:aws:iam::222222222222:role/ack" },
            },
        ]);
        let guard =
            guard("s3.services.k8s.aws", "buckets", "UPDATE", "'no: ' + object.spec.policy");
        stack.apply(&list(&[setup, guard])).await?;
        let binary = binaries::workspace_binary("ack", "ack-controller")?;
        let program = ack_program(binary, &endpoints)
            .args(["--log-level=trace", "--metrics-addr=127.0.0.1:0"])
            .env("AWS_ACCESS_KEY_ID", KEY)
            .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
            .env("AWS_SESSION_TOKEN", SESSION);
        stack.ack = Some(stack.plane.run(program)?);

        // What goes well.
        let of = |mark: &str, action: &str, resource: &str| policy(action, resource, mark);
        let here = "us-west-2:123456789012";
        let bucket = of("BucketGood", "s3:GetObject", "arn:aws:s3:::vault-good/*");
        let table_good = of(
            "TableGood",
            "dynamodb:GetItem",
            &format!("arn:aws:dynamodb:{here}:table/vault-good"),
        );
        let queue = of("QueueGood", "sqs:SendMessage", &format!("arn:aws:sqs:{here}:vault-good"));
        let far = of("QueueFar", "sqs:SendMessage", "arn:aws:sqs:us-west-2:222222222222:vault-far");
        // What AWS refuses: quoting it, as it is or by a part; what is no policy at all.
        let refused = of("BucketBad", "s3:GetObject", "arn:aws:s3:::vault-bad/*");
        let table_bad = of("TableBad", "dynamodb:GetItem", "arn:aws:dynamodb:::table/vault-bad");
        let broken = r#"{ "Sid": "SidQueueBrokenVault", tag-QueueBroken-vault"#;
        // What the API server refuses.
        let guarded = of("BucketGuarded", "s3:GetObject", "arn:aws:s3:::vault-guarded/*");
        let marks = ["BucketGood", "TableGood", "QueueGood", "QueueFar", "BucketBad", "TableBad"];
        for mark in marks.iter().chain(&["QueueBroken", "BucketGuarded"]) {
            secrets.add(&format!("the policy {mark} (statement)"), &format!("Sid{mark}Vault"));
            secrets.add(&format!("the policy {mark} (condition)"), &format!("tag-{mark}-vault"));
        }
        let control = stack.aws.control();
        let quoted = format!("Invalid policy syntax in {refused}");
        control.fail(
            Fault::error(400, "MalformedPolicy", &quoted)
                .on("s3", "PutBucketPolicy")
                .on_resource("vault-bad")
                .always(),
        );
        let part = "One or more parameter values were invalid: statement SidTableBadVault, value \
                    [tag-TableBad-vault] of aws:PrincipalTag/team";
        control.fail(
            Fault::error(400, "ValidationException", part)
                .on("dynamodb", "CreateTable")
                .on_resource("vault-bad")
                .always(),
        );
        let objects = json!([
            aws(
                "s3",
                "Bucket",
                "default",
                "good",
                &json!({ "name": "vault-good", "policy": bucket })
            ),
            aws("dynamodb", "Table", "default", "good", &table("vault-good", Some(&table_good))),
            aws(
                "sqs",
                "Queue",
                "default",
                "good",
                &json!({ "queueName": "vault-good", "policy": queue })
            ),
            aws(
                "sqs",
                "Queue",
                "elsewhere",
                "far",
                &json!({ "queueName": "vault-far", "policy": far })
            ),
            aws(
                "s3",
                "Bucket",
                "default",
                "bad",
                &json!({ "name": "vault-bad", "policy": refused })
            ),
            aws("dynamodb", "Table", "default", "bad", &table("vault-bad", Some(&table_bad))),
            aws(
                "sqs",
                "Queue",
                "default",
                "bad",
                &json!({ "queueName": "vault-bad", "policy": broken })
            ),
            aws(
                "s3",
                "Bucket",
                "default",
                "guarded",
                &json!({ "name": "vault-guarded", "policy": guarded })
            ),
            aws("sqs", "Queue", "misled", "lost", &json!({ "queueName": "vault-lost" })),
        ]);
        stack.apply(&list(&[objects])).await?;
        for (namespace, object) in [
            ("default", "bucket/good"),
            ("default", "table/good"),
            ("default", "queue/good"),
            ("elsewhere", "queue/far"),
        ] {
            says(&stack, namespace, object, "ACK.ResourceSynced").await?;
        }
        let told = says(&stack, "default", "bucket/bad", "ACK.Recoverable").await?;
        ensure!(told.contains("MalformedPolicy: Invalid policy syntax in"), "{told}");
        let told = says(&stack, "default", "table/bad", "ACK.Terminal").await?;
        ensure!(told.contains("parameter values were invalid: statement …"), "{told}");
        says(&stack, "default", "queue/bad", "ACK.Terminal").await?;
        let told = says(&stack, "misled", "queue/lost", "ACK.Recoverable").await?;
        ensure!(told.contains("is no endpoint"), "{told}");
        wait_for("a patch is refused", e2e::kro::SOON, async || {
            Ok(stack.ack()?.log().contains("patch failed").then_some(()))
        })
        .await?;

        // The session that STS has lent, and AWS that answers a wrong signature with the right one.
        let tokens = tap.elements("SessionToken");
        for (what, lent) in [("token", &tokens), ("secret", &tap.elements("SecretAccessKey"))] {
            ensure!(!lent.is_empty(), "STS was not asked for a session");
            for text in lent {
                secrets.add(&format!("the {what} of an assumed role"), text);
            }
        }
        let signed = format!(
            "The request signature we calculated does not match the signature you provided.\n\nThe \
             Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:{}\n'",
            tokens.join(",")
        );
        control.fail(
            Fault::error(400, "InvalidSignatureException", &signed)
                .on("dynamodb", "DescribeTable")
                .on_account("222222222222")
                .always(),
        );
        let far = aws("dynamodb", "Table", "elsewhere", "far", &table("vault-far", None));
        stack.apply(&far.to_string()).await?;
        let told = says(&stack, "elsewhere", "table/far", "ACK.Recoverable").await?;
        ensure!(told.ends_with("does not match the signature you provided."), "{told}");

        // All of it went to AWS, or came from there, but for what never leaves.
        let passed = tap.passed();
        for mark in marks.iter().chain(&["QueueBroken"]) {
            ensure!(passed.contains(&format!("tag-{mark}-vault")), "AWS never saw {mark}");
        }
        ensure!(passed.contains(&format!("Credential={KEY}/")), "AWS never saw the key");
        ensure!(passed.contains(SESSION) && passed.contains(&tokens[0]), "AWS saw no session");
        let said = said(&stack.plane, &[stack.ack()?]).await?;
        ensure!(
            said.iter()
                .any(|(place, text)| place == "an event" && text.contains("MalformedPolicy"))
        );
        secrets.are_nowhere_in(&said)
    });
}

const VALUE: &str = "vault/Of+The=Instance";

#[test]
fn kro_tells_no_value_of_a_secret() {
    scenario(async || {
        let (collector, spans) = collector().await?;
        let kro = Kro::start(&[]).await?;
        kro.controller.kill()?;
        let crds = e2e::stack::file("crates/ack/crds");
        kro.plane.kubectl(&["apply", "--server-side", "-f", &crds]).await?;
        let mut secrets = Secrets::default();
        secrets.add("a value of a Secret", VALUE);
        secrets.add("a value of a Secret that is referenced", "vault-that-is-read");
        secrets.add("a number in a Secret", "7318455219");
        secrets.add("the token for the API server", &User::KroController.token());
        secrets.add("a policy", "SidKroVault");
        secrets.add("a condition of a policy", "tag-Kro-vault");

        let setup = json!([
            {
                "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": "read", "namespace": "default" },
                "stringData": { "word": "vault-that-is-read" },
            },
        ]);
        let no_secret = guard("", "secrets", "*", "'no: ' + object.data.password");
        let no_bucket = guard("s3.services.k8s.aws", "buckets", "*", "'no: ' + object.spec.policy");
        kro.apply(&list(&[setup, no_secret, no_bucket])).await?;
        let flags = ["--zap-log-level=trace", "--zap-encoder=json"];
        let traced = e2e::kro::program(&kro.plane, &flags)?
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
        let kro = Kro { controller: kro.plane.run(traced)?, plane: kro.plane };

        let secret = |name: &str, data: Value| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "stringData": data });
        let read = json!({
            "id": "read",
            "externalRef": { "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "read" } },
        });
        let word = "${string(int(string(read.data.word)))}";
        let number = "${string(duration(schema.spec.password))}";
        let both = json!({
            "name": "refused-by-a-rule",
            "policy": "SidKroVault: ${schema.spec.password}",
            "tags": [{ "key": "a", "value": "b" }],
            "tagging": { "tagSet": [{ "key": "a", "value": "b" }] },
        });
        let bucket = json!({
            "apiVersion": "s3.services.k8s.aws/v1alpha1", "kind": "Bucket",
            "metadata": { "name": "rule" }, "spec": both,
        });
        let quoted = json!({
            "apiVersion": "s3.services.k8s.aws/v1alpha1", "kind": "Bucket",
            "metadata": { "name": "guarded" },
            "spec": { "name": "quoted", "policy": policy("s3:GetObject", "*", "Kro") },
        });
        let password = json!({ "password": "${schema.spec.password}" });
        let cases = [
            // Name, resources, what the instance becomes.
            (
                "good",
                json!([{ "id": "secret", "template": secret("good", password.clone()) }]),
                "True",
            ),
            (
                "guarded",
                json!([{ "id": "secret", "template": secret("guarded", password.clone()) }]),
                "False",
            ),
            (
                "key",
                json!([{ "id": "secret", "template": secret("key", json!({ "bad key!": "${schema.spec.password}" })) }]),
                "False",
            ),
            (
                "read",
                json!([read, { "id": "map", "template": {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "read" },
                "data": { "number": word },
            } }]),
                "False",
            ),
            (
                "convert",
                json!([{ "id": "secret", "template": secret("convert", json!({ "time": number })) }]),
                "False",
            ),
            ("rule", json!([{ "id": "bucket", "template": bucket }]), "False"),
            ("quoted", json!([{ "id": "bucket", "template": quoted }]), "False"),
        ];
        for (name, resources, _) in &cases {
            let kind = format!("Holder{name}");
            kro.define(&definition(name, &kind, &json!({ "password": "string" }), resources))
                .await?;
            kro.wait_served(name).await?;
            let plural = format!("{}s", kind.to_lowercase());
            let password = if *name == "convert" { "7318455219" } else { VALUE };
            let holder = object(&kind, name, &json!({ "password": password }));
            kro.create(&instance(&plural, name), &holder).await?;
        }
        for (name, _, ends) in &cases {
            let path = instance(&format!("holder{name}s"), name);
            // Long enough for what fails to have failed.
            kro.wait(&path, &format!("is Ready {ends}, and says why"), |holder| {
                let state = holder["status"]["state"].as_str().unwrap_or_default();
                condition(holder, "Ready") == *ends && (*ends == "True" || state == "ERROR")
            })
            .await?;
        }
        for name in ["guarded", "quoted"] {
            let holder = kro.get(&instance(&format!("holder{name}s"), name)).await?;
            let status = holder.context("the instance is there")?["status"].to_string();
            ensure!(status.contains("denied request"), "the guard has no word in {status}");
        }
        let written = "/api/v1/namespaces/default/secrets/good";
        let written = kro.get(written).await?.context("the Secret exists")?;
        ensure!(secrets.within(&written.to_string()) == ["a value of a Secret"], "{written}");
        let mut said = said(&kro.plane, &[&kro.controller]).await?;
        let status = kro.controller.terminate(Duration::from_secs(20)).await?;
        ensure!(status.success(), "{status}");
        let spans = format!("{:?}", spans.lock().expect("no panic"));
        ensure!(spans.contains("reconcile"), "no traces: {spans}");
        said.push(("a trace".to_owned(), spans));
        secrets.are_nowhere_in(&said)
    });
}
