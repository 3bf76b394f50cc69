//! Finds kinds at the API server: their schemas, plurals and scopes.

use graph::Kind;
use kube::Client;
use schema::openapi::{Document, GroupVersionKind, KindError, KindSchema, kinds_of_crd};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Kinds that were asked for; a changed CRD makes its kinds be asked for anew.
pub(crate) struct Kinds {
    client: Client,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    kinds: BTreeMap<GroupVersionKind, Arc<Kind>>,
    /// Kinds that may have changed, as they were: one that did not is the very same again.
    stale: BTreeMap<GroupVersionKind, Arc<Kind>>,
    /// Kinds that come from a CRD, with its name.
    crds: BTreeMap<GroupVersionKind, String>,
    /// Counts the invalidations, so that an answer from before one is not kept.
    epoch: u64,
}

/// Why kinds could not be asked for. A kind that does not exist is no error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("can't read the schemas that the API server publishes")]
    Api(#[from] kube::Error),
    #[error("the API server publishes a schema that can't be used: {0}")]
    Schema(KindError),
    #[error("a request could not be built")]
    Request(#[from] http::Error),
}

// === impl Kinds ===

impl Kinds {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, known: Mutex::default() }
    }

    /// The kinds among `wanted` that the API server has. `crds` are the names of the CRDs that
    /// are there (`plural.group`); a kind of their groups is read from them, which know it before
    /// the published documents do.
    pub(crate) async fn resolve(
        &self,
        wanted: &BTreeSet<GroupVersionKind>,
        crds: &BTreeSet<String>,
    ) -> Result<BTreeMap<GroupVersionKind, Arc<Kind>>, LookupError> {
        let mut found = BTreeMap::new();
        let mut documents = BTreeMap::new();
        for gvk in wanted {
            let (known, epoch) = self.known(gvk);
            let kind = match known {
                Some(kind) => Some(kind),
                // Discovery goes on to list a kind for a while after its CRD is gone.
                None if self.lost(gvk, crds) => None,
                None => self.look_up(gvk, crds, &mut documents).await?.map(Arc::new),
            };
            if let Some(kind) = kind {
                found.insert(gvk.clone(), self.keep(gvk, kind, epoch, crds));
            }
        }
        Ok(found)
    }

    /// Some version of `kind`, as the API server prefers it.
    pub(crate) async fn preferred(
        &self,
        kind: &plan::object::GroupKind,
    ) -> Result<Option<kube::core::ApiResource>, LookupError> {
        let versions = match kind.group.as_str() {
            "" => vec!["v1".to_owned()],
            group => {
                let groups = self.client.list_api_groups().await?.groups;
                let Some(group) = groups.into_iter().find(|found| found.name == group) else {
                    return Ok(None);
                };
                let preferred = group.preferred_version.map(|version| version.version);
                let served = group.versions.into_iter().map(|version| version.version);
                preferred.into_iter().chain(served).collect()
            }
        };
        for version in versions {
            let gvk = GroupVersionKind::new(&kind.group, &version, &kind.kind);
            if let Some((plural, _)) = self.discover(&gvk).await? {
                return Ok(Some(api_resource(&gvk, &plural)));
            }
        }
        Ok(None)
    }

    /// Asks for the kinds of a CRD (`plural.group`) anew when they are needed next.
    pub(crate) fn invalidate(&self, crd: &str) {
        let mut known = self.lock();
        known.epoch += 1;
        let of_crd = |gvk: &GroupVersionKind, kind: &Arc<Kind>| {
            crd.split_once('.') == Some((kind.plural.as_str(), gvk.group.as_str()))
        };
        let changed: Vec<_> = known.kinds.extract_if(.., |gvk, kind| of_crd(gvk, kind)).collect();
        known.stale.extend(changed);
    }

    fn known(&self, gvk: &GroupVersionKind) -> (Option<Arc<Kind>>, u64) {
        let known = self.lock();
        (known.kinds.get(gvk).cloned(), known.epoch)
    }

    /// Whether the kind came from a CRD that is gone.
    fn lost(&self, gvk: &GroupVersionKind, crds: &BTreeSet<String>) -> bool {
        let mut known = self.lock();
        let lost = known.crds.get(gvk).is_some_and(|crd| !crds.contains(crd));
        if lost {
            // Should it come back some other way, it is found next time.
            known.crds.remove(gvk);
        }
        lost
    }

    fn keep(
        &self,
        gvk: &GroupVersionKind,
        kind: Arc<Kind>,
        epoch: u64,
        crds: &BTreeSet<String>,
    ) -> Arc<Kind> {
        let mut known = self.lock();
        let kind = match known.stale.get(gvk) {
            Some(stale) if **stale == *kind => stale.clone(),
            Some(_) | None => kind,
        };
        if known.epoch == epoch {
            let crd = format!("{}.{}", kind.plural, gvk.group);
            if crds.contains(&crd) {
                known.crds.insert(gvk.clone(), crd);
            }
            known.stale.remove(gvk);
            known.kinds.insert(gvk.clone(), kind.clone());
        }
        kind
    }

    async fn look_up(
        &self,
        gvk: &GroupVersionKind,
        crds: &BTreeSet<String>,
        documents: &mut BTreeMap<String, Option<Document>>,
    ) -> Result<Option<Kind>, LookupError> {
        let Some((plural, namespaced)) = self.discover(gvk).await? else { return Ok(None) };
        let crd = format!("{plural}.{}", gvk.group);
        let schema = if crds.contains(&crd) {
            self.read_crd(&crd, gvk).await?
        } else {
            self.read_document(gvk, documents).await?
        };
        let kind = |KindSchema { gvk, schema, .. }| Kind { gvk, plural, namespaced, schema };
        Ok(schema.map(kind))
    }

    /// Plural and scope.
    async fn discover(
        &self,
        gvk: &GroupVersionKind,
    ) -> Result<Option<(String, bool)>, LookupError> {
        let list = match gvk.group.as_str() {
            "" => self.client.list_core_api_resources(&gvk.version).await,
            _ => self.client.list_api_group_resources(&gvk.api_version()).await,
        };
        let Some(list) = present(list)? else { return Ok(None) };
        let mut resources = list.resources.into_iter();
        let found = resources.find(|found| found.kind == gvk.kind && !found.name.contains('/'));
        Ok(found.map(|found| (found.name, found.namespaced)))
    }

    async fn read_crd(
        &self,
        name: &str,
        gvk: &GroupVersionKind,
    ) -> Result<Option<KindSchema>, LookupError> {
        let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}");
        let Some(crd) = self.get(&path).await? else { return Ok(None) };
        let kinds = kinds_of_crd(&crd).map_err(LookupError::Schema)?;
        Ok(kinds.into_iter().find(|kind| kind.gvk == *gvk))
    }

    async fn read_document(
        &self,
        gvk: &GroupVersionKind,
        documents: &mut BTreeMap<String, Option<Document>>,
    ) -> Result<Option<KindSchema>, LookupError> {
        let path = match gvk.group.as_str() {
            "" => format!("/openapi/v3/api/{}", gvk.version),
            group => format!("/openapi/v3/apis/{group}/{}", gvk.version),
        };
        if !documents.contains_key(&path) {
            let document = self.get(&path).await?.map(Document::new);
            documents.insert(path.clone(), document);
        }
        let Some(Some(document)) = documents.get_mut(&path) else { return Ok(None) };
        match document.kind(gvk) {
            Ok(kind) => Ok(Some(kind)),
            Err(KindError::NotFound(_)) => Ok(None),
            Err(error @ KindError::Malformed { .. }) => Err(LookupError::Schema(error)),
        }
    }

    async fn get(&self, path: &str) -> Result<Option<Value>, LookupError> {
        let request = http::Request::get(path).body(Vec::new())?;
        Ok(present(self.client.request(request).await)?)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How `kube` names a kind.
pub(crate) fn api_resource(gvk: &GroupVersionKind, plural: &str) -> kube::core::ApiResource {
    kube::core::ApiResource {
        group: gvk.group.clone(),
        version: gvk.version.clone(),
        api_version: gvk.api_version(),
        kind: gvk.kind.clone(),
        plural: plural.to_owned(),
    }
}

/// `None` for what the API server does not have.
fn present<T>(result: Result<T, kube::Error>) -> Result<Option<T>, kube::Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}
