//! The commands, one module each.

use crate::args::Command;
use crate::{Exit, Failure, Terminal};

#[cfg(feature = "dev")]
pub(crate) mod aws_emulator;
pub(crate) mod cel;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod generate;
pub(crate) mod graph;
pub(crate) mod render;
pub(crate) mod shell;
pub(crate) mod test;
pub(crate) mod validate;

/// Runs a command.
pub(crate) fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Render(args) => render::run(&args, terminal),
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Diff(args) => diff::run(&args, terminal),
        Command::Test(args) => test::run(&args, terminal),
        Command::Graph(args) => graph::run(&args, terminal),
        Command::Generate(args) => generate::run(&args, terminal),
        Command::Explain(args) => explain::run(&args, terminal),
        Command::Cel(args) => cel::run(args, terminal),
        #[cfg(feature = "dev")]
        Command::AwsEmulator(args) => aws_emulator::run(args, terminal),
        Command::Completions(args) => shell::completions(&args, terminal),
        Command::Man(args) => shell::man(&args, terminal),
    }
}
