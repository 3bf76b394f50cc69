//! SNS: topics, which deliver nothing here.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::query::Operation;
use crate::query::Parameters;
use crate::query::Service;
use crate::query::answer;

/// The service.
pub(crate) static SNS: Service = Service {
    name: "sns",
    version: "2010-03-31",
    namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
    operations: &[
        Operation {
            name: "CreateTopic",
            parameters: &["Attributes.entry.", "Name"],
            resource: "Name",
            run: create_topic,
        },
        Operation {
            name: "DeleteTopic",
            parameters: &["TopicArn"],
            resource: "TopicArn",
            run: delete_topic,
        },
    ],
};

/// Attributes that a new topic may have.
const ATTRIBUTES: &[&str] = &["DisplayName", "FifoTopic", "KmsMasterKeyId", "Policy"];

/// Attributes of topics, by ARN.
#[derive(Debug, Default)]
pub(super) struct Store {
    topics: BTreeMap<String, BTreeMap<String, String>>,
}

impl Store {
    pub(super) fn dump(&self) -> Value {
        json!(self.topics)
    }
}

fn attributes(parameters: &Parameters) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    for (key, name) in parameters {
        let Some(entry) = key.strip_prefix("Attributes.entry.") else { continue };
        let Some(number) = entry.strip_suffix(".key") else { continue };
        if !ATTRIBUTES.contains(&name.as_str()) {
            return Err(Failure::not_implemented(format_args!("the topic attribute `{name}`")));
        }
        let value = parameters.get(&format!("Attributes.entry.{number}.value"));
        found.insert(name.clone(), value.cloned().unwrap_or_default());
    }
    Ok(found)
}

fn create_topic(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let name = parameters.get("Name").map_or("", String::as_str);
    let base = name.strip_suffix(".fifo").unwrap_or(name);
    let letters =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if base.is_empty() || name.len() > 256 || !letters(base) {
        let message = "Invalid parameter: Topic Name";
        return Err(Failure::new(400, "InvalidParameter", message));
    }
    let attributes = attributes(parameters)?;
    let arn = format!("arn:aws:sns:{}:{}:{name}", caller.region, caller.account);
    match world.neighbours.sns.topics.get(&arn) {
        Some(existing)
            if attributes.iter().any(|(key, value)| existing.get(key) != Some(value)) =>
        {
            let message = "Invalid parameter: Attributes Reason: Topic already exists with \
                           different attributes";
            return Err(Failure::new(400, "InvalidParameter", message));
        }
        Some(_) => {}
        None => {
            world.neighbours.sns.topics.insert(arn.clone(), attributes);
        }
    }
    Ok(answer(world, &SNS, "CreateTopic", |out| out.text("TopicArn", &arn)))
}

/// Deleting a topic that is not there succeeds.
fn delete_topic(world: &mut World, _: &Caller, parameters: &Parameters) -> Result<Answer, Failure> {
    let arn = parameters.get("TopicArn").map_or("", String::as_str);
    world.neighbours.sns.topics.remove(arn);
    Ok(answer(world, &SNS, "DeleteTopic", |_| ()))
}
