//! The compiled graph.

use crate::expression::Expression;
use crate::reads::ReadPaths;
use crate::status::StatusTree;
use crate::template::Template;
use schema::Schema;
use schema::openapi::GroupVersionKind;
use serde_json::Value;
use std::sync::Arc;

/// A resource of a definition: its position in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u32);

/// An object of a definition: a resource and, in a collection, the item's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    /// The resource.
    pub node: NodeId,
    /// The item of a collection, from 0.
    pub item: Option<u32>,
}

/// A kind that templates use, as the API server serves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kind {
    /// Its name.
    pub gvk: GroupVersionKind,
    /// Its name in URLs.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// The schema of a whole object.
    pub schema: Schema,
}

/// A definition that was checked and can be planned.
#[derive(Debug)]
pub struct Graph {
    /// The kind of its instances.
    pub instance: InstanceKind,
    /// Its resources, by [`NodeId`].
    pub nodes: Vec<Node>,
    /// Its resources in topological order.
    pub order: Vec<NodeId>,
    /// What instances show in their status.
    pub status: StatusTree,
}

/// The kind of a definition's instances.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceKind {
    /// Its name.
    pub gvk: GroupVersionKind,
    /// Its name in URLs.
    pub plural: String,
    /// Whether instances live in namespaces.
    pub namespaced: bool,
    /// The generated CustomResourceDefinition, without kro's ownership labels.
    pub crd: Value,
}

/// A resource.
#[derive(Debug)]
pub struct Node {
    /// Its name in expressions.
    pub id: String,
    /// The kind of its objects.
    pub kind: Arc<Kind>,
    /// What is applied.
    pub template: Template,
    /// The resources that it reads, in the order of declaration.
    pub dependencies: Vec<NodeId>,
    /// It exists while all of these hold.
    pub include_when: Vec<Expression>,
    /// It is ready while all of these hold.
    pub ready_when: Vec<Expression>,
    /// The layer in which it is applied, 1 first; layers are deleted in reverse.
    pub apply_order: u32,
    /// What the definition's expressions read of its object.
    pub read: ReadPaths,
}

// === impl NodeId ===

impl NodeId {
    /// The resource declared at `index`, from 0. A definition has fewer than 2³² resources: its
    /// object would not fit into etcd.
    #[must_use]
    pub fn from_index(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Its position in the order of declaration.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

// === impl Kind ===

impl Kind {
    /// The text form of its group, version and resource: `apps/v1, Resource=deployments`.
    #[must_use]
    pub fn gvr(&self) -> String {
        let GroupVersionKind { group, version, .. } = &self.gvk;
        format!("{group}/{version}, Resource={}", self.plural)
    }
}

// === impl Graph ===

impl Graph {
    /// The resource `id`.
    ///
    /// # Panics
    ///
    /// When `id` is of another graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// The resource with this name.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.id == id).map(NodeId::from_index)
    }
}
