//! Instances as an API server would store them.

use graph::Graph;
use serde_json::{Value, json};

use crate::commands::validate::{check_instance, gvk_of};
use crate::definitions::{Definition, Loaded};
use crate::input::Input;

/// The UID of an instance that has none: every run gives the same output.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// The creation time of an instance that has none.
pub(crate) const EPOCH: &str = "1970-01-01T00:00:00Z";

/// An instance and the definition that serves it.
pub(crate) struct Served<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) graph: &'a Graph,
    /// With defaults, and with what an API server adds.
    pub(crate) object: Value,
}

/// The instances of a run.
pub(crate) struct Checked {
    /// How many there are.
    pub(crate) count: usize,
    /// The positions, among the other documents, of those without mistakes whose definitions
    /// compile.
    pub(crate) served: Vec<usize>,
}

/// Checks the instances among the other documents of a run; mistakes go to its findings.
pub(crate) fn check(loaded: &mut Loaded) -> Checked {
    let mut checked = Checked { count: 0, served: Vec::new() };
    let Loaded { definitions, others, kinds, findings, .. } = loaded;
    for (index, input) in others.iter().enumerate() {
        let Some(gvk) = gvk_of(&input.document.value) else { continue };
        let Some(definition) = definitions.iter().find(|definition| definition.gvk == gvk) else {
            continue;
        };
        checked.count += 1;
        if let (Some(_), Some(kind)) = (&definition.graph, kinds.own(&gvk)) {
            let found = check_instance(input, kind);
            if !found.has_errors() {
                checked.served.push(index);
            }
            findings.add(input.source, &input.document.map, found);
        }
    }
    findings.sort();
    checked
}

/// The instance in `input`, served by one of the definitions of the run.
pub(crate) fn serve<'a>(loaded: &'a Loaded, input: &Input) -> Option<Served<'a>> {
    let gvk = gvk_of(&input.document.value)?;
    let definition = loaded.definitions.iter().find(|definition| definition.gvk == gvk)?;
    let graph = definition.graph.as_ref()?;
    let kind = loaded.kinds.own(&gvk)?;
    let object = stored(&input.document.value, graph, &kind.schema);
    Some(Served { definition, graph, object })
}

/// An instance as an API server stores it.
pub(crate) fn stored(given: &Value, graph: &Graph, schema: &schema::Schema) -> Value {
    let mut object = given.clone();
    let _ = schema::prune(schema, &mut object);
    schema::apply_defaults(schema, &mut object);
    let metadata = &mut object["metadata"];
    let mut default = |name: &str, value: Value| {
        if metadata[name].is_null() {
            metadata[name] = value;
        }
    };
    if graph.instance.namespaced {
        default("namespace", json!("default"));
    }
    default("uid", json!(UID));
    default("generation", json!(1));
    default("creationTimestamp", json!(EPOCH));
    object
}
