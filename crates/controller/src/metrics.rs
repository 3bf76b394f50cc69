//! Every metric of the controller itself, in one table that is also their reference.
//!
//! Names, labels and buckets of those that upstream has are upstream's; ours begin with `kro_`.
//! Source: kro-controller facts, 7.1.

use plan::object::GroupKind;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};
use std::fmt::Write as _;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::shared::Shared;

/// Buckets of durations that may be minutes.
const LONG: &[f64] =
    &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 120.0];

/// A row of the table, for the reference.
struct Row {
    name: &'static str,
    kind: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
}

macro_rules! metrics {
    ($($help:literal $kind:ident $name:ident [$($label:literal),*] $($buckets:ident)?;)*) => {
        /// The metrics of one controller.
        #[derive(Debug, Clone)]
        pub(crate) struct Metrics {
            $($name: metrics!(@type $kind),)*
        }

        const TABLE: &[Row] = &[$(Row {
            name: stringify!($name),
            kind: stringify!($kind),
            labels: &[$($label),*],
            help: $help,
        }),*];

        impl Metrics {
            /// Registers all of them.
            ///
            /// # Errors
            ///
            /// One of the names is already registered.
            pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
                $(
                    let labels: &[&str] = &[$($label),*];
                    let $name = metrics!(@new $kind stringify!($name), $help, labels, $($buckets)?);
                    if labels.is_empty() {
                        // There from the start, as 0.
                        let none: &[&str] = &[];
                        drop($name.with_label_values(none));
                    }
                    metrics!(@register $kind registry, $name);
                )*
                Ok(Self { $($name),* })
            }
        }
    };
    // Gauges are read when somebody asks, see `Gauges`.
    (@register gauge $registry:expr, $metric:expr) => {};
    (@register $kind:ident $registry:expr, $metric:expr) => {
        $registry.register(Box::new($metric.clone()))?
    };
    (@type counter) => { IntCounterVec };
    (@type gauge) => { IntGaugeVec };
    (@type histogram) => { HistogramVec };
    (@new counter $name:expr, $help:expr, $labels:expr,) => {
        IntCounterVec::new(Opts::new($name, $help), $labels)?
    };
    (@new gauge $name:expr, $help:expr, $labels:expr,) => {
        IntGaugeVec::new(Opts::new($name, $help), $labels)?
    };
    (@new histogram $name:expr, $help:expr, $labels:expr, $buckets:ident) => {
        HistogramVec::new(HistogramOpts::new($name, $help).buckets($buckets.to_vec()), $labels)?
    };
}

metrics! {
    "Reconciles of instances." counter dynamic_controller_reconcile_total ["gvr"];
    "How long reconciles of instances took." histogram dynamic_controller_reconcile_duration_seconds ["gvr"] LONG;
    "What reconciles of instances asked for next." counter dynamic_controller_requeue_total ["gvr", "type"];
    "Reconciles of instances that could not go on, as for a mistake in an expression." counter dynamic_controller_handler_errors_total ["gvr"];
    "Reconciles of instances that panicked." counter dynamic_controller_reconcile_panics_total ["gvr"];
    "Kinds whose instances are served." gauge dynamic_controller_gvr_count [];
    "Instances that wait for a worker." gauge dynamic_controller_queue_length [];
    "Watches of instances and children." gauge dynamic_controller_watch_count [];
    "Changes of instances that lead to a reconcile." counter dynamic_controller_informer_events_total ["gvr", "event_type"];
    "Changes of children that were looked at." counter dynamic_controller_route_total ["gvr"];
    "Changes of children that woke an instance." counter dynamic_controller_route_match_total ["gvr"];
    "Changes of an instance's state that were written." counter instance_state_transitions_total ["gvr", "from_state", "to_state"];
    "How long reconciles of instances took." histogram instance_reconcile_duration_seconds ["gvr"] LONG;
    "Reconciles of instances." counter instance_reconcile_total ["gvr"];
    "The same; an object that can't be written yet, or is not ready, does not count." counter instance_reconcile_errors_total ["gvr"];
    "Reconciles of instances that had a graph." counter instance_graph_resolution_success_total ["gvr"];
    "Reconciles of instances whose kind has no graph yet." counter instance_graph_resolution_pending_total ["gvr"];
    "Reconciles of instances whose definition has no good revision." counter instance_graph_resolution_failures_total ["gvr", "reason"];
    "Specs of definitions that were checked before a revision." counter rgd_graph_build_total ["name"];
    "How long these checks took." histogram rgd_graph_build_duration_seconds ["name"] LONG;
    "Checks that found mistakes." counter rgd_graph_build_errors_total ["name"];
    "Definitions that were deleted." counter rgd_deletions_total ["name"];
    "How long the deletion of a definition took." histogram rgd_deletion_duration_seconds ["name"] LONG;
    "Changes of a definition's state." counter rgd_state_transitions_total ["name", "from", "to"];
    "Revisions that were issued." counter rgd_graph_revision_issue_total ["reason"];
    "Reconciles of definitions that wait for revisions." counter rgd_graph_revision_wait_total ["reason"];
    "What the stored revisions meant for a definition." counter rgd_graph_revision_resolution_total ["result"];
    "Revisions that this process had not compiled yet." counter rgd_graph_revision_registry_miss_total ["reason"];
    "Revisions beyond the limit that were deleted." counter rgd_graph_revision_gc_deleted_total [];
    "Revisions beyond the limit that could not be deleted." counter rgd_graph_revision_gc_errors_total [];
    "Revisions that were compiled." counter graph_revision_compile_total ["result"];
    "How long compiling a revision took." histogram graph_revision_compile_duration_seconds ["result"] LONG;
    "Statuses of revisions that could not be written." counter graph_revision_status_update_errors_total [];
    "Revisions that wait for their status to be written." counter graph_revision_activation_deferred_total [];
    "Revisions that were let go." counter graph_revision_finalizer_evictions_total [];
    "Revisions in memory." gauge graph_revision_registry_entries ["state"];
    "Changes of the state of revisions in memory." counter graph_revision_registry_transitions_total ["from", "to"];
    "Revisions that were forgotten." counter graph_revision_registry_evictions_total [];
    "From the creation or the change of an instance's spec until it is ACTIVE." histogram kro_instance_active_seconds ["rgd"] LONG;
    "How long the oldest key of a queue has been waiting, in milliseconds." gauge kro_queue_age_milliseconds ["queue"];
    "Resources of instances that are not as desired, by what they wait for." gauge kro_nodes_waiting ["rgd", "reason"];
    "Objects that were found as desired, so that nothing was sent." counter kro_requests_saved_total ["rgd"];
    "For how long a condition of an instance has been as it is, with the gate InstanceConditionMetrics." gauge instance_condition_current_status_seconds ["gvr", "namespace", "name", "condition_type", "condition_status", "reason"];
    "Instances by state." gauge kro_instances ["gvr", "state"];
}

