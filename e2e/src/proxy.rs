//! A proxy on loopback before the API server or the AWS endpoint, which counts what passes and, by
//! [rules](Rule), cuts, delays, refuses, or freezes and kills.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt, io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use anyhow::Context;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::{Bytes, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client as HttpClient, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::{control_plane::ControlPlane, credentials::User, process::Killer};

mod record;
mod rule;

pub use record::{Outcome, Passed};
pub use rule::{Action, Match, Moment, Nth, Rule};

/// What is handed on in both directions.
type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// A proxy that runs in the test's own process. Dropping it closes all its connections.
///
/// What arrived at the proxy and is to be forwarded is forwarded, also when the program that sent it
/// dies meanwhile: as a real server, the one behind the proxy finishes what it was asked.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// A point at which a program is killed, to be [awaited](KillPoint::reached).
#[derive(Debug)]
pub struct KillPoint {
    reached: watch::Receiver<Option<Result<(), String>>>,
}

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    state: Mutex<State>,
    /// Counts up to close the connections that were opened before.
    generation: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    passed: Vec<Passed>,
    rules: Vec<Active>,
    /// How many requests the rules have struck.
    fired: usize,
    /// What was answered first, by path and query, where that is to be repeated.
    answers: BTreeMap<String, (http::response::Parts, Bytes)>,
    /// Nothing is forwarded or answered any more.
    frozen: bool,
}

/// A rule or kill point with the number of requests that it has matched.
#[derive(Debug)]
struct Active {
    when: Match,
    nth: Nth,
    then: Then,
    matched: usize,
}

#[derive(Clone)]
enum Then {
    Act(Action),
    Kill(Moment, Arc<Kill>),
}

#[derive(Debug)]
struct Kill {
    killer: Killer,
    reached: watch::Sender<Option<Result<(), String>>>,
}

enum Upstream {
    /// The client adds the bearer token and does TLS.
    ApiServer(kube::Client),
    Http {
        authority: http::uri::Authority,
        client: Box<HttpClient<HttpConnector, Full<Bytes>>>,
    },
}

impl Proxy {
    /// A proxy before the API server, through which a program acts as `user`; for it write a
    /// [kubeconfig](ControlPlane::kubeconfig_through).
    ///
    /// # Errors
    ///
    /// No port is free, or the user's kubeconfig can't be read.
    pub async fn before_api_server(plane: &ControlPlane, user: User) -> anyhow::Result<Self> {
        let kubeconfig = Kubeconfig::read_from(plane.kubeconfig(user))?;
        let mut config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        // A proxy must not repeat by itself what a program asked once.
        config.default_retry = false;
        Self::start(Upstream::ApiServer(kube::Client::try_from(config)?)).await
    }

    /// A proxy before an endpoint that speaks plain HTTP: `http://HOST:PORT`. Requests keep their
    /// `Host`, as signatures need it.
    ///
    /// # Errors
    ///
    /// No port is free, or `url` names no host.
    pub async fn before_http(url: &str) -> anyhow::Result<Self> {
        let uri: http::Uri = url.parse().with_context(|| format!("{url} is no URL"))?;
        let authority = uri.authority().with_context(|| format!("{url} names no host"))?.clone();
        let client = Box::new(HttpClient::builder(TokioExecutor::new()).build_http());
        Self::start(Upstream::Http { authority, client }).await
    }

