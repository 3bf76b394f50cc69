//! The step of an instance that is being deleted. It needs no graph and evaluates nothing.

use crate::action::{Action, Report, State, Step, Surface, Wanted};
use crate::conditions::{Condition, Status, reasons, types};
use crate::instance::Instance;
use crate::inventory::Inventory;
use crate::object::{ObjectId, text};
use crate::observed::{Listed, Observed};
use crate::step::member_namespaces;
use std::collections::BTreeMap;

/// What to do next for an instance with a deletion timestamp.
///
/// # Flow
///
/// Members go in waves, the highest apply order first; a wave starts when the one before is gone.
/// When no member is known, a live list has to confirm it; then the finalizer is removed.
///
/// # Guarantees
///
/// Reads nothing but the instance's labels and annotations and the members' metadata. While the
/// inventory is damaged, nothing is deleted and the instance says so.
///
/// Source: kro-controller facts, 5.7; DESIGN.md, decisions 4 and 8.
#[must_use]
pub fn teardown(instance: &Instance<'_>, observed: &Observed) -> Step {
    if !instance.has_finalizer() {
        return finished(Vec::new());
    }
    let inventory = match Inventory::validate(instance.object, &instance.applyset_id()) {
        Ok(inventory) => inventory,
        Err(error) => return Step::say(report(&format!("deletion blocked: {error}")), true),
    };
    if let Some(why) = observed.undeletable.get(&instance.id()) {
        return Step::say(report(&format!("deletion blocked: {why}")), true);
    }
    let cached: BTreeMap<&ObjectId, Listed> =
        observed.members.iter().map(|(id, member)| (id, Listed::from(&**member))).collect();
    if !cached.is_empty() {
        return wave(&cached, observed);
    }
    match &observed.listed {
        None => {
            let namespace = text(instance.object, &["metadata", "namespace"]);
            let list = Action::ListMembers {
                kinds: inventory.kinds.clone(),
                namespaces: member_namespaces(namespace, &inventory),
            };
            Step { status: Some(report("deleting resources")), ..finished(vec![list]) }
        }
        Some(listed) if listed.is_empty() => finished(vec![Action::RemoveFinalizer]),
        Some(listed) => {
            wave(&listed.iter().map(|(id, listed)| (id, listed.clone())).collect(), observed)
        }
    }
}

/// Deletes the members of the highest apply order that are not on their way out yet.
fn wave(members: &BTreeMap<&ObjectId, Listed>, observed: &Observed) -> Step {
    let highest = members.values().map(|member| member.apply_order).max().unwrap_or(0);
    let doomed = members.iter().filter(|(id, member)| {
        member.apply_order == highest
            && !member.deleting
            && !observed.undeletable.contains_key(**id)
    });
    let actions = doomed
        .map(|(id, member)| Action::Delete {
            object: (*id).clone(),
            uid: member.uid.clone(),
            wave: 0,
        })
        .collect();
    let blocked = observed.undeletable.values().next();
    let message = match blocked {
        Some(why) => format!("deletion blocked: {why}"),
        None => "deleting resources".to_owned(),
    };
    Step {
        actions,
        status: Some(report(&message)),
        retry: blocked.is_some(),
        ..finished(Vec::new())
    }
}

fn report(message: &str) -> Report {
    Report {
        state: State::Deleting,
        conditions: vec![Condition::new(
            types::RESOURCES_READY,
            Status::Unknown,
            reasons::UNDER_DELETION,
            message,
        )],
        surface: Surface::Unknown,
        fields: None,
    }
}

fn finished(actions: Vec<Action>) -> Step {
    Step {
        actions,
        status: None,
        nodes: Vec::new(),
        retry: false,
        wanted: Wanted::All,
        references: BTreeMap::new(),
    }
}
