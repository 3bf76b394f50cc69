//! What becomes of instances: claims, suspension, inclusion, refusals, and odd but legal content.

use anyhow::{Context as _, ensure};
use e2e::kro::{Kro, condition, config_map, instance, object};
use e2e::stack::message;
use e2e::{User, scenario, wait_for};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

#[test]
fn of_a_hundred_instances_that_claim_one_object_one_writes_it() {
    const INSTANCES: usize = 100;
    scenario(async || {
        let kro = Kro::start(&["--dynamic-controller-concurrent-reconciles=32"]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: claim}
spec:
  schema: {apiVersion: v1alpha1, kind: Claim, spec: {}}
  resources:
  - id: shared
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {owner: "${schema.metadata.name}"}}
"#,
        )
        .await?;
        kro.wait_served("claim").await?;
        let mut yaml = String::new();
        for number in 0..INSTANCES {
            writeln!(
                yaml,
                "---\napiVersion: kro.run/v1alpha1\nkind: Claim\nmetadata: {{name: claim-{number}, namespace: default}}\nspec: {{}}"
            )?;
        }
        kro.apply(&yaml).await?;
        let states = async || {
            let args = ["get", "claims", "-o=jsonpath={.items[*].status.state}"];
            let states = kro.plane.kubectl(&args).await?;
            Ok::<_, anyhow::Error>(states.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        };
        wait_for("one is ACTIVE, the others are not", Duration::from_secs(90), async || {
            let states = states().await?;
            let count = |state: &str| states.iter().filter(|found| *found == state).count();
            let (active, error) = (count("ACTIVE"), count("ERROR"));
            ensure!((active, error) == (1, INSTANCES - 1), "{active} ACTIVE, {error} ERROR");
            Ok(Some(()))
        })
        .await?;
        let shared = kro.wait(&config_map("shared"), "is there", |_| true).await?;
        let owner = shared["data"]["owner"].as_str().unwrap_or("").to_owned();
        kro.wait_active("claims", &owner).await?;
        let requests = kro.plane.audit().entries().await?.of(User::KroController).writes();
        let writes =
            requests.iter().filter(|entry| entry.is_about("configmaps", "default", "shared"));
        ensure!(writes.clone().count() == 1, "{:#?}", writes.collect::<Vec<_>>());
        let loser = if owner == "claim-0" { "claim-1" } else { "claim-0" };
        let refused = kro.wait(&instance("claims", loser), "is refused", |_| true).await?;
        let words = message(&refused, "ResourcesReady");
        ensure!(words.contains("belongs to a different ApplySet"), "{words}");

        // When the owner goes, exactly one other takes over.
        kro.delete(&instance("claims", &owner)).await?;
        wait_for("another one is ACTIVE", Duration::from_secs(90), async || {
            let active = states().await?.iter().filter(|state| *state == "ACTIVE").count();
            ensure!(active == 1, "{active} ACTIVE");
            Ok(Some(()))
        })
        .await?;
        let next = kro.wait(&config_map("shared"), "has a new owner", |_| true).await?;
        ensure!(next["data"]["owner"] != owner.as_str(), "{next:#}");
        let requests = kro.plane.audit().entries().await?.of(User::KroController).writes();
        let writes =
            requests.iter().filter(|entry| entry.is_about("configmaps", "default", "shared"));
        let verbs: Vec<&str> = writes.map(|entry| entry.verb.as_str()).collect();
        ensure!(verbs == ["patch", "delete", "patch"], "{verbs:?}");
        Ok(())
    });
}