    async fn start(upstream: Upstream) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            upstream,
            state: Mutex::default(),
            generation: watch::Sender::new(0),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { port, shared, server })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Adds a rule; it counts from now on. Where several rules fire at one request, the one that was
    /// added first wins.
    pub fn add(&self, rule: Rule) {
        let Rule { when, nth, action } = rule;
        self.shared.add(when, nth, Then::Act(action));
    }

    /// Kills a program (SIGKILL) at the `nth` request that matches, counted from one and from now on.
    ///
    /// [`Moment::Before`]: the request never reaches the server behind the proxy. [`Moment::After`]:
    /// the server has answered it completely, and nothing of the answer reaches the program.
    ///
    /// # Guarantees
    ///
    /// From the arrival of that request on nothing is forwarded that arrives later, not before
    /// [`Proxy::resume`]. So the requests that reached the server are exactly those that had arrived
    /// here, without (before) or with (after) the last one.
    #[must_use = "a kill point proves something only when it is awaited"]
    pub fn kill_point(&self, when: Match, nth: usize, moment: Moment, killer: Killer) -> KillPoint {
        let (sender, reached) = watch::channel(None);
        let kill = Arc::new(Kill { killer, reached: sender });
        self.shared.add(when, Nth::Only(nth), Then::Kill(moment, kill));
        KillPoint { reached }
    }

    /// Goes on after a kill point: drops the rules, the connections of the program that was killed
    /// and what it had sent, and forwards again. Call it before the program is started again.
    pub fn resume(&self) {
        let mut state = self.shared.state();
        state.drop_rules();
        state.frozen = false;
        // While the state is locked, so that no old request slips through.
        self.shared.generation.send_modify(|generation| *generation += 1);
    }

    /// Drops the rules and the kill points that have not fired; false when a kill point has, which
    /// [`Proxy::resume`] has to follow.
    #[must_use]
    pub fn disarm(&self) -> bool {
        let mut state = self.shared.state();
        state.drop_rules();
        !state.frozen
    }

    /// How many requests the rules have struck since they were dropped last.
    #[must_use]
    pub fn fired(&self) -> usize {
        self.shared.state().fired
    }

    /// Whether such a request is on its way.
    #[must_use]
    pub fn is_busy(&self, when: &Match) -> bool {
        let state = self.shared.state();
        let mut pending = state.passed.iter().filter(|it| it.outcome == Outcome::Pending);
        pending.any(|passed| when.matches(passed))
    }

    /// Closes all connections, among them all watches, without an answer.
    pub fn disconnect(&self) {
        self.shared.generation.send_modify(|generation| *generation += 1);
    }

    /// All requests that have arrived, in this order.
    #[must_use]
    pub fn passed(&self) -> Vec<Passed> {
        self.shared.state().passed.clone()
    }

    /// How many requests that match have arrived.
    #[must_use]
    pub fn count(&self, when: &Match) -> usize {
        self.shared.state().passed.iter().filter(|passed| when.matches(passed)).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
        // For requests that are held: they do not end with their connection.
        self.disconnect();
    }
}

impl KillPoint {
    /// Waits until the request has arrived and the program is dead. Give it a bound.
    ///
    /// # Errors
    ///
    /// The program could not be killed, or the kill point was dropped by [`Proxy::resume`].
    pub async fn reached(&mut self) -> anyhow::Result<()> {
        let result = self
            .reached
            .wait_for(Option::is_some)
            .await
            .context("the kill point was dropped before it was reached")?;
        match &*result {
            Some(Err(error)) => anyhow::bail!("at the kill point: {error}"),
            Some(Ok(())) | None => Ok(()),
        }
    }

    /// Whether the request has arrived and the program is dead.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        matches!(&*self.reached.borrow(), Some(Ok(())))
    }
}

impl State {
    fn drop_rules(&mut self) {
        self.rules.clear();
        self.answers.clear();
        self.fired = 0;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, when: Match, nth: Nth, then: Then) {
        self.state().rules.push(Active { when, nth, then, matched: 0 });
    }

    /// Records a request that has arrived on a connection of a generation; returns its place and
    /// what is to be done with it.
    fn arrived(&self, generation: u64, passed: Passed) -> (usize, Option<Then>) {
        let mut state = self.state();
        let place = state.passed.len();
        if state.frozen || *self.generation.borrow() != generation {
            state.passed.push(Passed { outcome: Outcome::Held, ..passed });
            return (place, Some(Then::Act(Action::Hold)));
        }
        let mut fires = None;
        for rule in &mut state.rules {
            if rule.when.matches(&passed) {
                rule.matched += 1;
                if rule.nth.includes(rule.matched) && fires.is_none() {
                    fires = Some(rule.then.clone());
                }
            }
        }
        state.frozen = matches!(fires, Some(Then::Kill(..)));
        state.fired += usize::from(fires.is_some());
        state.passed.push(passed);
        (place, fires)
    }

