//! Who may write which object, before anything is written (DESIGN.md, decision 6).

use plan::ObjectId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A process-wide table of claimed names. Forced server-side apply never conflicts, so two
/// instances that want one object are kept apart here.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Object → the instance that holds it.
    holders: BTreeMap<ObjectId, ObjectId>,
    /// Instance → what it holds.
    held: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// Object → the instances that were refused.
    waiting: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
}

// === impl Claims ===

impl Claims {
    /// Claims `object` for `instance`; the instance that holds it already, if that is another.
    pub(crate) fn claim(&self, object: &ObjectId, instance: &ObjectId) -> Result<(), ObjectId> {
        let mut table = self.lock();
        match table.holders.get(object) {
            Some(holder) if holder != instance => {
                let holder = holder.clone();
                table.waiting.entry(object.clone()).or_default().insert(instance.clone());
                Err(holder)
            }
            Some(_) => Ok(()),
            None => {
                table.holders.insert(object.clone(), instance.clone());
                table.held.entry(instance.clone()).or_default().insert(object.clone());
                Ok(())
            }
        }
    }

    /// Gives a claim back because somebody outside of this process holds the object; `instance` is
    /// told when it is released.
    pub(crate) fn wait_for(&self, object: &ObjectId, instance: &ObjectId) {
        let mut table = self.lock();
        if table.holders.get(object) == Some(instance) {
            table.holders.remove(object);
            if let Some(held) = table.held.get_mut(instance) {
                held.remove(object);
            }
        }
        table.waiting.entry(object.clone()).or_default().insert(instance.clone());
    }

    /// Gives back what `instance` holds, except what `keep` keeps; returns the instances that
    /// waited for it.
    pub(crate) fn release(
        &self,
        instance: &ObjectId,
        keep: impl Fn(&ObjectId) -> bool,
    ) -> BTreeSet<ObjectId> {
        let mut table = self.lock();
        let Some(held) = table.held.get_mut(instance) else { return BTreeSet::new() };
        let released: Vec<ObjectId> = held.iter().filter(|object| !keep(object)).cloned().collect();
        for object in &released {
            held.remove(object);
        }
        if held.is_empty() {
            table.held.remove(instance);
        }
        let mut waiters = BTreeSet::new();
        for object in released {
            table.holders.remove(&object);
            waiters.extend(table.waiting.remove(&object).into_iter().flatten());
        }
        waiters.remove(instance);
        waiters
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Claims;
    use plan::ObjectId;
    use plan::object::GroupKind;

    fn object(name: &str) -> ObjectId {
        let kind = GroupKind { group: String::new(), kind: "ConfigMap".to_owned() };
        ObjectId::new(kind, "default", name)
    }

    #[test]
    fn one_instance_holds_an_object_until_it_lets_go() {
        let (claims, shared) = (Claims::default(), object("shared"));
        let (one, two) = (object("one"), object("two"));
        assert_eq!(claims.claim(&shared, &one), Ok(()));
        assert_eq!(claims.claim(&shared, &one), Ok(()));
        assert_eq!(claims.claim(&shared, &two), Err(one.clone()));
        assert!(claims.release(&one, |_| true).is_empty());
        assert_eq!(claims.release(&one, |_| false), [two.clone()].into());
        assert_eq!(claims.claim(&shared, &two), Ok(()));
    }
}
