//! Which objects were read, how much of them and when, so that an unchanged one need not be.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use runtime::store::ObjectKey;
use tokio::time::Instant;

use crate::object::Object;
use crate::resource::Depth;
use crate::shape::Shape;

/// What is remembered of the objects of a kind. It is lost with the process: then everything is
/// read again.
#[derive(Debug, Default)]
pub(super) struct Memory(Mutex<BTreeMap<ObjectKey, Seen>>);

/// An object that was synced.
#[derive(Debug)]
struct Seen {
    uid: String,
    /// Says which spec it had.
    generation: i64,
    /// Resyncs since everything was read.
    resyncs: u32,
    /// When it was found to be synced.
    at: Instant,
}

impl Seen {
    fn is_of<Spec>(&self, object: &Object<Spec>) -> bool {
        self.uid == object.uid && self.generation == object.generation
    }
}

impl Memory {
    /// How much of the object's resource is to be read in this pass.
    pub(super) fn depth<Spec: Shape>(&self, object: &Object<Spec>) -> Depth {
        let seen = self.lock();
        match seen.get(&key(object)).filter(|seen| seen.is_of(object)) {
            Some(seen) => Depth::Resync(seen.resyncs.wrapping_add(1)),
            None => Depth::Everything,
        }
    }

    /// How long an object that is synced is left alone still; `None` if it is to be looked at.
    ///
    /// The watch may bring what a pass has written before the answer to the write is there. That is
    /// no change, and no reason to ask AWS again.
    pub(super) fn rests<Spec: Shape>(
        &self,
        object: &Object<Spec>,
        resync: Duration,
        now: Instant,
    ) -> Option<Duration> {
        let seen = self.lock();
        let seen = seen.get(&key(object)).filter(|seen| seen.is_of(object) && !object.deleting)?;
        let left = (seen.at + resync).saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The object was synced by a pass that read so much.
    pub(super) fn settled<Spec: Shape>(&self, object: &Object<Spec>, depth: Depth, at: Instant) {
        let resyncs = match depth {
            Depth::Existence | Depth::InUse | Depth::Everything => 0,
            Depth::Resync(number) => number,
        };
        let (uid, generation) = (object.uid.clone(), object.generation);
        self.lock().insert(key(object), Seen { uid, generation, resyncs, at });
    }

    /// The object is gone.
    pub(super) fn forget(&self, key: &ObjectKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ObjectKey, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key<Spec>(object: &Object<Spec>) -> ObjectKey {
    ObjectKey::namespaced(object.namespace.as_str(), object.name.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::s3::shapes::BucketSpec;

    fn object(uid: &str, generation: i64) -> Object<BucketSpec> {
        let metadata =
            json!({ "namespace": "n", "name": "b", "uid": uid, "generation": generation });
        Object::parse(&json!({ "metadata": metadata, "spec": { "name": "b" } }))
    }

    #[test]
    fn resyncs_of_an_unchanged_object_are_counted() {
        let (memory, object) = (Memory::default(), object("u", 1));
        let depths = (0..4).map(|_| {
            let depth = memory.depth(&object);
            memory.settled(&object, depth, Instant::now());
            depth
        });
        let resyncs = [1, 2, 3].map(Depth::Resync);
        assert!(depths.eq([Depth::Everything].into_iter().chain(resyncs)));
    }

    #[test]
    fn a_change_and_a_new_object_are_read_fully() {
        let memory = Memory::default();
        memory.settled(&object("u", 1), Depth::Everything, Instant::now());
        assert_eq!(memory.depth(&object("u", 1)), Depth::Resync(1));
        assert_eq!(memory.depth(&object("u", 2)), Depth::Everything);
        assert_eq!(memory.depth(&object("v", 1)), Depth::Everything);
        memory.forget(&key(&object("u", 1)));
        assert_eq!(memory.depth(&object("u", 1)), Depth::Everything);
    }

    #[test]
    fn what_is_synced_rests_until_its_resync() {
        let (memory, now, resync) = (Memory::default(), Instant::now(), Duration::from_secs(60));
        let object = object("u", 1);
        assert_eq!(memory.rests(&object, resync, now), None, "it is not known");
        memory.settled(&object, Depth::Everything, now);
        let later = now + Duration::from_secs(20);
        assert_eq!(memory.rests(&object, resync, later), Some(Duration::from_secs(40)));
        assert_eq!(memory.rests(&object, resync, now + resync), None);
        let gone = Object { deleting: true, ..object };
        assert_eq!(memory.rests(&gone, resync, later), None);
        assert_eq!(memory.rests(&self::object("u", 2), resync, later), None, "a change");
        assert_eq!(memory.rests(&self::object("v", 1), resync, later), None, "another one");
    }
}
