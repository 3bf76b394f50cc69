//! Workers over a queue, on paused time.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use futures::stream;
use runtime::backoff::Backoff;
use runtime::queue::Queue;
use runtime::queue::QueueOptions;
use runtime::shutdown::Tasks;
use runtime::workers::Outcome;
use runtime::workers::Requeue;
use runtime::workers::Workers;
use tokio::time::Instant;

/// What happened, at which millisecond.
#[derive(Clone)]
struct Log {
    started: Instant,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Log {
    fn new() -> Log {
        Log { started: Instant::now(), lines: Arc::default() }
    }

    fn write(&self, line: &str) {
        let millis = self.started.elapsed().as_millis();
        self.lines.lock().expect("no panic while held").push(format!("{millis} {line}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().expect("no panic while held"))
    }

    fn outcomes(&self) -> impl Fn(&String, Outcome) + Send + Sync + use<> {
        let log = self.clone();
        move |key, outcome| {
            let Outcome { requeue, panicked, dropped, .. } = outcome;
            log.write(&format!("{key} {requeue:?} panicked={panicked} dropped={dropped}"));
        }
    }
}

fn queue() -> Queue<String> {
    Queue::new(QueueOptions {
        backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(1)),
        ..QueueOptions::default()
    })
}

#[tokio::test(start_paused = true)]
async fn a_key_is_requeued_as_its_reconcile_says() {
    let (queue, tasks, log) = (queue(), Tasks::new(), Log::new());
    let answers = Arc::new(Mutex::new(vec![
        Requeue::Done,
        Requeue::Now,
        Requeue::After(Duration::from_secs(3)),
        Requeue::RateLimited,
        Requeue::RateLimited,
    ]));
    Workers::new("test", 1).observe(log.outcomes()).start(&queue, &tasks, move |_key| {
        let answer = answers.lock().expect("no panic while held").pop().expect("an answer");
        async move { answer }
    });
    queue.add("a".to_owned());
    tokio::time::sleep(Duration::from_secs(60)).await;
    insta::assert_snapshot!(log.take().join("\n"), @r"
    0 a RateLimited panicked=false dropped=false
    200 a RateLimited panicked=false dropped=false
    600 a After(3s) panicked=false dropped=false
    3600 a Now panicked=false dropped=false
    3600 a Done panicked=false dropped=false
    ");
    assert_eq!(queue.failures(&"a".to_owned()), 0);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_of_its_key_only() {
    let (queue, tasks, log) = (queue(), Tasks::new(), Log::new());
    let calls = Arc::new(Mutex::new(0));
    Workers::new("test", 1).observe(log.outcomes()).start(&queue, &tasks, move |key| {
        let calls = Arc::clone(&calls);
        async move {
            let call = {
                let mut calls = calls.lock().expect("no panic while held");
                *calls += 1;
                *calls
            };
            assert!(key != "bad" || call > 2, "{key}");
            Requeue::Done
        }
    });
    queue.add("bad".to_owned());
    queue.add("good".to_owned());
    tokio::time::sleep(Duration::from_secs(60)).await;
    insta::assert_snapshot!(log.take().join("\n"), @r"
    0 bad RateLimited panicked=true dropped=false
    0 good Done panicked=false dropped=false
    200 bad Done panicked=false dropped=false
    ");
    assert!(!tasks.token().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_too_often_waits_for_the_next_event() {
    let (queue, tasks, log) = (queue(), Tasks::new(), Log::new());
    let workers = Workers::new("test", 1).max_retries(2).observe(log.outcomes());
    workers.start(&queue, &tasks, async |_key| Requeue::RateLimited);
    queue.add("a".to_owned());
    tokio::time::sleep(Duration::from_secs(60)).await;
    insta::assert_snapshot!(log.take().join("\n"), @r"
    0 a RateLimited panicked=false dropped=false
    200 a RateLimited panicked=false dropped=false
    600 a RateLimited panicked=false dropped=true
    ");
    queue.add("a".to_owned());
    tokio::time::sleep(Duration::from_millis(1)).await;
    insta::assert_snapshot!(log.take().join("\n"), @"60000 a RateLimited panicked=false dropped=false");
}

#[tokio::test(start_paused = true)]
async fn several_workers_take_several_keys_but_never_one_key() {
    let (queue, tasks, log) = (queue(), Tasks::new(), Log::new());
    let started = log.clone();
    Workers::new("test", 2).observe(log.outcomes()).start(&queue, &tasks, move |key| {
        started.write(&format!("{key} starts"));
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Requeue::Done
        }
    });
    queue.add("a".to_owned());
    tokio::time::sleep(Duration::from_millis(500)).await;
    queue.add("a".to_owned());
    queue.add("b".to_owned());
    tokio::time::sleep(Duration::from_secs(60)).await;
    insta::assert_snapshot!(log.take().join("\n"), @r"
    0 a starts
    500 b starts
    1000 a Done panicked=false dropped=false
    1000 a starts
    1500 b Done panicked=false dropped=false
    2000 a Done panicked=false dropped=false
    ");
}

#[tokio::test(start_paused = true)]
async fn stopping_awaits_what_runs_and_starts_nothing_new() {
    let (queue, tasks, log) = (queue(), Tasks::new(), Log::new());
    Workers::new("test", 1).observe(log.outcomes()).start(&queue, &tasks, async |_key| {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Requeue::Now
    });
    queue.add("running".to_owned());
    queue.add("waiting".to_owned());
    let signals = stream::once(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        "SIGTERM"
    });
    let bound = Duration::from_secs(60);
    tasks.supervise_with(signals, bound).await.expect("a clean stop");
    insta::assert_snapshot!(log.take().join("\n"), @"5000 running Now panicked=false dropped=true");
}
