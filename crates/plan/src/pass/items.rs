//! Resources that kro applies: one object, or the items of a collection.

use super::{Ctx, Held, Item, NodePass, stopped};
use crate::action::Progress;
use crate::decorate::{Position, decorate};
use crate::desired;
use crate::names;
use crate::object::{ObjectId, label};
use crate::observed::{Acquired, Member, Observed};
use crate::readiness::{creation_gate, explained, item_unready, unready};
use graph::{Node, NodeId, NodeKey, Scope, Template};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

impl<'a> Ctx<'a> {
    /// Evaluates a template; `held` says what of it must not be written yet.
    pub(super) fn items(
        &self,
        id: NodeId,
        template: &Template,
        held: Held<'_>,
        scope: &mut Scope<'a>,
    ) -> NodePass {
        let node = self.graph.node(id);
        let mut items = match self.want(id, template, scope) {
            Ok(items) => items,
            Err(progress) => return NodePass::unknown(progress),
        };
        let mut live: Vec<Arc<Value>> = Vec::new();
        for item in &mut items {
            let member = self.observed.members.get(&item.id).map(|member| &**member);
            item.progress = match (self.conflicts.get(&item.id), held.gate) {
                (Some(conflict), _) => Progress::Duplicate(conflict.clone()),
                (None, Some(why)) if member.is_none() => Progress::Waiting(why.to_owned()),
                (None, _) => progress(node, item, member, self.observed),
            };
            // What does not exist yet is made of what there is, as upstream does it.
            if let (Progress::Working, Some(dependency), Some(_)) =
                (&item.progress, held.passing, member)
            {
                item.progress = Progress::Waiting(being_written(dependency));
            }
            let usable = member.filter(|member| !member.deleting);
            live.extend(usable.map(|member| member.object.clone()));
        }
        let complete = live.len() == items.len();
        match node.is_collection() {
            true if items.is_empty() || !live.is_empty() => scope.bind_list(id, &live),
            true => {}
            false => live.iter().for_each(|object| scope.bind(id, object)),
        }
        let duplicate = items.iter().find_map(|item| match &item.progress {
            Progress::Duplicate(why) => Some(why.clone()),
            Progress::Skipped
            | Progress::Synced
            | Progress::Working
            | Progress::Unresolved(_)
            | Progress::Waiting(_)
            | Progress::Deleting(_)
            | Progress::Refused(_)
            | Progress::Fatal(_) => None,
        });
        let ready = match duplicate {
            Some(why) => Ok(Some(why)),
            None if !complete => Ok(Some(incomplete(node, live.len(), items.len()))),
            None if node.is_collection() => {
                let each = live.iter().map(|object| {
                    let why = item_unready(node, object, scope)?;
                    Ok(why.map(|why| explained(why, object)))
                });
                each.collect::<Result<Vec<_>, _>>().map(|all| all.into_iter().flatten().next())
            }
            None => unready(node, scope).map(|why| {
                why.map(|why| match live.first() {
                    Some(object) => explained(why, object),
                    None => why,
                })
            }),
        };
        let empty = [Progress::Synced];
        let all = items.iter().map(|item| &item.progress).chain(&empty);
        let worst = Progress::worst(all);
        let (progress, ready) = match ready {
            Err(fatal) => (Progress::Fatal(fatal.clone()), Err(fatal)),
            Ok(Some(why)) if worst == Progress::Synced => {
                (Progress::Waiting(why.clone()), Err(why))
            }
            Ok(Some(why)) => (worst, Err(why)),
            Ok(None) => (worst, Ok(())),
        };
        let gate = live.iter().find_map(|object| creation_gate(node, object));
        let passing = items.iter().any(|item| item.progress == Progress::Working);
        NodePass { progress, items: Some(items), reference: None, ready, gate, passing }
    }

