//! Which graph serves which kind: definition → revision number → compiled graph.
//!
//! All of it is memory of this process; what lasts is the GraphRevision objects. Only the graphs
//! that serve or are about to are held.

use crate::defaults::Defaults;
use graph::Graph;
use plan::object::GroupKind;
use schema::openapi::GroupVersionKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What instances are reconciled with.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    definitions: BTreeMap<String, Definition>,
    /// Kind of instances → name of the definition that serves it.
    kinds: BTreeMap<GroupKind, String>,
}

#[derive(Debug, Default)]
struct Definition {
    /// Revision number → what became of it.
    revisions: BTreeMap<i64, State>,
    /// What instances are reconciled with.
    serving: Option<Serving>,
    /// The kind that it should serve but can't, and why.
    failed: Option<(GroupKind, String)>,
    /// The kinds that it names and the API server does not have.
    missing: BTreeSet<GroupVersionKind>,
}

#[derive(Debug)]
struct Serving {
    uid: String,
    kind: GroupKind,
    number: i64,
    graph: Arc<Graph>,
    defaults: Arc<Defaults>,
}

/// What became of a revision.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// It is being compiled.
    Pending,
    /// It compiles.
    Active(Arc<Graph>),
    /// It does not compile, for this reason.
    Failed(String),
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
    pub(crate) defaults: Arc<Defaults>,
}

// === impl State ===

impl State {
    /// As metrics call it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active(_) => "active",
            Self::Failed(_) => "failed",
        }
    }
}

// === impl Registry ===

impl Registry {
    /// What became of revision `number` of `rgd`; `None` when nobody looked at it yet.
    pub(crate) fn state(&self, rgd: &str, number: i64) -> Option<State> {
        self.lock().definitions.get(rgd)?.revisions.get(&number).cloned()
    }

    /// Notes what became of a revision; returns what was known before.
    pub(crate) fn set(&self, rgd: &str, number: i64, state: State) -> Option<State> {
        let mut table = self.lock();
        let definition = table.definitions.entry(rgd.to_owned()).or_default();
        definition.revisions.insert(number, state)
    }

    /// A revision was issued. The watch may be faster than the answer to its creation: what became
    /// of it by then stays.
    pub(crate) fn expect(&self, rgd: &str, number: i64) {
        let mut table = self.lock();
        let definition = table.definitions.entry(rgd.to_owned()).or_default();
        definition.revisions.entry(number).or_insert(State::Pending);
    }

    /// Forgets a revision that is gone; says whether it was known.
    pub(crate) fn evict(&self, rgd: &str, number: i64) -> bool {
        let mut table = self.lock();
        let Some(definition) = table.definitions.get_mut(rgd) else { return false };
        let known = definition.revisions.remove(&number).is_some();
        table.tidy(rgd);
        known
    }

    /// Forgets all revisions of `rgd`, of which the API server has none; what serves goes on.
    pub(crate) fn purge(&self, rgd: &str) {
        let mut table = self.lock();
        if let Some(definition) = table.definitions.get_mut(rgd) {
            definition.revisions.clear();
        }
        table.tidy(rgd);
    }

