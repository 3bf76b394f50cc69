//! Throttling: a token bucket per account and service.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::Serialize;

use crate::cloud::World;
use crate::dynamodb;
use crate::failure::Failure;
use crate::fault::Call;
use crate::s3;
use crate::sqs;

/// How many buckets are kept; beyond that all are filled again.
const MAX_BUCKETS: usize = 10_000;

/// How often one account may call one service.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Calls per second in the long run.
    pub per_second: f64,
    /// Calls at once after a pause.
    pub burst: u32,
}

/// What is left of the limits, by account and service.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: BTreeMap<(String, String), (f64, Timestamp)>,
}

impl Rates {
    /// The refusal of a call that exceeds the limit; a call that does not is counted.
    pub(crate) fn exceeded(&mut self, world: &World, call: &Call) -> Option<Failure> {
        let Some(limit) = world.settings.rate_limit else {
            self.buckets.clear();
            return None;
        };
        if self.buckets.len() >= MAX_BUCKETS {
            self.buckets.clear();
        }
        let full = f64::from(limit.burst);
        let (tokens, last) = self
            .buckets
            .entry((call.account.clone(), call.service.clone()))
            .or_insert((full, world.now));
        let passed = world.now.duration_since(*last).as_secs_f64().max(0.0);
        *tokens = (*tokens + passed * limit.per_second).min(full);
        *last = world.now;
        if *tokens < 1.0 {
            return Some(refusal(&call.service));
        }
        *tokens -= 1.0;
        None
    }
}

/// Each service has its own words for it.
fn refusal(service: &str) -> Failure {
    match service {
        s3::SERVICE => Failure::new(503, "SlowDown", "Please reduce your request rate."),
        dynamodb::SERVICE => Failure::new(
            400,
            "ThrottlingException",
            "Rate of requests exceeds the allowed throughput.",
        ),
        sqs::SERVICE => Failure::new(400, "RequestThrottled", "The request is throttled."),
        _ => Failure::new(400, "Throttling", "Rate exceeded"),
    }
}
