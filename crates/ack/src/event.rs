//! What people are told in events: what was made, changed and deleted, and why something failed.

use runtime::workers::Requeue;

use crate::conditions::Verdict;

/// The longest message that the API server takes.
const LONGEST: usize = 1024;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Whether something is wrong.
    pub warning: bool,
    /// One word.
    pub reason: &'static str,
    /// A sentence. No value of a spec is in it: only names of fields, and AWS's own words.
    pub message: String,
}

impl Event {
    fn normal(reason: &'static str, message: String) -> Self {
        Self { warning: false, reason, message }
    }

    /// The resource was made.
    pub(crate) fn created(kind: &str, id: &str) -> Self {
        Self::normal("Created", format!("{kind} {id} was created"))
    }

    /// Fields of the resource were changed.
    pub(crate) fn changed(kind: &str, id: &str, fields: &[String]) -> Self {
        let fields = fields.join(", ");
        Self::normal("Changed", short(format!("{kind} {id} was changed: {fields}")))
    }

    /// The resource was deleted.
    pub(crate) fn deleted(kind: &str, id: &str) -> Self {
        Self::normal("Deleted", format!("{kind} {id} was deleted"))
    }

    /// The object goes, and the resource stays.
    pub(crate) fn kept(kind: &str, id: &str) -> Self {
        let message = format!("{kind} {id} is kept: the deletion policy is to retain it");
        Self::normal("Kept", message)
    }

    /// Why a pass has failed; `None` if it has not, or only waits for AWS.
    pub(crate) fn failed(verdict: &Verdict, requeue: Requeue) -> Option<Self> {
        let (reason, message) = match verdict {
            Verdict::Synced | Verdict::NotSynced => return None,
            // A wait has its time; a failure is tried again with backoff.
            Verdict::Recoverable(_) if matches!(requeue, Requeue::After(_)) => return None,
            Verdict::Recoverable(message) => ("Failed", message.clone()),
            Verdict::Terminal(message) => ("Terminal", message.clone()),
            Verdict::Refused(message) => ("Refused", message.clone()),
            Verdict::Unresolved(why) => ("ReferenceUnresolved", why.reason.clone()),
            Verdict::NoRole(message) => ("NoRole", message.clone()),
            Verdict::AlreadyExists => {
                let message = "the resource already exists and is not managed by ACK".to_owned();
                ("AlreadyExists", message)
            }
        };
        Some(Self { warning: true, reason, message: short(message) })
    }
}

/// A message that the API server takes.
fn short(mut message: String) -> String {
    if message.len() > LONGEST {
        let end = (0..=LONGEST - '…'.len_utf8()).rev().find(|at| message.is_char_boundary(*at));
        message.truncate(end.unwrap_or_default());
        message.push('…');
    }
    message
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_wait_is_no_failure() {
        let waits = Verdict::Recoverable("table in 'CREATING' state".to_owned());
        assert_eq!(Event::failed(&waits, Requeue::After(Duration::from_secs(5))), None);
        let failed = Event::failed(&waits, Requeue::RateLimited);
        assert_eq!(failed.map(|event| event.reason), Some("Failed"));
        assert_eq!(Event::failed(&Verdict::Synced, Requeue::Done), None);
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let message = short("ü".repeat(600));
        assert!(message.len() <= LONGEST && message.ends_with("ü…"), "{}", message.len());
    }
}
