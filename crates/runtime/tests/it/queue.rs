//! The work queue, on paused time.

use std::time::Duration;

use futures::FutureExt;
use prometheus::Registry;
use runtime::backoff::Backoff;
use runtime::queue::Added;
use runtime::queue::Queue;
use runtime::queue::QueueMetricsVec;
use runtime::queue::QueueOptions;
use tokio::time::Instant;

fn queue() -> Queue<&'static str> {
    Queue::new(QueueOptions {
        backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(1)),
        ..QueueOptions::default()
    })
}

/// Waits for the next key, gives it back at once, and says after how many milliseconds it came.
async fn take(queue: &Queue<&'static str>) -> (&'static str, u128) {
    let started = Instant::now();
    let held = queue.next().await.expect("the queue is not shut down");
    (*held.key(), started.elapsed().as_millis())
}

#[track_caller]
fn assert_nothing_ready(queue: &Queue<&'static str>) {
    assert!(queue.next().now_or_never().is_none(), "a key was handed out");
}

#[tokio::test(start_paused = true)]
async fn keys_come_in_order_and_once() {
    let queue = queue();
    assert_eq!(queue.add("b"), Added::Queued);
    assert_eq!(queue.add("a"), Added::Queued);
    assert_eq!(queue.add("b"), Added::Merged);
    assert_eq!(queue.depth(), 2);
    assert_eq!(take(&queue).await, ("b", 0));
    assert_eq!(take(&queue).await, ("a", 0));
    assert_nothing_ready(&queue);
}

#[tokio::test(start_paused = true)]
async fn a_held_key_is_handed_out_again_only_after_it_was_given_back() {
    let queue = queue();
    queue.add("a");
    let held = queue.next().await.expect("a key");
    assert_eq!(queue.add("a"), Added::Queued);
    assert_eq!(queue.add("a"), Added::Merged);
    assert_nothing_ready(&queue);
    assert_eq!(queue.in_work().0, 1);
    held.done();
    assert_eq!(take(&queue).await, ("a", 0));
    assert_nothing_ready(&queue);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_key_that_comes_due_while_held_waits_for_its_holder() {
    let queue = queue();
    queue.add("a");
    let held = queue.next().await.expect("a key");
    queue.add_after("a", Duration::from_millis(10));
    tokio::time::advance(Duration::from_millis(50)).await;
    assert_nothing_ready(&queue);
    drop(held);
    assert_eq!(take(&queue).await, ("a", 0));
}

#[tokio::test(start_paused = true)]
async fn of_several_delays_the_shortest_counts() {
    let queue = queue();
    assert_eq!(queue.add_after("a", Duration::from_secs(5)), Added::Queued);
    assert_eq!(queue.add_after("a", Duration::from_secs(9)), Added::Merged);
    assert_eq!(queue.add_after("a", Duration::from_secs(2)), Added::Queued);
    queue.add_after("b", Duration::from_secs(3));
    assert_eq!(take(&queue).await, ("a", 2000));
    assert_eq!(take(&queue).await, ("b", 1000));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_nothing_ready(&queue);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_delay_wakes_a_worker_that_sleeps_for_a_longer_one() {
    let queue = queue();
    queue.add_after("late", Duration::from_secs(60));
    let worker = tokio::spawn({
        let queue = queue.clone();
        async move { take(&queue).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    queue.add_after("soon", Duration::from_secs(1));
    assert_eq!(worker.await.expect("no panic"), ("soon", 2000));
}

#[tokio::test(start_paused = true)]
async fn handing_a_key_out_ends_its_delay() {
    let queue = queue();
    queue.add_after("a", Duration::from_secs(5));
    queue.add("a");
    assert_eq!(take(&queue).await, ("a", 0));
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_nothing_ready(&queue);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_lengthen_the_delay_until_they_are_forgotten() {
    let queue = queue();
    for expected in [200, 400, 800, 1000, 1000] {
        queue.add_rate_limited("a");
        assert_eq!(take(&queue).await, ("a", expected));
    }
    assert_eq!(queue.failures(&"a"), 5);
    queue.forget(&"a");
    queue.add_rate_limited("a");
    assert_eq!(take(&queue).await, ("a", 200));
    queue.add_rate_limited("b");
    assert_eq!(take(&queue).await, ("b", 200), "failures are counted per key");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_waiting_keys_is_bounded() {
    let options = QueueOptions { capacity: 2, ..QueueOptions::default() };
    let queue = Queue::new(options);
    assert_eq!(queue.add("a"), Added::Queued);
    assert_eq!(queue.add_after("b", Duration::from_secs(1)), Added::Queued);
    assert_eq!(queue.add("c"), Added::Refused);
    assert_eq!(queue.add_after("c", Duration::from_secs(1)), Added::Refused);
    assert_eq!(queue.add("a"), Added::Merged);
    assert_eq!(queue.add("b"), Added::Queued, "a key that waits already needs no other place");
    assert_eq!(take(&queue).await, ("a", 0));
    assert_eq!(take(&queue).await, ("b", 0));
    assert_eq!(queue.add("c"), Added::Queued);
}

#[tokio::test(start_paused = true)]
async fn every_worker_gets_work_and_hears_of_the_end() {
    let queue = queue();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut count = 0;
                while let Some(_held) = queue.next().await {
                    count += 1;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                count
            })
        })
        .collect();
    tokio::task::yield_now().await;
    for key in ["a", "b", "c", "d", "e", "f"] {
        queue.add(key);
    }
    tokio::time::sleep(Duration::from_millis(2500)).await;
    queue.shut_down();
    for worker in workers {
        assert_eq!(worker.await.expect("no panic"), 2);
    }
    assert_eq!(queue.add("g"), Added::Refused);
    assert_eq!(queue.add_after("g", Duration::from_secs(1)), Added::Refused);
    assert!(queue.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn shutting_down_drops_what_waits() {
    let queue = queue();
    queue.add("a");
    queue.add_after("b", Duration::from_secs(1));
    queue.shut_down();
    assert!(queue.next().await.is_none());
    assert_eq!(queue.depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_wait_loses_no_key() {
    let queue = queue();
    for _ in 0..3 {
        let waited = tokio::time::timeout(Duration::from_millis(1), queue.next()).await;
        assert!(waited.is_err());
    }
    queue.add("a");
    assert_eq!(take(&queue).await, ("a", 0));
}

#[tokio::test(start_paused = true)]
async fn depth_and_ages_are_measured() {
    let registry = Registry::new();
    let metrics = QueueMetricsVec::register(&registry).expect("fresh registry");
    let options = QueueOptions { metrics: Some(metrics.queue("q")), ..QueueOptions::default() };
    let queue = Queue::new(options);
    queue.add("a");
    queue.add("b");
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(queue.age(), Duration::from_secs(3));
    let held = queue.next().await.expect("a key");
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(queue.in_work(), (1, Duration::from_secs(4)));
    drop(held);
    queue.add_rate_limited("a");
    let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather());
    let text = text.expect("valid metrics");
    for line in [
        r#"workqueue_adds_total{name="q"} 2"#,
        r#"workqueue_depth{name="q"} 1"#,
        r#"workqueue_queue_duration_seconds_sum{name="q"} 3"#,
        r#"workqueue_retries_total{name="q"} 1"#,
        r#"workqueue_work_duration_seconds_sum{name="q"} 4"#,
    ] {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
}
