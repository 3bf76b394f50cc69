//! The kind `Table`.

use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::types;

use super::shapes::OnDemandThroughput;
use super::shapes::ProvisionedThroughput;
use super::shapes::TableSpec;
use super::shapes::TableStatus;
use super::shapes::Tag;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::AGE;
use crate::kind::Column;
use crate::kind::Kind;
use crate::kind::SYNCED;
use crate::reference::Referrer;
use crate::reference::Target;
use crate::resource::Asked;
use crate::resource::Observed;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::shape::Delta;
use crate::shape::Unfit;
use crate::tags::Tags;

mod call;
mod read;
mod update;

pub use call::Call;

/// A DynamoDB table.
#[derive(Debug)]
pub enum Table {}

impl Resource for Table {
    const KIND: Kind = Kind {
        service: "dynamodb",
        kind: "Table",
        plural: "tables",
        columns: &[
            Column {
                name: "ARN",
                path: ".status.ackResourceMetadata.arn",
                column_type: "string",
                priority: 1,
            },
            Column { name: "CLASS", path: ".spec.tableClass", column_type: "string", priority: 0 },
            Column {
                name: "STATUS",
                path: ".status.tableStatus",
                column_type: "string",
                priority: 0,
            },
            SYNCED,
            AGE,
        ],
        rules: &[],
        terminal: &["InvalidParameter", "ValidationException"],
        missing: &["ResourceNotFoundException"],
        exists: &["ResourceInUseException"],
        adoption_key: "tableName",
    };
    const REFERRERS: &'static [Referrer<TableSpec>] = &[Referrer {
        field: "sseSpecification.kmsMasterKeyRef",
        value_field: "sseSpecification.kmsMasterKeyID",
        target: Target {
            service: "kms",
            kind: "Key",
            plural: "keys",
            pointer: "/status/ackResourceMetadata/arn",
        },
        reference: |spec| spec.sse_specification.as_ref()?.kms_master_key_ref.as_ref(),
        value: |spec| spec.sse_specification.as_mut().map(|sse| &mut sse.kms_master_key_id),
    }];
    type Spec = TableSpec;
    type Status = TableStatus;
    type Call = Call;

    /// What is off is unset, and so is capacity of the kind that the billing mode excludes, whatever
    /// the spec or AWS (which says 0) has there.
    fn canonical(spec: &mut TableSpec) {
        let on_demand =
            spec.billing_mode.as_deref() == Some(types::BillingMode::PayPerRequest.as_str());
        let (mut capacity, mut bounds) = (spec.provisioned_throughput.take(), None);
        if on_demand {
            capacity = None;
            bounds = spec.on_demand_throughput.take();
        }
        spec.provisioned_throughput = capacity;
        spec.on_demand_throughput = bounds.and_then(bounded);
        for index in spec.global_secondary_indexes.iter_mut().flatten() {
            let (capacity, bounds) =
                (index.provisioned_throughput.take(), index.on_demand_throughput.take());
            if on_demand {
                index.on_demand_throughput = bounds.and_then(bounded);
            } else {
                index.provisioned_throughput = capacity.filter(|c| *c != NO_CAPACITY);
            }
        }
        drop_if(&mut spec.global_secondary_indexes, Vec::is_empty);
        drop_if(&mut spec.local_secondary_indexes, Vec::is_empty);
        drop_if(&mut spec.table_replicas, Vec::is_empty);
        drop_if(&mut spec.continuous_backups, |b| b.point_in_time_recovery_enabled != Some(true));
        drop_if(&mut spec.stream_specification, |s| s.stream_enabled != Some(true));
        drop_if(&mut spec.sse_specification, |s| s.enabled == Some(false));
        drop_if(&mut spec.time_to_live, |t| t.enabled != Some(true));
        drop_if(&mut spec.resource_policy, |policy| policy.trim().is_empty());
        if let Some(insights) = &mut spec.contributor_insights {
            let on = insights.starts_with("ENABL");
            *insights = if on { "ENABLE" } else { "DISABLE" }.to_owned();
        }
    }

    fn in_form_of(_spec: &mut TableSpec, _user: &TableSpec) {}

    fn tags(spec: &TableSpec) -> Tags {
        let tags = spec.tags.iter().flatten().map(Tag::pair);
        tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    fn set_tags(spec: &mut TableSpec, tags: Tags) {
        let tag = |(key, value)| Tag { key: Some(key), value: Some(value) };
        let tags: Vec<Tag> = tags.into_iter().map(tag).collect();
        spec.tags = (!tags.is_empty()).then_some(tags);
    }

    fn identity(spec: &TableSpec) -> Option<&str> {
        spec.table_name.as_deref()
    }

    fn identify(spec: &mut TableSpec, id: &str) {
        spec.table_name = Some(id.to_owned());
    }

    /// What CreateTable does not take follows in updates.
    fn create(desired: &TableSpec, _place: &Place) -> Result<Call, Unfit> {
        Ok(desired.fill_create(CreateTableInputBuilder::default())?.into())
    }

    fn update(
        desired: &TableSpec,
        latest: &Observed<Self>,
        delta: &Delta,
        _place: &Place,
    ) -> Result<Plan<Call>, Unfit> {
        update::update(desired, latest, delta)
    }

    fn delete(desired: &TableSpec, latest: &Observed<Self>, _place: &Place) -> Plan<Call> {
        update::delete(desired, latest)
    }

    async fn read(
        aws: &Regional,
        asked: &Asked<'_, Self>,
        place: &Place,
    ) -> Result<Option<Observed<Self>>, Failure> {
        read::read(aws, asked, place).await
    }

    async fn send(aws: &Regional, call: Call) -> Result<(), Failure> {
        call.send(aws).await
    }
}

/// What AWS tells of an index that is paid per request.
const NO_CAPACITY: ProvisionedThroughput =
    ProvisionedThroughput { read_capacity_units: Some(0), write_capacity_units: Some(0) };

/// Bounds, of which -1 is none.
fn bounded(mut bounds: OnDemandThroughput) -> Option<OnDemandThroughput> {
    drop_if(&mut bounds.max_read_request_units, |units| *units < 0);
    drop_if(&mut bounds.max_write_request_units, |units| *units < 0);
    (bounds != OnDemandThroughput::default()).then_some(bounds)
}

fn drop_if<T>(field: &mut Option<T>, says_nothing: impl Fn(&T) -> bool) {
    if field.as_ref().is_some_and(says_nothing) {
        *field = None;
    }
}
