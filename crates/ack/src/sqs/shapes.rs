//! Shape tables of Amazon SQS.

use std::collections::BTreeMap;

use crate::iam;
use crate::reference::Reference;
use crate::shape::compare::ignored;
use crate::shape::shape;

shape! {
    /// QueueSpec defines the desired state of Queue.
    ///
    /// All attributes are texts, as in the API of SQS.
    pub struct QueueSpec {
        "contentBasedDeduplication" content_based_deduplication: String [unset("false")]
            "Whether a FIFO queue tells messages apart by their content.";
        "deduplicationScope" deduplication_scope: String [unset("queue")]
            "Where messages of a FIFO queue are told apart: messageGroup or queue.";
        "delaySeconds" delay_seconds: String [late("0".to_owned())]
            "How long new messages are held back.";
        "fifoQueue" fifo_queue: String [] "Whether messages keep their order; fixed at creation.";
        "fifoThroughputLimit" fifo_throughput_limit: String [unset("perQueue")]
            "What the throughput of a FIFO queue is limited by: perQueue or perMessageGroupId.";
        "kmsDataKeyReusePeriodSeconds" kms_data_key_reuse_period_seconds: String [unset("300")]
            "How long a data key is used again.";
        "kmsMasterKeyID" kms_master_key_id: String []
            "Key of KMS that encrypts messages. Use either this or `kmsMasterKeyRef`.";
        "kmsMasterKeyRef" kms_master_key_ref: Reference [compare(ignored)]
            "An object of kind Key that is the key.";
        "maximumMessageSize" maximum_message_size: String [late("1048576".to_owned())]
            "How large a message may be, in bytes.";
        "messageRetentionPeriod" message_retention_period: String [late("345600".to_owned())]
            "How long messages are kept, in seconds.";
        "policy" policy: String [document compare(iam::same_policy)]
            "The policy of the queue, as JSON. Use either this or `policyRef`.";
        "policyRef" policy_ref: Reference [compare(ignored)]
            "An object of kind Policy whose document is the policy.";
        "queueName" queue_name: String [required immutable]
            "Name of the queue; that of a FIFO queue ends with `.fifo`.";
        "receiveMessageWaitTimeSeconds" receive_message_wait_time_seconds: String
            [late("0".to_owned())] "How long a receiver waits for a message.";
        "redriveAllowPolicy" redrive_allow_policy: String [document compare(iam::same_document)]
            "Which queues may send here what they could not process, as JSON.";
        "redrivePolicy" redrive_policy: String [document compare(iam::same_document)]
            "Where messages go that could not be processed, as JSON.";
        "sqsManagedSSEEnabled" sqs_managed_sse_enabled: String [late("true".to_owned())]
            "Whether SQS encrypts messages with a key of its own.";
        "tags" tags: BTreeMap<String, String> [unset(BTreeMap::new())] "Tags of the queue.";
        "visibilityTimeout" visibility_timeout: String [late("30".to_owned())]
            "How long a message that was received is hidden from others, in seconds.";
    }
}

shape! {
    /// What AWS says about the queue and what is not part of the spec.
    pub struct QueueStatus {
        "queueARN" queue_arn: String [] "Name of the queue in all of AWS.";
        "queueURL" queue_url: String [] "URL of the queue.";
    }
}
