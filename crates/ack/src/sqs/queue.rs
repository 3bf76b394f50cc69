//! The kind `Queue`.

use std::collections::BTreeMap;
use std::collections::HashMap;

use aws_sdk_sqs::operation::create_queue::builders::CreateQueueInputBuilder;
use aws_sdk_sqs::operation::delete_queue::builders::DeleteQueueInputBuilder;
use aws_sdk_sqs::operation::set_queue_attributes::builders::SetQueueAttributesInputBuilder;
use aws_sdk_sqs::operation::tag_queue::builders::TagQueueInputBuilder;
use aws_sdk_sqs::operation::untag_queue::builders::UntagQueueInputBuilder;
use aws_sdk_sqs::types::QueueAttributeName;

use super::shapes::QueueSpec;
use super::shapes::QueueStatus;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::kind::AGE;
use crate::kind::Column;
use crate::kind::Kind;
use crate::kind::SYNCED;
use crate::reference::Referrer;
use crate::reference::Target;
use crate::resource::Asked;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Resource;
use crate::resource::Then;
use crate::shape::Delta;
use crate::shape::Unfit;
use crate::tags::Tags;

/// An SQS queue.
#[derive(Debug)]
pub enum Queue {}

/// A request that changes a queue.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Creates it.
    Create(CreateQueueInputBuilder),
    /// Adds or changes tags.
    Tag(TagQueueInputBuilder),
    /// Removes tags.
    Untag(UntagQueueInputBuilder),
    /// Changes attributes.
    Set(SetQueueAttributesInputBuilder),
    /// Deletes it.
    Delete(DeleteQueueInputBuilder),
}

/// A field that is an attribute of the queue.
struct Attribute {
    field: &'static str,
    name: &'static str,
    /// What an update sends that unsets it: AWS's default, or nothing where that takes it away.
    reset: &'static str,
    get: fn(&mut QueueSpec) -> &mut Option<String>,
}

macro_rules! attributes {
    ($($json:literal $field:ident $name:literal $reset:literal;)+) => {
        &[$( Attribute {
            field: $json, name: $name, reset: $reset, get: |spec| &mut spec.$field,
        } ),+]
    };
}

const ATTRIBUTES: &[Attribute] = attributes! {
    "contentBasedDeduplication" content_based_deduplication "ContentBasedDeduplication" "false";
    "deduplicationScope" deduplication_scope "DeduplicationScope" "queue";
    "delaySeconds" delay_seconds "DelaySeconds" "0";
    "fifoQueue" fifo_queue "FifoQueue" "false";
    "fifoThroughputLimit" fifo_throughput_limit "FifoThroughputLimit" "perQueue";
    "kmsDataKeyReusePeriodSeconds" kms_data_key_reuse_period_seconds
        "KmsDataKeyReusePeriodSeconds" "300";
    "kmsMasterKeyID" kms_master_key_id "KmsMasterKeyId" "";
    "maximumMessageSize" maximum_message_size "MaximumMessageSize" "1048576";
    "messageRetentionPeriod" message_retention_period "MessageRetentionPeriod" "345600";
    "policy" policy "Policy" "";
    "receiveMessageWaitTimeSeconds" receive_message_wait_time_seconds
        "ReceiveMessageWaitTimeSeconds" "0";
    "redriveAllowPolicy" redrive_allow_policy "RedriveAllowPolicy" "";
    "redrivePolicy" redrive_policy "RedrivePolicy" "";
    "sqsManagedSSEEnabled" sqs_managed_sse_enabled "SqsManagedSseEnabled" "true";
    "visibilityTimeout" visibility_timeout "VisibilityTimeout" "30";
};

