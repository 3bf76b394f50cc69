//! Files that are made from tables, committed, and compared in CI.
//!
//! A generator is one module with a `files` that gives what it makes.

pub mod cel;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// A file as its generator makes it.
#[derive(Clone, Debug)]
pub struct Generated {
    /// From the root of the workspace.
    pub path: PathBuf,
    /// All of it.
    pub text: String,
}

/// What is generated.
#[derive(clap::Args)]
pub struct Arguments {
    /// Change nothing; fail if a file is not as it would be made
    #[arg(long)]
    check: bool,
}

/// Makes all files, or says which of them are not as they would be made.
///
/// # Errors
/// A table that can't be read, a file that can't be written; with `--check`, files that differ.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    crds(arguments.check)?;
    let different = different()?;
    if arguments.check {
        let names: Vec<String> =
            different.iter().map(|file| file.path.display().to_string()).collect();
        ensure!(names.is_empty(), "run `cargo xtask codegen`: {} differ", names.join(", "));
        return Ok(());
    }
    for file in different {
        let path = root().join(&file.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, file.text).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

/// The CRDs of `ack`, which its own program makes: this one knows nothing of AWS.
fn crds(check: bool) -> anyhow::Result<()> {
    let mut program = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    program.args(["run", "--quiet", "--package", "ack", "--example", "crds", "--"]);
    program.args(check.then_some("--check"));
    let status = program.status().context("can't run cargo")?;
    ensure!(status.success(), "run `cargo xtask codegen`: CRDs of ack differ ({status})");
    Ok(())
}

/// The files that are not as they would be made, but for the CRDs of `ack`, which a test of its own
/// compares.
///
/// # Errors
/// A table that can't be read.
pub fn different() -> anyhow::Result<Vec<Generated>> {
    let mut files = cel::files()?;
    files.retain(|file| {
        fs::read_to_string(root().join(&file.path)).ok().as_ref() != Some(&file.text)
    });
    Ok(files)
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
