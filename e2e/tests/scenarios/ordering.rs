//! What waits for what, and what an ApplySet keeps together.

use anyhow::ensure;
use e2e::kro::{Kro, condition, config_map, instance, object};
use e2e::scenario;
use e2e::stack::message;
use serde_json::{Value, json};

fn reason(object: &Value, kind: &str) -> String {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.find(|entry| entry["type"] == kind);
    found.and_then(|entry| entry["reason"].as_str()).unwrap_or("").to_owned()
}

#[test]
fn what_waits_for_data_keeps_nothing_else_waiting() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: stage}
spec:
  schema: {apiVersion: v1alpha1, kind: Stage, spec: {optional: string}}
  resources:
  - id: main
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: main}
      spec:
        selector: {matchLabels: {app: main}}
        template:
          metadata: {labels: {app: main}}
          spec: {containers: [{name: main, image: none}]}
  - id: dependent
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: dependent}, data: {replicas: "${string(main.status.replicas)}"}}
  - id: last
    readyWhen: ['${last.data.?phase.orValue("") == "Ready"}']
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: last}, data: {of: "${dependent.metadata.name}"}}
  - id: independent
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: independent}}
"#,
        )
        .await?;
        kro.wait_served("stage").await?;
        let one = instance("stages", "one");
        kro.create(&one, &object("Stage", "one", &json!({}))).await?;
        let waiting = kro
            .wait(&one, "waits for data", |one| {
                message(one, "ResourcesReady").contains("waiting for unresolved resource")
            })
            .await?;
        ensure!(waiting["status"]["state"] == "IN_PROGRESS", "{}", waiting["status"]);
        kro.wait(&config_map("independent"), "is made all the same", |_| true).await?;
        ensure!(kro.get(&config_map("dependent")).await?.is_none(), "made without its data");
        let main = "/apis/apps/v1/namespaces/default/deployments/main";
        kro.patch(&format!("{main}/status"), &json!({"status": {"replicas": 2}})).await?;
        kro.wait(&config_map("last"), "is made", |_| true).await?;
        // The readiness of the last one holds the instance back.
        kro.wait(&one, "waits for the last one", |one| {
            one["status"]["state"] == "IN_PROGRESS"
                && message(one, "ResourcesReady").contains("readyWhen condition evaluated to false")
        })
        .await?;
        kro.patch(&config_map("last"), &json!({"data": {"phase": "Ready"}})).await?;
        kro.wait_active("stages", "one").await.map(drop)
    });
}

#[test]
fn a_child_that_goes_away_is_awaited_and_made_anew() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: pair}
spec:
  schema: {apiVersion: v1alpha1, kind: Pair, spec: {}}
  resources:
  - id: first
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: first}, data: {key: value}}
  - id: second
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: second}, data: {of: "${first.metadata.uid}"}}
"#,
        )
        .await?;
        kro.wait_served("pair").await?;
        let one = instance("pairs", "one");
        // It is there, and about to go, before the instance comes.
        let old = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "first", "namespace": "default", "finalizers": ["test.example.com/hold"]},
        });
        kro.create(&config_map("first"), &old).await?;
        kro.delete(&config_map("first")).await?;
        kro.create(&one, &object("Pair", "one", &json!({}))).await?;
        let waiting = kro
            .wait(&one, "waits for the deletion", |one| {
                reason(one, "ResourcesReady") == "ResourceDeleting"
            })
            .await?;
        ensure!(waiting["status"]["state"] == "IN_PROGRESS", "{}", waiting["status"]);
        ensure!(condition(&waiting, "ResourcesReady") == "False", "{}", waiting["status"]);
        ensure!(kro.get(&config_map("second")).await?.is_none(), "made too early");
        let free = json!({"metadata": {"finalizers": null}});
        kro.patch(&config_map("first"), &free).await?;
        kro.wait_active("pairs", "one").await?;
        let uid = |object: &Value| object["metadata"]["uid"].clone();
        let first = kro.wait(&config_map("first"), "is there", |_| true).await?;
        let second = kro.wait(&config_map("second"), "is there", |_| true).await?;
        ensure!(second["data"]["of"] == uid(&first), "{second:#}");

        // The same for a child of ours.
        let hold = json!({"metadata": {"finalizers": ["test.example.com/hold"]}});
        kro.patch(&config_map("first"), &hold).await?;
        kro.delete(&config_map("first")).await?;
        kro.wait(&one, "waits for the deletion", |one| {
            reason(one, "ResourcesReady") == "ResourceDeleting"
        })
        .await?;
        kro.patch(&config_map("first"), &free).await?;
        let anew =
            kro.wait(&config_map("first"), "is made anew", |map| uid(map) != uid(&first)).await?;
        kro.wait(&config_map("second"), "follows", |map| map["data"]["of"] == uid(&anew)).await?;
        kro.wait_active("pairs", "one").await.map(drop)
    });
}

