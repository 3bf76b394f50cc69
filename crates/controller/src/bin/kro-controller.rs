//! The kro controller as a process.

use anyhow::Context as _;
use clap::Parser;
use runtime::client::{ClientMetrics, ClientOptions, connect};
use runtime::logs::{Format, Level, LogOptions};
use runtime::probes::Readiness;
use runtime::queue::QueueMetricsVec;
use runtime::shutdown::Tasks;
use runtime::store::{WatchMetricsVec, WatchOptions};
use runtime::{flags, logs, metrics, probes};
use std::time::Duration;

/// Turns ResourceGraphDefinitions into APIs, and their instances into objects.
#[derive(Debug, Parser)]
#[command(name = "kro-controller", version)]
struct Flags {
    /// Path of a kubeconfig; KUBECONFIG, ~/.kube/config or the in-cluster configuration otherwise.
    #[arg(long, default_value = "")]
    kubeconfig: String,
    /// Where /healthz and /readyz are served; 0 turns them off.
    #[arg(long, default_value = ":8079")]
    health_probe_bind_address: String,
    /// Where /metrics is served; 0 turns it off.
    #[arg(long, default_value = ":8078")]
    metrics_bind_address: String,
    /// Delete a definition's CRD, and all instances, with the definition.
    #[arg(long)]
    allow_crd_deletion: bool,
    /// How long a stop may take.
    #[arg(long, default_value = "60s")]
    graceful_shutdown_timeout: flags::GoDuration,
    /// Instances that are reconciled at once.
    #[arg(long, default_value_t = 64)]
    dynamic_controller_concurrent_reconciles: usize,
    /// Log debug messages.
    #[arg(long)]
    verbose: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flags: Flags = flags::parse();
    let version = env!("CARGO_PKG_VERSION");
    let level = if flags.verbose { Level::DEBUG } else { Level::INFO };
    let crates = vec!["kro_controller", "controller", "runtime"];
    logs::init(&LogOptions { format: Format::Human, level, crates })?;
    let tasks = Tasks::new();
    let readiness = Readiness::default();
    let registry = prometheus::Registry::new();
    let watch = WatchOptions {
        metrics: Some(WatchMetricsVec::register(&registry)?),
        ..WatchOptions::default()
    };
    let queues = QueueMetricsVec::register(&registry)?;
    probes::serve(&tasks, &flags.health_probe_bind_address, readiness.clone())
        .await
        .context("can't serve probes")?;
    metrics::serve(&tasks, &flags.metrics_bind_address, registry.clone())
        .await
        .context("can't serve metrics")?;
    let mut client = ClientOptions::new(format!("kro/{version}"));
    client.kubeconfig = flags.kubeconfig;
    client.metrics = Some(ClientMetrics::register(&registry)?);
    let client = connect(client).await.context("can't connect to the API server")?;
    let options = controller::Options {
        kro_version: version.replace('+', "-"),
        allow_crd_deletion: flags.allow_crd_deletion,
        concurrent_instances: flags.dynamic_controller_concurrent_reconciles.max(1),
    };
    controller::start(client, options, watch, &queues, &tasks, &readiness);
    let bound: Duration = flags.graceful_shutdown_timeout.get();
    tasks.supervise(bound).await.context("the controller stopped")?;
    Ok(())
}
