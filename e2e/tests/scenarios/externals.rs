//! External references: what kro reads and never writes.

use anyhow::ensure;
use e2e::kro::{Kro, config_map, instance, object};
use e2e::stack::message;
use e2e::{User, scenario, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

fn place(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/{name}")
}

fn map(namespace: &str, name: &str, labels: &Value, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels}, "data": data,
    })
}

#[test]
fn an_external_object_is_awaited_followed_and_never_written() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: v1
kind: Namespace
metadata: {name: shared}
---
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: consumer}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Consumer
    spec: {config: string, place: string | default=default}
    status: {seen: "${config.data.value}"}
  resources:
  - id: config
    externalRef:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.spec.config}", namespace: "${schema.spec.place}"}
  - id: near
    externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: near}}
  - id: child
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-child"}
      data: {value: "${config.data.value}", near: "${near.data.value}"}
"#,
        )
        .await?;
        kro.wait_served("consumer").await?;
        let one = instance("consumers", "one");
        kro.create(&one, &object("Consumer", "one", &json!({"config": "settings"}))).await?;
        kro.wait(&one, "waits", |one| {
            one["status"]["state"] == "IN_PROGRESS"
                && message(one, "ResourcesReady")
                    .contains("waiting for external reference \"config\": not found")
        })
        .await?;
        // Without a namespace it is in the instance's.
        let near = map("default", "near", &json!({}), &json!({"value": "close"}));
        kro.create(&config_map("near"), &near).await?;
        let settings = map("default", "settings", &json!({}), &json!({"value": "1"}));
        let made = kro.create(&config_map("settings"), &settings).await?;
        let active = kro.wait_active("consumers", "one").await?;
        ensure!(active["status"]["seen"] == "1", "{}", active["status"]);
        let child = kro.wait(&config_map("one-child"), "is there", |_| true).await?;
        ensure!(child["metadata"]["labels"]["kro.run/node-id"] == "child", "{child:#}");
        ensure!(child["data"] == json!({"value": "1", "near": "close"}), "{child:#}");
        let settings = kro.get(&config_map("settings")).await?;
        ensure!(settings.as_ref() == Some(&made), "it was written: {settings:?}");

        // It changes.
        kro.patch(&config_map("settings"), &json!({"data": {"value": "2"}})).await?;
        kro.wait(&config_map("one-child"), "follows", |it| it["data"]["value"] == "2").await?;
        kro.wait(&one, "follows", |one| one["status"]["seen"] == "2").await?;

        // Another one is meant.
        let far = map("shared", "settings", &json!({}), &json!({"value": "far"}));
        kro.create(&place("shared", "settings"), &far).await?;
        kro.patch(&one, &json!({"spec": {"place": "shared"}})).await?;
        kro.wait(&config_map("one-child"), "follows", |it| it["data"]["value"] == "far").await?;

        // It goes; what was made of it stays.
        kro.delete(&place("shared", "settings")).await?;
        kro.wait(&one, "waits", |one| one["status"]["state"] == "IN_PROGRESS").await?;
        ensure!(kro.get(&config_map("one-child")).await?.is_some(), "the child is gone");
        kro.delete(&one).await?;
        kro.wait_gone(&one).await?;
        ensure!(kro.get(&config_map("one-child")).await?.is_none(), "the child is left");
        ensure!(kro.get(&config_map("near")).await?.is_some(), "it was deleted");
        Ok(())
    });
}

#[test]
fn a_selector_finds_objects_in_one_or_all_namespaces() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: index}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Index
    spec: {team: string}
    status:
      everywhere: "${everywhere.map(c, c.metadata.namespace + '/' + c.metadata.name)}"
      here: "${here.sortBy(c, c.data.order).map(c, c.metadata.name)}"
  resources:
  - id: everywhere
    externalRef:
      apiVersion: v1
      kind: ConfigMap
      metadata:
        selector:
          matchExpressions:
          - {key: team, operator: In, values: ["${schema.spec.team}", "all"]}
          - {key: hidden, operator: DoesNotExist}
  - id: here
    externalRef:
      apiVersion: v1
      kind: ConfigMap
      metadata: {namespace: other, selector: {matchLabels: {team: "${schema.spec.team}"}}}
  - id: child
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: list}
      data: {names: '${everywhere.map(c, c.metadata.name).join(",")}'}
