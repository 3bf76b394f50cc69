use serde_json::Value;

use crate::{
    kro::{instance, is_active, rgd},
    stack::condition,
};

/// An object and its life: what is applied when, and what shows that it has taken effect. It is an
/// instance of a definition, or an AWS resource by itself.
#[derive(Debug)]
pub struct Subject {
    /// What it is called, and the directory of its files.
    pub name: &'static str,
    /// Whether it is an instance of a definition, in which `kro-controller` has a part.
    pub with_kro: bool,
    /// Whether `ack-controller` has a part in it.
    pub with_ack: bool,
    /// Tables that AWS has before.
    pub(super) tables: &'static [&'static str],
    /// What is there before the definition, YAML or nothing.
    pub(super) before: &'static str,
    pub(super) definition: &'static str,
    pub(super) instance: &'static str,
    pub(super) update: &'static str,
    /// Name of the definition.
    pub(super) rgd: &'static str,
    /// Plural of the kind that it defines.
    pub(super) plural: &'static str,
    /// The path of the object, where it is no instance of a definition.
    pub(super) object: &'static str,
    /// A field that has another value once the update has taken effect: path of the object, JSON
    /// pointer, value.
    pub(super) updated: &'static [(&'static str, &'static str, &'static str)],
    /// The same in what AWS has: JSON pointer into its dump, value.
    pub(super) updated_at_aws: &'static [(&'static str, &'static str)],
    /// Calls of AWS that succeed once in the whole life.
    pub(super) made_once: &'static [&'static str],
    /// What is gone at the end, beside the instance.
    pub(super) members: &'static [&'static str],
}

macro_rules! yaml {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/subjects/", $name, ".yaml"))
    };
}

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/shop";
const BUCKET: &str = "/apis/s3.services.k8s.aws/v1alpha1/namespaces/default/buckets/shop-data";
const TABLE: &str = "/apis/dynamodb.services.k8s.aws/v1alpha1/namespaces/default/tables/shop-table";
const SUMMARY: &str = "/api/v1/namespaces/default/configmaps/summary";
const THIRD: &str = "/api/v1/namespaces/default/configmaps/third";

/// The subjects of crashes and faults.
pub static SUBJECTS: [Subject; 3] = [
    Subject {
        name: "application",
        with_kro: true,
        with_ack: true,
        tables: &[],
        before: "",
        definition: yaml!("application/definition"),
        instance: yaml!("application/instance"),
        update: yaml!("application/update"),
        rgd: "application",
        plural: "applications",
        object: "",
        updated: &[
            (DEPLOYMENT, "/spec/template/spec/containers/0/image", "shop:2"),
            (BUCKET, "/spec/tags/0/value", "blue"),
        ],
        updated_at_aws: &[],
        made_once: &["CreateBucket", "CreateTable"],
        members: &[DEPLOYMENT, BUCKET, TABLE],
    },
    Subject {
        name: "collection",
        with_kro: true,
        with_ack: false,
        tables: &[],
        before: yaml!("collection/before"),
        definition: yaml!("collection/definition"),
        instance: yaml!("collection/instance"),
        update: yaml!("collection/update"),
        rgd: "fleet",
        plural: "fleets",
        object: "",
        updated: &[(SUMMARY, "/data/members", "member-b,member-b,member-c,member-c")],
        updated_at_aws: &[],
        made_once: &[],
        members: &[SUMMARY, "/api/v1/namespaces/other/configmaps/member-b"],
    },
    Subject {
        name: "external reference",
        with_kro: true,
        with_ack: false,
        tables: &[],
        before: yaml!("external/before"),
        definition: yaml!("external/definition"),
        instance: yaml!("external/instance"),
        update: yaml!("external/update"),
        rgd: "consumer",
        plural: "consumers",
        object: "",
        updated: &[(THIRD, "/data/value", "2")],
        updated_at_aws: &[],
        made_once: &[],
        members: &["/api/v1/namespaces/default/configmaps/first", THIRD],
    },
];

/// An AWS resource by itself.
const fn resource(name: &'static str, object: &'static str) -> Subject {
    Subject {
        name,
        with_kro: false,
        with_ack: true,
        tables: &[],
        before: "",
        definition: "",
        instance: "",
        update: "",
        rgd: "",
        plural: "",
        object,
        updated: &[],
        updated_at_aws: &[],
        made_once: &[],
        members: &[],
    }
}

/// The kinds of ACK, each by itself: subjects of crashes of `ack-controller`.
pub static RESOURCES: [Subject; 5] = [
    Subject {
        instance: yaml!("ack/bucket"),
        update: yaml!("ack/bucket-changed"),
        updated_at_aws: &[
            ("/s3/buckets/shop-data/documents/versioning/Status", "Enabled"),
            ("/s3/buckets/shop-data/documents/website/IndexDocument/Suffix", "index.html"),
        ],
        made_once: &["CreateBucket"],
        ..resource("Bucket", "/apis/s3.services.k8s.aws/v1alpha1/namespaces/default/buckets/it")
    },
    Subject {
        instance: yaml!("ack/table"),
        update: yaml!("ack/table-changed"),
        updated_at_aws: &[(
            "/dynamodb/123456789012~1us-west-2/tables/shop/StreamSpecification/StreamViewType",
            "NEW_IMAGE",
        )],
        made_once: &["CreateTable"],
        ..resource("Table", "/apis/dynamodb.services.k8s.aws/v1alpha1/namespaces/default/tables/it")
    },
    Subject {
        tables: &["us-west-2", "eu-west-1"],
        instance: yaml!("ack/global-table"),
        update: yaml!("ack/global-table-changed"),
        updated_at_aws: &[("/dynamodb/123456789012/globalTables/shop/Regions/1", "us-west-2")],
        made_once: &["CreateGlobalTable"],
        ..resource(
            "GlobalTable",
            "/apis/dynamodb.services.k8s.aws/v1alpha1/namespaces/default/globaltables/it",
        )
    },
    Subject {
        tables: &["us-west-2"],
        instance: yaml!("ack/backup"),
        update: yaml!("ack/backup"),
        made_once: &["CreateBackup"],
        ..resource(
            "Backup",
            "/apis/dynamodb.services.k8s.aws/v1alpha1/namespaces/default/backups/it",
        )
    },
    Subject {
        instance: yaml!("ack/queue"),
        update: yaml!("ack/queue-changed"),
        updated_at_aws: &[(
            "/sqs/123456789012~1us-west-2/queues/shop/attributes/VisibilityTimeout",
            "60",
        )],
        made_once: &["CreateQueue"],
        ..resource("Queue", "/apis/sqs.services.k8s.aws/v1alpha1/namespaces/default/queues/it")
    },
];

impl Subject {
    /// The path of the object whose life this is.
    pub(super) fn instance_path(&self) -> String {
        if self.with_kro { instance(self.plural, "it") } else { self.object.to_owned() }
    }

    /// Whether the object says that all is well.
    pub(super) fn is_ready(&self, object: &Value) -> bool {
        if self.with_kro {
            is_active(object)
        } else {
            condition(object, "ACK.ResourceSynced")["status"] == "True"
        }
    }

    /// The path of the definition.
    pub(super) fn definition_path(&self) -> String {
        rgd(self.rgd)
    }
}
