//! The operations on queues.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

use super::Input;
use super::MAX_QUEUES;
use super::Place;
use super::Queue;
use super::Scene;
use super::attributes;
use super::does_not_exist;
use super::member;
use super::pairs;
use super::redrive;
use crate::cloud::World;
use crate::failure::Failure;

/// Tags that a queue may have.
const MAX_TAGS: usize = 50;
/// Queues in one page of a list.
const PAGE: u64 = 1000;

fn url(scene: &Scene<'_>, account: &str, name: &str) -> String {
    format!("http://{}/{account}/{name}", scene.host)
}

fn check_name(name: &str, fifo: bool) -> Result<(), Failure> {
    let stem = name.strip_suffix(".fifo");
    let well_formed = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    let message = match (fifo, stem) {
        _ if name.len() > 80 => {
            "Can only include alphanumeric characters, hyphens, or \
                                 underscores. 1 to 80 in length"
        }
        (true, Some(stem)) if well_formed(stem) => return Ok(()),
        (true, _) => {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
             underscores, must end with .fifo suffix and be 1 to 80 in length."
        }
        (false, None) if well_formed(name) => return Ok(()),
        (false, _) => {
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        }
    };
    Err(Failure::new(400, "InvalidParameterValue", message))
}

/// Whether the target of a redrive policy is a queue of the same kind here.
fn check_target(place: &Place, policy: Option<&String>, fifo: bool) -> Result<(), Failure> {
    let Some(policy) = policy else { return Ok(()) };
    let arn = redrive::target(policy).unwrap_or_default();
    let Some((name, _)) = place.queues.iter().find(|(_, queue)| queue.arn == arn) else {
        return Err(redrive::bad_target(policy, "Dead letter target does not exist."));
    };
    if name.ends_with(".fifo") != fifo {
        let reason = "Dead-letter queue must be same type of queue as the source.";
        return Err(redrive::bad_target(policy, reason));
    }
    Ok(())
}

/// CreateQueue. A queue that is there already and has the attributes asked for is the answer.
pub(super) fn create_queue(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let name = member(input, "QueueName");
    let fifo = pairs(input, "Attributes").any(|(key, value)| key == "FifoQueue" && value == "true");
    check_name(name, fifo)?;
    let read = attributes::read(pairs(input, "Attributes"), fifo)?;
    let tags: BTreeMap<String, String> =
        pairs(input, "tags").map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    check_tags(&tags)?;

    let now = world.now;
    let caller = scene.caller;
    let place = world.sqs.place(caller);
    let answer = json!({ "QueueUrl": url(scene, &caller.account, name) });
    if let Some(queue) = place.queues.get(name) {
        for (attribute, value) in &read {
            if queue.attributes.get(attribute) != value.as_ref() {
                let message = format!(
                    "A queue already exists with the same name and a different value for attribute \
                     {attribute}"
                );
                return Err(Failure::new(400, "QueueNameExists", message));
            }
        }
        return Ok(answer);
    }
    if place.deleted.contains_key(name) {
        return Err(Failure::new(
            400,
            "QueueDeletedRecently",
            "You must wait 60 seconds after deleting a queue before you can create another with the \
             same name.",
        ));
    }
    check_target(place, read.get("RedrivePolicy").and_then(Option::as_ref), fifo)?;
    if place.queues.len() >= MAX_QUEUES {
        return Err(Failure::new(400, "OverLimit", "There are too many queues."));
    }
    let mut values = attributes::defaults(fifo);
    attributes::apply(&mut values, &read);
    let arn = format!("arn:aws:sqs:{}:{}:{name}", caller.region, caller.account);
    let queue = Queue { arn, created: now, modified: now, attributes: values, tags };
    place.queues.insert(name.to_owned(), queue);
    Ok(answer)
}

/// DeleteQueue. For a while after it the name can't be used again.
pub(super) fn delete_queue(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    world.sqs.by_url(scene.caller, input)?;
    let name = member(input, "QueueUrl").rsplit('/').next().unwrap_or_default();
    let until = SignedDuration::try_from(world.settings.queue_name_delay)
        .ok()
        .and_then(|delay| world.now.checked_add(delay).ok())
        .unwrap_or(Timestamp::MAX);
    let place = world.sqs.place(scene.caller);
    place.queues.remove(name);
    if until > world.now {
        place.deleted.insert(name.to_owned(), until);
    }
    Ok(Value::Null)
}