#[test]
fn a_suspended_instance_is_left_alone_and_can_be_deleted() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(PLAIN).await?;
        kro.wait_served("plain").await?;
        let one = instance("plains", "one");
        kro.create(&one, &object("Plain", "one", &json!({"value": "1"}))).await?;
        kro.wait_active("plains", "one").await?;
        for word in ["suspended", "Disabled"] {
            let annotations = json!({"metadata": {"annotations": {"kro.run/reconcile": word}}});
            kro.patch(&one, &annotations).await?;
            let suspended = kro
                .wait(&one, "is suspended", |one| {
                    message(one, "ResourcesReady").starts_with("reconciliation suspended")
                })
                .await?;
            ensure!(condition(&suspended, "ResourcesReady") == "False", "{suspended:#}");
            kro.patch(&one, &json!({"spec": {"value": word}})).await?;
            kro.delete(&config_map("one-map")).await?;
            tokio::time::sleep(Duration::from_secs(2)).await;
            ensure!(kro.get(&config_map("one-map")).await?.is_none(), "it was written");
            let resume = json!({"metadata": {"annotations": {"kro.run/reconcile": null}}});
            kro.patch(&one, &resume).await?;
            kro.wait(&config_map("one-map"), "is made", |map| map["data"]["value"] == word).await?;
            kro.wait_active("plains", "one").await?;
        }
        let suspend = json!({"metadata": {"annotations": {"kro.run/reconcile": "suspended"}}});
        kro.patch(&one, &suspend).await?;
        kro.delete(&one).await?;
        kro.wait_gone(&one).await?;
        ensure!(kro.get(&config_map("one-map")).await?.is_none(), "left behind");
        Ok(())
    });
}

#[test]
fn resources_come_and_go_with_their_conditions() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: optional}
spec:
  schema: {apiVersion: v1alpha1, kind: Optional, spec: {enabled: boolean | default=false, mode: string | default="none"}}
  resources:
  - id: base
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: base}, data: {mode: "${schema.spec.mode}"}}
  - id: maybe
    includeWhen: ["${schema.spec.enabled}"]
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: maybe}}
  - id: after
    template: {apiVersion: v1, kind: Secret, metadata: {name: after}, stringData: {name: "${maybe.metadata.name}"}}
  - id: byData
    includeWhen: ['${base.data.mode == "full"}']
    template: {apiVersion: v1, kind: ConfigMap, metadata: {name: by-data}}
"#,
        )
        .await?;
        kro.wait_served("optional").await?;
        let one = instance("optionals", "one");
        let secret = "/api/v1/namespaces/default/secrets/after";
        kro.create(&one, &object("Optional", "one", &json!({}))).await?;
        let kinds = |one: &Value| {
            let annotations = &one["metadata"]["annotations"];
            annotations["applyset.kubernetes.io/contains-group-kinds"]
                .as_str()
                .unwrap_or("")
                .to_owned()
        };
        let active = kro.wait_active("optionals", "one").await?;
        ensure!(kinds(&active) == "ConfigMap", "{}", active["metadata"]);
        for path in [config_map("maybe"), secret.to_owned(), config_map("by-data")] {
            ensure!(kro.get(&path).await?.is_none(), "{path} was made");
        }
        for round in 0..2 {
            kro.patch(&one, &json!({"spec": {"enabled": true, "mode": "full"}})).await?;
            kro.wait(secret, "is made", |_| true).await?;
            kro.wait(&config_map("by-data"), "is made", |_| true).await?;
            let all = kro.wait_active("optionals", "one").await?;
            ensure!(kinds(&all) == "ConfigMap,Secret", "round {round}: {}", all["metadata"]);
            kro.patch(&one, &json!({"spec": {"enabled": false, "mode": "none"}})).await?;
            kro.wait_gone(secret).await?;
            kro.wait_gone(&config_map("maybe")).await?;
            kro.wait_gone(&config_map("by-data")).await?;
            kro.wait(&one, "has a smaller inventory", |one| kinds(one) == "ConfigMap").await?;
            kro.wait_active("optionals", "one").await?;
        }
        Ok(())
    });
}

