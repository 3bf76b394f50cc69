//! CloudFormation: stacks of buckets, which have AWS's own tags.

use std::collections::BTreeMap;

use jiff::Timestamp;
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
use crate::s3;
use crate::shape::xml::Writer;
use crate::sts::instant;

/// The service.
pub(crate) static CLOUDFORMATION: Service = Service {
    name: "cloudformation",
    version: "2010-05-15",
    namespace: "http://cloudformation.amazonaws.com/doc/2010-05-15/",
    operations: &[
        Operation {
            name: "CreateStack",
            parameters: &["StackName", "TemplateBody"],
            resource: "StackName",
            run: create_stack,
        },
        Operation {
            name: "DeleteStack",
            parameters: &["StackName"],
            resource: "StackName",
            run: delete_stack,
        },
        Operation {
            name: "DescribeStacks",
            parameters: &["StackName"],
            resource: "StackName",
            run: describe_stacks,
        },
    ],
};

/// Stacks by account, region and name.
#[derive(Debug, Default)]
pub(super) struct Store {
    stacks: BTreeMap<(String, String, String), Stack>,
}

#[derive(Clone, Debug)]
struct Stack {
    id: String,
    created: Timestamp,
    /// Why it could not be made.
    failure: Option<String>,
    buckets: Vec<String>,
}

impl Store {
    pub(super) fn dump(&self) -> Value {
        let stacks = self.stacks.iter();
        stacks.map(|((_, _, name), stack)| (name.clone(), json!(stack.buckets))).collect()
    }
}

fn key(caller: &Caller, name: &str) -> (String, String, String) {
    (caller.account.clone(), caller.region.clone(), name.to_owned())
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(400, "ValidationError", message)
}

/// The buckets of a template: logical id, name, and whether it keeps versions.
fn buckets(template: &str) -> Result<Vec<(String, String, bool)>, Failure> {
    let template: Value = serde_json::from_str(template)
        .map_err(|_| Failure::not_implemented("templates that are not JSON"))?;
    let known = ["AWSTemplateFormatVersion", "Description", "Resources"];
    let members = template.as_object().into_iter().flatten();
    if let Some((other, _)) = members.clone().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(Failure::not_implemented(format_args!("`{other}` of a template")));
    }
    let mut found = Vec::new();
    for (id, resource) in template["Resources"].as_object().into_iter().flatten() {
        if resource["Type"] != "AWS::S3::Bucket" {
            let kind = &resource["Type"];
            return Err(Failure::not_implemented(format_args!("the resource type {kind}")));
        }
        let properties = resource["Properties"].as_object();
        let mut name = None;
        let mut versions = false;
        for (property, value) in properties.into_iter().flatten() {
            match (property.as_str(), value) {
                ("BucketName", Value::String(given)) => name = Some(given.clone()),
                ("VersioningConfiguration", Value::Object(given)) => {
                    versions = given.get("Status").is_some_and(|status| status == "Enabled");
                }
                (other, _) => {
                    let what = format_args!("the property `{other}` of a bucket in a stack");
                    return Err(Failure::not_implemented(what));
                }
            }
        }
        let name =
            name.ok_or_else(|| Failure::not_implemented("a bucket without a name in a stack"))?;
        found.push((id.clone(), name, versions));
    }
    if found.is_empty() {
        let message = "Template format error: At least one Resources member must be defined.";
        return Err(invalid(message));
    }
    Ok(found)
}

fn create_stack(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let name = parameters.get("StackName").map_or("", String::as_str);
    let fits = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
        && name.len() <= 128;
    if !fits {
        let message = format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        );
        return Err(invalid(message));
    }
    let template = parameters.get("TemplateBody").map_or("", String::as_str);
    let buckets = buckets(template)?;
    let key = key(caller, name);
    if world.neighbours.stacks.stacks.contains_key(&key) {
        let message = format!("Stack [{name}] already exists");
        return Err(Failure::new(400, "AlreadyExistsException", message));
    }
    let (region, account, id) = (&caller.region, &caller.account, world.ids.uuid());
    let mut stack = Stack {
        id: format!("arn:aws:cloudformation:{region}:{account}:stack/{name}/{id}"),
        created: world.now,
        failure: None,
        buckets: Vec::new(),
    };
    for (logical, bucket, versions) in buckets {
        let tags =
            [("logical-id", logical.as_str()), ("stack-id", &stack.id), ("stack-name", name)]
                .map(|(key, value)| (format!("aws:cloudformation:{key}"), value.to_owned()));
        match s3::create_for_stack(world, caller, &bucket, versions, &tags) {
            Ok(()) => stack.buckets.push(bucket),
            Err(failure) => {
                stack.failure = Some(failure.message);
                break;
            }
        }
    }
    if stack.failure.is_some() {
        for bucket in stack.buckets.drain(..) {
            s3::delete_for_stack(world, caller, &bucket);
        }
    }
    let id = stack.id.clone();
    world.neighbours.stacks.stacks.insert(key, stack);
    Ok(answer(world, &CLOUDFORMATION, "CreateStack", |out| out.text("StackId", &id)))
}

fn write_stack(out: &mut Writer, name: &str, stack: &Stack) {
    out.element("member", |out| {
        out.text("StackName", name);
        out.text("StackId", &stack.id);
        out.text("CreationTime", &instant(stack.created));
        match &stack.failure {
            None => out.text("StackStatus", "CREATE_COMPLETE"),
            Some(reason) => {
                out.text("StackStatus", "ROLLBACK_COMPLETE");
                out.text("StackStatusReason", reason);
            }
        }
        out.text("DisableRollback", "false");
    });
}

fn describe_stacks(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let wanted = parameters.get("StackName").map(String::as_str);
    let stacks: Vec<(String, Stack)> = world
        .neighbours
        .stacks
        .stacks
        .iter()
        .filter(|((account, region, _), _)| *account == caller.account && *region == caller.region)
        .filter(|((_, _, name), stack)| wanted.is_none_or(|w| w == name || w == stack.id))
        .map(|((_, _, name), stack)| (name.clone(), stack.clone()))
        .collect();
    if let Some(name) = wanted
        && stacks.is_empty()
    {
        return Err(invalid(format!("Stack with id {name} does not exist")));
    }
    Ok(answer(world, &CLOUDFORMATION, "DescribeStacks", |out| {
        out.element("Stacks", |out| {
            for (name, stack) in &stacks {
                write_stack(out, name, stack);
            }
        });
    }))
}

/// Deleting a stack that is not there succeeds.
fn delete_stack(
    world: &mut World,
    caller: &Caller,
    parameters: &Parameters,
) -> Result<Answer, Failure> {
    let name = parameters.get("StackName").map_or("", String::as_str);
    if let Some(stack) = world.neighbours.stacks.stacks.remove(&key(caller, name)) {
        for bucket in &stack.buckets {
            s3::delete_for_stack(world, caller, bucket);
        }
    }
    Ok(answer(world, &CLOUDFORMATION, "DeleteStack", |_| ()))
}
