//! Recorded vectors, run from any folder, and programs asked side by side.
//!
//! Each suite is one module with a `run` that takes a folder and gives a [`Report`]; the tests call the same function.
//! What need not pass is listed by name in `conformance/skips`, and a listed name that passes is a failure.

pub mod cel_spec;
pub mod kro_cel;
mod report;
pub mod rgd;
pub mod strangers;

use std::io::Write as _;
use std::path::PathBuf;

pub use report::{Failure, Mismatch, Report, SkipList, Skipped, json_files};

/// The suites.
#[derive(clap::Subcommand)]
pub enum Suite {
    /// The emulator of AWS beside independent implementations, asked the same by boto3
    Aws(strangers::Arguments),
    /// The official suite of the language, as JSON
    CelSpec {
        /// The folder with the vectors
        dir: PathBuf,
    },
    /// Expressions and templates that the Go stack has answered
    KroCel {
        /// The folder with the vectors; types are in its folder `schemas`
        dir: PathBuf,
    },
    /// Definitions with the graph and the CRD that the Go stack has made of them
    Rgd {
        /// The folder with the definitions, in folders of their own
        dir: PathBuf,
        /// The folder with CRDs, OpenAPI documents and discovery, by which kinds are resolved
        #[arg(long)]
        schemas: PathBuf,
    },
}

/// Runs a suite and prints its report; the last line is `N passed, M failed, K skipped`.
///
/// # Errors
/// When something failed, or nothing ran.
pub fn run(suite: &Suite) -> anyhow::Result<()> {
    let report = match suite {
        Suite::Aws(arguments) => match strangers::run(arguments)? {
            strangers::Outcome::Ran(report) => report,
            strangers::Outcome::Left(why) => anyhow::bail!("nothing was asked: {why}"),
        },
        Suite::CelSpec { dir } => cel_spec::run(dir),
        Suite::KroCel { dir } => kro_cel::run(dir),
        Suite::Rgd { dir, schemas } => rgd::run(dir, schemas),
    };
    // A reader that has seen enough may close the pipe.
    let _ = std::io::stdout().write_all(report.to_string().as_bytes());
    if !report.succeeded() {
        std::process::exit(1);
    }
    Ok(())
}
