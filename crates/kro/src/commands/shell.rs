//! `kro completions` and `kro man`: what a packager installs beside the program.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::args;
use crate::{Exit, Failure, Terminal};

/// Arguments of `kro completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro completions bash > /etc/bash_completion.d/kro
  kro completions zsh > \"${fpath[1]}/_kro\"
  kro completions fish > ~/.config/fish/completions/kro.fish")]
pub(crate) struct CompletionsArgs {
    /// Which shell.
    shell: clap_complete::Shell,
}

/// Arguments of `kro man`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  kro man | man -l -
  kro man --dir /usr/local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Write one page per command into this directory instead of the main page to the output.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn completions(
    args: &CompletionsArgs,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    // The generator panics where it can't write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::Args::command(), "kro", &mut script);
    terminal.out.write_all(&script)?;
    Ok(Exit::Good)
}

pub(crate) fn man(args: &ManArgs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let command = args::Args::command();
    match &args.dir {
        None => clap_mangen::Man::new(command).render(&mut terminal.out)?,
        Some(dir) => {
            let write = |source| Failure::Write { path: dir.clone(), source };
            std::fs::create_dir_all(dir).map_err(write)?;
            clap_mangen::generate_to(command, dir).map_err(write)?;
        }
    }
    Ok(Exit::Good)
}
