//! The documents of the sub-resources, as the published schema has them.

use super::tagging::TAG;
use super::tagging::TAG_SET;
use crate::shape::Shape;
use crate::shape::attribute;
use crate::shape::flat;
use crate::shape::int;
use crate::shape::list;
use crate::shape::one_of;
use crate::shape::opt;
use crate::shape::req;
use crate::shape::text;

const MAX: usize = 1000;
const ANY: Shape = text(0, 4096);
const DAYS: Shape = int(i64::MIN, i32::MAX as i64);
const SIZE: Shape = int(0, i64::MAX);
const ENABLED: Shape = one_of(&["Enabled", "Disabled"]);
const TAGS: Shape = flat(&TAG, 0, MAX);
const STATUS: Shape = Shape::Struct(&[req("Status", ENABLED)]);

pub(super) const ABAC: Shape = STATUS;
pub(super) const ACCELERATE: Shape =
    Shape::Struct(&[req("Status", one_of(&["Enabled", "Suspended"]))]);
pub(super) const PAYMENT: Shape =
    Shape::Struct(&[req("Payer", one_of(&["BucketOwner", "Requester"]))]);
pub(super) const TAGGING: Shape = Shape::Struct(&[req("TagSet", TAG_SET)]);
pub(super) const VERSIONING: Shape =
    Shape::Struct(&[opt("MfaDelete", ENABLED), opt("Status", one_of(&["Enabled", "Suspended"]))]);

// Encryption.

const BY_DEFAULT: Shape = Shape::Struct(&[
    req("SSEAlgorithm", one_of(&["AES256", "aws:kms", "aws:kms:dsse"])),
    opt("KMSMasterKeyID", text(1, 2048)),
]);
const BLOCKED: Shape =
    Shape::Struct(&[opt("EncryptionType", flat(&one_of(&["NONE", "SSE-C"]), 0, 2))]);
const ENCRYPTION_RULE: Shape = Shape::Struct(&[
    opt("ApplyServerSideEncryptionByDefault", BY_DEFAULT),
    opt("BlockedEncryptionTypes", BLOCKED),
    opt("BucketKeyEnabled", Shape::Bool),
]);
pub(super) const ENCRYPTION: Shape = Shape::Struct(&[req("Rule", flat(&ENCRYPTION_RULE, 1, 1))]);

// Who may do what.

/// What the header and the document of object ownership may say.
pub(super) const OWNERSHIPS: &[&str] =
    &["BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"];
const OWNERSHIP_RULE: Shape = Shape::Struct(&[req("ObjectOwnership", one_of(OWNERSHIPS))]);
pub(super) const OWNERSHIP: Shape = Shape::Struct(&[req("Rule", flat(&OWNERSHIP_RULE, 1, 1))]);

pub(super) const PUBLIC_ACCESS_BLOCK: Shape = Shape::Struct(&[
    opt("BlockPublicAcls", Shape::Bool),
    opt("IgnorePublicAcls", Shape::Bool),
    opt("BlockPublicPolicy", Shape::Bool),
    opt("RestrictPublicBuckets", Shape::Bool),
]);

const GRANTEE: Shape = Shape::Struct(&[
    attribute("xsi:type", one_of(&["AmazonCustomerByEmail", "CanonicalUser", "Group"])),
    opt("ID", ANY),
    opt("DisplayName", ANY),
    opt("EmailAddress", ANY),
    opt("URI", ANY),
]);
const PERMISSION: Shape = one_of(&["FULL_CONTROL", "READ", "READ_ACP", "WRITE", "WRITE_ACP"]);
const GRANT: Shape = Shape::Struct(&[req("Grantee", GRANTEE), req("Permission", PERMISSION)]);
pub(super) const ACL: Shape = Shape::Struct(&[
    opt("Owner", Shape::Struct(&[opt("DisplayName", ANY), req("ID", ANY)])),
    req("AccessControlList", list(&GRANT, 0, 100, "Grant")),
]);

// Logging.

const TARGET_GRANT: Shape = Shape::Struct(&[
    req("Grantee", GRANTEE),
    req("Permission", one_of(&["FULL_CONTROL", "READ", "WRITE"])),
]);
const PARTITIONED: Shape =
    Shape::Struct(&[opt("PartitionDateSource", one_of(&["EventTime", "DeliveryTime"]))]);
