//! UpdateTable.

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::lifecycle::due;
use super::table::Billing;
use super::table::Status;
use super::text;
use super::throughput::Throughput;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

/// Changes a table; it is UPDATING until the table delay is over.
pub(super) fn update_table(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    const INVALID: &str = "One or more parameter values were invalid: ";
    let due = due(world.now, &world.settings);
    let now = world.now;
    if !input.keys().any(|name| name != "TableName" && name != "AttributeDefinitions") {
        return Err(validation(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, \
             GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        ));
    }
    let wanted = input.get("ProvisionedThroughput").map(Throughput::read).transpose()?;
    let billing = match text(input, "BillingMode") {
        "PAY_PER_REQUEST" => Some(Billing::PayPerRequest),
        "PROVISIONED" if wanted.is_none() => {
            return Err(validation(format!(
                "{INVALID}ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
            )));
        }
        "PROVISIONED" => Some(Billing::Provisioned),
        _ => None,
    };

    let table = world.dynamodb.named(caller, input)?;
    table.at_rest()?;
    let before = table.billing;
    let after = billing.unwrap_or(before);
    if wanted.is_some() && after == Billing::PayPerRequest {
        return Err(validation(format!(
            "{INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when \
             BillingMode is PAY_PER_REQUEST"
        )));
    }
    if let Some(wanted) = &wanted {
        table.throughput.change(wanted, now)?;
    }
    if after != before {
        table.billing = after;
        if after == Billing::PayPerRequest {
            table.pay_per_request_since = Some(now);
            table.throughput.clear();
        }
    }
    if let Some(class) = input.get("TableClass").and_then(Value::as_str) {
        table.class = Some((class.to_owned(), Some(now)));
    }
    if let Some(protected) = input.get("DeletionProtectionEnabled").and_then(Value::as_bool) {
        table.deletion_protection = protected;
    }
    table.status = Status::Updating;
    table.due = due;
    Ok(json!({ "TableDescription": table.describe() }))
}
