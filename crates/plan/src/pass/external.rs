//! Resources that belong to somebody else.

use super::{Ctx, NodePass, stopped};
use crate::action::Progress;
use crate::object::{invalid_name, text};
use crate::observed::Observed;
use crate::readiness::{creation_gate, unready};
use crate::reference::{Reference, Referenced, Selector, Target};
use graph::{External, ExternalTarget, Node, NodeId, Scope, Template};
use serde_json::Value;
use std::sync::Arc;

impl<'a> Ctx<'a> {
    /// Evaluates an external reference: it is watched, awaited and read, never written. That it
    /// is being deleted does not matter.
    ///
    /// Source: kro-controller facts, 5.4.
    pub(super) fn external(
        &self,
        id: NodeId,
        external: &External,
        scope: &mut Scope<'a>,
    ) -> NodePass {
        let node = self.graph.node(id);
        let reference = match self.reference(node, external, scope) {
            Ok(reference) => reference,
            Err(progress) => return NodePass::unknown(progress),
        };
        let (progress, ready, gate) = look(node, id, self.observed, &reference, scope);
        NodePass {
            progress,
            items: Some(Vec::new()),
            reference: Some(reference),
            ready,
            gate,
            passing: false,
        }
    }

    fn reference(
        &self,
        node: &Node,
        external: &External,
        scope: &Scope<'_>,
    ) -> Result<Reference, Progress> {
        let fatal = |why: String| Progress::Fatal(format!("node \"{}\": {why}", node.id));
        let render =
            |template: &Template| template.render(scope).map_err(|stop| stopped(node, stop));
        let word = |template: &Template, field: &str| match render(template)? {
            Value::String(word) if invalid_name(&word) => {
                Err(fatal(format!("metadata.{field} is no valid name: \"{word}\"")))
            }
            Value::String(word) => Ok(word),
            Value::Null => Ok(String::new()),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Err(fatal(format!("metadata.{field} must be a string")))
            }
        };
        let namespace = match &external.namespace {
            Some(template) if node.kind.namespaced => word(template, "namespace")?,
            Some(_) | None => String::new(),
        };
        let target = match &external.target {
            ExternalTarget::Name(template) => {
                let name = word(template, "name")?;
                if name.is_empty() {
                    return Err(fatal("metadata.name is empty".to_owned()));
                }
                let own = text(self.instance.object, &["metadata", "namespace"]);
                let namespace = match (node.kind.namespaced, namespace.is_empty()) {
                    (false, _) => String::new(),
                    (true, false) => namespace,
                    (true, true) if !own.is_empty() => own.to_owned(),
                    (true, true) => {
                        return Err(Progress::Fatal(format!(
                            "node \"{}\" is namespaced and must resolve metadata.namespace when the instance is cluster-scoped",
                            node.id
                        )));
                    }
                };
                Target::Object { namespace, name }
            }
            ExternalTarget::Selector(template) => {
                let selector = Selector::parse(&render(template)?)
                    .map_err(|error| fatal(format!("invalid label selector: {error}")))?;
                let namespace = (!namespace.is_empty()).then_some(namespace);
                Target::Matching { namespace, selector }
            }
        };
        Ok(Reference::new(&node.kind, target))
    }
}

/// What is seen of `reference`; what exists is bound.
fn look(
    node: &Node,
    id: NodeId,
    observed: &Observed,
    reference: &Reference,
    scope: &mut Scope<'_>,
) -> (Progress, Result<(), String>, Option<String>) {
    let waiting = |why: String| (Progress::Waiting(why.clone()), Err(why), None);
    let gate = match observed.referenced.get(reference) {
        None => {
            let why = format!("waiting for external reference \"{}\": not read yet", node.id);
            return (Progress::Working, Err(why), None);
        }
        Some(Referenced::Absent) => {
            return waiting(format!("waiting for external reference \"{}\": not found", node.id));
        }
        Some(Referenced::Unreadable(words)) => {
            let why = format!("node \"{}\": {reference} can't be read: {words}", node.id);
            return (Progress::Fatal(why.clone()), Err(why), None);
        }
        Some(Referenced::Object(object)) => {
            scope.bind(id, object);
            creation_gate(node, object)
        }
        Some(Referenced::Objects(objects)) => {
            let list: Vec<Arc<Value>> = objects.values().cloned().collect();
            scope.bind_list(id, &list);
            objects.values().find_map(|object| creation_gate(node, object))
        }
    };
    match unready(node, scope) {
        Ok(None) => (Progress::Synced, Ok(()), gate),
        Ok(Some(why)) => waiting(why),
        Err(fatal) => (Progress::Fatal(fatal.clone()), Err(fatal), None),
    }
}