impl Resource for Queue {
    const KIND: Kind = Kind {
        service: "sqs",
        kind: "Queue",
        plural: "queues",
        columns: &[
            Column::text("DelaySeconds", ".spec.delaySeconds", 0),
            Column::text("maximumMessageSize", ".spec.maximumMessageSize", 1),
            Column::text("messageRetentionPeriod", ".spec.messageRetentionPeriod", 1),
            Column::text("receiveMessageWaitTimeSeconds", ".spec.receiveMessageWaitTimeSeconds", 1),
            Column::text("visibilityTimeout", ".spec.visibilityTimeout", 0),
            SYNCED,
            AGE,
        ],
        rules: &[],
        terminal: &[
            "InvalidAttributeName",
            "InvalidAttributeValue",
            "InvalidParameterValue",
            "InvalidParameterCombination",
        ],
        missing: &["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"],
        exists: &["QueueAlreadyExists", "QueueNameExists"],
        adoption_key: "queueURL",
    };
    const REFERRERS: &'static [Referrer<QueueSpec>] = &[
        Referrer {
            field: "kmsMasterKeyRef",
            value_field: "kmsMasterKeyID",
            target: Target {
                service: "kms",
                kind: "Key",
                plural: "keys",
                pointer: "/status/keyID",
            },
            reference: |spec| spec.kms_master_key_ref.as_ref(),
            value: |spec| Some(&mut spec.kms_master_key_id),
        },
        Referrer {
            field: "policyRef",
            value_field: "policy",
            target: Target {
                service: "iam",
                kind: "Policy",
                plural: "policies",
                pointer: "/spec/policyDocument",
            },
            reference: |spec| spec.policy_ref.as_ref(),
            value: |spec| Some(&mut spec.policy),
        },
    ];
    type Spec = QueueSpec;
    type Status = QueueStatus;
    type Call = Call;

    /// What says nothing is unset. A key of KMS excludes the one of SQS, and only with it is there a
    /// time for which data keys are used again.
    fn canonical(spec: &mut QueueSpec) {
        for attribute in ATTRIBUTES {
            let value = (attribute.get)(spec);
            if value.as_deref() == Some("") {
                *value = None;
            }
        }
        if spec.fifo_queue.as_deref() == Some("false") {
            spec.fifo_queue = None;
        }
        if spec.kms_master_key_id.is_some() {
            spec.sqs_managed_sse_enabled = Some("false".to_owned());
        } else {
            spec.kms_data_key_reuse_period_seconds = None;
        }
    }

    fn in_form_of(_spec: &mut QueueSpec, _user: &QueueSpec) {}

    fn tags(spec: &QueueSpec) -> Tags {
        let tags = spec.tags.iter().flatten();
        tags.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    fn set_tags(spec: &mut QueueSpec, tags: Tags) {
        spec.tags = (!tags.is_empty()).then(|| tags.into_iter().collect());
    }

    /// The URL is not part of the spec.
    fn identity(_spec: &QueueSpec) -> Option<&str> {
        None
    }

    /// A URL ends with the name of the queue.
    fn identify(spec: &mut QueueSpec, id: &str) {
        spec.queue_name = id.rsplit('/').next().map(str::to_owned);
    }

    fn create(desired: &QueueSpec, _place: &Place) -> Result<Call, Unfit> {
        let mut desired = desired.clone();
        let mut values = HashMap::new();
        for attribute in ATTRIBUTES {
            if let Some(value) = (attribute.get)(&mut desired).clone() {
                values.insert(QueueAttributeName::from(attribute.name), value);
            }
        }
        let tags = desired.tags.filter(|tags| !tags.is_empty());
        let input = CreateQueueInputBuilder::default()
            .set_queue_name(desired.queue_name)
            .set_attributes((!values.is_empty()).then_some(values))
            .set_tags(tags.map(|tags| tags.into_iter().collect()));
        Ok(Call::Create(input))
    }

    /// Tags, then one request with the attributes that differ; one that is unset gets AWS's default.
    // Differs from ACK: it sends all that are set whenever one differs, and never resets any.
    fn update(
        desired: &QueueSpec,
        latest: &Observed<Self>,
        delta: &Delta,
        _place: &Place,
    ) -> Result<Plan<Call>, Unfit> {
        let fixed: Vec<&str> = ["queueName", "fifoQueue"]
            .into_iter()
            .filter(|field| delta.touches(&format!("spec.{field}")))
            .collect();
        if !fixed.is_empty() {
            let fields = fixed.join(", ");
            let then = Then::Refuse(format!("can't be changed once the queue exists: {fields}"));
            return Ok(Plan { calls: Vec::new(), then });
        }
        let url = latest.status.queue_url.clone();
        let mut calls = tag_calls(desired, latest);
        let mut spec = desired.clone();
        let mut values = HashMap::new();
        for attribute in ATTRIBUTES {
            if delta.touches(&format!("spec.{}", attribute.field)) {
                let value = (attribute.get)(&mut spec).clone();
                let value = value.unwrap_or_else(|| attribute.reset.to_owned());
                values.insert(QueueAttributeName::from(attribute.name), value);
            }
        }
        if !values.is_empty() {
            let set = SetQueueAttributesInputBuilder::default().set_queue_url(url);
            calls.push(Call::Set(set.set_attributes(Some(values))));
        }
        Ok(Plan { calls, then: Then::Settled })
    }

    fn delete(_desired: &QueueSpec, latest: &Observed<Self>, _place: &Place) -> Plan<Call> {
        let url = latest.status.queue_url.clone();
        let delete = DeleteQueueInputBuilder::default().set_queue_url(url);
        Plan { calls: vec![Call::Delete(delete)], then: Then::Settled }
    }

    /// # Flow
    ///
    /// GetQueueUrl unless an earlier pass has recorded the URL: so a creation whose answer got lost
    /// is found. Then GetQueueAttributes and ListQueueTags at the same time.
    // Differs from ACK: without a recorded URL it takes the queue for absent, and creates it or
    // takes over one with the same attributes.
    async fn read(
        aws: &Regional,
        asked: &Asked<'_, Self>,
        _place: &Place,
    ) -> Result<Option<Observed<Self>>, Failure> {
        let name = asked.desired.queue_name.clone().unwrap_or_default();
        let recorded = asked.recorded.queue_url.clone();
        let url = match recorded.filter(|url| url.rsplit('/').next() == Some(&name)) {
            Some(url) => url,
            None => match found(aws.sqs.get_queue_url().queue_name(&name).send().await)? {
                Some(answer) => answer.queue_url.unwrap_or_default(),
                None => return Ok(None),
            },
        };
        let attributes = async {
            let request = aws.sqs.get_queue_attributes().queue_url(&url);
            found(request.attribute_names(QueueAttributeName::All).send().await)
        };
        let tags = async { found(aws.sqs.list_queue_tags().queue_url(&url).send().await) };
        let (Some(attributes), Some(tags)) = tokio::try_join!(attributes, tags)? else {
            return Ok(None);
        };
        let attributes: HashMap<String, String> = attributes
            .attributes
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str().to_owned(), value))
            .collect();
        let mut spec = QueueSpec {
            queue_name: Some(name),
            tags: tags.tags.map(|tags| tags.into_iter().collect::<BTreeMap<_, _>>()),
            ..QueueSpec::default()
        };
        for attribute in ATTRIBUTES {
            *(attribute.get)(&mut spec) = attributes.get(attribute.name).cloned();
        }
        Self::canonical(&mut spec);
        let arn = attributes.get("QueueArn").cloned().unwrap_or_default();
        Ok(Some(Observed {
            spec,
            status: QueueStatus { queue_arn: Some(arn.clone()), queue_url: Some(url) },
            arn,
            phase: Phase::Ready,
        }))
    }

    async fn send(aws: &Regional, call: Call) -> Result<(), Failure> {
        match call {
            Call::Create(input) => drop(input.send_with(&aws.sqs).await?),
            Call::Tag(input) => drop(input.send_with(&aws.sqs).await?),
            Call::Untag(input) => drop(input.send_with(&aws.sqs).await?),
            Call::Set(input) => drop(input.send_with(&aws.sqs).await?),
            Call::Delete(input) => drop(input.send_with(&aws.sqs).await?),
        }
        Ok(())
    }
}

/// An answer, or `None` if there is no such queue.
fn found<T, E>(answer: Result<T, E>) -> Result<Option<T>, Failure>
where
    Failure: From<E>,
{
    match answer.map_err(Failure::from) {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.has_code(Queue::KIND.missing) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Tag what is new or different, then untag what is no longer wanted.
fn tag_calls(desired: &QueueSpec, latest: &Observed<Queue>) -> Vec<Call> {
    let none = BTreeMap::new();
    let wanted = desired.tags.as_ref().unwrap_or(&none);
    let found = latest.spec.tags.as_ref().unwrap_or(&none);
    let url = latest.status.queue_url.clone();
    let mut calls = Vec::new();
    let new: HashMap<String, String> = wanted
        .iter()
        .filter(|(key, value)| found.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if !new.is_empty() {
        let tag = TagQueueInputBuilder::default().set_queue_url(url.clone());
        calls.push(Call::Tag(tag.set_tags(Some(new))));
    }
    let gone: Vec<String> =
        found.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    if !gone.is_empty() {
        let untag = UntagQueueInputBuilder::default().set_queue_url(url);
        calls.push(Call::Untag(untag.set_tag_keys(Some(gone))));
    }
    calls
}