    /// Renders the template, once or for every item, and makes the results this instance's
    /// objects.
    fn want(
        &self,
        id: NodeId,
        template: &Template,
        scope: &Scope<'_>,
    ) -> Result<Vec<Item>, Progress> {
        let node = self.graph.node(id);
        if !node.is_collection() {
            return Ok(vec![self.item(NodeKey { node: id, item: None }, template, None, scope)?]);
        }
        let combinations = self.combinations(node, scope)?;
        let size = combinations.len();
        let mut items = Vec::with_capacity(size);
        for (index, combination) in combinations.into_iter().enumerate() {
            // The size limit keeps an index far below the end of `u32`.
            let item = u32::try_from(index).ok();
            let scope = scope.with_variables(combination);
            let position = Some(Position { index, size });
            items.push(self.item(NodeKey { node: id, item }, template, position, &scope)?);
        }
        let mut seen: BTreeMap<&ObjectId, usize> = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            if let Some(other) = seen.insert(&item.id, index) {
                return Err(Progress::Fatal(format!(
                    "node \"{}\": identity collision: duplicate identity: items {other} and {index} are both {}",
                    node.id, item.id
                )));
            }
        }
        drop(seen);
        Ok(items)
    }

    fn item(
        &self,
        key: NodeKey,
        template: &Template,
        position: Option<Position>,
        scope: &Scope<'_>,
    ) -> Result<Item, Progress> {
        let node = self.graph.node(key.node);
        let rendered = template.render(scope).map_err(|stop| stopped(node, stop))?;
        let object = decorate(rendered, node, position, &self.labels).map_err(Progress::Fatal)?;
        let hash = desired::hash(&object);
        Ok(Item { key, id: ObjectId::of(&object), object, hash, progress: Progress::Working })
    }

    /// The values of the iterators of each item: the cartesian product of the dimensions, in
    /// which the first one changes last.
    ///
    /// Source: kro-controller facts, 5.3.
    fn combinations<'n>(
        &self,
        node: &'n Node,
        scope: &Scope<'_>,
    ) -> Result<Vec<Vec<(&'n str, Value)>>, Progress> {
        let mut dimensions = Vec::new();
        for dimension in &node.for_each {
            let items = dimension.items.items(scope).map_err(|stop| stopped(node, stop))?;
            if items.is_empty() {
                return Ok(Vec::new());
            }
            dimensions.push((dimension.name.as_str(), items));
        }
        let sizes = dimensions.iter().map(|(_, items)| items.len());
        let (size, limit) =
            (sizes.fold(1, usize::saturating_mul), self.instance.max_collection_size);
        if size > limit {
            return Err(Progress::Fatal(format!(
                "node \"{}\": collection size of {size} is over the maximum collection size of {limit}",
                node.id
            )));
        }
        let mut combinations = vec![Vec::new()];
        for (name, items) in dimensions {
            let extend = |prefix: Vec<(&'n str, Value)>| {
                items.iter().map(move |item| {
                    let mut combination = prefix.clone();
                    combination.push((name, item.clone()));
                    combination
                })
            };
            combinations = combinations.into_iter().flat_map(extend).collect();
        }
        Ok(combinations)
    }
}

fn being_written(dependency: &Node) -> String {
    format!("waiting for node \"{}\": it is being written", dependency.id)
}

fn incomplete(node: &Node, observed: usize, desired: usize) -> String {
    let id = &node.id;
    if node.is_collection() {
        format!(
            "waiting for node \"{id}\": collection not ready: observed {observed} but desired {desired} (waiting for readiness)"
        )
    } else {
        format!("waiting for node \"{id}\": it does not exist yet")
    }
}

fn progress(node: &Node, item: &Item, member: Option<&Member>, observed: &Observed) -> Progress {
    let deleting = || {
        Progress::Deleting(format!(
            "resource \"{}\" for node \"{}\" is currently being deleted; waiting for deletion to complete before continuing reconciliation",
            item.id.qualified_name(),
            node.id
        ))
    };
    if member.is_some_and(|member| member.deleting) {
        return deleting();
    }
    if member.is_some_and(|member| is_as_desired(item, member, observed)) {
        return Progress::Synced;
    }
    match observed.refused.get(&item.id) {
        Some(refused) if refused.desired.is_none_or(|hash| hash == item.hash) => {
            return Progress::Refused(refused.message.clone());
        }
        Some(_) | None => {}
    }
    match observed.acquired.get(&item.id) {
        Some(Acquired::Foreign { part_of }) => Progress::Refused(format!(
            "resource belongs to a different ApplySet: {} ({}) belongs to ApplySet \"{part_of}\", cannot reassign to \"{}\"",
            item.id.qualified_name(),
            node.kind.gvk,
            label(&item.object, names::PART_OF),
        )),
        Some(Acquired::Terminating) if member.is_none() => deleting(),
        Some(Acquired::Held | Acquired::Terminating) | None => Progress::Working,
    }
}

/// Whether nothing would change if `item` were applied (DESIGN.md, decision 3): what we applied
/// last is what is wanted and our managedFields entry is the one of that response; or, when this
/// process has not applied it yet, the fields that we own are exactly those wanted.
fn is_as_desired(item: &Item, member: &Member, observed: &Observed) -> bool {
    match observed.applied.get(&item.id) {
        Some(applied) => applied.desired == item.hash && applied.entry == member.entry,
        None => member.owned == Some(item.hash),
    }
}
