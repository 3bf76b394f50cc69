//! Shape tables of Amazon DynamoDB.

use aws_sdk_dynamodb::operation::create_backup::builders::CreateBackupInputBuilder;
use aws_sdk_dynamodb::operation::create_global_table::builders::CreateGlobalTableInputBuilder;
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::types;

use crate::iam;
use crate::reference::Reference;
use crate::shape::FromSdk;
use crate::shape::Time;
use crate::shape::ToSdk;
use crate::shape::Unfit;
use crate::shape::compare::as_map;
use crate::shape::compare::by_key;
use crate::shape::compare::ignored;
use crate::shape::compare::left_to_aws;
use crate::shape::shape;

shape! {
    /// An attribute that key schemas refer to.
    pub struct AttributeDefinition: both(types::AttributeDefinition) {
        "attributeName" attribute_name: String [] "Name of the attribute.";
        "attributeType" attribute_type: String [] "S, N or B.";
    }
}

shape! {
    /// One attribute of a primary key.
    pub struct KeySchemaElement: both(types::KeySchemaElement) {
        "attributeName" attribute_name: String [] "Name of the attribute.";
        "keyType" key_type: String [] "HASH for the partition key, RANGE for the sort key.";
    }
}

shape! {
    /// Capacity that is paid for whether it is used or not.
    pub struct ProvisionedThroughput:
        both(types::ProvisionedThroughput), reads(types::ProvisionedThroughputDescription)
    {
        "readCapacityUnits" read_capacity_units: i64 [] "Strongly consistent reads per second.";
        "writeCapacityUnits" write_capacity_units: i64 [] "Writes per second.";
    }
}

shape! {
    /// A name and a value that DynamoDB keeps with a table.
    pub struct Tag: both(types::Tag) {
        "key" key: String [] "Name of the tag.";
        "value" value: String [] "Value of the tag.";
    }
}

shape! {
    /// Whether the table can be restored to any point in time.
    pub struct PointInTimeRecoverySpecification: both(types::PointInTimeRecoverySpecification) {
        "pointInTimeRecoveryEnabled" point_in_time_recovery_enabled: bool [] "Whether it can.";
    }
}

shape! {
    /// An index with keys of its own.
    pub struct GlobalSecondaryIndex:
        both(types::GlobalSecondaryIndex),
        both(types::CreateGlobalSecondaryIndexAction),
        reads(types::GlobalSecondaryIndexDescription)
    {
        "indexName" index_name: String [] "Name of the index, unique in its table.";
        "keySchema" key_schema: Vec<KeySchemaElement>
            [compare(by_key(|k: &KeySchemaElement| k.attribute_name.clone()))] "Its key.";
        "onDemandThroughput" on_demand_throughput: OnDemandThroughput []
            "Upper bounds, with billing mode PAY_PER_REQUEST only.";
        "projection" projection: Projection [] "The attributes that it has.";
        "provisionedThroughput" provisioned_throughput: ProvisionedThroughput []
            "Its capacity, with billing mode PROVISIONED only.";
    }
}

shape! {
    /// An index with the partition key of its table.
    pub struct LocalSecondaryIndex:
        both(types::LocalSecondaryIndex), reads(types::LocalSecondaryIndexDescription)
    {
        "indexName" index_name: String [] "Name of the index, unique in its table.";
        "keySchema" key_schema: Vec<KeySchemaElement>
            [compare(by_key(|k: &KeySchemaElement| k.attribute_name.clone()))] "Its key.";
        "projection" projection: Projection [] "The attributes that it has.";
    }
}

shape! {
    /// How a table is encrypted.
    pub struct SseSpecification {
        "enabled" enabled: bool [] "Whether a key of KMS is used.";
        "kmsMasterKeyID" kms_master_key_id: String [compare(same_key)]
            "The key; AWS's own for DynamoDB if unset. Use either this or `kmsMasterKeyRef`.";
        "kmsMasterKeyRef" kms_master_key_ref: Reference [compare(ignored)]
            "An object of kind Key that is the key.";
        "sseType" sse_type: String [compare(left_to_aws)] "KMS.";
    }
}

