//! What DynamoDB has.

use std::time::Duration;

use aws_sdk_dynamodb::types;

use super::Table;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::aws::boxed;
use crate::dynamodb::shapes::PointInTimeRecoverySpecification;
use crate::dynamodb::shapes::TableReplica;
use crate::dynamodb::shapes::TableSpec;
use crate::dynamodb::shapes::TableStatus;
use crate::dynamodb::shapes::Tag;
use crate::dynamodb::shapes::TimeToLiveSpecification;
use crate::resource::Asked;
use crate::resource::Depth;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Place;
use crate::resource::Resource;
use crate::resource::Wait;
use crate::shape::FromSdk;

/// Of so many resyncs, one reads each part that the spec makes no use of.
const ROUND: u32 = 8;

/// What DescribeTable does not tell.
#[derive(Clone, Copy)]
struct Parts {
    tags: bool,
    time_to_live: bool,
    recovery: bool,
    policy: bool,
}

impl Parts {
    /// What is to be read.
    ///
    /// In a resync, what the spec makes use of. What it makes no use of has its turn in place of the
    /// tags, never in two resyncs running: so none takes more calls than the others.
    fn wanted(asked: &Asked<'_, Table>) -> Self {
        let used = Self {
            tags: true,
            time_to_live: asked.desired.time_to_live.is_some(),
            recovery: asked.desired.continuous_backups.is_some(),
            policy: asked.desired.resource_policy.is_some(),
        };
        match asked.depth {
            Depth::Everything => {
                Self { tags: true, time_to_live: true, recovery: true, policy: true }
            }
            Depth::Existence | Depth::InUse => used,
            Depth::Resync(number) => match number % ROUND {
                2 if !used.time_to_live => Self { tags: false, time_to_live: true, ..used },
                4 if !used.recovery => Self { tags: false, recovery: true, ..used },
                6 if !used.policy => Self { tags: false, policy: true, ..used },
                _ => used,
            },
        }
    }
}

/// # Flow
///
/// DescribeTable; then, unless the table is in a state in which nothing is compared, at the same
/// time its tags and all that DescribeTable does not tell, as far as it is asked for.
pub(super) async fn read(
    aws: &Regional,
    asked: &Asked<'_, Table>,
    place: &Place,
) -> Result<Option<Observed<Table>>, Failure> {
    let name = asked.desired.table_name.clone().unwrap_or_default();
    let db = &aws.dynamodb;
    let answer = found(db.describe_table().table_name(&name).send().await)?;
    let Some(answer) = answer else { return Ok(None) };
    let table = answer.table.unwrap_or_else(|| types::TableDescription::builder().build());
    let mut observed = observed(&table, place);
    if asked.depth == Depth::Existence
        || matches!(observed.phase, Phase::Busy(_) | Phase::Leaving(_))
    {
        Table::canonical(&mut observed.spec);
        return Ok(Some(observed));
    }
    let desired = asked.desired;
    let wanted = Parts::wanted(asked);
    let tags = boxed(|| {
        Box::pin(async {
            if !wanted.tags {
                return Ok(Some(desired.tags.clone().unwrap_or_default()));
            }
            let _turn = aws.turn().await;
            tags(aws, &observed.arn).await
        })
    });
    let time_to_live = boxed(|| {
        Box::pin(async {
            if !wanted.time_to_live {
                return Ok(None);
            }
            let _turn = aws.turn().await;
            let answer = db.describe_time_to_live().table_name(&name).send().await?;
            Ok::<_, Failure>(answer.time_to_live_description)
        })
    });
    let recovery = boxed(|| {
        Box::pin(async {
            if !wanted.recovery {
                return Ok(None);
            }
            let _turn = aws.turn().await;
            let answer = db.describe_continuous_backups().table_name(&name).send().await?;
            Ok::<_, Failure>(answer.continuous_backups_description.as_ref().and_then(recovery))
        })
    });
    let policy = boxed(|| {
        Box::pin(async {
            if !wanted.policy {
                return Ok(None);
            }
            let _turn = aws.turn().await;
            let answer = db.get_resource_policy().resource_arn(&observed.arn).send().await;
            match answer.map_err(Failure::from) {
                Ok(answer) => Ok(answer.policy),
                Err(failure) if failure.has_code(&["PolicyNotFoundException"]) => Ok(None),
                Err(failure) => Err(failure),
            }
        })
    });
    // Only asked for when in use: whoever does not use them may lack the right to.
    let insights = boxed(|| {
        Box::pin(async {
            if desired.contributor_insights.is_none() {
                return Ok(None);
            }
            let _turn = aws.turn().await;
            let answer = db.describe_contributor_insights().table_name(&name).send().await?;
            Ok::<_, Failure>(answer.contributor_insights_status)
        })
    });
    let (tags, time_to_live, recovery, policy, insights) =
        tokio::try_join!(tags, time_to_live, recovery, policy, insights)?;
    let Some(tags) = tags else { return Ok(None) };
    let spec = &mut observed.spec;
    spec.tags = (!tags.is_empty()).then_some(tags);
    spec.time_to_live = time_to_live.as_ref().and_then(live);
    spec.continuous_backups = recovery;
    spec.resource_policy = policy;
    // A change of the time to live takes up to an hour, in which no other one is taken.
    use types::TimeToLiveStatus as T;
    let status = time_to_live.and_then(|found| found.time_to_live_status);
    if let Some(status) = status.filter(|s| matches!(s, T::Enabling | T::Disabling))
        && spec.time_to_live != desired.time_to_live
    {
        observed.phase = Phase::Busy(Wait {
            after: Duration::from_secs(30),
            message: format!("time to live in '{status}' state"),
        });
    }
    if let Some(status) = insights {
        use types::ContributorInsightsStatus as S;
        if matches!(status, S::Enabling | S::Disabling) {
            observed.phase = Phase::Busy(Wait {
                after: Duration::from_secs(10),
                message: format!("contributor insights in '{status}' state"),
            });
        }
        spec.contributor_insights = Some(status.as_str().to_owned());
    }
    Table::canonical(&mut observed.spec);
    Ok(Some(observed))
}

