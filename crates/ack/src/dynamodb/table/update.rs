//! What brings a table to its spec: what needs no wait, then one UpdateTable at a time.

use std::time::Duration;

use aws_sdk_dynamodb::operation::delete_resource_policy::builders::DeleteResourcePolicyInputBuilder;
use aws_sdk_dynamodb::operation::delete_table::builders::DeleteTableInputBuilder;
use aws_sdk_dynamodb::operation::put_resource_policy::builders::PutResourcePolicyInputBuilder;
use aws_sdk_dynamodb::operation::tag_resource::builders::TagResourceInputBuilder;
use aws_sdk_dynamodb::operation::untag_resource::builders::UntagResourceInputBuilder;
use aws_sdk_dynamodb::operation::update_continuous_backups::builders::UpdateContinuousBackupsInputBuilder;
use aws_sdk_dynamodb::operation::update_contributor_insights::builders::UpdateContributorInsightsInputBuilder;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::operation::update_time_to_live::builders::UpdateTimeToLiveInputBuilder;
use aws_sdk_dynamodb::types;

use super::Call;
use super::Table;
use super::read::busy;
use crate::dynamodb::shapes::GlobalSecondaryIndex;
use crate::dynamodb::shapes::OnDemandThroughput;
use crate::dynamodb::shapes::TableReplica;
use crate::dynamodb::shapes::TableSpec;
use crate::dynamodb::shapes::Tag;
use crate::resource::Observed;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::resource::Wait;
use crate::shape::Delta;
use crate::shape::ToSdk;
use crate::shape::Unfit;
use crate::shape::compare::same;

struct Ctx<'a> {
    desired: &'a TableSpec,
    latest: &'a Observed<Table>,
    delta: &'a Delta,
}

impl Ctx<'_> {
    fn differs(&self, field: &str) -> bool {
        self.delta.touches(&format!("spec.{field}"))
    }

    fn update_table(&self) -> UpdateTableInputBuilder {
        UpdateTableInputBuilder::default().set_table_name(self.desired.table_name.clone())
    }
}

/// Tags, policy, time to live, recovery and insights first, none of which makes the table busy;
/// then the first UpdateTable that is due, after which the table is waited for.
pub(super) fn update(
    desired: &TableSpec,
    latest: &Observed<Table>,
    delta: &Delta,
) -> Result<Plan<Call>, Unfit> {
    let ctx = Ctx { desired, latest, delta };
    if let Some(reason) = impossible(&ctx) {
        return Ok(Plan { calls: Vec::new(), then: Then::Refuse(reason) });
    }
    let mut calls = tag_calls(desired, latest)?;
    policy(&ctx, &mut calls);
    let more = time_to_live(&ctx, &mut calls)?;
    recovery(&ctx, &mut calls)?;
    let insights = insights(&ctx, &mut calls);
    let then = match next_update(&ctx)? {
        Some(input) => {
            calls.push(input.into());
            Then::Wait(busy(&types::TableStatus::Updating))
        }
        None if insights || more => Then::Wait(Wait {
            after: Duration::from_secs(10),
            message: "the table is being changed".to_owned(),
        }),
        None => Then::Settled,
    };
    Ok(Plan { calls, then })
}

/// What no request can change.
fn impossible(ctx: &Ctx<'_>) -> Option<String> {
    let mut fixed: Vec<&str> = ["keySchema", "localSecondaryIndexes", "tableName"]
        .into_iter()
        .filter(|field| ctx.differs(field))
        .collect();
    // Definitions come and go with the indexes that need them, not by themselves.
    if ctx.differs("attributeDefinitions") && !ctx.differs("globalSecondaryIndexes") {
        fixed.insert(0, "attributeDefinitions");
    }
    if !fixed.is_empty() {
        return Some(format!("spec.{} can't be changed", fixed.join(", spec.")));
    }
    let streams_all = ctx
        .desired
        .stream_specification
        .as_ref()
        .is_some_and(|stream| stream.stream_view_type.as_deref() == Some("NEW_AND_OLD_IMAGES"));
    (ctx.differs("tableReplicas") && ctx.desired.table_replicas.is_some() && !streams_all).then(
        || {
            "table must have DynamoDB Streams enabled with StreamViewType set to \
             NEW_AND_OLD_IMAGES for replica updates"
                .to_owned()
        },
    )
}