/// The reference of all metrics, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text =
        String::from("| name | type | labels | what it counts |\n| --- | --- | --- | --- |\n");
    for Row { name, kind, labels, help } in TABLE {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String does not fail.
        let _ = writeln!(text, "| `{name}` | {kind} | {} | {help} |", labels.join(", "));
    }
    text
}

/// A kind as the label `gvr` of most metrics has it.
pub(crate) fn gvr(resource: &kube::core::ApiResource) -> String {
    format!("{}, Resource={}", resource.api_version, resource.plural)
}

/// A kind as the label `gvr` of the queue's metrics has it.
pub(crate) fn gvr_path(resource: &kube::core::ApiResource) -> String {
    format!("{}/{}/{}", resource.group, resource.version, resource.plural)
}

/// A kind as the label `gvr` of state transitions has it.
fn gvk(resource: &kube::core::ApiResource) -> String {
    format!("{}, Kind={}", resource.api_version, resource.kind)
}

// === impl Metrics ===

impl Metrics {
    /// A revision was compiled, or not.
    pub(crate) fn compiled(&self, took: Duration, good: bool) {
        let result = &[if good { "success" } else { "failed" }];
        self.graph_revision_compile_total.with_label_values(result).inc();
        let durations = &self.graph_revision_compile_duration_seconds;
        durations.with_label_values(result).observe(took.as_secs_f64());
    }

    /// The status of a revision could not be written.
    pub(crate) fn revision_status_failed(&self) {
        one(&self.graph_revision_status_update_errors_total, &[]);
    }

    /// A revision compiles but may not serve yet.
    pub(crate) fn activation_deferred(&self) {
        one(&self.graph_revision_activation_deferred_total, &[]);
    }

    /// A revision in memory changed its state.
    pub(crate) fn registry_moved(&self, from: &str, to: &str) {
        if from != to {
            one(&self.graph_revision_registry_transitions_total, &[from, to]);
        }
    }

    /// A revision was forgotten.
    pub(crate) fn evicted(&self) {
        one(&self.graph_revision_registry_evictions_total, &[]);
    }

    /// A revision's finalizer was removed.
    pub(crate) fn let_go(&self) {
        one(&self.graph_revision_finalizer_evictions_total, &[]);
    }

    /// What the stored revisions meant for a definition.
    pub(crate) fn resolved(&self, result: &str) {
        one(&self.rgd_graph_revision_resolution_total, &[result]);
    }

    /// A definition waits for revisions.
    pub(crate) fn waited(&self, reason: &str) {
        one(&self.rgd_graph_revision_wait_total, &[reason]);
    }

