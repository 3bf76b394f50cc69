//! The CRD of a definition: created, updated, watched for instances.

use crate::api::{Api, ApiError, Deleted};
use crate::shared::Shared;
use crate::watching::Owner;
use graph::Graph;
use kube::core::ApiResource;
use plan::names;
use plan::object::{GroupKind, annotation, is_deleting, label, text};
use runtime::store::{ObjectKey, TooManyWatches};
use schema::breaking;
use schema::openapi::KindError;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// How long the API server may take to establish a CRD.
const ESTABLISH: Duration = Duration::from_secs(120);

/// Why a definition's CRD is not in place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CrdError {
    #[error("failed to update CRD {0}: CRD already exists and is not owned by KRO")]
    NotOwned(String),
    #[error("failed to update CRD {0}: CRD is owned by another ResourceGraphDefinition {1}")]
    OwnedByAnother(String, String),
    #[error("cannot update CRD {0}: breaking changes detected: {1}")]
    Breaking(String, String),
    #[error("failed to update CRD {0}: {1}")]
    Unreadable(String, KindError),
    #[error("CRD {0}: {1}")]
    Refused(String, ApiError),
    #[error("CRD {0} is being deleted")]
    Terminating(String),
    #[error("CRD {0} was not established in time")]
    NotEstablished(String),
}

/// How the API server calls CRDs.
pub(crate) fn resource() -> ApiResource {
    ApiResource {
        group: "apiextensions.k8s.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "apiextensions.k8s.io/v1".to_owned(),
        kind: "CustomResourceDefinition".to_owned(),
        plural: "customresourcedefinitions".to_owned(),
    }
}

/// Creates or updates the CRD of `graph`, and waits until the API server serves it.
///
/// A CRD that kro does not own, or that another definition owns, is left alone; so is one whose
/// instances would break, unless the definition permits it.
pub(crate) async fn ensure(shared: &Shared, rgd: &Value, graph: &Graph) -> Result<Value, CrdError> {
    let wanted = with_labels(shared, rgd, &graph.instance.crd);
    let name = text(&wanted, &["metadata", "name"]).to_owned();
    let refused = |error| CrdError::Refused(name.clone(), error);
    let live = shared.api.get(&resource(), "", &name).await.map_err(refused)?;
    let live = match live {
        None => match shared.api.create(&resource(), &wanted).await {
            Ok(created) => created,
            // Somebody was faster: the next attempt looks at what there is.
            Err(error) => return Err(refused(error)),
        },
        Some(live) => {
            owned(&live, rgd, &name)?;
            if is_deleting(&live) {
                // Its end is announced by the watch of CRDs.
                return Err(CrdError::Terminating(name));
            }
            update(&shared.api, rgd, &live, &wanted, &name).await?.unwrap_or(live)
        }
    };
    if is_established(&live) { Ok(live) } else { established(&shared.api, &name).await }
}

fn with_labels(shared: &Shared, rgd: &Value, crd: &Value) -> Value {
    let mut wanted = crd.clone();
    let labels = [
        (names::OWNED, "true"),
        (names::KRO_VERSION, &shared.options.kro_version),
        (names::RGD_ID, text(rgd, &["metadata", "uid"])),
        (names::RGD_NAME, text(rgd, &["metadata", "name"])),
    ];
    let mut all = wanted["metadata"]["labels"].as_object().cloned().unwrap_or_else(Map::new);
    all.extend(labels.map(|(key, value)| (key.to_owned(), value.into())));
    wanted["metadata"]["labels"] = Value::Object(all);
    wanted
}

/// Whether `crd` says that kro made it.
pub(crate) fn is_ours(crd: &Value) -> bool {
    match label(crd, names::OWNED) {
        "" => label(crd, names::MANAGED_BY) == "kro",
        owned => owned == "true",
    }
}

fn owned(live: &Value, rgd: &Value, name: &str) -> Result<(), CrdError> {
    if !is_ours(live) {
        return Err(CrdError::NotOwned(name.to_owned()));
    }
    let owner = label(live, names::RGD_NAME);
    if !owner.is_empty() && owner != text(rgd, &["metadata", "name"]) {
        return Err(CrdError::OwnedByAnother(name.to_owned(), owner.to_owned()));
    }
    Ok(())
}

