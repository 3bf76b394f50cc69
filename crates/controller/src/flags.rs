//! The command line of `kro-controller`: upstream's flags, in Go's syntax.
//!
//! Source: kro-controller facts, 7.3. Flags that only tune Go's queues are accepted, so that a
//! Deployment can be kept as it is, and say that they are without effect.

use crate::shared::{Gates, Options};
use clap::Parser;
use runtime::client::RateLimit;
use runtime::flags::{GoDuration, go_bool};
use runtime::leader::LeaderOptions;
use runtime::logs::{Format, Level};
use std::time::Duration;

/// Instances that are reconciled at once. A reconcile waits for answers most of its time.
const CONCURRENT_INSTANCES: usize = 64;
/// The lease, which upstream takes too: the two are never at work together.
const LEASE: &str = "controller.kro.run";

/// Turns ResourceGraphDefinitions into APIs, and their instances into objects.
#[derive(Debug, Clone, Parser)]
#[command(name = "kro-controller", version)]
pub struct Flags {
    /// Path of a kubeconfig; KUBECONFIG, the in-cluster configuration or ~/.kube/config otherwise.
    #[arg(long, default_value = "")]
    pub kubeconfig: String,
    /// Where /metrics is served; 0 turns it off.
    #[arg(long, default_value = ":8078")]
    pub metrics_bind_address: String,
    /// Where /healthz and /readyz are served; 0 turns them off.
    #[arg(long, default_value = ":8079")]
    pub health_probe_bind_address: String,
    /// Where /debug/pprof/profile is served, in debug builds; by default, and with 0, nowhere.
    #[arg(long, default_value = "0")]
    pub pprof_bind_address: String,
    /// Elect a leader among the replicas; only it works.
    #[arg(long)]
    pub leader_elect: bool,
    /// Namespace of the lease; by default that of the pod.
    #[arg(long, default_value = "")]
    pub leader_election_namespace: String,
    /// For how long the others wait for a leader that is silent.
    #[arg(long, default_value = "15s")]
    pub leader_election_lease_duration: GoDuration,
    /// For how long a leader that can't renew its lease goes on.
    #[arg(long, default_value = "10s")]
    pub leader_election_renew_deadline: GoDuration,
    /// How often the lease is renewed, and looked at by the others.
    #[arg(long, default_value = "2s")]
    pub leader_election_retry_period: GoDuration,
    /// Without effect: caches are filled in less time than an election takes.
    #[arg(long)]
    pub enable_controller_warmup: bool,
    /// Delete a definition's CRD, and with it all instances, with the definition.
    #[arg(long)]
    pub allow_crd_deletion: bool,
    /// Bring kro's own CRDs up to date at the start.
    #[arg(long)]
    pub upgrade_crds: bool,
    /// How long a stop may take.
    #[arg(long, default_value = "60s")]
    pub graceful_shutdown_timeout: GoDuration,
    /// Without effect: as many definitions as there are to look at, up to four.
    #[arg(long, default_value_t = 1)]
    pub resource_graph_definition_concurrent_reconciles: i64,
    /// Without effect: as many revisions as there are to compile, up to two.
    #[arg(long, default_value_t = 1)]
    pub graph_revision_concurrent_reconciles: i64,
    /// More than 64 instances are reconciled at once where this says so; fewer never.
    #[arg(long, default_value_t = 1)]
    pub dynamic_controller_concurrent_reconciles: i64,
    /// Without effect: tunes Go's queue.
    #[arg(long, default_value = "200ms")]
    pub dynamic_controller_rate_limiter_min_delay: GoDuration,
    /// Without effect: tunes Go's queue.
    #[arg(long, default_value = "1000s")]
    pub dynamic_controller_rate_limiter_max_delay: GoDuration,
    /// Without effect: tunes Go's queue.
    #[arg(long, default_value_t = 10)]
    pub dynamic_controller_rate_limiter_rate_limit: i64,
    /// Without effect: tunes Go's queue.
    #[arg(long, default_value_t = 100)]
    pub dynamic_controller_rate_limiter_burst_limit: i64,
    /// Without effect: instances are not polled, they wait for watches.
    #[arg(long, default_value = "3s")]
    pub instance_requeue_interval: GoDuration,
    /// Every so many seconds all instances are looked at again; this causes no request.
    #[arg(long, default_value_t = 36_000)]
    pub dynamic_controller_default_resync_period: i64,
    /// Without effect: an instance that fails is never given up.
    #[arg(long, default_value_t = 20)]
    pub dynamic_controller_default_queue_max_retries: i64,
    /// The most requests per second in the long run; without it there is no limit.
    #[arg(long)]
    pub client_qps: Option<f64>,
    /// The most requests at once, with --client-qps; 150 by default.
    #[arg(long)]
    pub client_burst: Option<i64>,
    /// How many objects a collection may have.
    #[arg(long, default_value_t = 1_000)]
    pub rgd_max_collection_size: i64,
    /// How many dimensions a collection may have.
    #[arg(long, default_value_t = 10)]
    pub rgd_max_collection_dimension_size: i64,
    /// How many revisions of a definition are kept; all with 0.
    #[arg(long, default_value_t = 5, allow_hyphen_values = true)]
    pub rgd_max_graph_revisions: i64,
    /// After which time a definition that waits for its revisions looks again by itself.
    #[arg(long, default_value = "3s")]
    pub rgd_progress_requeue_delay: GoDuration,
    /// Parts that are not settled yet, as `NAME=true,…`: CELOmitFunction, InstanceConditionEvents,
    /// InstanceConditionMetrics, AllAlpha, AllBeta.
    #[arg(long, default_value = "")]
    pub feature_gates: String,
    /// Logs for people; otherwise JSON.
    #[arg(
        long,
        action = clap::ArgAction::Set,
        default_value = "true",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        value_parser = go_bool,
    )]
    pub zap_devel: bool,
    /// From which level on is logged: debug, info, warn, error, or a number for more detail.
    #[arg(long, default_value = "info")]
    pub zap_log_level: Level,
    /// What a log line looks like: console or json; by default --zap-devel decides.
    #[arg(long)]
    pub zap_encoder: Option<Format>,
    /// Without effect: there are no stack traces.
    #[arg(long, default_value = "")]
    pub zap_stacktrace_level: String,
    /// Without effect: times are in RFC 3339.
    #[arg(long, default_value = "")]
    pub zap_time_encoding: String,
}