    /// A revision was not in memory.
    pub(crate) fn cold(&self, reason: &str) {
        one(&self.rgd_graph_revision_registry_miss_total, &[reason]);
    }

    /// The spec of the definition `name` was checked.
    pub(crate) fn built(&self, name: &str, took: Duration, good: bool) {
        one(&self.rgd_graph_build_total, &[name]);
        let durations = &self.rgd_graph_build_duration_seconds;
        durations.with_label_values(&[name]).observe(took.as_secs_f64());
        if !good {
            one(&self.rgd_graph_build_errors_total, &[name]);
        }
    }

    /// A revision was issued.
    pub(crate) fn issued(&self, reason: &str) {
        one(&self.rgd_graph_revision_issue_total, &[reason]);
    }

    /// A revision beyond the limit was deleted.
    pub(crate) fn collected(&self) {
        one(&self.rgd_graph_revision_gc_deleted_total, &[]);
    }

    /// A revision beyond the limit could not be deleted.
    pub(crate) fn not_collected(&self) {
        one(&self.rgd_graph_revision_gc_errors_total, &[]);
    }

    /// The definition `name` was let go.
    pub(crate) fn definition_removed(&self, name: &str, took: Duration) {
        one(&self.rgd_deletions_total, &[name]);
        let durations = &self.rgd_deletion_duration_seconds;
        durations.with_label_values(&[name]).observe(took.as_secs_f64());
    }

    /// The state of the definition `name` changed.
    pub(crate) fn definition_moved(&self, name: &str, from: &str, to: &str) {
        one(&self.rgd_state_transitions_total, &[name, from, to]);
    }

    /// An instance was reconciled.
    pub(crate) fn reconciled(
        &self,
        resource: &kube::core::ApiResource,
        outcome: runtime::workers::Outcome,
    ) {
        use runtime::workers::Requeue;
        let (path, gvr) = (gvr_path(resource), gvr(resource));
        let seconds = outcome.duration.as_secs_f64();
        one(&self.dynamic_controller_reconcile_total, &[&path]);
        self.dynamic_controller_reconcile_duration_seconds
            .with_label_values(&[&path])
            .observe(seconds);
        let kind = match outcome.requeue {
            Requeue::Done => "no_requeue",
            Requeue::After(_) => "requeue_after",
            Requeue::Now => "requeue",
            Requeue::RateLimited => "rate_limited",
        };
        one(&self.dynamic_controller_requeue_total, &[&path, kind]);
        one(&self.instance_reconcile_total, &[&gvr]);
        self.instance_reconcile_duration_seconds.with_label_values(&[&gvr]).observe(seconds);
        if outcome.panicked {
            one(&self.dynamic_controller_reconcile_panics_total, &[&path]);
            self.reconcile_failed(resource);
        }
    }

    /// A reconcile of an instance could not go on.
    pub(crate) fn reconcile_failed(&self, resource: &kube::core::ApiResource) {
        one(&self.dynamic_controller_handler_errors_total, &[&gvr_path(resource)]);
        one(&self.instance_reconcile_errors_total, &[&gvr(resource)]);
    }

    /// A change of an instance leads to a reconcile; `event` is add, update or delete.
    pub(crate) fn instance_changed(&self, resource: &kube::core::ApiResource, event: &str) {
        one(&self.dynamic_controller_informer_events_total, &[&gvr(resource), event]);
    }

    /// A change of a child was looked at, and woke `woken` instances.
    pub(crate) fn child_changed(&self, resource: &kube::core::ApiResource, woken: usize) {
        let gvr = gvr(resource);
        one(&self.dynamic_controller_route_total, &[&gvr]);
        if woken > 0 {
            one(&self.dynamic_controller_route_match_total, &[&gvr]);
        }
    }

    /// The written state of an instance changed.
    pub(crate) fn instance_moved(&self, resource: &kube::core::ApiResource, from: &str, to: &str) {
        one(&self.instance_state_transitions_total, &[&gvk(resource), from, to]);
    }

    /// What became of the look for an instance's graph.
    pub(crate) fn graph_resolved(
        &self,
        resource: &kube::core::ApiResource,
        found: &crate::registry::Lookup,
    ) {
        use crate::registry::Lookup;
        let gvr = gvr(resource);
        match found {
            Lookup::Served(_) => one(&self.instance_graph_resolution_success_total, &[&gvr]),
            Lookup::Unknown => one(&self.instance_graph_resolution_pending_total, &[&gvr]),
            Lookup::Failed(why) => {
                let reason = if why.ends_with("available") { "not_available" } else { "failed" };
                one(&self.instance_graph_resolution_failures_total, &[&gvr, reason]);
            }
        }
    }

