//! The pure core: one state, and requests answered one at a time.
//!
//! No socket, no clock, no task: [`Cloud::handle`] takes the time and a request and gives the
//! response together with what the driver has to do about it (hold it back, or close the connection).

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::time::Duration;

use http::Request;
use http::Response;
use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use crate::dynamodb;
use crate::failure::Failure;
use crate::fault::Call;
use crate::fault::Effect;
use crate::fault::Fault;
use crate::fault::When;
use crate::ids::Ids;
use crate::neighbours;
use crate::past::Past;
use crate::protocol;
use crate::protocol::Answer;
use crate::rate::RateLimit;
use crate::rate::Rates;
use crate::s3;
use crate::sqs;
use crate::sts;

/// How many calls are remembered; older ones are forgotten first.
const MAX_CALLS: usize = 100_000;

/// How many faults can be armed at once.
const MAX_FAULTS: usize = 1_000;

/// What a [`Cloud`] is made with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account of every access key that is not named in `access_keys`.
    pub account: String,
    /// Access keys of other accounts.
    pub access_keys: BTreeMap<String, String>,
    /// Host names (without port) below which virtual-host-style S3 requests name their bucket.
    pub hosts: Vec<String>,
    /// How long a table stays CREATING, UPDATING or DELETING.
    pub table_delay: Duration,
    /// How long the name of a deleted queue can't be used again.
    pub queue_name_delay: Duration,
    /// How long every answer is held back.
    pub latency: Duration,
    /// For how long reads may show what was there before a change; zero for never.
    pub staleness: Duration,
    /// Calls per second that one account may make to one service.
    pub rate_limit: Option<RateLimit>,
    /// Bucket names that belong to somebody else.
    pub foreign_buckets: BTreeSet<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            access_keys: BTreeMap::new(),
            hosts: vec!["s3.localhost".to_owned(), "localhost".to_owned()],
            table_delay: Duration::ZERO,
            queue_name_delay: Duration::ZERO,
            latency: Duration::ZERO,
            staleness: Duration::ZERO,
            rate_limit: None,
            foreign_buckets: BTreeSet::new(),
        }
    }
}

/// Who calls, and which region.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The account.
    pub(crate) account: String,
    /// The region of the credential scope.
    pub(crate) region: String,
    /// The access key id.
    pub(crate) access_key: String,
}

/// What operations read and change.
#[derive(Debug)]
pub(crate) struct World {
    /// The time of the request.
    pub(crate) now: Timestamp,
    /// What can be set, now.
    pub(crate) settings: Settings,
    /// Identifiers.
    pub(crate) ids: Ids,
    /// Buckets.
    pub(crate) s3: s3::Store,
    /// Tables.
    pub(crate) dynamodb: dynamodb::Store,
    /// Queues.
    pub(crate) sqs: sqs::Store,
    /// Sessions.
    pub(crate) sts: sts::Store,
    /// What stands beside.
    pub(crate) neighbours: neighbours::Store,
}

impl World {
    fn new(settings: Settings) -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            settings,
            ids: Ids::default(),
            s3: s3::Store::default(),
            dynamodb: dynamodb::Store::default(),
            sqs: sqs::Store::default(),
            sts: sts::Store::default(),
            neighbours: neighbours::Store::default(),
        }
    }
}

/// What the driver sends back.
#[derive(Debug)]
pub struct Reply {
    /// The response; `None` when the connection is to be closed without one.
    pub response: Option<Response<Vec<u8>>>,
    /// How long to wait before sending or closing.
    pub delay: Duration,
}

/// The emulated AWS: all accounts, all regions, all services.
#[derive(Debug)]
pub struct Cloud {
    world: World,
    initial: Settings,
    faults: Vec<Fault>,
    calls: VecDeque<Call>,
    numbered: u64,
    ahead: SignedDuration,
    past: Past,
    rates: Rates,
}

impl Cloud {
    /// An empty cloud.
    pub fn new(settings: Settings) -> Self {
        Self {
            initial: settings.clone(),
            world: World::new(settings),
            faults: Vec::new(),
            calls: VecDeque::new(),
            numbered: 0,
            ahead: SignedDuration::ZERO,
            past: Past::default(),
            rates: Rates::default(),
        }
    }

