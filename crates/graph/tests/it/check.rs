//! The boundary: a definition in YAML, over a few kinds.

use diagnostics::Diagnostics;
use graph::{Graph, Kind, Kinds, Options, RgdSpec, compile_with};
use schema::openapi::{GroupVersionKind, with_metadata};
use schema::{Schema, Type};
use std::sync::Arc;

fn kind(group: &str, name: &str, plural: &str, namespaced: bool, schema: Schema) -> Kind {
    let gvk = GroupVersionKind::new(group, "v1", name);
    Kind { gvk, plural: plural.to_owned(), namespaced, schema: with_metadata(schema) }
}

pub(crate) fn kinds() -> Kinds {
    let text = || Schema::of(Type::String);
    let config = Schema::object([("data", Schema::map(text()))]);
    let tag_set = Schema::array(Schema::object([("key", text()), ("value", text())]));
    let bucket = Schema::object([
        (
            "spec",
            Schema::object([
                ("name", text()),
                ("size", Schema::of(Type::Integer)),
                ("tagging", Schema::object([("tagSet", tag_set)])),
            ]),
        ),
        ("status", Schema::object([("arn", text()), ("ready", Schema::of(Type::Boolean))])),
    ]);
    [
        kind("", "ConfigMap", "configmaps", true, config),
        kind("", "Namespace", "namespaces", false, Schema::object([])),
        kind("s3.example.com", "Bucket", "buckets", true, bucket),
    ]
    .into_iter()
    .map(|kind| (kind.gvk.clone(), Arc::new(kind)))
    .collect()
}

/// Compiles `resources`, under a schema with the spec fields `name`, `size` and `tags`.
pub(crate) fn definition(resources: &str, status: &str) -> (Option<Graph>, Diagnostics) {
    compile_with(&spec(resources, status), &kinds(), &Options::default())
}

/// The same without a status, as an installation with these options does it.
pub(crate) fn with_options(resources: &str, options: &Options) -> (Option<Graph>, Diagnostics) {
    compile_with(&spec(resources, "{}"), &kinds(), options)
}

fn spec(resources: &str, status: &str) -> RgdSpec {
    let yaml = format!(
        "schema:\n  apiVersion: v1alpha1\n  kind: App\n  spec:\n    name: string\n    size: integer | default=3\n    tags: '[]string'\n  status: {status}\nresources:\n{resources}"
    );
    serde_saphyr::from_str(&yaml).expect("the YAML has the shape of a spec")
}

/// The definition is refused with exactly these mistakes: code, path, and a part of the message.
#[track_caller]
pub(crate) fn refused(resources: &str, expected: &[(&str, &str, &str)]) {
    let (graph, found) = definition(resources, "{}");
    let shown: Vec<String> =
        found.iter().map(|d| format!("{} {} {}", d.code, d.place, d.message)).collect();
    assert!(graph.is_none(), "accepted");
    assert_eq!(shown.len(), expected.len(), "{shown:#?}");
    for ((code, path, part), (diagnostic, shown)) in expected.iter().zip(found.iter().zip(&shown)) {
        assert_eq!(diagnostic.code.to_string(), *code, "{shown}");
        assert_eq!(diagnostic.place.to_string(), *path, "{shown}");
        assert!(diagnostic.message.contains(part), "{shown}");
    }
}

/// The definition is accepted without a word but about what it does not use.
#[track_caller]
pub(crate) fn accepted(resources: &str, status: &str) -> Graph {
    let (graph, found) = definition(resources, status);
    let other = found.iter().find(|one| one.code != diagnostics::Code::UnusedResource);
    assert_eq!(other, None);
    graph.expect("no mistake, so there is a graph")
}