shape! {
    /// Whether there is a stream of changes.
    pub struct StreamSpecification: both(types::StreamSpecification) {
        "streamEnabled" stream_enabled: bool [] "Whether there is.";
        "streamViewType" stream_view_type: String []
            "What it has: KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or NEW_AND_OLD_IMAGES.";
    }
}

shape! {
    /// The table in another region.
    pub struct TableReplica:
        both(types::CreateReplicationGroupMemberAction),
        both(types::UpdateReplicationGroupMemberAction)
    {
        "globalSecondaryIndexes" global_secondary_indexes: Vec<ReplicaGlobalSecondaryIndex>
            [compare(left_to_aws)] "Indexes whose capacity differs there.";
        "kmsMasterKeyID" kms_master_key_id: String [compare(left_to_aws)] "Key that encrypts it.";
        "provisionedThroughputOverride" provisioned_throughput_override:
            ProvisionedThroughputOverride [compare(left_to_aws)] "Capacity where it differs there.";
        "regionName" region_name: String [] "The region.";
        "tableClassOverride" table_class_override: String [compare(left_to_aws)]
            "Table class where it differs there.";
    }
}

shape! {
    /// An index of the table in another region.
    pub struct ReplicaGlobalSecondaryIndex:
        both(types::ReplicaGlobalSecondaryIndex),
        reads(types::ReplicaGlobalSecondaryIndexDescription)
    {
        "indexName" index_name: String [] "Name of the index.";
        "provisionedThroughputOverride" provisioned_throughput_override:
            ProvisionedThroughputOverride [] "Its capacity there.";
    }
}

shape! {
    /// Whether items expire.
    pub struct TimeToLiveSpecification: both(types::TimeToLiveSpecification) {
        "attributeName" attribute_name: String [] "Attribute that says when, in seconds of Unix time.";
        "enabled" enabled: bool [] "Whether they do.";
    }
}

shape! {
    /// TableSpec defines the desired state of Table.
    pub struct TableSpec:
        create(CreateTableInputBuilder),
        update(UpdateTableInputBuilder),
        read(types::TableDescription)
    {
        "attributeDefinitions" attribute_definitions: Vec<AttributeDefinition>
            [required create read
             compare(by_key(|a: &AttributeDefinition| a.attribute_name.clone()))]
            "The attributes that the key schema and the indexes refer to.";
        "billingMode" billing_mode: String
            [create update unset("PROVISIONED")
             read(|t| t.billing_mode_summary.as_ref()?.billing_mode.as_ref())]
            "PROVISIONED (default) or PAY_PER_REQUEST.";
        "continuousBackups" continuous_backups: PointInTimeRecoverySpecification []
            "Whether the table can be restored to any point in time of the last weeks.";
        "contributorInsights" contributor_insights: String [compare(left_to_aws)]
            "ENABLE or DISABLE: whether the most used keys are found out.";
        "deletionProtectionEnabled" deletion_protection_enabled: bool
            [create update unset(false) read] "Whether deleting the table is refused.";
        "globalSecondaryIndexes" global_secondary_indexes: Vec<GlobalSecondaryIndex>
            [create read compare(by_key(|i: &GlobalSecondaryIndex| i.index_name.clone()))]
            "Indexes with keys of their own; one is changed at a time.";
        "keySchema" key_schema: Vec<KeySchemaElement>
            [required immutable create read
             compare(by_key(|k: &KeySchemaElement| k.attribute_name.clone()))]
            "The attributes that make up the primary key.";
        "localSecondaryIndexes" local_secondary_indexes: Vec<LocalSecondaryIndex>
            [immutable create read compare(by_key(|i: &LocalSecondaryIndex| i.index_name.clone()))]
            "Indexes with the partition key of the table; fixed at creation.";
        "onDemandThroughput" on_demand_throughput: OnDemandThroughput
            [create read] "Upper bounds, with billing mode PAY_PER_REQUEST only.";
        "provisionedThroughput" provisioned_throughput: ProvisionedThroughput
            [create update read(|t| t.provisioned_throughput.as_ref())]
            "Capacity of the table, with billing mode PROVISIONED only.";
        "resourcePolicy" resource_policy: String [create document compare(iam::same_policy)]
            "The policy of the table, as JSON.";
        "sseSpecification" sse_specification: SseSpecification [create]
            "How the table is encrypted, if not with a key of DynamoDB itself.";
        "streamSpecification" stream_specification: StreamSpecification
            [create read(|t| t.stream_specification.as_ref())]
            "Whether there is a stream of changes, and what it has.";
        "tableClass" table_class: String
            [create update unset("STANDARD")
             read(|t| t.table_class_summary.as_ref()?.table_class.as_ref())]
            "STANDARD (default) or STANDARD_INFREQUENT_ACCESS.";
        "tableName" table_name: String [required create read] "Name of the table.";
        "tableReplicas" table_replicas: Vec<TableReplica>
            [compare(by_key(|r: &TableReplica| r.region_name.clone()))]
            "The table in other regions; one is changed at a time.";
        "tags" tags: Vec<Tag> [create compare(as_map(Tag::pair))]
            "Tags of the table, compared as a map.";
        "timeToLive" time_to_live: TimeToLiveSpecification []
            "Whether items expire by one of their attributes.";
    }
}

