//! Collections: `forEach` over the spec, over other resources, and in several namespaces.

use anyhow::ensure;
use e2e::kro::{Kro, instance};
use e2e::stack::message;
use e2e::{User, scenario};
use serde_json::{Value, json};

fn place(namespace: &str, name: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps/{name}")
}

fn label<'o>(object: &'o Value, key: &str) -> &'o str {
    object["metadata"]["labels"][key].as_str().unwrap_or("")
}

#[test]
fn a_collection_grows_shrinks_and_is_repaired_in_every_namespace() {
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
metadata: {name: fleet}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Fleet
    spec: {names: "[]string", places: "[]string"}
    status: {names: "${members.map(i, i.metadata.name)}", count: "${size(members)}"}
  resources:
  - id: members
    forEach: [{name: "${schema.spec.names}"}, {place: "${schema.spec.places}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${name}", namespace: "${place}"}
      data: {key: "${name} in ${place}"}
  - id: summary
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: summary}
      data: {count: "${string(size(members))}"}
"#,
        )
        .await?;
        kro.wait_served("fleet").await?;
        let spec = json!({"names": ["a", "b"], "places": ["default", "other"]});
        kro.create(&instance("fleets", "one"), &e2e::kro::object("Fleet", "one", &spec)).await?;
        let active = kro.wait_active("fleets", "one").await?;
        ensure!(active["status"]["names"] == json!(["a", "a", "b", "b"]), "{}", active["status"]);
        // The first dimension is the outermost.
        for (index, (name, namespace)) in
            [("a", "default"), ("a", "other"), ("b", "default"), ("b", "other")].iter().enumerate()
        {
            let item = kro.wait(&place(namespace, name), "is there", |_| true).await?;
            ensure!(label(&item, "kro.run/collection-index") == index.to_string(), "{item:#}");
            ensure!(label(&item, "kro.run/collection-size") == "4", "{item:#}");
            ensure!(label(&item, "kro.run/node-id") == "members", "{item:#}");
        }
        let summary = kro.wait(&place("default", "summary"), "is there", |_| true).await?;
        ensure!(summary["data"]["count"] == "4", "{summary:#}");
        let inventory = &active["metadata"]["annotations"];
        ensure!(
            inventory["applyset.kubernetes.io/additional-namespaces"] == "other",
            "{inventory}"
        );

        // Drift, of whatever item and wherever it is.
        for (namespace, name) in [("default", "b"), ("other", "a"), ("other", "b")] {
            let path = place(namespace, name);
            kro.patch(&path, &json!({"data": {"key": "drifted"}})).await?;
            let repaired = format!("{name} in {namespace}");
            kro.wait(&path, "is repaired", |item| item["data"]["key"] == repaired.as_str()).await?;
            kro.delete(&path).await?;
            kro.wait(&path, "is made again", |item| item["data"]["key"] == repaired.as_str())
                .await?;
        }

        // It grows, and shrinks; an object of somebody else with an old name is left alone.
        let spec = |spec: Value| json!({ "spec": spec });
        kro.patch(&instance("fleets", "one"), &spec(json!({"names": ["a", "b", "c"]}))).await?;
        kro.wait(&place("default", "summary"), "counts", |it| it["data"]["count"] == "6").await?;
        kro.wait_active("fleets", "one").await?;
        kro.patch(&instance("fleets", "one"), &spec(json!({"names": ["b"]}))).await?;
        kro.wait_gone(&place("other", "a")).await?;
        kro.wait_gone(&place("default", "c")).await?;
        kro.wait(&place("default", "summary"), "counts", |it| it["data"]["count"] == "2").await?;
        kro.wait_active("fleets", "one").await?;
        let foreign = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "a", "namespace": "other"}, "data": {"key": "mine"},
        });
        let made = kro.create(&place("other", "a"), &foreign).await?;
        let mark = kro.plane.audit().mark().await?;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let requests = kro.plane.audit().since(mark).await?.of(User::KroController);
        let requests = requests.but_watches_and_leases();
        ensure!(requests.is_empty(), "a foreign object causes requests: {requests:#?}");

        // Nothing is left in any namespace, but what is not ours.
        kro.delete(&instance("fleets", "one")).await?;
        kro.wait_gone(&instance("fleets", "one")).await?;
        for namespace in ["default", "other"] {
            ensure!(kro.get(&place(namespace, "b")).await?.is_none(), "left in {namespace}");
        }
        let left = kro.get(&place("other", "a")).await?;
        ensure!(left.as_ref() == Some(&made), "{left:?}");
        Ok(())
    });
}

