//! The client, against a server on loopback.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::USER_AGENT;
use axum::response::IntoResponse;
use axum::response::Response;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::ListParams;
use runtime::client::ClientError;
use runtime::client::ClientMetrics;
use runtime::client::ClientOptions;
use runtime::client::RateLimit;
use tokio::time::Instant;

/// A server that notes requests and answers a get with an object, a list with an empty one,
/// `slow` never, `busy` with 503.
struct Server {
    /// A kubeconfig for it.
    kubeconfig: tempfile::NamedTempFile,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start() -> Server {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&requests);
        let router =
            Router::new().fallback(move |request: Request| answer(Arc::clone(&log), request));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let kubeconfig = tempfile::NamedTempFile::new().expect("a temporary file");
        let text = format!(
            "apiVersion: v1
kind: Config
clusters:
- name: test
  cluster: {{server: \"http://{address}\"}}
users:
- name: test
  user: {{}}
contexts:
- name: test
  context: {{cluster: test, user: test, namespace: elsewhere}}
current-context: test
"
        );
        std::fs::write(kubeconfig.path(), text).expect("the file is writable");
        Server { kubeconfig, requests }
    }

    fn options(&self) -> ClientOptions {
        let kubeconfig = self.kubeconfig.path().to_str().expect("UTF-8").to_owned();
        ClientOptions { kubeconfig, ..ClientOptions::new("kro/1.2.3") }
    }

    async fn config_maps(&self, options: ClientOptions) -> Api<ConfigMap> {
        let client = runtime::client::connect(options).await.expect("a usable kubeconfig");
        Api::default_namespaced(client)
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().expect("no panic while held"))
    }
}

async fn answer(log: Arc<Mutex<Vec<String>>>, request: Request) -> Response {
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or("nobody");
    let line = format!("{agent} {} {}", request.method(), request.uri());
    log.lock().expect("no panic while held").push(line);
    let path = request.uri().path().to_owned();
    drop(request);
    match path.rsplit('/').next() {
        Some("slow") => std::future::pending().await,
        Some("busy") => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some("configmaps") => r#"{"metadata": {}, "items": []}"#.into_response(),
        Some(_) | None => r#"{"metadata": {"name": "a"}}"#.into_response(),
    }
}

#[tokio::test]
async fn a_plain_http_server_is_reached_under_our_name() {
    let server = Server::start().await;
    let api = server.config_maps(server.options()).await;
    api.get("a").await.expect("an object");
    insta::assert_snapshot!(server.requests().join("\n"), @"kro/1.2.3 GET /api/v1/namespaces/elsewhere/configmaps/a");
}

#[tokio::test]
async fn nothing_is_retried_behind_our_back() {
    let server = Server::start().await;
    let api = server.config_maps(server.options()).await;
    api.get("busy").await.expect_err("503");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_while_others_get_through() {
    let server = Server::start().await;
    let answer_timeout = Duration::from_millis(300);
    let api = server.config_maps(ClientOptions { answer_timeout, ..server.options() }).await;
    let started = Instant::now();
    let (slow, quick) = tokio::join!(api.get("slow"), async {
        for _ in 0..20 {
            api.get("a").await?;
        }
        Ok::<_, kube::Error>(started.elapsed())
    });
    let error = slow.expect_err("no answer").to_string();
    assert!(error.contains("no answer from the API server within 300ms"), "{error}");
    assert!(quick.expect("answers") < answer_timeout, "a slow request held up others");
}

#[tokio::test]
async fn requests_are_counted_by_verb_and_answer() {
    let server = Server::start().await;
    let registry = prometheus::Registry::new();
    let metrics = ClientMetrics::register(&registry).expect("fresh registry");
    let api =
        server.config_maps(ClientOptions { metrics: Some(metrics), ..server.options() }).await;
    api.get("a").await.expect("an object");
    api.get("busy").await.expect_err("503");
    api.list(&ListParams::default()).await.expect("a list");
    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
    let text = text.expect("valid metrics");
    for (start, end) in [
        (r#"kubernetes_requests_total{verb="get"}"#, " 2"),
        (r#"kubernetes_requests_total{verb="list"}"#, " 1"),
        (r#"rest_client_requests_total{code="200",host="127.0.0.1:"#, r#",method="GET"} 2"#),
        (r#"rest_client_requests_total{code="503",host="127.0.0.1:"#, r#",method="GET"} 1"#),
        (r#"rest_client_request_duration_seconds_count{verb="GET"}"#, " 3"),
    ] {
        let found = text.lines().any(|line| line.starts_with(start) && line.ends_with(end));
        assert!(found, "{start}…{end} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn a_rate_limit_is_kept() {
    let server = Server::start().await;
    let rate_limit = Some(RateLimit { qps: 20.0, burst: 3 });
    let api = server.config_maps(ClientOptions { rate_limit, ..server.options() }).await;
    let started = Instant::now();
    futures::future::try_join_all((0..9).map(|_| api.get("a"))).await.expect("objects");
    // Three at once, six more at 20 per second.
    let elapsed = started.elapsed();
    assert!(elapsed >= Duration::from_millis(290), "{elapsed:?}");
}

#[tokio::test]
async fn a_rate_limit_that_lets_nothing_through_is_refused() {
    let server = Server::start().await;
    for (qps, burst) in [(0.0, 1), (-1.0, 1), (f64::NAN, 1), (1.0, 0)] {
        let rate_limit = Some(RateLimit { qps, burst });
        let connected = runtime::client::connect(ClientOptions { rate_limit, ..server.options() });
        let error = connected.await.err().expect("no client");
        assert!(matches!(error, ClientError::RateLimit), "{error}");
    }
}

#[tokio::test]
async fn a_kubeconfig_that_is_not_there_is_an_error() {
    let options =
        ClientOptions { kubeconfig: "/nowhere/kubeconfig".to_owned(), ..ClientOptions::new("kro") };
    let error = runtime::client::connect(options).await.err().expect("no client");
    assert!(matches!(error, ClientError::Kubeconfig(_)), "{error}");
}
