//! SQS: queues and their attributes. No messages: every queue is empty.

use std::collections::BTreeMap;

use http::Request;
use jiff::Timestamp;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::protocol::Routed;
use crate::protocol::UNKNOWN;
use crate::shape::Member;
use crate::shape::Shape;
use crate::shape::int;
use crate::shape::json;
use crate::shape::list;
use crate::shape::opt;
use crate::shape::req;
use crate::shape::text;

mod attributes;
mod queue;
mod redrive;

/// The name in the credential scope.
pub(crate) const SERVICE: &str = "sqs";

/// What comes before the operation in `X-Amz-Target`.
pub(crate) const TARGET: &str = "AmazonSQS";

/// Queues that one account may have in one region.
const MAX_QUEUES: usize = 10_000;

/// A request's members, checked against the shape.
type Input = Map<String, Value>;

/// What an operation looks at beside its input.
struct Scene<'r> {
    caller: &'r Caller,
    /// The host that the request was sent to, which queue URLs begin with.
    host: &'r str,
}

type Run = fn(&mut World, &Scene<'_>, &Input) -> Result<Value, Failure>;

struct Operation {
    name: &'static str,
    input: &'static [Member],
    run: Run,
}

const fn operation(name: &'static str, input: &'static [Member], run: Run) -> Operation {
    Operation { name, input, run }
}

const ANY: Shape = text(0, usize::MAX);
const NAMES: Shape = list(&ANY, 0, usize::MAX, "member");
const TEXTS: Shape = Shape::Map { max: 100 };
const URL: Member = req("QueueUrl", ANY);

const OPERATIONS: &[Operation] = &[
    operation(
        "CreateQueue",
        &[req("QueueName", ANY), opt("Attributes", TEXTS), opt("tags", TEXTS)],
        queue::create_queue,
    ),
    operation("DeleteQueue", &[URL], queue::delete_queue),
    operation(
        "GetQueueAttributes",
        &[URL, opt("AttributeNames", NAMES)],
        queue::get_queue_attributes,
    ),
    operation(
        "GetQueueUrl",
        &[req("QueueName", ANY), opt("QueueOwnerAWSAccountId", ANY)],
        queue::get_queue_url,
    ),
    operation("ListQueueTags", &[URL], queue::list_queue_tags),
    operation(
        "ListQueues",
        &[opt("QueueNamePrefix", ANY), opt("NextToken", ANY), opt("MaxResults", int(1, 1000))],
        queue::list_queues,
    ),
    operation("SetQueueAttributes", &[URL, req("Attributes", TEXTS)], queue::set_queue_attributes),
    operation("TagQueue", &[URL, req("Tags", TEXTS)], queue::tag_queue),
    operation("UntagQueue", &[URL, req("TagKeys", NAMES)], queue::untag_queue),
];

/// The names of all operations.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.name)
}

/// All queues of all accounts and regions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    /// By account and region.
    places: BTreeMap<(String, String), Place>,
}

/// What one account has in one region.
#[derive(Clone, Debug, Default)]
struct Place {
    queues: BTreeMap<String, Queue>,
    /// Names that can't be used again yet, and until when.
    deleted: BTreeMap<String, Timestamp>,
}

/// A queue.
#[derive(Clone, Debug)]
struct Queue {
    arn: String,
    created: Timestamp,
    modified: Timestamp,
    /// Attributes that have a value, as they are answered.
    attributes: BTreeMap<&'static str, String>,
    tags: BTreeMap<String, String>,
}

