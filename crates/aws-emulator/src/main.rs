//! `aws-emulator`: the emulator as a process of its own.

use std::io::Write;

use aws_emulator::command;
use clap::Parser;

fn main() -> anyhow::Result<()> {
    let arguments = command::Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    command::run(arguments, |text| {
        // Nobody may be listening.
        let _ = std::io::stdout().write_all(text.as_bytes());
    })
}
