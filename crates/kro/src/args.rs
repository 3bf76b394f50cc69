//! The arguments of the program.

use clap::{Parser, Subcommand};

use crate::commands::cel::CelArgs;
use crate::commands::diff::DiffArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::generate::GenerateArgs;
use crate::commands::graph::GraphArgs;
use crate::commands::render::RenderArgs;
use crate::commands::shell::{CompletionsArgs, ManArgs};
use crate::commands::test::TestArgs;
use crate::commands::validate::ValidateArgs;
use crate::terminal::Color;

/// Validates, renders, compares and tests ResourceGraphDefinitions, without a cluster.
#[derive(Debug, Parser)]
#[command(
    name = "kro",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Exit codes: 0 all is well, 1 mistakes were found, 2 the command was used wrongly."
)]
pub(crate) struct Args {
    /// When output has colours.
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reports every mistake of definitions and instances.
    Validate(ValidateArgs),
    /// Shows what instances become: manifests, status, and what waits.
    Render(RenderArgs),
    /// Shows what would happen to the objects that are there.
    Diff(DiffArgs),
    /// Runs tests: instances, what the world does, and what is expected.
    Test(TestArgs),
    /// Shows what depends on what, and because of which field.
    Graph(GraphArgs),
    /// Writes what follows from a definition: its CRD, an instance to fill in, a reference.
    Generate(GenerateArgs),
    /// Explains the code of a mistake, with an example.
    Explain(ExplainArgs),
    /// Tries expressions of the Common Expression Language.
    Cel(CelArgs),
    /// Serves an AWS endpoint for tests and demos, and says how to reach it.
    #[cfg(feature = "dev")]
    AwsEmulator(aws_emulator::command::Arguments),
    /// Prints a script that completes commands and flags in a shell.
    Completions(CompletionsArgs),
    /// Writes manual pages.
    Man(ManArgs),
}
