use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use e2e::{ControlPlane, Options, binaries};

use crate::SOON;

/// Set in the process that is to be killed.
const VICTIM: &str = "E2E_VICTIM";

#[test]
fn nothing_survives_a_drop() {
    e2e::scenario(async || {
        let plane = ControlPlane::start(Options::with_nodes()).await?;
        let (ids, directory) = parts(&plane);
        assert_eq!(ids.len(), 5);
        assert!(ids.iter().all(|id| runs(*id)) && directory.exists());
        drop(plane);
        assert!(!ids.iter().any(|id| runs(*id)) && !directory.exists());
        Ok(())
    });
}

/// Runs itself in another process, and kills that.
#[test]
fn nothing_survives_a_test_that_is_killed() {
    if env::var_os(VICTIM).is_some() {
        return e2e::scenario(be_killed);
    }
    if binaries::locate().is_err() {
        // Says that it is left out.
        return e2e::scenario(async || Ok(()));
    }
    e2e::scenario(async || {
        let mut victim = Command::new(env::current_exe()?)
            .args(["--exact", "survival::nothing_survives_a_test_that_is_killed", "--nocapture"])
            .env(VICTIM, "yes")
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(victim.stdout.take().expect("piped"));
        let mut ids: Vec<u32> = Vec::new();
        let mut directory = PathBuf::new();
        for line in output.lines() {
            match line?.split_once(": ") {
                Some(("id", id)) => ids.push(id.parse()?),
                Some(("directory", path)) => directory = path.into(),
                Some(("waiting", _)) => break,
                Some(_) | None => {}
            }
        }
        assert_eq!(ids.len(), 2);
        assert!(ids.iter().all(|id| runs(*id)) && directory.exists());
        victim.kill()?;
        victim.wait()?;
        e2e::wait_for("everything is gone", SOON, async || {
            let gone = !ids.iter().any(|id| runs(*id)) && !directory.exists();
            Ok(gone.then_some(()))
        })
        .await
    });
}

async fn be_killed() -> anyhow::Result<()> {
    let plane = ControlPlane::start(Options::api_server()).await?;
    let (ids, directory) = parts(&plane);
    let mut output = std::io::stdout();
    // The test runner has begun a line.
    writeln!(output)?;
    for id in ids {
        writeln!(output, "id: {id}")?;
    }
    writeln!(output, "directory: {}\nwaiting: yes", directory.display())?;
    std::future::pending().await
}

fn parts(plane: &ControlPlane) -> (Vec<u32>, PathBuf) {
    let ids = plane.processes().iter().filter_map(e2e::Process::id).collect();
    (ids, plane.directory().to_owned())
}

/// Whether a process exists that is not just waiting to be waited for.
fn runs(id: u32) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}
