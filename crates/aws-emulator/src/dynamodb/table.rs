//! A table: its state, its changes of status, its description.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::index::GlobalIndex;
use super::phase::Phase;
use super::phase::Status;
use super::replica::Replica;
use super::throughput::Throughput;
use crate::failure::Failure;

/// How reads and writes are paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Billing {
    Provisioned,
    PayPerRequest,
}

impl Billing {
    /// As the API writes it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Provisioned => "PROVISIONED",
            Self::PayPerRequest => "PAY_PER_REQUEST",
        }
    }
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) phase: Phase,
    pub(super) attributes: Vec<Value>,
    /// Definitions that no key uses any more. An index may come back without defining them again:
    /// the published controllers' tests do so, and pass on AWS.
    pub(super) retired: Vec<Value>,
    pub(super) key_schema: Vec<Value>,
    pub(super) billing: Billing,
    /// When the table went over to paying per request. AWS shows the billing mode only of tables
    /// that have paid per request at some time.
    pub(super) pay_per_request_since: Option<Timestamp>,
    pub(super) throughput: Throughput,
    pub(super) on_demand: Option<Value>,
    pub(super) global_indexes: Vec<GlobalIndex>,
    /// Descriptions of the local indexes, which never change.
    pub(super) local_indexes: Vec<Value>,
    pub(super) stream: Option<Stream>,
    pub(super) encryption: Option<Encryption>,
    /// The class and when it was changed; `None` for a table that never had one named.
    pub(super) class: Option<(String, Option<Timestamp>)>,
    /// The class that the table has once it is no longer UPDATING.
    pub(super) next_class: Option<(String, Option<Timestamp>)>,
    pub(super) deletion_protection: bool,
    /// Copies in other regions.
    pub(super) replicas: BTreeMap<String, Replica>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) time_to_live: TimeToLive,
    pub(super) recovery: Option<Recovery>,
    pub(super) policy: Option<Policy>,
    /// Contributor insights of the table (no name) and of its indexes.
    pub(super) insights: BTreeMap<Option<String>, Insights>,
}

/// The latest stream of a table.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// What it shows while it is on.
    pub(super) view: Option<String>,
    pub(super) label: String,
}

/// Encryption with a key of the account.
#[derive(Clone, Debug)]
pub(super) struct Encryption {
    pub(super) phase: Phase,
    pub(super) key: String,
}

/// Expiry of items.
#[derive(Clone, Debug)]
pub(super) struct TimeToLive {
    pub(super) phase: Phase,
    pub(super) attribute: String,
}

/// Recovery to a point in time, switched on.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    pub(super) days: i64,
    pub(super) since: Timestamp,
}

/// A resource policy, as it was put.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) text: String,
    pub(super) revision: String,
}

/// Contributor insights.
#[derive(Clone, Debug)]
pub(super) struct Insights {
    pub(super) phase: Phase,
    pub(super) mode: String,
    pub(super) changed: Timestamp,
}

