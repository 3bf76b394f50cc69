//! How fast an API of one account is called after it has throttled us.
//!
//! ```text
//! throttled: the interval between passes doubles        a pass goes well: it shrinks, and is gone
//! ```
//!
//! Passes wait in the queue, not in a worker: an account that is throttled holds up no other one.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use runtime::store::ObjectKey;
use tokio::time::Instant;

/// The first interval between two passes.
const FIRST: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST: Duration = Duration::from_secs(10);
/// Below this there is none.
const SHORTEST: Duration = Duration::from_millis(50);
/// How long a pass waits at most until it asks again.
const PATIENCE: Duration = Duration::from_secs(5);

/// An API: AWS limits the calls of an account to a service in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Api {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) service: &'static str,
}

/// The APIs that have throttled us lately.
#[derive(Debug, Default)]
pub(super) struct Paces(Mutex<BTreeMap<Api, Pace>>);

#[derive(Debug)]
struct Pace {
    interval: Duration,
    /// When the interval last grew: calls that were under way together grow it once.
    grown: Instant,
    /// When the next pass may begin.
    next: Instant,
    /// Who waits, by kind and object.
    waiting: BTreeSet<(&'static str, ObjectKey)>,
}

impl Paces {
    /// How long a pass over an object has to wait until it asks again; `None` if it may begin.
    ///
    /// Those that wait are spread over the time that it takes to serve them, but for the last ones:
    /// nobody waits long for an API that has recovered meanwhile.
    pub(super) fn wait(
        &self,
        api: &Api,
        kind: &'static str,
        key: &ObjectKey,
        now: Instant,
    ) -> Option<Duration> {
        let mut paces = self.lock();
        let pace = paces.get_mut(api)?;
        let asks = (kind, key.clone());
        if now >= pace.next {
            pace.next = now + pace.interval;
            pace.waiting.remove(&asks);
            return None;
        }
        pace.waiting.insert(asks);
        let before = u32::try_from(pace.waiting.len() - 1).unwrap_or(u32::MAX);
        let open = pace.next - now;
        let turn = pace.interval.saturating_mul(before).saturating_add(open);
        Some(turn.min(PATIENCE.max(open)))
    }

    /// AWS has throttled a call.
    pub(super) fn throttled(&self, api: &Api, now: Instant) {
        let mut paces = self.lock();
        match paces.get_mut(api) {
            Some(pace) if now >= pace.grown + pace.interval => {
                pace.interval = (pace.interval * 2).min(LONGEST);
                pace.grown = now;
                pace.next = pace.next.max(now + pace.interval);
            }
            Some(_) => {}
            None => {
                let (interval, next) = (FIRST, now + FIRST);
                let pace = Pace { interval, grown: now, next, waiting: BTreeSet::new() };
                paces.insert(api.clone(), pace);
            }
        }
    }

    /// A pass was not throttled.
    pub(super) fn went_well(&self, api: &Api) {
        let mut paces = self.lock();
        let Some(pace) = paces.get_mut(api) else { return };
        pace.interval = pace.interval * 3 / 4;
        if pace.interval < SHORTEST {
            paces.remove(api);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Api, Pace>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(account: &str) -> Api {
        Api { account: account.to_owned(), region: "us-west-2".to_owned(), service: "s3" }
    }

    fn key(number: usize) -> ObjectKey {
        ObjectKey::namespaced("n", number.to_string())
    }

    #[test]
    fn only_the_account_that_is_throttled_waits() {
        let (paces, now) = (Paces::default(), Instant::now());
        paces.throttled(&api("1"), now);
        assert_eq!(paces.wait(&api("1"), "Bucket", &key(0), now), Some(FIRST));
        assert_eq!(paces.wait(&api("2"), "Bucket", &key(0), now), None);
        let other = Api { service: "sqs", ..api("1") };
        assert_eq!(paces.wait(&other, "Queue", &key(0), now), None);
    }

    #[test]
    fn passes_begin_one_after_another() {
        let (paces, now) = (Paces::default(), Instant::now());
        paces.throttled(&api("1"), now);
        let wait = |number, now| paces.wait(&api("1"), "Bucket", &key(number), now);
        let waits: Vec<_> = (0..60).map(|number| wait(number, now)).collect();
        assert_eq!(waits[..2], [Some(FIRST), Some(FIRST * 2)]);
        assert_eq!(waits[49..], [Some(PATIENCE); 11], "nobody waits longer");
        assert_eq!(wait(0, now + FIRST), None);
        assert!(wait(1, now + FIRST).is_some(), "one at a time");
        assert_eq!(wait(1, now + FIRST * 2), None);
    }

    #[test]
    fn the_interval_grows_with_refusals_and_shrinks_with_successes() {
        let (paces, mut now) = (Paces::default(), Instant::now());
        let api = api("1");
        paces.throttled(&api, now);
        // Calls that were under way together.
        paces.throttled(&api, now);
        for _ in 0..20 {
            now += LONGEST;
            paces.throttled(&api, now);
        }
        assert_eq!(paces.wait(&api, "Bucket", &key(0), now), Some(LONGEST));
        let mut passes = 0;
        while paces.wait(&api, "Bucket", &key(passes), now).is_some() {
            paces.went_well(&api);
            passes += 1;
        }
        assert_eq!(passes, 19);
    }
}
