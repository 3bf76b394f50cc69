//! Random histories: whatever the order in which observations of them arrive, the table ends up
//! with the truth, never goes back, and never brings a deleted object back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What the server recorded.
#[derive(Debug, Clone)]
enum Event {
    Put { name: u8, uid: String, version: u64 },
    Deleted { name: u8, uid: String, version: u64 },
}

#[derive(Debug, Clone)]
enum Action {
    /// The server creates or changes an object; we hear of it as of a write of ours or not at all.
    Put {
        name: u8,
        observed: Observed,
    },
    Delete {
        name: u8,
        observed: Observed,
    },
    /// The watch delivers so many events.
    Deliver(u8),
    Bookmark,
    /// The watch is lost: a list is taken now and entered after some more actions.
    BeginList,
    FinishList,
}

/// When the response to a write reaches us.
#[derive(Debug, Clone, Copy)]
enum Observed {
    Never,
    AtOnce,
    /// With the next response that is observed at once.
    Late,
}

/// The server, the watch's place in its history, and responses that are under way.
#[derive(Default)]
struct World {
    version: u64,
    objects: BTreeMap<u8, (String, u64)>,
    history: Vec<Event>,
    delivered: usize,
    under_way: Vec<Event>,
    list: Option<(u64, usize, Vec<Entry<u64>>)>,
    next_uid: u32,
}

fn key(name: u8) -> ObjectKey {
    ObjectKey::cluster(format!("object-{name}"))
}

fn entry(name: u8, uid: &str, version: u64) -> Entry<u64> {
    Entry {
        key: key(name),
        uid: uid.to_owned(),
        resource_version: version,
        deletion_timestamp: None,
        data: version,
        index: vec![format!("parity-{}", version % 2)],
        generation: 0,
    }
}

fn observed() -> impl Strategy<Value = Observed> {
    prop_oneof![Just(Observed::Never), Just(Observed::AtOnce), Just(Observed::Late)]
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..3_u8, observed()).prop_map(|(name, observed)| Action::Put { name, observed }),
        3 => (0..3_u8, observed()).prop_map(|(name, observed)| Action::Delete { name, observed }),
        4 => (1..4_u8).prop_map(Action::Deliver),
        1 => Just(Action::Bookmark),
        1 => Just(Action::BeginList),
        2 => Just(Action::FinishList),
    ]
}

impl World {
    fn act(&mut self, table: &mut Table<u64>, action: &Action) -> Vec<Change<u64>> {
        match *action {
            Action::Put { name, observed } => {
                self.version += 1;
                let version = self.version;
                self.next_uid += 1;
                let fresh = format!("uid-{}", self.next_uid);
                let uid = self.objects.get(&name).map_or(fresh, |(uid, _)| uid.clone());
                self.objects.insert(name, (uid.clone(), version));
                self.record(table, Event::Put { name, uid, version }, observed)
            }
            Action::Delete { name, observed } => {
                let Some((uid, _)) = self.objects.remove(&name) else { return Vec::new() };
                self.version += 1;
                let version = self.version;
                self.record(table, Event::Deleted { name, uid, version }, observed)
            }
            Action::Deliver(_) | Action::Bookmark if self.list.is_some() => Vec::new(),
            Action::Deliver(count) => {
                let from = self.delivered;
                self.delivered = (from + usize::from(count)).min(self.history.len());
                let events = self.history[from..self.delivered].to_vec();
                events.iter().filter_map(|event| deliver(table, event)).collect()
            }
            Action::Bookmark => {
                if self.delivered == self.history.len() {
                    table.advance(self.version);
                }
                Vec::new()
            }
            Action::BeginList => {
                if self.list.is_none() {
                    table.begin_list();
                    let objects = self.objects.iter();
                    let listed = objects.map(|(name, (uid, version))| entry(*name, uid, *version));
                    self.list = Some((self.version, self.history.len(), listed.collect()));
                }
                Vec::new()
            }
            Action::FinishList => {
                let Some((version, delivered, listed)) = self.list.take() else {
                    return Vec::new();
                };
                self.delivered = delivered;
                table.finish_list(listed, version, false).expect("lists of this server are fresh")
            }
        }
    }

    fn record(
        &mut self,
        table: &mut Table<u64>,
        event: Event,
        observed: Observed,
    ) -> Vec<Change<u64>> {
        self.history.push(event.clone());
        match observed {
            Observed::Never => Vec::new(),
            Observed::Late => {
                self.under_way.push(event);
                Vec::new()
            }
            Observed::AtOnce => {
                self.under_way.push(event);
                let responses = std::mem::take(&mut self.under_way);
                responses.iter().filter_map(|response| respond(table, response)).collect()
            }
        }
    }

    /// Lets everything arrive that is under way.
    fn finish(&mut self, table: &mut Table<u64>) -> Vec<Change<u64>> {
        let mut changes = self.act(table, &Action::FinishList);
        changes.extend(self.act(table, &Action::Deliver(u8::MAX)));
        changes.extend(self.under_way.iter().filter_map(|response| respond(table, response)));
        changes
    }
}

fn deliver(table: &mut Table<u64>, event: &Event) -> Option<Change<u64>> {
    match event {
        Event::Put { name, uid, version } => table.applied(entry(*name, uid, *version)),
        Event::Deleted { name, uid, version } => table.deleted(&key(*name), uid, *version),
    }
}

fn respond(table: &mut Table<u64>, response: &Event) -> Option<Change<u64>> {
    match response {
        Event::Put { name, uid, version } => table.observe_write(entry(*name, uid, *version), true),
        Event::Deleted { name, uid, .. } => table.observe_delete(&key(*name), uid),
    }
}

/// What is wrong with a change, given what was reported before.
fn check(change: &Change<u64>, buried: &mut BTreeSet<String>) -> Result<(), TestCaseError> {
    if let (Some(old), Some(new)) = (&change.old, &change.new) {
        prop_assert!(old.resource_version < new.resource_version, "went back: {change:?}");
    }
    let replaced = |new: &Arc<Entry<u64>>| change.new.as_ref().is_none_or(|n| n.uid != new.uid);
    if let Some(old) = change.old.as_ref().filter(|old| replaced(old)) {
        buried.insert(old.uid.clone());
    }
    if let Some(new) = &change.new {
        prop_assert!(!buried.contains(&new.uid), "came back: {change:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn observations_in_any_order_lead_to_the_truth(
        actions in prop::collection::vec(action(), 0..40),
    ) {
        let (mut world, mut table) = (World::default(), Table::new());
        let mut buried = BTreeSet::new();
        for action in &actions {
            for change in world.act(&mut table, action) {
                check(&change, &mut buried)?;
            }
        }
        for change in world.finish(&mut table) {
            check(&change, &mut buried)?;
        }
        let truth: Vec<_> =
            world.objects.iter().map(|(name, (uid, version))| entry(*name, uid, *version)).collect();
        let known: Vec<_> = table.list().iter().map(|entry| (**entry).clone()).collect();
        prop_assert_eq!(&known, &truth);
        for parity in ["parity-0", "parity-1"] {
            let indexed: Vec<_> = table.indexed(parity).iter().map(|e| e.key.clone()).collect();
            let expected = truth.iter().filter(|e| e.index[0] == parity);
            prop_assert_eq!(indexed, expected.map(|e| e.key.clone()).collect::<Vec<_>>());
        }
        // Uids of the dead are not kept beyond the next list.
        world.act(&mut table, &Action::BeginList);
        world.act(&mut table, &Action::FinishList);
        prop_assert!(table.gone.is_empty(), "{:?}", table.gone);
    }
}
