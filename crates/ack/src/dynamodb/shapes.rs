//! Shape tables of Amazon DynamoDB.

use aws_sdk_dynamodb::operation::create_table::builders::CreateTableInputBuilder;
use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableInputBuilder;
use aws_sdk_dynamodb::types;

use crate::shape::Time;
use crate::shape::compare::as_map;
use crate::shape::compare::by_key;
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
        "deletionProtectionEnabled" deletion_protection_enabled: bool
            [create update unset(false) read] "Whether deleting the table is refused.";
        "keySchema" key_schema: Vec<KeySchemaElement>
            [required immutable create read
             compare(by_key(|k: &KeySchemaElement| k.attribute_name.clone()))]
            "The attributes that make up the primary key.";
        "provisionedThroughput" provisioned_throughput: ProvisionedThroughput
            [create update read(|t| t.provisioned_throughput.as_ref())]
            "Capacity of the table, with billing mode PROVISIONED only.";
        "tableClass" table_class: String
            [create update unset("STANDARD")
             read(|t| t.table_class_summary.as_ref()?.table_class.as_ref())]
            "STANDARD (default) or STANDARD_INFREQUENT_ACCESS.";
        "tableName" table_name: String [required create read] "Name of the table.";
        "tags" tags: Vec<Tag> [create compare(as_map(Tag::pair))]
            "Tags of the table, compared as a map.";
        later "continuousBackups" object;
        later "contributorInsights" string;
        later "globalSecondaryIndexes" array;
        later "localSecondaryIndexes" array;
        later "onDemandThroughput" object;
        later "resourcePolicy" string;
        later "sseSpecification" object;
        later "streamSpecification" object;
        later "tableReplicas" array;
        later "timeToLive" object;
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
