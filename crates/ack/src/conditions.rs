//! The conditions of a custom resource: the only place that holds their types and texts.

use serde::Deserialize;
use serde::Serialize;

use crate::reference::Unresolved;
use crate::shape::Time;

/// Types of conditions.
pub mod types {
    /// AWS has what the spec says.
    pub const SYNCED: &str = "ACK.ResourceSynced";
    /// Only a change of the spec can help.
    pub const TERMINAL: &str = "ACK.Terminal";
    /// Something failed or is not there yet; it is tried again.
    pub const RECOVERABLE: &str = "ACK.Recoverable";
    /// Fields that AWS decides have been copied into the spec.
    pub const LATE_INITIALIZED: &str = "ACK.LateInitialized";
    /// The values of fields that are given by reference are known.
    pub const REFERENCES_RESOLVED: &str = "ACK.ReferencesResolved";
    /// A role was chosen.
    pub const ROLE_SELECTED: &str = "ACK.IAMRoleSelected";
    /// Something to be aware of.
    pub const ADVISORY: &str = "ACK.Advisory";
    /// Summary of the others.
    pub const READY: &str = "Ready";
}

/// Fixed texts.
mod texts {
    pub(super) const SYNCED: &str = "Resource synced successfully";
    pub(super) const NOT_SYNCED: &str = "Resource not synced";
    pub(super) const UNKNOWN: &str =
        "Unable to determine if desired resource state matches latest observed state";
    pub(super) const TERMINAL: &str = "resource is in terminal condition";
    pub(super) const LATE_INITIALIZED: &str = "Late initialization successful";
    pub(super) const UNRESOLVED: &str = "Reference resolution failed";
    pub(super) const NO_ROLE: &str = "IAM Role is not available";
    pub(super) const SELECTED: &str = "Selected";
    pub(super) const CROSS_NAMESPACE: &str = "CrossNamespaceOptInRequired";
    pub(super) const EXISTS: &str = "Resource already exists";
    pub(super) const EXISTS_REASON: &str = "This resource already exists but is not managed by \
        ACK. To take it over, set the annotation services.k8s.aws/adoption-policy to \
        adopt-or-create; to make another one, change the name.";
}

/// A condition as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub condition_type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// When the status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a reconcile has to say about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// AWS has what the spec says.
    Synced,
    /// AWS has not yet, without anything being wrong.
    NotSynced,
    /// It is tried again; the text says what is missing.
    Recoverable(String),
    /// Only a change of the spec can help.
    Terminal(String),
    /// The request of the user contradicts itself, found before anything was compared: no other
    /// condition is set.
    Refused(String),
    /// A reference has no value: no other condition is set.
    Unresolved(Unresolved),
    /// There is no role to assume; the text says why.
    NoRole(String),
    /// AWS has a resource of this name that we do not manage.
    AlreadyExists,
}

/// What conditions say beside the verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Also {
    /// The kind has late-initialised fields, and they are written into the spec.
    pub late: bool,
    /// All references have values, and there are some.
    pub resolved: bool,
    /// Another namespace that the spec refers to.
    pub elsewhere: Option<String>,
    /// The role that a selector chose.
    pub role: Option<String>,
}

impl Also {
    fn conditions(&self) -> Vec<Condition> {
        let mut conditions = Vec::new();
        if self.resolved {
            conditions.push(new(types::REFERENCES_RESOLVED, "True", None, None));
        }
        if let Some(namespace) = &self.elsewhere {
            let message = format!(
                "the spec refers to namespace {namespace}; --enable-cross-namespace=false would \
                 forbid it"
            );
            let reason = Some(texts::CROSS_NAMESPACE);
            conditions.push(new(types::ADVISORY, "True", reason, Some(&message)));
        }
        if let Some(role) = &self.role {
            conditions.push(new(types::ROLE_SELECTED, "True", Some(texts::SELECTED), Some(role)));
        }
        conditions
    }
}

impl Verdict {
    /// The same, with every text that comes from elsewhere changed by `change`.
    #[must_use]
    pub fn in_words(self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Recoverable(text) => Self::Recoverable(change(&text)),
            Self::Terminal(text) => Self::Terminal(change(&text)),
            Self::Refused(text) => Self::Refused(change(&text)),
            Self::NoRole(text) => Self::NoRole(change(&text)),
            Self::Unresolved(Unresolved { status, reason }) => {
                Self::Unresolved(Unresolved { status, reason: change(&reason) })
            }
            Self::Synced | Self::NotSynced | Self::AlreadyExists => self,
        }
    }

    /// The conditions, `Ready` last.
    pub fn conditions(&self, also: &Also) -> Vec<Condition> {
        let mut conditions = match self {
            Self::Unresolved(Unresolved { status, reason }) => {
                vec![new(types::REFERENCES_RESOLVED, status, Some(reason), Some(texts::UNRESOLVED))]
            }
            Self::NoRole(reason) => vec![
                new(types::SYNCED, "False", Some(reason), Some(texts::NO_ROLE)),
                new(types::READY, "False", Some(reason), Some(texts::NO_ROLE)),
            ],
            Self::Synced => vec![
                new(types::SYNCED, "True", None, Some(texts::SYNCED)),
                new(types::READY, "True", None, Some(texts::SYNCED)),
            ],
            Self::NotSynced => vec![
                new(types::SYNCED, "False", None, Some(texts::NOT_SYNCED)),
                new(types::READY, "False", None, Some(texts::NOT_SYNCED)),
            ],
            Self::Recoverable(message) => vec![
                new(types::RECOVERABLE, "True", None, Some(message)),
                new(types::SYNCED, "Unknown", Some(message), Some(texts::UNKNOWN)),
                new(types::READY, "False", Some(types::RECOVERABLE), Some(message)),
            ],
            Self::Terminal(message) => terminal(message, None),
            Self::AlreadyExists => terminal(texts::EXISTS, Some(texts::EXISTS_REASON)),
            Self::Refused(message) => vec![new(types::TERMINAL, "True", None, Some(message))],
        };
        if also.late && *self == Self::Synced {
            let text = Some(texts::LATE_INITIALIZED);
            conditions.insert(0, new(types::LATE_INITIALIZED, "True", text, text));
        }
        conditions.splice(0..0, also.conditions());
        conditions
    }
}

fn terminal(message: &str, reason: Option<&str>) -> Vec<Condition> {
    vec![
        new(types::TERMINAL, "True", reason, Some(message)),
        new(types::SYNCED, "False", Some(texts::TERMINAL), Some(texts::NOT_SYNCED)),
        new(types::READY, "False", Some(types::TERMINAL), Some(message)),
    ]
}

fn new(
    condition_type: &str,
    status: &str,
    reason: Option<&str>,
    message: Option<&str>,
) -> Condition {
    Condition {
        condition_type: condition_type.to_owned(),
        status: status.to_owned(),
        last_transition_time: None,
        reason: reason.map(str::to_owned),
        message: message.map(str::to_owned),
    }
}

/// Stamps conditions: the time of one whose status stays is kept, so that an object about which
/// there is nothing new is not written.
// Differs from ACK: there the time is the time of the last reconcile, and ACK.Terminal and
// ACK.Recoverable have none.
pub fn stamp(mut conditions: Vec<Condition>, before: &[Condition], now: Time) -> Vec<Condition> {
    for condition in &mut conditions {
        let same = before.iter().find(|old| {
            old.condition_type == condition.condition_type && old.status == condition.status
        });
        condition.last_transition_time =
            same.and_then(|old| old.last_transition_time).or(Some(now));
    }
    conditions
}
