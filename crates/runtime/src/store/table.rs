//! The entries of a cache, and the rules by which observations replace each other. No I/O.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::object::ObjectKey;

/// What is kept of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<E> {
    /// Namespace and name.
    pub key: ObjectKey,
    /// `metadata.uid`.
    pub uid: String,
    /// `metadata.resourceVersion`.
    pub resource_version: u64,
    /// `metadata.deletionTimestamp` as the server wrote it.
    pub deletion_timestamp: Option<String>,
    /// What the projection made of the object.
    pub data: E,
    /// The index keys that the projection named, sorted.
    pub(super) index: Vec<String>,
    /// Which projection made it: an entry of an earlier one is replaced even by its own version.
    pub(super) generation: u64,
}

impl<E> Entry<E> {
    /// Whether deletion has been requested.
    pub fn is_terminating(&self) -> bool {
        self.deletion_timestamp.is_some()
    }

    /// The keys that [`indexed`](super::Store::indexed) finds it by, sorted.
    pub fn index(&self) -> &[String] {
        &self.index
    }
}

/// How a change became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A watch event.
    Watch,
    /// A list: the first one, or one after the watch lost its place.
    List,
    /// The response of a write or read of our own.
    Write,
}

/// A change of an entry: at least one of `old` and `new` is there.
/// When both are, their uids differ if the object was replaced by another of the same name.
#[derive(Debug)]
pub struct Change<E> {
    /// The object.
    pub key: ObjectKey,
    /// What was known before.
    pub old: Option<Arc<Entry<E>>>,
    /// What is known now; `None` when the object is gone.
    pub new: Option<Arc<Entry<E>>>,
    /// How it became known.
    pub origin: Origin,
}

/// A list contradicts what the watch has already delivered: it is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StaleList;

pub(super) struct Table<E> {
    entries: BTreeMap<ObjectKey, Arc<Entry<E>>>,
    index: BTreeMap<String, BTreeSet<ObjectKey>>,
    /// Uids of objects known to be gone, of which the watch may still deliver older states; with
    /// the list during which, or after which, they became known.
    gone: BTreeMap<String, u64>,
    /// The number of lists begun.
    lists: u64,
    /// Everything up to this version has been delivered.
    position: u64,
    generation: u64,
}