#[test]
fn every_item_must_be_ready_before_dependents_come() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: pool}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Pool
    spec: {names: "[]string"}
    status: {replicas: "${workers.map(w, w.status.availableReplicas)}"}
  resources:
  - id: workers
    forEach: [{name: "${schema.spec.names}"}]
    readyWhen: ["${each.status.availableReplicas == 1}"]
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "${name}"}
      spec:
        selector: {matchLabels: {app: "${name}"}}
        template:
          metadata: {labels: {app: "${name}"}}
          spec: {containers: [{name: main, image: none}]}
  - id: after
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: after}
      data: {names: '${workers.map(w, w.metadata.name).join(",")}'}
"#,
        )
        .await?;
        kro.wait_served("pool").await?;
        let pool = instance("pools", "one");
        kro.create(&pool, &e2e::kro::object("Pool", "one", &json!({"names": ["a", "b"]}))).await?;
        let deployment =
            |name: &str| format!("/apis/apps/v1/namespaces/default/deployments/{name}");
        let available = async |name: &str| {
            let path = deployment(name);
            kro.wait(&path, "is there", |_| true).await?;
            let status = json!({"status": {
                "replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 1,
            }});
            kro.patch(&format!("{path}/status"), &status).await
        };
        available("a").await?;
        kro.wait(&pool, "waits for the second item", |pool| {
            pool["status"]["state"] == "IN_PROGRESS"
                && message(pool, "ResourcesReady").contains("waiting for node \"workers\"")
        })
        .await?;
        ensure!(kro.get(&place("default", "after")).await?.is_none(), "created too early");
        available("b").await?;
        let active = kro.wait_active("pools", "one").await?;
        ensure!(active["status"]["replicas"] == json!([1, 1]), "{}", active["status"]);
        let after = kro.wait(&place("default", "after"), "is there", |_| true).await?;
        ensure!(after["data"]["names"] == "a,b", "{after:#}");

        // An empty collection is ready, and an empty list to others.
        kro.patch(&pool, &json!({"spec": {"names": []}})).await?;
        kro.wait_gone(&deployment("a")).await?;
        kro.wait(&place("default", "after"), "is empty", |it| it["data"]["names"] == "").await?;
        kro.wait_active("pools", "one").await.map(drop)
    });
}

#[test]
fn collections_follow_other_resources_and_have_a_limit() {
    scenario(async || {
        let kro = Kro::start(&["--rgd-max-collection-size=3"]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: chain}
spec:
  schema: {apiVersion: v1alpha1, kind: Chain, spec: {names: string, enabled: boolean | default=true}}
  resources:
  - id: source
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: source}
      data: {names: "${schema.spec.names}"}
  - id: first
    includeWhen: ["${schema.spec.enabled}"]
    forEach: [{name: '${source.data.names.split(",")}'}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "first-${name}"}
      data: {name: "${name}"}
  - id: second
    forEach: [{one: "${first}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "second-${one.data.name}"}
      data: {from: "${one.metadata.name}"}
"#,
        )
        .await?;
        kro.wait_served("chain").await?;
        let chain = instance("chains", "one");
        kro.create(&chain, &e2e::kro::object("Chain", "one", &json!({"names": "a,b"}))).await?;
        kro.wait_active("chains", "one").await?;
        let second = kro.wait(&place("default", "second-b"), "is there", |_| true).await?;
        ensure!(second["data"]["from"] == "first-b", "{second:#}");
        let set = async |spec: Value| kro.patch(&chain, &json!({ "spec": spec })).await;

        set(json!({"names": "b,c,d"})).await?;
        kro.wait(&place("default", "second-d"), "is there", |_| true).await?;
        kro.wait_gone(&place("default", "second-a")).await?;
        kro.wait_active("chains", "one").await?;

        set(json!({"names": "a,b,c,d"})).await?;
        kro.wait(&chain, "is over the limit", |chain| {
            chain["status"]["state"] == "ERROR"
                && message(chain, "ResourcesReady")
                    .contains("collection size of 4 is over the maximum collection size of 3")
        })
        .await?;
        ensure!(kro.get(&place("default", "second-d")).await?.is_some(), "something was deleted");

        set(json!({"names": "a", "enabled": false})).await?;
        for name in ["first-b", "second-b", "first-d", "second-d"] {
            kro.wait_gone(&place("default", name)).await?;
        }
        kro.wait_active("chains", "one").await?;
        set(json!({"enabled": true})).await?;
        kro.wait(&place("default", "second-a"), "is there", |_| true).await?;
        kro.wait_active("chains", "one").await.map(drop)
    });
}
