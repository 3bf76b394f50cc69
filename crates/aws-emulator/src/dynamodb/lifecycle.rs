//! When changes of status are due, and DeleteTable.

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Input;
use super::table::Status;
use crate::cloud::Caller;
use crate::cloud::Settings;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

/// When a change of status that begins now is over.
pub(super) fn due(now: Timestamp, settings: &Settings) -> Timestamp {
    SignedDuration::try_from(settings.table_delay)
        .ok()
        .and_then(|delay| now.checked_add(delay).ok())
        .unwrap_or(Timestamp::MAX)
}

/// Deletes a table; it is DELETING until the table delay is over.
pub(super) fn delete_table(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let due = due(world.now, &world.settings);
    let table = world.dynamodb.named(caller, input)?;
    table.at_rest()?;
    if table.deletion_protection {
        return Err(validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable \
             deletion protection first.",
        ));
    }
    table.status = Status::Deleting;
    table.due = due;
    Ok(json!({ "TableDescription": table.describe() }))
}
