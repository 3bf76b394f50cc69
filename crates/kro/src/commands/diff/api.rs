//! What a definition changes in the API of its kind, and whether the controller would do it.

use graph::{Graph, Options, compile_definition};
use plan::object::{annotation, text};
use schema::breaking::{Change, compare_crds};
use serde_json::Value;

use crate::Failure;
use crate::definitions::{Definition, Loaded, is_definition};

/// What would happen to the CRD of a definition.
pub(super) struct Api {
    /// The definition.
    pub(super) definition: String,
    /// The CRD: `stores.kro.run`.
    pub(super) crd: String,
    pub(super) fate: Fate,
}

/// What would happen to a CRD.
pub(super) enum Fate {
    /// There is none yet.
    Create,
    /// It is there; with what changes in it.
    Update { changes: Vec<Change>, breaking_allowed: bool },
    /// It can't be compared with what is there, and why.
    Unknown(String),
}

/// What is known of the API that is served now.
enum Served {
    /// There is none.
    Nothing,
    /// Its CRD, found or made from the definition that is there.
    Crd(Value),
    /// The definition that is there has mistakes.
    Mistaken,
}

/// Compares the API of every definition of the run with the one that is served now; a definition
/// of which nothing is known is left out.
///
/// # Errors
/// When the cluster can't be asked.
pub(super) fn compare(loaded: &mut Loaded, live: &[Value]) -> Result<Vec<Api>, Failure> {
    let mut found = Vec::new();
    for index in 0..loaded.definitions.len() {
        let definition = &loaded.definitions[index];
        let Some(graph) = &definition.graph else { continue };
        let crd = graph.instance.crd.clone();
        let name = text(&crd, &["metadata", "name"]).to_owned();
        let Some(served) = served(loaded, index, &name, live)? else { continue };
        let definition = &loaded.definitions[index];
        let fate = match served {
            Served::Nothing => Fate::Create,
            Served::Crd(old) => update(definition, &old, &crd),
            Served::Mistaken => {
                Fate::Unknown("the definition that is there has mistakes".to_owned())
            }
        };
        found.push(Api { definition: definition.name.clone(), crd: name, fate });
    }
    Ok(found)
}

fn update(definition: &Definition, old: &Value, new: &Value) -> Fate {
    let document = &definition.input.document.value;
    let breaking_allowed = annotation(document, plan::names::ALLOW_BREAKING) == Some("true");
    match compare_crds(old, new) {
        Ok(changes) => Fate::Update { changes, breaking_allowed },
        Err(error) => Fate::Unknown(error.to_string()),
    }
}

/// The API that is served now, as far as it is known.
fn served(
    loaded: &mut Loaded,
    index: usize,
    crd: &str,
    live: &[Value],
) -> Result<Option<Served>, Failure> {
    #[cfg(feature = "cluster")]
    if let Some(cluster) = &loaded.kinds.cluster {
        return Ok(Some(cluster.crd(crd)?.map_or(Served::Nothing, Served::Crd)));
    }
    let named = |object: &&Value, name: &str| text(object, &["metadata", "name"]) == name;
    let mut crds = live.iter().filter(|object| object["kind"] == "CustomResourceDefinition");
    if let Some(found) = crds.clone().find(|object| named(object, crd)) {
        return Ok(Some(Served::Crd(found.clone())));
    }
    let name = loaded.definitions[index].name.clone();
    match live.iter().find(|object| is_definition(object) && named(object, &name)) {
        Some(old) => {
            let graph = old_graph(loaded, old)?;
            Ok(Some(graph.map_or(Served::Mistaken, |graph| Served::Crd(graph.instance.crd))))
        }
        // Where there are CRDs of others, this one would be there, too.
        None => Ok(crds.next().map(|_| Served::Nothing)),
    }
}

/// Compiles the definition that is there.
fn old_graph(loaded: &mut Loaded, definition: &Value) -> Result<Option<Graph>, Failure> {
    let Some(spec) = graph::read(definition).0 else { return Ok(None) };
    let kinds = loaded.kinds.of(&spec)?;
    // It is served, whatever gates this run has.
    let options = Options { omit: true, ..Options::default() };
    Ok(compile_definition(definition, &kinds, &options).0)
}

// === impl Api ===

impl Api {
    /// Whether something would change, or is refused.
    pub(super) fn differs(&self) -> bool {
        match &self.fate {
            Fate::Create => true,
            Fate::Update { changes, .. } => !changes.is_empty(),
            Fate::Unknown(_) => false,
        }
    }
}

/// The place of a change as people write it: `spec.ports[].name` instead of
/// `.properties.spec.properties.ports.items.properties.name`.
pub(super) fn place(change: &Change) -> String {
    let mut words = change.path.split('.').filter(|word| !word.is_empty());
    let mut place = String::new();
    while let Some(word) = words.next() {
        let word = match word {
            "items" => {
                place.push_str("[]");
                continue;
            }
            "properties" => words.next().unwrap_or_default(),
            word => word,
        };
        if !place.is_empty() {
            place.push('.');
        }
        place.push_str(word);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::place;
    use schema::breaking::{Change, ChangeKind};

    #[test]
    fn places_name_fields() {
        let at = |path: &str| {
            place(&Change {
                path: path.to_owned(),
                kind: ChangeKind::TypeChanged,
                breaking: true,
                old: String::new(),
                new: String::new(),
                description: String::new(),
            })
        };
        assert_eq!(at(".properties.spec.properties.ports.items.type"), "spec.ports[].type");
        assert_eq!(at(".properties.spec.properties.items.items"), "spec.items[]");
        assert_eq!(at("version.served"), "version.served");
    }
}
