//! The objects of a live cluster.

use std::collections::BTreeSet;

use graph::Kind;
use plan::{Inventory, ObjectId, Reference, Target, names};
use serde_json::Value;

use crate::Failure;
use crate::cluster::{Cluster, Refusal};
use crate::commands::diff::{self, Plan};
use crate::instances::Served;
use crate::manifest::ManifestArgs;
use crate::world::Server;

/// What would happen in a cluster.
///
/// # Errors
/// When the cluster can't be asked.
pub(super) fn plan(
    served: &Served<'_>,
    cluster: &Cluster,
    args: ManifestArgs,
) -> Result<Plan, Failure> {
    let id = ObjectId::of(&served.object);
    let instance = &served.graph.instance;
    let kind = Kind {
        gvk: instance.gvk.clone(),
        plural: instance.plural.clone(),
        namespaced: instance.namespaced,
        schema: schema::Schema::any(),
    };
    let mut live = Vec::new();
    let mut namespaces = BTreeSet::from([id.namespace.clone()]);
    if let Some(old) = cluster.get(&kind, &id.namespace, &id.name)? {
        namespaces.extend(Inventory::of(&old).namespaces);
        live.push(old);
    }
    let selector = format!("{}={}", names::PART_OF, plan::applyset_id(&id));
    let mut seen = BTreeSet::new();
    for node in served.graph.nodes.iter().filter(|node| !node.is_external()) {
        if !seen.insert(&node.kind.gvk) {
            continue;
        }
        if node.kind.namespaced {
            for namespace in namespaces.iter().filter(|namespace| !namespace.is_empty()) {
                live.extend(cluster.list(&node.kind, namespace, &selector)?);
            }
        } else {
            live.extend(cluster.list(&node.kind, "", &selector)?);
        }
    }
    diff::plan(served, &live, Some(cluster), args)
}

impl Server for Cluster {
    fn get(&self, kind: &Kind, id: &ObjectId) -> Result<Option<Value>, Failure> {
        Cluster::get(self, kind, &id.namespace, &id.name)
    }

    fn refer(&self, kind: &Kind, reference: &Reference) -> Result<Vec<Value>, Failure> {
        match &reference.target {
            Target::Object { namespace, name } => {
                Ok(Cluster::get(self, kind, namespace, name)?.into_iter().collect())
            }
            Target::Matching { namespace, .. } => {
                self.list(kind, namespace.as_deref().unwrap_or_default(), "")
            }
        }
    }

    fn apply(&self, kind: &Kind, object: &Value) -> Result<Result<Value, String>, Failure> {
        match self.dry_run(kind, object) {
            Ok(stored) => Ok(Ok(stored)),
            Err(Refusal::Words(words)) => Ok(Err(words)),
            Err(Refusal::Failure(failure)) => Err(failure),
        }
    }
}
