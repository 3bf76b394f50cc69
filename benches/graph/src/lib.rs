//! The definitions that are measured.

use builtins::Version;
use diagnostics::yaml;
use graph::{Kind, Kinds};
use serde_json::{Value, json};
use std::sync::Arc;

/// The definitions with what they are called: one that was recorded, and mixed ones.
pub fn definitions() -> Vec<(&'static str, Value)> {
    let recorded = include_str!("../../../conformance/rgd/large/large-layers-sixty.rgd.yaml");
    let recorded = yaml::read(recorded).0.remove(0).value;
    vec![
        ("3 resources", definition(3)),
        ("60 resources", definition(60)),
        ("60 resources, recorded", recorded),
    ]
}

/// `count` resources, a third each ConfigMaps, Deployments and Services: every Deployment reads its
/// ConfigMap, every Service its Deployment, and every ConfigMap the Service before it.
pub fn definition(count: usize) -> Value {
    let resources: Vec<Value> = (0..count)
        .map(|index| {
            let group = index / 3;
            let before = match group.checked_sub(1) {
                Some(before) => format!("${{service{before}.spec.clusterIP}}"),
                None => "none".to_owned(),
            };
            match index % 3 {
                0 => json!({"id": format!("config{group}"), "template": {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": format!("${{schema.spec.name}}-config-{group}")},
                    "data": {"before": before, "replicas": "${string(schema.spec.replicas)}"},
                }}),
                1 => json!({
                    "id": format!("deployment{group}"),
                    "includeWhen": ["${schema.spec.replicas > 0}"],
                    "readyWhen": [format!("${{deployment{group}.status.availableReplicas > 0}}")],
                    "template": {
                        "apiVersion": "apps/v1",
                        "kind": "Deployment",
                        "metadata": {"name": format!("${{schema.spec.name}}-{group}")},
                        "spec": {
                            "replicas": "${schema.spec.replicas}",
                            "selector": {"matchLabels": {"app": "${schema.spec.name}"}},
                            "template": {
                                "metadata": {"labels": {"app": "${schema.spec.name}"}},
                                "spec": {"containers": [{
                                    "name": "main",
                                    "image": "${schema.spec.image}",
                                    "env": [{
                                        "name": "CONFIG",
                                        "value": format!("${{config{group}.metadata.name}}"),
                                    }],
                                }]},
                            },
                        },
                    },
                }),
                _ => json!({"id": format!("service{group}"), "template": {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": format!("${{deployment{group}.metadata.name}}")},
                    "spec": {
                        "selector": {"app": "${schema.spec.name}"},
                        "ports": [{"port": 80, "targetPort": 8080}],
                    },
                }}),
            }
        })
        .collect();
    json!({"spec": {
        "schema": {
            "apiVersion": "v1alpha1",
            "kind": "Application",
            "spec": {"name": "string", "image": "string", "replicas": "integer | default=1"},
            "status": {"address": "${service0.spec.clusterIP}"},
        },
        "resources": resources,
    }})
}

/// The built-in kinds that a definition uses.
pub fn kinds(definition: &Value) -> Kinds {
    let spec = graph::read(definition).0.expect("a definition");
    let kind = |gvk| {
        let known = builtins::kinds(Version::V1_34).get(&gvk).expect("it is built in");
        let kind = Kind {
            gvk: gvk.clone(),
            plural: known.plural.clone().expect("built-in kinds have one"),
            namespaced: known.namespaced.expect("built-in kinds say so"),
            schema: known.schema.clone(),
        };
        (gvk, Arc::new(kind))
    };
    graph::kinds(&spec).into_iter().map(kind).collect()
}
