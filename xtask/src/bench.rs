//! Measurements beside other programs that do the same; the results lie in `docs/measurements`.

mod cel;
mod controller;

use clap::Subcommand;

/// What can be measured.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The CEL engine beside cel-go and two engines for Rust
    Cel(cel::Arguments),
    /// A kro controller under load: ours, any other, or one against another
    Controller(controller::Arguments),
}

/// Measures, prints a table, and writes the result.
pub(crate) fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Cel(arguments) => cel::run(arguments),
        Bench::Controller(arguments) => controller::run(arguments),
    }
}
