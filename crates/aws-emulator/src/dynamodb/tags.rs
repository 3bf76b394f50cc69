//! Tags of tables.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::entries;
use super::phase::Status;
use super::table::Table;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

/// Tags that a table may have.
const MAX_TAGS: usize = 50;
/// Tags in one page of ListTagsOfResource.
const PAGE: usize = 10;

/// Reads a list of tags.
pub(super) fn read(tags: &[Value]) -> Result<BTreeMap<String, String>, Failure> {
    const INVALID: &str = "One or more parameter values were invalid: ";
    let mut out = BTreeMap::new();
    for tag in tags {
        let key = tag["Key"].as_str().unwrap_or_default();
        let value = tag["Value"].as_str().unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = format!("{INVALID}Tag key {key} begins with the reserved prefix aws:");
            return Err(validation(message));
        }
        if out.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(validation(format!("{INVALID}Duplicate tag key: {key}")));
        }
    }
    too_many(out.len())?;
    Ok(out)
}

fn too_many(count: usize) -> Result<(), Failure> {
    if count <= MAX_TAGS {
        return Ok(());
    }
    Err(validation(format!(
        "One or more parameter values were invalid: Too many tags, at most {MAX_TAGS} are allowed"
    )))
}

fn taggable<'w>(
    world: &'w mut World,
    caller: &Caller,
    input: &Input,
) -> Result<&'w mut Table, Failure> {
    let table = world.dynamodb.by_arn(caller, input)?;
    // Tags may change while the table does, not while it comes or goes.
    if table.phase.status() != Status::Updating {
        table.at_rest()?;
    }
    Ok(table)
}

/// TagResource.
pub(super) fn tag_resource(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let given = entries(input, "Tags");
    if given.is_empty() {
        return Err(validation("Atleast one Tag needs to be provided as Input."));
    }
    let given = read(given)?;
    let table = taggable(world, caller, input)?;
    let mut tags = table.tags.clone();
    tags.extend(given);
    too_many(tags.len())?;
    table.tags = tags;
    Ok(Value::Null)
}

/// UntagResource.
pub(super) fn untag_resource(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let keys = entries(input, "TagKeys");
    if keys.is_empty() {
        return Err(validation("Atleast one Tag Key needs to be provided as Input."));
    }
    let table = taggable(world, caller, input)?;
    table.tags.retain(|key, _| !keys.iter().any(|gone| gone == key));
    Ok(Value::Null)
}

/// ListTagsOfResource.
pub(super) fn list_tags_of_resource(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let table = world.dynamodb.by_arn(caller, input)?;
    let after = input.get("NextToken").and_then(Value::as_str);
    let mut rest =
        table.tags.iter().filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
    let page: Vec<(&String, &String)> = rest.by_ref().take(PAGE).collect();
    let tags: Vec<Value> =
        page.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    let mut out = json!({ "Tags": tags });
    if rest.next().is_some() {
        out["NextToken"] = json!(page.last().map(|(key, _)| key));
    }
    Ok(out)
}
