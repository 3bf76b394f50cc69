//! Eventual consistency on request: reads that show what was there a while ago.

use std::collections::VecDeque;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::cloud::World;
use crate::dynamodb;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::protocol::Run;
use crate::s3;
use crate::sqs;

/// How many states are kept; of more changes within the time, the oldest are seen early.
const MAX_STATES: usize = 64;

/// States before recent changes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Past {
    states: VecDeque<State>,
}

/// Everything that can be read, as it was before a change.
#[derive(Clone, Debug)]
struct State {
    changed: Timestamp,
    s3: s3::Store,
    dynamodb: dynamodb::Store,
    sqs: sqs::Store,
}

impl State {
    fn swap(&mut self, world: &mut World) {
        std::mem::swap(&mut self.s3, &mut world.s3);
        std::mem::swap(&mut self.dynamodb, &mut world.dynamodb);
        std::mem::swap(&mut self.sqs, &mut world.sqs);
    }
}

fn is_read(operation: &str) -> bool {
    ["Describe", "Get", "Head", "List"].iter().any(|prefix| operation.starts_with(prefix))
}

impl Past {
    /// Carries out an operation: a read in the past that the settings ask for, a write in the
    /// present.
    pub(crate) fn run(
        &mut self,
        world: &mut World,
        operation: &str,
        run: Run<'_>,
    ) -> Result<Answer, Failure> {
        let staleness = SignedDuration::try_from(world.settings.staleness);
        let then = staleness.ok().and_then(|staleness| world.now.checked_sub(staleness).ok());
        let Some(then) = then.filter(|then| *then < world.now) else {
            self.states.clear();
            return run(world);
        };
        self.states.retain(|state| state.changed > then);
        if !is_read(operation) {
            let state = State {
                changed: world.now,
                s3: world.s3.clone(),
                dynamodb: world.dynamodb.clone(),
                sqs: world.sqs.clone(),
            };
            let outcome = run(world);
            if outcome.is_ok() {
                if self.states.len() >= MAX_STATES {
                    self.states.pop_front();
                }
                self.states.push_back(state);
            }
            return outcome;
        }
        let Some(mut state) = self.states.front().cloned() else { return run(world) };
        state.dynamodb.advance(then);
        state.sqs.advance(then);
        state.swap(world);
        let outcome = run(world);
        state.swap(world);
        outcome
    }
}
