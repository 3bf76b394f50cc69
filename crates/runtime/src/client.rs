//! The connection to the API server.

use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::Client;
use kube::Config;
use kube::client::ClientBuilder;
use kube::config::KubeConfigOptions;
use kube::config::Kubeconfig;

mod layer;
mod metrics;

pub use metrics::ClientMetrics;

use layer::ObserveLayer;

/// How to connect.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The value of `--kubeconfig`; empty means none.
    pub kubeconfig: String,
    /// The name that requests are sent under. The API server takes the part before the slash as the
    /// field manager of updates that name none: `kro/0.1.0` writes as `kro`.
    pub user_agent: String,
    /// A bound on requests, as Go clients have; `None` for no bound.
    pub rate_limit: Option<RateLimit>,
    /// How long the server may take to answer a request that is not a watch.
    pub answer_timeout: Duration,
    /// Where to count, if anywhere.
    pub metrics: Option<ClientMetrics>,
}

/// A bound on requests per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests per second in the long run.
    pub qps: f64,
    /// Requests at once.
    pub burst: u32,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A kubeconfig cannot be read or used.
    #[error("the kubeconfig cannot be used")]
    Kubeconfig(#[source] Box<kube::config::KubeconfigError>),
    /// The process is in a cluster but lacks a part of the service account.
    #[error("the in-cluster configuration cannot be used")]
    InCluster(#[source] kube::config::InClusterError),
    /// The user agent cannot be sent.
    #[error("the user agent is not a valid header value")]
    UserAgent(#[source] http::header::InvalidHeaderValue),
    /// The configuration is read but no client can be made of it.
    #[error("no client can be made of the configuration")]
    Build(#[source] Box<kube::Error>),
    /// The rate limit would let nothing through.
    #[error("a rate limit needs a positive rate and a burst of at least 1")]
    RateLimit,
}

impl ClientOptions {
    /// No `--kubeconfig`, no rate limit, a minute to answer, no metrics.
    pub fn new(user_agent: impl Into<String>) -> ClientOptions {
        ClientOptions {
            kubeconfig: String::new(),
            user_agent: user_agent.into(),
            rate_limit: None,
            answer_timeout: Duration::from_secs(60),
            metrics: None,
        }
    }
}

/// Connects to the API server. Sends no request.
///
/// # Flow
/// The configuration is the first that is there of: `--kubeconfig`, `$KUBECONFIG` (a list of files),
/// the service account of the pod, `~/.kube/config`.
///
/// # Guarantees
/// Connections speak HTTP/1.1, each request in flight has its own: a watch that stalls holds up
/// nothing else. No request is repeated behind the caller's back: whether to retry, and when, is
/// the work queue's decision. Connecting, writing and reading are bounded in time.
///
/// # Errors
/// [`ClientError`].
pub async fn connect(options: ClientOptions) -> Result<Client, ClientError> {
    let config = configuration(&options.kubeconfig).await?;
    // Without a user or a password that may be in it.
    let host = config.cluster_url.authority().map_or("", |it| it.as_str());
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    tracing::info!(server = host, "using API server");
    client(config, options)
}

/// [`connect`] with a configuration that is already there.
///
/// # Errors
/// [`ClientError`].
pub fn client(mut config: Config, options: ClientOptions) -> Result<Client, ClientError> {
    let user_agent = HeaderValue::from_str(&options.user_agent).map_err(ClientError::UserAgent)?;
    config.headers.push((USER_AGENT, user_agent));
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(30));
    config.write_timeout = Some(Duration::from_secs(60));
    // Longer than the longest watch request, so that only a dead connection meets it.
    config.read_timeout = Some(Duration::from_secs(330));
    config.reset_reader_on_write = true;
    if options
        .rate_limit
        .is_some_and(|limit| limit.qps.is_nan() || limit.qps <= 0.0 || limit.burst == 0)
    {
        return Err(ClientError::RateLimit);
    }
    let host = config.cluster_url.authority().map(ToString::to_string).unwrap_or_default();
    let builder =
        ClientBuilder::try_from(config).map_err(|error| ClientError::Build(Box::new(error)))?;
    let layer = ObserveLayer {
        metrics: options.metrics.map(|metrics| metrics.of_host(host)),
        rate_limit: options.rate_limit,
        answer_timeout: options.answer_timeout,
    };
    Ok(builder.with_layer(&layer).build())
}

async fn configuration(kubeconfig: &str) -> Result<Config, ClientError> {
    let failed = |error| ClientError::Kubeconfig(Box::new(error));
    let options = KubeConfigOptions::default();
    let given = if kubeconfig.is_empty() {
        Kubeconfig::from_env().map_err(failed)?
    } else {
        Some(Kubeconfig::read_from(kubeconfig).map_err(failed)?)
    };
    if let Some(given) = given {
        return Config::from_custom_kubeconfig(given, &options).await.map_err(failed);
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Config::incluster().map_err(ClientError::InCluster);
    }
    Config::from_kubeconfig(&options).await.map_err(failed)
}
