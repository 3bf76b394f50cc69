//! Conditions and status of instances: kro's own, and those that an author declares.

use anyhow::{Context, ensure};
use e2e::kro::{Kro, condition, config_map, instance, object, rgd};
use e2e::scenario;
use e2e::stack::message;
use serde_json::{Value, json};

fn entry(object: &Value, kind: &str) -> Value {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|entry| entry["type"] == kind).cloned().unwrap_or_default()
}

fn types(object: &Value) -> Vec<String> {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.filter_map(|entry| entry["type"].as_str()).map(str::to_owned).collect()
}

#[test]
fn an_authors_conditions_replace_kros_own() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let definition = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: shop}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Shop
    spec: {level: string, names: "[]string"}
    status:
      conditions:
      - '${runtime.newCondition({type: "Level", status: schema.spec.level == "high" ? "True" : "False", reason: "Spec", message: "level is " + schema.spec.level})}'
      - '${runtime.newCondition({type: "Ready", status: runtime.condition(schema, "ResourcesReady").status, reason: "Mine"})}'
      - '${runtime.newCondition({type: "Data", status: config.data.value == "on" ? "True" : "False"})}'
      - '${schema.spec.names.map(n, runtime.newCondition({type: n, status: "True"}))}'
  resources:
  - id: config
    externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}
"#;
        kro.apply(definition).await?;
        kro.wait_served("shop").await?;
        let one = instance("shops", "one");
        let spec = json!({"level": "low", "names": ["A"]});
        kro.create(&one, &object("Shop", "one", &spec)).await?;
        // What waits for data is not there yet; the state is kro's.
        let first = kro
            .wait(&one, "has conditions", |one| {
                one["status"]["state"] == "IN_PROGRESS" && condition(one, "Ready") == "False"
            })
            .await?;
        ensure!(types(&first) == ["Level", "Ready", "A"], "{}", first["status"]);
        ensure!(entry(&first, "Level")["message"] == "level is low", "{}", first["status"]);
        ensure!(entry(&first, "Ready").get("message").is_none(), "{}", first["status"]);
        let settings = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "default"}, "data": {"value": "off"},
        });
        kro.create(&config_map("settings"), &settings).await?;
        let ready = kro
            .wait(&one, "is ready", |one| {
                one["status"]["state"] == "ACTIVE" && condition(one, "Data") == "False"
            })
            .await?;
        ensure!(condition(&ready, "Ready") == "True", "{}", ready["status"]);

        // A transition time moves with the status only; the generation is the current one.
        let since = entry(&ready, "Data")["lastTransitionTime"].clone();
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        kro.patch(&one, &json!({"spec": {"level": "high"}})).await?;
        let high = kro.wait(&one, "is high", |one| condition(one, "Level") == "True").await?;
        ensure!(entry(&high, "Data")["lastTransitionTime"] == since, "{}", high["status"]);
        ensure!(entry(&high, "Data")["observedGeneration"] == 2, "{}", high["status"]);
        ensure!(
            entry(&high, "Level")["lastTransitionTime"]
                != entry(&ready, "Level")["lastTransitionTime"],
            "{}",
            high["status"]
        );

        // Data goes: what was shown stays.
        kro.patch(&config_map("settings"), &json!({"data": {"value": null}})).await?;
        kro.patch(&one, &json!({"spec": {"level": "low"}})).await?;
        let kept = kro.wait(&one, "is low", |one| condition(one, "Level") == "False").await?;
        ensure!(condition(&kept, "Data") == "False", "{}", kept["status"]);
        kro.patch(&config_map("settings"), &json!({"data": {"value": "on"}})).await?;
        kro.wait(&one, "sees data", |one| condition(one, "Data") == "True").await?;

        // A type that comes twice is dropped; the state says that something is wrong.
        kro.patch(&one, &json!({"spec": {"names": ["B", "B", "C"]}})).await?;
        let wrong = kro.wait(&one, "is ERROR", |one| one["status"]["state"] == "ERROR").await?;
        ensure!(condition(&wrong, "C") == "True", "{}", wrong["status"]);
        ensure!(condition(&wrong, "B").is_empty(), "{}", wrong["status"]);
        ensure!(condition(&wrong, "A") == "True", "what was there stays: {}", wrong["status"]);
        kro.patch(&one, &json!({"spec": {"names": ["C"]}})).await?;
        let right = kro.wait(&one, "is ACTIVE", |one| one["status"]["state"] == "ACTIVE").await?;
        ensure!(types(&right) == ["Level", "Ready", "Data", "C"], "{}", right["status"]);

        // Without the block, kro's own come back.
        let status = json!({"spec": {"schema": {"status": null}}});
        kro.patch(&rgd("shop"), &status).await?;
        let plain = kro
            .wait(&one, "has kro's conditions", |one| condition(one, "ResourcesReady") == "True")
            .await?;
        let mut found = types(&plain);
        found.sort();
        let own = ["GraphResolved", "InstanceManaged", "Ready", "ResourcesReady"];
        ensure!(found == own, "{}", plain["status"]);
        Ok(())
    });
}

