//! A wall clock that jumps, for one program.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::Program;

/// The wall clock of a program: right, until it is [put](WallClock::put).
///
/// The C library's `clock_gettime` is replaced for that program only. Time that has passed is
/// measured by the monotonic clock, which cannot be set on a real machine either, and stays as it is.
#[derive(Debug)]
pub struct WallClock {
    library: PathBuf,
    offset: PathBuf,
}

impl WallClock {
    /// Makes a clock; its files go into `directory`.
    ///
    /// # Errors
    ///
    /// There is no C compiler, which Rust itself needs as its linker, or it fails.
    pub fn new(directory: &Path) -> anyhow::Result<Self> {
        let source = directory.join("offset.c");
        fs::write(&source, include_str!("clock/offset.c"))?;
        let clock =
            Self { library: directory.join("offset.so"), offset: directory.join("clock-offset") };
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&clock.library, &source])
            .arg("-ldl")
            .output()
            .context("can't run cc")?;
        ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
        clock.put(0)?;
        Ok(clock)
    }

    /// Makes a program go by this clock.
    #[must_use]
    pub fn on(&self, program: Program) -> Program {
        program.env("LD_PRELOAD", &self.library).env("CLOCK_OFFSET", &self.offset)
    }

    /// Puts it so many seconds ahead of the true time, at once.
    ///
    /// # Errors
    ///
    /// Its file can't be written.
    pub fn put(&self, seconds: i64) -> anyhow::Result<()> {
        // Replaced as a whole, so that nobody reads half of it.
        let new = self.offset.with_extension("new");
        fs::write(&new, seconds.to_string())?;
        fs::rename(&new, &self.offset).context("can't put the clock")
    }
}