#[test]
fn what_the_api_server_refuses_is_said_in_its_words_and_tried_again() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(PLAIN).await?;
        kro.wait_served("plain").await?;
        kro.apply(
            r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: no-maps}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}
  validations: [{expression: "!object.metadata.name.endsWith('-map')", message: "no maps on Sundays"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: no-maps}
spec: {policyName: no-maps, validationActions: [Deny]}
"#,
        )
        .await?;
        // The policy takes effect some time after it was made.
        wait_for("the policy denies", Duration::from_secs(30), async || {
            let args = ["create", "configmap", "probe-map", "--dry-run=server"];
            ensure!(kro.plane.kubectl(&args).await.is_err(), "not yet");
            Ok(Some(()))
        })
        .await?;
        let one = instance("plains", "one");
        kro.create(&one, &object("Plain", "one", &json!({"value": "1"}))).await?;
        let refused = kro.wait(&one, "is ERROR", |one| one["status"]["state"] == "ERROR").await?;
        let words = message(&refused, "ResourcesReady");
        ensure!(words.contains("no maps on Sundays"), "{words}");
        let policy =
            ["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "no-maps"];
        kro.plane.kubectl(&policy).await?;
        kro.wait_active("plains", "one").await.map(drop)
    });
}

#[test]
fn text_that_looks_like_an_expression_is_carried_through() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(PLAIN).await?;
        kro.wait_served("plain").await?;
        let mut one = object("Plain", "one", &json!({"value": "${schema.spec.secret} ${"}));
        one["metadata"]["annotations"] = json!({"note": "${broken", "mine": "kept"});
        one["metadata"]["labels"] = json!({"team": "red"});
        kro.create(&instance("plains", "one"), &one).await?;
        let active = kro.wait_active("plains", "one").await?;
        let map = kro.wait(&config_map("one-map"), "is there", |_| true).await?;
        ensure!(map["data"]["value"] == "${schema.spec.secret} ${", "{map:#}");
        let metadata = &active["metadata"];
        ensure!(metadata["annotations"]["note"] == "${broken", "{metadata}");
        ensure!(metadata["annotations"]["mine"] == "kept", "{metadata}");
        ensure!(metadata["labels"]["team"] == "red", "{metadata}");
        let managers = map["metadata"]["managedFields"].as_array().into_iter().flatten();
        let managers: Vec<&str> = managers.filter_map(|entry| entry["manager"].as_str()).collect();
        ensure!(managers == ["kro.run/applyset"], "{managers:?}");
        Ok(())
    });
}

#[test]
fn a_cluster_scoped_instance_has_children_everywhere() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: tenant}
spec:
  schema: {apiVersion: v1alpha1, kind: Tenant, scope: Cluster, spec: {config: string}, status: {seen: "${config.data.value}"}}
  resources:
  - id: space
    template: {apiVersion: v1, kind: Namespace, metadata: {name: "${schema.metadata.name}-space"}}
  - id: config
    externalRef: {apiVersion: v1, kind: ConfigMap, metadata: {name: "${schema.spec.config}", namespace: default}}
  - id: map
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: map, namespace: "${space.metadata.name}"}
      data: {value: "${config.data.value}"}
"#,
        )
        .await?;
        kro.wait_served("tenant").await?;
        let settings = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": "default"}, "data": {"value": "1"},
        });
        kro.create(&config_map("settings"), &settings).await?;
        let path = "/apis/kro.run/v1alpha1/tenants/red";
        let red = json!({
            "apiVersion": "kro.run/v1alpha1", "kind": "Tenant",
            "metadata": {"name": "red"}, "spec": {"config": "settings"},
        });
        kro.create(path, &red).await?;
        kro.wait(path, "is ACTIVE", e2e::kro::is_active).await?;
        let map = "/api/v1/namespaces/red-space/configmaps/map";
        let made = kro.wait(map, "is there", |map| map["data"]["value"] == "1").await?;
        let labels = &made["metadata"]["labels"];
        ensure!(labels.get("kro.run/instance-namespace").is_none(), "{labels}");
        kro.patch(&config_map("settings"), &json!({"data": {"value": "2"}})).await?;
        kro.wait(map, "follows", |map| map["data"]["value"] == "2").await?;
        kro.delete(path).await?;
        // No controller empties the namespace, so it stays, going; the map is gone.
        kro.wait_gone(map).await?;
        let space = kro
            .wait("/api/v1/namespaces/red-space", "is going", |space| {
                space["metadata"]["deletionTimestamp"].is_string()
            })
            .await?;
        ensure!(kro.get(path).await?.is_some(), "the instance waits for its children");
        let finalize = "/api/v1/namespaces/red-space/finalize";
        let mut free = space;
        free["spec"]["finalizers"] = json!([]);
        kro.send(http::Method::PUT, finalize, &free).await?;
        kro.wait_gone(path).await
    });
}

