//! The objects: what they are when they are made, what is changed of them, and how often AWS may be
//! called for them.

use serde_json::{Value, json};

/// A kind under load.
pub(super) struct Kind {
    pub(super) kind: &'static str,
    pub(super) group: &'static str,
    pub(super) plural: &'static str,
    /// The spec of the object of this name.
    pub(super) spec: fn(&str) -> Value,
    /// A merge patch of the spec.
    pub(super) change: fn() -> Value,
    /// The call by which AWS learns of the change.
    pub(super) changed_by: &'static str,
    /// What the published controller calls for a resync of an unchanged object.
    pub(super) published: usize,
    /// The share of that which is to be reached.
    pub(super) share: f64,
    /// Calls that one object may take to be made, changed and deleted.
    pub(super) most_per_life: usize,
}

const BUCKET: Kind = Kind {
    kind: "Bucket",
    group: "s3.services.k8s.aws",
    plural: "buckets",
    spec: |name| {
        json!({
            "name": name,
            "tags": [{"key": "app", "value": "load"}],
            "versioning": {"status": "Enabled"},
        })
    },
    change: || json!({"tags": [{"key": "app", "value": "changed"}]}),
    changed_by: "PutBucketTagging",
    published: 44,
    share: 1.0 / 3.0,
    most_per_life: 40,
};

const TABLE: Kind = Kind {
    kind: "Table",
    group: "dynamodb.services.k8s.aws",
    plural: "tables",
    spec: |name| {
        json!({
            "tableName": name,
            "billingMode": "PAY_PER_REQUEST",
            "attributeDefinitions": [{"attributeName": "id", "attributeType": "S"}],
            "keySchema": [{"attributeName": "id", "keyType": "HASH"}],
            "tags": [{"key": "app", "value": "load"}],
        })
    },
    change: || json!({"tags": [{"key": "app", "value": "changed"}]}),
    changed_by: "TagResource",
    published: 6,
    share: 1.0 / 3.0,
    most_per_life: 20,
};

const QUEUE: Kind = Kind {
    kind: "Queue",
    group: "sqs.services.k8s.aws",
    plural: "queues",
    spec: |name| json!({"queueName": name, "tags": {"app": "load"}}),
    change: || json!({"visibilityTimeout": "60"}),
    changed_by: "SetQueueAttributes",
    published: 4,
    share: 0.5,
    most_per_life: 12,
};

/// The kinds that people have many of.
pub(super) const KINDS: [Kind; 3] = [BUCKET, TABLE, QUEUE];

impl Kind {
    /// What the object with this number is called, in the cluster and in AWS.
    pub(super) fn name(&self, number: usize) -> String {
        format!("{}-{number}", self.kind.to_lowercase())
    }

    /// The path of all objects.
    pub(super) fn path(&self) -> String {
        format!("/apis/{}/v1alpha1/namespaces/default/{}", self.group, self.plural)
    }

    /// The object with this number.
    pub(super) fn object(&self, number: usize) -> Value {
        let name = self.name(number);
        json!({
            "apiVersion": format!("{}/v1alpha1", self.group),
            "kind": self.kind,
            "metadata": {"name": name, "namespace": "default"},
            "spec": (self.spec)(&name),
        })
    }
}
