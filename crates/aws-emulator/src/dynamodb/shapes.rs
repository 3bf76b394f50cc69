//! The inputs of the operations.

use crate::shape::Member;
use crate::shape::Pattern;
use crate::shape::Shape;
use crate::shape::int;
use crate::shape::list;
use crate::shape::one_of;
use crate::shape::opt;
use crate::shape::req;
use crate::shape::text;
use crate::shape::text_like;

const NAME: Pattern = Pattern {
    text: "[a-zA-Z0-9_.-]+",
    matches: |text| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    },
};
/// The longest throughput that AWS's own bounds check lets through to its message.
const MAX_UNITS: i64 = i64::MAX;

/// A name or an ARN.
const TABLE_NAME: Shape = text(1, 1024);
const ATTRIBUTE_NAME: Shape = text(1, 255);
const ANY: Shape = text(0, usize::MAX);

const ATTRIBUTE_DEFINITION: Shape = Shape::Struct(&[
    req("AttributeName", ATTRIBUTE_NAME),
    req("AttributeType", one_of(&["B", "N", "S"])),
]);
const KEY_SCHEMA_ELEMENT: Shape = Shape::Struct(&[
    req("AttributeName", ATTRIBUTE_NAME),
    req("KeyType", one_of(&["HASH", "RANGE"])),
]);
const KEY_SCHEMA: Shape = list(&KEY_SCHEMA_ELEMENT, 1, 2, "member");
const THROUGHPUT: Shape = Shape::Struct(&[
    req("ReadCapacityUnits", int(1, MAX_UNITS)),
    req("WriteCapacityUnits", int(1, MAX_UNITS)),
]);
const BILLING_MODE: Shape = one_of(&["PROVISIONED", "PAY_PER_REQUEST"]);
const TABLE_CLASS: Shape = one_of(&["STANDARD", "STANDARD_INFREQUENT_ACCESS"]);
const TAG: Shape = Shape::Struct(&[req("Key", text(1, 128)), req("Value", text(0, 256))]);
const TAGS: Shape = list(&TAG, 0, usize::MAX, "member");

const PROJECTION: Shape = Shape::Struct(&[
    opt("ProjectionType", one_of(&["ALL", "INCLUDE", "KEYS_ONLY"])),
    opt("NonKeyAttributes", list(&ATTRIBUTE_NAME, 1, 20, "member")),
]);
const INDEX_NAME: Shape = text_like(3, 255, NAME);
const ON_DEMAND: Shape = Shape::Struct(&[
    opt("MaxReadRequestUnits", int(-1, i64::MAX)),
    opt("MaxWriteRequestUnits", int(-1, i64::MAX)),
]);
const GLOBAL_INDEX: Shape = Shape::Struct(&[
    req("IndexName", INDEX_NAME),
    req("KeySchema", KEY_SCHEMA),
    req("Projection", PROJECTION),
    opt("ProvisionedThroughput", THROUGHPUT),
    opt("OnDemandThroughput", ON_DEMAND),
]);
const LOCAL_INDEX: Shape = Shape::Struct(&[
    req("IndexName", INDEX_NAME),
    req("KeySchema", KEY_SCHEMA),
    req("Projection", PROJECTION),
]);
const STREAM: Shape = Shape::Struct(&[
    req("StreamEnabled", Shape::Bool),
    opt("StreamViewType", one_of(&["NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY"])),
]);
const ENCRYPTION: Shape = Shape::Struct(&[
    opt("Enabled", Shape::Bool),
    opt("SSEType", one_of(&["AES256", "KMS"])),
    opt("KMSMasterKeyId", text(1, 2048)),
]);

