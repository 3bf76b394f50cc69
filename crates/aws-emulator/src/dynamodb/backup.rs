//! Backups on demand. They outlive their tables.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Input;
use super::lifecycle::due;
use super::phase::Phase;
use super::phase::Status;
use super::table::Table;
use super::table::seconds;
use super::table_name;
use super::text;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;

/// Backups that one account may have in one region.
pub(super) const MAX_BACKUPS: usize = 10_000;
/// Backups in one page of a list.
const PAGE: u64 = 100;

/// A backup, with what it needs to know of its table.
#[derive(Clone, Debug)]
pub(super) struct Backup {
    pub(super) name: String,
    table: Table,
    created: Timestamp,
    pub(super) phase: Phase,
}

impl Backup {
    fn details(&self, arn: &str, status: &str) -> Value {
        json!({
            "BackupArn": arn,
            "BackupCreationDateTime": seconds(self.created),
            "BackupName": self.name,
            "BackupSizeBytes": 0,
            "BackupStatus": status,
            "BackupType": "USER",
        })
    }

    fn describe(&self, arn: &str, status: &str) -> Value {
        let table = self.table.describe();
        let mut source = json!({
            "BillingMode": self.table.billing.name(),
            "ItemCount": 0,
            "KeySchema": table["KeySchema"],
            "ProvisionedThroughput": {
                "ReadCapacityUnits": table["ProvisionedThroughput"]["ReadCapacityUnits"],
                "WriteCapacityUnits": table["ProvisionedThroughput"]["WriteCapacityUnits"],
            },
            "TableArn": self.table.arn,
            "TableCreationDateTime": seconds(self.table.created),
            "TableId": self.table.id,
            "TableName": self.table.name,
            "TableSizeBytes": 0,
        });
        if let Some(limits) = &self.table.on_demand {
            source["OnDemandThroughput"] = limits.clone();
        }
        let mut features = json!({});
        for (feature, member) in
            [("SSEDescription", "SSEDescription"), ("StreamDescription", "StreamSpecification")]
        {
            if let Some(value) = table.get(member) {
                features[feature] = value.clone();
            }
        }
        for (feature, keep) in [
            ("GlobalSecondaryIndexes", &["IndexName", "KeySchema", "Projection"][..]),
            ("LocalSecondaryIndexes", &["IndexName", "KeySchema", "Projection"][..]),
        ] {
            if let Some(indexes) = table.get(feature).and_then(Value::as_array) {
                features[feature] = indexes
                    .iter()
                    .map(|index| {
                        keep.iter()
                            .map(|name| ((*name).to_owned(), index[name].clone()))
                            .collect::<serde_json::Map<_, _>>()
                    })
                    .collect();
            }
        }
        if self.table.time_to_live.phase.status() != Status::Disabled {
            features["TimeToLiveDescription"] = self.table.describe_time_to_live();
        }
        json!({
            "BackupDetails": self.details(arn, status),
            "SourceTableDetails": source,
            "SourceTableFeatureDetails": features,
        })
    }

    /// Names and status, without times.
    pub(super) fn dump(&self) -> Value {
        json!({
            "BackupName": self.name,
            "BackupStatus": self.phase.name(),
            "TableName": self.table.name,
        })
    }
}

fn not_found(arn: &str) -> Failure {
    Failure::new(400, "BackupNotFoundException", format!("Backup not found: {arn}"))
}

/// CreateBackup.
pub(super) fn create_backup(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let (now, due) = (world.now, due(world.now, &world.settings));
    let table = world.dynamodb.named(caller, input).map_err(|_| {
        let message = format!("Table not found: {}", text(input, "TableName"));
        Failure::new(400, "TableNotFoundException", message)
    })?;
    match table.phase.status() {
        Status::Creating => {
            let message = format!(
                "Backups are being enabled for the table: {}. Please retry later",
                table.name
            );
            return Err(Failure::new(400, "ContinuousBackupsUnavailableException", message));
        }
        Status::Active => {}
        _ => {
            let message = format!("Table is not in ACTIVE status: {}", table.name);
            return Err(Failure::new(400, "TableInUseException", message));
        }
    }
    let table = table.clone();
    let id = format!("{:017}", now.as_millisecond());
    let arn = format!("{}/backup/{id}-{}", table.arn, &world.ids.uuid()[..8]);
    let phase = Phase::until(Status::Creating, due, Status::Available);
    let name = text(input, "BackupName").to_owned();
    let backup = Backup { name, table, created: now, phase };
    let answer = json!({ "BackupDetails": backup.details(&arn, backup.phase.name()) });
    let backups = world.dynamodb.backups_mut(caller);
    if backups.len() >= MAX_BACKUPS {
        let message = "Subscriber limit exceeded: too many backups".to_owned();
        return Err(Failure::new(400, "LimitExceededException", message));
    }
    backups.insert(arn, backup);
    Ok(answer)
}

/// DescribeBackup.
pub(super) fn describe_backup(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let arn = text(input, "BackupArn");
    let backup = world.dynamodb.backups_mut(caller).get(arn).ok_or_else(|| not_found(arn))?;
    Ok(json!({ "BackupDescription": backup.describe(arn, backup.phase.name()) }))
}

/// DeleteBackup. The answer says DELETED; afterwards the backup is not found.
pub(super) fn delete_backup(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let arn = text(input, "BackupArn");
    let backups = world.dynamodb.backups_mut(caller);
    let backup = backups.get(arn).ok_or_else(|| not_found(arn))?;
    if backup.phase.status() == Status::Creating {
        let message = format!("Backup is being created: {arn}");
        return Err(Failure::new(400, "BackupInUseException", message));
    }
    let answer = json!({ "BackupDescription": backup.describe(arn, "DELETED") });
    backups.remove(arn);
    Ok(answer)
}

/// ListBackups.
pub(super) fn list_backups(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let limit = input.get("Limit").and_then(Value::as_u64).unwrap_or(PAGE);
    let wanted = input.get("TableName").and_then(Value::as_str);
    let wanted = wanted.map(|given| table_name(caller, given).unwrap_or(given));
    let bound = |name: &str| input.get(name).and_then(Value::as_f64);
    let (lower, upper) = (bound("TimeRangeLowerBound"), bound("TimeRangeUpperBound"));
    let of_users = ["", "ALL", "USER"].contains(&text(input, "BackupType"));
    let after = text(input, "ExclusiveStartBackupArn");
    let mut rest = world.dynamodb.backups_mut(caller).iter().filter(|(arn, backup)| {
        let created = seconds(backup.created);
        of_users
            && arn.as_str() > after
            && wanted.is_none_or(|name| name == backup.table.name)
            && lower.is_none_or(|lower| created >= lower)
            && upper.is_none_or(|upper| created < upper)
    });
    let page: Vec<(&String, &Backup)> =
        rest.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let more = rest.next().is_some();
    let summaries: Vec<Value> = page
        .iter()
        .map(|(arn, backup)| {
            let mut summary = backup.details(arn, backup.phase.name());
            summary["TableArn"] = json!(backup.table.arn);
            summary["TableId"] = json!(backup.table.id);
            summary["TableName"] = json!(backup.table.name);
            summary
        })
        .collect();
    let mut out = json!({ "BackupSummaries": summaries });
    if more {
        out["LastEvaluatedBackupArn"] = json!(page.last().map(|(arn, _)| arn));
    }
    Ok(out)
}