shape! {
    /// How and when a table was archived.
    pub struct ArchivalSummary: reads(types::ArchivalSummary) {
        "archivalBackupARN" archival_backup_arn: String [] "Backup that the table was archived to.";
        "archivalDateTime" archival_date_time: Time [] "When the archival began.";
        "archivalReason" archival_reason: String [] "Why the table was archived.";
    }
}

shape! {
    /// Which attributes an index copies from its table.
    pub struct Projection: both(types::Projection) {
        "nonKeyAttributes" non_key_attributes: Vec<String> [] "Attributes besides the keys.";
        "projectionType" projection_type: String [] "KEYS_ONLY, INCLUDE or ALL.";
    }
}

shape! {
    /// Upper bounds of a table or an index that is paid per request.
    pub struct OnDemandThroughput: both(types::OnDemandThroughput) {
        "maxReadRequestUnits" max_read_request_units: i64 [] "Reads per second, -1 for no bound.";
        "maxWriteRequestUnits" max_write_request_units: i64 [] "Writes per second, -1 for no bound.";
    }
}

shape! {
    /// Provisioned capacity and its history.
    pub struct ProvisionedThroughputDescription: reads(types::ProvisionedThroughputDescription) {
        "lastDecreaseDateTime" last_decrease_date_time: Time [] "When it was last lowered.";
        "lastIncreaseDateTime" last_increase_date_time: Time [] "When it was last raised.";
        "numberOfDecreasesToday" number_of_decreases_today: i64 [] "How often it was lowered today.";
        "readCapacityUnits" read_capacity_units: i64 [] "Strongly consistent reads per second.";
        "writeCapacityUnits" write_capacity_units: i64 [] "Writes per second.";
    }
}

shape! {
    /// What AWS says about a global secondary index.
    pub struct GlobalSecondaryIndexDescription: reads(types::GlobalSecondaryIndexDescription) {
        "backfilling" backfilling: bool [] "Whether the index is still being filled.";
        "indexARN" index_arn: String [] "Name of the index in all of AWS.";
        "indexName" index_name: String [] "Name of the index, unique in its table.";
        "indexSizeBytes" index_size_bytes: i64 [] "Size, brought up to date every six hours or so.";
        "indexStatus" index_status: String [] "CREATING, UPDATING, DELETING or ACTIVE.";
        "itemCount" item_count: i64 [] "Items, brought up to date every six hours or so.";
        "keySchema" key_schema: Vec<KeySchemaElement> [] "The key of the index.";
        "onDemandThroughput" on_demand_throughput: OnDemandThroughput [] "Bounds when paid per request.";
        "projection" projection: Projection [] "The attributes that the index has.";
        "provisionedThroughput" provisioned_throughput: ProvisionedThroughputDescription []
            "Provisioned capacity of the index.";
    }
}

