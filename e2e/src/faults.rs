//! Faults between a controller and its servers, which strike some requests of an instance's whole
//! life; everything has to end as if they had not.

use std::time::Duration;

use anyhow::{Context, ensure};
use http::{Method, StatusCode};

use crate::{
    Proxy,
    bench::{Bench, Disturbance},
    proxy::{Action, Match, Nth, Rule},
};

/// What happens to some requests, chosen at random with a fixed seed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The connection breaks before the request reaches the server.
    CutBefore,
    /// The connection breaks when the server has done what was asked.
    CutAfter,
    /// The answer takes long.
    Delay,
    /// 409 for a write.
    Conflict,
    /// 410 for a list or a watch.
    Gone,
    /// 429.
    TooManyRequests,
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// Watches end after a moment, as a server ends them.
    WatchesEnd,
    /// Watches end, and have to be replaced by lists, which show what was there at first.
    StaleLists,
}

/// How long an answer takes that is delayed.
const DELAY: Duration = Duration::from_millis(400);
/// How long a watch lasts.
const SHORT: Duration = Duration::from_secs(1);

impl Fault {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::CutBefore,
        Self::CutAfter,
        Self::Delay,
        Self::Conflict,
        Self::Gone,
        Self::TooManyRequests,
        Self::InternalError,
        Self::Unavailable,
        Self::WatchesEnd,
        Self::StaleLists,
    ];

    /// From now on this happens behind these proxies, until their rules are dropped.
    pub(crate) fn arm(self, kro: &Proxy, ack: &Proxy, aws: &Proxy) {
        for rule in self.rules(4) {
            kro.add(rule.clone());
            ack.add(rule);
        }
        // What AWS itself refuses, in its own words, is a matter of other scenarios.
        match self {
            Self::CutBefore | Self::CutAfter | Self::Delay => {
                // One reconcile makes many calls there, and all have to succeed.
                self.rules(12).into_iter().for_each(|rule| aws.add(rule));
            }
            Self::Conflict
            | Self::Gone
            | Self::TooManyRequests
            | Self::InternalError
            | Self::Unavailable
            | Self::WatchesEnd
            | Self::StaleLists => {}
        }
    }

    /// The rules by which one request in so many is struck.
    fn rules(self, one_in: usize) -> Vec<Rule> {
        let requests = Match::but_watches().not_path("/leases");
        // As a list of all objects is what a cache is filled with; a list of the members of one
        // instance is made because it has to be the truth, which the API server guarantees.
        let lists = Match::but_watches().method(Method::GET).path("limit=").not_path("part-of%3D");
        let some = |when, action| Rule { when, nth: Nth::Random { one_in }, action };
        let all = |when, action| Rule { when, nth: Nth::Every, action };
        let gone = || {
            let nth = Nth::Random { one_in: 2 };
            Rule { when: Match::watches(), nth, action: Action::refuse(StatusCode::GONE) }
        };
        let short = || all(Match::watches(), Action::EndAfter(SHORT));
        match self {
            Self::CutBefore => vec![some(requests, Action::CutBefore)],
            Self::CutAfter => vec![some(requests, Action::CutAfter)],
            Self::Delay => vec![some(Match::any(), Action::Delay(DELAY))],
            Self::Conflict => vec![some(Match::writes(), Action::refuse(StatusCode::CONFLICT))],
            Self::Gone => {
                vec![gone(), short(), some(lists, Action::refuse(StatusCode::GONE))]
            }
            Self::TooManyRequests => {
                vec![some(requests, Action::refuse(StatusCode::TOO_MANY_REQUESTS))]
            }
            Self::InternalError => {
                vec![some(requests, Action::refuse(StatusCode::INTERNAL_SERVER_ERROR))]
            }
            Self::Unavailable => {
                vec![some(requests, Action::refuse(StatusCode::SERVICE_UNAVAILABLE))]
            }
            Self::WatchesEnd => vec![short()],
            // Every other one, so that there is an end: a client that sees nothing but the past
            // believes it in the end.
            Self::StaleLists => {
                let nth = Nth::Random { one_in: 2 };
                vec![gone(), short(), Rule { when: lists, nth, action: Action::Stale }]
            }
        }
    }
}

impl Bench {
    /// Makes a run during which `fault` strikes, and compares it with the calm one; returns how many
    /// requests it struck.
    ///
    /// # Errors
    ///
    /// The run does not come to its end, the end differs, something was created twice, or the fault
    /// never struck.
    pub async fn fault(&mut self, fault: Fault) -> anyhow::Result<usize> {
        let name = self.subject().name;
        let run = self.run_as_calm(Disturbance::Fault(fault)).await;
        let run = run.with_context(|| format!("{name}: {fault:?}"))?;
        ensure!(run.struck > 0, "{name}: {fault:?} never struck");
        Ok(run.struck)
    }
}
