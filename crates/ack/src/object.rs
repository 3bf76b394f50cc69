//! A custom resource as the reconcile sees it.

use std::collections::BTreeMap;

use runtime::discretion::unquoted;
use serde_json::Value as Json;
use serde_json::json;

use crate::kind::Kind;
use crate::shape::Shape;
use crate::shape::Time;

/// Annotations on custom resources and namespaces.
pub mod annotations {
    /// AWS region of the resource.
    pub const REGION: &str = "services.k8s.aws/region";
    /// `delete` or `retain`.
    pub const DELETION_POLICY: &str = "services.k8s.aws/deletion-policy";
    /// `adopt` or `adopt-or-create`.
    pub const ADOPTION_POLICY: &str = "services.k8s.aws/adoption-policy";
    /// What names the resource to adopt, as a JSON map of strings.
    pub const ADOPTION_FIELDS: &str = "services.k8s.aws/adoption-fields";
    /// Set by us on adopted objects.
    pub const ADOPTED: &str = "services.k8s.aws/adopted";
    /// `true`: AWS is only read.
    pub const READ_ONLY: &str = "services.k8s.aws/read-only";
    /// On a namespace: region of its objects.
    pub const DEFAULT_REGION: &str = "services.k8s.aws/default-region";
    /// On a namespace: account of its objects.
    pub const OWNER_ACCOUNT_ID: &str = "services.k8s.aws/owner-account-id";
    /// On a namespace: team of its objects.
    pub const TEAM_ID: &str = "services.k8s.aws/team-id";
    /// On a namespace: AWS endpoint of its objects.
    pub const ENDPOINT_URL: &str = "services.k8s.aws/endpoint-url";
}

/// A custom resource, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Object<Spec> {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Tells this object from an earlier one of the same name.
    pub uid: String,
    /// When it was created.
    pub created: Option<Time>,
    /// Counts changes of the spec.
    pub generation: i64,
    /// Version for optimistic locking.
    pub resource_version: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Finalizers.
    pub finalizers: Vec<String>,
    /// Somebody asked for its deletion.
    pub deleting: bool,
    /// The spec; the default where `problem` says that it can't be read.
    pub spec: Spec,
    /// The spec as it is stored.
    pub raw_spec: Json,
    /// Why the spec can't be acted on.
    pub problem: Option<String>,
    /// The status as it is stored.
    pub status: Json,
}

impl<Spec: Shape> Object<Spec> {
    /// Parses what the API server sent. What is wrong with the spec is kept in `problem`, since it
    /// concerns the user; absent metadata reads as empty.
    pub fn parse(object: &Json) -> Self {
        let text =
            |path: &str| object.pointer(path).and_then(Json::as_str).unwrap_or_default().to_owned();
        let map = |path: &str| -> BTreeMap<String, String> {
            let entries = object.pointer(path).and_then(Json::as_object);
            let pair =
                |(key, value): (&String, &Json)| Some((key.clone(), value.as_str()?.to_owned()));
            entries.into_iter().flatten().filter_map(pair).collect()
        };
        let finalizers = object.pointer("/metadata/finalizers").and_then(Json::as_array);
        let raw_spec = object.get("spec").cloned().unwrap_or_else(|| json!({}));
        let (spec, problem) = match Spec::deserialize(&raw_spec) {
            Ok(spec) => (spec, None),
            Err(error) => {
                (Spec::default(), Some(format!("spec: {}", unquoted(&error.to_string()))))
            }
        };
        Self {
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
            created: text("/metadata/creationTimestamp").parse().ok().map(Time),
            generation: object
                .pointer("/metadata/generation")
                .and_then(Json::as_i64)
                .unwrap_or_default(),
            resource_version: text("/metadata/resourceVersion"),
            labels: map("/metadata/labels"),
            annotations: map("/metadata/annotations"),
            finalizers: finalizers
                .into_iter()
                .flatten()
                .filter_map(|finalizer| Some(finalizer.as_str()?.to_owned()))
                .collect(),
            deleting: object.pointer("/metadata/deletionTimestamp").is_some_and(|at| !at.is_null()),
            spec,
            raw_spec,
            problem,
            status: object.get("status").cloned().unwrap_or_else(|| json!({})),
        }
    }

    /// Whether we manage the resource: our finalizer is on the object.
    pub fn is_managed(&self, kind: &Kind) -> bool {
        self.finalizers.contains(&kind.finalizer())
    }

    /// Whether an annotation says `true`, in any case.
    pub fn is_set(&self, annotation: &str) -> bool {
        self.annotations.get(annotation).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A member of `status.ackResourceMetadata`.
    pub fn recorded(&self, member: &str) -> Option<&str> {
        self.status.get("ackResourceMetadata")?.get(member)?.as_str()
    }

    /// The fields of the kind in the status; those that can't be read are unset.
    pub fn recorded_status<Status: Shape>(&self) -> Status {
        Status::deserialize(&self.status).unwrap_or_default()
    }

    /// A merge patch that applies only to the version that we know: it replaces a whole list of
    /// finalizers, and a status that belongs to an earlier object of the same name is void.
    pub(crate) fn locked(&self, mut patch: Json) -> Json {
        patch["metadata"]["resourceVersion"] = self.resource_version.as_str().into();
        patch
    }

    pub(crate) fn with_finalizer(&self, kind: &Kind) -> Json {
        let mut finalizers = self.finalizers.clone();
        finalizers.push(kind.finalizer());
        self.locked(json!({ "metadata": { "finalizers": finalizers } }))
    }

    pub(crate) fn without_finalizer(&self, kind: &Kind) -> Json {
        let ours = kind.finalizer();
        let rest: Vec<_> = self.finalizers.iter().filter(|found| **found != ours).collect();
        self.locked(json!({ "metadata": { "finalizers": rest } }))
    }
}
