//! FieldExports at the API server: watched, and carried out.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use kube::Client;
use kube::core::ApiResource;
use runtime::backoff::Backoff;
use runtime::queue::Queue;
use runtime::queue::QueueOptions;
use runtime::shutdown::Tasks;
use runtime::store::Change;
use runtime::store::ObjectKey;
use runtime::store::Origin;
use runtime::store::Projected;
use runtime::store::Projection;
use runtime::store::Store;
use runtime::store::WatchSpec;
use runtime::workers::Requeue;
use runtime::workers::Workers;
use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::json;

use super::KINDS;
use super::Options;
use super::Stores;
use super::kept::Kept;
use super::request;
use crate::export;
use crate::export::Said;
use crate::export::Spec;
use crate::export::ToKind;
use crate::kind::VERSION;
use crate::shape::Time;

/// The FieldExports of the namespaces that are watched, and those that are to be looked at.
#[derive(Clone)]
pub(super) struct Exports {
    stores: Stores,
    queue: Queue<ObjectKey>,
}

/// How an export is found by its source: group, namespace, kind and name.
fn index_key(group: &str, namespace: &str, kind: &str, name: &str) -> String {
    format!("{group}/{namespace}/{}/{name}", kind.to_lowercase())
}

impl Exports {
    /// Starts to carry them out, as tasks of `tasks`.
    pub(super) fn start(client: &Client, options: &Options, tasks: &Tasks) -> Self {
        let queue = Queue::new(QueueOptions {
            backoff: Backoff::new(Duration::from_millis(5), Duration::from_secs(1000)),
            metrics: options.queue_metrics.as_ref().map(|metrics| metrics.queue("fieldexport")),
            ..QueueOptions::default()
        });
        let resource = ApiResource {
            group: export::GROUP.to_owned(),
            version: VERSION.to_owned(),
            api_version: format!("{}/{VERSION}", export::GROUP),
            kind: "FieldExport".to_owned(),
            plural: export::PLURAL.to_owned(),
        };
        let projection: Projection<_> = Arc::new(|meta, object| {
            let spec = object.get("spec").and_then(|spec| Spec::deserialize(spec).ok());
            let namespace = meta.key.namespace.as_deref().unwrap_or_default();
            let index = spec.map(|spec| {
                let from = spec.from.resource;
                index_key(&from.group, namespace, &from.kind, &from.name)
            });
            Projected { data: Kept::of(object), index: index.into_iter().collect() }
        });
        let added = queue.clone();
        let stores = Stores::start(&options.namespaces, |scope| {
            let mut spec = WatchSpec::all(resource.clone());
            spec.namespace = scope;
            let added = added.clone();
            let on_change = move |change: &Change<Kept>| {
                if change.new.is_some() && change.origin != Origin::Write {
                    added.add(change.key.clone());
                }
            };
            let (client, watch) = (client.clone(), options.watch.clone());
            Store::start(client, spec, Arc::clone(&projection), watch, tasks, on_change)
        });
        let this = Self { stores, queue };
        let (exports, client, own) = (this.clone(), client.clone(), tasks.clone());
        let settings = options.settings.clone();
        let services = options.services.clone();
        tasks.spawn_job("fieldexport-start", async move {
            exports.stores.synced(&own).await;
            if own.token().is_cancelled() {
                return Ok(());
            }
            let queue = exports.queue.clone();
            let pass = Arc::new(Pass {
                client,
                stores: exports.stores,
                services,
                cross_namespace: settings.cross_namespace,
            });
            Workers::new("fieldexport", 1).start(&queue, &own, move |key: ObjectKey| {
                let pass = Arc::clone(&pass);
                async move { pass.reconcile(&key).await }
            });
            Ok(())
        });
        this
    }

    /// An object of a kind has changed, whatever of it.
    pub(super) fn source_changed(&self, group: &str, kind: &str, key: &ObjectKey) {
        let namespace = key.namespace.as_deref().unwrap_or_default();
        let Some(store) = self.stores.of(key) else { return };
        for entry in store.indexed(&index_key(group, namespace, kind, &key.name)) {
            self.queue.add(entry.key.clone());
        }
    }
}

/// What all passes share.
struct Pass {
    client: Client,
    stores: Stores,
    services: Vec<String>,
    cross_namespace: bool,
}