fn policy(ctx: &Ctx<'_>, calls: &mut Vec<Call>) {
    if !ctx.differs("resourcePolicy") {
        return;
    }
    let arn = &ctx.latest.arn;
    calls.push(match ctx.desired.resource_policy.clone() {
        Some(policy) => {
            PutResourcePolicyInputBuilder::default().resource_arn(arn).policy(policy).into()
        }
        None => DeleteResourcePolicyInputBuilder::default().resource_arn(arn).into(),
    });
}

/// Another attribute can only be chosen after the first was given up: true if that is still to come.
fn time_to_live(ctx: &Ctx<'_>, calls: &mut Vec<Call>) -> Result<bool, Unfit> {
    if !ctx.differs("timeToLive") {
        return Ok(false);
    }
    let mut off = ctx.latest.spec.time_to_live.clone();
    if let Some(off) = &mut off {
        off.enabled = Some(false);
    }
    let more = off.is_some() && ctx.desired.time_to_live.is_some();
    let value = off.or_else(|| ctx.desired.time_to_live.clone());
    let value = value.map(|value| value.to_sdk()).transpose();
    let input = UpdateTimeToLiveInputBuilder::default()
        .set_table_name(ctx.desired.table_name.clone())
        .set_time_to_live_specification(value.map_err(|unfit| unfit.within("timeToLive"))?);
    calls.push(input.into());
    Ok(more)
}

fn recovery(ctx: &Ctx<'_>, calls: &mut Vec<Call>) -> Result<(), Unfit> {
    if ctx.differs("continuousBackups") {
        let value = types::PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(ctx.desired.continuous_backups.is_some())
            .build()
            .map_err(|error| Unfit::at("continuousBackups", error.to_string()))?;
        let input = UpdateContinuousBackupsInputBuilder::default()
            .set_table_name(ctx.desired.table_name.clone())
            .point_in_time_recovery_specification(value);
        calls.push(input.into());
    }
    Ok(())
}

/// True if they are being changed, which takes a while.
fn insights(ctx: &Ctx<'_>, calls: &mut Vec<Call>) -> bool {
    let differs = ctx.differs("contributorInsights");
    if differs {
        let action = ctx.desired.contributor_insights.as_deref().map(Into::into);
        let input = UpdateContributorInsightsInputBuilder::default()
            .set_table_name(ctx.desired.table_name.clone())
            .set_contributor_insights_action(action);
        calls.push(input.into());
    }
    differs
}

/// The UpdateTable that is due now.
fn next_update(ctx: &Ctx<'_>) -> Result<Option<UpdateTableInputBuilder>, Unfit> {
    if ctx.differs("sseSpecification") {
        let off = || types::SseSpecification::builder().enabled(false).build();
        let value = ctx.desired.sse_specification.as_ref().map(ToSdk::to_sdk).transpose();
        let value = value.map_err(|unfit: Unfit| unfit.within("sseSpecification"))?;
        let input = ctx.update_table();
        return Ok(Some(input.sse_specification(value.unwrap_or_else(off))));
    }
    if let Some(input) = delete_index(ctx)? {
        return Ok(Some(input));
    }
    if ["billingMode", "deletionProtectionEnabled", "tableClass"]
        .into_iter()
        .any(|f| ctx.differs(f))
    {
        return general(ctx).map(Some);
    }
    if let Some(input) = update_index(ctx)? {
        return Ok(Some(input));
    }
    // Replicas need the stream: they go before it.
    if ctx.differs("tableReplicas") && ctx.desired.table_replicas.is_none() {
        return replicas(ctx);
    }
    if ctx.differs("streamSpecification") {
        return stream(ctx).map(Some);
    }
    if ctx.differs("provisionedThroughput") {
        return ctx.desired.fill_update(ctx.update_table(), ctx.delta).map(Some);
    }
    if ctx.differs("onDemandThroughput") {
        let value = bounds(ctx.desired.on_demand_throughput.as_ref())?;
        return Ok(Some(ctx.update_table().on_demand_throughput(value)));
    }
    if let Some(input) = create_index(ctx)? {
        return Ok(Some(input));
    }
    if ctx.differs("tableReplicas") { replicas(ctx) } else { Ok(None) }
}

