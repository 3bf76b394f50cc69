//! Shape tables of Amazon S3.

use crate::shape::compare::as_map;
use crate::shape::compare::by_key;
use crate::shape::compare::ignored;
use crate::shape::compare::left_to_aws;
use crate::shape::shape;

mod access;
mod delivery;
mod lifecycle;
mod replication;
mod reports;
mod settings;

pub use access::*;
pub use delivery::*;
pub use lifecycle::*;
pub use replication::*;
pub use reports::*;
pub use settings::*;

use crate::iam;

shape! {
    /// BucketSpec defines the desired state of Bucket.
    pub struct BucketSpec {
        "abac" abac: AbacStatus [late] "Whether tags of the bucket decide about access to it.";
        "accelerate" accelerate: AccelerateConfiguration
            [compare(unset_like(AccelerateConfiguration::aws_default))] "Whether transfers are accelerated.";
        "acl" acl: String [compare(is_possible)]
            "A canned access control list. Set, it makes the grants void.";
        "analytics" analytics: Vec<AnalyticsConfiguration>
            [compare(by_key(|a: &AnalyticsConfiguration| a.id.clone()))]
            "Analyses of how objects are used, told apart by their ids.";
        "cors" cors: CorsConfiguration [] "Which pages of other origins may use the bucket.";
        "createBucketConfiguration" create_bucket_configuration: CreateBucketConfiguration
            [compare(ignored)] "Where and how the bucket is made; has no effect afterwards.";
        "encryption" encryption: ServerSideEncryptionConfiguration
            [late(ServerSideEncryptionConfiguration::aws_default())]
            "How objects are encrypted that do not say so themselves.";
        "grantFullControl" grant_full_control: String []
            "Who may do everything, as `id=…`, `uri=…` or `emailAddress=…`, with commas between.";
        "grantRead" grant_read: String [] "Who may list objects.";
        "grantReadACP" grant_read_acp: String [] "Who may read the access control list.";
        "grantWrite" grant_write: String [] "Who may create objects.";
        "grantWriteACP" grant_write_acp: String [] "Who may write the access control list.";
        "intelligentTiering" intelligent_tiering: Vec<IntelligentTieringConfiguration>
            [compare(by_key(|t: &IntelligentTieringConfiguration| t.id.clone()))]
            "When rarely used objects move to cheaper tiers; told apart by their ids.";
        "inventory" inventory: Vec<InventoryConfiguration>
            [compare(by_key(|i: &InventoryConfiguration| i.id.clone()))]
            "Regular lists of all objects, told apart by their ids.";
        "lifecycle" lifecycle: BucketLifecycleConfiguration []
            "When objects move to other storage classes and when they expire.";
        "logging" logging: BucketLoggingStatus [] "Where the log of requests goes.";
        "metrics" metrics: Vec<MetricsConfiguration>
            [compare(by_key(|m: &MetricsConfiguration| m.id.clone()))]
            "What is counted, told apart by ids.";
        "name" name: String [required immutable] "Name of the bucket, unique in all of AWS.";
        "namespace" namespace: String [immutable compare(ignored)]
            "`account-regional` for a name that only this account can use in its region.";
        "notification" notification: NotificationConfiguration [] "Who is told about which events.";
        "objectLockConfiguration" object_lock_configuration: ObjectLockConfiguration []
            "How long new objects are kept from deletion.";
        "objectLockEnabledForBucket" object_lock_enabled_for_bucket: bool [compare(left_to_aws)]
            "Whether objects can be locked. It can't be switched off again.";
        "objectOwnership" object_ownership: String [compare(ignored)]
            "Who owns new objects, when the bucket is made; `ownershipControls` counts afterwards.";
        "ownershipControls" ownership_controls: OwnershipControls
            [late(OwnershipControls::aws_default())] "Who owns new objects.";
        "policy" policy: String [document compare(iam::same_policy)] "The policy of the bucket, as JSON.";
        "publicAccessBlock" public_access_block: PublicAccessBlockConfiguration
            [compare(unset_like(PublicAccessBlockConfiguration::all_off))]
            "Which ways of making the bucket public are barred.";
        "replication" replication: ReplicationConfiguration []
            "Which objects are copied where. Needs versioning.";
        "requestPayment" request_payment: RequestPaymentConfiguration
            [compare(unset_like(RequestPaymentConfiguration::aws_default))]
            "Who pays for requests and transfers.";
        "tagging" tagging: Tagging [] "Tags of the bucket. Use either this or `tags`.";
        "tags" tags: Vec<Tag> [compare(ignored)]
            "Tags of the bucket: the short form of `tagging.tagSet`. Use either this or `tagging`.";
        "versioning" versioning: VersioningConfiguration
            [compare(unset_like(VersioningConfiguration::aws_default))]
            "Whether earlier versions of objects are kept.";
        "website" website: WebsiteConfiguration [] "How the bucket is served as a website.";
    }
}

shape! {
    /// What AWS says about the bucket and what is not part of the spec.
    pub struct BucketStatus {
        "location" location: String [] "A forward slash followed by the name of the bucket, or its URL outside us-east-1.";
    }
}

shape! {
    /// A name and a value that S3 keeps with a bucket.
    pub struct Tag: both(aws_sdk_s3::types::Tag), both(aws_sdk_s3control::types::Tag) {
        "key" key: String [] "Name of the tag.";
        "value" value: String [] "Value of the tag.";
    }
}

shape! {
    /// The tags of a bucket.
    pub struct Tagging: both(aws_sdk_s3::types::Tagging) {
        "tagSet" tag_set: Vec<Tag> [compare(as_map(Tag::pair))] "The tags, compared as a map.";
    }
}

impl Tag {
    /// Key and value; empty where the user left one out.
    pub fn pair(&self) -> (&str, &str) {
        (self.key.as_deref().unwrap_or_default(), self.value.as_deref().unwrap_or_default())
    }
}

/// Between the canned lists that S3's answer may stand for.
pub(super) const OR: char = '|';

/// Whether the canned list that is wanted is among those that the grants of the bucket may stand
/// for: S3 tells grants only.
fn is_possible(desired: Option<&String>, latest: Option<&String>) -> bool {
    match (desired, latest) {
        (None, None) => true,
        (Some(desired), Some(latest)) => latest.split(OR).any(|one| one == desired),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Unset says the same as this value of AWS.
fn unset_like<T: crate::shape::Value>(value: fn() -> T) -> impl Fn(Option<&T>, Option<&T>) -> bool {
    crate::shape::compare::unset_is(value())
}
