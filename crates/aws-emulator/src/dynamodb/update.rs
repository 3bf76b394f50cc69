//! UpdateTable.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Input;
use super::create::on_demand;
use super::encryption;
use super::entries;
use super::index::GlobalIndex;
use super::index::MAX_GLOBAL;
use super::lifecycle::due;
use super::phase::Phase;
use super::phase::Status;
use super::replica;
use super::stream;
use super::table::Billing;
use super::table::Table;
use super::text;
use super::throughput::Throughput;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

const INVALID: &str = "One or more parameter values were invalid: ";

/// Changes a table; it is UPDATING until the table delay is over.
pub(super) fn update_table(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let now = world.now;
    let due = due(now, &world.settings);
    let asked: BTreeSet<&str> = input
        .keys()
        .map(String::as_str)
        .filter(|name| !["TableName", "AttributeDefinitions"].contains(name))
        .collect();
    if asked.is_empty() {
        return Err(validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
             GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        ));
    }
    for alone in ["ReplicaUpdates", "SSESpecification"] {
        if asked.contains(alone) && asked.len() > 1 {
            return Err(validation(format!(
                "{INVALID}{alone} can't be combined with another change of the table"
            )));
        }
    }
    let table = world.dynamodb.named(caller, input)?;
    table.at_rest()?;
    let name = table.name.clone();

    if asked.contains("ReplicaUpdates") {
        let World { dynamodb, ids, .. } = world;
        replica::update(dynamodb, ids, caller, &name, input, due)?;
    } else {
        // Changes apply to a copy first: a request that is refused halfway changes nothing.
        let mut changed = table.clone();
        change(&mut changed, caller, input, now, due)?;
        *table = changed;
    }
    let table = world.dynamodb.named(caller, input)?;
    table.phase = Phase::until(Status::Updating, due, Status::Active);
    Ok(json!({ "TableDescription": table.describe() }))
}

fn change(
    table: &mut Table,
    caller: &Caller,
    input: &Input,
    now: Timestamp,
    due: Timestamp,
) -> Result<(), Failure> {
    change_billing(table, input, now)?;
    change_indexes(table, input, now, due)?;
    stream::change(table, input, now)?;
    encryption::change(table, input, caller, due)?;
    if let Some(class) = input.get("TableClass").and_then(Value::as_str) {
        table.next_class = Some((class.to_owned(), Some(now)));
    }
    if let Some(protected) = input.get("DeletionProtectionEnabled").and_then(Value::as_bool) {
        table.deletion_protection = protected;
    }
    Ok(())
}

fn change_billing(table: &mut Table, input: &Input, now: Timestamp) -> Result<(), Failure> {
    let wanted = input.get("ProvisionedThroughput").map(Throughput::read).transpose()?;
    let after = match text(input, "BillingMode") {
        "PAY_PER_REQUEST" => Billing::PayPerRequest,
        "PROVISIONED" if wanted.is_none() => {
            return Err(validation(format!(
                "{INVALID}ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
            )));
        }
        "PROVISIONED" => Billing::Provisioned,
        _ => table.billing,
    };
    if wanted.is_some() && after == Billing::PayPerRequest {
        return Err(validation(format!(
            "{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when \
             BillingMode is PAY_PER_REQUEST"
        )));
    }
    if let Some(wanted) = &wanted {
        table.throughput.change(wanted, now, "table")?;
    }
    if let Some(limits) = on_demand(input, after)? {
        table.on_demand = Some(limits);
    }
    match (table.billing, after) {
        (Billing::Provisioned, Billing::PayPerRequest) => {
            table.pay_per_request_since = Some(now);
            table.throughput.clear();
            for index in &mut table.global_indexes {
                index.throughput.clear();
            }
        }
        (Billing::PayPerRequest, Billing::Provisioned) => {
            let given: BTreeSet<&str> = entries(input, "GlobalSecondaryIndexUpdates")
                .iter()
                .filter_map(|update| update["Update"]["IndexName"].as_str())
                .collect();
            let missing: Vec<&str> = table
                .global_indexes
                .iter()
                .map(|index| index.name.as_str())
                .filter(|name| !given.contains(name))
                .collect();
            if !missing.is_empty() {
                return Err(validation(format!(
                    "{INVALID}ProvisionedThroughput must be specified for index: {}",
                    missing.join(",")
                )));
            }
            table.on_demand = None;
            for index in &mut table.global_indexes {
                index.on_demand = None;
            }
        }
        (Billing::Provisioned, Billing::Provisioned)
        | (Billing::PayPerRequest, Billing::PayPerRequest) => {}
    }
    table.billing = after;
    Ok(())
}

