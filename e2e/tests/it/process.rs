use std::{os::unix::process::ExitStatusExt, time::Duration};

use e2e::{Process, Program};

use crate::SOON;

fn shell(name: &str, script: &str) -> Program {
    Program::new(name, "/bin/sh").args(["-c", script])
}

async fn has_written(process: &Process, text: &str) -> anyhow::Result<()> {
    e2e::wait_for(format!("{process} has written {text}"), SOON, async || {
        Ok(process.log().contains(text).then_some(()))
    })
    .await
}

#[tokio::test]
async fn output_goes_to_a_file_and_a_restart_continues_it() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let program = shell("greeter", "echo hello $NAME; echo bad >&2; exit 3").env("NAME", "there");
    let process = Process::start(program, directory.path())?;
    let status = e2e::wait_for("it ends", SOON, async || process.ended()).await?;
    assert_eq!(status.code(), Some(3));
    assert_eq!(process.log_tail(5), "hello there\nbad");
    assert_eq!(process.id(), None);
    process.restart()?;
    e2e::wait_for("it ends again", SOON, async || process.ended()).await?;
    assert_eq!(process.log(), "hello there\nbad\nhello there\nbad\n");
    Ok(())
}

#[tokio::test]
async fn it_ends_when_asked_and_dies_when_it_does_not_listen() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let polite = shell("polite", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done");
    let process = Process::start(polite, directory.path())?;
    has_written(&process, "ready").await?;
    assert!(process.restart().is_err(), "it still runs");
    assert_eq!(process.terminate(SOON).await?.code(), Some(0));

    let deaf = shell("deaf", "trap '' TERM; echo ready; while :; do sleep 0.05; done");
    let process = Process::start(deaf, directory.path())?;
    has_written(&process, "ready").await?;
    let error = process.terminate(Duration::from_millis(200)).await.expect_err("it is deaf");
    assert!(error.to_string().ends_with("its log ends with\nready"), "{error}");
    assert_eq!(process.ended()?.and_then(|status| status.signal()), Some(9));
    Ok(())
}

#[tokio::test]
async fn a_killer_kills_what_runs_now() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let process = Process::start(shell("sleeper", "exec sleep 1000"), directory.path())?;
    let killer = process.killer();
    killer.kill()?;
    assert_eq!(process.ended()?.and_then(|status| status.signal()), Some(9));
    process.restart()?;
    assert!(process.id().is_some());
    killer.kill()?;
    assert_eq!(process.id(), None);
    killer.kill()
}
