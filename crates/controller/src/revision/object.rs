//! The wire form of a GraphRevision.
//!
//! Source: kro-controller facts, 1.2 and 2.

use crate::shared::Shared;
use kube::core::ApiResource;
use plan::names;
use plan::object::{generation, is_deleting, text};
use runtime::store::{Entry, Store};
use serde_json::{Value, json};
use std::sync::Arc;

/// The longest name that the API server takes.
const MAX_NAME: usize = 253;

/// A stored revision of a definition.
#[derive(Debug, Clone)]
pub(crate) struct Revision {
    pub(crate) number: i64,
    pub(crate) object: Arc<Value>,
}

/// The stored revisions of one definition, by number.
#[derive(Debug, Default)]
pub(crate) struct Revisions {
    pub(crate) live: Vec<Revision>,
    pub(crate) terminating: Vec<Revision>,
}

/// How the API server calls GraphRevisions.
pub(crate) fn resource() -> ApiResource {
    ApiResource {
        group: "internal.kro.run".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "internal.kro.run/v1alpha1".to_owned(),
        kind: "GraphRevision".to_owned(),
        plural: "graphrevisions".to_owned(),
    }
}

/// The name of the definition that a GraphRevision is one of.
pub(crate) fn definition_of(revision: &Value) -> &str {
    text(revision, &["spec", "snapshot", "name"])
}

/// The number of a GraphRevision.
pub(crate) fn number_of(revision: &Value) -> i64 {
    revision["spec"]["revision"].as_i64().unwrap_or(0)
}

/// The name of revision `number` of the definition `rgd`.
pub(crate) fn name(rgd: &str, number: i64) -> String {
    let plain = format!("{rgd}-r{number:05}");
    if plain.len() <= MAX_NAME {
        return plain;
    }
    // The hash keeps apart what has been cut to the same beginning.
    let suffix = format!("-r{number:05}-{:08x}", fnv32(rgd.as_bytes()));
    let mut end = MAX_NAME - suffix.len();
    while !rgd.is_char_boundary(end) {
        end -= 1;
    }
    let kept = rgd[..end].trim_end_matches(['.', '-']);
    format!("{}{suffix}", if kept.is_empty() { "gr" } else { kept })
}

/// FNV-1a, 32 bits.
fn fnv32(bytes: &[u8]) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, step)
}

/// Revision `number` of `rgd`, to be created.
pub(crate) fn build(rgd: &Value, number: i64, hash: &str, kro_version: &str) -> Value {
    let name_of_rgd = text(rgd, &["metadata", "name"]);
    json!({
        "apiVersion": "internal.kro.run/v1alpha1",
        "kind": "GraphRevision",
        "metadata": {
            "name": name(name_of_rgd, number),
            "finalizers": [names::FINALIZER],
            "labels": {
                names::OWNED: "true",
                names::KRO_VERSION: kro_version,
                names::RGD_NAME: name_of_rgd,
                names::REVISION_HASH: hash,
            },
            "ownerReferences": [owner(rgd)],
        },
        "spec": {
            "revision": number,
            "snapshot": {
                "name": name_of_rgd,
                "generation": generation(rgd),
                "spec": rgd["spec"],
            },
        },
    })
}

fn owner(rgd: &Value) -> Value {
    json!({
        "apiVersion": "kro.run/v1alpha1",
        "kind": "ResourceGraphDefinition",
        "name": rgd["metadata"]["name"],
        "uid": rgd["metadata"]["uid"],
        "controller": true,
    })
}

/// The merge patch that makes `revision` belong to `rgd`; `None` when it does.
///
/// A reference to another definition, one that has been deleted, is replaced.
pub(crate) fn adoption(revision: &Value, rgd: &Value) -> Option<Value> {
    let references = revision["metadata"]["ownerReferences"].as_array();
    let mut references: Vec<Value> = references.cloned().unwrap_or_default();
    let uid = &rgd["metadata"]["uid"];
    let ours = |reference: &Value| reference["controller"] == true && reference["uid"] == *uid;
    if references.iter().any(ours) {
        return None;
    }
    let ours = owner(rgd);
    match references.iter_mut().find(|reference| reference["kind"] == ours["kind"]) {
        Some(reference) => *reference = ours,
        None => references.push(ours),
    }
    Some(json!({"metadata": {
        "ownerReferences": references,
        "resourceVersion": revision["metadata"]["resourceVersion"],
    }}))
}

/// The key under which the store finds the revisions of a definition.
pub(crate) fn index(revision: &Value) -> Vec<String> {
    vec![definition_of(revision).to_owned()]
}

// === impl Revisions ===

impl Revisions {
    /// What the store has.
    pub(crate) fn stored(shared: &Shared, rgd: &str) -> Self {
        Self::of(&shared.revisions, rgd)
    }

