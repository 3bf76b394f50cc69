//! Tasks of this workspace; run one with `cargo xtask TASK`.
//!
//! Each task is one file with its arguments (a clap type) and a `run` that takes them.
#![expect(clippy::print_stderr, reason = "tasks tell a person what they do")]

mod controlplane;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of this workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    #[command(subcommand)]
    Controlplane(controlplane::Command),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Controlplane(command) => controlplane::run(&command),
    }
}