"#,
        )
        .await?;
        kro.wait_served("index").await?;
        let one = instance("indices", "one");
        kro.create(&one, &object("Index", "one", &json!({"team": "red"}))).await?;
        // Nothing matches, which is enough.
        let active = kro.wait_active("indices", "one").await?;
        ensure!(active["status"]["everywhere"] == json!([]), "{}", active["status"]);
        let list = async |names: &str| {
            kro.wait(&config_map("list"), names, |list| list["data"]["names"] == names).await
        };
        list("").await?;
        for (namespace, name, team, order) in
            [("other", "x", "red", "2"), ("other", "y", "red", "1"), ("default", "z", "all", "3")]
        {
            let labels = json!({ "team": team });
            let object = map(namespace, name, &labels, &json!({ "order": order }));
            kro.create(&place(namespace, name), &object).await?;
        }
        list("z,x,y").await?;
        kro.wait(&one, "is sorted", |one| {
            one["status"]["here"] == json!(["y", "x"])
                && one["status"]["everywhere"] == json!(["default/z", "other/x", "other/y"])
        })
        .await?;
        // A label comes, an object goes, the selector changes.
        let hide = json!({"metadata": {"labels": {"hidden": "yes"}}});
        kro.patch(&place("other", "x"), &hide).await?;
        list("z,y").await?;
        kro.delete(&place("other", "y")).await?;
        list("z").await?;
        let blue = map("default", "b", &json!({"team": "blue"}), &json!({}));
        kro.create(&config_map("b"), &blue).await?;
        kro.patch(&one, &json!({"spec": {"team": "blue"}})).await?;
        list("b,z").await?;
        kro.wait_active("indices", "one").await.map(drop)
    });
}

#[test]
fn a_change_is_read_once_however_many_wait_for_it() {
    const READERS: usize = 40;
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: reader}
spec:
  schema: {apiVersion: v1alpha1, kind: Reader, spec: {}, status: {seen: "${config.data.value}"}}
  resources:
  - id: config
    externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}
"#,
        )
        .await?;
        kro.wait_served("reader").await?;
        let settings = map("default", "settings", &json!({}), &json!({"value": "1"}));
        kro.create(&config_map("settings"), &settings).await?;
        for number in 0..READERS {
            let name = format!("reader-{number}");
            kro.create(&instance("readers", &name), &object("Reader", &name, &json!({}))).await?;
        }
        let all_see = async |value: &str| {
            wait_for("all see it", Duration::from_secs(60), async || {
                let args = ["get", "readers", "-o=jsonpath={.items[*].status.seen}"];
                let seen = kro.plane.kubectl(&args).await?;
                let count = seen.split_whitespace().filter(|seen| *seen == value).count();
                ensure!(count == READERS, "{count} of {READERS}");
                Ok(Some(()))
            })
            .await
        };
        all_see("1").await?;
        let mark = kro.plane.audit().mark().await?;
        kro.patch(&config_map("settings"), &json!({"data": {"value": "2"}})).await?;
        all_see("2").await?;
        let requests = kro.plane.audit().since(mark).await?.of(User::KroController);
        let reads = requests.iter().filter(|entry| entry.name == "settings" && !entry.is_watch());
        ensure!(reads.count() == 1, "{requests:#?}");
        // One status each, and nothing else.
        let writes = requests.writes();
        ensure!(writes.len() == READERS, "{}: {writes:#?}", writes.len());
        let mark = kro.plane.audit().mark().await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let quiet = kro.plane.audit().since(mark).await?.of(User::KroController);
        let quiet = quiet.but_watches_and_leases();
        ensure!(quiet.is_empty(), "{quiet:#?}");
        Ok(())
    });
}

#[test]
fn an_instance_of_one_definition_is_the_external_reference_of_another() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: producer}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Producer
    spec: {value: string}
    status: {value: "${map.data.value}"}
  resources:
  - id: map
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: produced}, data: {value: "${schema.spec.value}"}}
"#,
        )
        .await?;
        kro.wait_served("producer").await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: taker}
spec:
  schema: {apiVersion: v1alpha1, kind: Taker, spec: {}}
  resources:
  - id: producer
    externalRef: {apiVersion: kro.run/v1alpha1, kind: Producer, metadata: {name: one}}
  - id: map
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: taken}, data: {value: "${producer.status.value}"}}
"#,
        )
        .await?;
        kro.wait_served("taker").await?;
        let (producer, taker) = (instance("producers", "one"), instance("takers", "one"));
        kro.create(&taker, &object("Taker", "one", &json!({}))).await?;
        kro.create(&producer, &object("Producer", "one", &json!({"value": "1"}))).await?;
        kro.wait_active("takers", "one").await?;
        kro.wait(&config_map("taken"), "follows", |map| map["data"]["value"] == "1").await?;
        let set =
            async |value: &str| kro.patch(&producer, &json!({"spec": {"value": value}})).await;
        set("2").await?;
        kro.wait(&config_map("taken"), "follows", |map| map["data"]["value"] == "2").await?;
        // Producers are watched as instances: there is no second watch, nor are they read one by one.
        let sent = kro.plane.audit().entries().await?.of(User::KroController);
        let about = sent.filter(|entry| entry.resource == "producers");
        let by_verb = about.count_by_verb();
        ensure!(by_verb.get("list") == Some(&1) && !by_verb.contains_key("get"), "{by_verb:?}");
        // When nobody refers to it any more, the producer goes on.
        kro.delete(&taker).await?;
        kro.wait_gone(&taker).await?;
        kro.delete(&e2e::kro::rgd("taker")).await?;
        kro.wait_gone(&e2e::kro::rgd("taker")).await?;
        set("3").await?;
        kro.wait(&config_map("produced"), "goes on", |map| map["data"]["value"] == "3").await?;
        kro.wait_active("producers", "one").await.map(drop)
    });
}