/// A definition of one ConfigMap.
const PLAIN: &str = r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: plain}
spec:
  schema: {apiVersion: v1alpha1, kind: Plain, spec: {value: string}}
  resources:
  - id: map
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-map"}
      data: {value: "${schema.spec.value}"}
"#;

#[test]
fn markers_bound_what_instances_may_say_and_random_names_stay() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.apply(
            r#"
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: form}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Form
    spec:
      mail: string | required=true pattern="^[a-z]+@[a-z]+$"
      user: string | minLength=3 maxLength=6
      tags: "[]string | uniqueItems=true minItems=1 maxItems=3"
      size: integer | default=2 minimum=1 maximum=9
      colour: string | enum="red,blue" default="red"
      note: string
  resources:
  - id: map
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "form-${random.seededString(10, schema.metadata.uid)}"}
      data:
        all: "${schema.spec.user}/${string(schema.spec.size)}/${schema.spec.colour}"
        note: "${has(schema.spec.note) ? schema.spec.note : 'none'}"
"#,
        )
        .await?;
        kro.wait_served("form").await?;
        let good = json!({"mail": "me@here", "user": "anna", "tags": ["a", "b"]});
        let bad = [
            ("mail", json!("nobody")),
            ("mail", json!(null)),
            ("user", json!("al")),
            ("user", json!("annabella")),
            ("tags", json!([])),
            ("tags", json!(["a", "a"])),
            ("tags", json!(["a", "b", "c", "d"])),
            ("size", json!(10)),
            ("colour", json!("green")),
        ];
        for (field, value) in bad {
            let mut spec = good.clone();
            spec[field] = value.clone();
            if value.is_null() {
                spec.as_object_mut().context("a map")?.remove(field);
            }
            let made = kro.create(&instance("forms", ""), &object("Form", "bad", &spec)).await;
            let words = made.err().with_context(|| format!("{field}: {value} was taken"))?;
            ensure!(format!("{words:#}").contains(field), "{field}: {words:#}");
        }
        let one = instance("forms", "one");
        let made = kro.create(&one, &object("Form", "one", &good)).await?;
        ensure!(made["spec"]["size"] == 2 && made["spec"]["colour"] == "red", "{made:#}");
        kro.wait_active("forms", "one").await?;
        let names = async || -> anyhow::Result<Vec<Value>> {
            let path = "/api/v1/namespaces/default/configmaps?labelSelector=kro.run%2Fowned";
            let list = kro.send(http::Method::GET, path, &Value::Null).await?;
            let items = list["items"].as_array().into_iter().flatten();
            Ok(items.map(|item| item["metadata"]["name"].clone()).collect())
        };
        let first = names().await?;
        ensure!(first.len() == 1, "{first:?}");
        kro.restart()?;
        kro.patch(&one, &json!({"spec": {"note": "changed"}})).await?;
        let map = config_map(first[0].as_str().unwrap_or(""));
        let map = kro.wait(&map, "follows", |map| map["data"]["note"] == "changed").await?;
        ensure!(map["data"]["all"] == "anna/2/red", "{map:#}");
        ensure!(names().await? == first, "a random name changed");
        Ok(())
    });
}
