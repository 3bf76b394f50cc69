//! The driver: sockets, clock and delays around the pure core.

use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http::Response;
use http::StatusCode;
use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin;
use crate::cloud::Cloud;
use crate::cloud::Settings;
use crate::control::Control;

/// Longest request body: the longest documents (policies, lifecycle rules) stay far below.
const MAX_BODY: usize = 2 * 1024 * 1024;
/// Connections served at the same time; further ones wait.
const MAX_CONNECTIONS: usize = 4096;
/// How long a client may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How an emulator is started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; loopback and a free port unless set.
    pub bind_address: SocketAddr,
    /// Whether `/_emulator/…` is served, so that other processes can control it.
    pub admin: bool,
    /// The first settings of the cloud.
    pub settings: Settings,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind_address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            admin: false,
            settings: Settings::default(),
        }
    }
}

/// A running emulator. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Emulator {
    addr: SocketAddr,
    control: Control,
    stopping: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts to listen; connections are served from the moment that this returns.
    ///
    /// # Errors
    /// The address can't be bound.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(options.bind_address).await?;
        let addr = listener.local_addr()?;
        let control = Control::new(Cloud::new(options.settings));
        let stopping = CancellationToken::new();
        let server = Arc::new(Server { control: control.clone(), admin: options.admin });
        let serving = tokio::spawn(serve(listener, server, stopping.clone()));
        Ok(Self { addr, control, stopping, serving: Some(serving) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What `AWS_ENDPOINT_URL` has to be.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Control from within this process.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops: no new connections, and open ones are closed.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        if let Some(serving) = self.serving.take()
            && let Err(error) = serving.await
        {
            tracing::error!(%error, "the accept loop ended badly");
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

struct Server {
    control: Control,
    admin: bool,
}

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Dropped;

async fn serve(listener: TcpListener, server: Arc<Server>, stopping: CancellationToken) {
    let connections = TaskTracker::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { break };
        let stream = tokio::select! {
            () = stopping.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, or a peer that is gone already: neither ends the rest.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let (server, stopping) = (Arc::clone(&server), stopping.clone());
        connections.spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(
                    TokioIo::new(stream),
                    service_fn(|request| respond(&server, request)),
                );
            tokio::select! {
                () = stopping.cancelled() => {}
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended");
                }
            }
            drop(place);
        });
    }
    connections.close();
    connections.wait().await;
}

async fn respond(
    server: &Server,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes().to_vec(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return Ok(response);
        }
        Err(_) => return Err(Dropped),
    };
    let request = Request::from_parts(head, body);
    if server.admin && request.uri().path().starts_with(admin::PREFIX) {
        return Ok(admin::respond(&server.control, &request).map(|body| Full::new(body.into())));
    }
    let now = server.control.now();
    let reply = server.control.lock().handle(now, &request);
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    reply.response.map(|response| response.map(|body| Full::new(body.into()))).ok_or(Dropped)
}