impl<E> Table<E> {
    pub(super) fn new() -> Table<E> {
        Table {
            entries: BTreeMap::new(),
            index: BTreeMap::new(),
            gone: BTreeMap::new(),
            lists: 0,
            position: 0,
            generation: 0,
        }
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<Arc<Entry<E>>> {
        self.entries.get(key).cloned()
    }

    pub(super) fn list(&self) -> Vec<Arc<Entry<E>>> {
        self.entries.values().cloned().collect()
    }

    pub(super) fn indexed(&self, index_key: &str) -> Vec<Arc<Entry<E>>> {
        let keys = self.index.get(index_key).into_iter().flatten();
        keys.filter_map(|key| self.get(key)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether a task of this generation may still change the table.
    pub(super) fn is_current(&self, generation: u64) -> bool {
        self.generation == generation
    }

    /// Another selection or projection: what was delivered so far says nothing about it.
    pub(super) fn restart(&mut self, generation: u64) {
        self.generation = generation;
        self.position = 0;
    }

    pub(super) fn begin_list(&mut self) {
        self.lists += 1;
    }

    /// Enters a complete list of version `version`.
    ///
    /// `accept_older` takes a list that is older than what was delivered for the truth: the history
    /// of the server itself went back (a restored backup).
    pub(super) fn finish_list(
        &mut self,
        listed: Vec<Entry<E>>,
        version: u64,
        accept_older: bool,
    ) -> Result<Vec<Change<E>>, StaleList> {
        let reset = version < self.position;
        if reset && !accept_older {
            return Err(StaleList);
        }
        let listed: BTreeMap<ObjectKey, Entry<E>> =
            listed.into_iter().map(|entry| (entry.key.clone(), entry)).collect();
        let this_list = self.lists;
        // A uid that became gone before this list began and is not in it is gone for the watch
        // that follows as well. One in the list is from before its deletion.
        let uids: BTreeSet<&str> = listed.values().map(|entry| entry.uid.as_str()).collect();
        if reset {
            self.gone.clear();
        }
        self.gone.retain(|uid, since| *since >= this_list || uids.contains(uid.as_str()));
        let missing: Vec<ObjectKey> = self
            .entries
            .values()
            .filter(|entry| {
                // A younger entry of this selection is a write of ours that the watch will deliver.
                let own_write = entry.resource_version > version;
                reset || !own_write || entry.generation != self.generation
            })
            .filter(|entry| !listed.contains_key(&entry.key))
            .map(|entry| entry.key.clone())
            .collect();
        self.position = version;
        let mut changes = Vec::new();
        changes.extend(missing.iter().filter_map(|key| self.remove(key, Origin::List)));
        for entry in listed.into_values() {
            if !self.gone.contains_key(&entry.uid) && (reset || self.is_news(&entry)) {
                changes.push(self.insert(entry, Origin::List));
            }
        }
        Ok(changes)
    }

    /// Enters an object that the watch delivered as added or modified.
    pub(super) fn applied(&mut self, entry: Entry<E>) -> Option<Change<E>> {
        self.advance(entry.resource_version);
        if self.gone.contains_key(&entry.uid) {
            return None;
        }
        if !self.is_news(&entry) {
            return None;
        }
        Some(self.insert(entry, Origin::Watch))
    }

    /// Enters that the watch delivered a deletion: of the object, or of its place in the selection.
    pub(super) fn deleted(
        &mut self,
        key: &ObjectKey,
        uid: &str,
        version: u64,
    ) -> Option<Change<E>> {
        self.advance(version);
        self.gone.remove(uid);
        let known = self.entries.get(key)?;
        // A younger state comes from a write of ours that the watch will deliver later.
        if known.uid != uid || known.resource_version > version {
            return None;
        }
        self.remove(key, Origin::Watch)
    }

    /// Enters that everything up to `version` was delivered.
    pub(super) fn advance(&mut self, version: u64) {
        self.position = self.position.max(version);
    }

    pub(super) fn observe_write(&mut self, entry: Entry<E>, selected: bool) -> Option<Change<E>> {
        // The watch has been here: what it left behind is at least as new.
        let passed = entry.resource_version <= self.position;
        let outdated = entry.generation != self.generation;
        if passed || outdated || self.gone.contains_key(&entry.uid) || !self.is_news(&entry) {
            return None;
        }
        // Another object has the name now, so the one before is gone, deleted by somebody else.
        let before = self.entries.get(&entry.key).filter(|known| known.uid != entry.uid);
        if let Some(before) = before {
            self.gone.insert(before.uid.clone(), self.lists);
        }
        if selected {
            return Some(self.insert(entry, Origin::Write));
        }
        self.remove(&entry.key, Origin::Write)
    }

    pub(super) fn observe_delete(&mut self, key: &ObjectKey, uid: &str) -> Option<Change<E>> {
        self.entries.get(key).filter(|known| known.uid == uid)?;
        self.gone.insert(uid.to_owned(), self.lists);
        self.remove(key, Origin::Write)
    }

    /// Whether `entry` is newer than what is known under its key, or made by a newer projection.
    fn is_news(&self, entry: &Entry<E>) -> bool {
        let Some(known) = self.entries.get(&entry.key) else { return true };
        let version = |entry: &Entry<E>| (entry.resource_version, entry.generation);
        version(known) < version(entry)
    }

    fn insert(&mut self, entry: Entry<E>, origin: Origin) -> Change<E> {
        let key = entry.key.clone();
        let old = self.remove(&key, origin).and_then(|change| change.old);
        for index_key in &entry.index {
            self.index.entry(index_key.clone()).or_default().insert(key.clone());
        }
        let new = Arc::new(entry);
        self.entries.insert(key.clone(), Arc::clone(&new));
        Change { key, old, new: Some(new), origin }
    }

    fn remove(&mut self, key: &ObjectKey, origin: Origin) -> Option<Change<E>> {
        let old = self.entries.remove(key)?;
        for index_key in &old.index {
            if let Some(keys) = self.index.get_mut(index_key) {
                keys.remove(key);
                if keys.is_empty() {
                    self.index.remove(index_key);
                }
            }
        }
        Some(Change { key: key.clone(), old: Some(old), new: None, origin })
    }
}

#[cfg(test)]
mod tests;
