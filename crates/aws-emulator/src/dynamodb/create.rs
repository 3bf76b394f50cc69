//! CreateTable.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::MAX_TABLES;
use super::encryption;
use super::entries;
use super::index;
use super::keys;
use super::lifecycle::due;
use super::phase::Phase;
use super::phase::Status;
use super::policy;
use super::stream;
use super::table::Billing;
use super::table::Table;
use super::table::TimeToLive;
use super::tags;
use super::text;
use super::throughput::Throughput;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

const INVALID: &str = "One or more parameter values were invalid: ";

/// Makes a table; it is CREATING until the table delay is over.
pub(super) fn create_table(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let name = text(input, "TableName");
    if name.len() < 3 || name.len() > 255 {
        return Err(validation(
            "TableName must be at least 3 characters long and at most 255 characters long",
        ));
    }
    let now = world.now;
    let due = due(now, &world.settings);
    let arn = format!("arn:aws:dynamodb:{}:{}:table/{name}", caller.region, caller.account);
    let (billing, throughput) = billing(input)?;
    let on_demand = on_demand(input, billing)?;
    let attributes = entries(input, "AttributeDefinitions");
    let key_schema = entries(input, "KeySchema");
    keys::check(key_schema, attributes)?;
    let local_indexes = index::read_local(input, attributes, key_schema, &arn)?;
    let global_indexes = index::read_global(input, attributes, billing, due)?;
    let mut schemas = vec![key_schema];
    schemas
        .extend(local_indexes.iter().filter_map(|i| i["KeySchema"].as_array()).map(Vec::as_slice));
    schemas.extend(global_indexes.iter().map(|index| index.key_schema.as_slice()));
    keys::check_definitions(attributes, &schemas)?;
    let tags = tags::read(entries(input, "Tags"))?;
    let stream = stream::read(input, now)?;
    let encryption = encryption::read(input, caller)?
        .map(|key| encryption::at(key, Phase::rest(Status::Enabled)));
    let policy = match input.get("ResourcePolicy").and_then(Value::as_str) {
        Some(text) => Some(policy::read(text, world)?),
        None => None,
    };

    let tables = world.dynamodb.tables_mut(caller);
    if tables.contains_key(name) {
        let message = format!("Table already exists: {name}");
        return Err(Failure::new(400, "ResourceInUseException", message));
    }
    if tables.len() >= MAX_TABLES {
        let message = format!(
            "Subscriber limit exceeded: There is a limit of {MAX_TABLES} tables per subscriber"
        );
        return Err(Failure::new(400, "LimitExceededException", message));
    }
    let table = Table {
        name: name.to_owned(),
        arn,
        id: world.ids.uuid(),
        created: now,
        phase: Phase::until(Status::Creating, due, Status::Active),
        attributes: attributes.to_vec(),
        retired: Vec::new(),
        key_schema: key_schema.to_vec(),
        billing,
        pay_per_request_since: (billing == Billing::PayPerRequest).then_some(now),
        throughput,
        on_demand,
        global_indexes,
        local_indexes,
        stream,
        encryption,
        class: input.get("TableClass").and_then(Value::as_str).map(|c| (c.to_owned(), None)),
        next_class: None,
        deletion_protection: input.get("DeletionProtectionEnabled") == Some(&Value::Bool(true)),
        replicas: BTreeMap::new(),
        tags,
        time_to_live: TimeToLive { phase: Phase::rest(Status::Disabled), attribute: String::new() },
        recovery: None,
        policy,
        insights: BTreeMap::new(),
    };
    let answer = json!({ "TableDescription": table.describe() });
    tables.insert(name.to_owned(), table);
    Ok(answer)
}

fn billing(input: &Input) -> Result<(Billing, Throughput), Failure> {
    let given = input.get("ProvisionedThroughput");
    match (text(input, "BillingMode"), given) {
        ("PAY_PER_REQUEST", None) => Ok((Billing::PayPerRequest, Throughput::default())),
        ("PAY_PER_REQUEST", Some(_)) => Err(validation(format!(
            "{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when \
             BillingMode is PAY_PER_REQUEST"
        ))),
        (_, None) => Err(validation(format!(
            "{INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when \
             BillingMode is PROVISIONED"
        ))),
        (_, Some(value)) => Ok((Billing::Provisioned, Throughput::read(value)?)),
    }
}

/// The limits of a table that is paid per request.
pub(super) fn on_demand(input: &Input, billing: Billing) -> Result<Option<Value>, Failure> {
    let limits = input.get("OnDemandThroughput").cloned();
    if limits.is_some() && billing == Billing::Provisioned {
        return Err(validation(format!(
            "{INVALID}OnDemandThroughput cannot be specified when BillingMode is PROVISIONED"
        )));
    }
    Ok(limits)
}
