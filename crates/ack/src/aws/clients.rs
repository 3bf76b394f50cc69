//! SDK clients per region and endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls;
use tokio::sync::Semaphore;
use tokio::sync::SemaphorePermit;

use super::ApiMetrics;
use super::Effect;
use super::Failure;
use super::telemetry::Telemetry;

/// Most clients kept at a time. Endpoints come from annotations of namespaces, so there is a bound
/// on what they can make us hold.
const MOST_CLIENTS: usize = 64;

/// Most calls at a time that reads make together.
const MOST_TOGETHER: usize = 64;

/// Where requests go instead of the public endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

/// An endpoint that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Plain HTTP without the flag that allows it.
    #[error("`{0}` is not encrypted: use https, or set --allow-unsafe-aws-endpoint-urls")]
    Unsafe(String),
    /// Not an URL.
    #[error("`{0}` is not a URL with the scheme https or http and a host")]
    Malformed(String),
    /// Somebody's name or password in it.
    #[error("a URL with a user or a password (`…@`) is no endpoint: AWS takes signed requests")]
    Secret,
}

impl Endpoint {
    /// Checks an URL.
    ///
    /// # Errors
    ///
    /// It is none, or `http://` while only `https://` is allowed.
    pub fn parse(url: &str, allow_unsafe: bool) -> Result<Self, ClientError> {
        // Before anything is quoted. A password may have what ends a host elsewhere.
        if url.contains('@') {
            return Err(ClientError::Secret);
        }
        let host = |prefix| {
            url.strip_prefix(prefix).map(|rest| !rest.is_empty() && !rest.starts_with('/'))
        };
        match (host("https://"), host("http://")) {
            (Some(true), _) => Ok(Self(url.to_owned())),
            (_, Some(true)) if allow_unsafe => Ok(Self(url.to_owned())),
            (_, Some(true)) => Err(ClientError::Unsafe(url.to_owned())),
            (Some(false) | None, Some(false) | None) => Err(ClientError::Malformed(url.to_owned())),
        }
    }
}

/// The clients of one region and endpoint.
#[derive(Debug)]
pub struct Regional {
    /// Amazon S3.
    pub s3: aws_sdk_s3::Client,
    /// The control plane of Amazon S3.
    pub s3control: aws_sdk_s3control::Client,
    /// Amazon DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Amazon SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// See [`Regional::turn`].
    turns: Semaphore,
}

impl Regional {
    /// The right to make one of the calls that a read makes together with others. There are so many
    /// at a time: each takes memory, for itself and for its connection.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }
}

/// A region, an endpoint, and a role.
type At = (String, Option<String>, Option<String>);

/// All clients; they share credentials and connections.
///
/// The SDK never repeats a request. A repetition would hide the outcome of the first attempt: a
/// creation that took effect but whose answer got lost would come back as "exists already", which
/// reads like somebody else's resource. The queue repeats instead, with backoff, after a new read.
/// So one call of ours is one request, and requests can be counted.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    path_style: bool,
    telemetry: Telemetry,
    clients: Mutex<BTreeMap<At, Arc<Regional>>>,
}

impl Aws {
    /// Takes credentials from the environment when they are first needed: variables, profile, web
    /// identity, container and instance metadata.
    pub async fn from_environment(region: &str, timeout: Duration, path_style: bool) -> Self {
        let http = Builder::new()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .build_https();
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .http_client(http)
            .load()
            .await;
        Self::new(config, timeout, path_style)
    }

    /// Takes credentials and connections from `config`.
    pub fn new(config: SdkConfig, timeout: Duration, path_style: bool) -> Self {
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(timeout).build();
        let config = config
            .into_builder()
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { config, path_style, telemetry: Telemetry::default(), clients: Mutex::default() }
    }

    /// Counts all requests from now on.
    #[must_use]
    pub fn counting(mut self, metrics: ApiMetrics) -> Self {
        self.telemetry = Telemetry { metrics: Some(metrics) };
        self
    }

