//! Secondary indexes.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Input;
use super::entries;
use super::keys;
use super::phase::Phase;
use super::phase::Status;
use super::table::Billing;
use super::throughput::Throughput;
use crate::failure::Failure;
use crate::shape::json::validation;

const INVALID: &str = "One or more parameter values were invalid: ";
const MAX_LOCAL: usize = 5;
/// Global indexes that a table may have.
pub(super) const MAX_GLOBAL: usize = 20;

/// A global secondary index.
#[derive(Clone, Debug)]
pub(super) struct GlobalIndex {
    pub(super) name: String,
    pub(super) key_schema: Vec<Value>,
    projection: Value,
    pub(super) throughput: Throughput,
    pub(super) on_demand: Option<Value>,
    pub(super) phase: Phase,
    /// Made after the table, and hence filled from it.
    backfilled: bool,
}

impl GlobalIndex {
    /// Reads an index; what contradicts itself or the table's billing is refused.
    pub(super) fn read(
        value: &Value,
        definitions: &[Value],
        billing: Billing,
        phase: Phase,
        backfilled: bool,
    ) -> Result<Self, Failure> {
        let name = value["IndexName"].as_str().unwrap_or_default().to_owned();
        let key_schema = value["KeySchema"].as_array().cloned().unwrap_or_default();
        keys::check(&key_schema, definitions)?;
        check_projection(&value["Projection"])?;
        let given = value.get("ProvisionedThroughput");
        let throughput = match (billing, given) {
            (Billing::PayPerRequest, None) => Throughput::default(),
            (Billing::PayPerRequest, Some(_)) => {
                return Err(validation(format!(
                    "{INVALID}ProvisionedThroughput should not be specified for index: {name} when \
                     BillingMode is PAY_PER_REQUEST"
                )));
            }
            (Billing::Provisioned, None) => {
                return Err(validation(format!(
                    "{INVALID}ProvisionedThroughput must be specified for index: {name}"
                )));
            }
            (Billing::Provisioned, Some(given)) => Throughput::read(given)?,
        };
        let on_demand = value.get("OnDemandThroughput").cloned();
        if on_demand.is_some() && billing == Billing::Provisioned {
            return Err(validation(format!(
                "{INVALID}OnDemandThroughput should not be specified for index: {name} when \
                 BillingMode is PROVISIONED"
            )));
        }
        Ok(Self {
            name,
            key_schema,
            projection: value["Projection"].clone(),
            throughput,
            on_demand,
            phase,
            backfilled,
        })
    }

    /// As descriptions of the table show it.
    pub(super) fn describe(&self, table_arn: &str, billing: Billing) -> Value {
        let mut out = json!({
            "IndexArn": format!("{table_arn}/index/{}", self.name),
            "IndexName": self.name,
            "IndexSizeBytes": 0,
            "IndexStatus": self.phase.name(),
            "ItemCount": 0,
            "KeySchema": self.key_schema,
            "Projection": self.projection,
            "ProvisionedThroughput": self.throughput.describe(),
            "WarmThroughput": self.throughput.warm(billing, self.phase.status()),
        });
        if self.backfilled && self.phase.status() == Status::Creating {
            out["Backfilling"] = json!(true);
        }
        if let Some(limits) = &self.on_demand {
            out["OnDemandThroughput"] = limits.clone();
        }
        out
    }
}

fn check_projection(projection: &Value) -> Result<(), Failure> {
    let kind = projection["ProjectionType"].as_str().unwrap_or("null");
    let others = !projection["NonKeyAttributes"].is_null();
    match (kind, others) {
        ("ALL" | "KEYS_ONLY", false) | ("INCLUDE", true) => Ok(()),
        ("INCLUDE", false) => Err(validation(format!(
            "{INVALID}ProjectionType is INCLUDE, but NonKeyAttributes is not specified"
        ))),
        ("ALL" | "KEYS_ONLY", true) => Err(validation(format!(
            "{INVALID}ProjectionType is {kind}, but NonKeyAttributes is specified"
        ))),
        _ => Err(validation(format!("{INVALID}Unknown ProjectionType: {kind}"))),
    }
}

/// The global indexes of a new table.
pub(super) fn read_global(
    input: &Input,
    definitions: &[Value],
    billing: Billing,
    due: Timestamp,
) -> Result<Vec<GlobalIndex>, Failure> {
    let given = entries(input, "GlobalSecondaryIndexes");
    if input.contains_key("GlobalSecondaryIndexes") && given.is_empty() {
        return Err(validation(format!("{INVALID}List of GlobalSecondaryIndexes is empty")));
    }
    let phase = Phase::until(Status::Creating, due, Status::Active);
    let indexes: Vec<GlobalIndex> = given
        .iter()
        .map(|value| GlobalIndex::read(value, definitions, billing, phase, false))
        .collect::<Result<_, _>>()?;
    distinct(indexes.iter().map(|index| index.name.as_str()))?;
    if indexes.len() > MAX_GLOBAL {
        return Err(validation(format!(
            "{INVALID}GlobalSecondaryIndex count exceeds the per-table limit of {MAX_GLOBAL}"
        )));
    }
    Ok(indexes)
}

/// Descriptions of the local indexes of a new table.
pub(super) fn read_local(
    input: &Input,
    definitions: &[Value],
    table_keys: &[Value],
    table_arn: &str,
) -> Result<Vec<Value>, Failure> {
    let given = entries(input, "LocalSecondaryIndexes");
    if !input.contains_key("LocalSecondaryIndexes") {
        return Ok(Vec::new());
    }
    if given.is_empty() {
        return Err(validation(format!("{INVALID}List of LocalSecondaryIndexes is empty")));
    }
    if table_keys.len() != 2 {
        return Err(validation(format!(
            "{INVALID}Table KeySchema does not have a range key, which is required when specifying \
             a LocalSecondaryIndex"
        )));
    }
    let table_hash = table_keys[0]["AttributeName"].as_str().unwrap_or_default();
    let mut out = Vec::new();
    for value in given {
        let name = value["IndexName"].as_str().unwrap_or_default();
        let schema = value["KeySchema"].as_array().map_or(&[][..], Vec::as_slice);
        keys::check(schema, definitions)?;
        if schema.len() != 2 {
            return Err(validation(format!(
                "{INVALID}Index KeySchema does not have a range key for index: {name}"
            )));
        }
        let hash = schema[0]["AttributeName"].as_str().unwrap_or_default();
        if hash != table_hash {
            return Err(validation(format!(
                "{INVALID}Index KeySchema does not have the same leading hash key as table \
                 KeySchema for index: {name}. index hash key: {hash}, table hash key: {table_hash}"
            )));
        }
        check_projection(&value["Projection"])?;
        out.push(json!({
            "IndexArn": format!("{table_arn}/index/{name}"),
            "IndexName": name,
            "IndexSizeBytes": 0,
            "ItemCount": 0,
            "KeySchema": schema,
            "Projection": value["Projection"],
        }));
    }
    distinct(out.iter().filter_map(|index| index["IndexName"].as_str()))?;
    if out.len() > MAX_LOCAL {
        return Err(validation(format!(
            "{INVALID}Number of LocalSecondaryIndexes exceeds per-table limit of {MAX_LOCAL}"
        )));
    }
    Ok(out)
}

fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(validation(format!("{INVALID}Duplicate index name: {name}")));
        }
    }
    Ok(())
}
