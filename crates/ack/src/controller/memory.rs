//! Which objects were read fully, so that a resync of an unchanged one need not.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use runtime::store::ObjectKey;

use crate::object::Object;
use crate::resource::Depth;
use crate::shape::Shape;

/// Every so many resyncs of an unchanged object everything is read.
const EVERY: u32 = 4;

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
    /// Passes since everything was read.
    passes: u32,
}

impl Memory {
    /// How much of the object's resource is to be read in this pass.
    pub(super) fn depth<Spec: Shape>(&self, object: &Object<Spec>) -> Depth {
        let seen = self.lock();
        let unchanged = seen.get(&key(object)).is_some_and(|seen| {
            seen.uid == object.uid
                && seen.generation == object.generation
                && seen.passes + 1 < EVERY
        });
        if unchanged { Depth::InUse } else { Depth::Everything }
    }

    /// The object was synced by a pass that read so much.
    pub(super) fn settled<Spec: Shape>(&self, object: &Object<Spec>, depth: Depth) {
        let mut seen = self.lock();
        let passes = match depth {
            Depth::Everything => 0,
            Depth::InUse | Depth::Existence => {
                seen.get(&key(object)).map_or(0, |seen| seen.passes + 1)
            }
        };
        let (uid, generation) = (object.uid.clone(), object.generation);
        seen.insert(key(object), Seen { uid, generation, passes });
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
    ObjectKey { namespace: Some(object.namespace.clone()), name: object.name.clone() }
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
    fn an_unchanged_object_is_read_fully_now_and_then() {
        let (memory, object) = (Memory::default(), object("u", 1));
        let mut full = Vec::new();
        for pass in 0..9 {
            let depth = memory.depth(&object);
            if depth == Depth::Everything {
                full.push(pass);
            }
            memory.settled(&object, depth);
        }
        assert_eq!(full, [0, 4, 8]);
    }

    #[test]
    fn a_change_and_a_new_object_are_read_fully() {
        let memory = Memory::default();
        memory.settled(&object("u", 1), Depth::Everything);
        assert_eq!(memory.depth(&object("u", 1)), Depth::InUse);
        assert_eq!(memory.depth(&object("u", 2)), Depth::Everything);
        assert_eq!(memory.depth(&object("v", 1)), Depth::Everything);
        memory.forget(&key(&object("u", 1)));
        assert_eq!(memory.depth(&object("u", 1)), Depth::Everything);
    }
}