const KEY_FORMAT: Shape = Shape::Struct(&[
    opt("SimplePrefix", Shape::Struct(&[])),
    opt("PartitionedPrefix", PARTITIONED),
]);
const LOGGING_ENABLED: Shape = Shape::Struct(&[
    req("TargetBucket", ANY),
    opt("TargetGrants", list(&TARGET_GRANT, 0, 100, "Grant")),
    req("TargetPrefix", ANY),
    opt("TargetObjectKeyFormat", KEY_FORMAT),
]);
pub(super) const LOGGING: Shape = Shape::Struct(&[opt("LoggingEnabled", LOGGING_ENABLED)]);

// Cross-origin rules.

const CORS_RULE: Shape = Shape::Struct(&[
    opt("ID", text(0, 255)),
    req("AllowedOrigin", flat(&ANY, 1, MAX)),
    req("AllowedMethod", flat(&ANY, 1, MAX)),
    opt("AllowedHeader", flat(&ANY, 0, MAX)),
    opt("ExposeHeader", flat(&ANY, 0, MAX)),
    opt("MaxAgeSeconds", int(0, i32::MAX as i64)),
]);
pub(super) const CORS: Shape = Shape::Struct(&[req("CORSRule", flat(&CORS_RULE, 1, 100))]);

// Lifecycle.

const LIFECYCLE_AND: Shape = Shape::Struct(&[
    opt("Prefix", ANY),
    opt("Tag", TAGS),
    opt("ObjectSizeGreaterThan", SIZE),
    opt("ObjectSizeLessThan", SIZE),
]);
const LIFECYCLE_FILTER: Shape = Shape::Struct(&[
    opt("Prefix", ANY),
    opt("Tag", TAG),
    opt("ObjectSizeGreaterThan", SIZE),
    opt("ObjectSizeLessThan", SIZE),
    opt("And", LIFECYCLE_AND),
]);
const COLDER: Shape = one_of(&[
    "DEEP_ARCHIVE",
    "GLACIER",
    "GLACIER_IR",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "STANDARD_IA",
]);
const EXPIRATION: Shape = Shape::Struct(&[
    opt("Date", ANY),
    opt("Days", DAYS),
    opt("ExpiredObjectDeleteMarker", Shape::Bool),
]);
const TRANSITION: Shape =
    Shape::Struct(&[opt("Date", ANY), opt("Days", DAYS), req("StorageClass", COLDER)]);
const NONCURRENT_TRANSITION: Shape = Shape::Struct(&[
    req("NoncurrentDays", DAYS),
    opt("NewerNoncurrentVersions", int(1, 100)),
    req("StorageClass", COLDER),
]);
const NONCURRENT_EXPIRATION: Shape =
    Shape::Struct(&[req("NoncurrentDays", DAYS), opt("NewerNoncurrentVersions", int(1, 100))]);
const LIFECYCLE_RULE: Shape = Shape::Struct(&[
    opt("ID", text(0, 255)),
    opt("Prefix", ANY),
    opt("Filter", LIFECYCLE_FILTER),
    req("Status", ENABLED),
    opt("Expiration", EXPIRATION),
    opt("Transition", flat(&TRANSITION, 0, MAX)),
    opt("NoncurrentVersionTransition", flat(&NONCURRENT_TRANSITION, 0, MAX)),
    opt("NoncurrentVersionExpiration", NONCURRENT_EXPIRATION),
    opt("AbortIncompleteMultipartUpload", Shape::Struct(&[req("DaysAfterInitiation", DAYS)])),
]);
pub(super) const LIFECYCLE: Shape = Shape::Struct(&[req("Rule", flat(&LIFECYCLE_RULE, 1, MAX))]);

// Notifications.

const FILTER_RULE: Shape = Shape::Struct(&[
    req("Name", one_of(&["prefix", "suffix", "Prefix", "Suffix"])),
    req("Value", text(0, 1024)),
]);
const NOTIFICATION_FILTER: Shape =
    Shape::Struct(&[opt("S3Key", Shape::Struct(&[opt("FilterRule", flat(&FILTER_RULE, 0, 2))]))]);