    fn of(store: &Store<Arc<Value>>, rgd: &str) -> Self {
        let entries = store.indexed(rgd);
        Self::sorted(entries.iter().map(|entry: &Arc<Entry<Arc<Value>>>| entry.data.clone()))
    }

    /// Splits `objects` into those that stay and those that go.
    pub(crate) fn sorted(objects: impl Iterator<Item = Arc<Value>>) -> Self {
        let mut revisions = Self::default();
        for object in objects {
            let list =
                if is_deleting(&object) { &mut revisions.terminating } else { &mut revisions.live };
            list.push(Revision { number: number_of(&object), object });
        }
        revisions.live.sort_by_key(|revision| revision.number);
        revisions.terminating.sort_by_key(|revision| revision.number);
        revisions
    }

    /// The one with the highest number.
    pub(crate) fn latest(&self) -> Option<&Revision> {
        self.live.last()
    }

    /// Those that stand in the way of a new one: they would be the latest if they stayed.
    pub(crate) fn settling(&self) -> bool {
        let latest = self.latest().map_or(0, |latest| latest.number);
        self.terminating.iter().any(|revision| revision.number > latest)
    }

    /// The number of the next one; `issued` is what the definition's status says was issued last.
    pub(crate) fn next(&self, issued: i64) -> i64 {
        issued.max(self.latest().map_or(0, |latest| latest.number)) + 1
    }

    /// All but the newest `kept`; with 0 or less all are kept.
    pub(crate) fn excess(&self, kept: i64) -> &[Revision] {
        match usize::try_from(kept) {
            Ok(0) | Err(_) => &[],
            Ok(kept) => &self.live[..self.live.len().saturating_sub(kept)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Revisions, adoption, fnv32, name};
    use serde_json::{Value, json};
    use std::sync::Arc;

    #[test]
    fn names_carry_the_number_and_long_ones_a_hash() {
        assert_eq!(name("my-rgd", 7), "my-rgd-r00007");
        assert_eq!(name("my-rgd", 123_456), "my-rgd-r123456");
        assert_eq!(format!("{:08x}", fnv32(b"my-rgd")), "da12844b");
        let long = "a".repeat(253);
        let cut = name(&long, 1);
        assert_eq!(cut.len(), 253);
        assert!(cut.contains("a-r00001-"), "{cut}");
        let dotted = format!("a{}", ".".repeat(252));
        assert!(name(&dotted, 1).starts_with("a-r00001-"));
    }

    fn revisions(live: &[i64], terminating: &[i64]) -> Revisions {
        let object = |number: &i64, deleted: bool| {
            let mut object = json!({"metadata": {}, "spec": {"revision": number}});
            if deleted {
                object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            }
            Arc::new(object)
        };
        let live = live.iter().map(|number| object(number, false));
        Revisions::sorted(live.chain(terminating.iter().map(|number| object(number, true))))
    }

    #[test]
    fn numbers_go_on_from_what_was_issued_and_from_what_is_there() {
        assert_eq!(revisions(&[], &[]).next(0), 1);
        assert_eq!(revisions(&[2, 1], &[]).next(0), 3);
        assert_eq!(revisions(&[1], &[]).next(4), 5);
    }

    #[test]
    fn only_what_is_newer_than_all_that_stays_has_to_settle() {
        assert!(!revisions(&[2, 3], &[1]).settling());
        assert!(revisions(&[2], &[3]).settling());
        assert!(revisions(&[], &[1]).settling());
    }

    #[test]
    fn the_oldest_are_in_excess() {
        let all = revisions(&[3, 1, 2], &[]);
        let numbers = |kept| all.excess(kept).iter().map(|one| one.number).collect::<Vec<_>>();
        assert_eq!(numbers(2), [1]);
        assert_eq!(numbers(3), [0; 0]);
        assert_eq!(numbers(0), [0; 0]);
        assert_eq!(numbers(-1), [0; 0]);
    }

    #[test]
    fn an_orphan_is_adopted_once() {
        let rgd = json!({"metadata": {"name": "app", "uid": "new"}});
        let stale = json!([
            {"kind": "Other", "uid": "x"},
            {"kind": "ResourceGraphDefinition", "uid": "old", "controller": true},
        ]);
        let mut revision: Value =
            json!({"metadata": {"resourceVersion": "5", "ownerReferences": stale}});
        let patch = adoption(&revision, &rgd).expect("it belongs to another");
        let references = &patch["metadata"]["ownerReferences"];
        assert_eq!(references.as_array().map(Vec::len), Some(2));
        assert_eq!(references[1]["uid"], "new");
        revision["metadata"]["ownerReferences"] = references.clone();
        assert_eq!(adoption(&revision, &rgd), None);
    }
}