shape! {
    /// Capacity of a replica where it differs from the table's.
    pub struct ProvisionedThroughputOverride: both(types::ProvisionedThroughputOverride) {
        "readCapacityUnits" read_capacity_units: i64 [] "Strongly consistent reads per second.";
    }
}

shape! {
    /// An index of a replica.
    pub struct ReplicaGlobalSecondaryIndexDescription:
        reads(types::ReplicaGlobalSecondaryIndexDescription)
    {
        "indexName" index_name: String [] "Name of the index.";
        "provisionedThroughputOverride" provisioned_throughput_override:
            ProvisionedThroughputOverride [] "Capacity where it differs from the table's.";
    }
}

shape! {
    /// The table class of a replica.
    pub struct TableClassSummary: reads(types::TableClassSummary) {
        "lastUpdateDateTime" last_update_date_time: Time [] "When the class was last changed.";
        "tableClass" table_class: String [] "STANDARD or STANDARD_INFREQUENT_ACCESS.";
    }
}

shape! {
    /// What AWS says about the table in another region.
    pub struct ReplicaDescription: reads(types::ReplicaDescription) {
        "globalSecondaryIndexes" global_secondary_indexes:
            Vec<ReplicaGlobalSecondaryIndexDescription> [] "Indexes of the replica.";
        "kmsMasterKeyID" kms_master_key_id: String [] "Key that encrypts the replica.";
        "provisionedThroughputOverride" provisioned_throughput_override:
            ProvisionedThroughputOverride [] "Capacity where it differs from the table's.";
        "regionName" region_name: String [] "Region of the replica.";
        "replicaInaccessibleDateTime" replica_inaccessible_date_time: Time []
            "Since when the replica can't be used.";
        "replicaStatus" replica_status: String [] "State of the replica.";
        "replicaStatusDescription" replica_status_description: String [] "More about the state.";
        "replicaStatusPercentProgress" replica_status_percent_progress: String []
            "How far the creation has come.";
        "replicaTableClassSummary" replica_table_class_summary: TableClassSummary []
            "Table class of the replica.";
    }
}

shape! {
    /// What a table was restored from.
    pub struct RestoreSummary: reads(types::RestoreSummary) {
        "restoreDateTime" restore_date_time: Time [] "Point in time that was restored.";
        "restoreInProgress" restore_in_progress: bool [] "Whether it is still going on.";
        "sourceBackupARN" source_backup_arn: String [] "Backup that was restored.";
        "sourceTableARN" source_table_arn: String [] "Table that the backup was made of.";
    }
}

shape! {
    /// What AWS says about the table and what is not part of the spec.
    pub struct TableStatus: read(types::TableDescription) {
        "archivalSummary" archival_summary: ArchivalSummary [read] "How the table was archived.";
        "creationDateTime" creation_date_time: Time [read] "When the table was created.";
        "globalSecondaryIndexesDescriptions" global_secondary_indexes_descriptions:
            Vec<GlobalSecondaryIndexDescription> [read(|t| t.global_secondary_indexes.as_ref())]
            "State of the global secondary indexes.";
        "globalTableVersion" global_table_version: String [read] "Version of global tables in use.";
        "itemCount" item_count: i64 [read] "Items, brought up to date every six hours or so.";
        "latestStreamARN" latest_stream_arn: String [read] "Name of the latest stream in all of AWS.";
        "latestStreamLabel" latest_stream_label: String [read] "Timestamp of the latest stream.";
        "replicas" replicas: Vec<ReplicaDescription> [read] "The table in other regions.";
        "restoreSummary" restore_summary: RestoreSummary [read] "What the table was restored from.";
        "tableID" table_id: String [read] "Unique id of the table.";
        "tableSizeBytes" table_size_bytes: i64 [read]
            "Size, brought up to date every six hours or so.";
        "tableStatus" table_status: String [read]
            "CREATING, UPDATING, DELETING, ACTIVE, INACCESSIBLE_ENCRYPTION_CREDENTIALS, ARCHIVING or ARCHIVED.";
    }
}

