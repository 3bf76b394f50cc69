//! `kro aws-emulator`: an AWS endpoint on this machine.

use std::io::Write as _;

use aws_emulator::command::{self, Arguments};

use crate::{Exit, Failure, Terminal};

/// Serves until it is told to end.
pub(crate) fn run(args: Arguments, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let out = &mut terminal.out;
    let served = command::run(args, |text| {
        // Whoever starts it may not care how to reach it.
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    });
    match served {
        Ok(()) => Ok(Exit::Good),
        Err(error) => Err(Failure::Emulator { source: error.into() }),
    }
}
