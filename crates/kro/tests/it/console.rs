//! Transcripts of terminal sessions that are run again.
//!
//! A line `$ COMMAND` is given to a shell; the lines up to the next command are what it prints,
//! standard error first; `[exit N]` stands for an exit code other than 0.
//! With `KRO_CONSOLE=overwrite` in the environment the transcripts are rewritten instead.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The transcript with what the commands print now, run in `directory`.
pub(crate) fn rerun(transcript: &str, directory: &Path) -> String {
    let mut fresh = String::new();
    let mut commands = transcript.lines().filter_map(|line| line.strip_prefix("$ ")).peekable();
    while let Some(command) = commands.next() {
        writeln!(fresh, "$ {command}").expect("a string takes everything");
        fresh.push_str(&run(command, directory));
        if commands.peek().is_some() && !fresh.ends_with("\n\n") {
            fresh.push('\n');
        }
    }
    fresh
}

fn run(command: &str, directory: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_kro"));
    let mut path = program.parent().expect("it is in a directory").as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(directory)
        .env_clear()
        .env("PATH", path)
        .env("HOME", directory)
        .output()
        .expect("a shell runs");
    let mut text = String::from_utf8(output.stderr).expect("the output is UTF-8");
    text.push_str(&String::from_utf8(output.stdout).expect("the output is UTF-8"));
    let mut text: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    match output.status.code() {
        Some(0) => {}
        Some(code) => writeln!(text, "[exit {code}]").expect("a string takes everything"),
        None => panic!("`{command}` was killed"),
    }
    text
}

/// Runs a Markdown page: fences called `yaml NAME` are files, fences called `console` are
/// transcripts if they begin with `$ `, all in one directory. Returns the page with what the commands print now.
pub(crate) fn rerun_page(page: &str, directory: &Path) -> String {
    let mut fresh = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        writeln!(fresh, "{line}").expect("a string takes everything");
        let Some(fence) = line.strip_prefix("```").filter(|info| !info.is_empty()) else {
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let body = body.iter().map(|line| format!("{line}\n")).collect::<String>();
        match fence.split_once(' ') {
            Some(("yaml", name)) => {
                let path = directory.join(name);
                fs::create_dir_all(path.parent().expect("a file is in a directory"))
                    .expect("directories can be made");
                fs::write(path, &body).expect("a file can be written");
                fresh.push_str(&body);
            }
            _ if fence == "console" && body.starts_with("$ ") => {
                fresh.push_str(&rerun(&body, directory));
            }
            Some(_) | None => fresh.push_str(&body),
        }
        fresh.push_str("```\n");
    }
    fresh
}

/// Compares a file with its fresh form, or overwrites it; the answer is what differs.
pub(crate) fn settle(file: &Path, fresh: &str) -> Option<String> {
    let expected = fs::read_to_string(file).expect("the transcript can be read");
    if expected == fresh {
        return None;
    }
    if env::var("KRO_CONSOLE").is_ok_and(|value| value == "overwrite") {
        fs::write(file, fresh).expect("the transcript can be written");
        return None;
    }
    let wrong = expected.lines().zip(fresh.lines()).position(|(old, new)| old != new);
    let line = wrong.map_or(expected.lines().count().min(fresh.lines().count()), |at| at) + 1;
    Some(format!("{}:{line}: the output changed; now it is\n{fresh}", file.display()))
}

/// A copy of a directory that commands may write to.
pub(crate) fn sandbox(directory: &Path) -> tempfile::TempDir {
    let sandbox = tempfile::tempdir().expect("a temporary directory can be made");
    copy(directory, sandbox.path());
    sandbox
}

fn copy(from: &Path, to: &Path) {
    for path in entries(from) {
        let to = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            fs::create_dir(&to).expect("a directory can be made");
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).expect("a file can be copied");
        }
    }
}

/// The entries of a directory, in order.
pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the directory can be read");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    entries.sort();
    entries
}
