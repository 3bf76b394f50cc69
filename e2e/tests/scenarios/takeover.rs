//! What upstream leaves behind is taken over: written down from the facts, not made by our code.

use anyhow::{Context, ensure};
use e2e::kro::{Kro, crd, instance, is_active, object, revision, rgd};
use e2e::{Options, User, scenario, wait_for};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// The ApplySet of `WebApp/myapp` in `default`, and the hash of its inventory below.
const SET: &str = "applyset-KsB9Oezw8ZRAhObmjz88v8PI2BmDkjRny4baMf5P5P0-v1";
const HASH: &str = "sha256:Xr2A9qbe_hZvdiXKkaadE42KgleRd9ComDjAkSDsVAw";

/// Which upstream left it.
#[derive(Clone, Copy, PartialEq)]
enum Left {
    /// As in the facts.
    Main,
    /// The release before: no order of applies, no hash of the inventory.
    Release,
}

fn version(left: Left) -> &'static str {
    match left {
        Left::Main => "v0.9.3-54",
        Left::Release => "v0.9.3",
    }
}

fn definition() -> Value {
    let fields = json!({"name": "string", "image": "string | default=\"web:1\""});
    let config = json!({
        "id": "config",
        "template": {
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "${schema.spec.name}", "namespace": "other"},
            "data": {"key": "fixed", "extra": "gone later"},
        },
    });
    let labels = json!({"app": "${schema.spec.name}"});
    let web = json!({
        "id": "web",
        "template": {
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "${schema.spec.name}"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{
                        "name": "web", "image": "${schema.spec.image}",
                        "env": [{"name": "KEY", "value": "${config.data.key}"}],
                    }]},
                },
            },
        },
    });
    let mut definition = e2e::kro::definition("webapp", "WebApp", &fields, &json!([config, web]));
    definition["spec"]["schema"]["status"] = json!({"configured": "${config.data.?note.orValue(\"\")}",
        "note": "${config.data.note}"});
    definition["metadata"]["finalizers"] = json!(["kro.run/finalizer"]);
    definition
}

fn conditions(generation: i64, all: &[(&str, &str, &str)]) -> Value {
    let condition = |(kind, reason, message): &(&str, &str, &str)| {
        json!({
            "type": kind, "status": "True", "reason": reason, "message": message,
            "lastTransitionTime": "2026-08-20T00:00:00Z", "observedGeneration": generation,
        })
    };
    all.iter().map(condition).collect()
}