/// GetQueueUrl.
pub(super) fn get_queue_url(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let name = member(input, "QueueName");
    let owner = input.get("QueueOwnerAWSAccountId").and_then(Value::as_str);
    let owner = owner.unwrap_or(&scene.caller.account);
    if owner != scene.caller.account || !world.sqs.place(scene.caller).queues.contains_key(name) {
        return Err(does_not_exist());
    }
    Ok(json!({ "QueueUrl": url(scene, owner, name) }))
}

/// GetQueueAttributes.
pub(super) fn get_queue_attributes(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let names: Vec<&str> = input
        .get("AttributeNames")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if let Some(name) = names.iter().find(|name| **name != "All" && !attributes::is_known(name)) {
        return Err(attributes::unknown(name));
    }
    let queue = world.sqs.by_url(scene.caller, input)?;
    let mut all: BTreeMap<&str, String> =
        queue.attributes.iter().map(|(name, value)| (*name, value.clone())).collect();
    for name in attributes::READ_ONLY {
        let value = match *name {
            "QueueArn" => queue.arn.clone(),
            "CreatedTimestamp" => queue.created.as_second().to_string(),
            "LastModifiedTimestamp" => queue.modified.as_second().to_string(),
            _ => "0".to_owned(),
        };
        all.insert(name, value);
    }
    if !names.contains(&"All") {
        all.retain(|name, _| names.contains(name));
    }
    Ok(if all.is_empty() { json!({}) } else { json!({ "Attributes": all }) })
}

/// SetQueueAttributes.
pub(super) fn set_queue_attributes(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let now = world.now;
    let fifo = world.sqs.by_url(scene.caller, input)?.attributes.contains_key("FifoQueue");
    let read = attributes::read(pairs(input, "Attributes"), fifo)?;
    let policy = read.get("RedrivePolicy").and_then(Option::as_ref);
    check_target(world.sqs.place(scene.caller), policy, fifo)?;
    let queue = world.sqs.by_url(scene.caller, input)?;
    attributes::apply(&mut queue.attributes, &read);
    queue.modified = now;
    Ok(Value::Null)
}

/// ListQueues.
pub(super) fn list_queues(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let prefix = member(input, "QueueNamePrefix");
    let after = member(input, "NextToken");
    let asked = input.get("MaxResults").and_then(Value::as_u64);
    let limit = usize::try_from(asked.unwrap_or(PAGE)).unwrap_or(usize::MAX);
    let place = world.sqs.place(scene.caller);
    let mut rest =
        place.queues.keys().filter(|name| name.starts_with(prefix) && name.as_str() > after);
    let page: Vec<&String> = rest.by_ref().take(limit).collect();
    let more = rest.next().is_some();
    let mut out = json!({});
    if !page.is_empty() {
        out["QueueUrls"] =
            page.iter().map(|name| url(scene, &scene.caller.account, name)).collect();
    }
    // Without a limit SQS cuts the list off and says nothing of the rest.
    if more && asked.is_some() {
        out["NextToken"] = json!(page.last());
    }
    Ok(out)
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Failure> {
    let refused = |message: &str| Err(Failure::new(400, "InvalidParameterValue", message));
    if tags.len() > MAX_TAGS {
        return refused("Too many tags added for queue");
    }
    for (key, value) in tags {
        if key.is_empty() || key.chars().count() > 128 {
            return refused("Tag keys must be between 1 and 128 characters in length.");
        }
        if value.chars().count() > 256 {
            return refused("Tag values may not exceed 256 characters.");
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return refused("Tag keys must not begin with the reserved prefix aws:");
        }
    }
    Ok(())
}

/// ListQueueTags.
pub(super) fn list_queue_tags(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let queue = world.sqs.by_url(scene.caller, input)?;
    Ok(if queue.tags.is_empty() { json!({}) } else { json!({ "Tags": queue.tags }) })
}

/// TagQueue.
pub(super) fn tag_queue(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let queue = world.sqs.by_url(scene.caller, input)?;
    let mut tags = queue.tags.clone();
    tags.extend(pairs(input, "Tags").map(|(key, value)| (key.to_owned(), value.to_owned())));
    check_tags(&tags)?;
    queue.tags = tags;
    Ok(Value::Null)
}

/// UntagQueue.
pub(super) fn untag_queue(
    world: &mut World,
    scene: &Scene<'_>,
    input: &Input,
) -> Result<Value, Failure> {
    let queue = world.sqs.by_url(scene.caller, input)?;
    for key in input.get("TagKeys").and_then(Value::as_array).into_iter().flatten() {
        queue.tags.remove(key.as_str().unwrap_or_default());
    }
    Ok(Value::Null)
}
