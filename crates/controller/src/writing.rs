//! Which members are being written at this moment.

use plan::ObjectId;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The members that are being written.
#[derive(Debug, Default)]
pub(crate) struct Writing(Mutex<HashSet<ObjectId>>);

/// A write that is under way, as long as this lives.
#[derive(Debug)]
pub(crate) struct Write<'a> {
    writing: &'a Writing,
    object: &'a ObjectId,
}

// === impl Writing ===

impl Writing {
    /// A write of `object` begins. Only who has claimed an object writes it, one write after the
    /// other.
    pub(crate) fn begin<'a>(&'a self, object: &'a ObjectId) -> Write<'a> {
        self.lock().insert(object.clone());
        Write { writing: self, object }
    }

    /// Whether `object` is being written.
    pub(crate) fn has(&self, object: &ObjectId) -> bool {
        self.lock().contains(object)
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<ObjectId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Write ===

impl Drop for Write<'_> {
    fn drop(&mut self) {
        self.writing.lock().remove(self.object);
    }
}