/// `CreateTable`
pub(super) const CREATE_TABLE: &[Member] = &[
    req("AttributeDefinitions", list(&ATTRIBUTE_DEFINITION, 0, usize::MAX, "member")),
    req("TableName", text_like(0, 1024, NAME)),
    req("KeySchema", KEY_SCHEMA),
    opt("LocalSecondaryIndexes", list(&LOCAL_INDEX, 0, usize::MAX, "member")),
    opt("GlobalSecondaryIndexes", list(&GLOBAL_INDEX, 0, usize::MAX, "member")),
    opt("BillingMode", BILLING_MODE),
    opt("ProvisionedThroughput", THROUGHPUT),
    opt("StreamSpecification", STREAM),
    opt("SSESpecification", ENCRYPTION),
    opt("Tags", TAGS),
    opt("TableClass", TABLE_CLASS),
    opt("DeletionProtectionEnabled", Shape::Bool),
    opt("ResourcePolicy", ANY),
    opt("OnDemandThroughput", ON_DEMAND),
];

const INDEX_UPDATE: Shape = Shape::Struct(&[
    opt(
        "Update",
        Shape::Struct(&[
            req("IndexName", INDEX_NAME),
            opt("ProvisionedThroughput", THROUGHPUT),
            opt("OnDemandThroughput", ON_DEMAND),
        ]),
    ),
    opt("Create", GLOBAL_INDEX),
    opt("Delete", Shape::Struct(&[req("IndexName", INDEX_NAME)])),
]);
const READ_OVERRIDE: Shape = Shape::Struct(&[opt("ReadCapacityUnits", int(1, MAX_UNITS))]);
const ON_DEMAND_OVERRIDE: Shape = Shape::Struct(&[opt("MaxReadRequestUnits", int(-1, i64::MAX))]);
const REPLICA_INDEX: Shape = Shape::Struct(&[
    req("IndexName", INDEX_NAME),
    opt("ProvisionedThroughputOverride", READ_OVERRIDE),
    opt("OnDemandThroughputOverride", ON_DEMAND_OVERRIDE),
]);
const REPLICA: Shape = Shape::Struct(&[
    req("RegionName", text(1, 64)),
    opt("KMSMasterKeyId", text(1, 2048)),
    opt("ProvisionedThroughputOverride", READ_OVERRIDE),
    opt("OnDemandThroughputOverride", ON_DEMAND_OVERRIDE),
    opt("GlobalSecondaryIndexes", list(&REPLICA_INDEX, 1, 20, "member")),
    opt("TableClassOverride", TABLE_CLASS),
]);
const REGION: Shape = Shape::Struct(&[req("RegionName", text(1, 64))]);
const REPLICA_UPDATE: Shape =
    Shape::Struct(&[opt("Create", REPLICA), opt("Update", REPLICA), opt("Delete", REGION)]);

/// `UpdateTable`
pub(super) const UPDATE_TABLE: &[Member] = &[
    opt("AttributeDefinitions", list(&ATTRIBUTE_DEFINITION, 0, usize::MAX, "member")),
    req("TableName", TABLE_NAME),
    opt("BillingMode", BILLING_MODE),
    opt("ProvisionedThroughput", THROUGHPUT),
    opt("GlobalSecondaryIndexUpdates", list(&INDEX_UPDATE, 0, usize::MAX, "member")),
    opt("StreamSpecification", STREAM),
    opt("SSESpecification", ENCRYPTION),
    opt("ReplicaUpdates", list(&REPLICA_UPDATE, 1, usize::MAX, "member")),
    opt("TableClass", TABLE_CLASS),
    opt("DeletionProtectionEnabled", Shape::Bool),
    opt("OnDemandThroughput", ON_DEMAND),
];

/// `UpdateTimeToLive`
pub(super) const TIME_TO_LIVE: &[Member] = &[
    req("TableName", TABLE_NAME),
    req(
        "TimeToLiveSpecification",
        Shape::Struct(&[req("Enabled", Shape::Bool), req("AttributeName", ATTRIBUTE_NAME)]),
    ),
];

/// `UpdateContinuousBackups`
pub(super) const CONTINUOUS_BACKUPS: &[Member] = &[
    req("TableName", TABLE_NAME),
    req(
        "PointInTimeRecoverySpecification",
        Shape::Struct(&[
            req("PointInTimeRecoveryEnabled", Shape::Bool),
            opt("RecoveryPeriodInDays", int(1, 35)),
        ]),
    ),
];

