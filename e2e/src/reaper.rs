//! Ends what this process started, when this process ends without having done so itself.
//!
//! A shell in a process group of its own reads from a pipe what was started and what has ended.
//! However this process ends, also by SIGKILL, the kernel closes the pipe; the shell then kills
//! what is left and removes the directories that are left. (The kernel's own means, a death signal,
//! is tied to the thread that started a process, and needs unsafe code.)

use std::{
    io::Write,
    os::unix::process::CommandExt,
    path::Path,
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use anyhow::Context;

/// Reads lines `+ x` and `- x`, where x is `p` with the id of a process group, or `d` with the path
/// of a directory; keeps them as its arguments.
const SCRIPT: &str = r#"
while read -r operation entry; do
  case $operation in
    +) set -- "$@" "$entry" ;;
    -) for each do
         shift
         [ "$each" = "$entry" ] || set -- "$@" "$each"
       done ;;
  esac
done
for each do
  case $each in p*) kill -s KILL -- "-${each#p}" 2>/dev/null ;; esac
done
for each do
  # Tried again: what was just killed may still be creating a file.
  case $each in d*) rm -rf -- "${each#d}" || { sleep 1; rm -rf -- "${each#d}"; } ;; esac
done
"#;

/// Something that must not outlive this process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    /// A process group, by the id of its leader.
    Group(u32),
    /// A directory with all that it contains.
    Directory(&'a Path),
}

/// Notes what was started; call it at once after the start.
pub(crate) fn started(entry: Entry<'_>) -> anyhow::Result<()> {
    tell('+', entry)
}

/// Notes what has ended and was waited for, so that nothing else that has its id now is hit.
pub(crate) fn ended(entry: Entry<'_>) -> anyhow::Result<()> {
    tell('-', entry)
}

fn tell(operation: char, entry: Entry<'_>) -> anyhow::Result<()> {
    static REAPER: OnceLock<Mutex<Option<ChildStdin>>> = OnceLock::new();

    let mut pipe =
        REAPER.get_or_init(|| Mutex::new(None)).lock().unwrap_or_else(PoisonError::into_inner);
    if pipe.is_none() {
        *pipe = Some(start()?);
    }
    let line = match entry {
        Entry::Group(id) => format!("{operation} p{id}\n"),
        Entry::Directory(path) => format!("{operation} d{}\n", path.display()),
    };
    let pipe = pipe.as_mut().expect("invariant: started above");
    pipe.write_all(line.as_bytes()).context("the reaper has ended")
}

fn start() -> anyhow::Result<ChildStdin> {
    let mut reaper = Command::new("sh")
        .args(["-c", SCRIPT, "reaper"])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C in the terminal must not reach it.
        .process_group(0)
        .spawn()
        .context("can't run sh")?;
    reaper.stdin.take().context("the reaper has no pipe")
}