    /// An instance of `rgd` became ACTIVE this long after its spec changed.
    pub(crate) fn active(&self, rgd: &str, after: Duration) {
        self.kro_instance_active_seconds.with_label_values(&[rgd]).observe(after.as_secs_f64());
    }

    /// Objects of an instance of `rgd` were as desired.
    pub(crate) fn saved(&self, rgd: &str, objects: usize) {
        let objects = u64::try_from(objects).unwrap_or(u64::MAX);
        self.kro_requests_saved_total.with_label_values(&[rgd]).inc_by(objects);
    }
}

fn one(counter: &IntCounterVec, labels: &[&str]) {
    counter.with_label_values(labels).inc();
}

/// Gauges that are read when somebody asks.
pub(crate) struct Gauges {
    shared: Weak<Shared>,
}

impl Gauges {
    /// Reads `shared` while it lives, into the gauges of its metrics.
    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::downgrade(shared) }
    }
}

impl Collector for Gauges {
    fn desc(&self) -> Vec<&Desc> {
        Vec::new()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(shared) = self.shared.upgrade() else { return Vec::new() };
        let metrics = &shared.metrics;
        let none: &[&str] = &[];
        let set = |gauge: &IntGaugeVec, labels: &[&str], value: usize| {
            gauge.with_label_values(labels).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&metrics.dynamic_controller_gvr_count, none, shared.registry.served_kinds());
        set(&metrics.dynamic_controller_queue_length, none, shared.instances.depth());
        set(&metrics.dynamic_controller_watch_count, none, shared.watching.count());
        for (state, count) in shared.registry.counts() {
            metrics.graph_revision_registry_entries.with_label_values(&[state]).set(count);
        }
        let ages = [
            ("instance", shared.instances.age()),
            ("definition", shared.definitions.age()),
            ("revision", shared.revision_queue.age()),
        ];
        for (queue, age) in ages {
            let age = usize::try_from(age.as_millis()).unwrap_or(usize::MAX);
            set(&metrics.kro_queue_age_milliseconds, &[queue], age);
        }
        metrics.kro_nodes_waiting.reset();
        for ((rgd, reason), count) in shared.standings.waiting() {
            set(&metrics.kro_nodes_waiting, &[&rgd, reason], count);
        }
        metrics.instance_condition_current_status_seconds.reset();
        if shared.options.gates.instance_condition_metrics {
            ages_of_conditions(&shared);
        }
        metrics.kro_instances.reset();
        for (kind, resource) in shared.watching.instance_kinds() {
            let gvr = gvr(&resource);
            for (state, count) in states(&shared, &kind) {
                set(&metrics.kro_instances, &[&gvr, &state], count);
            }
        }
        let gauges = [
            &metrics.dynamic_controller_gvr_count,
            &metrics.dynamic_controller_queue_length,
            &metrics.dynamic_controller_watch_count,
            &metrics.graph_revision_registry_entries,
            &metrics.kro_queue_age_milliseconds,
            &metrics.kro_nodes_waiting,
            &metrics.instance_condition_current_status_seconds,
            &metrics.kro_instances,
        ];
        gauges.iter().flat_map(|gauge| gauge.collect()).collect()
    }
}

/// Reads how long every condition of every instance has been as it is.
fn ages_of_conditions(shared: &Shared) {
    let now = jiff::Timestamp::now();
    for (kind, resource) in shared.watching.instance_kinds() {
        let gvr = gvr(&resource);
        let entries = shared.watching.store(&kind).map(|store| store.list()).unwrap_or_default();
        for entry in entries {
            let Some(object) = entry.data.whole.as_ref().map(|whole| whole.read()) else {
                continue;
            };
            let conditions = object["status"]["conditions"].as_array();
            for condition in conditions.into_iter().flatten() {
                let part = |key| condition[key].as_str().unwrap_or("");
                let Ok(since) = part("lastTransitionTime").parse::<jiff::Timestamp>() else {
                    continue;
                };
                let namespace = entry.key.namespace.as_deref().unwrap_or("");
                let named = [&gvr, namespace, &entry.key.name];
                let labels = [named, [part("type"), part("status"), part("reason")]].concat();
                let age = now.duration_since(since).as_secs().max(0);
                let gauge = &shared.metrics.instance_condition_current_status_seconds;
                gauge.with_label_values(&labels).set(age);
            }
        }
    }
}

/// How many instances of `kind` are in which state.
fn states(shared: &Shared, kind: &GroupKind) -> std::collections::BTreeMap<String, usize> {
    let mut states = std::collections::BTreeMap::new();
    let entries = shared.watching.store(kind).map(|store| store.list()).unwrap_or_default();
    for whole in entries.iter().filter_map(|entry| entry.data.whole.as_ref()) {
        *states.entry(whole.state.to_string()).or_default() += 1;
    }
    states
}
