//! `ack-controller` under load: many buckets, tables and queues at once, over an AWS endpoint that
//! takes its time to answer; then what resyncs of unchanged objects ask for.

use crate::controlplane;
use anyhow::Context;
use clap::Args;
use e2e::Options;
use e2e::stack::Stack;
use load::Load;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

mod kinds;
mod load;
mod report;
mod resync;

/// Objects of each kind that are left alone while their resyncs are counted.
const UNCHANGED: usize = 3;

/// What to measure, and where the result goes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The controller, if it is built already; built for release by default
    #[arg(long)]
    controller: Option<PathBuf>,
    /// How many buckets, tables and queues, each
    #[arg(long, default_value_t = 1_000)]
    number: usize,
    /// How many objects of a kind the controller works on at a time, a run for each; the first is
    /// what it does without a flag
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10])]
    workers: Vec<usize>,
    /// How long AWS takes over each call, in milliseconds
    #[arg(long, default_value_t = 20)]
    latency: u32,
    /// Few objects, for less than a minute
    #[arg(long)]
    quick: bool,
    /// Where the result goes, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the result goes, as Markdown
    #[arg(long)]
    markdown: Option<PathBuf>,
}

/// Measures, and holds what does not depend on the machine.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    controlplane::build()?;
    let controller = match &arguments.controller {
        Some(path) => path.clone(),
        None => e2e::binaries::release_binary("ack", "ack-controller")?,
    };
    let number = if arguments.quick { 30 } else { arguments.number };
    let latency = Duration::from_millis(arguments.latency.into());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (loads, resyncs) = runtime.block_on(async {
        let mut loads = Vec::new();
        for workers in &arguments.workers {
            let stack = Stack::start(Options::api_server()).await?;
            stack.aws.control().set_latency(latency);
            let load = Load::new(&stack, number, *workers, latency);
            loads.push(load.run(&controller).await.context("under load")?);
        }
        let stack = Stack::start(Options::api_server()).await?;
        let resyncs = resync::count(&stack, UNCHANGED, &controller).await;
        anyhow::Ok((loads, resyncs.context("resyncs")?))
    })?;
    let table = report::table(&loads, &resyncs)?;
    eprint!("{table}");
    if let Some(path) = &arguments.json {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let result = json!({"cores": cores, "load": loads, "resyncs": resyncs});
        std::fs::write(path, serde_json::to_vec_pretty(&result)?)
            .with_context(|| format!("can't write {}", path.display()))?;
    }
    if let Some(path) = &arguments.markdown {
        std::fs::write(path, table).with_context(|| format!("can't write {}", path.display()))?;
    }
    report::check(&loads, &resyncs)
}
