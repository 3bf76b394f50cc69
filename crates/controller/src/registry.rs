//! Which graph serves which kind.

use graph::Graph;
use plan::object::GroupKind;
use schema::ContentHash;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many revisions of a definition are kept in memory.
const KEPT_REVISIONS: usize = 5;

/// RGD → revision number → compiled graph.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    definitions: BTreeMap<String, Definition>,
    /// Kind of instances → name of the definition that serves it.
    kinds: BTreeMap<GroupKind, String>,
    /// Kind of instances → why no graph serves it.
    failed: BTreeMap<GroupKind, Failed>,
}

/// Why no graph serves a kind.
#[derive(Debug)]
struct Failed {
    rgd: String,
    why: String,
}

#[derive(Debug, Default)]
struct Definition {
    uid: String,
    revisions: BTreeMap<i64, Revision>,
    /// What instances are reconciled with.
    serving: Option<Arc<Graph>>,
}

/// A compiled definition.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    pub(crate) spec_hash: ContentHash,
    pub(crate) graph: Arc<Graph>,
}

/// What is known about a kind of instances.
pub(crate) enum Lookup {
    /// A graph serves it.
    Served(Served),
    /// Its definition does not compile.
    Failed(String),
    /// It has no definition, or that was not looked at yet.
    Unknown,
}

/// What an instance is reconciled with.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) rgd_name: String,
    pub(crate) rgd_uid: String,
    pub(crate) graph: Arc<Graph>,
}

// === impl Registry ===

impl Registry {
    /// The latest revision of `rgd` and its number.
    pub(crate) fn latest(&self, rgd: &str, uid: &str) -> Option<(i64, Revision)> {
        let table = self.lock();
        let definition = table.definitions.get(rgd).filter(|definition| definition.uid == uid)?;
        let (number, revision) = definition.revisions.last_key_value()?;
        Some((*number, revision.clone()))
    }

    /// Registers `graph` as revision `number`; it does not serve before [`Registry::serve`].
    pub(crate) fn issue(
        &self,
        rgd: &str,
        uid: &str,
        number: i64,
        spec_hash: ContentHash,
        graph: Arc<Graph>,
    ) {
        let mut table = self.lock();
        let definition = table.definitions.entry(rgd.to_owned()).or_default();
        if definition.uid != uid {
            *definition = Definition { uid: uid.to_owned(), ..Definition::default() };
        }
        definition.revisions.insert(number, Revision { spec_hash, graph });
        while definition.revisions.len() > KEPT_REVISIONS {
            definition.revisions.pop_first();
        }
    }

    /// From now on `rgd` serves instances of `kind` with its latest revision; says whether it
    /// served another graph before, or none.
    pub(crate) fn serve(&self, rgd: &str, kind: GroupKind) -> bool {
        let mut table = self.lock();
        let Some(definition) = table.definitions.get_mut(rgd) else { return false };
        let latest =
            definition.revisions.last_key_value().map(|(_, revision)| revision.graph.clone());
        let same = match (&definition.serving, &latest) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (Some(_) | None, _) => false,
        };
        definition.serving = latest;
        table.failed.remove(&kind);
        table.kinds.insert(kind, rgd.to_owned());
        !same
    }

    /// `rgd`, which should serve `kind`, can't, for this reason.
    pub(crate) fn fail(&self, rgd: &str, kind: GroupKind, why: String) {
        self.lock().failed.insert(kind, Failed { rgd: rgd.to_owned(), why });
    }

    /// Forgets the definition (with any UID, without one); returns the kind that it served.
    pub(crate) fn remove(&self, rgd: &str, uid: Option<&str>) -> Option<GroupKind> {
        let mut table = self.lock();
        table.failed.retain(|_, failed| failed.rgd != rgd);
        let gone = |definition: &Definition| uid.is_none_or(|uid| definition.uid == uid);
        if !table.definitions.get(rgd).is_some_and(gone) {
            return None;
        }
        table.definitions.remove(rgd);
        let kind = table.kinds.iter().find(|(_, name)| *name == rgd).map(|(kind, _)| kind.clone());
        if let Some(kind) = &kind {
            table.kinds.remove(kind);
        }
        kind
    }

    /// What serves instances of `kind`.
    pub(crate) fn lookup(&self, kind: &GroupKind) -> Lookup {
        let table = self.lock();
        let served = table.kinds.get(kind).and_then(|rgd_name| {
            let definition = table.definitions.get(rgd_name)?;
            Some(Served {
                rgd_name: rgd_name.clone(),
                rgd_uid: definition.uid.clone(),
                graph: definition.serving.clone()?,
            })
        });
        match (served, table.failed.get(kind)) {
            (Some(served), _) => Lookup::Served(served),
            (None, Some(failed)) => Lookup::Failed(failed.why.clone()),
            (None, None) => Lookup::Unknown,
        }
    }

    /// The definitions whose latest graph is one for which `uses` holds.
    pub(crate) fn users_of(&self, uses: impl Fn(&Graph) -> bool) -> Vec<String> {
        let table = self.lock();
        let latest = table.definitions.iter().filter_map(|(name, definition)| {
            Some((name, definition.revisions.last_key_value()?.1))
        });
        latest.filter(|(_, revision)| uses(&revision.graph)).map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
