//! Counts requests, bounds the time until an answer, and, where asked to, the rate.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::task::Poll;
use std::task::ready;
use std::time::Duration;

use http::Request;
use http::Response;
use kube::client::Body;
use tokio::time::Instant;
use tokio::time::Sleep;
use tower::Layer;
use tower::Service;
use tracing::Instrument;

use crate::shutdown::BoxError;

use super::RateLimit;
use super::metrics::HostMetrics;
use super::metrics::is_watch;

#[derive(Debug, Clone)]
pub(super) struct ObserveLayer {
    pub(super) metrics: Option<HostMetrics>,
    pub(super) rate_limit: Option<RateLimit>,
    pub(super) answer_timeout: Duration,
}

/// No answer within the bound.
#[derive(Debug, thiserror::Error)]
#[error("no answer from the API server within {0:?}")]
struct AnswerTimeout(Duration);

pub(super) struct Observe<S> {
    inner: S,
    layer: ObserveLayer,
    tokens: Option<Tokens>,
}

/// A token bucket.
struct Tokens {
    limit: RateLimit,
    left: f64,
    updated: Instant,
    /// Ends when the next token is there.
    sleep: Pin<Box<Sleep>>,
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, layer: self.clone(), tokens: self.rate_limit.map(Tokens::new) }
    }
}

impl<S, B> Service<Request<Body>> for Observe<S>
where
    S: Service<Request<Body>, Response = Response<B>, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if let Some(tokens) = &mut self.tokens {
            ready!(tokens.poll(context));
        }
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(tokens) = &mut self.tokens {
            tokens.left -= 1.0;
        }
        let ObserveLayer { metrics, answer_timeout, .. } = self.layer.clone();
        let method = request.method().clone();
        // Only where traces are collected; a line of the log has no use for it.
        let span = tracing::debug_span!(
            "request",
            otel.kind = "client",
            http.request.method = %method,
            url.path = request.uri().path(),
            http.response.status_code = tracing::field::Empty,
        );
        if let Some(metrics) = &metrics {
            metrics.sent(&method, request.uri());
        }
        // A watch with nothing to say yet has not answered late: who watches sets the bound.
        let bound = (!is_watch(request.uri())).then_some(answer_timeout);
        let answer = span.in_scope(|| self.inner.call(request));
        let recorded = span.clone();
        let exchange = async move {
            let started = Instant::now();
            let answer = match bound {
                None => answer.await,
                Some(bound) => match tokio::time::timeout(bound, answer).await {
                    Ok(answer) => answer,
                    Err(_) => Err(AnswerTimeout(bound).into()),
                },
            };
            let status = answer.as_ref().ok().map(Response::status);
            if let Some(status) = status {
                recorded.record("http.response.status_code", status.as_u16());
            }
            if let Some(metrics) = &metrics {
                let code = status.as_ref().map_or("<error>", http::StatusCode::as_str);
                metrics.answered(&method, code, started.elapsed().as_secs_f64());
            }
            answer
        };
        Box::pin(exchange.instrument(span))
    }
}

impl Tokens {
    fn new(limit: RateLimit) -> Tokens {
        Tokens {
            limit,
            left: f64::from(limit.burst),
            updated: Instant::now(),
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let now = Instant::now();
            let gained = (now - self.updated).as_secs_f64() * self.limit.qps;
            self.left = (self.left + gained).min(f64::from(self.limit.burst));
            self.updated = now;
            if self.left >= 1.0 {
                return Poll::Ready(());
            }
            let missing = Duration::try_from_secs_f64((1.0 - self.left) / self.limit.qps)
                .unwrap_or(Duration::from_secs(3_600));
            // Timers count in milliseconds.
            self.sleep.as_mut().reset(now + missing.max(Duration::from_millis(1)));
            ready!(self.sleep.as_mut().poll(context));
        }
    }
}
