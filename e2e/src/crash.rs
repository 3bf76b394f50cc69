//! Crash points: a controller is killed at the Nth request of an instance's whole life, started
//! again, and everything has to end as if nothing had happened.

use std::fmt;

use anyhow::Context;

use crate::{bench::Disturbance, proxy::Moment};

pub use crate::bench::{Bench, Phase, RESOURCES, SUBJECTS, Subject, Target};

/// One moment at which a controller is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Point {
    /// Whose request.
    pub target: Target,
    /// In which phase.
    pub phase: Phase,
    /// Which request, counted from one.
    pub nth: usize,
    /// Before the request reaches the server, or before the answer reaches the controller.
    pub moment: Moment,
}

/// Whether a run came by its point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a point that was not reached proves nothing"]
pub enum Met {
    /// The controller was killed there.
    Reached,
    /// The phase came to its end with fewer requests: how many there are differs a little with the
    /// speed of the machine.
    Missed,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, phase, nth, moment } = self;
        write!(f, "{target:?}, {phase:?}, request {nth}, {moment:?}")
    }
}

impl Bench {
    /// Every point of the calm run.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        let counts = self.calm().requests.iter();
        counts
            .flat_map(|(&(target, phase), &count)| {
                (1..=count).flat_map(move |nth| {
                    [Moment::Before, Moment::After].map(|moment| Point {
                        target,
                        phase,
                        nth,
                        moment,
                    })
                })
            })
            .collect()
    }

    /// Makes a run with a crash at `point`, and compares it with the calm one, also where the point
    /// was missed.
    ///
    /// # Errors
    ///
    /// The run does not come to its end, the end differs, or something was created twice.
    pub async fn crash(&mut self, point: Point) -> anyhow::Result<Met> {
        let name = self.subject().name;
        let run = self.run_as_calm(Disturbance::Crash(point)).await;
        Ok(run.with_context(|| format!("{name}: {point}"))?.met)
    }
}
