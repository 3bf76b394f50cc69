//! Leader election on one lease in memory, on paused time.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::stream;
use http::Method;
use http::Request;
use http::Response;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use runtime::leader::InvalidOptions;
use runtime::leader::LeaderOptions;
use runtime::leader::Leadership;
use runtime::leader::elect;
use runtime::shutdown::StopError;
use runtime::shutdown::Tasks;
use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

/// The lease, with optimistic concurrency.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Option<Value>>>);

impl Server {
    fn answer(&self, method: &Method, body: Option<Value>) -> (u16, Value) {
        let mut lease = self.0.lock().expect("no panic while held");
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
        match (method.as_str(), &*lease, body) {
            ("GET", Some(lease), _) => return (200, lease.clone()),
            ("GET" | "PUT", None, _) => return (404, json!({"code": 404, "reason": "NotFound"})),
            ("POST", None, Some(mut body)) => {
                body["metadata"]["resourceVersion"] = json!("1");
                *lease = Some(body);
            }
            ("PUT", Some(current), Some(mut body)) if version(current) == version(&body) => {
                let number: u64 =
                    version(current).as_str().and_then(|v| v.parse().ok()).expect("a number");
                body["metadata"]["resourceVersion"] = json!((number + 1).to_string());
                *lease = Some(body);
            }
            _ => return (409, json!({"code": 409, "reason": "Conflict"})),
        }
        (200, lease.clone().expect("it was just written"))
    }

    fn lease(&self) -> Value {
        self.0.lock().expect("no panic while held").clone().unwrap_or_default()
    }

    fn holder(&self) -> String {
        self.lease()["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
    }

    /// Changes the lease behind the holder's back.
    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut lease = self.0.lock().expect("no panic while held");
        let lease = lease.as_mut().expect("a lease");
        change(lease);
        lease["metadata"]["resourceVersion"] = json!("1000");
    }
}

/// A process that competes for the lease.
struct Process {
    tasks: Tasks,
    options: LeaderOptions,
    client: Client,
    /// While set, requests get no answer.
    cut_off: Arc<AtomicBool>,
}

impl Process {
    fn new(server: &Server, identity: &str) -> Process {
        let cut_off = Arc::<AtomicBool>::default();
        let (server, is_cut_off) = (server.clone(), Arc::clone(&cut_off));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (server, is_cut_off) = (server.clone(), Arc::clone(&is_cut_off));
            async move {
                if is_cut_off.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
                let method = request.method().clone();
                let body = request.into_body().collect().await.expect("a body").to_bytes();
                let (code, answer) = server.answer(&method, serde_json::from_slice(&body).ok());
                let answer = Body::from(answer.to_string().into_bytes());
                let answer = Response::builder().status(code).body(answer).expect("a status");
                Ok::<_, Infallible>(answer)
            }
        });
        let options = LeaderOptions {
            identity: identity.to_owned(),
            ..LeaderOptions::new("controller.example.com", "system")
        };
        let client = Client::new(service, "default");
        Process { tasks: Tasks::new(), options, client, cut_off }
    }

    async fn elect(&self) -> Leadership {
        let elected = elect(self.client.clone(), self.options.clone(), &self.tasks).await;
        elected.expect("good options").expect("not cancelled")
    }

    async fn supervise(&self) -> Result<(), StopError> {
        self.tasks.supervise_with(stream::pending(), Duration::from_secs(60)).await
    }
}

fn reason(error: StopError) -> String {
    let StopError::TaskDied { cause, .. } = error else { panic!("{error}") };
    std::error::Error::source(&cause).expect("a cause").to_string()
}

