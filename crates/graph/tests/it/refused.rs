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
    assert_eq!(help.as_deref(), Some("did you mean `spec.tagging.tagSet`?"));
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
        &[(
            "KRO0501",
            "spec.resources[0].template.metadata.name",
            "graph contains a cycle: a -> c -> b -> a",
        )],
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
            ("KRO0305", "spec.resources[0].template.metadata.name", "expects `string`"),
            ("KRO0304", "spec.resources[0].template.spec.name", "expected string type for path"),
            ("KRO0305", "spec.resources[0].template.spec.size", "expects `int`"),
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
            ("KRO0601", "spec.resources[1].includeWhen[0]", "must be `bool`"),
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
fn iterators_and_collections() {
    refused(
        r#"
- id: shards
  forEach: [{tag: "${schema.spec.tags}"}, {size: "${schema.spec.size}"}, {other: "${tag}"}]
  includeWhen: ["${tag == 'a'}"]
  readyWhen: ["${each.data.x == tag}", "${shards.size() > 0}"]
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "a-${tag}"}}
- id: one
  forEach: [{one: "${schema.spec.tags}"}, {item: "${schema.spec.tags}", b: "${[1]}"}]
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "a"}, data: {x: "${each.x}"}}
"#,
        &[
            ("KRO0603", "spec.resources[0].forEach[1].size", "must run over a list, found `int`"),
            ("KRO0604", "spec.resources[0].forEach[2].other", "independent"),
            ("KRO0604", "spec.resources[0].includeWhen[0]", "`tag` is known only in the template"),
            ("KRO0604", "spec.resources[0].readyWhen[0]", "`tag` is known only in the template"),
            ("KRO0602", "spec.resources[0].readyWhen[1]", "must not read `shards`, only `each`"),
            ("KRO0605", "spec.resources[0].template.metadata.name", "missing: `size`, `other`"),
            ("KRO0111", "spec.resources[1].forEach[0].one", "conflicts with the resource ID"),
            ("KRO0607", "spec.resources[1].forEach[1]", "one iterator with its list, found 2"),
            ("KRO0110", "spec.resources[1].forEach[1].item", "reserved"),
            ("KRO0604", "spec.resources[1].template.data.x", "`each` is known only in `readyWhen`"),
            ("KRO0605", "spec.resources[1].template.metadata.name", "missing: `one`, `b`, `item`"),
        ],
    );
}

#[test]
fn external_references() {
    refused(
        r#"
- id: both
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: a, selector: {}}}
- id: neither
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {}}
- id: repeated
  forEach: [{tag: "${schema.spec.tags}"}]
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${tag}"}}
- id: shape
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {selector: {matchLabels: {a: 1}}}}
- id: namespaced
  externalRef: {apiVersion: v1, kind: Namespace, metadata: {name: "${schema.spec.size}", namespace: b}}
- id: list
  externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {selector: {matchLabels: {a: b}}}}
- id: reader
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${list.metadata.name}"}}
"#,
        &[
            (
                "KRO0608",
                "spec.resources[0].externalRef.metadata",
                "exactly one of name or selector",
            ),
            (
                "KRO0608",
                "spec.resources[1].externalRef.metadata",
                "exactly one of name or selector",
            ),
            ("KRO0310", "spec.resources[2].forEach", "cannot use externalRef with forEach"),
            ("KRO0608", "spec.resources[3].externalRef.metadata.selector.matchLabels.a", "text"),
            ("KRO0305", "spec.resources[4].externalRef.metadata.name", "expects `string`"),
            ("KRO0307", "spec.resources[4].externalRef.metadata.namespace", "cluster-scoped"),
            ("KRO0402", "spec.resources[6].template.metadata.name", "list(list)"),
        ],
    );
}

#[test]
fn omit_needs_its_gate_and_a_template() {
    refused(
        r#"
- id: one
  includeWhen: ["${omit()}"]
  template: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "${omit()}"}}
"#,
        &[
            ("KRO0409", "spec.resources[0].includeWhen[0]", "only be used in resource templates"),
            ("KRO0408", "spec.resources[0].template.data.x", "feature gate"),
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
