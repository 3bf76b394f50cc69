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
    let nodes = served.graph.nodes.iter().filter(|node| !node.is_external());
    let mut kinds: Vec<Kind> = Vec::new();
    for node in nodes {
        if !kinds.iter().any(|kind| kind.gvk == node.kind.gvk) {
            kinds.push(Kind::clone(&node.kind));
        }
    }
    if let Some(old) = cluster.get(&kind, &id.namespace, &id.name)? {
        let inventory = Inventory::of(&old);
        // Kinds that the definition no longer has: their objects are pruned.
        let dropped = inventory.kinds.iter().filter(|kind| {
            !kinds.iter().any(|own| own.gvk.group == kind.group && own.gvk.kind == kind.kind)
        });
        let dropped = dropped.map(|kind| cluster.kind_of_group(kind));
        let dropped: Vec<Option<Kind>> = dropped.collect::<Result<_, _>>()?;
        kinds.extend(dropped.into_iter().flatten());
        namespaces.extend(inventory.namespaces);
        live.push(old);
    }
    let selector = format!("{}={}", names::PART_OF, plan::applyset_id(&id));
    for kind in &kinds {
        if kind.namespaced {
            for namespace in namespaces.iter().filter(|namespace| !namespace.is_empty()) {
                live.extend(cluster.list(kind, namespace, &selector)?);
            }
        } else {
            live.extend(cluster.list(kind, "", &selector)?);
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
