//! Watches of what roles are chosen by: two ConfigMaps, and IAMRoleSelectors.

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::Client;
use kube::core::ApiResource;
use runtime::shutdown::Tasks;
use runtime::store::ObjectKey;
use runtime::store::Projected;
use runtime::store::Projection;
use runtime::store::Store;
use runtime::store::WatchSpec;
use serde_json::Value as Json;

use super::Options;
use super::synced;
use crate::kind::VERSION;
use crate::roles::ACCOUNT_MAP;
use crate::roles::RoleSelector;
use crate::roles::Roles;
use crate::roles::TEAM_MAP;

/// The stores that there are.
#[derive(Clone)]
pub(super) struct RoleStores {
    maps: Option<(String, Store<BTreeMap<String, String>>)>,
    selectors: Option<Store<Option<RoleSelector>>>,
    by_team: bool,
    by_service: bool,
}

impl RoleStores {
    pub(super) fn start(client: &Client, options: &Options, tasks: &Tasks) -> Self {
        let (by_team, by_service) = options.role_maps_by;
        Self {
            maps: options.role_maps.clone().map(|namespace| {
                let store = maps(client, &namespace, options, tasks);
                (namespace, store)
            }),
            selectors: options.role_selectors.then(|| selectors(client, options, tasks)),
            by_team,
            by_service,
        }
    }

    /// Waits for the selectors, if they count: without them a resource could be made in the account
    /// of the controller. The maps are not waited for: without one nothing is made.
    pub(super) async fn synced(&self, tasks: &Tasks) {
        if let Some(selectors) = &self.selectors {
            synced(selectors, tasks).await;
        }
    }

    /// What is known now.
    pub(super) fn now(&self) -> Arc<Roles> {
        let map = |name: &str| {
            let (namespace, store) = self.maps.as_ref()?;
            let entry = store.get(&ObjectKey::namespaced(namespace.as_str(), name))?;
            Some(entry.data.clone())
        };
        let selectors = self.selectors.iter().flat_map(Store::list);
        Arc::new(Roles {
            accounts: map(ACCOUNT_MAP),
            teams: map(TEAM_MAP),
            by_team: self.by_team,
            by_service: self.by_service,
            selectors: selectors.filter_map(|entry| entry.data.clone()).collect(),
        })
    }
}

fn maps(
    client: &Client,
    namespace: &str,
    options: &Options,
    tasks: &Tasks,
) -> Store<BTreeMap<String, String>> {
    let resource = ApiResource::erase::<k8s_openapi::api::core::v1::ConfigMap>(&());
    // Of other ConfigMaps nothing is kept.
    let projection: Projection<_> = Arc::new(|_, object| {
        let name = object.pointer("/metadata/name").and_then(Json::as_str).unwrap_or_default();
        let is_ours = [ACCOUNT_MAP, TEAM_MAP].contains(&name);
        let data = object.get("data").and_then(Json::as_object).filter(|_| is_ours);
        let pair = |(key, value): (&String, &Json)| Some((key.clone(), value.as_str()?.to_owned()));
        Projected { data: data.into_iter().flatten().filter_map(pair).collect(), index: Vec::new() }
    });
    let spec = WatchSpec::all(resource).within(namespace);
    Store::start(client.clone(), spec, projection, options.watch.clone(), tasks, |_| ())
}

fn selectors(client: &Client, options: &Options, tasks: &Tasks) -> Store<Option<RoleSelector>> {
    let group = "services.k8s.aws";
    let resource = ApiResource {
        group: group.to_owned(),
        version: VERSION.to_owned(),
        api_version: format!("{group}/{VERSION}"),
        kind: "IAMRoleSelector".to_owned(),
        plural: "iamroleselectors".to_owned(),
    };
    let projection: Projection<_> = Arc::new(|meta, object| {
        let selector = RoleSelector::parse(&object);
        if selector.is_none() {
            tracing::warn!(name = meta.key.name, "an IAMRoleSelector is invalid, and ignored");
        }
        Projected { data: selector, index: Vec::new() }
    });
    let spec = WatchSpec::all(resource);
    Store::start(client.clone(), spec, projection, options.watch.clone(), tasks, |_| ())
}