/// An answer, or `None` if there is no such table.
fn found<T, E>(answer: Result<T, E>) -> Result<Option<T>, Failure>
where
    Failure: From<E>,
{
    match answer.map_err(Failure::from) {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.has_code(Table::KIND.missing) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn tags(aws: &Regional, arn: &str) -> Result<Option<Vec<Tag>>, Failure> {
    let (mut tags, mut next) = (Vec::new(), None);
    loop {
        let request = aws.dynamodb.list_tags_of_resource().resource_arn(arn);
        let Some(page) = found(request.set_next_token(next).send().await)? else {
            return Ok(None);
        };
        tags.extend(page.tags().iter().map(Tag::from_sdk));
        next = page.next_token;
        if next.is_none() {
            return Ok(Some(tags));
        }
    }
}

fn live(found: &types::TimeToLiveDescription) -> Option<TimeToLiveSpecification> {
    use types::TimeToLiveStatus as S;
    matches!(found.time_to_live_status, Some(S::Enabled | S::Enabling)).then(|| {
        TimeToLiveSpecification {
            attribute_name: found.attribute_name.clone(),
            enabled: Some(true),
        }
    })
}

fn recovery(
    found: &types::ContinuousBackupsDescription,
) -> Option<PointInTimeRecoverySpecification> {
    let found = found.point_in_time_recovery_description.as_ref()?;
    let on = found.point_in_time_recovery_status.as_ref()?;
    Some(PointInTimeRecoverySpecification {
        point_in_time_recovery_enabled: Some(*on == types::PointInTimeRecoveryStatus::Enabled),
    })
}

fn observed(table: &types::TableDescription, place: &Place) -> Observed<Table> {
    let (mut spec, mut status) = (TableSpec::default(), TableStatus::default());
    spec.read_from(table);
    status.read_from(table);
    spec.sse_specification = table.sse_description.as_ref().map(FromSdk::from_sdk);
    let elsewhere = |replica: &&types::ReplicaDescription| {
        replica.region_name.as_deref() != Some(place.region.as_str())
    };
    spec.table_replicas = Some(table.replicas().iter().filter(elsewhere).map(replica).collect());
    let arn = table.table_arn.clone().unwrap_or_default();
    Observed { spec, status, arn, phase: phase(table) }
}

fn replica(found: &types::ReplicaDescription) -> TableReplica {
    let class = found.replica_table_class_summary.as_ref().and_then(|s| s.table_class.as_ref());
    TableReplica {
        global_secondary_indexes: found.global_secondary_indexes.as_ref().map(FromSdk::from_sdk),
        kms_master_key_id: found.kms_master_key_id.clone(),
        provisioned_throughput_override: found
            .provisioned_throughput_override
            .as_ref()
            .map(FromSdk::from_sdk),
        region_name: found.region_name.clone(),
        table_class_override: class.map(|class| class.as_str().to_owned()),
    }
}

/// A table whose indexes or replicas are being changed is busy, too.
fn phase(table: &types::TableDescription) -> Phase {
    use types::TableStatus as S;
    match table.table_status.as_ref() {
        Some(status @ (S::Creating | S::Updating)) => Phase::Busy(busy(status)),
        Some(status @ S::Deleting) => Phase::Leaving(busy(status)),
        Some(S::Active | S::Archived) => parts(table).map_or(Phase::Ready, Phase::Busy),
        // ARCHIVING, INACCESSIBLE_ENCRYPTION_CREDENTIALS, and what AWS may invent.
        Some(_) | None => Phase::Unusable,
    }
}

fn parts(table: &types::TableDescription) -> Option<Wait> {
    let indexes = table.global_secondary_indexes().iter().filter_map(|i| i.index_status.as_ref());
    let mut changing = indexes.filter(|status| **status != types::IndexStatus::Active);
    if let Some(status) = changing.next() {
        return Some(Wait {
            after: Duration::from_secs(10),
            message: format!("table GSIs in '{status}' state, cannot be modified or deleted"),
        });
    }
    use types::ReplicaStatus as R;
    let replicas = table.replicas().iter().filter_map(|replica| replica.replica_status.as_ref());
    let mut changing = replicas.filter(|s| matches!(s, R::Creating | R::Updating | R::Deleting));
    changing.next().map(|status| Wait {
        after: Duration::from_secs(10),
        message: format!("table replicas in '{status}' state, cannot be modified or deleted"),
    })
}

pub(super) fn busy(status: &types::TableStatus) -> Wait {
    let seconds = if *status == types::TableStatus::Updating { 10 } else { 5 };
    Wait {
        after: Duration::from_secs(seconds),
        message: format!("table in '{status}' state, cannot be modified or deleted"),
    }
}