/// A command line that can be read but not honoured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFlags {
    /// No such gate.
    #[error("unrecognized feature gate: {0}")]
    UnknownGate(String),
    /// A gate's value is no boolean.
    #[error("invalid value of feature gate {0}: expected `NAME=true` or `NAME=false`")]
    GateValue(String),
    /// Nobody says where the lease is.
    #[error(
        "unable to find leader election namespace: not running in a cluster, please specify \
         --leader-election-namespace"
    )]
    LeaseNamespace,
}

// === impl Flags ===

impl Flags {
    /// What the controller is told.
    ///
    /// # Errors
    ///
    /// Feature gates that are none.
    pub fn options(&self, version: &str) -> Result<Options, InvalidFlags> {
        let size = |number: i64| usize::try_from(number).unwrap_or(0);
        Ok(Options {
            kro_version: version.replace('+', "-"),
            allow_crd_deletion: self.allow_crd_deletion,
            concurrent_instances: size(self.dynamic_controller_concurrent_reconciles)
                .max(CONCURRENT_INSTANCES),
            max_graph_revisions: self.rgd_max_graph_revisions,
            progress_delay: self.rgd_progress_requeue_delay.get(),
            resync: self.resync(),
            max_collection_size: size(self.rgd_max_collection_size),
            max_collection_dimensions: size(self.rgd_max_collection_dimension_size),
            gates: Gates::parse(&self.feature_gates)?,
        })
    }

    /// How often all instances are looked at again.
    fn resync(&self) -> Option<Duration> {
        let seconds = u64::try_from(self.dynamic_controller_default_resync_period).ok()?;
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// The limit of requests, if one is wanted.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        let burst = || u32::try_from(self.client_burst.unwrap_or(150)).unwrap_or(u32::MAX).max(1);
        // As in Go, a rate of 0 or less means no limit.
        let qps = self.client_qps.or(self.client_burst.map(|_| 100.0)).filter(|qps| *qps > 0.0);
        qps.map(|qps| RateLimit { qps, burst: burst() })
    }

    /// The election to take part in; `None` without `--leader-elect`. `pod_namespace` is that of
    /// the pod, in a cluster.
    ///
    /// # Errors
    ///
    /// There is no namespace for the lease.
    pub fn election(
        &self,
        pod_namespace: Option<String>,
    ) -> Result<Option<LeaderOptions>, InvalidFlags> {
        if !self.leader_elect {
            return Ok(None);
        }
        let given = Some(self.leader_election_namespace.clone());
        let namespace = given.filter(|given| !given.is_empty()).or(pod_namespace);
        let namespace = namespace.ok_or(InvalidFlags::LeaseNamespace)?;
        Ok(Some(LeaderOptions {
            lease_duration: self.leader_election_lease_duration.get(),
            renew_deadline: self.leader_election_renew_deadline.get(),
            retry_period: self.leader_election_retry_period.get(),
            ..LeaderOptions::new(LEASE, namespace)
        }))
    }

    /// What log lines look like.
    #[must_use]
    pub fn log_format(&self) -> Format {
        let usual = if self.zap_devel { Format::Human } else { Format::Json };
        self.zap_encoder.unwrap_or(usual)
    }
}

// === impl Gates ===

impl Gates {
    /// Reads the value of `--feature-gates`.
    ///
    /// # Errors
    ///
    /// A gate that does not exist, or a value that is no boolean.
    pub fn parse(text: &str) -> Result<Self, InvalidFlags> {
        let mut gates = Self::default();
        let mut named = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value =
                go_bool(value.trim()).map_err(|_| InvalidFlags::GateValue(name.to_owned()))?;
            match name.trim() {
                // What is named itself counts, wherever it stands.
                "AllAlpha" => gates = Self::all(value),
                "AllBeta" => {}
                name => named.push((name.to_owned(), value)),
            }
        }
        for (name, value) in named {
            *gates.get(&name).ok_or(InvalidFlags::UnknownGate(name))? = value;
        }
        Ok(gates)
    }

    fn all(value: bool) -> Self {
        Self {
            cel_omit_function: value,
            instance_condition_events: value,
            instance_condition_metrics: value,
        }
    }

    fn get(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "CELOmitFunction" => Some(&mut self.cel_omit_function),
            "InstanceConditionEvents" => Some(&mut self.instance_condition_events),
            "InstanceConditionMetrics" => Some(&mut self.instance_condition_metrics),
            _ => None,
        }
    }
}
