//! The controller as a process: leaders, probes, metrics, limits, stops.

use anyhow::{Context, ensure};
use e2e::kro::{ELECTION, Kro, config, config_map, definition, instance, object, program, rgd};
use e2e::{Process, User, scenario, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

/// Where the process listens, from its log.
fn address(process: &Process, server: &str) -> anyhow::Result<String> {
    let log = process.log();
    let line = log
        .lines()
        .find(|line| line.contains("listening") && line.contains(server))
        .with_context(|| format!("{server} is not served: {log}"))?;
    let (_, address) = line.split_once("address=").context("no address")?;
    Ok(address.split_whitespace().next().unwrap_or("").trim_matches('"').to_owned())
}

async fn fetch(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let code = answer.split_whitespace().nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok((code, answer))
}

fn widget() -> Value {
    let resources = json!([config("map", "${schema.spec.name}", "fixed")]);
    definition("widget", "Widget", &json!({"name": "string"}), &resources)
}

#[test]
fn probes_and_metrics_are_served() {
    scenario(async || {
        let kro = Kro::start(&["--feature-gates=AllAlpha=true"]).await?;
        kro.define(&widget()).await?;
        kro.wait_served("widget").await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        let probes = address(&kro.controller, "probes")?;
        for path in ["/healthz", "/readyz"] {
            let (code, answer) = fetch(&probes, path).await?;
            ensure!(code == 200, "{path}: {answer}");
        }
        let metrics = address(&kro.controller, "metrics")?;
        let (code, text) = fetch(&metrics, "/metrics").await?;
        ensure!(code == 200, "{text}");
        let gvr = "kro.run/v1alpha1, Resource=widgets";
        for expected in [
            "dynamic_controller_gvr_count 1".to_owned(),
            "dynamic_controller_reconcile_total{gvr=\"kro.run/v1alpha1/widgets\"}".to_owned(),
            format!("instance_reconcile_total{{gvr=\"{gvr}\"}}"),
            "to_state=\"ACTIVE\"".to_owned(),
            "rgd_graph_revision_issue_total{reason=\"no_revision\"} 1".to_owned(),
            "graph_revision_compile_total{result=\"success\"}".to_owned(),
            "graph_revision_registry_entries{state=\"active\"} 1".to_owned(),
            format!("kro_instances{{gvr=\"{gvr}\",state=\"ACTIVE\"}} 1"),
            "kro_instance_active_seconds_count{rgd=\"widget\"} 1".to_owned(),
            "condition_status=\"True\",condition_type=\"ResourcesReady\"".to_owned(),
        ] {
            ensure!(text.contains(&expected), "no {expected} in\n{text}");
        }
        // The gates are on.
        let path = "/api/v1/namespaces/default/events";
        wait_for("an event tells that the instance is ready", e2e::kro::SOON, async || {
            let list = kro.send(http::Method::GET, path, &Value::Null).await?;
            let mut events = list["items"].as_array().into_iter().flatten();
            Ok(events
                .any(|event| event["reason"] == "Ready" && event["type"] == "Normal")
                .then_some(()))
        })
        .await?;
        // A stop by a signal ends well, and soon.
        let status = kro.controller.terminate(Duration::from_secs(10)).await?;
        ensure!(status.success(), "{status}");
        Ok(())
    });
}

#[test]
fn one_of_two_replicas_works_and_the_other_takes_over() {
    scenario(async || {
        let kro = Kro::start(&ELECTION).await?;
        let mut second = program(&kro.plane, &ELECTION)?;
        second.name = "kro-controller-2".to_owned();
        kro.define(&widget()).await?;
        kro.wait_served("widget").await?;
        let second = kro.plane.run(second)?;
        wait_for("the second replica waits", e2e::kro::SOON, async || {
            Ok(second.log().contains("listening").then_some(()))
        })
        .await?;
        let works = |process: &Process| process.log().contains("elected");
        ensure!(works(&kro.controller) && !works(&second), "{}", second.log());

        // Killed: the other waits until the lease is over, then works.
        kro.controller.kill()?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        ensure!(works(&second), "{}", second.log());

        // Stopped: it gives the lease up, and the first takes over at once.
        kro.controller.restart()?;
        wait_for("the first replica waits", e2e::kro::SOON, async || {
            Ok(kro.controller.log().matches("listening").nth(2).map(drop))
        })
        .await?;
        let status = second.terminate(Duration::from_secs(10)).await?;
        ensure!(status.success(), "{status}: {}", second.log());
        kro.create(&instance("widgets", ""), &object("Widget", "two", &json!({"name": "two"})))
            .await?;
        kro.wait_active("widgets", "two").await.map(drop)
    });
}

#[test]
fn a_lost_lease_ends_the_process() {
    scenario(async || {
        let kro = Kro::start(&ELECTION).await?;
        kro.define(&widget()).await?;
        kro.wait_served("widget").await?;
        let lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/controller.kro.run";
        kro.wait(lease, "is held", |lease| lease["spec"]["holderIdentity"].is_string()).await?;
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let taken = json!({"spec": {"holderIdentity": "somebody-else", "renewTime": now}});
        kro.patch(lease, &taken).await?;
        wait_for("the process ends", Duration::from_secs(20), async || kro.controller.ended())
            .await
            .and_then(|status| {
                ensure!(!status.success(), "{status}");
                Ok(())
            })
    });
}

#[test]
fn limits_are_honoured_and_wrong_flags_refused() {
    scenario(async || {
        let kro = Kro::start(&["--client-qps=5", "--client-burst=5"]).await?;
        ensure!(kro.get(&rgd("nothing")).await?.is_none(), "there is one");
        let mark = kro.plane.audit().mark().await?;
        let started = std::time::Instant::now();
        let many: Vec<Value> =
            (0..20).map(|at| config(&format!("map{at}"), &format!("map{at}"), "x")).collect();
        let all = definition("widget", "Widget", &json!({"name": "string"}), &json!(many));
        kro.define(&all).await?;
        kro.wait_served("widget").await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        let requests = kro.plane.audit().since(mark).await?.of(User::KroController).len();
        let most = 5.0 + 5.0 * (started.elapsed().as_secs_f64() + 1.0);
        let requests = f64::from(u32::try_from(requests)?);
        ensure!(requests <= most, "{requests} requests are more than {most}");
        ensure!(kro.controller.log().contains("requests are limited"), "nobody says so");

        let refused = kro.plane.run(program(&kro.plane, &["--feature-gates=Nothing=true"])?)?;
        let status = wait_for("it ends", e2e::kro::SOON, async || refused.ended()).await?;
        ensure!(status.code() == Some(1), "{status}");
        ensure!(kro.get(&config_map("map0")).await?.is_some(), "the instance is gone");
        Ok(())
    });
}
