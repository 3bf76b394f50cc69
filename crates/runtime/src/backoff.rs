//! Exponential backoff without state: the delay is a function of the number of failures.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

/// Doubles from `min` and never exceeds `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The delay after the first failure.
    pub min: Duration,
    /// The longest delay.
    pub max: Duration,
}

impl Backoff {
    /// A backoff from `min` to `max`; a `max` below `min` is raised to `min`.
    pub fn new(min: Duration, max: Duration) -> Backoff {
        Backoff { min, max: max.max(min) }
    }

    /// The delay before the next attempt, after `failures` failures in a row.
    ///
    /// No failure means no delay.
    pub fn delay(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
        self.min.checked_mul(factor).map_or(self.max, |delay| delay.min(self.max))
    }

    /// Like [`Backoff::delay`], lengthened by up to a quarter at random, so that many callers that
    /// failed together do not all come back at the same instant.
    pub fn delay_with_jitter(&self, failures: u32) -> Duration {
        let delay = self.delay(failures);
        // Every `RandomState` is keyed differently: enough randomness to spread a crowd.
        let random = RandomState::new().hash_one(failures);
        let quarter = u64::try_from(delay.as_nanos() / 4).unwrap_or(u64::MAX);
        delay + Duration::from_nanos(random % quarter.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_from_min_to_max() {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(1));
        let delays: Vec<u128> = (0..6).map(|n| backoff.delay(n).as_millis()).collect();
        assert_eq!(delays, [0, 200, 400, 800, 1000, 1000]);
    }

    #[test]
    fn a_huge_number_of_failures_stays_at_max() {
        let backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(1000));
        assert_eq!(backoff.delay(u32::MAX), Duration::from_secs(1000));
        assert_eq!(Backoff::new(Duration::ZERO, Duration::ZERO).delay(40), Duration::ZERO);
    }

    #[test]
    fn jitter_only_lengthens_and_by_at_most_a_quarter() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for failures in 0..8 {
            let (delay, jittered) = (backoff.delay(failures), backoff.delay_with_jitter(failures));
            assert!(jittered >= delay && jittered <= delay + delay / 4, "{delay:?} {jittered:?}");
        }
    }
}
