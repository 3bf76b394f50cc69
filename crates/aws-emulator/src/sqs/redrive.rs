//! Redrive policies: checked, and answered as SQS writes them.

use serde_json::Value;
use serde_json::json;

use crate::failure::Failure;

fn refused(text: &str, parameter: &str, reason: &str) -> Failure {
    let message = format!("Value {text} for parameter {parameter} is invalid. Reason: {reason}");
    Failure::new(400, "InvalidParameterValue", message)
}

/// `{"deadLetterTargetArn": …, "maxReceiveCount": …}`; the count may come as a string and is answered
/// as a number.
pub(super) fn policy(text: &str) -> Result<String, Failure> {
    const NAME: &str = "RedrivePolicy";
    let given: Value = serde_json::from_str(text)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| refused(text, NAME, "Redrive policy is not a valid JSON map."))?;
    for name in given.as_object().into_iter().flatten().map(|(name, _)| name) {
        if !["deadLetterTargetArn", "maxReceiveCount"].contains(&name.as_str()) {
            let reason = format!("Unknown redrive policy attribute: {name}.");
            return Err(refused(text, NAME, &reason));
        }
    }
    let Some(target) = given["deadLetterTargetArn"].as_str() else {
        let reason = "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.";
        return Err(refused(text, NAME, reason));
    };
    let count = match &given["maxReceiveCount"] {
        Value::Null => {
            let reason = "Redrive policy does not contain mandatory attribute: maxReceiveCount.";
            return Err(refused(text, NAME, reason));
        }
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let Some(count) = count.filter(|count| (1..=1000).contains(count)) else {
        let reason = format!(
            "Invalid value for maxReceiveCount: {}, valid values are from 1 to 1000 both inclusive.",
            given["maxReceiveCount"]
        );
        return Err(refused(text, NAME, &reason));
    };
    let parts: Vec<&str> = target.split(':').collect();
    if !matches!(parts[..], ["arn", _, "sqs", _, _, _]) {
        return Err(refused(text, NAME, "Invalid value for deadLetterTargetArn."));
    }
    Ok(json!({ "deadLetterTargetArn": target, "maxReceiveCount": count }).to_string())
}

/// The ARN of the queue that a checked redrive policy names.
pub(super) fn target(policy: &str) -> Option<String> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    policy["deadLetterTargetArn"].as_str().map(str::to_owned)
}

/// A redrive policy that names what can't be the target.
pub(super) fn bad_target(policy: &str, reason: &str) -> Failure {
    refused(policy, "RedrivePolicy", reason)
}

/// `{"redrivePermission": …, "sourceQueueArns": […]}`
pub(super) fn allow_policy(text: &str) -> Result<String, Failure> {
    const NAME: &str = "RedriveAllowPolicy";
    let given: Value = serde_json::from_str(text)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| refused(text, NAME, "Amazon SQS can't create the redrive allow policy, as it’s in an unsupported format."))?;
    for name in given.as_object().into_iter().flatten().map(|(name, _)| name) {
        if !["redrivePermission", "sourceQueueArns"].contains(&name.as_str()) {
            let reason = format!("Unknown redrive allow policy attribute: {name}.");
            return Err(refused(text, NAME, &reason));
        }
    }
    let sources = given["sourceQueueArns"].as_array();
    match (given["redrivePermission"].as_str(), sources) {
        (Some("allowAll" | "denyAll"), None) => {}
        (Some("byQueue"), Some(sources)) if (1..=10).contains(&sources.len()) => {}
        (Some("allowAll" | "denyAll" | "byQueue"), _) => {
            let reason =
                "sourceQueueArns must name 1 to 10 queues with byQueue, and none otherwise.";
            return Err(refused(text, NAME, reason));
        }
        (Some(_) | None, _) => {
            let reason = "redrivePermission must be one of allowAll, denyAll and byQueue.";
            return Err(refused(text, NAME, reason));
        }
    }
    Ok(given.to_string())
}