#[test]
fn an_applyset_is_labelled_exactly_and_prunes_only_its_own() {
    scenario(async || {
        let kro = Kro::start(&["--feature-gates=CELOmitFunction=true"]).await?;
        let definition = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: NAME}
spec:
  schema: {apiVersion: v1alpha1, kind: KIND, spec: {second: boolean | default=true, note: string | default=""}}
  resources:
  - id: first
    readyWhen: ['${first.data.?phase.orValue("Ready") == "Ready"}']
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "NAME-${schema.metadata.name}"}
      data: {note: '${schema.spec.note == "" ? omit() : schema.spec.note}', key: value}
  - id: second
    includeWhen: ["${schema.spec.second}"]
    template: {apiVersion: v1, kind: Secret, metadata: {name: "NAME-${schema.metadata.name}"}}
"#;
        for (name, kind) in [("left", "Left"), ("right", "Right")] {
            kro.apply(&definition.replace("NAME", name).replace("KIND", kind)).await?;
            kro.wait_served(name).await?;
        }
        for (plural, kind, name) in
            [("lefts", "Left", "a"), ("lefts", "Left", "b"), ("rights", "Right", "a")]
        {
            kro.create(&instance(plural, name), &object(kind, name, &json!({}))).await?;
            kro.wait_active(plural, name).await?;
        }
        let a = kro.wait_active("lefts", "a").await?;
        let metadata = &a["metadata"];
        let set = metadata["labels"]["applyset.kubernetes.io/id"].as_str().unwrap_or("");
        ensure!(set.starts_with("applyset-") && set.ends_with("-v1"), "{metadata}");
        let annotations = &metadata["annotations"];
        ensure!(
            annotations["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap,Secret",
            "{metadata}"
        );
        ensure!(annotations["applyset.kubernetes.io/additional-namespaces"] == "", "{metadata}");
        let tooling = annotations["applyset.kubernetes.io/tooling"].as_str().unwrap_or("");
        ensure!(tooling.starts_with("kro/"), "{metadata}");
        let map = kro.wait(&config_map("left-a"), "is there", |_| true).await?;
        let labels = &map["metadata"]["labels"];
        for (key, value) in [
            ("app.kubernetes.io/managed-by", "kro"),
            ("applyset.kubernetes.io/part-of", set),
            ("kro.run/instance-group", "kro.run"),
            ("kro.run/instance-id", metadata["uid"].as_str().unwrap_or("")),
            ("kro.run/instance-kind", "Left"),
            ("kro.run/instance-name", "a"),
            ("kro.run/instance-namespace", "default"),
            ("kro.run/instance-version", "v1alpha1"),
            ("kro.run/node-id", "first"),
            ("kro.run/owned", "true"),
        ] {
            ensure!(labels[key] == value, "{key}: {labels}");
        }
        let count = labels.as_object().map_or(0, serde_json::Map::len);
        ensure!(count == 11, "a label beside kro-version: {labels}");
        ensure!(map["data"] == json!({"key": "value"}), "{map:#}");
        ensure!(map["metadata"]["annotations"]["internal.kro.run/apply-order"] == "1", "{map:#}");

        // Pruning goes on while something else is not ready, and touches nobody else's objects.
        let secret = |name: &str| format!("/api/v1/namespaces/default/secrets/{name}");
        kro.patch(&config_map("left-a"), &json!({"data": {"phase": "Busy"}})).await?;
        kro.patch(&instance("lefts", "a"), &json!({"spec": {"second": false, "note": "x"}}))
            .await?;
        kro.wait_gone(&secret("left-a")).await?;
        kro.wait(&config_map("left-a"), "has the note", |map| map["data"]["note"] == "x").await?;
        kro.wait(&instance("lefts", "a"), "has shrunk", |a| {
            a["metadata"]["annotations"]["applyset.kubernetes.io/contains-group-kinds"]
                == "ConfigMap"
        })
        .await?;
        kro.patch(&config_map("left-a"), &json!({"data": {"phase": null}})).await?;
        kro.patch(&instance("lefts", "a"), &json!({"spec": {"note": ""}})).await?;
        kro.wait(&config_map("left-a"), "loses the note", |map| map["data"].get("note").is_none())
            .await?;
        kro.wait_active("lefts", "a").await?;
        for name in ["left-b", "right-a"] {
            ensure!(kro.get(&secret(name)).await?.is_some(), "{name} was pruned");
        }
        kro.delete(&instance("rights", "a")).await?;
        kro.wait_gone(&instance("rights", "a")).await?;
        ensure!(kro.get(&secret("left-b")).await?.is_some(), "left-b was deleted");
        Ok(())
    });
}

#[test]
fn definitions_make_definitions() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: inner}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Inner
    spec: {value: string}
    status: {value: "${map.data.value}"}
  resources:
  - id: map
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${schema.metadata.name}-map"}, data: {value: "${schema.spec.value}"}}
"#,
        )
        .await?;
        kro.wait_served("inner").await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: outer}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Outer
    spec: {value: string}
    status: {inner: "${inner.status.value}"}
  resources:
  - id: inner
    readyWhen: ['${inner.status.state == "ACTIVE"}']
    template: {apiVersion: kro.run/v1alpha1, kind: Inner, metadata: {name: "${schema.metadata.name}-inner"}, spec: {value: "${schema.spec.value}"}}
  - id: after
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: after}, data: {value: "${inner.status.value}"}}
"#,
        )
        .await?;
        kro.wait_served("outer").await?;
        let one = instance("outers", "one");
        kro.create(&one, &object("Outer", "one", &json!({"value": "1"}))).await?;
        let active = kro.wait_active("outers", "one").await?;
        ensure!(active["status"]["inner"] == "1", "{}", active["status"]);
        kro.wait(&config_map("after"), "follows", |map| map["data"]["value"] == "1").await?;
        kro.patch(&one, &json!({"spec": {"value": "2"}})).await?;
        kro.wait(&config_map("one-inner-map"), "follows", |map| map["data"]["value"] == "2")
            .await?;
        kro.wait(&config_map("after"), "follows", |map| map["data"]["value"] == "2").await?;
        kro.wait_active("outers", "one").await?;
        // Deletion goes through all levels.
        kro.delete(&one).await?;
        kro.wait_gone(&one).await?;
        for path in
            [config_map("after"), instance("inners", "one-inner"), config_map("one-inner-map")]
        {
            ensure!(kro.get(&path).await?.is_none(), "{path} is left");
        }
        Ok(())
    });
}