    /// How many revisions are in which state.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, i64> {
        let table = self.lock();
        let mut counts = BTreeMap::from([("pending", 0), ("active", 0), ("failed", 0)]);
        for state in table.definitions.values().flat_map(|one| one.revisions.values()) {
            *counts.entry(state.as_str()).or_default() += 1;
        }
        counts
    }

    /// How many kinds are served.
    pub(crate) fn served_kinds(&self) -> usize {
        self.lock().kinds.len()
    }

    /// From now on `rgd` serves instances of `kind` with `graph`, its revision `number`; says
    /// whether it served another graph before, or none.
    pub(crate) fn serve(
        &self,
        (rgd, uid): (&str, &str),
        kind: GroupKind,
        number: i64,
        graph: &Arc<Graph>,
    ) -> bool {
        let mut table = self.lock();
        let definition = table.definitions.entry(rgd.to_owned()).or_default();
        let same = definition.failed.is_none()
            && definition.serving.as_ref().is_some_and(|serving| {
                serving.uid == uid && serving.number == number && Arc::ptr_eq(&serving.graph, graph)
            });
        // Older graphs serve nobody any more.
        definition.revisions.retain(|revision, _| *revision >= number);
        definition.failed = None;
        if !same {
            definition.serving = Some(Serving {
                uid: uid.to_owned(),
                kind: kind.clone(),
                number,
                graph: graph.clone(),
                defaults: Arc::new(Defaults::of(&graph.instance.crd)),
            });
        }
        table.kinds.insert(kind, rgd.to_owned());
        !same
    }

    /// The number of the revision with which `rgd` serves.
    pub(crate) fn serving(&self, rgd: &str) -> Option<i64> {
        Some(self.lock().definitions.get(rgd)?.serving.as_ref()?.number)
    }

    /// `rgd`, which should serve `kind`, can't, for this reason; says whether that is news.
    pub(crate) fn fail(&self, rgd: &str, kind: GroupKind, why: String) -> bool {
        let mut table = self.lock();
        let definition = table.definitions.entry(rgd.to_owned()).or_default();
        let failed = Some((kind, why));
        let news = definition.failed != failed;
        definition.failed = failed;
        news
    }

    /// Notes which kinds the spec that `rgd` has now misses.
    pub(crate) fn miss(&self, rgd: &str, missing: BTreeSet<GroupVersionKind>) {
        let mut table = self.lock();
        if missing.is_empty() && !table.definitions.contains_key(rgd) {
            return;
        }
        table.definitions.entry(rgd.to_owned()).or_default().missing = missing;
        table.tidy(rgd);
    }

    /// The definition (with any UID, without one) serves no longer; returns the kind that it
    /// served.
    pub(crate) fn stop(&self, rgd: &str, uid: Option<&str>) -> Option<GroupKind> {
        let mut table = self.lock();
        let definition = table.definitions.get_mut(rgd)?;
        definition.failed = None;
        definition.missing.clear();
        let gone = |serving: &mut Serving| uid.is_none_or(|uid| serving.uid == uid);
        let kind = definition.serving.take_if(gone).map(|serving| serving.kind);
        if let Some(kind) = &kind
            && table.kinds.get(kind).is_some_and(|server| server == rgd)
        {
            table.kinds.remove(kind);
        }
        table.tidy(rgd);
        kind
    }

    /// What serves instances of `kind`.
    pub(crate) fn lookup(&self, kind: &GroupKind) -> Lookup {
        let table = self.lock();
        let server = table.kinds.get(kind).and_then(|name| {
            let definition = table.definitions.get(name)?;
            Some((name, definition, definition.serving.as_ref()?))
        });
        if let Some((name, definition, serving)) = server {
            return match &definition.failed {
                Some((_, why)) => Lookup::Failed(why.clone()),
                None => Lookup::Served(Served {
                    rgd_name: name.clone(),
                    rgd_uid: serving.uid.clone(),
                    graph: serving.graph.clone(),
                    defaults: serving.defaults.clone(),
                }),
            };
        }
        let mut failed = table.definitions.values().filter_map(|one| one.failed.as_ref());
        match failed.find(|(failed, _)| failed == kind) {
            Some((_, why)) => Lookup::Failed(why.clone()),
            None => Lookup::Unknown,
        }
    }

    /// The definitions that serve, or are about to, a graph for which `uses` holds, with the
    /// numbers of those revisions.
    pub(crate) fn users_of(&self, uses: impl Fn(&Graph) -> bool) -> Vec<(String, i64)> {
        let table = self.lock();
        let mut users = Vec::new();
        for (name, definition) in &table.definitions {
            let serving = definition.serving.iter().map(|one| (one.number, &one.graph));
            let active = definition.revisions.iter().filter_map(|(number, state)| match state {
                State::Active(graph) => Some((*number, graph)),
                State::Pending | State::Failed(_) => None,
            });
            let found = serving.chain(active).filter(|(_, graph)| uses(graph));
            users.extend(found.map(|(number, _)| (name.clone(), number)));
        }
        users.sort_unstable();
        users.dedup();
        users
    }

    /// The definitions that wait for a kind for which `of` holds, with the revisions that failed.
    pub(crate) fn waiting_for(
        &self,
        of: impl Fn(&GroupVersionKind) -> bool,
    ) -> Vec<(String, Vec<i64>)> {
        let table = self.lock();
        let waiting = table.definitions.iter().filter(|(_, one)| one.missing.iter().any(&of));
        let failed = |definition: &Definition| {
            let failed = |(number, state): (&i64, &State)| match state {
                State::Failed(_) => Some(*number),
                State::Pending | State::Active(_) => None,
            };
            definition.revisions.iter().filter_map(failed).collect()
        };
        waiting.map(|(name, definition)| (name.clone(), failed(definition))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Table ===

impl Table {
    /// Drops a definition of which nothing is known.
    fn tidy(&mut self, rgd: &str) {
        let empty = self.definitions.get(rgd).is_some_and(|one| {
            one.revisions.is_empty()
                && one.serving.is_none()
                && one.failed.is_none()
                && one.missing.is_empty()
        });
        if empty {
            self.definitions.remove(rgd);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_revision_outlives_the_answer_to_its_creation() {
        let registry = Registry::default();
        registry.expect("app", 1);
        assert!(matches!(registry.state("app", 1), Some(State::Pending)));
        // The watch was faster, and so was the compiler.
        registry.set("app", 2, State::Failed("no".to_owned()));
        registry.expect("app", 2);
        assert!(matches!(registry.state("app", 2), Some(State::Failed(_))));
    }
}
