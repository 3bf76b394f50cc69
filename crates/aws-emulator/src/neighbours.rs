//! What stands beside the managed services: roles and policies, topics, zones, stacks with buckets.
//!
//! Buckets and queues name such things, and people's test suites set them up. Each is as small as
//! that needs: a role grants nothing, a topic delivers nothing, a stack knows only buckets.

use serde_json::Value;
use serde_json::json;

pub(crate) mod cloudformation;
pub(crate) mod ec2;
pub(crate) mod iam;
pub(crate) mod sns;

/// All of it, of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Store {
    iam: iam::Store,
    sns: sns::Store,
    stacks: cloudformation::Store,
}

impl Store {
    /// What there is, by service; nothing of a service that is not used.
    pub(crate) fn dump(&self) -> Vec<(&'static str, Value)> {
        let all = [
            ("cloudformation", self.stacks.dump()),
            ("iam", self.iam.dump()),
            ("sns", self.sns.dump()),
        ];
        all.into_iter().filter(|(_, state)| *state != json!({})).collect()
    }
}