impl Table {
    /// Lets changes of status happen that are due; false when the table is gone.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        let indexes = self.global_indexes.len();
        self.global_indexes.retain_mut(|index| index.phase.advance(now));
        if self.global_indexes.len() < indexes {
            self.prune_attributes();
        }
        self.replicas.retain(|_, replica| replica.phase.advance(now));
        if let Some(encryption) = &mut self.encryption
            && !encryption.phase.advance(now)
        {
            self.encryption = None;
        }
        self.time_to_live.phase.advance(now);
        for insights in self.insights.values_mut() {
            insights.phase.advance(now);
        }
        let stays = self.phase.advance(now);
        if self.phase.status() != Status::Updating
            && let Some(class) = self.next_class.take()
        {
            self.class = Some(class);
        }
        stays
    }

    /// Refuses a change of a table that is not at rest.
    pub(super) fn at_rest(&self) -> Result<(), Failure> {
        let doing = match self.phase.status() {
            Status::Creating => "created",
            Status::Deleting => "deleted",
            Status::Updating => "updated",
            Status::Active
            | Status::Available
            | Status::Disabled
            | Status::Disabling
            | Status::Enabled
            | Status::Enabling => return Ok(()),
        };
        let message = format!(
            "Attempt to change a resource which is still in use: Table is being {doing}: {}",
            self.name
        );
        Err(Failure::new(400, "ResourceInUseException", message))
    }

    /// Gives up definitions of attributes that no key uses.
    pub(super) fn prune_attributes(&mut self) {
        let local = self.local_indexes.iter().map(|index| &index["KeySchema"]);
        let global = self.global_indexes.iter().flat_map(|index| &index.key_schema);
        let used: Vec<Value> = self
            .key_schema
            .iter()
            .chain(local.filter_map(Value::as_array).flatten())
            .chain(global)
            .map(|key| key["AttributeName"].clone())
            .collect();
        let unused = |attribute: &Value| !used.contains(&attribute["AttributeName"]);
        self.retired.retain(unused);
        for attribute in self.attributes.extract_if(.., |attribute| unused(attribute)) {
            if !self.retired.contains(&attribute) {
                self.retired.push(attribute);
            }
        }
    }

    /// The ARN of the latest stream.
    fn stream_arn(&self, stream: &Stream) -> String {
        format!("{}/stream/{}", self.arn, stream.label)
    }

    /// What DescribeTable says.
    pub(super) fn describe(&self) -> Value {
        let mut out = json!({
            "AttributeDefinitions": self.attributes,
            "CreationDateTime": seconds(self.created),
            "DeletionProtectionEnabled": self.deletion_protection,
            "ItemCount": 0,
            "KeySchema": self.key_schema,
            "ProvisionedThroughput": self.throughput.describe(),
            "TableArn": self.arn,
            "TableId": self.id,
            "TableName": self.name,
            "TableSizeBytes": 0,
            "TableStatus": self.phase.name(),
            "WarmThroughput": self.throughput.warm(self.billing, self.phase.status()),
        });
        if let Some(since) = self.pay_per_request_since {
            out["BillingModeSummary"] = json!({
                "BillingMode": self.billing.name(),
                "LastUpdateToPayPerRequestDateTime": seconds(since),
            });
        }
        if let Some(limits) = &self.on_demand {
            out["OnDemandThroughput"] = limits.clone();
        }
        if !self.global_indexes.is_empty() {
            out["GlobalSecondaryIndexes"] = self
                .global_indexes
                .iter()
                .map(|index| index.describe(&self.arn, self.billing))
                .collect();
        }
        if !self.local_indexes.is_empty() {
            out["LocalSecondaryIndexes"] = json!(self.local_indexes);
        }
        if let Some(stream) = &self.stream {
            if let Some(view) = &stream.view {
                out["StreamSpecification"] =
                    json!({ "StreamEnabled": true, "StreamViewType": view });
            }
            out["LatestStreamArn"] = json!(self.stream_arn(stream));
            out["LatestStreamLabel"] = json!(stream.label);
        }
        if let Some(encryption) = self.describe_encryption() {
            out["SSEDescription"] = encryption;
        }
        if let Some((class, changed)) = &self.class {
            out["TableClassSummary"] = json!({ "TableClass": class });
            if let Some(changed) = changed {
                out["TableClassSummary"]["LastUpdateDateTime"] = json!(seconds(*changed));
            }
        }
        if !self.replicas.is_empty() {
            out["GlobalTableVersion"] = json!("2019.11.21");
            out["Replicas"] =
                self.replicas.iter().map(|(region, replica)| replica.describe(region)).collect();
        }
        out
    }

    /// The encryption, if it is with a key of the account.
    pub(super) fn describe_encryption(&self) -> Option<Value> {
        self.encryption.as_ref().map(|encryption| {
            json!({
                "KMSMasterKeyArn": encryption.key,
                "SSEType": "KMS",
                "Status": encryption.phase.name(),
            })
        })
    }

    /// The expiry of items.
    pub(super) fn describe_time_to_live(&self) -> Value {
        let TimeToLive { phase, attribute } = &self.time_to_live;
        let mut out = json!({ "TimeToLiveStatus": phase.name() });
        if phase.status() != Status::Disabled {
            out["AttributeName"] = json!(attribute);
        }
        out
    }

    /// The description without times and generated identifiers, and with what other calls show.
    pub(super) fn dump(&self) -> Value {
        let mut out = self.describe();
        out["Tags"] = json!(self.tags);
        out["TimeToLive"] = self.describe_time_to_live();
        out["PointInTimeRecoveryDays"] = json!(self.recovery.as_ref().map(|r| r.days));
        out["ResourcePolicy"] = json!(self.policy.as_ref().map(|policy| &policy.text));
        out["ContributorInsights"] = self
            .insights
            .iter()
            .map(|(index, insights)| (index.clone().unwrap_or_default(), insights.phase.name()))
            .collect();
        remove_volatile(&mut out);
        out
    }
}

/// Seconds since the epoch with milliseconds, as DynamoDB writes times.
pub(super) fn seconds(time: Timestamp) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds fit a double for ages to come")]
    let milliseconds = time.as_millisecond() as f64;
    milliseconds / 1000.0
}

fn remove_volatile(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| {
                !name.ends_with("DateTime")
                    && !["TableId", "LatestStreamArn", "LatestStreamLabel"].contains(&name.as_str())
            });
            members.values_mut().for_each(remove_volatile);
        }
        Value::Array(entries) => entries.iter_mut().for_each(remove_volatile),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
