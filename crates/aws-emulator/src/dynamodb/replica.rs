//! Replicas of a table in other regions (global tables of 2019).
//!
//! A replica is a table of its own in its region, as on AWS; each table lists the others.

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::Store;
use super::entries;
use super::phase::Phase;
use super::phase::Status;
use super::table::Table;
use crate::cloud::Caller;
use crate::failure::Failure;
use crate::ids::Ids;
use crate::shape::json::validation;

const INVALID: &str = "One or more parameter values were invalid: ";

/// What a table knows of its replica in another region.
#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) phase: Phase,
    /// What its creation and updates gave beyond the region.
    overrides: Value,
}

impl Replica {
    /// As descriptions of the table show it.
    pub(super) fn describe(&self, region: &str) -> Value {
        let mut out = json!({ "RegionName": region, "ReplicaStatus": self.phase.name() });
        for (name, value) in self.overrides.as_object().into_iter().flatten() {
            match name.as_str() {
                "TableClassOverride" => {
                    out["ReplicaTableClassSummary"] = json!({ "TableClass": value });
                }
                "KMSMasterKeyId"
                | "OnDemandThroughputOverride"
                | "ProvisionedThroughputOverride"
                | "GlobalSecondaryIndexes" => {
                    out[name.as_str()] = value.clone();
                }
                _ => {}
            }
        }
        out
    }
}

/// Carries out the `ReplicaUpdates` of UpdateTable.
pub(super) fn update(
    store: &mut Store,
    ids: &mut Ids,
    caller: &Caller,
    name: &str,
    input: &Input,
    due: jiff::Timestamp,
) -> Result<(), Failure> {
    let updates = entries(input, "ReplicaUpdates");
    let [update] = updates else {
        return Err(validation(format!(
            "{INVALID}Exactly one replica can be created, updated or deleted at a time"
        )));
    };
    let actions: Vec<(&str, &Value)> =
        update.as_object().into_iter().flatten().map(|(n, value)| (n.as_str(), value)).collect();
    let [(action, member)] = actions[..] else {
        return Err(validation(format!(
            "{INVALID}One of Create, Update or Delete must be specified for a replica"
        )));
    };
    let region = member["RegionName"].as_str().unwrap_or_default();
    if region == caller.region {
        return Err(validation(
            "Cannot add, delete, or update the local region through ReplicaUpdates. Use \
             CreateTable, DeleteTable, or UpdateTable as required.",
        ));
    }
    let there = Caller { region: region.to_owned(), ..caller.clone() };
    let Some(table) = store.tables_mut(caller).get_mut(name) else {
        return Err(super::table_not_found(name));
    };
    match action {
        "Create" => {
            let streams_all = table
                .stream
                .as_ref()
                .and_then(|stream| stream.view.as_deref())
                .is_some_and(|view| view == "NEW_AND_OLD_IMAGES");
            if !streams_all {
                return Err(validation(format!(
                    "{INVALID}Table must have its stream enabled with both new and old images to \
                     have replicas"
                )));
            }
            let mut copy = table.clone();
            if table.replicas.contains_key(region) || store.tables_mut(&there).contains_key(name) {
                return Err(validation(format!(
                    "Failed to create a the new replica of table with name: '{name}' because one \
                     or more replicas already existed as tables."
                )));
            }
            become_replica(&mut copy, caller, &there, ids, member, due);
            store.tables_mut(&there).insert(name.to_owned(), copy);
            let phase = Phase::until(Status::Creating, due, Status::Active);
            let replica = Replica { phase, overrides: member.clone() };
            for_group(store, caller, name, region, |table| {
                table.replicas.insert(region.to_owned(), replica.clone());
            });
        }
        "Update" | "Delete" if !table.replicas.contains_key(region) => {
            return Err(validation(
                "Update global table operation failed because one or more replicas were not part \
                 of the global table.",
            ));
        }
        "Update" => {
            if let Some(replica) = table.replicas.get_mut(region) {
                replica.phase = Phase::until(Status::Updating, due, Status::Active);
                merge(&mut replica.overrides, member);
            }
        }
        _ => {
            for_group(store, caller, name, region, |table| {
                if let Some(replica) = table.replicas.get_mut(region) {
                    replica.phase = Phase::deleting(due);
                }
            });
            if let Some(copy) = store.tables_mut(&there).get_mut(name) {
                copy.phase = Phase::deleting(due);
            }
        }
    }
    Ok(())
}

fn merge(into: &mut Value, from: &Value) {
    for (name, value) in from.as_object().into_iter().flatten() {
        into[name.as_str()] = value.clone();
    }
}

/// Makes a clone of a table its replica.
fn become_replica(
    copy: &mut Table,
    from: &Caller,
    to: &Caller,
    ids: &mut Ids,
    member: &Value,
    due: jiff::Timestamp,
) {
    let phase = Phase::rest(Status::Active);
    copy.replicas.insert(from.region.clone(), Replica { phase, overrides: json!({}) });
    copy.arn = format!("arn:aws:dynamodb:{}:{}:table/{}", to.region, to.account, copy.name);
    copy.id = ids.uuid();
    copy.phase = Phase::until(Status::Creating, due, Status::Active);
    if let Some(class) = member["TableClassOverride"].as_str() {
        copy.class = Some((class.to_owned(), None));
    }
    // These belong to the table in one region, not to the global table.
    copy.tags.clear();
    copy.policy = None;
    copy.recovery = None;
    copy.insights.clear();
    copy.deletion_protection = false;
}

/// Does something to every table of the group but the one in `region`.
fn for_group(
    store: &mut Store,
    caller: &Caller,
    name: &str,
    region: &str,
    mut change: impl FnMut(&mut Table),
) {
    let Some(table) = store.tables_mut(caller).get_mut(name) else { return };
    let others: Vec<String> =
        table.replicas.keys().filter(|other| *other != region).cloned().collect();
    change(table);
    for other in others {
        let there = Caller { region: other, ..caller.clone() };
        if let Some(table) = store.tables_mut(&there).get_mut(name) {
            change(table);
        }
    }
}
