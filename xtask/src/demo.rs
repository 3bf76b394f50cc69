//! The reference example on a real control plane, as a tree that fills in.

use crate::controlplane;
use anyhow::{Context, bail, ensure};
use clap::Args;
use e2e::stack::{Stack, condition};
use e2e::{Options, User};
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How the demo ends.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Exit as soon as everything is ready, with 1 if it can't be
    #[arg(long)]
    once: bool,
}

/// How long everything may take to become ready.
const BOUND: Duration = Duration::from_secs(180);
/// How often the tree is drawn.
const FRAME: Duration = Duration::from_millis(150);

/// A line of the tree: kind and name as kubectl takes them, and how deep it hangs.
const LINES: [(&str, &str, &str); 5] = [
    ("rgd", "application", ""),
    ("application", "my-app", "└─ "),
    ("bucket", "my-app-data", "   ├─ "),
    ("table", "my-app-table", "   ├─ "),
    ("deployment", "my-app", "   └─ "),
];

/// Builds and starts everything, applies the example, and shows how it comes up.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    controlplane::build()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        tokio::select! {
            result = demo(arguments.once) => result,
            _ = tokio::signal::ctrl_c() => {
                eprintln!("\nstopping …");
                ensure!(!arguments.once, "stopped before everything was ready");
                Ok(())
            }
        }
    })
}

async fn demo(once: bool) -> anyhow::Result<()> {
    eprintln!("building kro-controller and ack-controller …");
    e2e::binaries::workspace_binary("controller", "kro-controller")?;
    e2e::binaries::workspace_binary("ack", "ack-controller")?;
    eprintln!("starting the control plane and the AWS endpoint …");
    let mut stack = Stack::start(Options::with_nodes()).await?;
    // For a look at what comes up: a table takes a while, as on AWS.
    stack.aws.control().set_table_delay(Duration::from_secs(3));
    stack.start_kro(&stack.direct(User::KroController))?;
    stack.start_ack(&stack.direct(User::AckController))?;
    eprintln!("kubectl apply -f examples/application/rgd.yaml");
    stack.apply_example("rgd.yaml").await?;
    stack.wait_served().await?;
    eprintln!("kubectl apply -f examples/application/instance.yaml\n");
    stack.apply_example("instance.yaml").await?;
    watch(&stack).await?;
    let yaml = stack.plane.kubectl(&["get", "application", "my-app", "-o", "yaml"]).await?;
    print(&format!("\n{yaml}\n"));
    if once {
        return Ok(());
    }
    let kubeconfig = stack.plane.kubeconfig(User::Admin);
    eprintln!("\nTo look around, in another terminal:");
    eprintln!("  export KUBECONFIG={}", kubeconfig.display());
    eprintln!(
        "  {} get applications,buckets,tables,deployments",
        stack.plane.kubectl_path().display()
    );
    eprintln!("The AWS endpoint is {}.", stack.aws.url());
    eprintln!("Ctrl-C stops everything.");
    std::future::pending().await
}

/// Draws the tree until everything is ready.
async fn watch(stack: &Stack) -> anyhow::Result<()> {
    let started = Instant::now();
    let redraw = std::io::stderr().is_terminal();
    let mut shown: Vec<String> = Vec::new();
    loop {
        let mut lines = Vec::new();
        let mut ready = true;
        for (kind, name, indent) in LINES {
            let object = stack.get(kind, "default", name).await?;
            let (state, why) = state(kind, object.as_ref());
            ready &= why.is_none();
            let why = why
                .filter(|why| !why.is_empty())
                .map(|why| format!("  ({why})"))
                .unwrap_or_default();
            lines.push(format!("{indent}{kind}/{name}: {state}{why}"));
        }
        draw(&lines, &shown, redraw)?;
        shown = lines;
        if ready {
            eprintln!("\neverything is ready after {:.1} s", started.elapsed().as_secs_f32());
            return Ok(());
        }
        if started.elapsed() > BOUND {
            bail!(
                "not ready within {} s:\n{}\n{}",
                BOUND.as_secs(),
                shown.join("\n"),
                stack.logs()
            );
        }
        tokio::time::sleep(FRAME).await;
    }
}

/// On a terminal the tree is drawn in place; elsewhere only lines that changed are printed.
fn draw(lines: &[String], shown: &[String], redraw: bool) -> anyhow::Result<()> {
    if lines == shown {
        return Ok(());
    }
    let mut out = std::io::stderr().lock();
    if redraw {
        if !shown.is_empty() {
            write!(out, "\x1b[{}A", shown.len())?;
        }
        for line in lines {
            writeln!(out, "\x1b[2K{}", line.chars().take(160).collect::<String>())?;
        }
    } else {
        for line in lines.iter().filter(|line| !shown.contains(line)) {
            writeln!(out, "{}", line.trim_start())?;
        }
    }
    out.flush().context("can't draw")
}

/// What the tree says about an object, and why it is not ready yet.
fn state(kind: &str, object: Option<&Value>) -> (String, Option<String>) {
    let Some(object) = object else { return ("…".to_owned(), Some(String::new())) };
    let status = &object["status"];
    let text = |value: &Value| value.as_str().unwrap_or("…").to_owned();
    match kind {
        "rgd" => {
            let state = text(&status["state"]);
            let why = (state != "Active").then(|| text(&condition(object, "Ready")["message"]));
            (state, why)
        }
        "application" => {
            let state = text(&status["state"]);
            let why =
                (state != "ACTIVE").then(|| text(&condition(object, "ResourcesReady")["message"]));
            (state, why)
        }
        "deployment" => {
            let available = status["availableReplicas"].as_i64().unwrap_or(0);
            let why = (available < 1).then(|| "no replica is available yet".to_owned());
            (format!("{available}/1 available"), why)
        }
        _ => {
            let synced = condition(object, "ACK.ResourceSynced");
            if synced["status"] == "True" {
                return (text(&status["ackResourceMetadata"]["arn"]), None);
            }
            (text(&status["tableStatus"]), Some(text(&synced["message"])))
        }
    }
}

#[expect(clippy::print_stdout, reason = "the result of the command")]
fn print(text: &str) {
    println!("{text}");
}
