//! `kro-controller`: the kro controller as a process.
//!
//! Exits with 2 on a command line that it can't read, with 1 if it can't start or lost what it
//! needs to go on. Ends gracefully on SIGTERM and SIGINT; being killed loses nothing.

use anyhow::Context as _;
use controller::{Flags, Instruments};
use runtime::client::{ClientMetrics, ClientOptions, connect};
use runtime::leader;
use runtime::logs::LogOptions;
use runtime::probes::Readiness;
use runtime::shutdown::Tasks;
use runtime::traces::Traces;
use runtime::{flags, logs, metrics, probes};
use std::process::ExitCode;

/// What the labels `kro.run/kro-version` say. As in Go, only whoever makes a release gives a version,
/// in the environment of the build.
const VERSION: &str = match option_env!("KRO_VERSION") {
    Some(version) => version,
    None => "devel",
};
/// Where a pod finds the name of its namespace.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// JSON is many small pieces that come and go on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Traces::from_environment("kro-controller", VERSION) {
        Err(error) => Err(error.into()),
        Ok(traces) => {
            let ended = run(flags::parse(), traces.as_ref()).await;
            if let Some(traces) = traces {
                traces.shut_down().await;
            }
            ended
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the log may not be set up yet")]
            {
                eprintln!("kro-controller: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs until a signal comes, the lease is lost, or a task dies.
async fn run(flags: Flags, traces: Option<&Traces>) -> anyhow::Result<()> {
    let options = flags.options(VERSION)?;
    let namespace = std::fs::read_to_string(NAMESPACE).ok();
    let election = flags.election(namespace.map(|name| name.trim().to_owned()))?;
    let crates = vec!["kro_controller", "controller", "runtime"];
    let format = flags.log_format();
    logs::init(&LogOptions { format, level: flags.zap_log_level, crates }, traces)?;
    tracing::info!(version = VERSION, gates = ?options.gates, "starting");
    let tasks = Tasks::new();
    let readiness = Readiness::default();
    let registry = prometheus::Registry::new();
    let instruments = Instruments::register(&registry)?;
    let mut connection = ClientOptions::new(format!("kro/{VERSION}"));
    connection.kubeconfig.clone_from(&flags.kubeconfig);
    connection.metrics = Some(ClientMetrics::register(&registry)?);
    connection.rate_limit = flags.rate_limit();
    if let Some(limit) = connection.rate_limit {
        tracing::warn!(
            qps = limit.qps,
            burst = limit.burst,
            "requests are limited: no more writes per second than this, whatever the API server \
             could take; leave out --client-qps and --client-burst for no limit"
        );
    }
    probes::serve(&tasks, &flags.health_probe_bind_address, readiness.clone())
        .await
        .context("can't serve probes")?;
    metrics::serve(&tasks, &flags.metrics_bind_address, registry)
        .await
        .context("can't serve metrics")?;
    #[cfg(debug_assertions)]
    runtime::profile::serve(&tasks, &flags.pprof_bind_address)
        .await
        .context("can't serve profiles")?;
    let client = connect(connection).await.context("can't connect to the API server")?;
    let bound = flags.graceful_shutdown_timeout.get();
    let upgrade = flags.upgrade_crds;
    let Some(election) = election else {
        if upgrade {
            controller::upgrade_crds(&client).await.context("can't bring CRDs up to date")?;
        }
        controller::start(client, options, &instruments, &tasks, &readiness)?;
        return tasks.supervise(bound).await.context("the controller stopped");
    };
    let (leading, led) = tokio::sync::oneshot::channel();
    let branch = tasks.clone();
    tasks.spawn_job("election", async move {
        // A signal ends the wait for the lease, too.
        let leadership = leader::elect(client.clone(), election, &branch).await?;
        if leadership.is_some() {
            if upgrade {
                controller::upgrade_crds(&client).await?;
            }
            controller::start(client, options, &instruments, &branch, &readiness)?;
        }
        // Whoever waits for it is gone only when the process is.
        drop(leading.send(leadership));
        Ok(())
    });
    tasks.supervise(bound).await.context("the controller stopped")?;
    if let Ok(Some(leadership)) = led.await
        && let Err(error) = leadership.release().await
    {
        tracing::warn!(%error, "the lease was not given up");
    }
    Ok(())
}
