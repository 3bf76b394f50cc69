use crate::kro::{instance, rgd};

/// A definition with one instance, and its life: what is applied when, and what shows that it has
/// taken effect.
#[derive(Debug)]
pub struct Subject {
    /// What it is called, and the directory of its files.
    pub name: &'static str,
    /// Whether `ack-controller` has a part in it.
    pub with_ack: bool,
    /// What is there before the definition, YAML or nothing.
    pub(super) before: &'static str,
    pub(super) definition: &'static str,
    pub(super) instance: &'static str,
    pub(super) update: &'static str,
    /// Name of the definition.
    pub(super) rgd: &'static str,
    /// Plural of the kind that it defines.
    pub(super) plural: &'static str,
    /// A field that has another value once the update has taken effect: path of the object, JSON
    /// pointer, value.
    pub(super) updated: &'static [(&'static str, &'static str, &'static str)],
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
        with_ack: true,
        before: "",
        definition: yaml!("application/definition"),
        instance: yaml!("application/instance"),
        update: yaml!("application/update"),
        rgd: "application",
        plural: "applications",
        updated: &[
            (DEPLOYMENT, "/spec/template/spec/containers/0/image", "shop:2"),
            (BUCKET, "/spec/tags/0/value", "blue"),
        ],
        members: &[DEPLOYMENT, BUCKET, TABLE],
    },
    Subject {
        name: "collection",
        with_ack: false,
        before: yaml!("collection/before"),
        definition: yaml!("collection/definition"),
        instance: yaml!("collection/instance"),
        update: yaml!("collection/update"),
        rgd: "fleet",
        plural: "fleets",
        updated: &[(SUMMARY, "/data/members", "member-b,member-b,member-c,member-c")],
        members: &[SUMMARY, "/api/v1/namespaces/other/configmaps/member-b"],
    },
    Subject {
        name: "external reference",
        with_ack: false,
        before: yaml!("external/before"),
        definition: yaml!("external/definition"),
        instance: yaml!("external/instance"),
        update: yaml!("external/update"),
        rgd: "consumer",
        plural: "consumers",
        updated: &[(THIRD, "/data/value", "2")],
        members: &["/api/v1/namespaces/default/configmaps/first", THIRD],
    },
];

impl Subject {
    /// The path of the instance.
    pub(super) fn instance_path(&self) -> String {
        instance(self.plural, "it")
    }

    /// The path of the definition.
    pub(super) fn definition_path(&self) -> String {
        rgd(self.rgd)
    }
}
