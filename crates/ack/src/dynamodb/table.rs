//! The kind `Table`.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::operation::delete_table::builders::DeleteTableInputBuilder;
use aws_sdk_dynamodb::operation::tag_resource::builders::TagResourceInputBuilder;
use aws_sdk_dynamodb::operation::untag_resource::builders::UntagResourceInputBuilder;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::types;

use super::shapes::TableSpec;
use super::shapes::TableStatus;
use super::shapes::Tag;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::AGE;
use crate::kind::Column;
use crate::kind::Kind;
use crate::kind::SYNCED;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::resource::Wait;
use crate::shape::Delta;
use crate::shape::FromSdk;
use crate::shape::ToSdk;
use crate::shape::Unfit;
use crate::tags::Tags;

/// A DynamoDB table.
#[derive(Debug)]
pub enum Table {}

/// A request that changes a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Creates it.
    Create(CreateTableInputBuilder),
    /// Removes tags.
    Untag(UntagResourceInputBuilder),
    /// Adds or changes tags.
    Tag(TagResourceInputBuilder),
    /// Changes it.
    Update(UpdateTableInputBuilder),
    /// Deletes it.
    Delete(DeleteTableInputBuilder),
}

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
    type Spec = TableSpec;
    type Status = TableStatus;
    type Call = Call;

    /// A table that is paid per request has no capacity, whatever the spec or AWS (which says 0)
    /// has there.
    fn canonical(spec: &mut TableSpec) {
        if spec.billing_mode.as_deref() == Some(types::BillingMode::PayPerRequest.as_str()) {
            spec.provisioned_throughput = None;
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

    fn create(desired: &TableSpec, _place: &Place) -> Result<Call, Unfit> {
        Ok(Call::Create(desired.fill_create(CreateTableInputBuilder::default())?))
    }

    /// Tags first, which need no wait; then one UpdateTable with what may go together. DynamoDB
    /// takes a change of the capacity only by itself or with the billing mode that needs it.
    fn update(
        desired: &TableSpec,
        latest: &Observed<Self>,
        delta: &Delta,
        _place: &Place,
    ) -> Result<Plan<Call>, Unfit> {
        let mut calls = tag_calls(desired, latest)?;
        let changed = |fields: &[&str]| fields.iter().any(|f| delta.touches(&format!("spec.{f}")));
        let fixed = ["attributeDefinitions", "keySchema", "tableName"];
        if !changed(TableSpec::UPDATED) {
            let fixed: Vec<_> = fixed.into_iter().filter(|field| changed(&[*field])).collect();
            let then = if fixed.is_empty() {
                Then::Settled
            } else {
                Then::Refuse(format!("spec.{} can't be changed", fixed.join(", spec.")))
            };
            return Ok(Plan { calls, then });
        }
        let capacity = &["provisionedThroughput"][..];
        let others: Vec<_> =
            TableSpec::UPDATED.iter().copied().filter(|field| !capacity.contains(field)).collect();
        let now = if changed(&["billingMode"]) || !changed(&others) {
            delta.clone()
        } else {
            delta.without(&["spec.provisionedThroughput"])
        };
        let input = UpdateTableInputBuilder::default().set_table_name(desired.table_name.clone());
        calls.push(Call::Update(desired.fill_update(input, &now)?));
        Ok(Plan { calls, then: Then::Wait(busy(&types::TableStatus::Updating)) })
    }

    /// A protection that the spec no longer asks for is lifted first.
    // Differs from ACK: no update runs on an object that is being deleted, so there the table stays
    // for good if the protection was still on.
    fn delete(desired: &TableSpec, latest: &Observed<Self>, _place: &Place) -> Plan<Call> {
        let is_on = |spec: &TableSpec| spec.deletion_protection_enabled == Some(true);
        if is_on(&latest.spec) && !is_on(desired) {
            let lift = UpdateTableInputBuilder::default()
                .set_table_name(desired.table_name.clone())
                .deletion_protection_enabled(false);
            let then = Then::Wait(busy(&types::TableStatus::Updating));
            return Plan { calls: vec![Call::Update(lift)], then };
        }
        let delete = DeleteTableInputBuilder::default().set_table_name(desired.table_name.clone());
        Plan { calls: vec![Call::Delete(delete)], then: Then::Settled }
    }

    /// # Flow
    ///
    /// DescribeTable, then ListTagsOfResource unless the table is in a state in which nothing is
    /// compared.
    async fn read(
        aws: &Regional,
        desired: &TableSpec,
        _place: &Place,
    ) -> Result<Option<Observed<Self>>, Failure> {
        let answer = aws
            .dynamodb
            .describe_table()
            .set_table_name(desired.table_name.clone())
            .send()
            .await
            .map_err(Failure::from);
        let table = match answer {
            Ok(answer) => {
                answer.table.unwrap_or_else(|| types::TableDescription::builder().build())
            }
            Err(failure) if failure.has_code(Self::KIND.missing) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let mut observed = observed(&table);
        match observed.phase {
            Phase::Ready | Phase::Unusable => {}
            Phase::Busy(_) | Phase::Leaving(_) => return Ok(Some(observed)),
        }
        let mut tags = Vec::new();
        let mut next = None;
        loop {
            let request = aws.dynamodb.list_tags_of_resource().resource_arn(&observed.arn);
            let page = match request.set_next_token(next).send().await.map_err(Failure::from) {
                Ok(page) => page,
                Err(failure) if failure.has_code(Self::KIND.missing) => return Ok(None),
                Err(failure) => return Err(failure),
            };
            tags.extend(page.tags().iter().map(Tag::from_sdk));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        observed.spec.tags = (!tags.is_empty()).then_some(tags);
        Ok(Some(observed))
    }

    async fn send(aws: &Regional, call: Call) -> Result<(), Failure> {
        match call {
            Call::Create(input) => drop(input.send_with(&aws.dynamodb).await?),
            Call::Untag(input) => drop(input.send_with(&aws.dynamodb).await?),
            Call::Tag(input) => drop(input.send_with(&aws.dynamodb).await?),
            Call::Update(input) => drop(input.send_with(&aws.dynamodb).await?),
            Call::Delete(input) => drop(input.send_with(&aws.dynamodb).await?),
        }
        Ok(())
    }
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
        calls.push(Call::Untag(untag.set_tag_keys(Some(gone))));
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
        calls.push(Call::Tag(tag.set_tags(Some(tags))));
    }
    Ok(calls)
}

fn observed(table: &types::TableDescription) -> Observed<Table> {
    let (mut spec, mut status) = (TableSpec::default(), TableStatus::default());
    spec.read_from(table);
    status.read_from(table);
    Table::canonical(&mut spec);
    let arn = table.table_arn.clone().unwrap_or_default();
    Observed { spec, status, arn, phase: phase(table.table_status.as_ref()) }
}

fn phase(status: Option<&types::TableStatus>) -> Phase {
    use types::TableStatus as S;
    match status {
        Some(S::Active | S::Archived) => Phase::Ready,
        Some(status @ (S::Creating | S::Updating)) => Phase::Busy(busy(status)),
        Some(status @ S::Deleting) => Phase::Leaving(busy(status)),
        // ARCHIVING, INACCESSIBLE_ENCRYPTION_CREDENTIALS, and what AWS may invent.
        Some(_) | None => Phase::Unusable,
    }
}

fn busy(status: &types::TableStatus) -> Wait {
    let seconds = if *status == types::TableStatus::Updating { 10 } else { 5 };
    Wait {
        after: Duration::from_secs(seconds),
        message: format!("table in '{status}' state, cannot be modified or deleted"),
    }
}