    /// The account of the credentials.
    ///
    /// # Errors
    ///
    /// STS refused, or could not be reached.
    pub async fn account(&self, endpoint: Option<&Endpoint>) -> Result<String, Failure> {
        let mut config =
            aws_sdk_sts::config::Builder::from(&self.config).interceptor(self.telemetry.clone());
        if let Some(endpoint) = endpoint {
            config.set_endpoint_url(Some(endpoint.0.clone()));
        }
        let identity =
            aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity().send().await?;
        identity.account.ok_or_else(|| Failure {
            code: None,
            message: "the answer of STS names no account".to_owned(),
            effect: Effect::None,
        })
    }

    /// The clients of a region, with the credentials of a role if there is one.
    pub fn regional(
        &self,
        region: &str,
        endpoint: Option<&Endpoint>,
        role: Option<&str>,
    ) -> Arc<Regional> {
        let url = endpoint.map(|endpoint| endpoint.0.clone());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        let make = || Arc::new(self.make(region, url.clone(), role));
        let at = (region.to_owned(), url.clone(), role.map(str::to_owned));
        Arc::clone(clients.entry(at).or_insert_with(make))
    }

    /// Forgets clients whose credentials AWS does not take any more, whatever these said about how
    /// long they last: the next ones get new credentials. Others than `refused` stay: somebody else
    /// was faster.
    pub(crate) fn renew(&self, refused: &Arc<Regional>) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|_, kept| !Arc::ptr_eq(kept, refused));
    }

    fn make(&self, region: &str, url: Option<String>, role: Option<&str>) -> Regional {
        let region = Region::new(region.to_owned());
        // Credentials are kept as long as the clients are.
        let cache = IdentityCache::lazy().build();
        let base = self.config.clone().into_builder().identity_cache(cache).build();
        let config = match role {
            Some(role) => {
                let mut sts = aws_sdk_sts::config::Builder::from(&base)
                    .interceptor(self.telemetry.clone())
                    .region(region.clone());
                sts.set_endpoint_url(url.clone());
                let sts = aws_sdk_sts::Client::from_conf(sts.build());
                let role =
                    SharedCredentialsProvider::new(AssumedRole { sts, arn: role.to_owned() });
                base.into_builder().credentials_provider(role).build()
            }
            None => base,
        };
        let telemetry = || self.telemetry.clone();
        let mut s3 = aws_sdk_s3::config::Builder::from(&config)
            .interceptor(telemetry())
            .region(region.clone())
            // Sessions are for objects. With an endpoint of one's own the SDK would open one even
            // for the control plane of a directory bucket, which takes none.
            .disable_s3_express_session_auth(true)
            .force_path_style(self.path_style);
        let mut control = aws_sdk_s3control::config::Builder::from(&config)
            .interceptor(telemetry())
            .region(region.clone());
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&config)
            .interceptor(telemetry())
            .region(region.clone());
        let mut sqs =
            aws_sdk_sqs::config::Builder::from(&config).interceptor(telemetry()).region(region);
        // Without one the environment's counts, if it has one.
        if let Some(url) = url {
            s3.set_endpoint_url(Some(url.clone()));
            control.set_endpoint_url(Some(url.clone()));
            dynamodb.set_endpoint_url(Some(url.clone()));
            sqs.set_endpoint_url(Some(url));
        }
        Regional {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            s3control: aws_sdk_s3control::Client::from_conf(control.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
            turns: Semaphore::new(MOST_TOGETHER),
        }
    }
}

/// Credentials of a role; the SDK keeps them until shortly before they expire.
#[derive(Debug)]
struct AssumedRole {
    sts: aws_sdk_sts::Client,
    arn: String,
}

impl AssumedRole {
    async fn assume(&self) -> provider::Result {
        let request =
            self.sts.assume_role().role_arn(&self.arn).role_session_name("ack-controller");
        // Only AWS's words: the error as it is has ids that change every time.
        let failed = |failure: Failure| CredentialsError::provider_error(failure.message);
        let answer = request.send().await.map_err(|error| failed(error.into()))?;
        let credentials = answer
            .credentials
            .ok_or_else(|| CredentialsError::provider_error("STS gave no credentials"))?;
        let until = credentials.expiration.try_into().ok();
        Ok(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            until,
            "AssumeRole",
        ))
    }
}

impl ProvideCredentials for AssumedRole {
    fn provide_credentials<'a>(&'a self) -> provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        provider::future::ProvideCredentials::new(self.assume())
    }
}
