//! The HTTP servers, on loopback.

use std::net::SocketAddr;
use std::time::Duration;

use futures::stream;
use prometheus::IntCounter;
use prometheus::Registry;
use runtime::metrics;
use runtime::probes;
use runtime::probes::Readiness;
use runtime::shutdown::Tasks;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// The status line and the body of an answer.
async fn get(address: SocketAddr, path: &str) -> (String, String) {
    let (status, body) = get_bytes(address, path).await;
    (status, String::from_utf8(body).expect("text"))
}

/// Status line and body.
pub(crate) async fn get_bytes(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the request is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]);
    (head.lines().next().unwrap_or_default().to_owned(), answer[end + 4..].to_vec())
}

#[tokio::test]
async fn readiness_follows_its_gates() {
    let (tasks, readiness) = (Tasks::new(), Readiness::default());
    let address = probes::serve(&tasks, "127.0.0.1:0", readiness.clone()).await;
    let address = address.expect("it listens").expect("it is not disabled");
    let ok = ("HTTP/1.1 200 OK".to_owned(), "ok".to_owned());
    assert_eq!(get(address, "/healthz").await, ok);
    assert_eq!(get(address, "/readyz").await, ok, "without gates it is ready");

    let (caches, leader) = (readiness.gate("caches"), readiness.gate("leader"));
    let (status, body) = get(address, "/readyz").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(body, "waiting for caches, leader");
    assert_eq!(get(address, "/healthz").await, ok);

    caches.open();
    leader.open();
    assert_eq!(get(address, "/readyz").await, ok);
    leader.close();
    assert_eq!(get(address, "/readyz").await.1, "waiting for leader");
    assert_eq!(get(address, "/other").await.0, "HTTP/1.1 404 Not Found");
}

#[tokio::test]
async fn metrics_are_served_as_text() {
    let (tasks, registry) = (Tasks::new(), Registry::new());
    let counter = IntCounter::new("things_total", "Things.").expect("a valid name");
    registry.register(Box::new(counter.clone())).expect("a new name");
    counter.inc();
    let address = metrics::serve(&tasks, "localhost:0", registry).await;
    let address = address.expect("it listens").expect("it is not disabled");
    let (status, body) = get(address, "/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    insta::assert_snapshot!(body, @r"
    # HELP things_total Things.
    # TYPE things_total counter
    things_total 1
    ");
}

#[tokio::test]
async fn zero_means_no_server() {
    let tasks = Tasks::new();
    for address in ["0", ""] {
        let bound = probes::serve(&tasks, address, Readiness::default()).await.expect("no error");
        assert_eq!(bound, None, "{address}");
    }
}

#[tokio::test]
async fn a_port_alone_listens_on_all_addresses() {
    let tasks = Tasks::new();
    let bound = probes::serve(&tasks, ":0", Readiness::default()).await;
    let bound = bound.expect("it listens").expect("it is not disabled");
    assert!(bound.ip().is_unspecified(), "{bound}");
    assert_eq!(get(([127, 0, 0, 1], bound.port()).into(), "/healthz").await.1, "ok");
}

#[tokio::test]
async fn an_address_that_is_taken_or_wrong_is_an_error() {
    let tasks = Tasks::new();
    let first = probes::serve(&tasks, "127.0.0.1:0", Readiness::default()).await;
    let taken = first.expect("it listens").expect("it is not disabled").to_string();
    for address in [taken.as_str(), ":x", ":99999", "nonsense"] {
        let error = probes::serve(&tasks, address, Readiness::default()).await.expect_err(address);
        assert_eq!(error.to_string(), format!("cannot listen on `{address}`"));
    }
}

#[tokio::test]
async fn servers_stop_with_their_tasks() {
    let tasks = Tasks::new();
    let bound = probes::serve(&tasks, "127.0.0.1:0", Readiness::default()).await;
    let address = bound.expect("it listens").expect("it is not disabled");
    get(address, "/healthz").await;
    tasks.cancel();
    let stopped = tasks.supervise_with(stream::pending(), Duration::from_secs(10)).await;
    stopped.expect("a clean stop");
    TcpStream::connect(address).await.expect_err("nobody listens");
}
