//! The way of a chain of names through bound data, told before any data is there.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Map, Value as Json};

use crate::value::same_name;

/// A chain of names from a root whose type is known.
pub(crate) struct Trail {
    pub(crate) hops: Box<[Hop]>,
    /// The type that data at the root must have been bound with.
    pub(crate) start: u32,
    /// The type at the end.
    pub(crate) end: u32,
    /// Which first step it is that other trails may have, too.
    pub(crate) beginning: usize,
}

/// From an object to one of its properties.
pub(crate) struct Hop {
    property: Arc<str>,
    /// The object's type declares the field: null counts as absent.
    declared: bool,
    /// This step or one before is optional.
    pub(crate) optional: bool,
    /// The position of the property in the object that was looked at last: most objects are alike.
    position: AtomicUsize,
}

impl Hop {
    pub(crate) fn new(property: Arc<str>, declared: bool, optional: bool) -> Hop {
        Hop { property, declared, optional, position: AtomicUsize::new(0) }
    }

    /// What the object has there.
    #[inline]
    pub(crate) fn find<'j>(&self, object: &'j Map<String, Json>) -> Option<&'j Json> {
        let found = self.property(object)?;
        if self.declared && found.is_null() { None } else { Some(found) }
    }

    #[inline]
    fn property<'j>(&self, object: &'j Map<String, Json>) -> Option<&'j Json> {
        if object.len() > crate::value::SMALL {
            return object.get(&*self.property);
        }
        // Only a guess: nothing depends on who wrote it, and when.
        let guess = self.position.load(Ordering::Relaxed);
        match object.iter().nth(guess) {
            Some((name, found)) if same_name(name, &self.property) => Some(found),
            _ => self.search(object),
        }
    }

    fn search<'j>(&self, object: &'j Map<String, Json>) -> Option<&'j Json> {
        let mut properties = object.iter().enumerate();
        let (at, (_, found)) = properties.find(|(_, (name, _))| same_name(name, &self.property))?;
        self.position.store(at, Ordering::Relaxed);
        Some(found)
    }
}