/// Patches what differs; `None` when nothing does.
async fn update(
    api: &Api,
    rgd: &Value,
    live: &Value,
    wanted: &Value,
    name: &str,
) -> Result<Option<Value>, CrdError> {
    let different = different(live, wanted);
    if different.is_empty() {
        return Ok(None);
    }
    let allowed = annotation(rgd, names::ALLOW_BREAKING) == Some("true");
    let changes = breaking::compare_crds(live, wanted);
    let changes = changes.map_err(|error| CrdError::Unreadable(name.to_owned(), error))?;
    let breaking = breaking::summary(&changes);
    if !breaking.is_empty() && !allowed {
        return Err(CrdError::Breaking(name.to_owned(), breaking));
    }
    let mut spec = Map::new();
    for key in ["group", "scope", "versions"] {
        spec.insert(key.to_owned(), wanted["spec"][key].clone());
    }
    let mut names = wanted["spec"]["names"].clone();
    for key in ["shortNames", "categories"] {
        names[key] = wanted["spec"]["names"][key].clone();
    }
    spec.insert("names".to_owned(), names);
    let patch = json!({
        "metadata": {
            "labels": wanted["metadata"]["labels"],
            "annotations": wanted["metadata"].get("annotations").unwrap_or(&json!({})),
        },
        "spec": spec,
    });
    tracing::info!(crd = name, ?different, "bringing a CRD up to date");
    let patched = api.merge_patch(&resource(), "", name, "", &patch).await;
    patched.map(Some).map_err(|error| CrdError::Refused(name.to_owned(), error))
}

/// The parts of the CRD that we write and that are not as wanted.
fn different(live: &Value, wanted: &Value) -> Vec<&'static str> {
    let (have, want) = (&live["spec"], &wanted["spec"]);
    let mut parts = Vec::new();
    let mut compare = |keys: &[&'static str], have: &Value, want: &Value| {
        parts.extend(keys.iter().filter(|key| have[**key] != want[**key]));
    };
    compare(&["group", "scope"], have, want);
    let named = ["kind", "plural", "singular", "listKind", "shortNames", "categories"];
    compare(&named, &have["names"], &want["names"]);
    let version = ["name", "schema", "additionalPrinterColumns", "served", "storage"];
    compare(&version, &have["versions"][0], &want["versions"][0]);
    let versions = |spec: &Value| spec["versions"].as_array().map_or(0, Vec::len);
    if versions(have) != versions(want) {
        parts.push("versions");
    }
    let labels = wanted["metadata"]["labels"].as_object().into_iter().flatten();
    let mut labels = labels.filter(|(key, _)| *key != names::KRO_VERSION);
    if labels.any(|(key, value)| live["metadata"]["labels"][key] != *value) {
        parts.push("labels");
    }
    parts
}

fn is_established(crd: &Value) -> bool {
    let mut conditions = crd["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|entry| entry["type"] == "Established" && entry["status"] == "True")
}

/// Waits, by a watch on this one CRD.
async fn established(api: &Api, name: &str) -> Result<Value, CrdError> {
    let crds = resource();
    let wait = api.wait_for(&crds, name, is_established);
    match tokio::time::timeout(ESTABLISH, wait).await {
        Ok(Ok(crd)) => Ok(crd),
        Ok(Err(error)) => Err(CrdError::Refused(name.to_owned(), error)),
        Err(_) => Err(CrdError::NotEstablished(name.to_owned())),
    }
}

/// Watches the instances of the kind that `crd` defines.
pub(crate) fn watch_instances(shared: &Shared, crd: &Value) -> Result<(), TooManyWatches> {
    let spec = &crd["spec"];
    let version = spec["versions"][0]["name"].as_str().unwrap_or("");
    let group = spec["group"].as_str().unwrap_or("");
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: text(spec, &["names", "kind"]).to_owned(),
        plural: text(spec, &["names", "plural"]).to_owned(),
    };
    let kind = GroupKind { group: group.to_owned(), kind: resource.kind.clone() };
    let owner = Owner::Instances(text(crd, &["metadata", "name"]).to_owned());
    shared.watching.instances(owner, resource)?;
    shared.externals.share(&shared.watching, &kind);
    Ok(())
}

/// Looks at a CRD that appeared, changed or went: the kinds of our CRDs are watched for
/// instances, whether or not their definition is there (DESIGN.md, decision 8).
pub(crate) async fn reconcile(shared: &Shared, name: &str) -> Result<(), ApiError> {
    let known = shared.crds.get(&ObjectKey::cluster(name));
    let ours = known.is_some_and(|entry| is_ours(&entry.data));
    let crd = if ours { shared.api.get(&resource(), "", name).await? } else { None };
    match crd {
        Some(crd) if is_ours(&crd) && is_established(&crd) => {
            if let Err(error) = watch_instances(shared, &crd) {
                tracing::warn!(crd = name, %error, "instances can't be watched");
            }
        }
        Some(_) | None => {
            shared.unwatch(&Owner::Instances(name.to_owned()), |_| false);
        }
    }
    Ok(())
}

/// Deletes the CRD of the definition `rgd`, and with it all instances.
pub(crate) async fn delete_of(shared: &Shared, rgd: &str) -> Result<(), ApiError> {
    for entry in shared.crds.list() {
        if label(&entry.data, names::RGD_NAME) != rgd || !is_ours(&entry.data) {
            continue;
        }
        match shared.api.delete(&resource(), "", &entry.key.name, &entry.uid).await? {
            Deleted::Gone | Deleted::Going(_) => {}
        }
    }
    Ok(())
}
