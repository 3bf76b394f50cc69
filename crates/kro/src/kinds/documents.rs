//! Kinds in files: CRDs, OpenAPI v3 documents, and lists of API resources.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use graph::Kind;
use schema::openapi::{Document, GroupVersionKind, KindError, kinds_of_crd};
use serde_json::Value;

use crate::Failure;
use crate::kinds::complete;

/// Files with kinds. A file is decoded when a kind is asked for whose name stands in it.
#[derive(Default)]
pub(super) struct Documents {
    files: Vec<File>,
    /// Plural and scope of kinds, from lists of API resources.
    resources: BTreeMap<GroupVersionKind, (String, bool)>,
}

struct File {
    name: String,
    text: Cow<'static, str>,
    /// Once it was decoded.
    decoded: Option<Decoded>,
}

#[derive(Default)]
struct Decoded {
    openapi: Vec<Document>,
    crds: Vec<Value>,
}

// === impl Documents ===

impl Documents {
    /// Adds a file.
    ///
    /// # Errors
    /// When it is a list of API resources that can't be read.
    pub(super) fn add(&mut self, name: String, text: Cow<'static, str>) -> Result<(), Failure> {
        let mut file = File { name, text, decoded: None };
        if file.text.contains("\"namespaced\"") && file.text.contains("\"verbs\"") {
            let documents = file.documents()?;
            documents.iter().for_each(|document| self.add_resources(document));
            file.decoded = Some(Decoded::of(documents));
        }
        self.files.push(file);
        Ok(())
    }

    /// An `APIResourceList` of an API server, or a list of resources with group and version.
    fn add_resources(&mut self, document: &Value) {
        let (of_list, resources) = match document {
            Value::Array(resources) => (None, resources),
            list if list["kind"] == "APIResourceList" => match list["resources"].as_array() {
                Some(resources) => (list["groupVersion"].as_str(), resources),
                None => return,
            },
            _ => return,
        };
        for resource in resources {
            let text = |name: &str| resource[name].as_str();
            let Some(kind) = text("kind") else { continue };
            let gvk = match of_list {
                Some(group_version) => GroupVersionKind::of(group_version, kind),
                None => {
                    let (Some(group), Some(version)) = (text("group"), text("version")) else {
                        continue;
                    };
                    GroupVersionKind::new(group, version, kind)
                }
            };
            let plural = text("resource").or_else(|| text("name"));
            let (Some(plural), Some(namespaced)) = (plural, resource["namespaced"].as_bool())
            else {
                continue;
            };
            if !plural.contains('/') {
                self.resources.insert(gvk, (plural.to_owned(), namespaced));
            }
        }
    }

    /// The kind with this name.
    ///
    /// # Errors
    /// When the schema of the kind, or a file that may describe it, is malformed.
    pub(super) fn find(&mut self, gvk: &GroupVersionKind) -> Result<Option<Kind>, Failure> {
        for file in &mut self.files {
            if !file.text.contains(&gvk.kind) || !file.text.contains(&gvk.group) {
                continue;
            }
            let name = file.name.clone();
            let wrong = |error: KindError| Failure::Usage(format!("{name}: {error}"));
            let decoded = file.decode()?;
            for document in &mut decoded.openapi {
                match document.kind(gvk) {
                    Ok(kind) => {
                        return Ok(Some(complete(kind, place(&self.resources, gvk).as_ref())));
                    }
                    Err(KindError::NotFound(_)) => {}
                    Err(error @ KindError::Malformed { .. }) => return Err(wrong(error)),
                }
            }
            for crd in decoded.crds.iter().filter(|crd| crd["spec"]["names"]["kind"] == *gvk.kind) {
                let kinds = kinds_of_crd(crd).map_err(wrong)?;
                if let Some(kind) = kinds.into_iter().find(|kind| kind.gvk == *gvk) {
                    return Ok(Some(complete(kind, None)));
                }
            }
        }
        Ok(None)
    }

    /// The names of all kinds; what can't be decoded has none.
    pub(super) fn names(&mut self) -> BTreeSet<GroupVersionKind> {
        let mut names: BTreeSet<_> = self.resources.keys().cloned().collect();
        for file in &mut self.files {
            let Ok(decoded) = file.decode() else { continue };
            names.extend(decoded.openapi.iter().flat_map(Document::kinds));
            names.extend(decoded.crds.iter().flat_map(names_of_crd));
        }
        names
    }
}

/// The names of the kinds of a CRD, without its schemas being read.
fn names_of_crd(crd: &Value) -> Vec<GroupVersionKind> {
    let spec = &crd["spec"];
    let (Some(group), Some(kind)) = (spec["group"].as_str(), spec["names"]["kind"].as_str()) else {
        return Vec::new();
    };
    let versions = spec["versions"].as_array().into_iter().flatten();
    let names = versions.filter_map(|version| version["name"].as_str());
    names.map(|version| GroupVersionKind::new(group, version, kind)).collect()
}

/// Plural and scope of a kind; a list kind lives where its elements do, as API servers have it.
fn place(
    resources: &BTreeMap<GroupVersionKind, (String, bool)>,
    gvk: &GroupVersionKind,
) -> Option<(String, bool)> {
    if let Some(place) = resources.get(gvk) {
        return Some(place.clone());
    }
    let element =
        GroupVersionKind { kind: gvk.kind.strip_suffix("List")?.to_owned(), ..gvk.clone() };
    let (_, namespaced) = resources.get(&element)?;
    Some((schema::pluralize(&gvk.kind.to_lowercase()), *namespaced))
}

// === impl File ===

impl File {
    fn decode(&mut self) -> Result<&mut Decoded, Failure> {
        let decoded = match self.decoded.take() {
            Some(decoded) => decoded,
            None => Decoded::of(self.documents()?),
        };
        Ok(self.decoded.insert(decoded))
    }

    fn documents(&self) -> Result<Vec<Value>, Failure> {
        let wrong =
            |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", self.name));
        if self.text.trim_start().starts_with(['{', '[']) {
            let document = serde_json::from_str(&self.text).map_err(|error| wrong(&error))?;
            return Ok(vec![document]);
        }
        serde_saphyr::from_multiple(&self.text).map_err(|error| wrong(&error))
    }
}

// === impl Decoded ===

impl Decoded {
    fn of(documents: Vec<Value>) -> Self {
        let mut decoded = Self::default();
        for document in documents {
            if document["openapi"].is_string() && document["components"].is_object() {
                decoded.openapi.push(Document::new(document));
            } else if document["kind"] == "CustomResourceDefinition" {
                decoded.crds.push(document);
            } else if let Some(items) = document["items"].as_array() {
                let crds = items.iter().filter(|item| item["kind"] == "CustomResourceDefinition");
                decoded.crds.extend(crds.cloned());
            }
        }
        decoded
    }
}
