//! What a bucket tells others: events and its log.

use aws_sdk_s3::types;

use crate::shape::compare::any_case;
use crate::shape::compare::left_to_aws;
use crate::shape::shape;

shape! {
    /// Who is told about which events.
    pub struct NotificationConfiguration: both(types::NotificationConfiguration) {
        "lambdaFunctionConfigurations" lambda_function_configurations:
            Vec<LambdaFunctionConfiguration> [] "Functions that are called.";
        "queueConfigurations" queue_configurations: Vec<QueueConfiguration> []
            "Queues of SQS that get a message.";
        "topicConfigurations" topic_configurations: Vec<TopicConfiguration> []
            "Topics of SNS that get a message.";
    }
}

shape! {
    /// A function that is called.
    pub struct LambdaFunctionConfiguration: both(types::LambdaFunctionConfiguration) {
        "events" events: Vec<String> [] "Which events, such as `s3:ObjectCreated:*`.";
        "filter" filter: NotificationConfigurationFilter [] "Which objects; all if unset.";
        "id" id: String [compare(left_to_aws)] "Name of the entry; AWS invents one if unset.";
        "lambdaFunctionARN" lambda_function_arn: String [] "The function.";
    }
}

shape! {
    /// A queue that gets a message.
    pub struct QueueConfiguration: both(types::QueueConfiguration) {
        "events" events: Vec<String> [] "Which events, such as `s3:ObjectCreated:*`.";
        "filter" filter: NotificationConfigurationFilter [] "Which objects; all if unset.";
        "id" id: String [compare(left_to_aws)] "Name of the entry; AWS invents one if unset.";
        "queueARN" queue_arn: String [] "The queue.";
    }
}

shape! {
    /// A topic that gets a message.
    pub struct TopicConfiguration: both(types::TopicConfiguration) {
        "events" events: Vec<String> [] "Which events, such as `s3:ObjectCreated:*`.";
        "filter" filter: NotificationConfigurationFilter [] "Which objects; all if unset.";
        "id" id: String [compare(left_to_aws)] "Name of the entry; AWS invents one if unset.";
        "topicARN" topic_arn: String [] "The topic.";
    }
}

shape! {
    /// Which objects are meant.
    pub struct NotificationConfigurationFilter: both(types::NotificationConfigurationFilter) {
        "key" key: S3KeyFilter [] "By their keys.";
    }
}

shape! {
    /// Which keys are meant.
    pub struct S3KeyFilter: both(types::S3KeyFilter) {
        "filterRules" filter_rules: Vec<FilterRule> [] "All of them must fit.";
    }
}

shape! {
    /// How a key begins or ends.
    pub struct FilterRule: both(types::FilterRule) {
        "name" name: String [compare(any_case)] "prefix or suffix.";
        "value" value: String [] "The text.";
    }
}

shape! {
    /// Where the log of requests goes.
    pub struct BucketLoggingStatus: both(types::BucketLoggingStatus) {
        "loggingEnabled" logging_enabled: LoggingEnabled [] "Set, there is a log.";
    }
}

shape! {
    /// Where the log goes and who may read it.
    pub struct LoggingEnabled: both(types::LoggingEnabled) {
        "targetBucket" target_bucket: String [] "Bucket that gets the log.";
        "targetGrants" target_grants: Vec<TargetGrant> [] "Who may read it.";
        "targetPrefix" target_prefix: String [] "How the keys of the log begin.";
    }
}

shape! {
    /// What somebody may do with the log.
    pub struct TargetGrant: both(types::TargetGrant) {
        "grantee" grantee: Grantee [] "Who.";
        "permission" permission: String [] "FULL_CONTROL, READ or WRITE.";
    }
}

shape! {
    /// Somebody.
    pub struct Grantee: both(types::Grantee) {
        "displayName" display_name: String [compare(left_to_aws)] "Name that is shown.";
        "emailAddress" email_address: String [] "Address of an account.";
        "id" id: String [] "Canonical id of an account.";
        "type_" r#type: String [] "CanonicalUser, AmazonCustomerByEmail or Group.";
        "uRI" uri: String [] "Name of a group.";
    }
}
