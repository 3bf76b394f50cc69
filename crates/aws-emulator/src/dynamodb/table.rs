//! A table: its state, its changes of status, its description.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::throughput::Throughput;
use crate::failure::Failure;

/// Where a table is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

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
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    pub(super) status: Status,
    /// When the status changes by itself.
    pub(super) due: Timestamp,
    pub(super) attributes: Vec<Value>,
    pub(super) key_schema: Vec<Value>,
    pub(super) billing: Billing,
    /// When the table went over to paying per request. AWS shows the billing mode only of tables
    /// that have paid per request at some time.
    pub(super) pay_per_request_since: Option<Timestamp>,
    pub(super) throughput: Throughput,
    /// The class and when it was changed; `None` for a table that never had one named.
    pub(super) class: Option<(String, Option<Timestamp>)>,
    pub(super) deletion_protection: bool,
    pub(super) tags: BTreeMap<String, String>,
}

impl Table {
    /// Lets changes of status happen that are due; false when the table is gone.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        if self.due > now {
            return true;
        }
        match self.status {
            Status::Active => {}
            Status::Creating | Status::Updating => self.status = Status::Active,
            Status::Deleting => return false,
        }
        true
    }

    /// Refuses a change of a table that is not at rest.
    pub(super) fn at_rest(&self) -> Result<(), Failure> {
        let doing = match self.status {
            Status::Active => return Ok(()),
            Status::Creating => "created",
            Status::Updating => "updated",
            Status::Deleting => "deleted",
        };
        let message = format!(
            "Attempt to change a resource which is still in use: Table is being {doing}: {}",
            self.name
        );
        Err(Failure::new(400, "ResourceInUseException", message))
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
            "TableStatus": self.status.name(),
        });
        if let Some(since) = self.pay_per_request_since {
            out["BillingModeSummary"] = json!({
                "BillingMode": self.billing.name(),
                "LastUpdateToPayPerRequestDateTime": seconds(since),
            });
        }
        if let Some((class, changed)) = &self.class {
            out["TableClassSummary"] = json!({ "TableClass": class });
            if let Some(changed) = changed {
                out["TableClassSummary"]["LastUpdateDateTime"] = json!(seconds(*changed));
            }
        }
        out
    }

    /// The description without times and generated identifiers, and with what other calls show.
    pub(super) fn dump(&self) -> Value {
        let mut out = self.describe();
        remove_volatile(&mut out);
        out["Tags"] = json!(self.tags);
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
            members.retain(|name, _| !name.ends_with("DateTime") && name != "TableId");
            members.values_mut().for_each(remove_volatile);
        }
        Value::Array(entries) => entries.iter_mut().for_each(remove_volatile),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
