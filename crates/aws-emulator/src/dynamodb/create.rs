//! CreateTable.

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::MAX_TABLES;
use super::entries;
use super::keys;
use super::lifecycle::due;
use super::table::Billing;
use super::table::Status;
use super::table::Table;
use super::tags;
use super::text;
use super::throughput::Throughput;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

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
    let (billing, throughput) = billing(input)?;
    let attributes = entries(input, "AttributeDefinitions");
    let key_schema = entries(input, "KeySchema");
    keys::check(key_schema, attributes)?;
    keys::check_definitions(attributes, &[key_schema])?;
    let tags = tags::read(entries(input, "Tags"))?;

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
    let arn = format!("arn:aws:dynamodb:{}:{}:table/{name}", caller.region, caller.account);
    let table = Table {
        name: name.to_owned(),
        arn,
        id: world.ids.uuid(),
        created: world.now,
        status: Status::Creating,
        due: due(world.now, &world.settings),
        attributes: attributes.to_vec(),
        key_schema: key_schema.to_vec(),
        billing,
        pay_per_request_since: (billing == Billing::PayPerRequest).then_some(world.now),
        throughput,
        class: input.get("TableClass").and_then(Value::as_str).map(|c| (c.to_owned(), None)),
        deletion_protection: input.get("DeletionProtectionEnabled") == Some(&Value::Bool(true)),
        tags,
    };
    let answer = json!({ "TableDescription": table.describe() });
    tables.insert(name.to_owned(), table);
    Ok(answer)
}

fn billing(input: &Input) -> Result<(Billing, Throughput), Failure> {
    const INVALID: &str = "One or more parameter values were invalid: ";
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
