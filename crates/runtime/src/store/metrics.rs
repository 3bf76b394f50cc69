//! The counters of watches.

use kube::core::ApiResource;
use prometheus::IntCounter;
use prometheus::IntCounterVec;
use prometheus::IntGauge;
use prometheus::IntGaugeVec;
use prometheus::Opts;
use prometheus::Registry;

/// The metrics of all watches, registered once; the label `resource` is `plural.group`.
#[derive(Debug, Clone)]
pub struct WatchMetricsVec {
    objects: IntGaugeVec,
    events: IntCounterVec,
    lists: IntCounterVec,
    errors: IntCounterVec,
    malformed: IntCounterVec,
}

/// The counters of one watch.
#[derive(Debug, Clone)]
pub struct WatchMetrics {
    pub(super) objects: IntGauge,
    pub(super) events: IntCounter,
    pub(super) lists: IntCounter,
    pub(super) errors: IntCounter,
    pub(super) malformed: IntCounter,
}

impl WatchMetricsVec {
    /// Registers the metrics of watches.
    ///
    /// # Errors
    /// When one of the names is already registered.
    pub fn register(registry: &Registry) -> prometheus::Result<WatchMetricsVec> {
        let label = &["resource"];
        let counter = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), label);
        let metrics = WatchMetricsVec {
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
        }
    }
}