/// Writes what upstream would have written, with its field managers.
async fn leave(kro: &Kro, left: Left) -> anyhow::Result<()> {
    let other = json!({"metadata": {"name": "other"}});
    kro.create("/api/v1/namespaces/", &other).await?;
    let made = kro.define(&definition()).await?;
    let (uid, version) = (&made["metadata"]["uid"], version(left));
    let status = json!({"status": {
        "state": "Active", "lastIssuedRevision": 1, "topologicalOrder": ["config", "web"],
        "resources": [{"id": "web", "dependencies": [{"id": "config"}]}],
        "conditions": conditions(1, &[
            ("GraphRevisionsResolved", "Resolved", "revision 1 compiled and active"),
            ("GraphAccepted", "Valid", "resource graph and schema are valid"),
            ("KindReady", "Ready", "kind WebApp has been accepted and ready"),
            ("ControllerReady", "Running", "controller is running"),
            ("Ready", "Ready", ""),
        ]),
    }});
    kro.patch(&format!("{}/status", rgd("webapp")), &status).await?;
    let snapshot = json!({
        "apiVersion": "internal.kro.run/v1alpha1", "kind": "GraphRevision",
        "metadata": {
            "name": "webapp-r00001",
            "finalizers": ["kro.run/finalizer"],
            "labels": {
                "kro.run/owned": "true", "kro.run/kro-version": version,
                "kro.run/resource-graph-definition-name": "webapp",
                "kro.run/graph-revision-hash": "0123456789abcdef",
            },
            "ownerReferences": [{
                "apiVersion": "kro.run/v1alpha1", "kind": "ResourceGraphDefinition",
                "name": "webapp", "uid": uid, "controller": true,
            }],
        },
        "spec": {"revision": 1, "snapshot": {
            "name": "webapp", "generation": 1, "spec": made["spec"],
        }},
    });
    kro.create(&revision(""), &snapshot).await?;
    let verified = json!({"status": {
        "topologicalOrder": ["config", "web"],
        "resources": [{"id": "web", "dependencies": [{"id": "config"}]}],
        "conditions": conditions(1, &[
            ("GraphVerified", "Verified", "graph revision compiled and verified"),
            ("Ready", "Ready", ""),
        ]),
    }});
    kro.patch(&format!("{}/status", revision("webapp-r00001")), &verified).await?;
    kro.create(&crd(""), &generated(uid, version)).await?;
    kro.wait(&crd("webapps.kro.run"), "is served", |crd| {
        let mut conditions = crd["status"]["conditions"].as_array().into_iter().flatten();
        conditions.any(|entry| entry["type"] == "Established" && entry["status"] == "True")
    })
    .await?;
    let parent = wait_for("the instance can be created", e2e::kro::SOON, async || {
        let spec = json!({"name": "myapp"});
        Ok(Some(kro.create(&instance("webapps", ""), &object("WebApp", "myapp", &spec)).await?))
    })
    .await?;
    let path = instance("webapps", "myapp");
    let head = |metadata: Value| {
        let mut object = json!({"apiVersion": "kro.run/v1alpha1", "kind": "WebApp"});
        object["metadata"] = metadata;
        object["metadata"]["name"] = "myapp".into();
        object["metadata"]["namespace"] = "default".into();
        object
    };
    apply(
        kro,
        &path,
        "kro.run/labeller",
        &head(json!({
            "finalizers": ["kro.run/finalizer"],
            "labels": {
                "kro.run/owned": "true", "kro.run/kro-version": version,
                "kro.run/resource-graph-definition-id": uid,
                "kro.run/resource-graph-definition-name": "webapp",
                "applyset.kubernetes.io/id": SET,
            },
        })),
    )
    .await?;
    let mut annotations = json!({
        "applyset.kubernetes.io/tooling": format!("kro/{version}"),
        "applyset.kubernetes.io/contains-group-kinds": "ConfigMap,Deployment.apps",
        "applyset.kubernetes.io/additional-namespaces": "other",
    });
    if left == Left::Main {
        annotations["internal.kro.run/applyset-inventory-hash"] = HASH.into();
    }
    apply(
        kro,
        &path,
        "kro.run/applyset-parent",
        &head(json!({
            "annotations": annotations, "labels": {"applyset.kubernetes.io/id": SET},
        })),
    )
    .await?;
    for (child, path, order) in children() {
        apply(kro, path, "kro.run/applyset", &decorated(child, &parent, left, order)).await?;
    }
    let status = json!({"status": {
        "state": "ACTIVE", "configured": "",
        "conditions": conditions(1, &[
            ("InstanceManaged", "Managed",
             "instance is properly managed with finalizers and labels"),
            ("GraphResolved", "Resolved", "runtime graph created and all resources resolved"),
            ("ResourcesReady", "AllResourcesReady", "all resources are created and ready"),
            ("Ready", "Ready", ""),
        ]),
    }});
    kro.patch(&format!("{path}/status"), &status).await.map(drop)
}

/// The children without kro's labels, where they are, and their place in the order of applies.
fn children() -> [(Value, &'static str, &'static str); 2] {
    let config = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "myapp", "namespace": "other", "labels": {"kro.run/node-id": "config"}},
        "data": {"key": "fixed", "extra": "gone later"},
    });
    let web = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "myapp", "namespace": "default", "labels": {"kro.run/node-id": "web"}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "myapp"}},
            "template": {
                "metadata": {"labels": {"app": "myapp"}},
                "spec": {"containers": [{
                    "name": "web", "image": "web:1", "env": [{"name": "KEY", "value": "fixed"}],
                }]},
            },
        },
    });
    [(config, CONFIG, "1"), (web, WEB, "2")]
}

const CONFIG: &str = "/api/v1/namespaces/other/configmaps/myapp";
const WEB: &str = "/apis/apps/v1/namespaces/default/deployments/myapp";

