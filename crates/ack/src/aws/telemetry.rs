//! What every request to AWS carries and leaves behind: who asks on whose behalf, and a count.

use std::sync::Arc;

use aws_sdk_s3::config::ConfigBag;
use aws_sdk_s3::config::Intercept;
use aws_sdk_s3::config::RuntimeComponents;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use prometheus::IntCounterVec;
use prometheus::Opts;
use prometheus::Registry;

tokio::task_local! {
    /// What the requests of this task add to the user agent.
    static AGENT: Arc<str>;
}

/// Runs a future whose requests name `agent` behind the SDK's own user agent.
pub(crate) async fn on_behalf_of<T>(agent: Arc<str>, future: impl Future<Output = T>) -> T {
    AGENT.scope(agent, future).await
}

/// The metrics of requests to AWS, under the names of the published controllers.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    requests: IntCounterVec,
    errors: IntCounterVec,
}

impl ApiMetrics {
    /// Registers them.
    ///
    /// # Errors
    ///
    /// One of the names is taken.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("ack_outbound_api_requests_total", "Requests to AWS."),
                &["service", "op_type", "op_id"],
            )?,
            errors: IntCounterVec::new(
                Opts::new(
                    "ack_outbound_api_requests_error_total",
                    "Requests to AWS that failed, by the HTTP status; 0 without an answer.",
                ),
                &["service", "op_id", "status_code"],
            )?,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.errors.clone()))?;
        Ok(metrics)
    }

    fn count(&self, service: &str, operation: &str, failed: Option<u16>) {
        let labels = [service, op_type(operation), operation];
        self.requests.with_label_values(&labels).inc();
        if let Some(status) = failed {
            let status = status.to_string();
            self.errors.with_label_values(&[service, operation, status.as_str()]).inc();
        }
    }
}

/// The kind of an operation, by its name.
fn op_type(operation: &str) -> &'static str {
    const TYPES: &[(&str, &str)] = &[
        ("GetQueueAttributes", "GET_ATTRIBUTES"),
        ("SetQueueAttributes", "SET_ATTRIBUTES"),
        ("Create", "CREATE"),
        ("Delete", "DELETE"),
        ("List", "READ_MANY"),
        ("Describe", "READ_ONE"),
        ("Get", "READ_ONE"),
        ("Head", "READ_ONE"),
        ("AssumeRole", "READ_ONE"),
    ];
    let known = TYPES.iter().find(|(prefix, _)| operation.starts_with(prefix));
    known.map_or("UPDATE", |(_, op_type)| *op_type)
}

/// A service as its controller is called: both planes of S3 are one.
fn service(name: &str) -> String {
    let lower = name.to_lowercase();
    lower.split_once(' ').map_or(lower.clone(), |(first, _)| first.to_owned())
}

/// Hooks into the requests of the SDK.
#[derive(Clone, Debug, Default)]
pub(super) struct Telemetry {
    pub(super) metrics: Option<ApiMetrics>,
}

#[dyn_dispatch_hint]
impl Intercept for Telemetry {
    fn name(&self) -> &'static str {
        "Telemetry"
    }

    /// The header is no part of the signature.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(agent) = AGENT.try_with(Arc::clone) else { return Ok(()) };
        let headers = context.request_mut().headers_mut();
        let all = match headers.get("user-agent") {
            Some(sdk) => format!("{sdk} {agent}"),
            None => agent.to_string(),
        };
        // Labels of an object are a part of it; they are no reason to fail.
        let _ = headers.try_insert("user-agent", all);
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let (Some(metrics), Some(call)) = (&self.metrics, config.load::<Metadata>()) else {
            return Ok(());
        };
        let failed = match context.output_or_error() {
            Some(Ok(_)) => None,
            Some(Err(_)) | None => Some(context.response().map_or(0, |r| r.status().as_u16())),
        };
        metrics.count(&service(call.service()), call.name(), failed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_published_types() {
        for (operation, expected) in [
            ("CreateTable", "CREATE"),
            ("DescribeTable", "READ_ONE"),
            ("ListQueueTags", "READ_MANY"),
            ("GetQueueAttributes", "GET_ATTRIBUTES"),
            ("SetQueueAttributes", "SET_ATTRIBUTES"),
            ("PutBucketTagging", "UPDATE"),
            ("UntagQueue", "UPDATE"),
            ("DeleteBucketCors", "DELETE"),
        ] {
            assert_eq!(op_type(operation), expected, "{operation}");
        }
        assert_eq!(["S3", "S3 Control", "DynamoDB"].map(service), ["s3", "s3", "dynamodb"]);
    }
}
