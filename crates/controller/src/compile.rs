//! Compiles specs of definitions, and remembers what was compiled last.

use crate::kinds::LookupError;
use crate::shared::Shared;
use diagnostics::{Code, Diagnostics};
use graph::{Graph, RgdSpec};
use schema::ContentHash;
use schema::openapi::GroupVersionKind;
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// How many graphs are remembered beyond those that serve: a revision is compiled once when it is
/// issued and once more when it is verified.
const REMEMBERED: usize = 16;

/// What was compiled last.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    recent: Mutex<VecDeque<(ContentHash, Arc<Graph>)>>,
}

/// Why there is no graph.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// Its author has to mend it, or a kind has to appear.
    #[error("{found}")]
    Invalid {
        found: Diagnostics,
        /// The kinds that the API server does not have.
        missing: BTreeSet<GroupVersionKind>,
    },
    /// It is no spec.
    #[error("spec: {0}")]
    Shape(serde_json::Error),
    /// The world failed, not the author.
    #[error(transparent)]
    Lookup(#[from] LookupError),
}

// === impl CompileError ===

impl CompileError {
    /// Whether the same spec may compile later without anybody changing it.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            // A kind that appears is announced by its CRD, but served a little later.
            Self::Invalid { found, .. } => found.iter().any(|one| one.code == Code::UnknownKind),
            Self::Shape(_) | Self::Lookup(LookupError::Schema(_)) => false,
            Self::Lookup(LookupError::Api(_) | LookupError::Request(_)) => true,
        }
    }

    /// Whether it says nothing about the spec.
    pub(crate) fn is_of_the_world(&self) -> bool {
        match self {
            Self::Invalid { .. } | Self::Shape(_) | Self::Lookup(LookupError::Schema(_)) => false,
            Self::Lookup(LookupError::Api(_) | LookupError::Request(_)) => true,
        }
    }

    /// The kinds that the API server does not have.
    pub(crate) fn missing(&self) -> BTreeSet<GroupVersionKind> {
        match self {
            Self::Invalid { missing, .. } => missing.clone(),
            Self::Shape(_) | Self::Lookup(_) => BTreeSet::new(),
        }
    }
}

/// Compiles `spec` against the kinds that the API server has now.
///
/// The same spec against the same kinds yields the very graph that it yielded before, as long as
/// that serves or was compiled lately.
pub(crate) async fn compile(shared: &Shared, spec: &Value) -> Result<Arc<Graph>, CompileError> {
    let hash = ContentHash::of(spec);
    let spec: RgdSpec = serde::Deserialize::deserialize(spec).map_err(CompileError::Shape)?;
    let wanted = graph::kinds(&spec);
    let crds = shared.crds.list().iter().map(|entry| entry.key.name.clone()).collect();
    let kinds = shared.kinds.resolve(&wanted, &crds).await?;
    let current = |graph: &Graph| {
        let known = |node: &graph::Node| {
            kinds.get(&node.kind.gvk).is_some_and(|kind| Arc::ptr_eq(kind, &node.kind))
        };
        graph.nodes.iter().all(known)
    };
    if let Some(graph) = shared.compiled.find(hash).filter(|graph| current(graph)) {
        return Ok(graph);
    }
    let options = graph::Options {
        max_dimensions: shared.options.max_collection_dimensions,
        omit: shared.options.gates.cel_omit_function,
    };
    let (graph, found) = graph::compile_with(&spec, &kinds, &options);
    let Some(graph) = graph.filter(|_| !found.has_errors()) else {
        let missing = wanted.into_iter().filter(|gvk| !kinds.contains_key(gvk)).collect();
        return Err(CompileError::Invalid { found, missing });
    };
    let graph = Arc::new(graph);
    shared.compiled.remember(hash, graph.clone());
    Ok(graph)
}

// === impl Compiled ===

impl Compiled {
    fn find(&self, hash: ContentHash) -> Option<Arc<Graph>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().rev().find(|(known, _)| *known == hash);
        found.map(|(_, graph)| graph.clone())
    }

    fn remember(&self, hash: ContentHash, graph: Arc<Graph>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|(known, _)| *known != hash);
        recent.push_back((hash, graph));
        // A graph that nobody else holds is worth its memory only for a while.
        let idle = recent.iter().filter(|(_, graph)| Arc::strong_count(graph) == 1).count();
        let mut excess = idle.saturating_sub(REMEMBERED);
        recent.retain(|(_, graph)| {
            let drop = excess > 0 && Arc::strong_count(graph) == 1;
            excess -= usize::from(drop);
            !drop
        });
    }
}
