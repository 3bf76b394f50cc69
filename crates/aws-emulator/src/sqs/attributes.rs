//! The attributes of a queue: a row each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::redrive;
use crate::failure::Failure;
use crate::policy_text;

/// What a value may be.
enum Rule {
    /// A whole number within bounds.
    Number(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// The id, ARN or alias of a key.
    Key,
    /// A policy document.
    Policy,
    /// Where messages go that nobody could process.
    Redrive,
    /// Which queues may send such messages here.
    RedriveAllow,
}

/// An attribute that can be set.
struct Attribute {
    name: &'static str,
    rule: Rule,
    /// The value of a new queue.
    default: Option<&'static str>,
    /// Only on FIFO queues.
    fifo: bool,
}

const fn row(
    name: &'static str,
    rule: Rule,
    default: Option<&'static str>,
    fifo: bool,
) -> Attribute {
    Attribute { name, rule, default, fifo }
}

const ATTRIBUTES: &[Attribute] = &[
    row("ContentBasedDeduplication", Rule::Flag, Some("false"), true),
    row("DeduplicationScope", Rule::OneOf(&["messageGroup", "queue"]), Some("queue"), true),
    row("DelaySeconds", Rule::Number(0, 900), Some("0"), false),
    row("FifoQueue", Rule::OneOf(&["true"]), None, true),
    row(
        "FifoThroughputLimit",
        Rule::OneOf(&["perQueue", "perMessageGroupId"]),
        Some("perQueue"),
        true,
    ),
    row("KmsDataKeyReusePeriodSeconds", Rule::Number(60, 86_400), None, false),
    row("KmsMasterKeyId", Rule::Key, None, false),
    row("MaximumMessageSize", Rule::Number(1024, 1_048_576), Some("1048576"), false),
    row("MessageRetentionPeriod", Rule::Number(60, 1_209_600), Some("345600"), false),
    row("Policy", Rule::Policy, None, false),
    row("ReceiveMessageWaitTimeSeconds", Rule::Number(0, 20), Some("0"), false),
    row("RedriveAllowPolicy", Rule::RedriveAllow, None, false),
    row("RedrivePolicy", Rule::Redrive, None, false),
    row("SqsManagedSseEnabled", Rule::Flag, Some("true"), false),
    row("VisibilityTimeout", Rule::Number(0, 43_200), Some("30"), false),
];

/// Attributes that can only be read: counters, times and the ARN.
pub(super) const READ_ONLY: &[&str] = &[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// Attributes with their values.
pub(super) type Values = BTreeMap<&'static str, String>;

/// Whether there is such an attribute.
pub(super) fn is_known(name: &str) -> bool {
    READ_ONLY.contains(&name) || ATTRIBUTES.iter().any(|attribute| attribute.name == name)
}

/// `InvalidAttributeName` for a name.
pub(super) fn unknown(name: &str) -> Failure {
    Failure::new(400, "InvalidAttributeName", format!("Unknown Attribute {name}."))
}

fn invalid(name: &str) -> Failure {
    let message = format!("Invalid value for the parameter {name}.");
    Failure::new(400, "InvalidAttributeValue", message)
}

/// The attributes of a new queue.
pub(super) fn defaults(fifo: bool) -> Values {
    ATTRIBUTES
        .iter()
        .filter(|attribute| fifo || !attribute.fifo)
        .filter_map(|attribute| Some((attribute.name, attribute.default?.to_owned())))
        .collect()
}

/// Checks what a request sets and puts it into the form in which it is answered; an empty text
/// takes an optional attribute away (`None`).
///
/// # Errors
/// `InvalidAttributeName`, `InvalidAttributeValue`, `InvalidParameterValue`.
pub(super) fn read<'a>(
    given: impl Iterator<Item = (&'a str, &'a str)>,
    fifo: bool,
) -> Result<BTreeMap<&'static str, Option<String>>, Failure> {
    let mut out = BTreeMap::new();
    for (name, value) in given {
        let attribute = ATTRIBUTES
            .iter()
            .find(|attribute| attribute.name == name && (fifo || !attribute.fifo))
            .ok_or_else(|| unknown(name))?;
        out.insert(attribute.name, value_of(attribute, value)?);
    }
    let set = |name: &str| out.get(name).and_then(Option::as_deref);
    if set("KmsMasterKeyId").is_some() && set("SqsManagedSseEnabled") == Some("true") {
        return Err(Failure::new(
            400,
            "InvalidAttributeValue",
            "You can use one type of server-side encryption (SSE) at one time. You can either \
             enable KMS SSE or SQS SSE.",
        ));
    }
    Ok(out)
}

fn value_of(attribute: &Attribute, value: &str) -> Result<Option<String>, Failure> {
    let name = attribute.name;
    let optional = match &attribute.rule {
        Rule::Key | Rule::Policy | Rule::Redrive | Rule::RedriveAllow => true,
        Rule::Number(..) | Rule::Flag | Rule::OneOf(_) => false,
    };
    if optional && value.is_empty() {
        return Ok(None);
    }
    let kept = match &attribute.rule {
        Rule::Number(min, max) => value
            .parse::<u64>()
            .ok()
            .filter(|number| number >= min && number <= max)
            .map(|number| number.to_string())
            .ok_or_else(|| invalid(name))?,
        Rule::Flag if ["true", "false"].contains(&value.to_ascii_lowercase().as_str()) => {
            value.to_ascii_lowercase()
        }
        Rule::OneOf(values) if values.contains(&value) => value.to_owned(),
        Rule::Flag | Rule::OneOf(_) => return Err(invalid(name)),
        Rule::Key => value.to_owned(),
        Rule::Policy => policy(value).ok_or_else(|| invalid(name))?,
        Rule::Redrive => redrive::policy(value)?,
        Rule::RedriveAllow => redrive::allow_policy(value)?,
    };
    Ok(Some(kept))
}

fn policy(text: &str) -> Option<String> {
    let mut policy: Value = serde_json::from_str(text).ok()?;
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        statement @ Value::Object(_) => std::slice::from_ref(statement),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => &[],
    };
    let complete = |statement: &Value| {
        [("Effect", "Effect"), ("Principal", "NotPrincipal"), ("Action", "NotAction")]
            .iter()
            .all(|(name, other)| !statement[*name].is_null() || !statement[*other].is_null())
    };
    if statements.is_empty() || !statements.iter().all(complete) {
        return None;
    }
    policy_text::tidy(&mut policy);
    Some(policy.to_string())
}

/// Puts what was read into a queue's attributes, with what follows from it.
pub(super) fn apply(values: &mut Values, read: &BTreeMap<&'static str, Option<String>>) {
    for (name, value) in read {
        match value {
            Some(value) => values.insert(name, value.clone()),
            None => values.remove(name),
        };
    }
    // One kind of encryption excludes the other; only with a key of the account is there a period.
    if read.get("KmsMasterKeyId").is_some_and(Option::is_some) {
        values.insert("SqsManagedSseEnabled", "false".to_owned());
        values.entry("KmsDataKeyReusePeriodSeconds").or_insert_with(|| "300".to_owned());
    }
    if values.get("SqsManagedSseEnabled").is_some_and(|on| on == "true") {
        values.remove("KmsMasterKeyId");
    }
    if !values.contains_key("KmsMasterKeyId") {
        values.remove("KmsDataKeyReusePeriodSeconds");
    }
}
