//! Reading tables and what hangs on them.

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::text;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;

/// DescribeTable.
pub(super) fn table(world: &mut World, caller: &Caller, input: &Input) -> Result<Value, Failure> {
    Ok(json!({ "Table": world.dynamodb.named(caller, input)?.describe() }))
}

/// ListTables.
pub(super) fn list_tables(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let limit = input.get("Limit").and_then(Value::as_u64).unwrap_or(100);
    let after = text(input, "ExclusiveStartTableName");
    let mut names = world
        .dynamodb
        .tables(caller)
        .into_iter()
        .flat_map(std::collections::BTreeMap::keys)
        .filter(|name| name.as_str() > after);
    let page: Vec<&String> =
        names.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let mut out = json!({ "TableNames": page });
    if names.next().is_some() {
        out["LastEvaluatedTableName"] = json!(page.last());
    }
    Ok(out)
}

/// DescribeTimeToLive.
pub(super) fn time_to_live(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    world.dynamodb.named(caller, input)?;
    Ok(json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "DISABLED" } }))
}

/// DescribeContinuousBackups.
pub(super) fn continuous_backups(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    world.dynamodb.named(caller, input).map_err(|_| {
        let message = format!("Table not found: {}", text(input, "TableName"));
        Failure::new(400, "TableNotFoundException", message)
    })?;
    Ok(json!({ "ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": { "PointInTimeRecoveryStatus": "DISABLED" },
    } }))
}

/// DescribeContributorInsights.
pub(super) fn contributor_insights(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let table = world.dynamodb.named(caller, input)?;
    if let Some(index) = input.get("IndexName").and_then(Value::as_str) {
        let message =
            format!("Requested resource not found: Table: {} Index: {index} not found", table.name);
        return Err(Failure::new(400, "ResourceNotFoundException", message));
    }
    Ok(json!({ "TableName": table.name, "ContributorInsightsStatus": "DISABLED" }))
}

/// GetResourcePolicy.
pub(super) fn resource_policy(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let arn = text(input, "ResourceArn");
    world.dynamodb.by_arn(caller, input)?;
    let message = format!("Resource-based policy not found for the provided ResourceArn: {arn}");
    Err(Failure::new(400, "PolicyNotFoundException", message))
}
