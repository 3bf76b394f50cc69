//! What an API server publishes: OpenAPI v3 documents, and lists of its resources.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use e2e::{ControlPlane, Options};
use serde_json::Value;

use super::compact;

/// The documents of one version.
pub(super) struct Published {
    openapi: Vec<Value>,
    /// Lists of the resources of a group version (`APIResourceList`).
    resources: Vec<Value>,
}

/// A kind of object that is served.
pub(super) struct Resource {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) namespaced: bool,
}

/// The named schemas of one version.
#[derive(Default)]
pub(super) struct Definitions {
    /// The schema of each kind, by `apiVersion` and kind.
    pub(super) names: BTreeMap<(String, String), String>,
    /// As compact JSON, with the names that it refers to.
    pub(super) schemas: BTreeMap<String, (String, BTreeSet<String>)>,
}

impl Published {
    /// What the module of a version has recorded of its server.
    pub(super) fn of_module(folder: &Path) -> anyhow::Result<Self> {
        let read = |folder: &Path, wanted: &dyn Fn(&Value) -> bool| {
            let mut documents = Vec::new();
            let files = fs::read_dir(folder);
            for file in files.with_context(|| format!("can't read {}", folder.display()))? {
                let path = file?.path();
                let document: Value = serde_json::from_slice(&fs::read(&path)?)
                    .with_context(|| format!("can't read {}", path.display()))?;
                if wanted(&document) {
                    documents.push(document);
                }
            }
            anyhow::Ok(documents)
        };
        let is_list = |document: &Value| document["kind"] == "APIResourceList";
        Ok(Self {
            openapi: read(&folder.join("api/openapi-spec/v3"), &|_| true)?,
            resources: read(&folder.join("api/discovery"), &is_list)?,
        })
    }

    /// What a server of the control plane of the scenarios publishes.
    pub(super) async fn of_server() -> anyhow::Result<Self> {
        let server = ControlPlane::start(Options::api_server()).await?;
        let get = async |path: &str| {
            let text = server.kubectl(&["get", "--raw", path]).await?;
            serde_json::from_str::<Value>(&text).with_context(|| format!("{path} is no JSON"))
        };
        let mut published = Self { openapi: Vec::new(), resources: Vec::new() };
        let index = get("/openapi/v3").await?;
        let paths = index["paths"].as_object().context("/openapi/v3 lists no paths")?;
        for (path, at) in paths {
            let group = path.starts_with("apis/") && path.matches('/').count() == 2;
            let versioned = group || path == "api/v1";
            if !versioned {
                continue;
            }
            let url = at["serverRelativeURL"].as_str().context("a document without URL")?;
            published.openapi.push(get(url).await?);
            published.resources.push(get(&format!("/{path}")).await?);
        }
        Ok(published)
    }

    /// The kinds of objects; subresources have none.
    pub(super) fn resources(&self) -> anyhow::Result<Vec<Resource>> {
        let mut found = Vec::new();
        for list in &self.resources {
            let api_version = list["groupVersion"].as_str().context("a list without version")?;
            for resource in list["resources"].as_array().into_iter().flatten() {
                let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
                let (plural, kind) = (text("name"), text("kind"));
                if plural.contains('/') {
                    continue;
                }
                let namespaced = resource["namespaced"].as_bool().context("no scope")?;
                ensure!(!plural.is_empty() && !kind.is_empty(), "a resource without name");
                let api_version = api_version.to_owned();
                found.push(Resource { api_version, kind, plural, namespaced });
            }
        }
        Ok(found)
    }

    pub(super) fn definitions(&self) -> anyhow::Result<Definitions> {
        let mut found = Definitions::default();
        for document in &self.openapi {
            let schemas = document["components"]["schemas"].as_object();
            for (name, schema) in schemas.into_iter().flatten() {
                let mut references = BTreeSet::new();
                let json = compact(schema, &mut references).to_string();
                let new = (json, references);
                match found.schemas.get(name) {
                    Some(known) if *known != new => bail!("two documents disagree on {name}"),
                    Some(_) => {}
                    None => _ = found.schemas.insert(name.clone(), new),
                }
                let kinds = schema["x-kubernetes-group-version-kind"].as_array();
                for kind in kinds.into_iter().flatten() {
                    let part = |key: &str| kind[key].as_str().unwrap_or_default();
                    let api_version = match part("group") {
                        "" => part("version").to_owned(),
                        group => format!("{group}/{}", part("version")),
                    };
                    found.names.insert((api_version, part("kind").to_owned()), name.clone());
                }
            }
        }
        Ok(found)
    }
}
