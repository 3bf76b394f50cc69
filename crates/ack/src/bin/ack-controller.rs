//! `ack-controller`: keeps AWS resources as their custom resources say.
//!
//! Exits with 1 if it can't start: a flag that it can't honour, no region, credentials that STS
//! refuses, no way to the cluster. Ends gracefully on SIGTERM and SIGINT; being killed loses
//! nothing.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use ack::aws::ApiMetrics;
use ack::aws::Aws;
use ack::controller;
use ack::controller::Options;
use ack::flags::Flags;
use ack::scope::Settings;
use anyhow::Context;
use anyhow::bail;
use runtime::client::ClientOptions;
use runtime::leader::LeaderOptions;
use runtime::leader::Leadership;
use runtime::logs::Format;
use runtime::logs::LogOptions;
use runtime::probes::Readiness;
use runtime::shutdown::Tasks;
use runtime::store::WatchOptions;

/// How long calls that run may take after a signal.
const GRACE: Duration = Duration::from_secs(25);

/// JSON is many small pieces that come and go on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let logs = LogOptions {
        format: if flags.enable_development_logging { Format::Human } else { Format::Json },
        level: flags.log_level,
        crates: vec!["ack", "ack_controller", "runtime"],
    };
    runtime::logs::init(&logs, None)?;
    let timeout = flags.http_client_timeout.get();
    let path_style = flags.aws_endpoint_use_path_style;
    let registry = prometheus::Registry::new();
    let aws = Aws::from_environment(&flags.aws_region, timeout, path_style).await;
    let aws = Arc::new(aws.counting(ApiMetrics::register(&registry)?));
    let identity_endpoint = flags.identity_endpoint()?;
    let account = match aws.account(identity_endpoint.as_ref()).await {
        Ok(account) => account,
        Err(failure) => bail!(
            "can't learn from STS whose credentials these are: {failure} \
             (its endpoint is set by --aws-identity-endpoint-url)"
        ),
    };
    tracing::info!(account, region = flags.aws_region, "using AWS account");

    let mut client_options = ClientOptions::new(concat!("controller/", env!("CARGO_PKG_VERSION")));
    client_options.kubeconfig.clone_from(&flags.kubeconfig);
    client_options.metrics = Some(runtime::client::ClientMetrics::register(&registry)?);
    let client =
        runtime::client::connect(client_options).await.context("can't reach the cluster")?;

    let tasks = Tasks::new();
    let readiness = Readiness::default();
    let options = options(flags, account, &registry)?;
    runtime::metrics::serve(&tasks, &flags.metrics_addr, registry).await?;
    runtime::probes::serve(&tasks, &flags.healthz_addr, readiness.clone()).await?;
    let leases = elect(flags, &client, &tasks).await?;
    if leases.is_some() {
        controller::start(&client, &aws, &options, &readiness, &tasks);
    }
    tasks.supervise(GRACE).await?;
    for lease in leases.into_iter().flatten() {
        if let Err(error) = lease.release().await {
            tracing::warn!(%error, "a lease was not given up");
        }
    }
    Ok(())
}

/// The lease of each service that is served, held by us; `None` if the process is to stop before.
///
/// They are the leases of the published controllers: one of those and ours never work on the same
/// service together. All take them in the same order, so nobody waits for each other.
async fn elect(
    flags: &Flags,
    client: &kube::Client,
    tasks: &Tasks,
) -> anyhow::Result<Option<Vec<Leadership>>> {
    let mut leases = Vec::new();
    if !flags.enable_leader_election {
        return Ok(Some(leases));
    }
    let namespace = Some(flags.leader_election_namespace.clone()).filter(|name| !name.is_empty());
    let namespace = namespace.unwrap_or_else(system_namespace);
    for service in flags.served() {
        let lease = format!("ack-{service}.services.k8s.aws");
        let options = LeaderOptions::new(lease, namespace.as_str());
        match runtime::leader::elect(client.clone(), options, tasks).await? {
            Some(leadership) => leases.push(leadership),
            None => return Ok(None),
        }
    }
    Ok(Some(leases))
}

/// Where the controller's own objects are.
fn system_namespace() -> String {
    let named = ["ACK_SYSTEM_NAMESPACE", "K8S_NAMESPACE"].into_iter();
    let mut set = named.filter_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty());
    set.next().unwrap_or_else(|| "ack-system".to_owned())
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
            cross_namespace: flags.enable_cross_namespace,
            carm: flags.enable_carm,
        },
        role_selectors: is_on("IAMRoleSelector"),
        role_maps: flags.enable_carm.then(system_namespace),
        role_maps_by: (is_on("TeamLevelCARM"), is_on("ServiceLevelCARM")),
        labels: flags.labels()?,
        exports: flags.enable_field_export_reconciler,
        services: flags.served(),
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
            // A page is parsed as a whole before it is kept as text.
            page_size: 100,
            ..WatchOptions::default()
        },
        queue_metrics: Some(runtime::queue::QueueMetricsVec::register(registry)?),
    })
}