fn decorated(mut child: Value, parent: &Value, left: Left, order: &str) -> Value {
    let labels = &mut child["metadata"]["labels"];
    for (key, value) in [
        ("kro.run/owned", json!("true")),
        ("kro.run/kro-version", json!(version(left))),
        ("kro.run/instance-id", parent["metadata"]["uid"].clone()),
        ("kro.run/instance-name", json!("myapp")),
        ("kro.run/instance-namespace", json!("default")),
        ("kro.run/instance-group", json!("kro.run")),
        ("kro.run/instance-version", json!("v1alpha1")),
        ("kro.run/instance-kind", json!("WebApp")),
        ("app.kubernetes.io/managed-by", json!("kro")),
        ("applyset.kubernetes.io/part-of", json!(SET)),
    ] {
        labels[key] = value;
    }
    if left == Left::Main {
        child["metadata"]["annotations"] = json!({"internal.kro.run/apply-order": order});
    }
    child
}

/// The CRD of `WebApp`.
fn generated(uid: &Value, version: &str) -> Value {
    let condition = json!({
        "type": "object",
        "properties": {
            "type": {"type": "string"}, "status": {"type": "string"}, "reason": {"type": "string"},
            "message": {"type": "string"}, "lastTransitionTime": {"type": "string"},
            "observedGeneration": {"type": "integer"},
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "webapps.kro.run", "labels": {
            "kro.run/owned": "true", "kro.run/kro-version": version,
            "kro.run/resource-graph-definition-id": uid,
            "kro.run/resource-graph-definition-name": "webapp",
        }},
        "spec": {
            "group": "kro.run", "scope": "Namespaced",
            "names": {
                "kind": "WebApp", "listKind": "WebAppList", "plural": "webapps", "singular": "webapp",
            },
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "additionalPrinterColumns": [
                    {"name": "State", "type": "string", "jsonPath": ".status.state",
                     "description": "The state of a ResourceGraphDefinition instance"},
                    {"name": "Ready", "type": "string",
                     "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status",
                     "description": "Whether the ResourceGraphDefinition instance is ready",},
                    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
                     "description": "Age of the resource"},
                ],
                "schema": {"openAPIV3Schema": {
                    "type": "object",
                    "properties": {
                        "apiVersion": {"type": "string"}, "kind": {"type": "string"},
                        "metadata": {"type": "object"},
                        "spec": {"type": "object", "default": {}, "properties": {
                            "name": {"type": "string"},
                            "image": {"type": "string", "default": "web:1"},
                        }},
                        "status": {"type": "object", "properties": {
                            "state": {"type": "string"},
                            "conditions": {"type": "array", "items": condition},
                            "configured": {"type": "string"}, "note": {"type": "string"},
                        }},
                    },
                }},
            }],
        },
    })
}

async fn apply(kro: &Kro, path: &str, manager: &str, object: &Value) -> anyhow::Result<()> {
    let manager = manager.replace('/', "%2F");
    let request = http::Request::patch(format!("{path}?fieldManager={manager}&force=true"))
        .header("Content-Type", "application/apply-patch+yaml")
        .body(object.to_string().into_bytes())?;
    let _: Value = kro.plane.client().request(request).await?;
    Ok(())
}

/// A control plane with kro's CRDs on which no kro runs yet.
async fn stopped(options: Options) -> anyhow::Result<Kro> {
    let kro = Kro::start_on(options, &[]).await?;
    kro.controller.kill()?;
    Ok(kro)
}

async fn version_of(kro: &Kro, path: &str) -> anyhow::Result<Value> {
    let object = kro.get(path).await?.context("it is gone")?;
    Ok(object["metadata"]["resourceVersion"].clone())
}

