//! Who may do what with objects, and how these are protected.

use aws_sdk_s3::types;

use crate::shape::shape;

shape! {
    /// How objects are encrypted that do not say so themselves.
    pub struct ServerSideEncryptionConfiguration: both(types::ServerSideEncryptionConfiguration) {
        "rules" rules: Vec<ServerSideEncryptionRule> [] "The one rule that there can be.";
    }
}

shape! {
    /// How objects are encrypted.
    pub struct ServerSideEncryptionRule: both(types::ServerSideEncryptionRule) {
        "applyServerSideEncryptionByDefault" apply_server_side_encryption_by_default:
            ServerSideEncryptionByDefault [] "Algorithm and key.";
        "bucketKeyEnabled" bucket_key_enabled: bool [unset(false)]
            "Whether a key of the bucket saves requests to KMS.";
    }
}

shape! {
    /// Algorithm and key.
    pub struct ServerSideEncryptionByDefault: both(types::ServerSideEncryptionByDefault) {
        "kmsMasterKeyID" kms_master_key_id: String [] "Key of KMS; the one of S3 itself if unset.";
        "sseAlgorithm" sse_algorithm: String [] "AES256, aws:kms or aws:kms:dsse.";
    }
}

shape! {
    /// Who owns new objects.
    pub struct OwnershipControls: both(types::OwnershipControls) {
        "rules" rules: Vec<OwnershipControlsRule> [] "The one rule that there can be.";
    }
}

shape! {
    /// Who owns new objects.
    pub struct OwnershipControlsRule: both(types::OwnershipControlsRule) {
        "objectOwnership" object_ownership: String []
            "BucketOwnerEnforced, BucketOwnerPreferred or ObjectWriter.";
    }
}

shape! {
    /// Which ways of making a bucket public are barred.
    pub struct PublicAccessBlockConfiguration: both(types::PublicAccessBlockConfiguration) {
        "blockPublicACLs" block_public_acls: bool [unset(false)]
            "Access control lists that would make it public are refused.";
        "blockPublicPolicy" block_public_policy: bool [unset(false)]
            "Policies that would make it public are refused.";
        "ignorePublicACLs" ignore_public_acls: bool [unset(false)]
            "Access control lists make nothing public.";
        "restrictPublicBuckets" restrict_public_buckets: bool [unset(false)]
            "A public policy counts inside of the account only.";
    }
}

shape! {
    /// How long new objects are kept from deletion.
    pub struct ObjectLockConfiguration {
        "rule" rule: ObjectLockRule [] "For objects that do not say so themselves.";
    }
}

shape! {
    /// How long new objects are kept from deletion.
    pub struct ObjectLockRule: both(types::ObjectLockRule) {
        "defaultRetention" default_retention: DefaultRetention [] "Mode and time.";
    }
}

shape! {
    /// How long and how strictly.
    pub struct DefaultRetention: both(types::DefaultRetention) {
        "days" days: i64 [unset(0)] "In days. Use either this or `years`.";
        "mode" mode: String [] "GOVERNANCE or COMPLIANCE.";
        "years" years: i64 [unset(0)] "In years. Use either this or `days`.";
    }
}

impl ServerSideEncryptionConfiguration {
    /// What AWS gives every bucket.
    pub(in crate::s3) fn aws_default() -> Self {
        let by_default = ServerSideEncryptionByDefault {
            kms_master_key_id: None,
            sse_algorithm: Some("AES256".to_owned()),
        };
        let rule = ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(by_default),
            bucket_key_enabled: Some(false),
        };
        Self { rules: Some(vec![rule]) }
    }
}

impl OwnershipControls {
    /// What AWS gives every bucket.
    pub(in crate::s3) fn aws_default() -> Self {
        Self::of("BucketOwnerEnforced")
    }

    /// One rule.
    pub(in crate::s3) fn of(ownership: &str) -> Self {
        let rule = OwnershipControlsRule { object_ownership: Some(ownership.to_owned()) };
        Self { rules: Some(vec![rule]) }
    }
}

impl PublicAccessBlockConfiguration {
    fn all(value: bool) -> Self {
        Self {
            block_public_acls: Some(value),
            block_public_policy: Some(value),
            ignore_public_acls: Some(value),
            restrict_public_buckets: Some(value),
        }
    }

    /// Nothing is barred: what a bucket has whose configuration was deleted.
    pub(in crate::s3) fn all_off() -> Self {
        Self::all(false)
    }

    /// What AWS gives every new bucket.
    pub(in crate::s3) fn aws_default() -> Self {
        Self::all(true)
    }
}
