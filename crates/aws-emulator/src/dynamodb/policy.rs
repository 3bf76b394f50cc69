//! Resource policies of tables.

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::table::Policy;
use super::text;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::shape::json::validation;

/// Longest policy.
const MAX_BYTES: usize = 20 * 1024;
/// What `ExpectedRevisionId` says to put a policy only where there is none.
const NO_POLICY: &str = "NO_POLICY";

/// Reads a policy as far as DynamoDB checks it: JSON, with statements that say who may what.
pub(super) fn read(policy: &str, world: &mut World) -> Result<Policy, Failure> {
    let invalid = |what: &str| Err(validation(format!("Invalid policy document: {what}")));
    if policy.len() > MAX_BYTES {
        return invalid("The policy is longer than 20 KB");
    }
    let Ok(document) = serde_json::from_str::<Value>(policy) else {
        return invalid("The policy is not valid JSON");
    };
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        statement @ Value::Object(_) => std::slice::from_ref(statement),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => &[],
    };
    if statements.is_empty() {
        return invalid("The policy has no statement");
    }
    for statement in statements {
        for (name, other) in [
            ("Effect", "Effect"),
            ("Principal", "NotPrincipal"),
            ("Action", "NotAction"),
            ("Resource", "NotResource"),
        ] {
            if statement[name].is_null() && statement[other].is_null() {
                return invalid(&format!("A statement has no {name}"));
            }
        }
    }
    let revision = world.ids.uuid();
    Ok(Policy { text: policy.to_owned(), revision })
}

fn not_found(arn: &str) -> Failure {
    let message = format!("Resource-based policy not found for the provided ResourceArn: {arn}");
    Failure::new(400, "PolicyNotFoundException", message)
}

/// Whether the policy is the revision that a request expects, if it expects one.
fn expected(input: &Input, policy: Option<&Policy>) -> Result<(), Failure> {
    let Some(expected) = input.get("ExpectedRevisionId").and_then(Value::as_str) else {
        return Ok(());
    };
    let found = policy.map_or(NO_POLICY, |policy| policy.revision.as_str());
    if found == expected { Ok(()) } else { Err(not_found(text(input, "ResourceArn"))) }
}

/// GetResourcePolicy.
pub(super) fn get(world: &mut World, caller: &Caller, input: &Input) -> Result<Value, Failure> {
    let table = world.dynamodb.by_arn(caller, input)?;
    let policy = table.policy.as_ref().ok_or_else(|| not_found(text(input, "ResourceArn")))?;
    Ok(json!({ "Policy": policy.text, "RevisionId": policy.revision }))
}

/// PutResourcePolicy. The policy that is there already keeps its revision.
pub(super) fn put(world: &mut World, caller: &Caller, input: &Input) -> Result<Value, Failure> {
    let policy = read(text(input, "Policy"), world)?;
    let table = world.dynamodb.by_arn(caller, input)?;
    table.at_rest()?;
    expected(input, table.policy.as_ref())?;
    match &table.policy {
        Some(known) if known.text == policy.text => Ok(json!({ "RevisionId": known.revision })),
        Some(_) | None => {
            let answer = json!({ "RevisionId": policy.revision });
            table.policy = Some(policy);
            Ok(answer)
        }
    }
}

/// DeleteResourcePolicy: deleting what is not there succeeds, unless a revision is expected.
pub(super) fn delete(world: &mut World, caller: &Caller, input: &Input) -> Result<Value, Failure> {
    let table = world.dynamodb.by_arn(caller, input)?;
    table.at_rest()?;
    if table.policy.is_none() && input.contains_key("ExpectedRevisionId") {
        return Err(not_found(text(input, "ResourceArn")));
    }
    expected(input, table.policy.as_ref())?;
    let revision = table.policy.take().map(|policy| policy.revision);
    Ok(json!({ "RevisionId": revision.unwrap_or_default() }))
}
