//! Custom types: built before the fields that use them, each after those that it uses itself.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::FieldPath;
use diagnostics::Place;
use serde_json::Map;
use serde_json::Value;

use super::Built;
use super::Ctx;
use super::type_text::TypeText;

/// Where a type uses another one.
struct Use {
    name: String,
    place: Place,
}

/// Builds all types, used or not, into `ctx.types`.
pub(super) fn build(ctx: &mut Ctx, types: &Map<String, Value>, at: &FieldPath) {
    let uses: BTreeMap<&str, Vec<Use>> = types
        .iter()
        .map(|(name, value)| {
            let mut uses = Vec::new();
            collect(value, &at.field(name.as_str()), &mut uses);
            uses.retain(|found| types.contains_key(&found.name));
            (name.as_str(), uses)
        })
        .collect();
    let mut walk = Walk { uses: &uses, state: BTreeMap::new(), order: Vec::new() };
    for name in uses.keys() {
        walk.visit(name, ctx);
    }
    let Walk { order, .. } = walk;
    // Named before any is built: an unknown type may be a misspelt one that comes later, and
    // where a cycle closes, the type that is not there yet is reported already.
    for name in &order {
        ctx.types.insert((*name).to_owned(), Built::BROKEN);
    }
    for name in order {
        if let Some(value) = types.get(name) {
            let built = ctx.field(value, &at.field(name));
            ctx.types.insert(name.to_owned(), built);
        }
    }
}

/// The types that some field of `spec` has, directly or through other types.
pub(super) fn used<'a>(types: &'a Map<String, Value>, spec: Option<&Value>) -> BTreeSet<&'a str> {
    let mut used = BTreeSet::new();
    let mut open = Vec::new();
    if let Some(spec) = spec {
        collect(spec, &FieldPath::root(), &mut open);
    }
    while let Some(Use { name, .. }) = open.pop() {
        if let Some((name, value)) = types.get_key_value(&name)
            && used.insert(name.as_str())
        {
            collect(value, &FieldPath::root(), &mut open);
        }
    }
    used
}

/// Every custom name in a type.
fn collect(value: &Value, at: &FieldPath, uses: &mut Vec<Use>) {
    match value {
        Value::String(text) => {
            let ty = text.split_once('|').map_or(text.as_str(), |(ty, _)| ty);
            if let Some((name, start)) = TypeText::read(ty).ok().and_then(|ty| ty.custom()) {
                let place = Place::inside(at.clone(), start..start + name.len());
                uses.push(Use { name: name.to_owned(), place });
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, &at.field(name.as_str()), uses);
            }
        }
        // Reported when the type is built.
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// On the way from the first type to here.
    Open,
    Done,
}

struct Walk<'a> {
    uses: &'a BTreeMap<&'a str, Vec<Use>>,
    state: BTreeMap<&'a str, State>,
    /// Each type after those that it uses.
    order: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    /// Visits everything that `root` uses, with a stack of its own: the chain of types may be as
    /// long as the document.
    fn visit(&mut self, root: &'a str, ctx: &mut Ctx) {
        if self.state.contains_key(root) {
            return;
        }
        let mut path: Vec<(&'a str, usize)> = vec![(root, 0)];
        self.state.insert(root, State::Open);
        while let Some((name, next)) = path.last_mut() {
            let name = *name;
            let uses = self.uses.get(name).map_or(&[][..], Vec::as_slice);
            let Some(used) = uses.get(*next) else {
                self.state.insert(name, State::Done);
                self.order.push(name);
                path.pop();
                continue;
            };
            *next += 1;
            let Some((target, _)) = self.uses.get_key_value(used.name.as_str()) else { continue };
            match self.state.get(target) {
                None => {
                    self.state.insert(target, State::Open);
                    path.push((target, 0));
                }
                Some(State::Done) => {}
                Some(State::Open) => {
                    let from = path.iter().position(|(name, _)| name == target);
                    report(&path[from.unwrap_or(0)..], target, used, ctx);
                }
            }
        }
    }
}

fn report(cycle: &[(&str, usize)], target: &str, used: &Use, ctx: &mut Ctx) {
    let message = if cycle.len() == 1 {
        format!("type `{target}` refers to itself")
    } else {
        let names: Vec<_> = cycle.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("types refer to each other in a cycle: {} → `{target}`", names.join(" → "))
    };
    let help = "a structure cannot contain itself; use `object` where any depth is needed";
    let diagnostic = Diagnostic::error(Code::TypeCycle, used.place.clone(), message);
    ctx.found.push(diagnostic.with_help(help));
}
