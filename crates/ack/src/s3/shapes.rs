//! Shape tables of Amazon S3.

use aws_sdk_s3::types;

use crate::shape::compare::as_map;
use crate::shape::compare::ignored;
use crate::shape::shape;

shape! {
    /// A name and a value that S3 keeps with a bucket.
    pub struct Tag: both(types::Tag) {
        "key" key: String [] "Name of the tag.";
        "value" value: String [] "Value of the tag.";
    }
}

shape! {
    /// The tags of a bucket.
    pub struct Tagging: both(types::Tagging) {
        "tagSet" tag_set: Vec<Tag> [compare(as_map(Tag::pair))] "The tags, compared as a map.";
    }
}

shape! {
    /// Where and how a bucket is made.
    pub struct CreateBucketConfiguration {
        "locationConstraint" location_constraint: String []
            "Region of the bucket; the region of the object if unset.";
        later "bucket" object;
        later "location" object;
    }
}

shape! {
    /// BucketSpec defines the desired state of Bucket.
    pub struct BucketSpec {
        "createBucketConfiguration" create_bucket_configuration: CreateBucketConfiguration
            [compare(ignored)] "Where and how the bucket is made; has no effect afterwards.";
        "name" name: String [required immutable] "Name of the bucket, unique in all of AWS.";
        "tagging" tagging: Tagging [] "Tags of the bucket. Use either this or `tags`.";
        "tags" tags: Vec<Tag> [compare(ignored)]
            "Tags of the bucket: the short form of `tagging.tagSet`. Use either this or `tagging`.";
        later "abac" object;
        later "accelerate" object;
        later "acl" string;
        later "analytics" array;
        later "cors" object;
        later "encryption" object;
        later "grantFullControl" string;
        later "grantRead" string;
        later "grantReadACP" string;
        later "grantWrite" string;
        later "grantWriteACP" string;
        later "intelligentTiering" array;
        later "inventory" array;
        later "lifecycle" object;
        later "logging" object;
        later "metrics" array;
        later "namespace" string;
        later "notification" object;
        later "objectLockConfiguration" object;
        later "objectLockEnabledForBucket" boolean;
        later "objectOwnership" string;
        later "ownershipControls" object;
        later "policy" string;
        later "publicAccessBlock" object;
        later "replication" object;
        later "requestPayment" object;
        later "versioning" object;
        later "website" object;
    }
}

shape! {
    /// What AWS says about the bucket and what is not part of the spec.
    pub struct BucketStatus {
        "location" location: String [] "A forward slash followed by the name of the bucket, or its URL outside us-east-1.";
    }
}

impl Tag {
    /// Key and value; empty where the user left one out.
    pub fn pair(&self) -> (&str, &str) {
        (self.key.as_deref().unwrap_or_default(), self.value.as_deref().unwrap_or_default())
    }
}