    /// Answers one request.
    ///
    /// Time must not run backwards between calls; what was due by `now` has happened before the
    /// request is looked at.
    pub fn handle(&mut self, now: Timestamp, request: &Request<Vec<u8>>) -> Reply {
        self.advance(now);
        let incoming = protocol::identify(&mut self.world, request);
        self.numbered += 1;
        let mut call = Call {
            number: self.numbered,
            at_ms: now.as_millisecond(),
            service: incoming.service.to_owned(),
            operation: incoming.operation.to_owned(),
            resource: incoming.resource,
            account: incoming.caller.as_ref().map_or_else(String::new, |c| c.account.clone()),
            region: incoming.caller.as_ref().map_or_else(String::new, |c| c.region.clone()),
            status: 0,
            error: None,
            injected: false,
        };
        let mut run = incoming.run;
        if run.is_ok()
            && let Some(failure) = self.rates.exceeded(&self.world, &call)
        {
            call.injected = true;
            run = Err(failure);
        }
        let struck = self.faults.iter_mut().find_map(|fault| {
            fault.strikes(&call).then(|| (fault.when, fault.delay_ms, fault.effect.clone()))
        });
        let mut delay = self.world.settings.latency;
        if let Some((_, delay_ms, _)) = &struck {
            delay = delay.saturating_add(Duration::from_millis(*delay_ms));
        }

        let suppressed =
            matches!(&struck, Some((When::Before, _, Effect::Error { .. } | Effect::Drop)));
        let mut outcome: Result<Answer, Failure> = match run {
            Err(failure) => Err(failure),
            Ok(_) if suppressed => Ok(Answer::empty(200)),
            Ok(run) => self.past.run(&mut self.world, incoming.operation, run),
        };
        let mut dropped = false;
        match struck {
            Some((_, _, Effect::Error { status, code, message })) => {
                call.injected = true;
                outcome = Err(Failure::new(status, code, message));
            }
            Some((_, _, Effect::Drop)) => {
                call.injected = true;
                dropped = true;
            }
            Some((_, _, Effect::Pass)) | None => {}
        }

        call.error = outcome.as_ref().err().map(|failure| failure.code.clone().into_owned());
        if let Err(failure) = &outcome {
            tracing::debug!(
                service = call.service,
                operation = call.operation,
                code = %failure.code,
                message = failure.message,
                "call refused"
            );
        }
        let response =
            incoming.protocol.render(&mut self.world.ids, incoming.service, request, outcome);
        call.status = if dropped { 0 } else { response.status().as_u16() };
        self.remember(call);
        Reply { response: (!dropped).then_some(response), delay }
    }

    /// Lets everything happen that is due by `now`.
    pub fn advance(&mut self, now: Timestamp) {
        let now = now.checked_add(self.ahead).unwrap_or(Timestamp::MAX);
        self.world.now = now;
        self.world.dynamodb.advance(now);
        self.world.sqs.advance(now);
    }

    /// Puts the cloud's clock ahead: what takes that long is over at the next call.
    pub fn skip_time(&mut self, time: Duration) {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        self.ahead = self.ahead.saturating_add(time);
    }

    /// What can be set, to look at or change.
    pub fn settings_mut(&mut self) -> &mut Settings {
        &mut self.world.settings
    }

    /// Keeps the table of this name (in every account and region, now or later) in its status.
    pub fn hold_table(&mut self, name: &str) {
        self.world.dynamodb.hold(name);
    }

    /// Lets a held table go on.
    pub fn release_table(&mut self, name: &str) {
        self.world.dynamodb.release(name);
    }

    /// Arms a fault; of several that match a call, the one armed first strikes.
    ///
    /// # Errors
    /// Too many faults are armed, or the status is not one of an error.
    pub fn fail(&mut self, fault: Fault) -> Result<(), String> {
        if self.faults.len() >= MAX_FAULTS {
            return Err(format!("more than {MAX_FAULTS} faults"));
        }
        if let Effect::Error { status, .. } = &fault.effect
            && !(300..600).contains(status)
        {
            return Err(format!("{status} is not the status of an error"));
        }
        self.faults.push(fault);
        Ok(())
    }

    /// The faults armed, with what is left of them.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Disarms all faults.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The calls made, oldest first (the last 100,000).
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }

    /// Forgets the calls made so far; numbers go on.
    pub fn clear_calls(&mut self) {
        self.calls.clear();
    }

    /// The whole state as canonical JSON (keys sorted), without times and generated identifiers.
    ///
    /// Other crates keep dumps as snapshots: a member that is added must be absent while nothing uses it.
    pub fn dump(&self) -> Value {
        let mut state = json!({
            "dynamodb": self.world.dynamodb.dump(),
            "s3": self.world.s3.dump(),
            "sqs": self.world.sqs.dump(),
        });
        for (service, neighbour) in self.world.neighbours.dump() {
            state[service] = neighbour;
        }
        state
    }

    /// Back to how it was made: no resources, no faults, no calls, the first settings.
    pub fn reset(&mut self) {
        *self = Self::new(self.initial.clone());
    }

    fn remember(&mut self, call: Call) {
        if self.calls.len() >= MAX_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }
}
