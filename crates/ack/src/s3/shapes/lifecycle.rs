//! When objects move and when they expire.

use aws_sdk_s3::types;

use super::Tag;
use crate::shape::Time;
use crate::shape::compare::as_map;
use crate::shape::compare::left_to_aws;
use crate::shape::shape;

shape! {
    /// When objects move to other storage classes and when they expire.
    pub struct BucketLifecycleConfiguration: both(types::BucketLifecycleConfiguration) {
        "rules" rules: Vec<LifecycleRule> [] "What holds for which objects.";
    }
}

shape! {
    /// What holds for some objects.
    pub struct LifecycleRule: both(types::LifecycleRule) {
        "abortIncompleteMultipartUpload" abort_incomplete_multipart_upload:
            AbortIncompleteMultipartUpload [] "When the parts of an upload are given up.";
        "expiration" expiration: LifecycleExpiration [] "When objects expire.";
        "filter" filter: LifecycleRuleFilter [] "Which objects.";
        "id" id: String [compare(left_to_aws)] "Name of the rule; AWS invents one if unset.";
        "noncurrentVersionExpiration" noncurrent_version_expiration: NoncurrentVersionExpiration []
            "When earlier versions expire.";
        "noncurrentVersionTransitions" noncurrent_version_transitions:
            Vec<NoncurrentVersionTransition> [] "When earlier versions move.";
        "prefix" prefix: String [] "How the keys begin: the old form of `filter`.";
        "status" status: String [] "Enabled or Disabled.";
        "transitions" transitions: Vec<Transition> [] "When objects move.";
    }
}

shape! {
    /// When the parts of an upload are given up.
    pub struct AbortIncompleteMultipartUpload: both(types::AbortIncompleteMultipartUpload) {
        "daysAfterInitiation" days_after_initiation: i64 [] "Days after it began.";
    }
}

shape! {
    /// When objects expire: one of these.
    pub struct LifecycleExpiration: both(types::LifecycleExpiration) {
        "date" date: Time [] "On this day.";
        "days" days: i64 [] "Days after they were made.";
        "expiredObjectDeleteMarker" expired_object_delete_marker: bool [unset(false)]
            "Delete markers go when nothing is left behind them.";
    }
}

shape! {
    /// Which objects a rule is about; several conditions go under `and`.
    pub struct LifecycleRuleFilter: both(types::LifecycleRuleFilter) {
        "and" and: LifecycleRuleAndOperator [] "All of these conditions.";
        "objectSizeGreaterThan" object_size_greater_than: i64 [] "Larger than this, in bytes.";
        "objectSizeLessThan" object_size_less_than: i64 [] "Smaller than this, in bytes.";
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tag" tag: Tag [] "With this tag.";
    }
}

shape! {
    /// All of several conditions.
    pub struct LifecycleRuleAndOperator: both(types::LifecycleRuleAndOperator) {
        "objectSizeGreaterThan" object_size_greater_than: i64 [] "Larger than this, in bytes.";
        "objectSizeLessThan" object_size_less_than: i64 [] "Smaller than this, in bytes.";
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tags" tags: Vec<Tag> [compare(as_map(Tag::pair))] "With all of these tags.";
    }
}

shape! {
    /// When earlier versions expire.
    pub struct NoncurrentVersionExpiration: both(types::NoncurrentVersionExpiration) {
        "newerNoncurrentVersions" newer_noncurrent_versions: i64 [] "How many are kept at least.";
        "noncurrentDays" noncurrent_days: i64 [] "Days after a newer version came.";
    }
}

shape! {
    /// When earlier versions move.
    pub struct NoncurrentVersionTransition: both(types::NoncurrentVersionTransition) {
        "newerNoncurrentVersions" newer_noncurrent_versions: i64 [] "How many stay at least.";
        "noncurrentDays" noncurrent_days: i64 [] "Days after a newer version came.";
        "storageClass" storage_class: String [] "Where they move to.";
    }
}

shape! {
    /// When objects move.
    pub struct Transition: both(types::Transition) {
        "date" date: Time [] "On this day.";
        "days" days: i64 [] "Days after they were made.";
        "storageClass" storage_class: String [] "Where they move to.";
    }
}
