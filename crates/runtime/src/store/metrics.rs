//! The counters of watches.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use kube::core::ApiResource;
use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;
use tokio::time::Instant;

/// Bounds of the buckets of the lag, in seconds.
const LAGS: [f64; 11] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];

/// The metrics of all watches, registered once; the label `resource` is `plural.group`.
#[derive(Debug, Clone)]
pub struct WatchMetricsVec {
    objects: IntGaugeVec,
    events: IntCounterVec,
    lists: IntCounterVec,
    errors: IntCounterVec,
    malformed: IntCounterVec,
    lag: HistogramVec,
}

/// The counters of one watch.
#[derive(Debug, Clone)]
pub struct WatchMetrics {
    pub(super) objects: IntGauge,
    pub(super) events: IntCounter,
    pub(super) lists: IntCounter,
    pub(super) errors: IntCounter,
    pub(super) malformed: IntCounter,
    lag: Histogram,
    /// A write of ours that the watch has not shown yet, and when it was answered.
    awaited: Arc<Mutex<Option<(u64, Instant)>>>,
}

impl WatchMetricsVec {
    /// Registers the metrics of watches.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry) -> prometheus::Result<WatchMetricsVec> {
        let label = &["resource"];
        let counter = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), label);
        let lag = "From the answer to a write of ours until the watch showed it, one at a time.";
        let lag = HistogramOpts::new("watch_lag_seconds", lag).buckets(LAGS.to_vec());
        let metrics = WatchMetricsVec {
            lag: HistogramVec::new(lag, label)?,
            objects: IntGaugeVec::new(Opts::new("watch_objects", "Objects in the cache."), label)?,
            events: counter("watch_events_total", "Events that watches delivered.")?,
            lists: counter("watch_lists_total", "Lists, first and repeated.")?,
            errors: counter("watch_errors_total", "Lists and watches that failed.")?,
            malformed: counter("watch_malformed_total", "Objects that were skipped.")?,
        };
        registry.register(Box::new(metrics.objects.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.lists.clone()))?;
        registry.register(Box::new(metrics.errors.clone()))?;
        registry.register(Box::new(metrics.malformed.clone()))?;
        registry.register(Box::new(metrics.lag.clone()))?;
        Ok(metrics)
    }

    pub(super) fn watch(&self, resource: &ApiResource) -> WatchMetrics {
        let name = if resource.group.is_empty() {
            resource.plural.clone()
        } else {
            format!("{}.{}", resource.plural, resource.group)
        };
        let label = &[name.as_str()];
        WatchMetrics {
            objects: self.objects.with_label_values(label),
            events: self.events.with_label_values(label),
            lists: self.lists.with_label_values(label),
            errors: self.errors.with_label_values(label),
            malformed: self.malformed.with_label_values(label),
            lag: self.lag.with_label_values(label),
            awaited: Arc::default(),
        }
    }
}

impl WatchMetrics {
    /// A write was answered with this version, which the watch has yet to show.
    pub(super) fn wrote(&self, version: u64) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        awaited.get_or_insert_with(|| (version, Instant::now()));
    }

    /// The watch has come to this version.
    pub(super) fn passed(&self, version: u64) {
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answered)) = awaited.take_if(|(awaited, _)| *awaited <= version) {
            self.lag.observe(answered.elapsed().as_secs_f64());
        }
    }
}
