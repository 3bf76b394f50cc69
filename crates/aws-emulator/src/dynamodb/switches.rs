//! What is switched on and off beside UpdateTable: expiry of items, recovery, insights.

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::Store;
use super::lifecycle::due;
use super::phase::Phase;
use super::phase::Status;
use super::table::Insights;
use super::table::Recovery;
use super::table::Table;
use super::table::seconds;
use super::text;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

/// DescribeTimeToLive.
pub(super) fn time_to_live(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let table = world.dynamodb.named(caller, input)?;
    Ok(json!({ "TimeToLiveDescription": table.describe_time_to_live() }))
}

/// UpdateTimeToLive.
pub(super) fn update_time_to_live(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let due = due(world.now, &world.settings);
    let table = world.dynamodb.named(caller, input)?;
    table.at_rest()?;
    let wanted = &input["TimeToLiveSpecification"];
    let attribute = wanted["AttributeName"].as_str().unwrap_or_default();
    let on = wanted["Enabled"] == true;
    match (table.time_to_live.phase.status(), on) {
        (Status::Enabled, true) => return Err(validation("TimeToLive is already enabled")),
        (Status::Disabled, false) => return Err(validation("TimeToLive is already disabled")),
        (Status::Enabled, false) if table.time_to_live.attribute != attribute => {
            return Err(validation(format!(
                "TimeToLive is active on a different AttributeName: current AttributeName is {}",
                table.time_to_live.attribute
            )));
        }
        (Status::Enabled, false) => {
            table.time_to_live.phase = Phase::until(Status::Disabling, due, Status::Disabled);
        }
        (Status::Disabled, true) => {
            table.time_to_live.phase = Phase::until(Status::Enabling, due, Status::Enabled);
            attribute.clone_into(&mut table.time_to_live.attribute);
        }
        _ => {
            return Err(validation(
                "Time to live has been modified multiple times within a fixed interval",
            ));
        }
    }
    Ok(json!({ "TimeToLiveSpecification": wanted }))
}

fn recoverable<'s>(
    store: &'s mut Store,
    caller: &Caller,
    input: &Input,
) -> Result<&'s mut Table, Failure> {
    store.named(caller, input).map_err(|_| {
        let message = format!("Table not found: {}", text(input, "TableName"));
        Failure::new(400, "TableNotFoundException", message)
    })
}

/// DescribeContinuousBackups.
pub(super) fn continuous_backups(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let now = world.now;
    let table = recoverable(&mut world.dynamodb, caller, input)?;
    let mut recovery = json!({ "PointInTimeRecoveryStatus": "DISABLED" });
    if let Some(Recovery { days, since }) = &table.recovery {
        recovery = json!({
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": days,
            "EarliestRestorableDateTime": seconds(*since),
            "LatestRestorableDateTime": seconds(now),
        });
    }
    Ok(json!({ "ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": recovery,
    } }))
}

/// UpdateContinuousBackups.
pub(super) fn update_continuous_backups(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let now = world.now;
    let table = recoverable(&mut world.dynamodb, caller, input)?;
    if table.phase.status() == Status::Creating {
        let message =
            format!("Backups are being enabled for the table: {}. Please retry later", table.name);
        return Err(Failure::new(400, "ContinuousBackupsUnavailableException", message));
    }
    let wanted = &input["PointInTimeRecoverySpecification"];
    let days = wanted["RecoveryPeriodInDays"].as_i64();
    if wanted["PointInTimeRecoveryEnabled"] == true {
        let since = table.recovery.as_ref().map_or(now, |recovery| recovery.since);
        let before = table.recovery.as_ref().map(|recovery| recovery.days);
        table.recovery = Some(Recovery { days: days.or(before).unwrap_or(35), since });
    } else if days.is_some() {
        return Err(validation(
            "One or more parameter values were invalid: RecoveryPeriodInDays can't be specified \
             when PointInTimeRecoveryEnabled is false",
        ));
    } else {
        table.recovery = None;
    }
    continuous_backups(world, caller, input)
}

/// The table and the index of a request about insights.
fn observed<'s>(
    store: &'s mut Store,
    caller: &Caller,
    input: &Input,
) -> Result<(&'s mut Table, Option<String>), Failure> {
    let table = store.named(caller, input)?;
    let index = input.get("IndexName").and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = &index
        && !table.global_indexes.iter().any(|index| index.name == *name)
    {
        let message =
            format!("Requested resource not found: Table: {} Index: {name} not found", table.name);
        return Err(Failure::new(400, "ResourceNotFoundException", message));
    }
    Ok((table, index))
}

fn insights_answer(table: &str, index: Option<&String>, insights: Option<&Insights>) -> Value {
    let status = insights.map_or(Status::Disabled, |insights| insights.phase.status());
    let mut out = json!({ "TableName": table, "ContributorInsightsStatus": status.name() });
    if let Some(index) = index {
        out["IndexName"] = json!(index);
    }
    if let Some(insights) = insights {
        out["ContributorInsightsMode"] = json!(insights.mode);
    }
    out
}

/// DescribeContributorInsights.
pub(super) fn contributor_insights(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let (table, index) = observed(&mut world.dynamodb, caller, input)?;
    let insights = table.insights.get(&index);
    let mut out = insights_answer(&table.name, index.as_ref(), insights);
    if let Some(insights) = insights {
        out["LastUpdateDateTime"] = json!(seconds(insights.changed));
        if insights.phase.status() == Status::Enabled {
            let of = index.map_or_else(|| table.name.clone(), |i| format!("{}-{i}", table.name));
            let rules = ["PKC", "PKT"].map(|kind| {
                format!(
                    "DynamoDBContributorInsights-{kind}-{of}-{}",
                    table.created.as_millisecond()
                )
            });
            out["ContributorInsightsRuleList"] = json!(rules);
        }
    }
    Ok(out)
}

/// UpdateContributorInsights.
pub(super) fn update_contributor_insights(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let (now, due) = (world.now, due(world.now, &world.settings));
    let (table, index) = observed(&mut world.dynamodb, caller, input)?;
    table.at_rest()?;
    let current = table.insights.get(&index);
    let status = current.map_or(Status::Disabled, |insights| insights.phase.status());
    let mode = input
        .get("ContributorInsightsMode")
        .and_then(Value::as_str)
        .or(current.map(|insights| insights.mode.as_str()))
        .unwrap_or("ACCESSED_AND_THROTTLED_KEYS")
        .to_owned();
    let phase = match (status, text(input, "ContributorInsightsAction")) {
        (Status::Enabling | Status::Disabling, _) => {
            let message = format!(
                "Attempt to change a resource which is still in use: Contributor insights are being \
                 changed: {}",
                table.name
            );
            return Err(Failure::new(400, "ResourceInUseException", message));
        }
        (Status::Disabled, "DISABLE") => Phase::rest(Status::Disabled),
        (_, "DISABLE") => Phase::until(Status::Disabling, due, Status::Disabled),
        _ => Phase::until(Status::Enabling, due, Status::Enabled),
    };
    let insights = Insights { phase, mode, changed: now };
    let answer = insights_answer(&table.name, index.as_ref(), Some(&insights));
    table.insights.insert(index, insights);
    Ok(answer)
}
