//! What is part of an instance, and what is not: decided by data, and left out by `omit()`.

use anyhow::ensure;
use e2e::kro::{Kro, config_map, instance, object};
use e2e::scenario;
use e2e::stack::message;
use serde_json::{Value, json};

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/main";

#[test]
fn a_condition_on_a_status_waits_and_follows_it() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: scaled}
spec:
  schema: {apiVersion: v1alpha1, kind: Scaled, spec: {}}
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
  - id: many
    includeWhen: ["${main.status.replicas > 1}"]
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: many}}
  - id: after
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: after}, data: {of: "${many.metadata.name}"}}
  - id: other
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: other}}
"#,
        )
        .await?;
        kro.wait_served("scaled").await?;
        let one = instance("scaleds", "one");
        kro.create(&one, &object("Scaled", "one", &json!({}))).await?;
        kro.wait(&config_map("other"), "waits for nothing", |_| true).await?;
        let waiting = kro
            .wait(&one, "waits for the status", |one| {
                one["status"]["state"] == "IN_PROGRESS"
                    && message(one, "ResourcesReady").contains("many")
            })
            .await?;
        for name in ["many", "after"] {
            ensure!(kro.get(&config_map(name)).await?.is_none(), "{name}: {}", waiting["status"]);
        }
        let replicas = async |count: u32| {
            let status = json!({"status": {"replicas": count}});
            kro.patch(&format!("{DEPLOYMENT}/status"), &status).await
        };
        // It is decided: not included, nor is what depends on it.
        replicas(1).await?;
        kro.wait_active("scaleds", "one").await?;
        for name in ["many", "after"] {
            ensure!(kro.get(&config_map(name)).await?.is_none(), "{name} was made");
        }
        replicas(2).await?;
        kro.wait(&config_map("after"), "comes", |after| after["data"]["of"] == "many").await?;
        kro.wait_active("scaleds", "one").await?;
        replicas(1).await?;
        kro.wait_gone(&config_map("after")).await?;
        kro.wait_gone(&config_map("many")).await?;
        kro.wait_active("scaleds", "one").await.map(drop)
    });
}

#[test]
fn omitted_fields_and_elements_are_not_there() {
    scenario(async || {
        let kro = Kro::start(&["--feature-gates=CELOmitFunction=true"]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: sparse}
spec:
  schema: {apiVersion: v1alpha1, kind: Sparse, spec: {extra: string | default=""}}
  resources:
  - id: main
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: main}
      spec:
        selector: {matchLabels: {app: main}}
        template:
          metadata:
            labels: {app: main, extra: '${schema.spec.extra == "" ? omit() : schema.spec.extra}'}
          spec:
            containers:
            - name: main
              image: none
              args: [first, '${schema.spec.extra == "" ? omit() : schema.spec.extra}', last]
"#,
        )
        .await?;
        kro.wait_served("sparse").await?;
        let one = instance("sparses", "one");
        let is = |labels: Value, args: Value| {
            move |main: &Value| {
                let template = &main["spec"]["template"];
                template["metadata"]["labels"] == labels
                    && template["spec"]["containers"][0]["args"] == args
            }
        };
        kro.create(&one, &object("Sparse", "one", &json!({}))).await?;
        let sparse = is(json!({"app": "main"}), json!(["first", "last"]));
        kro.wait(DEPLOYMENT, "has neither", &sparse).await?;
        kro.patch(&one, &json!({"spec": {"extra": "x"}})).await?;
        let full = is(json!({"app": "main", "extra": "x"}), json!(["first", "x", "last"]));
        kro.wait(DEPLOYMENT, "has both", full).await?;
        kro.patch(&one, &json!({"spec": {"extra": ""}})).await?;
        kro.wait(DEPLOYMENT, "has neither again", sparse).await.map(drop)
    });
}

#[test]
fn a_namespace_that_comes_to_nothing_is_named() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: placed}
spec:
  schema: {apiVersion: v1alpha1, kind: Placed, scope: Cluster, spec: {place: string | default=""}}
  resources:
  - id: map
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: placed, namespace: "${schema.spec.place}"}}
"#,
        )
        .await?;
        kro.wait_served("placed").await?;
        let path = "/apis/kro.run/v1alpha1/placeds/one";
        let one = json!({
            "apiVersion": "kro.run/v1alpha1", "kind": "Placed",
            "metadata": {"name": "one"}, "spec": {},
        });
        kro.create(path, &one).await?;
        kro.wait(path, "names the field", |one| {
            one["status"]["state"] == "ERROR"
                && message(one, "ResourcesReady").contains("metadata.namespace")
        })
        .await?;
        kro.patch(path, &json!({"spec": {"place": "default"}})).await?;
        kro.wait(&config_map("placed"), "is made", |_| true).await?;
        kro.wait(path, "is ACTIVE", e2e::kro::is_active).await.map(drop)
    });
}
