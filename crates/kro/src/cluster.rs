//! A live cluster: its kinds, its objects, and what it would make of an apply.
//!
//! Nothing is ever written: applies are dry runs.

use std::collections::BTreeMap;

use graph::Kind;
use http::{Method, Request};
use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use plan::object::GroupKind;
use schema::openapi::{Document, GroupVersionKind, KindError};
use serde_json::Value;

use crate::Failure;
use crate::kinds::{ClusterArgs, complete};

/// Kind → plural and whether it is namespaced.
type Places = BTreeMap<String, (String, bool)>;

/// A connection, and what was asked for so far.
pub(crate) struct Cluster {
    runtime: tokio::runtime::Runtime,
    client: Client,
    /// By group and version.
    resources: BTreeMap<String, Places>,
    documents: BTreeMap<String, Option<Document>>,
}

/// Why a cluster does not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It said no, in these words.
    Words(String),
    /// It can't be asked.
    Failure(Failure),
}

fn failed(
    what: impl Into<String>,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Failure {
    Failure::Cluster { what: what.into(), source: source.into() }
}

// === impl Cluster ===

impl Cluster {
    /// Connects as `kubectl` does. Sends no request.
    ///
    /// # Errors
    /// When there is no usable kubeconfig.
    pub(crate) fn connect(args: &ClusterArgs) -> Result<Self, Failure> {
        let unusable = |error: Box<dyn std::error::Error + Send + Sync>| {
            failed("can't use the kubeconfig", error)
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| failed("can't start", error))?;
        let client = runtime.block_on(async {
            let kubeconfig = match &args.kubeconfig {
                Some(path) => Kubeconfig::read_from(path),
                None => Kubeconfig::read(),
            };
            let options =
                KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
            let kubeconfig = kubeconfig.map_err(|error| unusable(error.into()))?;
            let config = Config::from_custom_kubeconfig(kubeconfig, &options);
            let config = config.await.map_err(|error| unusable(error.into()))?;
            Client::try_from(config).map_err(|error| unusable(error.into()))
        })?;
        Ok(Self { runtime, client, resources: BTreeMap::new(), documents: BTreeMap::new() })
    }

    /// A kind, as the API server publishes it.
    ///
    /// # Errors
    /// When the API server can't be asked, or publishes what is no schema.
    pub(crate) fn kind(&mut self, gvk: &GroupVersionKind) -> Result<Option<Kind>, Failure> {
        let Some(place) = self.place(gvk)? else { return Ok(None) };
        let path = match gvk.group.as_str() {
            "" => format!("/openapi/v3/api/{}", gvk.version),
            group => format!("/openapi/v3/apis/{group}/{}", gvk.version),
        };
        if !self.documents.contains_key(&path) {
            let document = self.read(&path)?.map(Document::new);
            self.documents.insert(path.clone(), document);
        }
        let Some(Some(document)) = self.documents.get_mut(&path) else { return Ok(None) };
        match document.kind(gvk) {
            Ok(kind) => Ok(Some(complete(kind, Some(&place)))),
            Err(KindError::NotFound(_)) => Ok(None),
            Err(error @ KindError::Malformed { .. }) => {
                Err(failed(format!("the cluster publishes no usable schema of {gvk}"), error))
            }
        }
    }

    /// The names of the kinds in the group-versions that were asked for.
    pub(crate) fn names(&self) -> Vec<GroupVersionKind> {
        let kinds = self.resources.iter().flat_map(|(version, kinds)| {
            kinds.keys().map(|kind| GroupVersionKind::of(version, kind))
        });
        kinds.collect()
    }

    /// Plural and scope.
    fn place(&mut self, gvk: &GroupVersionKind) -> Result<Option<(String, bool)>, Failure> {
        let version = gvk.api_version();
        if !self.resources.contains_key(&version) {
            let places = self.places(gvk)?;
            self.resources.insert(version.clone(), places);
        }
        Ok(self.resources.get(&version).and_then(|kinds| kinds.get(&gvk.kind)).cloned())
    }

    /// Plural and scope of all kinds in the group-version of this one.
    fn places(&self, gvk: &GroupVersionKind) -> Result<Places, Failure> {
        let list = self.read(&root(gvk))?.unwrap_or_default();
        let resources = list["resources"].as_array().into_iter().flatten();
        let kinds = resources.filter_map(|resource| {
            let plural = resource["name"].as_str().filter(|name| !name.contains('/'))?;
            let namespaced = resource["namespaced"].as_bool()?;
            Some((resource["kind"].as_str()?.to_owned(), (plural.to_owned(), namespaced)))
        });
        Ok(kinds.collect())
    }

    /// A kind of which only group and kind are known, in the version that the API server prefers;
    /// without its schema. `None` if it is not served.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub(crate) fn kind_of_group(&self, wanted: &GroupKind) -> Result<Option<Kind>, Failure> {
        let GroupKind { group, kind } = wanted;
        let version = match group.as_str() {
            "" => "v1".to_owned(),
            group => match self.read(&format!("/apis/{group}"))? {
                Some(group) => {
                    let version = group["preferredVersion"]["version"].as_str();
                    version.unwrap_or_default().to_owned()
                }
                None => return Ok(None),
            },
        };
        let gvk = GroupVersionKind::new(group, &version, kind);
        let place = self.places(&gvk)?.remove(&gvk.kind);
        Ok(place.map(|(plural, namespaced)| Kind {
            gvk,
            plural,
            namespaced,
            schema: schema::Schema::any(),
        }))
    }

    /// A CustomResourceDefinition.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub(crate) fn crd(&self, name: &str) -> Result<Option<Value>, Failure> {
        self.read(&format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"))
    }

    /// An object; `None` if it, or its kind, does not exist.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub(crate) fn get(
        &self,
        kind: &Kind,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, Failure> {
        self.read(&format!("{}/{name}", collection(kind, namespace)))
    }

    /// The objects of a kind, in one namespace or (with "") in all, with a label selector.
    ///
    /// # Errors
    /// When the API server can't be asked.
    pub(crate) fn list(
        &self,
        kind: &Kind,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<Value>, Failure> {
        let query = match selector {
            "" => String::new(),
            selector => format!("?labelSelector={}", encoded(selector)),
        };
        let list = self.read(&format!("{}{query}", collection(kind, namespace)))?;
        let items = list.and_then(|mut list| match list["items"].take() {
            Value::Array(items) => Some(items),
            _ => None,
        });
        let mut items = items.unwrap_or_default();
        for item in &mut items {
            // Items of a list do not say what they are.
            item["apiVersion"] = kind.gvk.api_version().into();
            item["kind"] = kind.gvk.kind.as_str().into();
        }
        Ok(items)
    }

    /// What the API server would store if `object` were applied: a forced server-side apply as
    /// kro does it, as a dry run.
    ///
    /// # Errors
    /// The API server's words, or why it can't be asked.
    pub(crate) fn dry_run(&self, kind: &Kind, object: &Value) -> Result<Value, Refusal> {
        let text = |name| plan::object::text(object, &["metadata", name]);
        let path = format!(
            "{}/{}?dryRun=All&force=true&fieldManager={}",
            collection(kind, text("namespace")),
            text("name"),
            encoded(plan::names::MANAGER_APPLYSET)
        );
        let request = Request::builder()
            .method(Method::PATCH)
            .uri(path)
            .header("content-type", "application/apply-patch+yaml")
            .body(object.to_string().into_bytes())
            .map_err(|error| Refusal::Failure(failed("can't ask the cluster", error)))?;
        match self.runtime.block_on(self.client.request::<Value>(request)) {
            Ok(stored) => Ok(stored),
            Err(kube::Error::Api(status)) => Err(Refusal::Words(status.message.clone())),
            Err(error) => Err(Refusal::Failure(failed("can't ask the cluster", error))),
        }
    }

    fn read(&self, path: &str) -> Result<Option<Value>, Failure> {
        let what = || format!("can't read {path} of the cluster");
        let request = Request::get(path).body(Vec::new()).map_err(|error| failed(what(), error))?;
        match self.runtime.block_on(self.client.request::<Value>(request)) {
            Ok(value) => Ok(Some(value)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(failed(what(), error)),
        }
    }
}

/// Where a group-version is served.
fn root(gvk: &GroupVersionKind) -> String {
    match gvk.group.as_str() {
        "" => format!("/api/{}", gvk.version),
        group => format!("/apis/{group}/{}", gvk.version),
    }
}

fn collection(kind: &Kind, namespace: &str) -> String {
    match namespace {
        "" => format!("{}/{}", root(&kind.gvk), kind.plural),
        namespace => format!("{}/namespaces/{namespace}/{}", root(&kind.gvk), kind.plural),
    }
}

/// A text as a value in a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}