#[test]
fn a_status_shows_what_is_complete() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: report}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Report
    spec: {name: string}
    status:
      name: "${schema.spec.name}"
      mixed: "${schema.spec.name} runs ${string(main.status.replicas)} of ${string(main.spec.replicas)}"
      nested: {ready: "${main.status.readyReplicas}", images: ["${main.spec.template.spec.containers[0].image}"]}
      password: "${string(secret.data.password)}"
      made: "${secret.metadata.creationTimestamp}"
  resources:
  - id: main
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: main}
      spec:
        replicas: 2
        selector: {matchLabels: {app: main}}
        template:
          metadata: {labels: {app: main}}
          spec: {containers: [{name: main, image: none}]}
  - id: secret
    template:
      apiVersion: v1
      kind: Secret
      metadata: {name: secret}
      stringData: {password: hunter2}
"#,
        )
        .await?;
        kro.wait_served("report").await?;
        let one = instance("reports", "one");
        kro.create(&one, &object("Report", "one", &json!({"name": "a"}))).await?;
        let active = kro.wait_active("reports", "one").await?;
        let status = &active["status"];
        ensure!(status["name"] == "a", "{status}");
        ensure!(status["nested"] == json!({"images": ["none"]}), "{status}");
        ensure!(status.get("mixed").is_none(), "a text needs all its parts: {status}");
        ensure!(status["password"] == "hunter2", "{status}");
        let secret = kro.get("/api/v1/namespaces/default/secrets/secret").await?;
        let secret = secret.context("the Secret is there")?;
        ensure!(status["made"] == secret["metadata"]["creationTimestamp"], "{status}");

        let main = "/apis/apps/v1/namespaces/default/deployments/main/status";
        let running = json!({"status": {"replicas": 2, "readyReplicas": 1}});
        kro.patch(main, &running).await?;
        kro.wait(&one, "follows", |one| {
            one["status"]["mixed"] == "a runs 2 of 2" && one["status"]["nested"]["ready"] == 1
        })
        .await?;
        kro.patch(&one, &json!({"spec": {"name": "b"}})).await?;
        kro.wait(&one, "follows the spec", |one| one["status"]["mixed"] == "b runs 2 of 2").await?;
        let stopped = json!({"status": {"replicas": null, "readyReplicas": null}});
        kro.patch(main, &stopped).await?;
        let gone = kro
            .wait(&one, "loses what has no source", |one| one["status"].get("mixed").is_none())
            .await?;
        ensure!(gone["status"]["nested"].get("ready").is_none(), "{}", gone["status"]);
        ensure!(kro.controller.log().find("hunter2").is_none(), "a secret value is in the log");
        ensure!(kro.controller.log().find("aHVudGVyMg").is_none(), "a secret value is in the log");
        Ok(())
    });
}

#[test]
fn conditions_tell_how_far_an_instance_is_down_to_its_deletion() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: steps}
spec:
  schema: {apiVersion: v1alpha1, kind: Steps, spec: {}}
  resources:
  - id: first
    readyWhen: ['${first.data.?phase.orValue("") == "Ready"}']
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: first, finalizers: [test.example.com/hold]}, data: {other: x}}
"#,
        )
        .await?;
        kro.wait_served("steps").await?;
        let one = instance("steps", "one");
        kro.create(&one, &object("Steps", "one", &json!({}))).await?;
        let waiting = kro
            .wait(&one, "waits", |one| {
                message(one, "ResourcesReady").contains("readyWhen condition evaluated to false")
            })
            .await?;
        for (kind, status) in [
            ("InstanceManaged", "True"),
            ("GraphResolved", "True"),
            ("ResourcesReady", "False"),
            ("Ready", "False"),
        ] {
            ensure!(condition(&waiting, kind) == status, "{kind}: {}", waiting["status"]);
        }
        ensure!(waiting["status"]["state"] == "IN_PROGRESS", "{}", waiting["status"]);
        kro.patch(&config_map("first"), &json!({"data": {"phase": "Ready"}})).await?;
        kro.wait_active("steps", "one").await?;
        // A finalizer holds the child, and thereby the instance.
        kro.delete(&one).await?;
        let going =
            kro.wait(&one, "is being deleted", |one| one["status"]["state"] == "DELETING").await?;
        ensure!(
            entry(&going, "ResourcesReady")["reason"] == "UnderDeletion",
            "{}",
            going["status"]
        );
        ensure!(condition(&going, "ResourcesReady") == "Unknown", "{}", going["status"]);
        kro.patch(&config_map("first"), &json!({"metadata": {"finalizers": null}})).await?;
        kro.wait_gone(&one).await
    });
}
