//! SDK clients per region and endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_config::Region;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls;

use super::Effect;
use super::Failure;

/// Most clients kept at a time. Endpoints come from annotations of namespaces, so there is a bound
/// on what they can make us hold.
const MOST_CLIENTS: usize = 64;

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
}

impl Endpoint {
    /// Checks an URL.
    ///
    /// # Errors
    ///
    /// It is none, or `http://` while only `https://` is allowed.
    pub fn parse(url: &str, allow_unsafe: bool) -> Result<Self, ClientError> {
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
    /// Amazon DynamoDB.
    pub dynamodb: aws_sdk_dynamodb::Client,
}

/// A region and an endpoint.
type At = (String, Option<String>);

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
        Self { config, path_style, clients: Mutex::default() }
    }

    /// The account of the credentials.
    ///
    /// # Errors
    ///
    /// STS refused, or could not be reached.
    pub async fn account(&self, endpoint: Option<&Endpoint>) -> Result<String, Failure> {
        let mut config = aws_sdk_sts::config::Builder::from(&self.config);
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

    /// The clients of a region.
    pub fn regional(&self, region: &str, endpoint: Option<&Endpoint>) -> Arc<Regional> {
        let url = endpoint.map(|endpoint| endpoint.0.clone());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        let make = || Arc::new(self.make(region, url.clone()));
        Arc::clone(clients.entry((region.to_owned(), url.clone())).or_insert_with(make))
    }

    fn make(&self, region: &str, url: Option<String>) -> Regional {
        let region = Region::new(region.to_owned());
        let mut s3 = aws_sdk_s3::config::Builder::from(&self.config)
            .region(region.clone())
            .force_path_style(self.path_style);
        let mut dynamodb = aws_sdk_dynamodb::config::Builder::from(&self.config).region(region);
        // Without one the environment's counts, if it has one.
        if let Some(url) = url {
            s3.set_endpoint_url(Some(url.clone()));
            dynamodb.set_endpoint_url(Some(url));
        }
        Regional {
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        }
    }
}
