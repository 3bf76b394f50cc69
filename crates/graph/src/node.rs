//! The compiled graph.

use crate::condition::ConditionSource;
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

impl Kind {
    /// Whether what its objects hold is told to nobody.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.gvk.group.is_empty() && self.gvk.kind == "Secret"
    }
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
    /// Conditions that replace kro's own ones on instances, if the author declares any.
    pub conditions: Option<Vec<ConditionSource>>,
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
    /// What its objects are made from, or which ones they are.
    pub source: Source,
    /// What it is repeated over, the outermost first; empty for a single object.
    pub for_each: Vec<Dimension>,
    /// The resources that it must wait for, in the order of declaration: those that its source,
    /// its dimensions and `includeWhen` read.
    pub dependencies: Vec<NodeId>,
    /// It exists while all of these hold.
    pub include_when: Vec<Expression>,
    /// It is ready while all of these hold. Those of a collection read one object as
    /// [`EACH`](crate::EACH) and hold for every object; others read the resource by its name.
    pub ready_when: Vec<Expression>,
    /// The layer in which it is applied, 1 first; layers are deleted in reverse.
    pub apply_order: u32,
    /// What the definition's expressions read of its objects.
    pub read: ReadPaths,
}

/// What a resource is.
#[derive(Debug)]
pub enum Source {
    /// Objects that kro applies.
    Template(Template),
    /// Objects of somebody else, which kro only reads.
    External(External),
}

/// A reference to objects that somebody else manages.
#[derive(Debug)]
pub struct External {
    /// Their namespace. Without one: that of the instance for a name, every namespace for a
    /// selector.
    pub namespace: Option<Template>,
    /// Which objects.
    pub target: ExternalTarget,
}

/// Which objects an external reference means.
#[derive(Debug)]
pub enum ExternalTarget {
    /// The one with this name.
    Name(Template),
    /// All that a label selector (`matchLabels`, `matchExpressions`) selects.
    Selector(Template),
}

/// What a collection is repeated over.
#[derive(Debug)]
pub struct Dimension {
    /// The iterator: what expressions of the template call the current item.
    pub name: String,
    /// The items: [`Expression::items`].
    pub items: Expression,
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

// === impl Node ===

impl Node {
    /// Whether it is repeated over something.
    #[must_use]
    pub fn is_collection(&self) -> bool {
        !self.for_each.is_empty()
    }

    /// Whether its objects belong to somebody else.
    #[must_use]
    pub fn is_external(&self) -> bool {
        matches!(self.source, Source::External(_))
    }

    /// Whether expressions see it as a list: a collection, or what a selector selects.
    #[must_use]
    pub fn is_list(&self) -> bool {
        match &self.source {
            Source::Template(_) => self.is_collection(),
            Source::External(External { target: ExternalTarget::Selector(_), .. }) => true,
            Source::External(External { target: ExternalTarget::Name(_), .. }) => false,
        }
    }

    /// The expressions that it must be able to evaluate before its objects are known: those of
    /// its source, its dimensions and `includeWhen`.
    #[must_use]
    pub fn inputs(&self) -> Vec<&Expression> {
        let mut inputs = self.source.expressions();
        inputs.extend(self.for_each.iter().map(|dimension| &dimension.items));
        inputs.extend(&self.include_when);
        inputs
    }
}

// === impl Source ===

impl Source {
    /// All expressions, in the order of fields.
    #[must_use]
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Template(template) => template.expressions(),
            Self::External(External { namespace, target }) => {
                let (ExternalTarget::Name(target) | ExternalTarget::Selector(target)) = target;
                namespace.iter().chain([target]).flat_map(Template::expressions).collect()
            }
        }
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