const EVENTS: Shape = flat(&ANY, 1, MAX);
const TOPIC: Shape = Shape::Struct(&[
    opt("Id", ANY),
    req("Topic", ANY),
    req("Event", EVENTS),
    opt("Filter", NOTIFICATION_FILTER),
]);
const QUEUE: Shape = Shape::Struct(&[
    opt("Id", ANY),
    req("Queue", ANY),
    req("Event", EVENTS),
    opt("Filter", NOTIFICATION_FILTER),
]);
const FUNCTION: Shape = Shape::Struct(&[
    opt("Id", ANY),
    req("CloudFunction", ANY),
    req("Event", EVENTS),
    opt("Filter", NOTIFICATION_FILTER),
]);
pub(super) const NOTIFICATION: Shape = Shape::Struct(&[
    opt("TopicConfiguration", flat(&TOPIC, 0, 100)),
    opt("QueueConfiguration", flat(&QUEUE, 0, 100)),
    opt("CloudFunctionConfiguration", flat(&FUNCTION, 0, 100)),
    opt("EventBridgeConfiguration", Shape::Struct(&[])),
]);

// Object lock.

const RETENTION: Shape = Shape::Struct(&[
    opt("Mode", one_of(&["GOVERNANCE", "COMPLIANCE"])),
    opt("Days", DAYS),
    opt("Years", DAYS),
]);
pub(super) const OBJECT_LOCK: Shape = Shape::Struct(&[
    opt("ObjectLockEnabled", one_of(&["Enabled"])),
    opt("Rule", Shape::Struct(&[opt("DefaultRetention", RETENTION)])),
]);

// Replication.

const REPLICATION_FILTER: Shape = Shape::Struct(&[
    opt("Prefix", ANY),
    opt("Tag", TAG),
    opt("And", Shape::Struct(&[opt("Prefix", ANY), opt("Tag", TAGS)])),
]);
const MINUTES: Shape = Shape::Struct(&[opt("Minutes", int(15, 15))]);
const DESTINATION: Shape = Shape::Struct(&[
    req("Bucket", ANY),
    opt("Account", ANY),
    opt(
        "StorageClass",
        one_of(&[
            "STANDARD",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER",
            "DEEP_ARCHIVE",
            "OUTPOSTS",
            "GLACIER_IR",
        ]),
    ),
    opt("AccessControlTranslation", Shape::Struct(&[req("Owner", one_of(&["Destination"]))])),
    opt("EncryptionConfiguration", Shape::Struct(&[opt("ReplicaKmsKeyID", ANY)])),
    opt("ReplicationTime", Shape::Struct(&[req("Status", ENABLED), req("Time", MINUTES)])),
    opt("Metrics", Shape::Struct(&[req("Status", ENABLED), opt("EventThreshold", MINUTES)])),
]);
const REPLICATION_RULE: Shape = Shape::Struct(&[
    opt("ID", text(0, 255)),
    opt("Priority", int(0, i32::MAX as i64)),
    opt("Prefix", ANY),
    opt("Filter", REPLICATION_FILTER),
    req("Status", ENABLED),
    opt(
        "SourceSelectionCriteria",
        Shape::Struct(&[
            opt("SseKmsEncryptedObjects", STATUS),
            opt("ReplicaModifications", STATUS),
        ]),
    ),
    opt("ExistingObjectReplication", STATUS),
    req("Destination", DESTINATION),
    opt("DeleteMarkerReplication", Shape::Struct(&[opt("Status", ENABLED)])),
]);
pub(super) const REPLICATION: Shape =
    Shape::Struct(&[req("Role", ANY), req("Rule", flat(&REPLICATION_RULE, 1, MAX))]);

// Website.