impl Store {
    /// Lets names be used again whose time is over.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for place in self.places.values_mut() {
            place.deleted.retain(|_, until| *until > now);
        }
        // A caller may name any region: places that hold nothing are not kept.
        self.places.retain(|_, place| !place.queues.is_empty() || !place.deleted.is_empty());
    }

    /// Queues by account and region, without times.
    pub(crate) fn dump(&self) -> Value {
        let places: Map<String, Value> = self
            .places
            .iter()
            .filter(|(_, place)| !place.queues.is_empty())
            .map(|((account, region), place)| {
                let queues: Map<String, Value> = place
                    .queues
                    .iter()
                    .map(|(name, queue)| {
                        let state = json!({ "attributes": queue.attributes, "tags": queue.tags });
                        (name.clone(), state)
                    })
                    .collect();
                (format!("{account}/{region}"), json!({ "queues": queues }))
            })
            .collect();
        Value::Object(places)
    }

    fn place(&mut self, caller: &Caller) -> &mut Place {
        self.places.entry((caller.account.clone(), caller.region.clone())).or_default()
    }

    /// The queue that a `QueueUrl` member means: account and name are the end of its path.
    fn by_url(&mut self, caller: &Caller, input: &Input) -> Result<&mut Queue, Failure> {
        let url = member(input, "QueueUrl");
        let mut path = url.rsplit('/');
        let (Some(name), Some(account)) = (path.next(), path.next()) else {
            let message = format!("The address {url} is not valid for this endpoint.");
            return Err(Failure::new(404, "InvalidAddress", message));
        };
        let owner = Caller { account: account.to_owned(), ..caller.clone() };
        if !self.place(&owner).queues.contains_key(name) {
            return Err(does_not_exist());
        }
        if account != caller.account {
            let message = format!("Access to the resource {url} is denied.");
            return Err(Failure::new(403, "AccessDeniedException", message));
        }
        self.place(caller).queues.get_mut(name).ok_or_else(does_not_exist)
    }
}

fn does_not_exist() -> Failure {
    Failure::new(400, "QueueDoesNotExist", "The specified queue does not exist.")
}

/// A string member; the shape has seen to it that it is one.
fn member<'a>(input: &'a Input, name: &str) -> &'a str {
    input.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The entries of a map member; none when it is absent.
fn pairs<'a>(input: &'a Input, name: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    input
        .get(name)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// Finds the operation of a request and checks its input.
pub(crate) fn route<'r>(request: &'r Request<Vec<u8>>, caller: Caller) -> Routed<'r> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let name = header("x-amz-target").and_then(|target| target.split_once('.'));
    let name = name.map_or("", |(_, name)| name);
    let Some(operation) = OPERATIONS.iter().find(|operation| operation.name == name) else {
        return Routed {
            operation: UNKNOWN,
            resource: String::new(),
            run: Err(Failure::not_implemented(format_args!("SQS.{name}"))),
        };
    };
    let input = match json::read(request.body(), operation.input) {
        Ok(input) => input,
        Err(failure) => {
            return Routed {
                operation: operation.name,
                resource: String::new(),
                run: Err(missing_parameter(failure)),
            };
        }
    };
    let resource = match member(&input, "QueueName") {
        "" => member(&input, "QueueUrl").rsplit('/').next().unwrap_or_default(),
        name => name,
    }
    .to_owned();
    let host = header("host").or(request.uri().host()).unwrap_or("localhost");
    Routed {
        operation: operation.name,
        resource,
        run: Ok(Box::new(move |world| {
            (operation.run)(world, &Scene { caller: &caller, host }, &input).map(Answer::json)
        })),
    }
}

/// SQS has its own words for a member that is not there.
fn missing_parameter(failure: Failure) -> Failure {
    let name = failure
        .message
        .split_once("Value null at '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .map(|(name, _)| name);
    match name {
        Some(name) => {
            let mut name = name.to_owned();
            if let Some(first) = name.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            Failure::new(
                400,
                "MissingParameter",
                format!("The request must contain the parameter {name}."),
            )
        }
        None => failure,
    }
}

/// The namespace of an error's `__type`.
pub(crate) fn namespace(code: &str) -> &'static str {
    match code {
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "InvalidParameterValue"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "MissingParameter"
        | "NotImplemented"
        | "SerializationException"
        | "ThrottlingException"
        | "UnrecognizedClientException"
        | "ValidationException" => "com.amazon.coral.service",
        _ => "com.amazonaws.sqs",
    }
}

/// The error code of the query protocol, which clients of that time go by; it goes in a header.
pub(crate) fn query_code(code: &str) -> &str {
    match code {
        "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
        "QueueNameExists" => "QueueAlreadyExists",
        "QueueDeletedRecently" => "AWS.SimpleQueueService.QueueDeletedRecently",
        "UnsupportedOperation" => "AWS.SimpleQueueService.UnsupportedOperation",
        other => other,
    }
}
