//! Measurements, where there are any beside other programs; the results lie in `docs/measurements`.

mod ack;
mod cel;
mod compiler;
mod controller;
mod load;
mod usage;

use clap::Subcommand;

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// `ack-controller` with thousands of AWS resources, over an AWS that takes its time
    Ack(ack::Arguments),
    /// The CEL engine beside cel-go and two engines for Rust
    Cel(cel::Arguments),
    /// The compiler, and the commands that use it, as whole processes
    Compiler(compiler::Arguments),
    /// A kro controller under load: ours, any other, or one against another
    Controller(controller::Arguments),
}

/// Measures, prints a table, and writes the result.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Ack(arguments) => ack::run(arguments),
        Bench::Cel(arguments) => cel::run(arguments),
        Bench::Compiler(arguments) => compiler::run(arguments),
        Bench::Controller(arguments) => controller::run(arguments),
    }
}
