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

/// `CreateTable`
pub(super) const CREATE_TABLE: &[Member] = &[
    req("AttributeDefinitions", list(&ATTRIBUTE_DEFINITION, 0, usize::MAX, "member")),
    req("TableName", text_like(0, 1024, NAME)),
    req("KeySchema", KEY_SCHEMA),
    opt("BillingMode", BILLING_MODE),
    opt("ProvisionedThroughput", THROUGHPUT),
    opt("Tags", TAGS),
    opt("TableClass", TABLE_CLASS),
    opt("DeletionProtectionEnabled", Shape::Bool),
];

/// `UpdateTable`
pub(super) const UPDATE_TABLE: &[Member] = &[
    opt("AttributeDefinitions", list(&ATTRIBUTE_DEFINITION, 0, usize::MAX, "member")),
    req("TableName", TABLE_NAME),
    opt("BillingMode", BILLING_MODE),
    opt("ProvisionedThroughput", THROUGHPUT),
    opt("TableClass", TABLE_CLASS),
    opt("DeletionProtectionEnabled", Shape::Bool),
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
