//! Each mistake is reported once, at its place.

use crate::check::{definition, refused};

#[test]
fn an_unknown_field_names_what_was_probably_meant() {
    let resources = r#"
- id: bucket
  template:
    apiVersion: s3.example.com/v1
    kind: Bucket
    metadata: {name: b}
    spec:
      tags: [{key: a, value: b}]
"#;
    let path = "spec.resources[0].template.spec.tags";
    refused(resources, &[("KRO0303", path, "schema not found for field `tags`")]);
    let (_, found) = definition(resources, "{}");
    let help = found.iter().next().and_then(|diagnostic| diagnostic.help.clone());
    assert_eq!(help.as_deref(), Some("did you mean `tagging.tagSet`?"));
}

#[test]
fn a_reference_to_a_missing_resource() {
    refused(
        r#"
- id: config
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: c}
    data: {arn: "${buket.status.arn}"}
"#,
        &[("KRO0403", "spec.resources[0].template.data.arn", "buket")],
    );
}

#[test]
fn a_cycle_is_named_with_its_path() {
    refused(
        r#"
- id: a
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${c.metadata.name}"}}
- id: b
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${a.metadata.name}"}}
- id: c
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${b.metadata.name}"}}
"#,
        &[("KRO0501", "spec.resources[0]", "graph contains a cycle: a -> c -> b -> a")],
    );
}

#[test]
fn types_of_literals_and_expressions() {
    refused(
        r#"
- id: bucket
  template:
    apiVersion: s3.example.com/v1
    kind: Bucket
    metadata: {name: "${schema.spec.size}"}
    spec: {name: 5, size: "${schema.spec.name}"}
"#,
        &[
            ("KRO0305", "spec.resources[0].template.metadata.name", "expects string"),
            ("KRO0304", "spec.resources[0].template.spec.name", "expected string type for path"),
            ("KRO0305", "spec.resources[0].template.spec.size", "expects int"),
        ],
    );
}

#[test]
fn invalid_expressions_of_all_resources_in_one_go() {
    refused(
        r#"
- id: one
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: one}
    data: {a: "${1 +}", b: "${schema.spec.nome}"}
- id: two
  includeWhen: ["${schema.spec.name}", "plain"]
  readyWhen: ["${one.data.a == 'x'}"]
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${two.metadata.uid}"}}
"#,
        &[
            ("KRO0401", "spec.resources[0].template.data.a", ""),
            ("KRO0405", "spec.resources[0].template.data.b", "nome"),
            ("KRO0601", "spec.resources[1].includeWhen[0]", "must be a bool"),
            ("KRO0407", "spec.resources[1].includeWhen[1]", "only standalone"),
            ("KRO0602", "spec.resources[1].readyWhen[0]", "must not read `one`"),
            ("KRO0502", "spec.resources[1].template.metadata.name", "self references"),
        ],
    );
}

#[test]
fn names_kinds_and_metadata() {
    refused(
        r#"
- id: schema
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- id: Bad
  template: {apiVersion: v1, kind: ConfigMop, metadata: {name: a}}
- id: three
  template:
    apiVersion: v1
    kind: Namespace
    metadata: {name: a, namespace: b, labels: {kro.run/owned: "no"}}
- id: three
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
"#,
        &[
            ("KRO0110", "spec.resources[0].id", "reserved"),
            ("KRO0109", "spec.resources[1].id", "`Bad`"),
            ("KRO0302", "spec.resources[1].template.kind", "no matches for kind `ConfigMop`"),
            (
                "KRO0306",
                "spec.resources[2].template.metadata.labels[\"kro.run/owned\"]",
                "reserved",
            ),
            ("KRO0307", "spec.resources[2].template.metadata.namespace", "cluster-scoped"),
            ("KRO0111", "spec.resources[3].id", "three"),
        ],
    );
}

#[test]
fn what_can_not_be_done_yet_is_refused_by_name() {
    refused(
        r#"
- id: each1
  forEach: [{tag: "${schema.spec.tags}"}]
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- id: outside
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
"#,
        &[
            ("KRO0411", "spec.resources[0].forEach", "`forEach` is not supported"),
            ("KRO0411", "spec.resources[1].externalRef", "`externalRef` is not supported"),
        ],
    );
}

#[test]
fn the_place_of_a_mistake_is_inside_the_scalar() {
    let (_, found) = definition(
        r#"
- id: one
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: one}
    data: {a: "text ${schema.spec.nome} more"}
"#,
        "{}",
    );
    let place = &found.iter().next().expect("one mistake").place;
    let range = place.range.clone().expect("a range");
    let scalar = "text ${schema.spec.nome} more";
    assert!(scalar[range.start as usize..range.end as usize].contains("nome"), "{range:?}");
}
