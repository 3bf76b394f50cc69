//! The counters of a work queue, under the names that Go controllers give them.

use prometheus::Histogram;
use prometheus::HistogramOpts;
use prometheus::HistogramVec;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;

/// The counters of one queue; a label `name` tells several queues apart.
#[derive(Debug, Clone)]
pub struct QueueMetrics {
    pub(super) depth: IntGauge,
    pub(super) adds: IntCounter,
    pub(super) retries: IntCounter,
    pub(super) refused: IntCounter,
    pub(super) waited: Histogram,
    pub(super) worked: Histogram,
}

/// The metrics of all queues, registered once.
#[derive(Debug, Clone)]
pub struct QueueMetricsVec {
    depth: IntGaugeVec,
    adds: IntCounterVec,
    retries: IntCounterVec,
    refused: IntCounterVec,
    waited: HistogramVec,
    worked: HistogramVec,
}

impl QueueMetricsVec {
    /// Registers the metrics of queues.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry) -> prometheus::Result<QueueMetricsVec> {
        let label = &["name"];
        // The Go work queue's buckets: 10 ns to 10 s, by tens, and from there to 1000 s.
        let buckets = prometheus::exponential_buckets(1e-8, 10.0, 12)?;
        let histogram = |name: &str, help: &str| {
            HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.clone()), label)
        };
        let metrics = QueueMetricsVec {
            depth: IntGaugeVec::new(Opts::new("workqueue_depth", "Keys that wait."), label)?,
            adds: IntCounterVec::new(Opts::new("workqueue_adds_total", "Keys added."), label)?,
            retries: IntCounterVec::new(
                Opts::new("workqueue_retries_total", "Keys added again after a failure."),
                label,
            )?,
            refused: IntCounterVec::new(
                Opts::new("workqueue_refused_total", "Keys refused because the queue was full."),
                label,
            )?,
            waited: histogram(
                "workqueue_queue_duration_seconds",
                "For how long keys waited until a worker took them.",
            )?,
            worked: histogram(
                "workqueue_work_duration_seconds",
                "For how long workers held keys.",
            )?,
        };
        registry.register(Box::new(metrics.depth.clone()))?;
        registry.register(Box::new(metrics.adds.clone()))?;
        registry.register(Box::new(metrics.retries.clone()))?;
        registry.register(Box::new(metrics.refused.clone()))?;
        registry.register(Box::new(metrics.waited.clone()))?;
        registry.register(Box::new(metrics.worked.clone()))?;
        Ok(metrics)
    }

    /// The counters of the queue `name`.
    pub fn queue(&self, name: &str) -> QueueMetrics {
        QueueMetrics {
            depth: self.depth.with_label_values(&[name]),
            adds: self.adds.with_label_values(&[name]),
            retries: self.retries.with_label_values(&[name]),
            refused: self.refused.with_label_values(&[name]),
            waited: self.waited.with_label_values(&[name]),
            worked: self.worked.with_label_values(&[name]),
        }
    }
}
