//! Provisioned throughput: bounds, changes, and what is told of the past.

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::phase::Status;
use super::table::Billing;
use super::table::seconds;
use crate::failure::Failure;
use crate::shape::json::validation;

/// More than this AWS calls out of bounds.
const MAX_UNITS: i64 = 1_000_000_000_000;

/// The provisioned throughput of a table or an index; zero when paid per request.
#[derive(Clone, Debug, Default)]
pub(super) struct Throughput {
    read: i64,
    write: i64,
    increased: Option<Timestamp>,
    decreased: Option<Timestamp>,
    decreases_today: i64,
}

impl Throughput {
    /// Reads a `ProvisionedThroughput` member.
    pub(super) fn read(value: &Value) -> Result<Self, Failure> {
        let units = |name: &str| {
            let units = value[name].as_i64().unwrap_or_default();
            if units > MAX_UNITS {
                return Err(validation(format!("Given value {units} for {name} is out of bounds")));
            }
            Ok(units)
        };
        Ok(Self {
            read: units("ReadCapacityUnits")?,
            write: units("WriteCapacityUnits")?,
            ..Self::default()
        })
    }

    /// Goes over to new units; `what` is whose they are.
    ///
    /// # Errors
    /// `ValidationException` when they are the ones that it has: AWS refuses what changes nothing.
    pub(super) fn change(
        &mut self,
        wanted: &Self,
        now: Timestamp,
        what: &str,
    ) -> Result<(), Failure> {
        if (self.read, self.write) == (wanted.read, wanted.write) {
            return Err(validation(format!(
                "The provisioned throughput for the {what} will not change. The requested value \
                 equals the current value. Current ReadCapacityUnits provisioned for the {what}: \
                 {}. Requested ReadCapacityUnits: {}. Current WriteCapacityUnits provisioned for \
                 the {what}: {}. Requested WriteCapacityUnits: {}. Refer to the Amazon DynamoDB \
                 Developer Guide for current limits and how to request higher limits.",
                self.read, wanted.read, self.write, wanted.write
            )));
        }
        if wanted.read > self.read || wanted.write > self.write {
            self.increased = Some(now);
        }
        if wanted.read < self.read || wanted.write < self.write {
            self.decreased = Some(now);
            self.decreases_today += 1;
        }
        (self.read, self.write) = (wanted.read, wanted.write);
        Ok(())
    }

    /// Gives up provisioned units.
    pub(super) fn clear(&mut self) {
        (self.read, self.write) = (0, 0);
    }

    /// As descriptions show it.
    pub(super) fn describe(&self) -> Value {
        let mut out = json!({
            "NumberOfDecreasesToday": self.decreases_today,
            "ReadCapacityUnits": self.read,
            "WriteCapacityUnits": self.write,
        });
        if let Some(time) = self.increased {
            out["LastIncreaseDateTime"] = json!(seconds(time));
        }
        if let Some(time) = self.decreased {
            out["LastDecreaseDateTime"] = json!(seconds(time));
        }
        out
    }

    /// What can be read and written at once: what is provisioned, or where AWS starts on demand.
    pub(super) fn warm(&self, billing: Billing, status: Status) -> Value {
        let (read, write) = match billing {
            Billing::Provisioned => (self.read, self.write),
            Billing::PayPerRequest => (12_000, 4_000),
        };
        let status = if status == Status::Active { "ACTIVE" } else { "UPDATING" };
        json!({ "ReadUnitsPerSecond": read, "Status": status, "WriteUnitsPerSecond": write })
    }
}