/// `UpdateContributorInsights`
pub(super) const UPDATE_INSIGHTS: &[Member] = &[
    req("TableName", TABLE_NAME),
    opt("IndexName", INDEX_NAME),
    req("ContributorInsightsAction", one_of(&["ENABLE", "DISABLE"])),
    opt("ContributorInsightsMode", one_of(&["ACCESSED_AND_THROTTLED_KEYS", "THROTTLED_KEYS"])),
];

/// `PutResourcePolicy`
pub(super) const PUT_POLICY: &[Member] = &[
    req("ResourceArn", text(1, 1283)),
    req("Policy", ANY),
    opt("ExpectedRevisionId", text(1, 255)),
    opt("ConfirmRemoveSelfResourceAccess", Shape::Bool),
];

/// `DeleteResourcePolicy`
pub(super) const DELETE_POLICY: &[Member] =
    &[req("ResourceArn", text(1, 1283)), opt("ExpectedRevisionId", text(1, 255))];

/// `CreateBackup`
pub(super) const CREATE_BACKUP: &[Member] =
    &[req("TableName", TABLE_NAME), req("BackupName", text_like(3, 255, NAME))];

/// Operations that take a backup and nothing else.
pub(super) const BACKUP: &[Member] = &[req("BackupArn", text(37, 1024))];

/// `ListBackups`
pub(super) const LIST_BACKUPS: &[Member] = &[
    opt("TableName", TABLE_NAME),
    opt("Limit", int(1, 100)),
    opt("TimeRangeLowerBound", Shape::Time),
    opt("TimeRangeUpperBound", Shape::Time),
    opt("ExclusiveStartBackupArn", text(37, 1024)),
    opt("BackupType", one_of(&["USER", "SYSTEM", "AWS_BACKUP", "ALL"])),
];

const GLOBAL_NAME: Shape = text_like(3, 255, NAME);

/// `CreateGlobalTable`
pub(super) const CREATE_GLOBAL_TABLE: &[Member] = &[
    req("GlobalTableName", GLOBAL_NAME),
    req("ReplicationGroup", list(&REGION, 1, usize::MAX, "member")),
];

/// Operations that take a global table and nothing else.
pub(super) const GLOBAL_TABLE: &[Member] = &[req("GlobalTableName", GLOBAL_NAME)];

/// `UpdateGlobalTable`
pub(super) const UPDATE_GLOBAL_TABLE: &[Member] = &[
    req("GlobalTableName", GLOBAL_NAME),
    req(
        "ReplicaUpdates",
        list(
            &Shape::Struct(&[opt("Create", REGION), opt("Delete", REGION)]),
            0,
            usize::MAX,
            "member",
        ),
    ),
];

/// `ListGlobalTables`
pub(super) const LIST_GLOBAL_TABLES: &[Member] = &[
    opt("ExclusiveStartGlobalTableName", GLOBAL_NAME),
    opt("Limit", int(1, 100)),
    opt("RegionName", text(1, 64)),
];

/// Operations that take a table and nothing else.
pub(super) const TABLE: &[Member] = &[req("TableName", TABLE_NAME)];

/// `DescribeContributorInsights`
pub(super) const CONTRIBUTOR_INSIGHTS: &[Member] =
    &[req("TableName", TABLE_NAME), opt("IndexName", text_like(3, 255, NAME))];

/// `ListTables`
pub(super) const LIST_TABLES: &[Member] =
    &[opt("ExclusiveStartTableName", text_like(3, 255, NAME)), opt("Limit", int(1, 100))];

/// Operations that take an ARN and nothing else.
pub(super) const RESOURCE: &[Member] = &[req("ResourceArn", text(1, 1283))];

/// `ListTagsOfResource`
pub(super) const LIST_TAGS: &[Member] =
    &[req("ResourceArn", text(1, 1283)), opt("NextToken", text(0, 1024))];

/// `TagResource`
pub(super) const TAG_RESOURCE: &[Member] = &[req("ResourceArn", text(1, 1283)), req("Tags", TAGS)];

/// `UntagResource`
pub(super) const UNTAG_RESOURCE: &[Member] = &[
    req("ResourceArn", text(1, 1283)),
    req("TagKeys", list(&text(1, 128), 0, usize::MAX, "member")),
];
