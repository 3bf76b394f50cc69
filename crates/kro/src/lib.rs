//! The command line: everything a person can do with definitions and no cluster.
//!
//! ```text
//! files ──► input ──► definitions ──► graph::compile ──► report (text, JSON, SARIF, …)
//!                        ▲                   │
//!        kinds ──────────┘                   └──► world + plan::step ──► render, test, diff
//! ```
//!
//! What goes in: arguments, files, standard input. What comes out: text on two streams and an exit
//! code: 0 when all is well, 1 when mistakes were found, 2 when the command was used wrongly.
//! Only here is a diagnostic turned into lines with carets.
//!
//! **Architecture invariant:** nothing is decided here about what is right or what comes next:
//! that is in `graph` and `plan`, which the controller uses too.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

mod args;
#[cfg(feature = "cluster")]
mod cluster;
mod commands;
mod definitions;
mod emit;
mod failure;
mod input;
mod instances;
mod kinds;
mod manifest;
mod report;
mod terminal;
mod world;

pub(crate) use failure::{Exit, Failure};
pub(crate) use terminal::Terminal;

/// The program: reads the arguments of the process, runs the command, says how it went.
#[must_use]
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    let mut terminal = Terminal::of_process(args.color);
    let result = commands::run(args.command, &mut terminal);
    let flushed = terminal.out.flush().map_err(Failure::Output);
    let exit = match result.and_then(|exit| flushed.map(|()| exit)) {
        Ok(exit) => exit,
        Err(failure) => {
            if !failure.is_silent() {
                show(&failure, &mut terminal);
            }
            failure.exit()
        }
    };
    ExitCode::from(exit.code())
}

/// Shows a failure with its causes.
fn show(failure: &Failure, terminal: &mut Terminal) {
    let mut line = format!("{} {failure}", terminal.err.red("error:"));
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    // Nobody is there to hear that standard error can't be written.
    let _ = writeln!(terminal.err, "{line}");
}
