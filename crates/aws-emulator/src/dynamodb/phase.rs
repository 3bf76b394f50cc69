//! Statuses that settle by themselves after a while.

use jiff::Timestamp;

/// A status of a table or of something on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Available,
    Creating,
    Deleting,
    Disabled,
    Disabling,
    Enabled,
    Enabling,
    Updating,
}

impl Status {
    /// As the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Available => "AVAILABLE",
            Self::Creating => "CREATING",
            Self::Deleting => "DELETING",
            Self::Disabled => "DISABLED",
            Self::Disabling => "DISABLING",
            Self::Enabled => "ENABLED",
            Self::Enabling => "ENABLING",
            Self::Updating => "UPDATING",
        }
    }
}

/// A status, and what becomes of it when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    now: Status,
    /// When it settles, and as what; as nothing when the thing is gone then.
    next: Option<(Timestamp, Option<Status>)>,
}

impl Phase {
    /// A status that stays.
    pub(super) fn rest(now: Status) -> Self {
        Self { now, next: None }
    }

    /// A status that becomes another one.
    pub(super) fn until(now: Status, due: Timestamp, next: Status) -> Self {
        Self { now, next: Some((due, Some(next))) }
    }

    /// A status that ends with the thing itself.
    pub(super) fn deleting(due: Timestamp) -> Self {
        Self { now: Status::Deleting, next: Some((due, None)) }
    }

    /// Settles if that is due; false when the thing is gone.
    pub(super) fn advance(&mut self, time: Timestamp) -> bool {
        match self.next {
            Some((due, next)) if due <= time => {
                self.next = None;
                next.map(|next| self.now = next).is_some()
            }
            Some(_) | None => true,
        }
    }

    /// The status.
    pub(super) fn status(&self) -> Status {
        self.now
    }

    /// As the API writes it.
    pub(super) fn name(&self) -> &'static str {
        self.now.name()
    }
}
