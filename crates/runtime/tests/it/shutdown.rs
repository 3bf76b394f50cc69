//! Supervision of tasks, on paused time.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use runtime::shutdown::StopError;
use runtime::shutdown::Tasks;

const BOUND: Duration = Duration::from_secs(10);

/// A signal after a second, and no other.
fn one_signal() -> impl futures::Stream<Item = &'static str> {
    stream::once(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        "SIGTERM"
    })
}

fn explain(error: &StopError) -> String {
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |e| e.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test(start_paused = true)]
async fn a_signal_stops_every_task_and_waits_for_it() {
    let tasks = Tasks::new();
    let child = tasks.child();
    let token = child.token().clone();
    let (done, finished) = tokio::sync::oneshot::channel();
    child.spawn("slow", async move {
        token.cancelled().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        done.send(()).map_err(|()| "nobody listens".into())
    });
    tasks.supervise_with(one_signal(), BOUND).await.expect("a clean stop");
    finished.await.expect("the task was awaited");
}

#[tokio::test(start_paused = true)]
async fn tasks_that_do_not_stop_are_named_after_the_bound() {
    let tasks = Tasks::new();
    tasks.spawn("stubborn", std::future::pending());
    let started = tokio::time::Instant::now();
    let error = tasks.supervise_with(one_signal(), BOUND).await.expect_err("it does not stop");
    assert_eq!(started.elapsed(), Duration::from_secs(11));
    insta::assert_snapshot!(explain(&error), @"stopped with tasks still running: stubborn");
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_ends_the_wait() {
    let tasks = Tasks::new();
    tasks.spawn("stubborn", std::future::pending());
    let started = tokio::time::Instant::now();
    let signals = one_signal().chain(one_signal());
    tasks.supervise_with(signals, BOUND).await.expect_err("it does not stop");
    assert_eq!(started.elapsed(), Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_ends_the_process() {
    let tasks = Tasks::new();
    let token = tasks.token().clone();
    tasks.spawn("bystander", async move {
        token.cancelled().await;
        Ok(())
    });
    tasks.spawn("unlucky", async { panic!("no luck") });
    let error = tasks.supervise_with(stream::pending(), BOUND).await.expect_err("it died");
    insta::assert_snapshot!(explain(&error), @"task `unlucky` died: panicked: no luck");
    assert!(tasks.token().is_cancelled(), "the others are stopped");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_fails_ends_the_process_with_its_reason() {
    let tasks = Tasks::new();
    tasks.spawn_job("job", async { Err("out of cheese".into()) });
    let error = tasks.supervise_with(stream::pending(), BOUND).await.expect_err("it died");
    insta::assert_snapshot!(explain(&error), @"task `job` died: failed: out of cheese");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_unasked_ends_the_process() {
    let tasks = Tasks::new();
    tasks.spawn("server", async { Ok(()) });
    let error = tasks.supervise_with(stream::pending(), BOUND).await.expect_err("it died");
    insta::assert_snapshot!(explain(&error), @"task `server` died: ended before it was asked to");
}

#[tokio::test(start_paused = true)]
async fn a_job_and_a_cancelled_branch_may_end() {
    let tasks = Tasks::new();
    tasks.spawn_job("job", async { Ok(()) });
    let branch = tasks.child();
    let token = branch.token().clone();
    branch.spawn("watch", async move {
        token.cancelled().await;
        Ok(())
    });
    branch.cancel();
    assert!(!tasks.token().is_cancelled(), "cancelling a branch leaves the root alone");
    tasks.supervise_with(one_signal(), BOUND).await.expect("a clean stop");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_was_spawned_while_stopping_is_awaited_too() {
    let tasks = Tasks::new();
    let spawner = tasks.clone();
    tasks.spawn("parent", async move {
        spawner.token().cancelled().await;
        spawner.spawn_job("late", async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Err("late failure".into())
        });
        Ok(())
    });
    let error = tasks.supervise_with(one_signal(), BOUND).await.expect_err("it died");
    insta::assert_snapshot!(explain(&error), @"task `late` died: failed: late failure");
}

#[tokio::test]
async fn a_real_signal_stops_the_process_gracefully() {
    let tasks = Tasks::new();
    let token = tasks.token().clone();
    tasks.spawn("task", async move {
        token.cancelled().await;
        Ok(())
    });
    // Polled first, so that the handler is there before the signal.
    let supervised = tasks.supervise(BOUND);
    let signal = async {
        let process = std::process::id().to_string();
        let kill = std::process::Command::new("kill").args(["-TERM", &process]).status();
        assert!(kill.expect("kill runs").success());
    };
    let (stopped, ()) = tokio::join!(biased; supervised, signal);
    stopped.expect("a clean stop");
}

#[tokio::test(start_paused = true)]
async fn the_death_of_a_vital_task_ends_the_process_at_once() {
    let tasks = Tasks::new();
    tasks.spawn("stubborn", std::future::pending());
    tasks.spawn_vital("lease", async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        Err("lost".into())
    });
    let started = tokio::time::Instant::now();
    let error = tasks.supervise_with(one_signal(), BOUND).await.expect_err("it died");
    insta::assert_snapshot!(explain(&error), @"task `lease` died: failed: lost");
    assert_eq!(started.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not_wait_for_vital_tasks() {
    let tasks = Tasks::new();
    tasks.spawn_vital("lease", std::future::pending());
    let started = tokio::time::Instant::now();
    tasks.supervise_with(one_signal(), BOUND).await.expect("a clean stop");
    assert_eq!(started.elapsed(), Duration::from_secs(1));
}
