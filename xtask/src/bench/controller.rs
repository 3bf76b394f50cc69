//! A kro controller under load, on a control plane of its own.
//!
//! Any command line is taken, so that two controllers can be compared in one run. What the API
//! server takes without a controller is measured first: rates on different machines compare only
//! as shares of that.

use crate::controlplane;
use anyhow::{Context, ensure};
use clap::Args;
use e2e::{ControlPlane, Options, Process, Program, User};
use load::{Load, Measured};
use serde_json::json;
use shapes::Shape;
use std::path::PathBuf;
use std::time::Duration;

mod load;
mod report;
mod shapes;

/// What to measure, and where the result goes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The controller's command line; `{kubeconfig}` in it, and KUBECONFIG in its environment, are
    /// the way to the API server. Ours, built for release, by default
    #[arg(long)]
    controller: Option<String>,
    /// Take ours as it is built for tests: requests count, times say little
    #[arg(long, conflicts_with = "controller")]
    debug: bool,
    /// Another controller, measured in turn on a control plane of its own; can be repeated
    #[arg(long)]
    against: Vec<String>,
    /// Where the result goes, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Where the result goes, as Markdown
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Few instances, for less than a minute
    #[arg(long)]
    quick: bool,
    /// Which shapes: maps, graph, collection, external, chain, waiting, many; by default all but
    /// many. `maps=200` takes that many instances in place of the usual number
    #[arg(long, value_delimiter = ',')]
    shapes: Vec<String>,
    /// For how long a steady state is looked at, in seconds
    #[arg(long, default_value_t = 10)]
    steady: u64,
}

/// Measures one controller or two.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    controlplane::build()?;
    let shapes = shapes::chosen(&arguments.shapes, arguments.quick)?;
    let ours = match &arguments.controller {
        Some(command) => command.clone(),
        None => {
            let (package, name) = ("controller", "kro-controller");
            let binary = match arguments.debug {
                true => e2e::binaries::workspace_binary(package, name)?,
                false => e2e::binaries::release_binary(package, name)?,
            };
            format!("{} --metrics-bind-address=0 --health-probe-bind-address=0", binary.display())
        }
    };
    let commands: Vec<String> = [&ours].into_iter().chain(&arguments.against).cloned().collect();
    let steady = Duration::from_secs(if arguments.quick { 3 } else { arguments.steady });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut measured = Vec::new();
    for shape in &shapes {
        let mut runs = Vec::new();
        for command in &commands {
            let run = runtime.block_on(measure(command, shape, steady));
            runs.push(run.with_context(|| format!("shape {}, {command}", shape.name))?);
            eprintln!("{}: {command} is done", shape.name);
        }
        measured.push(runs);
    }
    // Where a binary lies says nothing to others.
    let commands: Vec<String> = commands.iter().map(|command| without_folder(command)).collect();
    let table = report::table(&commands, &measured)?;
    eprint!("{table}");
    if let Some(path) = &arguments.json {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let result = json!({"cores": cores, "controllers": commands, "shapes": measured});
        std::fs::write(path, serde_json::to_vec_pretty(&result)?)
            .with_context(|| format!("can't write {}", path.display()))?;
    }
    if let Some(path) = &arguments.markdown {
        let page = report::page(&commands, &table)?;
        std::fs::write(path, page).with_context(|| format!("can't write {}", path.display()))?;
    }
    // Other controllers are measured, not judged.
    if arguments.controller.is_none() { report::check(&measured) } else { Ok(()) }
}

/// Measures one controller with one shape: an empty API server, and a controller that has seen
/// nothing.
async fn measure(command: &str, shape: &Shape, steady: Duration) -> anyhow::Result<Measured> {
    let plane = ControlPlane::start(Options::api_server()).await?;
    let crds = e2e::stack::file("crates/controller/crds");
    plane.kubectl(&["apply", "--server-side", "-f", &crds]).await?;
    let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
    plane.kubectl(&established).await?;
    let raw = load::raw(&plane, shape).await?;
    let controller = start(&plane, command)?;
    let measured = Load::new(&plane, &controller, shape).run(raw, steady).await;
    measured.with_context(|| controller.log_tail(15))
}

/// A command line without the folder of its program.
fn without_folder(command: &str) -> String {
    let (program, arguments) = command.split_once(' ').unwrap_or((command, ""));
    let name = program.rsplit('/').next().unwrap_or(program);
    format!("{name} {arguments}").trim_end().to_owned()
}

fn start(plane: &ControlPlane, command: &str) -> anyhow::Result<Process> {
    let kubeconfig = plane.kubeconfig(User::KroController);
    let text = kubeconfig.display().to_string();
    let mut words = command.split_whitespace().map(|word| word.replace("{kubeconfig}", &text));
    let program = words.next().context("an empty command line")?;
    let path = PathBuf::from(&program);
    ensure!(path.is_file(), "there is no {program}");
    let program = Program::new("controller", path).args(words).env("KUBECONFIG", kubeconfig);
    plane.run(program)
}