/// Bounds with -1, which is none, where the spec has none.
fn bounds(desired: Option<&OnDemandThroughput>) -> Result<types::OnDemandThroughput, Unfit> {
    let mut desired = desired.cloned().unwrap_or_default();
    desired.max_read_request_units.get_or_insert(-1);
    desired.max_write_request_units.get_or_insert(-1);
    desired.to_sdk().map_err(|unfit: Unfit| unfit.within("onDemandThroughput"))
}

/// Billing mode, class and protection; with a change to PROVISIONED the capacities that it needs,
/// those of the indexes included.
fn general(ctx: &Ctx<'_>) -> Result<UpdateTableInputBuilder, Unfit> {
    let provisions = ctx.differs("billingMode")
        && ctx.desired.billing_mode.as_deref() != Some(types::BillingMode::PayPerRequest.as_str());
    if !provisions {
        let delta = ctx.delta.without(&["spec.provisionedThroughput"]);
        return ctx.desired.fill_update(ctx.update_table(), &delta);
    }
    let mut input = ctx.desired.fill_update(ctx.update_table(), ctx.delta)?;
    for index in indexes(ctx.latest.spec.global_secondary_indexes.as_ref()) {
        if let Some(wanted) = find(ctx.desired, index) {
            input = input.global_secondary_index_updates(throughput(wanted)?);
        }
    }
    Ok(input)
}

fn stream(ctx: &Ctx<'_>) -> Result<UpdateTableInputBuilder, Unfit> {
    let desired = ctx.desired.stream_specification.as_ref();
    // A stream that shows something else is a new one: the old one goes first.
    let off = ctx.latest.spec.stream_specification.is_some();
    let value = match desired.filter(|_| !off) {
        Some(value) => value.to_sdk(),
        None => types::StreamSpecification::builder()
            .stream_enabled(false)
            .build()
            .map_err(|error| Unfit::at("streamEnabled", error.to_string())),
    };
    let value = value.map_err(|unfit| unfit.within("streamSpecification"))?;
    Ok(ctx.update_table().stream_specification(value))
}

fn indexes(
    list: Option<&Vec<GlobalSecondaryIndex>>,
) -> impl Iterator<Item = &GlobalSecondaryIndex> {
    list.into_iter().flatten()
}

fn find<'a>(spec: &'a TableSpec, index: &GlobalSecondaryIndex) -> Option<&'a GlobalSecondaryIndex> {
    indexes(spec.global_secondary_indexes.as_ref())
        .find(|other| other.index_name == index.index_name)
}

/// Whether two indexes of a name differ in what only a new index can have.
fn is_another(one: &GlobalSecondaryIndex, other: &GlobalSecondaryIndex) -> bool {
    let fixed = |index: &GlobalSecondaryIndex| GlobalSecondaryIndex {
        on_demand_throughput: None,
        provisioned_throughput: None,
        ..index.clone()
    };
    !same(&fixed(one), &fixed(other))
}

