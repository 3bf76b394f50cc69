//! Control of a running emulator from within its process.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;

use crate::cloud::Cloud;
use crate::fault::Call;
use crate::fault::Fault;
use crate::rate::RateLimit;

/// A handle to the state behind an emulator; clones are the same one.
#[derive(Clone, Debug)]
pub struct Control {
    cloud: Arc<Mutex<Cloud>>,
    /// The wall clock at the start; time goes on from there monotonically.
    started: (Timestamp, Instant),
}

impl Control {
    pub(crate) fn new(cloud: Cloud) -> Self {
        Self { cloud: Arc::new(Mutex::new(cloud)), started: (Timestamp::now(), Instant::now()) }
    }

    /// The time of the emulator, before what [`Self::skip_time`] added.
    pub(crate) fn now(&self) -> Timestamp {
        let (wall, start) = self.started;
        let elapsed = SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::MAX);
        wall.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// The state, locked. A panic elsewhere leaves it usable: requests are answered one at a time,
    /// and each changes it only once it is known to succeed.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Cloud> {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a table stays CREATING, UPDATING or DELETING from now on; zero means until the next
    /// call.
    pub fn set_table_delay(&self, delay: Duration) {
        self.lock().settings_mut().table_delay = delay;
    }

    /// How long the name of a deleted queue can't be used again from now on (a minute on AWS).
    pub fn set_queue_name_delay(&self, delay: Duration) {
        self.lock().settings_mut().queue_name_delay = delay;
    }

    /// Puts the emulator's clock ahead: changes of status and ends of sessions that are due within
    /// that time have happened at the next call, and nobody has to wait.
    pub fn skip_time(&self, time: Duration) {
        self.lock().skip_time(time);
    }

    /// Keeps tables of this name (existing or not yet) in their status until they are released.
    pub fn hold_table(&self, name: &str) {
        self.lock().hold_table(name);
    }

    /// Lets tables of this name go on.
    pub fn release_table(&self, name: &str) {
        self.lock().release_table(name);
    }

    /// How long every answer is held back from now on.
    pub fn set_latency(&self, latency: Duration) {
        self.lock().settings_mut().latency = latency;
    }

    /// For how long reads may show what was there before a change, from now on (zero for never).
    pub fn set_staleness(&self, staleness: Duration) {
        self.lock().settings_mut().staleness = staleness;
    }

    /// How often one account may call one service from now on; `None` for as often as it likes.
    pub fn set_rate_limit(&self, limit: Option<RateLimit>) {
        self.lock().settings_mut().rate_limit = limit;
    }

    /// Makes a bucket name belong to somebody else, or no longer.
    pub fn set_foreign_bucket(&self, name: &str, foreign: bool) {
        let mut cloud = self.lock();
        let names = &mut cloud.settings_mut().foreign_buckets;
        if foreign {
            names.insert(name.to_owned());
        } else {
            names.remove(name);
        }
    }

    /// Maps an access key to an account.
    pub fn set_account(&self, access_key: &str, account: &str) {
        let mut cloud = self.lock();
        cloud.settings_mut().access_keys.insert(access_key.to_owned(), account.to_owned());
    }

    /// Arms a fault; of several that match a call, the one armed first strikes.
    ///
    /// # Panics
    /// The fault makes no sense (a status of success) or there are more than a thousand: a mistake
    /// of the test that arms it.
    #[track_caller]
    pub fn fail(&self, fault: Fault) {
        let refused = self.lock().fail(fault).err();
        assert!(refused.is_none(), "{}", refused.unwrap_or_default());
    }

    /// The faults armed, with what is left of them.
    pub fn faults(&self) -> Vec<Fault> {
        self.lock().faults().to_vec()
    }

    /// Disarms all faults.
    pub fn clear_faults(&self) {
        self.lock().clear_faults();
    }

    /// The calls made, oldest first (the last 100,000).
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls().cloned().collect()
    }

    /// Forgets the calls made so far.
    pub fn clear_calls(&self) {
        self.lock().clear_calls();
    }

    /// The whole state as canonical JSON (keys sorted), without times and generated identifiers.
    pub fn dump(&self) -> Value {
        let mut cloud = self.lock();
        cloud.advance(self.now());
        cloud.dump()
    }

    /// Back to the start: no resources, no faults, no calls, the first settings.
    pub fn reset(&self) {
        self.lock().reset();
    }
}