impl Pass {
    async fn reconcile(&self, key: &ObjectKey) -> Requeue {
        let entry = self.stores.of(key).and_then(|store| store.get(key));
        let Some(entry) = entry else { return Requeue::Done };
        let object = entry.data.object();
        let namespace = key.namespace.clone().unwrap_or_default();
        let url = format!(
            "/apis/{}/{VERSION}/namespaces/{namespace}/{}/{}",
            export::GROUP,
            export::PLURAL,
            key.name
        );
        let finalizers: Vec<String> = object
            .pointer("/metadata/finalizers")
            .and_then(|finalizers| Vec::deserialize(finalizers).ok())
            .unwrap_or_default();
        let ours = finalizers.iter().any(|finalizer| finalizer == export::FINALIZER);
        if entry.is_terminating() {
            let rest: Vec<&String> =
                finalizers.iter().filter(|finalizer| *finalizer != export::FINALIZER).collect();
            if !ours {
                return Requeue::Done;
            }
            return self.finalizers(&url, &object, &json!(rest)).await;
        }
        let Some(spec) = object.get("spec").and_then(|spec| Spec::deserialize(spec).ok()) else {
            return Requeue::Done;
        };
        let from = &spec.from.resource;
        let kind = KINDS
            .iter()
            .find(|kind| kind.group() == from.group && kind.kind.eq_ignore_ascii_case(&from.kind));
        // Another controller's.
        let Some(kind) = kind.filter(|kind| self.serves(kind.service)) else {
            return Requeue::Done;
        };
        if !ours {
            let mut all: Vec<&str> = finalizers.iter().map(String::as_str).collect();
            all.push(export::FINALIZER);
            // The watch brings the object with its finalizer.
            let added = self.finalizers(&url, &object, &json!(all)).await;
            if added != Requeue::Done {
                return added;
            }
        }
        let source = format!(
            "/apis/{}/{VERSION}/namespaces/{namespace}/{}/{}",
            kind.group(),
            kind.plural,
            from.name
        );
        let said = match request(&self.client, "GET", &source, None).await {
            Ok(Some(source)) if export::is_synced(&source) => {
                match export::value(&source, &spec.from.path) {
                    Ok(value) => self.write(&spec, &namespace, &key.name, &value).await,
                    Err(said) => Ok(said),
                }
            }
            // Its next change brings us back.
            Ok(Some(_) | None) => return Requeue::Done,
            Err(error) => Err(error),
        };
        self.report(&url, &object, said).await
    }

    fn serves(&self, service: &str) -> bool {
        self.services.is_empty() || self.services.iter().any(|served| served == service)
    }

    async fn finalizers(&self, url: &str, object: &Json, finalizers: &Json) -> Requeue {
        let version = object.pointer("/metadata/resourceVersion");
        let patch = json!({ "metadata": { "finalizers": finalizers, "resourceVersion": version } });
        match request(&self.client, "PATCH", url, Some(&patch)).await {
            Ok(_) => Requeue::Done,
            Err(_) => Requeue::RateLimited,
        }
    }

    /// Puts the value where it should be; what came of it, and whether it should be tried again.
    async fn write(&self, spec: &Spec, own: &str, name: &str, value: &str) -> Result<Said, String> {
        let to = &spec.to;
        let namespace = to.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(own);
        if namespace != own && !self.cross_namespace {
            return Err(format!(
                "cross-namespace field export is not allowed. Set --enable-cross-namespace=true to \
                 allow it. sourceNamespace:{own}, targetNamespace:{namespace}"
            ));
        }
        let key = to.key.clone().filter(|key| !key.is_empty());
        let key = key.unwrap_or_else(|| format!("{own}.{name}"));
        let url = format!("/api/v1/namespaces/{namespace}/{}/{}", to.kind.plural(), to.name);
        let missing = |reason: &str| format!("unable to get existing {}: {reason}", to.kind.name());
        let found = match request(&self.client, "GET", &url, None).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                return Err(missing(&format!("{} \"{}\" not found", to.kind.plural(), to.name)));
            }
            Err(error) => return Err(missing(&error)),
        };
        let value = match to.kind {
            ToKind::ConfigMap => value.to_owned(),
            ToKind::Secret => BASE64_STANDARD.encode(value),
        };
        if found["data"].get(&key).and_then(Json::as_str) != Some(&value) {
            let patch = json!({ "data": { key: value } });
            request(&self.client, "PATCH", &url, Some(&patch)).await?;
        }
        Ok(Said::Done)
    }

    async fn report(&self, url: &str, object: &Json, said: Result<Said, String>) -> Requeue {
        let (said, requeue) = match said {
            Ok(said) => (said, Requeue::Done),
            Err(error) => (Said::Recoverable(error), Requeue::RateLimited),
        };
        let before = object.pointer("/status/conditions").and_then(Json::as_array);
        let mut conditions = said.conditions();
        for condition in &mut conditions {
            let same = before.into_iter().flatten().find(|old| old["type"] == condition["type"]);
            condition["lastTransitionTime"] = match same.map(|old| &old["lastTransitionTime"]) {
                Some(time) if !time.is_null() => time.clone(),
                Some(_) | None => Time(Timestamp::now()).to_string().into(),
            };
        }
        if before.is_some_and(|before| *before == conditions)
            || (before.is_none() && said == Said::Done)
        {
            return requeue;
        }
        let patch = json!({ "status": { "conditions": conditions } });
        match request(&self.client, "PATCH", &format!("{url}/status"), Some(&patch)).await {
            Ok(_) => requeue,
            Err(_) => Requeue::RateLimited,
        }
    }
}