fn delete_index(ctx: &Ctx<'_>) -> Result<Option<UpdateTableInputBuilder>, Unfit> {
    let gone = indexes(ctx.latest.spec.global_secondary_indexes.as_ref())
        .find(|index| find(ctx.desired, index).is_none_or(|wanted| is_another(wanted, index)));
    let Some(gone) = gone else { return Ok(None) };
    let delete = types::DeleteGlobalSecondaryIndexAction::builder()
        .set_index_name(gone.index_name.clone())
        .build()
        .map_err(|error| Unfit::at("globalSecondaryIndexes", error.to_string()))?;
    let update = types::GlobalSecondaryIndexUpdate::builder().delete(delete).build();
    Ok(Some(ctx.update_table().global_secondary_index_updates(update)))
}

fn throughput(index: &GlobalSecondaryIndex) -> Result<types::GlobalSecondaryIndexUpdate, Unfit> {
    let within = |unfit: Unfit| unfit.within("globalSecondaryIndexes");
    let update =
        types::UpdateGlobalSecondaryIndexAction::builder().set_index_name(index.index_name.clone());
    let update = match index.provisioned_throughput.as_ref() {
        Some(capacity) => update.provisioned_throughput(capacity.to_sdk().map_err(within)?),
        None => update.on_demand_throughput(bounds(index.on_demand_throughput.as_ref())?),
    };
    let update =
        update.build().map_err(|error| within(Unfit::at("indexName", error.to_string())))?;
    Ok(types::GlobalSecondaryIndexUpdate::builder().update(update).build())
}

fn update_index(ctx: &Ctx<'_>) -> Result<Option<UpdateTableInputBuilder>, Unfit> {
    for index in indexes(ctx.latest.spec.global_secondary_indexes.as_ref()) {
        if let Some(wanted) = find(ctx.desired, index).filter(|wanted| !same(*wanted, index)) {
            return Ok(Some(
                ctx.update_table().global_secondary_index_updates(throughput(wanted)?),
            ));
        }
    }
    Ok(None)
}

fn create_index(ctx: &Ctx<'_>) -> Result<Option<UpdateTableInputBuilder>, Unfit> {
    let new = indexes(ctx.desired.global_secondary_indexes.as_ref())
        .find(|index| find(&ctx.latest.spec, index).is_none());
    let Some(new) = new else { return Ok(None) };
    let create = new.to_sdk().map_err(|unfit: Unfit| unfit.within("globalSecondaryIndexes"))?;
    let update = types::GlobalSecondaryIndexUpdate::builder().create(create).build();
    // Definitions that no index needs yet are refused.
    let mut needed: Vec<&Option<String>> = Vec::new();
    let kept = indexes(ctx.latest.spec.global_secondary_indexes.as_ref());
    for index in kept.chain([new]) {
        needed.extend(index.key_schema.iter().flatten().map(|key| &key.attribute_name));
    }
    let local = ctx.desired.local_secondary_indexes.iter().flatten();
    let keys = local.filter_map(|index| index.key_schema.as_ref()).flatten();
    needed.extend(keys.chain(ctx.desired.key_schema.iter().flatten()).map(|k| &k.attribute_name));
    let definitions = ctx.desired.attribute_definitions.iter().flatten();
    let definitions = definitions.filter(|definition| needed.contains(&&definition.attribute_name));
    let definitions: Vec<_> = definitions.cloned().collect();
    let definitions =
        definitions.to_sdk().map_err(|unfit: Unfit| unfit.within("attributeDefinitions"))?;
    Ok(Some(
        ctx.update_table()
            .set_attribute_definitions(Some(definitions))
            .global_secondary_index_updates(update),
    ))
}

