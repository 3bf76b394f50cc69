//! What S3 finds out about objects: analyses, lists, metrics; and tiers that follow from them.

use aws_sdk_s3::types;

use super::Tag;
use crate::shape::compare::as_map;
use crate::shape::shape;

shape! {
    /// An analysis of how objects are used.
    pub struct AnalyticsConfiguration: both(types::AnalyticsConfiguration) {
        "filter" filter: AnalyticsFilter [] "Which objects; all if unset.";
        "id" id: String [] "Name of the analysis.";
        "storageClassAnalysis" storage_class_analysis: StorageClassAnalysis []
            "What is found out about storage classes.";
    }
}

shape! {
    /// Which objects are meant: exactly one of these.
    pub struct AnalyticsFilter: union(types::AnalyticsFilter) {
        "and" and: AnalyticsAndOperator [] "All of several conditions.";
        "prefix" prefix: String [] "Whose key begins so.";
        "tag" tag: Tag [] "With this tag.";
    }
}

shape! {
    /// All of several conditions.
    pub struct AnalyticsAndOperator: both(types::AnalyticsAndOperator) {
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tags" tags: Vec<Tag> [compare(as_map(Tag::pair))] "With all of these tags.";
    }
}

shape! {
    /// What is found out about storage classes.
    pub struct StorageClassAnalysis: both(types::StorageClassAnalysis) {
        "dataExport" data_export: StorageClassAnalysisDataExport [] "Where the result goes.";
    }
}

shape! {
    /// Where the result of an analysis goes.
    pub struct StorageClassAnalysisDataExport: both(types::StorageClassAnalysisDataExport) {
        "destination" destination: AnalyticsExportDestination [] "The place.";
        "outputSchemaVersion" output_schema_version: String [] "V_1.";
    }
}

shape! {
    /// Where the result of an analysis goes.
    pub struct AnalyticsExportDestination: both(types::AnalyticsExportDestination) {
        "s3BucketDestination" s3_bucket_destination: AnalyticsS3BucketDestination [] "A bucket.";
    }
}

shape! {
    /// A bucket that gets the result of an analysis.
    pub struct AnalyticsS3BucketDestination: both(types::AnalyticsS3BucketDestination) {
        "bucket" bucket: String [] "ARN of the bucket.";
        "bucketAccountID" bucket_account_id: String [] "Account of the bucket.";
        "format" format: String [] "CSV.";
        "prefix" prefix: String [] "How the keys of the result begin.";
    }
}

shape! {
    /// When rarely used objects move to cheaper tiers.
    pub struct IntelligentTieringConfiguration: both(types::IntelligentTieringConfiguration) {
        "filter" filter: IntelligentTieringFilter [] "Which objects; all if unset.";
        "id" id: String [] "Name of the configuration.";
        "status" status: String [] "Enabled or Disabled.";
        "tierings" tierings: Vec<Tiering> [] "When they move where.";
    }
}

shape! {
    /// Which objects are meant; several conditions go under `and`.
    pub struct IntelligentTieringFilter: both(types::IntelligentTieringFilter) {
        "and" and: IntelligentTieringAndOperator [] "All of these conditions.";
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tag" tag: Tag [] "With this tag.";
    }
}

shape! {
    /// All of several conditions.
    pub struct IntelligentTieringAndOperator: both(types::IntelligentTieringAndOperator) {
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tags" tags: Vec<Tag> [compare(as_map(Tag::pair))] "With all of these tags.";
    }
}

shape! {
    /// When objects move to a tier.
    pub struct Tiering: both(types::Tiering) {
        "accessTier" access_tier: String [] "ARCHIVE_ACCESS or DEEP_ARCHIVE_ACCESS.";
        "days" days: i64 [] "Days after they were last used.";
    }
}

shape! {
    /// A regular list of all objects.
    pub struct InventoryConfiguration: both(types::InventoryConfiguration) {
        "destination" destination: InventoryDestination [] "Where the list goes.";
        "filter" filter: InventoryFilter [] "Which objects; all if unset.";
        "id" id: String [] "Name of the list.";
        "includedObjectVersions" included_object_versions: String [] "All or Current.";
        "isEnabled" is_enabled: bool [] "Whether the list is made.";
        "optionalFields" optional_fields: Vec<String> [] "What it says besides the keys.";
        "schedule" schedule: InventorySchedule [] "How often.";
    }
}

shape! {
    /// Where a list goes.
    pub struct InventoryDestination: both(types::InventoryDestination) {
        "s3BucketDestination" s3_bucket_destination: InventoryS3BucketDestination [] "A bucket.";
    }
}

shape! {
    /// A bucket that gets a list.
    pub struct InventoryS3BucketDestination: both(types::InventoryS3BucketDestination) {
        "accountID" account_id: String [] "Account of the bucket.";
        "bucket" bucket: String [] "ARN of the bucket.";
        "encryption" encryption: InventoryEncryption [] "How the list is encrypted.";
        "format" format: String [] "CSV, ORC or Parquet.";
        "prefix" prefix: String [] "How the keys of the list begin.";
    }
}

shape! {
    /// How a list is encrypted.
    pub struct InventoryEncryption: both(types::InventoryEncryption) {
        "sseKMS" ssekms: Ssekms [] "With a key of KMS.";
    }
}

shape! {
    /// A key of KMS.
    pub struct Ssekms: both(types::Ssekms) {
        "keyID" key_id: String [] "ARN of the key.";
    }
}

shape! {
    /// Which objects a list has.
    pub struct InventoryFilter: both(types::InventoryFilter) {
        "prefix" prefix: String [] "Whose key begins so.";
    }
}

shape! {
    /// How often a list is made.
    pub struct InventorySchedule: both(types::InventorySchedule) {
        "frequency" frequency: String [] "Daily or Weekly.";
    }
}

shape! {
    /// What is counted.
    pub struct MetricsConfiguration: both(types::MetricsConfiguration) {
        "filter" filter: MetricsFilter [] "Which objects; all if unset.";
        "id" id: String [] "Name of the metrics.";
    }
}

shape! {
    /// Which objects are meant: exactly one of these.
    pub struct MetricsFilter: union(types::MetricsFilter) {
        "accessPointARN" access_point_arn: String [] "Used through this access point.";
        "and" and: MetricsAndOperator [] "All of several conditions.";
        "prefix" prefix: String [] "Whose key begins so.";
        "tag" tag: Tag [] "With this tag.";
    }
}

shape! {
    /// All of several conditions.
    pub struct MetricsAndOperator: both(types::MetricsAndOperator) {
        "accessPointARN" access_point_arn: String [] "Used through this access point.";
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tags" tags: Vec<Tag> [compare(as_map(Tag::pair))] "With all of these tags.";
    }
}
