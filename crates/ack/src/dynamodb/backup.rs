//! The kind `Backup`.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_backup::builders::CreateBackupInputBuilder;
use aws_sdk_dynamodb::operation::delete_backup::builders::DeleteBackupInputBuilder;
use aws_sdk_dynamodb::types;
use aws_smithy_types::DateTime;

use super::shapes::BackupSpec;
use super::shapes::BackupStatus;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::AGE;
use crate::kind::Column;
use crate::kind::Kind;
use crate::kind::SYNCED;
use crate::resource::Asked;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::resource::Wait;
use crate::shape::Delta;
use crate::shape::FromSdk;
use crate::shape::Unfit;
use crate::tags::Tags;

/// A backup of a DynamoDB table.
#[derive(Debug)]
pub enum Backup {}

/// A request that makes or deletes a backup.
#[derive(Clone, Debug, PartialEq)]
pub enum BackupCall {
    /// Makes it.
    Create(CreateBackupInputBuilder),
    /// Deletes it.
    Delete(DeleteBackupInputBuilder),
}

/// How far the clocks of the cluster and of AWS may be apart, in seconds.
const SKEW: i64 = 30;

impl Resource for Backup {
    const KIND: Kind = Kind {
        service: "dynamodb",
        kind: "Backup",
        plural: "backups",
        columns: &[
            Column::text("ARN", ".status.ackResourceMetadata.arn", 1),
            Column::text("SIZE", ".status.backupSize", 0),
            Column::text("STATUS", ".status.backupStatus", 0),
            Column::text("TABLENAME", ".spec.tableName", 0),
            Column::text("TYPE", ".status.backupType", 0),
            SYNCED,
            AGE,
        ],
        rules: &[],
        terminal: &[],
        missing: &["BackupNotFoundException"],
        exists: &[],
        adoption_key: "arn",
    };
    type Spec = BackupSpec;
    type Status = BackupStatus;
    type Call = BackupCall;

    fn canonical(_spec: &mut BackupSpec) {}

    fn in_form_of(_spec: &mut BackupSpec, _user: &BackupSpec) {}

    fn tags(_spec: &BackupSpec) -> Tags {
        Tags::new()
    }

    /// Backups have no tags.
    fn set_tags(_spec: &mut BackupSpec, _tags: Tags) {}

    /// The ARN is not part of the spec.
    fn identity(_spec: &BackupSpec) -> Option<&str> {
        None
    }

    /// The ARN is not part of the spec: it is asked for as it is.
    fn identify(_spec: &mut BackupSpec, _id: &str) {}

    fn create(desired: &BackupSpec, _place: &Place) -> Result<BackupCall, Unfit> {
        Ok(BackupCall::Create(desired.fill_create(CreateBackupInputBuilder::default())?))
    }

    fn update(
        _desired: &BackupSpec,
        _latest: &Observed<Self>,
        delta: &Delta,
        _place: &Place,
    ) -> Result<Plan<BackupCall>, Unfit> {
        let fields = delta.paths().collect::<Vec<_>>().join(", ");
        let then = Then::Refuse(format!("a backup can't be changed: {fields}"));
        Ok(Plan { calls: Vec::new(), then })
    }

    fn delete(_desired: &BackupSpec, latest: &Observed<Self>, _place: &Place) -> Plan<BackupCall> {
        let delete = DeleteBackupInputBuilder::default().backup_arn(&latest.arn);
        Plan { calls: vec![BackupCall::Delete(delete)], then: Then::Settled }
    }

    /// # Flow
    ///
    /// DescribeBackup by the ARN that an earlier pass has recorded or that is to be adopted. Without
    /// one, or when the recorded backup is gone, ListBackups, so that a creation whose answer got
    /// lost is found: by table and name, and not older than the object.
    async fn read(
        aws: &Regional,
        asked: &Asked<'_, Self>,
        _place: &Place,
    ) -> Result<Option<Observed<Self>>, Failure> {
        if let Some(arn) = asked.arn {
            let found = describe(aws, arn.to_owned()).await?;
            // What is to be adopted is that one, or none.
            let was_there = asked.recorded.backup_status.is_some();
            if found.is_some() || !was_there {
                return Ok(found);
            }
        }
        match search(aws, asked).await? {
            Some(arn) => describe(aws, arn).await,
            None => Ok(None),
        }
    }

    async fn send(aws: &Regional, call: BackupCall) -> Result<(), Failure> {
        match call {
            BackupCall::Create(input) => drop(input.send_with(&aws.dynamodb).await?),
            BackupCall::Delete(input) => drop(input.send_with(&aws.dynamodb).await?),
        }
        Ok(())
    }
}

async fn describe(aws: &Regional, arn: String) -> Result<Option<Observed<Backup>>, Failure> {
    let answer = aws.dynamodb.describe_backup().backup_arn(&arn).send().await;
    let found = match answer.map_err(Failure::from) {
        Ok(answer) => answer.backup_description,
        Err(failure) if failure.has_code(Backup::KIND.missing) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let Some(found) = found else { return Ok(None) };
    let Some(details) = found.backup_details else { return Ok(None) };
    // What is kept for a while after its deletion is gone.
    if details.backup_status == types::BackupStatus::Deleted {
        return Ok(None);
    }
    let phase = if details.backup_status == types::BackupStatus::Creating {
        Phase::Busy(Wait {
            after: Duration::from_secs(30),
            message: "backup in 'CREATING' state".to_owned(),
        })
    } else {
        Phase::Ready
    };
    let spec = BackupSpec {
        backup_name: Some(details.backup_name.clone()),
        table_name: found.source_table_details.map(|table| table.table_name),
    };
    Ok(Some(Observed { spec, status: BackupStatus::from_sdk(&details), arn, phase }))
}

/// The ARN of the latest backup that may be ours.
async fn search(aws: &Regional, asked: &Asked<'_, Backup>) -> Result<Option<String>, Failure> {
    let since = asked.since.map(|since| DateTime::from_secs(since.0.as_second() - SKEW));
    let (mut best, mut after) = (None, None);
    loop {
        let page = aws
            .dynamodb
            .list_backups()
            .set_table_name(asked.desired.table_name.clone())
            .set_time_range_lower_bound(since)
            .set_exclusive_start_backup_arn(after)
            .send()
            .await?;
        for summary in page.backup_summaries() {
            let ours = summary.backup_name == asked.desired.backup_name
                && summary.backup_status != Some(types::BackupStatus::Deleted);
            let made =
                summary.backup_creation_date_time.map(|time| (time.secs(), time.subsec_nanos()));
            if ours && best.as_ref().is_none_or(|(found, _)| made > *found) {
                best = Some((made, summary.backup_arn.clone()));
            }
        }
        after = page.last_evaluated_backup_arn;
        if after.is_none() {
            return Ok(best.and_then(|(_, arn)| arn));
        }
    }
}
