//! Global tables of 2017: a name over tables that exist already in several regions.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Input;
use super::Store;
use super::entries;
use super::lifecycle::due;
use super::phase::Phase;
use super::phase::Status;
use super::table::seconds;
use super::text;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;

/// Global tables that one account may have.
const MAX_GLOBAL_TABLES: usize = 2_500;

/// A global table.
#[derive(Clone, Debug)]
pub(super) struct GlobalTable {
    regions: BTreeSet<String>,
    created: Timestamp,
    pub(super) phase: Phase,
}

impl GlobalTable {
    fn describe(&self, name: &str, account: &str) -> Value {
        let group: Vec<Value> =
            self.regions.iter().map(|region| json!({ "RegionName": region })).collect();
        json!({
            "CreationDateTime": seconds(self.created),
            "GlobalTableArn": format!("arn:aws:dynamodb::{account}:global-table/{name}"),
            "GlobalTableName": name,
            "GlobalTableStatus": self.phase.name(),
            "ReplicationGroup": group,
        })
    }

    /// Regions and status, without times.
    pub(super) fn dump(&self) -> Value {
        json!({ "GlobalTableStatus": self.phase.name(), "Regions": self.regions })
    }
}

fn not_found(name: &str) -> Failure {
    let message =
        format!("Global Table not found: Global table with name: '{name}' does not exist.");
    Failure::new(400, "GlobalTableNotFoundException", message)
}

/// Whether there is a table of this name in a region that streams everything.
fn joinable(store: &mut Store, caller: &Caller, region: &str, name: &str) -> Result<(), Failure> {
    let there = Caller { region: region.to_owned(), ..caller.clone() };
    let Some(table) = store.tables_mut(&there).get(name) else {
        let message = format!("Table not found: {name} in region {region}");
        return Err(Failure::new(400, "TableNotFoundException", message));
    };
    let view = table.stream.as_ref().and_then(|stream| stream.view.as_deref());
    if view == Some("NEW_AND_OLD_IMAGES") {
        return Ok(());
    }
    Err(crate::shape::json::validation(format!(
        "One or more parameter values were invalid: The stream of table {name} in region {region} \
         does not show new and old images"
    )))
}

/// CreateGlobalTable.
pub(super) fn create_global_table(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let name = text(input, "GlobalTableName");
    let (now, due) = (world.now, due(world.now, &world.settings));
    let store = &mut world.dynamodb;
    let regions: BTreeSet<String> = entries(input, "ReplicationGroup")
        .iter()
        .filter_map(|replica| replica["RegionName"].as_str())
        .map(str::to_owned)
        .collect();
    if store.global(caller).contains_key(name) {
        let message = format!(
            "Global table already exists: Global table with name: '{name}' already exists."
        );
        return Err(Failure::new(400, "GlobalTableAlreadyExistsException", message));
    }
    for region in &regions {
        joinable(store, caller, region, name)?;
    }
    if store.global(caller).len() >= MAX_GLOBAL_TABLES {
        let message = "Subscriber limit exceeded: too many global tables".to_owned();
        return Err(Failure::new(400, "LimitExceededException", message));
    }
    let phase = Phase::until(Status::Creating, due, Status::Active);
    let table = GlobalTable { regions, created: now, phase };
    let answer = table.describe(name, &caller.account);
    store.global(caller).insert(name.to_owned(), table);
    Ok(json!({ "GlobalTableDescription": answer }))
}

/// DescribeGlobalTable.
pub(super) fn describe_global_table(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let name = text(input, "GlobalTableName");
    let table = world.dynamodb.global(caller).get(name).ok_or_else(|| not_found(name))?;
    Ok(json!({ "GlobalTableDescription": table.describe(name, &caller.account) }))
}

/// UpdateGlobalTable: regions come and go; a global table without any is gone.
pub(super) fn update_global_table(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let name = text(input, "GlobalTableName");
    let due = due(world.now, &world.settings);
    let store = &mut world.dynamodb;
    let mut regions =
        store.global(caller).get(name).ok_or_else(|| not_found(name))?.regions.clone();
    for update in entries(input, "ReplicaUpdates") {
        let created = update["Create"]["RegionName"].as_str();
        let deleted = update["Delete"]["RegionName"].as_str();
        if let Some(region) = created {
            joinable(store, caller, region, name)?;
            if !regions.insert(region.to_owned()) {
                let message = format!("Replica already exists in region: {region}");
                return Err(Failure::new(400, "ReplicaAlreadyExistsException", message));
            }
        }
        if let Some(region) = deleted
            && !regions.remove(region)
        {
            let message = format!("Replica not found in region: {region}");
            return Err(Failure::new(400, "ReplicaNotFoundException", message));
        }
    }
    let Some(table) = store.global(caller).get_mut(name) else { return Err(not_found(name)) };
    let unchanged = table.regions == regions;
    table.regions = regions;
    if table.regions.is_empty() {
        table.phase = Phase::deleting(due);
    } else if !unchanged {
        table.phase = Phase::until(Status::Updating, due, Status::Active);
    }
    Ok(json!({ "GlobalTableDescription": table.describe(name, &caller.account) }))
}

/// ListGlobalTables.
pub(super) fn list_global_tables(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let limit = input.get("Limit").and_then(Value::as_u64).unwrap_or(100);
    let after = text(input, "ExclusiveStartGlobalTableName");
    let region = input.get("RegionName").and_then(Value::as_str);
    let mut rest = world.dynamodb.global(caller).iter().filter(|(name, table)| {
        name.as_str() > after && region.is_none_or(|region| table.regions.contains(region))
    });
    let page: Vec<(&String, &GlobalTable)> =
        rest.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let more = rest.next().is_some();
    let tables: Vec<Value> = page
        .iter()
        .map(|(name, table)| {
            let description = table.describe(name, &caller.account);
            json!({
                "GlobalTableName": name,
                "ReplicationGroup": description["ReplicationGroup"],
            })
        })
        .collect();
    let mut out = json!({ "GlobalTables": tables });
    if more {
        out["LastEvaluatedGlobalTableName"] = json!(page.last().map(|(name, _)| name));
    }
    Ok(out)
}
