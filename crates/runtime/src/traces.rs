//! Traces for OpenTelemetry, over OTLP: what the process did, and how long each part of it took.
//!
//! Off, unless the environment names a collector, as for every program that speaks OpenTelemetry:
//! `OTEL_EXPORTER_OTLP_ENDPOINT` or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` (HTTP; port 4318 as a rule).
//! `OTEL_EXPORTER_OTLP_PROTOCOL` (`http/json`, `http/protobuf`), `OTEL_EXPORTER_OTLP_HEADERS`,
//! `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and `OTEL_BSP_*` have their
//! standard meaning; `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none` turn traces off.
//!
//! A span holds names of objects, never values.

use std::env;
use std::future::Future;
use std::pin::Pin;

use http::Request;
use http::Response;
use http_body_util::BodyExt;
use kube::client::Body;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::Bytes;
use opentelemetry_http::HttpClient;
use opentelemetry_http::HttpError;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_otlp::WithHttpConfig;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracer;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter;
use tracing_subscriber::registry::LookupSpan;

/// Where the collector is, from general to special.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// Spans that are collected, until [`Traces::shut_down`].
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// Traces are asked for, and can't be had.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// The endpoint is no URL.
    #[error("{variable} is not a URL with a host")]
    Endpoint {
        /// The variable of the environment that names it.
        variable: &'static str,
    },
    /// No connection can be configured.
    #[error("no client for the collector can be made")]
    Client(#[source] Box<kube::Error>),
    /// Another variable has a value that the exporter can't use.
    #[error("traces can't be exported as the environment says")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
}

impl Traces {
    /// Traces as the environment asks for them, of a service of this name (unless the environment
    /// has another) and version; `None` where it does not. Sends nothing yet.
    ///
    /// # Errors
    /// [`TracesError`].
    ///
    /// # Panics
    /// Outside of a Tokio runtime, which sends what is collected.
    pub fn from_environment(
        service: &'static str,
        version: &'static str,
    ) -> Result<Option<Traces>, TracesError> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let is_off = set("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true"))
            || set("OTEL_TRACES_EXPORTER").is_some_and(|it| it == "none");
        let endpoint = ENDPOINTS.iter().find_map(|name| Some((*name, set(name)?)));
        let Some((variable, endpoint)) = endpoint.filter(|_| !is_off) else { return Ok(None) };
        let endpoint: http::Uri =
            endpoint.parse().map_err(|_| TracesError::Endpoint { variable })?;
        if endpoint.authority().is_none() || endpoint.scheme().is_none() {
            return Err(TracesError::Endpoint { variable });
        }
        let mut parts = endpoint.into_parts();
        // Requests have the path of their own.
        parts.path_and_query = Some(http::uri::PathAndQuery::from_static("/"));
        let base = http::Uri::from_parts(parts).map_err(|_| TracesError::Endpoint { variable })?;
        let client = kube::Client::try_from(kube::Config::new(base))
            .map_err(|error| TracesError::Client(Box::new(error)))?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender { client, runtime: Handle::current() })
            .build()
            .map_err(TracesError::Exporter)?;
        let mut resource = Resource::builder();
        if set("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(service);
        }
        let version = opentelemetry::KeyValue::new("service.version", version);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(resource.with_attribute(version).build())
            .build();
        Ok(Some(Traces { tracer: provider.tracer(service), provider }))
    }

    /// Collects the spans of our own crates; what others have to say may hold values of objects.
    pub(crate) fn layer<S>(&self, crates: &[&'static str]) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let own: Vec<&'static str> =
            crates.iter().copied().chain([env!("CARGO_CRATE_NAME")]).collect();
        let filter = filter::filter_fn(move |metadata| {
            let target = metadata.target().split("::").next().unwrap_or_default();
            metadata.is_span() && own.contains(&target)
        });
        tracing_opentelemetry::layer()
            .with_tracer(self.tracer.clone())
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter)
    }

    /// Sends what is left, and collects nothing any more. Takes as long as the collector, within the
    /// bounds of the environment.
    pub async fn shut_down(self) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown()).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Sends to the collector what the exporter's own thread hands over, with the stack for TLS that
/// the process has anyway.
struct Sender {
    client: kube::Client,
    runtime: Handle,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender")
    }
}

impl HttpClient for Sender {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let client = self.client.clone();
        let sent = self.runtime.spawn(async move {
            let (mut head, body) = request.into_parts();
            head.uri =
                head.uri.path_and_query().cloned().map_or_else(http::Uri::default, Into::into);
            let request = Request::from_parts(head, Body::from(body.to_vec()));
            let (head, body) = client.send(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Response::from_parts(head, body))
        });
        Box::pin(async move { sent.await? })
    }
}