#[tokio::test(start_paused = true)]
async fn a_free_lease_is_taken_and_renewed() {
    let server = Server::default();
    let process = Process::new(&server, "one");
    let _leadership = process.elect().await;
    let mut first = server.lease();
    tokio::time::sleep(Duration::from_secs(61)).await;
    let later = server.lease();
    assert_eq!(later["metadata"]["resourceVersion"], json!("31"), "renewed every two seconds");
    assert_eq!(first["spec"]["acquireTime"], later["spec"]["acquireTime"]);
    assert!(first["spec"]["renewTime"].as_str() < later["spec"]["renewTime"].as_str());
    for time in ["acquireTime", "renewTime"] {
        first["spec"][time] = json!("now");
    }
    insta::assert_json_snapshot!(first, @r#"
    {
      "apiVersion": "coordination.k8s.io/v1",
      "kind": "Lease",
      "metadata": {
        "name": "controller.example.com",
        "namespace": "system",
        "resourceVersion": "1"
      },
      "spec": {
        "acquireTime": "now",
        "holderIdentity": "one",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 0,
        "renewTime": "now"
      }
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_ends_before_another_takes_over() {
    let server = Server::default();
    let (one, two) = (Process::new(&server, "one"), Process::new(&server, "two"));
    let _leadership = one.elect().await;
    // Even a task that does not stop does not hold up the end.
    one.tasks.spawn("stubborn", std::future::pending());
    let started = Instant::now();
    let cut = async {
        tokio::time::sleep(Duration::from_secs(31)).await;
        one.cut_off.store(true, Ordering::Relaxed);
    };
    let ((), (error, ended), taken_over) = tokio::join!(
        cut,
        async { (one.supervise().await.expect_err("it lost the lease"), started.elapsed()) },
        async {
            let _leadership = two.elect().await;
            started.elapsed()
        },
    );
    assert_eq!(reason(error), "leadership of `controller.example.com` lost: not renewed in time");
    assert_eq!(ended.as_secs(), 40, "ten seconds after the last renewal");
    assert!((45..49).contains(&taken_over.as_secs()), "{taken_over:?}");
    assert_eq!(server.holder(), "two");
    assert_eq!(server.lease()["spec"]["leaseTransitions"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_release_hands_over_within_seconds() {
    let server = Server::default();
    let (one, two) = (Process::new(&server, "one"), Process::new(&server, "two"));
    let leadership = one.elect().await;
    let waiting = async {
        let _leadership = two.elect().await;
        Instant::now()
    };
    let releasing = async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        one.tasks.cancel();
        one.supervise().await.expect("a clean stop");
        leadership.release().await.expect("the server answers");
        assert_eq!(server.holder(), "");
        Instant::now()
    };
    let (taken, released) = tokio::join!(waiting, releasing);
    assert!(taken - released <= Duration::from_secs(3), "{:?}", taken - released);
    assert_eq!(server.holder(), "two");
}

#[tokio::test(start_paused = true)]
async fn the_lease_is_kept_while_the_process_stops() {
    let server = Server::default();
    let (one, two) = (Process::new(&server, "one"), Process::new(&server, "two"));
    let _leadership = one.elect().await;
    let token = one.tasks.token().clone();
    one.tasks.spawn("slow", async move {
        token.cancelled().await;
        tokio::time::sleep(Duration::from_secs(50)).await;
        Ok(())
    });
    one.tasks.cancel();
    let other = tokio::time::timeout(Duration::from_secs(49), two.elect());
    let (stopped, other) = tokio::join!(one.supervise(), other);
    stopped.expect("a clean stop");
    assert!(other.is_err(), "two leaders at work");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_is_lost_at_once() {
    let server = Server::default();
    let process = Process::new(&server, "one");
    let _leadership = process.elect().await;
    server.edit(|lease| lease["spec"]["holderIdentity"] = json!("thief"));
    let started = Instant::now();
    let error = process.supervise().await.expect_err("it lost the lease");
    assert_eq!(reason(error), "leadership of `controller.example.com` lost: taken by `thief`");
    assert_eq!(started.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn an_edit_by_somebody_who_is_no_candidate_costs_nothing() {
    let server = Server::default();
    let process = Process::new(&server, "one");
    let _leadership = process.elect().await;
    server.edit(|lease| lease["metadata"]["labels"] = json!({"note": "hello"}));
    let running = tokio::time::timeout(Duration::from_secs(60), process.supervise()).await;
    assert!(running.is_err(), "it goes on");
    assert_eq!(server.lease()["metadata"]["labels"]["note"], json!("hello"));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_process() {
    let server = Server::default();
    let (one, two) = (Process::new(&server, "one"), Process::new(&server, "two"));
    let _leadership = one.elect().await;
    let cancel = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        two.tasks.cancel();
    };
    let (elected, ()) =
        tokio::join!(elect(two.client.clone(), two.options.clone(), &two.tasks), cancel);
    assert!(elected.expect("good options").is_none());
}

#[tokio::test(start_paused = true)]
async fn durations_that_allow_two_leaders_are_refused() {
    let process = Process::new(&Server::default(), "one");
    for (lease, renew, retry, expected) in [
        (10, 10, 2, InvalidOptions::LeaseDuration),
        (15, 2, 2, InvalidOptions::RenewDeadline),
        (15, 10, 0, InvalidOptions::RenewDeadline),
    ] {
        let options = LeaderOptions {
            lease_duration: Duration::from_secs(lease),
            renew_deadline: Duration::from_secs(renew),
            retry_period: Duration::from_secs(retry),
            ..process.options.clone()
        };
        let error = elect(process.client.clone(), options, &process.tasks).await;
        assert_eq!(error.expect_err("bad options"), expected);
    }
}