#[test]
fn what_upstream_left_is_taken_over_untouched() {
    scenario(async || {
        let kro = stopped(Options::with_nodes()).await?;
        leave(&kro, Left::Main).await?;
        kro.wait(WEB, "is available", |web| web["status"]["availableReplicas"] == 1).await?;
        let pods = async || -> anyhow::Result<Vec<Value>> {
            let path = "/api/v1/namespaces/default/pods";
            let list = kro.send(Method::GET, path, &Value::Null).await?;
            let items = list["items"].as_array().into_iter().flatten();
            Ok(items.map(|pod| pod["metadata"]["uid"].clone()).collect())
        };
        let before = (version_of(&kro, CONFIG).await?, version_of(&kro, WEB).await?, pods().await?);
        let mark = kro.plane.audit().mark().await?;
        kro.controller.restart()?;
        // Nothing announces that nothing happens.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let writes = kro.plane.audit().since(mark).await?.of(User::KroController).writes();
        // The generated CRD is written down here by hand; that ours is upstream's to the letter is
        // compared elsewhere, with recorded ones.
        let others = ["webapps", "customresourcedefinitions"];
        let elsewhere: Vec<_> =
            writes.iter().filter(|it| !others.contains(&it.resource.as_str())).collect();
        ensure!(elsewhere.is_empty(), "{elsewhere:#?}");
        // Finalizer and labels, inventory, status: the version is ours now.
        ensure!(writes.len() - elsewhere.len() <= 4, "{writes:#?}");
        let after = (version_of(&kro, CONFIG).await?, version_of(&kro, WEB).await?, pods().await?);
        ensure!(before == after, "{before:?} {after:?}");
        let app = kro.wait_active("webapps", "myapp").await?;
        ensure!(app["status"]["configured"] == "", "{}", app["status"]);
        ensure!(kro.revisions("webapp").await?.len() == 1, "a revision was issued");

        // A projected field comes and goes with its source.
        kro.patch(CONFIG, &json!({"data": {"note": "here"}})).await?;
        let path = instance("webapps", "myapp");
        kro.wait(&path, "shows it", |app| app["status"]["note"] == "here").await?;
        kro.patch(CONFIG, &json!({"data": {"note": null}})).await?;
        kro.wait(&path, "shows it no more", |app| app["status"].get("note").is_none()).await?;

        // A field that the template loses goes from the child, although upstream wrote it.
        let mut resources = definition()["spec"]["resources"].clone();
        resources[0]["template"]["data"].as_object_mut().and_then(|data| data.remove("extra"));
        kro.patch(&rgd("webapp"), &json!({"spec": {"resources": resources}})).await?;
        kro.wait(CONFIG, "has lost it", |map| map["data"].get("extra").is_none()).await?;
        let served = kro.wait_served("webapp").await?;
        ensure!(served["status"]["lastIssuedRevision"] == 2, "{}", served["status"]);
        ensure!(pods().await? == before.2, "pods were replaced");
        kro.wait(&path, "is ACTIVE", is_active).await?;

        kro.delete(&path).await?;
        kro.wait_gone(&path).await?;
        for path in [CONFIG, WEB] {
            ensure!(kro.get(path).await?.is_none(), "{path} is left");
        }
        Ok(())
    });
}

#[test]
fn what_the_release_left_is_brought_up_by_one_apply_each() {
    scenario(async || {
        let kro = stopped(Options::api_server()).await?;
        leave(&kro, Left::Release).await?;
        let before = kro.get(WEB).await?.context("it is gone")?;
        let mark = kro.plane.audit().mark().await?;
        kro.controller.restart()?;
        kro.wait(CONFIG, "has its order", |map| {
            map["metadata"]["annotations"]["internal.kro.run/apply-order"] == "1"
        })
        .await?;
        kro.wait(WEB, "has its order", |web| {
            web["metadata"]["annotations"]["internal.kro.run/apply-order"] == "2"
        })
        .await?;
        let path = instance("webapps", "myapp");
        let app = kro
            .wait(&path, "has the hash", |app| {
                let annotations = &app["metadata"]["annotations"];
                is_active(app)
                    && annotations["internal.kro.run/applyset-inventory-hash"].is_string()
            })
            .await?;
        ensure!(app["metadata"]["generation"] == 1, "{}", app["metadata"]);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let web = kro.get(WEB).await?.context("it is gone")?;
        // The generation of a Deployment counts changes of its annotations, too.
        ensure!(web["spec"] == before["spec"], "the spec was changed: {web:#}");
        let writes = kro.plane.audit().since(mark).await?.of(User::KroController).writes();
        for (resource, namespace) in [("configmaps", "other"), ("deployments", "default")] {
            let about = |it: &&e2e::audit::Entry| it.is_about(resource, namespace, "myapp");
            let found: Vec<_> = writes.iter().filter(about).collect();
            ensure!(found.len() == 1, "{found:#?}");
        }
        Ok(())
    });
}

#[test]
fn what_the_release_left_can_be_deleted_at_once() {
    scenario(async || {
        let kro = stopped(Options::api_server()).await?;
        leave(&kro, Left::Release).await?;
        let path = instance("webapps", "myapp");
        kro.delete(&path).await?;
        kro.controller.restart()?;
        kro.wait_gone(&path).await?;
        for path in [CONFIG, WEB] {
            ensure!(kro.get(path).await?.is_none(), "{path} is left");
        }
        Ok(())
    });
}