fn change_indexes(
    table: &mut Table,
    input: &Input,
    now: Timestamp,
    due: Timestamp,
) -> Result<(), Failure> {
    let updates = entries(input, "GlobalSecondaryIndexUpdates");
    let definitions = entries(input, "AttributeDefinitions");
    if let Some(clash) = definitions.iter().find(|given| {
        table
            .attributes
            .iter()
            .any(|known| known["AttributeName"] == given["AttributeName"] && known != *given)
    }) {
        return Err(validation(format!(
            "{INVALID}Attribute {} can't change its type",
            clash["AttributeName"].as_str().unwrap_or_default()
        )));
    }
    let mut seen = BTreeSet::new();
    let mut online = 0;
    for update in updates {
        let actions: Vec<(&str, &Value)> = update
            .as_object()
            .into_iter()
            .flatten()
            .map(|(n, value)| (n.as_str(), value))
            .collect();
        let [(action, member)] = actions[..] else {
            return Err(validation(format!(
                "{INVALID}One of GlobalSecondaryIndexUpdate.Update, \
                 GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be \
                 null"
            )));
        };
        let name = member["IndexName"].as_str().unwrap_or_default();
        if !seen.insert(name) {
            return Err(validation(format!(
                "{INVALID}Only one global secondary index update per index is allowed \
                 simultaneously. Index: {name}"
            )));
        }
        online += i32::from(action != "Update");
        let busy = table.global_indexes.iter().any(|index| index.phase.status() != Status::Active);
        if online > 1 || (action != "Update" && busy) {
            return Err(Failure::new(
                400,
                "LimitExceededException",
                "Subscriber limit exceeded: Only 1 online index can be created or deleted \
                 simultaneously per table",
            ));
        }
        match action {
            "Create" => create_index(table, member, definitions, later(now, due))?,
            "Delete" => named(table, name)?.phase = Phase::deleting(later(now, due)),
            _ => update_index(table, member, now, due)?,
        }
    }
    table.prune_attributes();
    Ok(())
}

/// An index is ready later than its table: filling it begins when the table is ACTIVE again.
fn later(now: Timestamp, due: Timestamp) -> Timestamp {
    due.checked_add(due.duration_since(now)).unwrap_or(Timestamp::MAX)
}

fn named<'t>(table: &'t mut Table, name: &str) -> Result<&'t mut GlobalIndex, Failure> {
    table.global_indexes.iter_mut().find(|index| index.name == name).ok_or_else(|| {
        Failure::new(
            400,
            "ResourceNotFoundException",
            format!("Requested resource not found: Index: {name} not found"),
        )
    })
}

fn create_index(
    table: &mut Table,
    member: &Value,
    definitions: &[Value],
    due: Timestamp,
) -> Result<(), Failure> {
    let name = &member["IndexName"];
    let local = table.local_indexes.iter().any(|index| index["IndexName"] == *name);
    if local || table.global_indexes.iter().any(|index| *name == index.name.as_str()) {
        return Err(validation(format!(
            "{INVALID}Attempting to create an index which already exists"
        )));
    }
    if table.global_indexes.len() >= MAX_GLOBAL {
        let message = format!(
            "{INVALID}GlobalSecondaryIndex count exceeds the per-table limit of {MAX_GLOBAL}"
        );
        return Err(validation(message));
    }
    for definition in definitions {
        if !table.attributes.contains(definition) {
            table.attributes.push(definition.clone());
        }
    }
    let keys = member["KeySchema"].as_array().into_iter().flatten();
    for name in keys.map(|key| &key["AttributeName"]) {
        let known = |definition: &&Value| definition["AttributeName"] == *name;
        if !table.attributes.iter().any(|definition| known(&definition)) {
            table.attributes.extend(table.retired.iter().find(known).cloned());
        }
    }
    let phase = Phase::until(Status::Creating, due, Status::Active);
    let index = GlobalIndex::read(member, &table.attributes, table.billing, phase, true)?;
    table.global_indexes.push(index);
    Ok(())
}

fn update_index(
    table: &mut Table,
    member: &Value,
    now: Timestamp,
    due: Timestamp,
) -> Result<(), Failure> {
    let billing = table.billing;
    let name = member["IndexName"].as_str().unwrap_or_default();
    let index = named(table, name)?;
    let throughput = member.get("ProvisionedThroughput");
    let on_demand = member.get("OnDemandThroughput");
    match (billing, throughput, on_demand) {
        (Billing::Provisioned, Some(units), None) => {
            index.throughput.change(&Throughput::read(units)?, now, &format!("index {name}"))?;
        }
        (Billing::PayPerRequest, None, Some(limits)) => index.on_demand = Some(limits.clone()),
        (Billing::Provisioned, _, _) => {
            return Err(validation(format!(
                "{INVALID}ProvisionedThroughput must be specified for index: {name}"
            )));
        }
        (Billing::PayPerRequest, _, _) => {
            return Err(validation(format!(
                "{INVALID}ProvisionedThroughput should not be specified for index: {name} when \
                 BillingMode is PAY_PER_REQUEST"
            )));
        }
    }
    index.phase = Phase::until(Status::Updating, due, Status::Active);
    Ok(())
}
