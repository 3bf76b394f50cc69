//! Tasks of this workspace; run one with `cargo xtask TASK`.
//!
//! Each task is one file with its arguments (a clap type) and a `run` that takes them.
#![expect(clippy::print_stderr, reason = "tasks tell a person what they do")]

mod bench;
mod controlplane;
mod demo;
mod image;
mod prove;
mod test;

use clap::{Parser, Subcommand};
use xtask::{builtins, codegen, conformance};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of this workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The tables of the kinds that come with Kubernetes
    #[command(subcommand)]
    Builtins(builtins::Command),
    /// Measurements beside other programs
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Files that are made from tables
    Codegen(codegen::Arguments),
    /// Recorded vectors, from any folder
    #[command(subcommand)]
    Conformance(conformance::Suite),
    /// The Kubernetes control plane on which scenarios and the demo run
    #[command(subcommand)]
    Controlplane(controlplane::Command),
    /// The reference example on a real control plane, as a tree that fills in
    Demo(demo::Arguments),
    /// The container image of a controller, as an OCI layout
    Image(image::Arguments),
    /// A proof in its long form
    #[command(subcommand)]
    Prove(prove::Proof),
    /// All tests: unit tests, fixtures, and the scenarios on the real control plane
    Test,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Builtins(command) => builtins::run(&command),
        Task::Bench(bench) => bench::run(&bench),
        Task::Codegen(arguments) => codegen::run(&arguments),
        Task::Conformance(suite) => conformance::run(&suite),
        Task::Controlplane(command) => controlplane::run(&command),
        Task::Demo(arguments) => demo::run(&arguments),
        Task::Image(arguments) => image::run(&arguments),
        Task::Prove(proof) => prove::run(&proof),
        Task::Test => test::run(),
    }
}