impl Tag {
    /// Key and value; empty where the user left one out.
    pub fn pair(&self) -> (&str, &str) {
        (self.key.as_deref().unwrap_or_default(), self.value.as_deref().unwrap_or_default())
    }
}

shape! {
    /// BackupSpec defines the desired state of Backup.
    pub struct BackupSpec: create(CreateBackupInputBuilder) {
        "backupName" backup_name: String [required create] "Name of the backup; need not be unique.";
        "tableName" table_name: String [required create compare(ignored)]
            "Name or ARN of the table.";
    }
}

shape! {
    /// What AWS says about the backup and what is not part of the spec.
    pub struct BackupStatus: reads(types::BackupDetails) {
        "backupCreationDateTime" backup_creation_date_time: Time [] "When it was made.";
        "backupExpiryDateTime" backup_expiry_date_time: Time [] "When it expires, if it was made by AWS.";
        "backupSizeBytes" backup_size_bytes: i64 [] "How large it is.";
        "backupStatus" backup_status: String [] "CREATING, AVAILABLE or DELETED.";
        "backupType" backup_type: String [] "USER, SYSTEM or AWS_BACKUP.";
    }
}

shape! {
    /// GlobalTableSpec defines the desired state of GlobalTable.
    pub struct GlobalTableSpec: create(CreateGlobalTableInputBuilder) {
        "globalTableName" global_table_name: String [required create] "Name of the tables.";
        "replicationGroup" replication_group: Vec<Replica>
            [required create compare(by_key(|r: &Replica| r.region_name.clone()))]
            "The regions whose tables are kept alike.";
    }
}

shape! {
    /// A region.
    pub struct Replica: both(types::Replica), reads(types::ReplicaDescription) {
        "regionName" region_name: String [] "Name of the region.";
    }
}

shape! {
    /// What AWS says about the global table and what is not part of the spec.
    pub struct GlobalTableStatus: reads(types::GlobalTableDescription) {
        "creationDateTime" creation_date_time: Time [] "When it was made.";
        "globalTableStatus" global_table_status: String [] "CREATING, ACTIVE, DELETING or UPDATING.";
    }
}

/// By hand, since DynamoDB knows nothing of `kmsMasterKeyRef`.
impl ToSdk<types::SseSpecification> for SseSpecification {
    fn to_sdk(&self) -> Result<types::SseSpecification, Unfit> {
        Ok(types::SseSpecification::builder()
            .set_enabled(self.enabled)
            .set_kms_master_key_id(self.kms_master_key_id.clone())
            .set_sse_type(self.sse_type.as_deref().map(Into::into))
            .build())
    }
}

impl FromSdk<types::SseDescription> for SseSpecification {
    fn from_sdk(sdk: &types::SseDescription) -> Self {
        use types::SseStatus as S;
        let on = matches!(sdk.status, Some(S::Enabled | S::Enabling | S::Updating));
        Self {
            enabled: Some(on),
            kms_master_key_id: sdk.kms_master_key_arn.clone(),
            kms_master_key_ref: None,
            sse_type: sdk.sse_type.as_ref().map(|kind| kind.as_str().to_owned()),
        }
    }
}

/// Whether two names are those of one key. DynamoDB always answers with the ARN; what an alias stands
/// for it does not say.
fn same_key(desired: Option<&String>, latest: Option<&String>) -> bool {
    match (desired, latest) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(desired), Some(latest)) => {
            desired == latest
                || latest.ends_with(&format!("/{desired}"))
                || desired.contains("alias/")
        }
    }
}
