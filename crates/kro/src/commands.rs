//! The commands, one module each.

use crate::args::Command;
use crate::{Exit, Failure, Terminal};

pub(crate) mod cel;
pub(crate) mod shell;
pub(crate) mod validate;

/// Runs a command.
pub(crate) fn run(command: Command, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Validate(args) => validate::run(&args, terminal),
        Command::Cel(args) => cel::run(args, terminal),
        Command::Completions(args) => shell::completions(&args, terminal),
        Command::Man(args) => shell::man(&args, terminal),
    }
}