const PROTOCOL: Shape = one_of(&["http", "https"]);
const ROUTING_RULE: Shape = Shape::Struct(&[
    opt(
        "Condition",
        Shape::Struct(&[opt("HttpErrorCodeReturnedEquals", ANY), opt("KeyPrefixEquals", ANY)]),
    ),
    req(
        "Redirect",
        Shape::Struct(&[
            opt("HostName", ANY),
            opt("HttpRedirectCode", ANY),
            opt("Protocol", PROTOCOL),
            opt("ReplaceKeyPrefixWith", ANY),
            opt("ReplaceKeyWith", ANY),
        ]),
    ),
]);
pub(super) const WEBSITE: Shape = Shape::Struct(&[
    opt("RedirectAllRequestsTo", Shape::Struct(&[req("HostName", ANY), opt("Protocol", PROTOCOL)])),
    opt("IndexDocument", Shape::Struct(&[req("Suffix", ANY)])),
    opt("ErrorDocument", Shape::Struct(&[req("Key", text(1, 1024))])),
    opt("RoutingRules", list(&ROUTING_RULE, 0, 50, "RoutingRule")),
]);

// Sub-resources that a bucket has many of, told apart by an id.

const ID: Shape = text(1, 64);
const AND: Shape = Shape::Struct(&[opt("Prefix", ANY), opt("Tag", TAGS)]);
const FILTER: Shape = Shape::Struct(&[opt("Prefix", ANY), opt("Tag", TAG), opt("And", AND)]);

const ANALYTICS_EXPORT: Shape = Shape::Struct(&[
    req("OutputSchemaVersion", one_of(&["V_1"])),
    req(
        "Destination",
        Shape::Struct(&[req(
            "S3BucketDestination",
            Shape::Struct(&[
                req("Format", one_of(&["CSV"])),
                opt("BucketAccountId", ANY),
                req("Bucket", ANY),
                opt("Prefix", ANY),
            ]),
        )]),
    ),
]);
pub(super) const ANALYTICS: Shape = Shape::Struct(&[
    req("Id", ID),
    opt("Filter", FILTER),
    req("StorageClassAnalysis", Shape::Struct(&[opt("DataExport", ANALYTICS_EXPORT)])),
]);

const TIERING_STEP: Shape = Shape::Struct(&[
    req("AccessTier", one_of(&["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"])),
    req("Days", int(90, 730)),
]);
pub(super) const TIERING: Shape = Shape::Struct(&[
    req("Id", ID),
    opt("Filter", FILTER),
    req("Status", ENABLED),
    req("Tiering", flat(&TIERING_STEP, 1, 2)),
]);

const INVENTORY_ENCRYPTION: Shape = Shape::Struct(&[
    opt("SSE-S3", Shape::Struct(&[])),
    opt("SSE-KMS", Shape::Struct(&[req("KeyId", ANY)])),
]);
const INVENTORY_DESTINATION: Shape = Shape::Struct(&[req(
    "S3BucketDestination",
    Shape::Struct(&[
        opt("AccountId", ANY),
        req("Bucket", ANY),
        req("Format", one_of(&["CSV", "ORC", "Parquet"])),
        opt("Prefix", ANY),
        opt("Encryption", INVENTORY_ENCRYPTION),
    ]),
)]);
const INVENTORY_FIELD: Shape = one_of(&[
    "Size",
    "LastModifiedDate",
    "StorageClass",
    "ETag",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
]);
pub(super) const INVENTORY: Shape = Shape::Struct(&[
    req("Id", ID),
    req("IsEnabled", Shape::Bool),
    opt("Filter", Shape::Struct(&[req("Prefix", ANY)])),
    req("Destination", INVENTORY_DESTINATION),
    req("Schedule", Shape::Struct(&[req("Frequency", one_of(&["Daily", "Weekly"]))])),
    req("IncludedObjectVersions", one_of(&["All", "Current"])),
    opt("OptionalFields", list(&INVENTORY_FIELD, 0, MAX, "Field")),
]);

const METRICS_FILTER: Shape = Shape::Struct(&[
    opt("Prefix", ANY),
    opt("Tag", TAG),
    opt("AccessPointArn", ANY),
    opt("And", Shape::Struct(&[opt("Prefix", ANY), opt("Tag", TAGS), opt("AccessPointArn", ANY)])),
]);
pub(super) const METRICS: Shape = Shape::Struct(&[req("Id", ID), opt("Filter", METRICS_FILTER)]);
