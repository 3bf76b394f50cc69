//! Kinds from a folder of CRDs, OpenAPI documents and discovery.

use anyhow::Context as _;
use graph::{Kind, Kinds};
use schema::openapi::{Document, GroupVersionKind, kinds_of_crd};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The kinds of a folder; documents are read when the first of their kinds is asked for.
pub(super) struct Schemas {
    dir: PathBuf,
    /// Kind → plural, whether namespaced.
    discovery: BTreeMap<GroupVersionKind, (String, bool)>,
    documents: BTreeMap<String, Option<Document>>,
    crds: BTreeMap<GroupVersionKind, Arc<Kind>>,
    kinds: BTreeMap<GroupVersionKind, Option<Arc<Kind>>>,
}

impl Schemas {
    pub(super) fn read(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("discovery.json");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let resources: Vec<Value> = serde_json::from_str(&text)?;
        let mut discovery = BTreeMap::new();
        for resource in &resources {
            let text = |key: &str| resource[key].as_str().unwrap_or_default();
            let gvk = GroupVersionKind::new(text("group"), text("version"), text("kind"));
            discovery.insert(gvk, (text("resource").to_owned(), resource["namespaced"] == true));
        }
        let mut crds = BTreeMap::new();
        for entry in std::fs::read_dir(dir.join("crds")).into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(entry.path())?;
            let (documents, _) = diagnostics::yaml::read(&text);
            for document in documents {
                for kind in kinds_of_crd(&document.value)? {
                    let plural = kind.plural.unwrap_or_default();
                    let (gvk, namespaced) = (kind.gvk, kind.namespaced.unwrap_or(true));
                    let kind = Kind { gvk: gvk.clone(), plural, namespaced, schema: kind.schema };
                    crds.insert(gvk, Arc::new(kind));
                }
            }
        }
        let (documents, kinds) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { dir: dir.to_owned(), discovery, documents, crds, kinds })
    }

    /// Those of the kinds that are there.
    pub(super) fn resolve(&mut self, wanted: &BTreeSet<GroupVersionKind>) -> Kinds {
        let mut kinds = Kinds::new();
        for gvk in wanted {
            if let Some(kind) = self.kind(gvk) {
                kinds.insert(gvk.clone(), kind);
            }
        }
        kinds
    }

    fn kind(&mut self, gvk: &GroupVersionKind) -> Option<Arc<Kind>> {
        if let Some(kind) = self.kinds.get(gvk) {
            return kind.clone();
        }
        let kind = self.published(gvk).or_else(|| self.crds.get(gvk).cloned());
        self.kinds.insert(gvk.clone(), kind.clone());
        kind
    }

    fn published(&mut self, gvk: &GroupVersionKind) -> Option<Arc<Kind>> {
        let (plural, namespaced) = self.place(gvk)?;
        let group = if gvk.group.is_empty() { "api" } else { &gvk.group };
        let name = format!("{group}_{}", gvk.version);
        let document = self.documents.entry(name.clone()).or_insert_with(|| {
            let path = self.dir.join("openapi").join(format!("{name}.json"));
            let text = std::fs::read_to_string(path).ok()?;
            Some(Document::new(serde_json::from_str(&text).ok()?))
        });
        let schema = document.as_mut()?.kind(gvk).ok()?.schema;
        Some(Arc::new(Kind { gvk: gvk.clone(), plural, namespaced, schema }))
    }

    /// Plural and scope. As upstream, the list of a kind is a kind, too.
    fn place(&self, gvk: &GroupVersionKind) -> Option<(String, bool)> {
        if let Some(place) = self.discovery.get(gvk) {
            return Some(place.clone());
        }
        let item = gvk.kind.strip_suffix("List")?;
        let item = GroupVersionKind::new(&gvk.group, &gvk.version, item);
        let (_, namespaced) = self.discovery.get(&item)?;
        Some((format!("{}s", gvk.kind.to_lowercase()), *namespaced))
    }
}
