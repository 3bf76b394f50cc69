//! What every test needs: an emulator, and SDK clients of it.

use aws_credential_types::Credentials;
use aws_emulator::Control;
use aws_emulator::Emulator;
use aws_emulator::Options;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// The default account.
pub(crate) const ACCOUNT: &str = "123456789012";
/// A region with a location constraint.
pub(crate) const REGION: &str = "us-west-2";

/// An emulator and what to call it with.
pub(crate) struct World {
    emulator: Emulator,
    pub(crate) control: Control,
}

/// Makes a service configuration; the builders of the services share method names, not a trait.
macro_rules! config {
    ($sdk:ident, $world:expr, $region:expr, $credentials:expr) => {
        $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new($region.to_owned()))
            .credentials_provider($credentials)
            .endpoint_url($world.emulator.url())
            .retry_config(RetryConfig::disabled())
            .http_client(Builder::new().build_http())
    };
}

/// Credentials of an access key.
pub(crate) fn key(access_key: &str) -> Credentials {
    Credentials::new(access_key, "secret", None, None, "test")
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let emulator = Emulator::start(options).await.unwrap();
        let control = emulator.control();
        Self { emulator, control }
    }

    pub(crate) fn addr(&self) -> std::net::SocketAddr {
        self.emulator.addr()
    }

    pub(crate) fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        self.s3_as(region, key("AKIATEST"))
    }

    pub(crate) fn s3_as(&self, region: &str, credentials: Credentials) -> aws_sdk_s3::Client {
        // With an endpoint of one's own the SDK opens a session even for the control plane of a
        // directory bucket, which on AWS takes none (and can't, before there is a bucket).
        let config = config!(aws_sdk_s3, self, region, credentials)
            .force_path_style(true)
            .disable_s3_express_session_auth(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        self.dynamodb_as(REGION, key("AKIATEST"))
    }

    pub(crate) fn dynamodb_as(
        &self,
        region: &str,
        credentials: Credentials,
    ) -> aws_sdk_dynamodb::Client {
        let config = config!(aws_sdk_dynamodb, self, region, credentials).build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    pub(crate) fn sqs(&self) -> aws_sdk_sqs::Client {
        self.sqs_as(key("AKIATEST"))
    }

    pub(crate) fn sqs_as(&self, credentials: Credentials) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(config!(aws_sdk_sqs, self, REGION, credentials).build())
    }

    pub(crate) fn sts(&self, credentials: Credentials) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::from_conf(config!(aws_sdk_sts, self, REGION, credentials).build())
    }

    /// Operation and status of every call so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.control.calls().iter().map(|c| format!("{} {}", c.operation, c.status)).collect()
    }
}

/// Code and message of a refused call.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug, E, R>(
    outcome: Result<T, aws_sdk_s3::error::SdkError<E, R>>,
) -> (String, String)
where
    aws_sdk_s3::error::SdkError<E, R>: ProvideErrorMetadata,
{
    let error = outcome.unwrap_err();
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

/// The code alone.
#[track_caller]
pub(crate) fn code<T: std::fmt::Debug, E, R>(
    outcome: Result<T, aws_sdk_s3::error::SdkError<E, R>>,
) -> String
where
    aws_sdk_s3::error::SdkError<E, R>: ProvideErrorMetadata,
{
    refusal(outcome).0
}
