//! The controller as a process: leaders, probes, metrics, limits, stops.

use anyhow::{Context, ensure};
use e2e::kro::{ELECTION, Kro, config, config_map, definition, instance, object, program, rgd};
use e2e::{Process, User, scenario, wait_for};
use http_body_util::BodyExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where the process listens, from its log.
pub(crate) fn address(process: &Process, server: &str) -> anyhow::Result<String> {
    let log = process.log();
    let line = log
        .lines()
        .find(|line| line.contains("listening") && line.contains(server))
        .with_context(|| format!("{server} is not served: {log}"))?;
    let (_, address) = line.split_once("address=").context("no address")?;
    Ok(address.split_whitespace().next().unwrap_or("").trim_matches('"').to_owned())
}

pub(crate) async fn fetch(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
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

/// A collector of traces: keeps what is sent to it.
pub(crate) async fn collector() -> anyhow::Result<(String, Arc<Mutex<Vec<Value>>>)> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request: http::Request<Incoming>| {
                let kept = Arc::clone(&kept);
                async move {
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await?.to_bytes();
                    let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
                    kept.lock().expect("no panic").push(json!({"path": path, "sent": sent}));
                    Ok::<_, hyper::Error>(http::Response::new("{}".to_owned()))
                }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    Ok((url, received))
}

/// The attribute of a span, as text.
fn attribute<'a>(span: &'a Value, key: &str) -> &'a str {
    let mut attributes = span["attributes"].as_array().into_iter().flatten();
    let found = attributes.find(|attribute| attribute["key"] == key);
    let value = found.map(|attribute| &attribute["value"]);
    value.and_then(|value| value.as_object()?.values().next()?.as_str()).unwrap_or_default()
}

#[test]
fn traces_tell_of_reconciles_and_their_requests() {
    scenario(async || {
        let (url, received) = collector().await?;
        let kro = Kro::start(&[]).await?;
        kro.controller.kill()?;
        let traced = program(&kro.plane, &[])?
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json");
        let controller = kro.plane.run(traced)?;
        let kro = Kro { controller, plane: kro.plane };
        let resources = json!([config("map", "${schema.spec.name}", "not for others")]);
        let widget = definition("widget", "Widget", &json!({"name": "string"}), &resources);
        kro.define(&widget).await?;
        kro.wait_served("widget").await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        // What is left is sent at the end.
        let status = kro.controller.terminate(Duration::from_secs(20)).await?;
        ensure!(status.success(), "{status}: {}", kro.controller.log_tail(20));
        let received = received.lock().expect("no panic").clone();
        ensure!(received.iter().all(|it| it["path"] == "/v1/traces"), "{received:#?}");
        let whole = format!("{received:?}");
        ensure!(whole.contains("kro-controller"), "no name of a service: {whole}");
        ensure!(!whole.contains("not for others"), "a value of an object is told: {whole}");
        let spans: Vec<&Value> = received
            .iter()
            .flat_map(|it| it["sent"]["resourceSpans"].as_array().into_iter().flatten())
            .flat_map(|it| it["scopeSpans"].as_array().into_iter().flatten())
            .flat_map(|it| it["spans"].as_array().into_iter().flatten())
            .collect();
        let path = config_map("one");
        let request = spans.iter().find(|span| {
            span["name"] == "request"
                && attribute(span, "url.path") == path
                && attribute(span, "http.request.method") == "PATCH"
        });
        let request = request.with_context(|| format!("no request is told: {spans:#?}"))?;
        let code = attribute(request, "http.response.status_code");
        ensure!(code == "201", "{request:#}");
        let parent = spans.iter().find(|span| span["spanId"] == request["parentSpanId"]);
        let parent = parent.with_context(|| format!("it has no parent: {request:#}"))?;
        ensure!(parent["name"] == "reconcile", "{parent:#}");
        ensure!(attribute(parent, "key").ends_with("default/one"), "{parent:#}");
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
