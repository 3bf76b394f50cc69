//! The kind `GlobalTable`: tables of one name in several regions, as of 2017.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_global_table::builders::CreateGlobalTableInputBuilder;
use aws_sdk_dynamodb::operation::update_global_table::builders::UpdateGlobalTableInputBuilder;
use aws_sdk_dynamodb::types;

use super::shapes::GlobalTableSpec;
use super::shapes::GlobalTableStatus;
use super::shapes::Replica;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::Kind;
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

/// A DynamoDB global table.
#[derive(Debug)]
pub enum GlobalTable {}

/// A request that makes or changes a global table.
#[derive(Clone, Debug, PartialEq)]
pub enum GlobalTableCall {
    /// Makes it.
    Create(CreateGlobalTableInputBuilder),
    /// Adds or removes regions.
    Update(UpdateGlobalTableInputBuilder),
}

impl Resource for GlobalTable {
    const KIND: Kind = Kind {
        service: "dynamodb",
        kind: "GlobalTable",
        plural: "globaltables",
        columns: &[],
        rules: &[],
        terminal: &[],
        missing: &["GlobalTableNotFoundException"],
        exists: &["GlobalTableAlreadyExistsException"],
        adoption_key: "globalTableName",
    };
    type Spec = GlobalTableSpec;
    type Status = GlobalTableStatus;
    type Call = GlobalTableCall;

    fn canonical(_spec: &mut GlobalTableSpec) {}

    fn in_form_of(_spec: &mut GlobalTableSpec, _user: &GlobalTableSpec) {}

    fn tags(_spec: &GlobalTableSpec) -> Tags {
        Tags::new()
    }

    /// Global tables have no tags.
    fn set_tags(_spec: &mut GlobalTableSpec, _tags: Tags) {}

    fn identity(spec: &GlobalTableSpec) -> Option<&str> {
        spec.global_table_name.as_deref()
    }

    fn identify(spec: &mut GlobalTableSpec, id: &str) {
        spec.global_table_name = Some(id.to_owned());
    }

    fn create(desired: &GlobalTableSpec, _place: &Place) -> Result<GlobalTableCall, Unfit> {
        let input = desired.fill_create(CreateGlobalTableInputBuilder::default())?;
        Ok(GlobalTableCall::Create(input))
    }

    /// One region at a time.
    // Differs from ACK, whose update names no region and so changes nothing.
    fn update(
        desired: &GlobalTableSpec,
        latest: &Observed<Self>,
        delta: &Delta,
        _place: &Place,
    ) -> Result<Plan<GlobalTableCall>, Unfit> {
        if delta.touches("spec.globalTableName") {
            let then = Then::Refuse("spec.globalTableName can't be changed".to_owned());
            return Ok(Plan { calls: Vec::new(), then });
        }
        let (wanted, found) = (regions(desired), regions(&latest.spec));
        let new = wanted.iter().find(|region| !found.contains(region));
        let gone = found.iter().find(|region| !wanted.contains(region));
        let update = match (new, gone) {
            (Some(region), _) => added(region)?,
            (None, Some(region)) => removed(region)?,
            (None, None) => return Ok(Plan { calls: Vec::new(), then: Then::Settled }),
        };
        let input = UpdateGlobalTableInputBuilder::default()
            .set_global_table_name(desired.global_table_name.clone())
            .replica_updates(update);
        Ok(Plan { calls: vec![GlobalTableCall::Update(input)], then: Then::Wait(updating()) })
    }

    /// There is no request that deletes one: it is gone with its regions.
    fn delete(
        desired: &GlobalTableSpec,
        latest: &Observed<Self>,
        _place: &Place,
    ) -> Plan<GlobalTableCall> {
        let updates: Vec<types::ReplicaUpdate> =
            regions(&latest.spec).iter().filter_map(|region| removed(region).ok()).collect();
        let calls = if updates.is_empty() {
            Vec::new()
        } else {
            let input = UpdateGlobalTableInputBuilder::default()
                .set_global_table_name(desired.global_table_name.clone())
                .set_replica_updates(Some(updates));
            vec![GlobalTableCall::Update(input)]
        };
        Plan { calls, then: Then::Settled }
    }

    async fn read(
        aws: &Regional,
        asked: &Asked<'_, Self>,
        _place: &Place,
    ) -> Result<Option<Observed<Self>>, Failure> {
        let name = asked.desired.global_table_name.clone();
        let answer = aws
            .dynamodb
            .describe_global_table()
            .set_global_table_name(name.clone())
            .send()
            .await
            .map_err(Failure::from);
        let found = match answer {
            Ok(answer) => answer.global_table_description,
            Err(failure) if failure.has_code(Self::KIND.missing) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let Some(found) = found else { return Ok(None) };
        use types::GlobalTableStatus as S;
        let phase = match found.global_table_status.as_ref() {
            Some(S::Active) => Phase::Ready,
            Some(S::Creating | S::Updating) => Phase::Busy(updating()),
            Some(S::Deleting) => Phase::Leaving(updating()),
            Some(_) | None => Phase::Unusable,
        };
        let replicas = found.replication_group.as_ref().map(FromSdk::from_sdk);
        Ok(Some(Observed {
            spec: GlobalTableSpec { global_table_name: name, replication_group: replicas },
            status: GlobalTableStatus::from_sdk(&found),
            arn: found.global_table_arn.unwrap_or_default(),
            phase,
        }))
    }

    async fn send(aws: &Regional, call: GlobalTableCall) -> Result<(), Failure> {
        match call {
            GlobalTableCall::Create(input) => drop(input.send_with(&aws.dynamodb).await?),
            GlobalTableCall::Update(input) => drop(input.send_with(&aws.dynamodb).await?),
        }
        Ok(())
    }
}

fn updating() -> Wait {
    Wait {
        after: Duration::from_secs(10),
        message: "global table is being changed, cannot be modified or deleted".to_owned(),
    }
}

fn regions(spec: &GlobalTableSpec) -> Vec<String> {
    let replicas: &[Replica] = spec.replication_group.as_deref().unwrap_or_default();
    replicas.iter().filter_map(|replica| replica.region_name.clone()).collect()
}

fn added(region: &str) -> Result<types::ReplicaUpdate, Unfit> {
    let create = types::CreateReplicaAction::builder().region_name(region).build();
    let create = create.map_err(|error| Unfit::at("replicationGroup", error.to_string()))?;
    Ok(types::ReplicaUpdate::builder().create(create).build())
}

fn removed(region: &str) -> Result<types::ReplicaUpdate, Unfit> {
    let delete = types::DeleteReplicaAction::builder().region_name(region).build();
    let delete = delete.map_err(|error| Unfit::at("replicationGroup", error.to_string()))?;
    Ok(types::ReplicaUpdate::builder().delete(delete).build())
}