    fn ended(&self, place: usize, outcome: Outcome) {
        self.state().passed[place].outcome = outcome;
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that is gone before it was accepted concerns nobody.
                if let Ok((stream, _)) = accepted {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let mut generation = shared.generation.subscribe();
    let _ = stream.set_nodelay(true);
    let born = *generation.borrow_and_update();
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        // Apart from the connection, whose end would otherwise stop it half way.
        let exchange = tokio::spawn(exchange(shared, born, request));
        async move { exchange.await.map_err(io::Error::other)? }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A connection ends with an error whenever a rule cuts it.
        _ = connection => {}
        _ = generation.changed() => {}
    }
}

/// Handles one request. An error cuts the connection.
async fn exchange(
    shared: Arc<Shared>,
    generation: u64,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let closed = shared.generation.subscribe();
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let (place, then) = shared.arrived(generation, Passed::of(&head));
    let target = head.uri.path_and_query().map_or("/", |uri| uri.as_str()).to_owned();
    let (mut after, mut end, mut keep) = (None, None, false);
    match then {
        None => {}
        Some(Then::Act(Action::Delay(time))) => tokio::time::sleep(time).await,
        Some(Then::Act(Action::Refuse { status, content_type, body })) => {
            shared.ended(place, Outcome::Refused(status.as_u16()));
            return refusal(status, &content_type, body);
        }
        Some(Then::Act(Action::CutBefore)) => {
            shared.ended(place, Outcome::CutBefore);
            return Err(cut());
        }
        Some(Then::Act(Action::CutAfter)) => after = Some(None),
        Some(Then::Act(Action::EndAfter(time))) => end = Some(time),
        Some(Then::Act(Action::Stale)) => {
            let kept = shared.state().answers.get(&target).cloned();
            match kept {
                Some((head, body)) => {
                    shared.ended(place, Outcome::Repeated(head.status.as_u16()));
                    return Ok(Response::from_parts(head, whole(body)));
                }
                None => keep = true,
            }
        }
        Some(Then::Act(Action::Hold)) => {
            shared.ended(place, Outcome::Held);
            return hold(closed).await;
        }
        Some(Then::Kill(Moment::Before, kill)) => {
            shared.ended(place, Outcome::KilledBefore);
            kill.execute();
            return hold(closed).await;
        }
        Some(Then::Kill(Moment::After, kill)) => after = Some(Some(kill)),
    }

    let answer = match shared.upstream.forward(head, body).await {
        Ok(answer) => answer,
        Err(error) => {
            shared.ended(place, Outcome::Failed(format!("{error:#}")));
            return Err(io::Error::other(error));
        }
    };
    let code = answer.status().as_u16();
    match after {
        None => {
            let (head, body) = answer.into_parts();
            let body = match end {
                None => body,
                Some(time) => Ending::after(time, body).boxed_unsync(),
            };
            if !keep {
                shared.ended(place, Outcome::Answered(code));
                return Ok(Response::from_parts(head, body));
            }
            let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
            shared.state().answers.insert(target, (head.clone(), body.clone()));
            shared.ended(place, Outcome::Answered(code));
            Ok(Response::from_parts(head, whole(body)))
        }
        Some(kill) => {
            // The server is done only when its answer is complete.
            answer.into_body().collect().await.map_err(io::Error::other)?;
            match kill {
                None => {
                    shared.ended(place, Outcome::CutAfter(code));
                    Err(cut())
                }
                Some(kill) => {
                    shared.ended(place, Outcome::KilledAfter(code));
                    kill.execute();
                    hold(closed).await
                }
            }
        }
    }
}

impl Kill {
    /// Kills, and tells that it is done. In a thread of its own, as it waits for the process's end.
    fn execute(self: Arc<Self>) {
        tokio::task::spawn_blocking(move || {
            let result = self.killer.kill().map_err(|error| format!("{error:#}"));
            self.reached.send_replace(Some(result));
        });
    }
}

/// Never answers; ends when the connections that exist now are closed.
async fn hold(mut generation: watch::Receiver<u64>) -> io::Result<Response<Body>> {
    // An error means that the proxy is gone, and is as good.
    let _ = generation.changed().await;
    Err(cut())
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by a rule")
}

impl Upstream {
    async fn forward(
        &self,
        head: http::request::Parts,
        body: Bytes,
    ) -> anyhow::Result<Response<Body>> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = head.headers;
        drop_hop_by_hop(&mut headers);
        let request = match self {
            Self::ApiServer(_) => {
                headers.remove(header::HOST);
                headers.remove(header::AUTHORIZATION);
                Request::builder().uri(path)
            }
            Self::Http { authority, .. } => {
                Request::builder().uri(format!("http://{authority}{path}"))
            }
        };
        let mut request = request.method(head.method).body(body)?;
        *request.headers_mut() = headers;
        let (head, body) = match self {
            Self::ApiServer(client) => {
                let (head, body) = client.send(request.map(Into::into)).await?.into_parts();
                (head, body.map_err(Into::into).boxed_unsync())
            }
            Self::Http { client, .. } => {
                let (head, body) = client.request(request.map(Full::new)).await?.into_parts();
                (head, body.map_err(Into::into).boxed_unsync())
            }
        };
        let mut answer = Response::new(body);
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        drop_hop_by_hop(answer.headers_mut());
        Ok(answer)
    }
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let names = [
        header::CONNECTION,
        header::EXPECT,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
    ];
    for name in names {
        headers.remove(name);
    }
}

fn refusal(status: StatusCode, content_type: &str, body: String) -> io::Result<Response<Body>> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .body(whole(Bytes::from(body)))
        .map_err(io::Error::other)
}

fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// A body that ends when its time is over.
struct Ending {
    inner: Body,
    over: Pin<Box<tokio::time::Sleep>>,
}

impl Ending {
    fn after(time: Duration, inner: Body) -> Self {
        Self { inner, over: Box::pin(tokio::time::sleep(time)) }
    }
}

impl hyper::body::Body for Ending {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.over.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiServer(_) => f.write_str("ApiServer"),
            Self::Http { authority, .. } => write!(f, "Http({authority})"),
        }
    }
}

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Act(action) => action.fmt(f),
            Self::Kill(moment, _) => write!(f, "Kill({moment:?})"),
        }
    }
}