/// One replica: made, else changed, else deleted.
fn replicas(ctx: &Ctx<'_>) -> Result<Option<UpdateTableInputBuilder>, Unfit> {
    let list = |spec: &TableSpec| spec.table_replicas.clone().unwrap_or_default();
    let (wanted, found) = (list(ctx.desired), list(&ctx.latest.spec));
    let of = |list: &[TableReplica], replica: &TableReplica| {
        list.iter().find(|other| other.region_name == replica.region_name).cloned()
    };
    let within = |unfit: Unfit| unfit.within("tableReplicas");
    let update = types::ReplicationGroupUpdate::builder();
    let new = wanted.iter().find(|replica| of(&found, replica).is_none());
    let changed = wanted
        .iter()
        .find(|replica| of(&found, replica).is_some_and(|found| !same(*replica, &found)));
    let gone = found.iter().find(|replica| of(&wanted, replica).is_none());
    let update = match (new, changed, gone) {
        (Some(new), _, _) => update.create(new.to_sdk().map_err(within)?),
        (None, Some(changed), _) => update.update(changed.to_sdk().map_err(within)?),
        (None, None, Some(gone)) => return delete_replica(ctx.update_table(), gone).map(Some),
        (None, None, None) => return Ok(None),
    };
    Ok(Some(ctx.update_table().replica_updates(update.build())))
}

fn delete_replica(
    input: UpdateTableInputBuilder,
    replica: &TableReplica,
) -> Result<UpdateTableInputBuilder, Unfit> {
    let delete = types::DeleteReplicationGroupMemberAction::builder()
        .set_region_name(replica.region_name.clone())
        .build()
        .map_err(|error| Unfit::at("tableReplicas", error.to_string()))?;
    Ok(input.replica_updates(types::ReplicationGroupUpdate::builder().delete(delete).build()))
}

/// A protection that the spec no longer asks for is lifted first, then replicas go, one by one.
// Differs from ACK: no update runs on an object that is being deleted, so there the table stays
// for good if the protection was still on.
pub(super) fn delete(desired: &TableSpec, latest: &Observed<Table>) -> Plan<Call> {
    let input = UpdateTableInputBuilder::default().set_table_name(desired.table_name.clone());
    let wait = |input: UpdateTableInputBuilder| Plan {
        calls: vec![input.into()],
        then: Then::Wait(busy(&types::TableStatus::Updating)),
    };
    let is_on = |spec: &TableSpec| spec.deletion_protection_enabled == Some(true);
    if is_on(&latest.spec) && !is_on(desired) {
        return wait(input.deletion_protection_enabled(false));
    }
    let replica = latest.spec.table_replicas.iter().flatten().next();
    // AWS has told the region, so the request always has one.
    if let Some(input) = replica.and_then(|replica| delete_replica(input, replica).ok()) {
        return wait(input);
    }
    let delete = DeleteTableInputBuilder::default().set_table_name(desired.table_name.clone());
    Plan { calls: vec![delete.into()], then: Then::Settled }
}

/// Untag what is no longer wanted, then tag what is new or different.
fn tag_calls(desired: &TableSpec, latest: &Observed<Table>) -> Result<Vec<Call>, Unfit> {
    let (wanted, found) = (Table::tags(desired), Table::tags(&latest.spec));
    let mut calls = Vec::new();
    let gone: Vec<String> = found
        .iter()
        .filter(|(key, _)| !wanted.iter().any(|(kept, _)| kept == key))
        .map(|(key, _)| key.clone())
        .collect();
    if !gone.is_empty() {
        let untag = UntagResourceInputBuilder::default().resource_arn(&latest.arn);
        calls.push(untag.set_tag_keys(Some(gone)).into());
    }
    let new: Vec<Tag> = desired
        .tags
        .iter()
        .flatten()
        .filter(|tag| {
            let (key, value) = tag.pair();
            !found.iter().any(|(k, v)| (k.as_str(), v.as_str()) == (key, value))
        })
        .cloned()
        .collect();
    if !new.is_empty() {
        let tags = new.to_sdk().map_err(|unfit: Unfit| unfit.within("tags"))?;
        let tag = TagResourceInputBuilder::default().resource_arn(&latest.arn);
        calls.push(tag.set_tags(Some(tags)).into());
    }
    Ok(calls)
}
