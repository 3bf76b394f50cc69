//! Which objects are copied where.

use aws_sdk_s3::types;

use super::Tag;
use crate::reference::Reference;
use crate::shape::FromSdk;
use crate::shape::ToSdk;
use crate::shape::Unfit;
use crate::shape::compare::as_map;
use crate::shape::compare::ignored;
use crate::shape::compare::left_to_aws;
use crate::shape::shape;

shape! {
    /// Which objects are copied where.
    pub struct ReplicationConfiguration {
        "role" role: String [] "Role that S3 assumes. Use either this or `roleRef`.";
        "rules" rules: Vec<ReplicationRule> [] "What is copied where.";
        "roleRef" role_ref: Reference [compare(ignored)]
            "An object of kind Role that is the role.";
    }
}

shape! {
    /// What is copied where.
    pub struct ReplicationRule: both(types::ReplicationRule) {
        "deleteMarkerReplication" delete_marker_replication: DeleteMarkerReplication []
            "Whether deletions are copied.";
        "destination" destination: Destination [] "Where to.";
        "existingObjectReplication" existing_object_replication: ExistingObjectReplication []
            "Whether older objects are copied; AWS has given this up.";
        "filter" filter: ReplicationRuleFilter [] "Which objects.";
        "id" id: String [compare(left_to_aws)] "Name of the rule; AWS invents one if unset.";
        "prefix" prefix: String [] "How the keys begin: the old form of `filter`.";
        "priority" priority: i64 [compare(left_to_aws)] "Which rule counts where several fit.";
        "sourceSelectionCriteria" source_selection_criteria: SourceSelectionCriteria []
            "More about which objects.";
        "status" status: String [] "Enabled or Disabled.";
    }
}

shape! {
    /// Whether deletions are copied.
    pub struct DeleteMarkerReplication: both(types::DeleteMarkerReplication) {
        "status" status: String [] "Enabled or Disabled.";
    }
}

shape! {
    /// Where objects are copied to, and how.
    pub struct Destination: both(types::Destination) {
        "accessControlTranslation" access_control_translation: AccessControlTranslation []
            "Who owns the copies.";
        "account" account: String [] "Account of the other bucket.";
        "bucket" bucket: String [] "ARN of the other bucket.";
        "encryptionConfiguration" encryption_configuration: EncryptionConfiguration []
            "How the copies are encrypted.";
        "metrics" metrics: Metrics [] "Whether delays are counted.";
        "replicationTime" replication_time: ReplicationTime [] "How long a copy may take.";
        "storageClass" storage_class: String [] "Storage class of the copies.";
    }
}

shape! {
    /// Who owns the copies.
    pub struct AccessControlTranslation: both(types::AccessControlTranslation) {
        "owner" owner: String [] "Destination: the owner of the other bucket.";
    }
}

shape! {
    /// How the copies are encrypted.
    pub struct EncryptionConfiguration: both(types::EncryptionConfiguration) {
        "replicaKMSKeyID" replica_kms_key_id: String [] "Key of KMS in the other region.";
    }
}

shape! {
    /// Whether delays are counted.
    pub struct Metrics: both(types::Metrics) {
        "eventThreshold" event_threshold: ReplicationTimeValue [] "From which delay on.";
        "status" status: String [] "Enabled or Disabled.";
    }
}

shape! {
    /// A time.
    pub struct ReplicationTimeValue: both(types::ReplicationTimeValue) {
        "minutes" minutes: i64 [] "In minutes.";
    }
}

shape! {
    /// How long a copy may take.
    pub struct ReplicationTime: both(types::ReplicationTime) {
        "status" status: String [] "Enabled or Disabled.";
        "time" time: ReplicationTimeValue [] "At most this long.";
    }
}

shape! {
    /// Whether older objects are copied.
    pub struct ExistingObjectReplication: both(types::ExistingObjectReplication) {
        "status" status: String [] "Enabled or Disabled.";
    }
}

shape! {
    /// Which objects a rule is about; several conditions go under `and`.
    pub struct ReplicationRuleFilter: both(types::ReplicationRuleFilter) {
        "and" and: ReplicationRuleAndOperator [] "All of these conditions.";
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tag" tag: Tag [] "With this tag.";
    }
}

shape! {
    /// All of several conditions.
    pub struct ReplicationRuleAndOperator: both(types::ReplicationRuleAndOperator) {
        "prefix" prefix: String [unset("")] "Whose key begins so.";
        "tags" tags: Vec<Tag> [compare(as_map(Tag::pair))] "With all of these tags.";
    }
}

shape! {
    /// More about which objects are copied.
    pub struct SourceSelectionCriteria: both(types::SourceSelectionCriteria) {
        "replicaModifications" replica_modifications: ReplicaModifications []
            "Whether changes to copies are copied back.";
        "sseKMSEncryptedObjects" sse_kms_encrypted_objects: SseKmsEncryptedObjects []
            "Whether objects are copied that KMS encrypts.";
    }
}

shape! {
    /// Whether changes to copies are copied back.
    pub struct ReplicaModifications: both(types::ReplicaModifications) {
        "status" status: String [] "Enabled or Disabled.";
    }
}

shape! {
    /// Whether objects are copied that KMS encrypts.
    pub struct SseKmsEncryptedObjects: both(types::SseKmsEncryptedObjects) {
        "status" status: String [] "Enabled or Disabled.";
    }
}

/// By hand, since S3 knows nothing of `roleRef`.
impl ToSdk<types::ReplicationConfiguration> for ReplicationConfiguration {
    fn to_sdk(&self) -> Result<types::ReplicationConfiguration, Unfit> {
        let demanded = |name| Unfit::at(name, "has no value, and AWS demands one");
        let rules = self.rules.as_ref().ok_or_else(|| demanded("rules"))?;
        types::ReplicationConfiguration::builder()
            .role(self.role.as_ref().ok_or_else(|| demanded("role"))?)
            .set_rules(Some(rules.to_sdk().map_err(|unfit: Unfit| unfit.within("rules"))?))
            .build()
            .map_err(|error| Unfit::at("rules", error.to_string()))
    }
}

impl FromSdk<types::ReplicationConfiguration> for ReplicationConfiguration {
    fn from_sdk(sdk: &types::ReplicationConfiguration) -> Self {
        Self {
            role: Some(sdk.role.clone()),
            rules: Some(FromSdk::from_sdk(&sdk.rules)),
            role_ref: None,
        }
    }
}
