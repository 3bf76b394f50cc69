//! Faults that a test arms, and the record of calls that it reads afterwards.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;

/// When a fault strikes, relative to the effect of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Instead of the effect: the state stays as it was.
    #[default]
    Before,
    /// The effect takes place, and the caller does not learn of it.
    After,
}

/// What the caller gets instead of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// An error in the form of the protocol.
    Error {
        /// HTTP status.
        status: u16,
        /// AWS's error code.
        code: String,
        /// The text.
        message: String,
    },
    /// The connection is closed without a byte of an answer.
    Drop,
    /// The true answer (useful together with `delay_ms`).
    Pass,
}

/// A fault: which calls it strikes, how often, and what happens to them.
///
/// Absent selectors match everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `s3`, `dynamodb`, `sts` or `sqs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The operation, `CreateTable` for example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The resource named in the call (bucket, table, queue, role ARN).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The caller's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// How many matching calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// How many matching calls are struck after that; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Before or after the effect.
    #[serde(default)]
    pub when: When,
    /// How long the answer is held back, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// What the caller gets.
    pub effect: Effect,
}

impl Fault {
    /// An error for the next matching call, before its effect.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::with(Effect::Error { status, code: code.to_owned(), message: message.to_owned() })
    }

    /// A closed connection for the next matching call, before its effect.
    pub fn drop() -> Self {
        Self::with(Effect::Drop)
    }

    /// A late answer for the next matching call.
    pub fn delay(delay: Duration) -> Self {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        Self { delay_ms, ..Self::with(Effect::Pass) }
    }

    fn with(effect: Effect) -> Self {
        Self {
            service: None,
            operation: None,
            resource: None,
            account: None,
            skip: 0,
            times: Some(1),
            when: When::Before,
            delay_ms: 0,
            effect,
        }
    }

    /// Strikes only this operation of this service.
    #[must_use]
    pub fn on(mut self, service: &str, operation: &str) -> Self {
        self.service = Some(service.to_owned());
        self.operation = Some(operation.to_owned());
        self
    }

    /// Strikes only calls that name this resource.
    #[must_use]
    pub fn on_resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Strikes only calls of this account.
    #[must_use]
    pub fn on_account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Lets this many matching calls pass first.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes this many matching calls.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// Strikes until it is cleared.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.times = None;
        self
    }

    /// Strikes after the effect.
    #[must_use]
    pub fn after_effect(mut self) -> Self {
        self.when = When::After;
        self
    }

    /// Whether the selectors match, and if so, whether this call is struck; counts down.
    pub(crate) fn strikes(&mut self, call: &Call) -> bool {
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == found)
        };
        if !fits(&self.service, &call.service)
            || !fits(&self.operation, &call.operation)
            || !fits(&self.resource, &call.resource)
            || !fits(&self.account, &call.account)
        {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        match &mut self.times {
            Some(0) => false,
            Some(times) => {
                *times -= 1;
                true
            }
            None => true,
        }
    }
}

/// One call that reached the emulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its number, counted from 1 since the start or the last reset.
    pub number: u64,
    /// When it arrived: milliseconds of Unix time, without what was skipped of it.
    #[serde(default)]
    pub at_ms: i64,
    /// `s3`, `dynamodb`, `sts` or `sqs`.
    pub service: String,
    /// The operation; `Unknown` when the request names none that is implemented.
    pub operation: String,
    /// The resource named in the call; empty when it names none.
    pub resource: String,
    /// The caller's account; empty when the caller is unknown.
    pub account: String,
    /// The region called.
    pub region: String,
    /// The HTTP status answered; 0 when the connection was closed without an answer.
    pub status: u16,
    /// The error code answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether a fault decided the answer.
    #[serde(default)]
    pub injected: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call {
        Call {
            number: 1,
            at_ms: 0,
            service: "s3".to_owned(),
            operation: operation.to_owned(),
            resource: "b".to_owned(),
            account: "1".to_owned(),
            region: "r".to_owned(),
            status: 0,
            error: None,
            injected: false,
        }
    }

    #[test]
    fn a_fault_counts_only_calls_that_match() {
        let mut fault = Fault::error(500, "X", "x").on("s3", "A").skip(1).times(2);
        let struck: Vec<bool> =
            ["A", "B", "A", "A", "A"].iter().map(|name| fault.strikes(&call(name))).collect();
        assert_eq!(struck, [false, false, true, true, false]);
    }

    #[test]
    fn a_fault_is_read_from_json_with_defaults() {
        let fault: Fault = serde_json::from_str(
            r#"{"service":"s3","operation":"A","effect":{"error":{"status":503,"code":"SlowDown","message":"m"}}}"#,
        )
        .unwrap();
        assert_eq!(fault, Fault::error(503, "SlowDown", "m").on("s3", "A").always());
        assert_eq!(
            serde_json::from_str::<Fault>(r#"{"effect":"drop"}"#).unwrap().effect,
            Effect::Drop
        );
        assert!(serde_json::from_str::<Fault>(r#"{"effect":"drop","typo":1}"#).is_err());
    }
}
