//! When changes of status are due, and DeleteTable.

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Input;
use super::phase::Phase;
use super::phase::Status;
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
    if let Some(index) =
        table.global_indexes.iter().find(|index| index.phase.status() != Status::Active)
    {
        let message = format!(
            "Attempt to change a resource which is still in use: Index is being changed: {}",
            index.name
        );
        return Err(Failure::new(400, "ResourceInUseException", message));
    }
    if !table.replicas.is_empty() {
        return Err(validation(format!(
            "Table {} can't be deleted while it has replicas",
            table.name
        )));
    }
    if table.deletion_protection {
        return Err(validation(
            "Resource cannot be deleted as it is currently protected against deletion. Disable \
             deletion protection first.",
        ));
    }
    table.phase = Phase::deleting(due);
    Ok(json!({ "TableDescription": table.describe() }))
}
