//! `ack-controller`: keeps AWS resources as their custom resources say.
//!
//! Exits with 1 if it can't start: a flag that it can't honour, no region, credentials that STS
//! refuses, no way to the cluster. Ends gracefully on SIGTERM and SIGINT; being killed loses
//! nothing.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ack::aws::Aws;
use ack::controller;
use ack::controller::Options;
use ack::flags::Flags;
use ack::scope::Settings;
use anyhow::Context;
use anyhow::bail;
use runtime::client::ClientOptions;
use runtime::logs::Format;
use runtime::logs::LogOptions;
use runtime::probes::Readiness;
use runtime::shutdown::Tasks;
use runtime::store::WatchOptions;

/// How long calls that run may take after a signal.
const GRACE: Duration = Duration::from_secs(25);

#[tokio::main]
async fn main() -> ExitCode {
    match serve(&runtime::flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the log may not be set up yet")]
            {
                eprintln!("ack-controller: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs until a signal comes or a task dies.
async fn serve(flags: &Flags) -> anyhow::Result<()> {
    flags.check()?;
    runtime::logs::init(&LogOptions {
        format: if flags.enable_development_logging { Format::Human } else { Format::Json },
        level: flags.log_level,
        crates: vec!["ack", "ack_controller", "runtime"],
    })?;
    let timeout = flags.http_client_timeout.get();
    let path_style = flags.aws_endpoint_use_path_style;
    let aws = Arc::new(Aws::from_environment(&flags.aws_region, timeout, path_style).await);
    let identity_endpoint = flags.identity_endpoint()?;
    let account = match aws.account(identity_endpoint.as_ref()).await {
        Ok(account) => account,
        Err(failure) => bail!(
            "can't learn from STS whose credentials these are: {failure} \
             (its endpoint is set by --aws-identity-endpoint-url)"
        ),
    };
    tracing::info!(account, region = flags.aws_region, "using AWS account");
    if flags.enable_field_export_reconciler {
        tracing::warn!("FieldExport objects are not reconciled yet");
    }

    let registry = prometheus::Registry::new();
    let mut client_options = ClientOptions::new(concat!("controller/", env!("CARGO_PKG_VERSION")));
    client_options.kubeconfig.clone_from(&flags.kubeconfig);
    client_options.metrics = Some(runtime::client::ClientMetrics::register(&registry)?);
    let client =
        runtime::client::connect(client_options).await.context("can't reach the cluster")?;

    let tasks = Tasks::new();
    let readiness = Readiness::default();
    let options = options(flags, account, &registry)?;
    controller::start(&client, &aws, &options, &readiness, &tasks);
    runtime::metrics::serve(&tasks, &flags.metrics_addr, registry).await?;
    runtime::probes::serve(&tasks, &flags.healthz_addr, readiness).await?;
    tasks.supervise(GRACE).await?;
    Ok(())
}

fn options(
    flags: &Flags,
    account: String,
    registry: &prometheus::Registry,
) -> anyhow::Result<Options> {
    let gates = flags.gates()?;
    let is_on = |gate| gates.get(gate).copied().unwrap_or(false);
    let namespaces = flags.namespaces();
    let resync = flags.reconcile_resource_resync_seconds.iter();
    let workers = flags.reconcile_resource_max_concurrent_syncs.iter();
    Ok(Options {
        settings: Settings {
            account,
            region: flags.aws_region.clone(),
            endpoint: flags.endpoint()?,
            allow_unsafe_endpoints: flags.allow_unsafe_aws_endpoint_urls,
            deletion_policy: flags.deletion_policy.clone(),
            tags: flags.tags()?,
            version: env!("CARGO_PKG_VERSION"),
            read_only: is_on("ReadOnlyResources"),
            adoption: is_on("ResourceAdoption"),
        },
        // With a single namespace the process may well lack the right to read it.
        namespace_annotations: flags.enable_carm && namespaces.len() != 1,
        namespaces,
        kinds: flags.reconcile_resources.iter().filter(|kind| !kind.is_empty()).cloned().collect(),
        resync: flags.resync(),
        kind_resync: resync
            .map(|item| (item.kind.clone(), Duration::from_secs(item.value)))
            .collect(),
        workers: flags.reconcile_default_max_concurrent_syncs,
        kind_workers: workers.map(|item| (item.kind.clone(), item.value)).collect(),
        watch: WatchOptions {
            metrics: Some(runtime::store::WatchMetricsVec::register(registry)?),
            ..WatchOptions::default()
        },
        queue_metrics: Some(runtime::queue::QueueMetricsVec::register(registry)?),
    })
}
