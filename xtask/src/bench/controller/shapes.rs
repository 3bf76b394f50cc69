//! What instances look like under load.

use anyhow::Context;
use serde_json::{Value, json};

/// A kind of load.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// How many definitions there are.
    pub(super) definitions: usize,
    /// How many instances there are of all definitions together.
    pub(super) instances: usize,
    /// How many objects an instance becomes.
    pub(super) children: usize,
    resources: fn() -> Value,
    /// How many instances are on their way at once, as far as it is for the load to say.
    pub(super) at_once: usize,
    pub(super) course: Course,
}

/// What happens to the instances of a shape.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Course {
    /// They come, stay, change, lose objects, and go.
    Whole,
    /// The same, but what changes is an object that all of them read.
    External,
    /// They come and stay; every other one waits for what never comes.
    HalfWait,
    /// They come and stay.
    Stay,
}

/// Requests that the load itself has under way at once.
const AT_ONCE: usize = 32;

const SHAPES: [Shape; 7] = [
    Shape {
        name: "maps",
        definitions: 5,
        instances: 500,
        children: 5,
        resources: maps,
        at_once: AT_ONCE,
        course: Course::Whole,
    },
    Shape {
        name: "graph",
        definitions: 1,
        instances: 50,
        children: 40,
        resources: graph,
        at_once: AT_ONCE,
        course: Course::Whole,
    },
    Shape {
        name: "collection",
        definitions: 1,
        instances: 20,
        children: 100,
        resources: collection,
        at_once: AT_ONCE,
        course: Course::Whole,
    },
    Shape {
        name: "external",
        definitions: 1,
        instances: 500,
        children: 1,
        resources: external,
        at_once: AT_ONCE,
        course: Course::External,
    },
    Shape {
        name: "chain",
        definitions: 1,
        instances: 30,
        children: 6,
        resources: chain,
        at_once: 1,
        course: Course::Whole,
    },
    Shape {
        name: "waiting",
        definitions: 1,
        instances: 2_000,
        children: 1,
        resources: waiting,
        at_once: AT_ONCE,
        course: Course::HalfWait,
    },
    Shape {
        name: "many",
        definitions: 5,
        instances: 5_000,
        children: 5,
        resources: maps,
        at_once: AT_ONCE,
        course: Course::Stay,
    },
];

/// The shapes that `names` say, `NAME` or `NAME=INSTANCES`; without any, all but the largest.
pub(super) fn chosen(names: &[String], quick: bool) -> anyhow::Result<Vec<Shape>> {
    let usual = |shape: &Shape| {
        let instances = if quick { (shape.instances / 10).max(3) } else { shape.instances };
        Shape { instances, ..shape.clone() }
    };
    if names.is_empty() {
        return Ok(SHAPES.iter().filter(|shape| shape.name != "many").map(usual).collect());
    }
    let one = |text: &String| {
        let (name, instances) = match text.split_once('=') {
            Some((name, number)) => {
                (name, Some(number.parse().with_context(|| format!("{text}: no number"))?))
            }
            None => (text.as_str(), None),
        };
        let shape = SHAPES.iter().find(|shape| shape.name == name);
        let shape = usual(shape.with_context(|| format!("there is no shape {name}"))?);
        Ok(Shape { instances: instances.unwrap_or(shape.instances), ..shape })
    };
    names.iter().map(one).collect()
}

impl Shape {
    /// The kind of definition number `at`.
    pub(super) fn kind(&self, at: usize) -> String {
        let mut kind = self.name.to_owned();
        kind[..1].make_ascii_uppercase();
        format!("{kind}Load{at}")
    }

    /// Its name in URLs.
    pub(super) fn plural(&self, at: usize) -> String {
        format!("{}s", self.kind(at).to_lowercase())
    }

    /// Definition number `at`.
    pub(super) fn definition(&self, at: usize) -> Value {
        json!({
            "apiVersion": "kro.run/v1alpha1",
            "kind": "ResourceGraphDefinition",
            "metadata": {"name": self.plural(at)},
            "spec": {
                "schema": {
                    "apiVersion": "v1alpha1",
                    "kind": self.kind(at),
                    "spec": {"name": "string", "value": "string", "items": "[]string"},
                },
                "resources": (self.resources)(),
            },
        })
    }

    /// Whether instance number `at` waits for what never comes.
    pub(super) fn waits(&self, at: usize) -> bool {
        self.course == Course::HalfWait && at % 2 == 1
    }

    /// Instance number `at`, with the kind that it has.
    pub(super) fn instance(&self, at: usize, value: &str) -> Value {
        let name = format!("{}-{at}", self.name);
        let items: Vec<String> = match self.name {
            "collection" => (0..self.children).map(|item| item.to_string()).collect(),
            _ => Vec::new(),
        };
        let value = if self.waits(at) { WAITS } else { value };
        json!({
            "apiVersion": "kro.run/v1alpha1",
            "kind": self.kind(at % self.definitions),
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"name": name, "value": value, "items": items},
        })
    }
}

/// A ConfigMap as the raw rate is measured with: a child, with the labels that every kro gives it.
pub(super) fn plain(name: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {
                "kind": "raw",
                "app.kubernetes.io/managed-by": "nobody",
                "applyset.kubernetes.io/part-of":
                    "applyset-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-v1",
                "kro.run/owned": "true",
                "kro.run/kro-version": "v0.0.0",
                "kro.run/instance-id": "00000000-0000-0000-0000-000000000000",
                "kro.run/instance-name": name,
                "kro.run/instance-namespace": "default",
                "kro.run/instance-group": "load.example.com",
                "kro.run/instance-version": "v1",
                "kro.run/instance-kind": "Plain",
                "kro.run/node-id": "raw",
            },
            "annotations": {"internal.kro.run/apply-order": "1"},
        },
        "data": {"value": "one", "other": "two"},
    })
}

/// Where the objects are that the raw rate is measured with.
pub(super) const PLAIN_PATHS: [&str; 2] = [
    "/api/v1/namespaces/default/configmaps",
    "/apis/load.example.com/v1/namespaces/default/plains",
];

/// The definition of custom resources as the raw rate is measured with: with the fields that
/// instances have.
pub(super) fn plain_crd() -> Value {
    let text = json!({"type": "string"});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "plains.load.example.com"},
        "spec": {
            "group": "load.example.com",
            "scope": "Namespaced",
            "names": {"kind": "Plain", "plural": "plains", "singular": "plain"},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": {
                        "name": text, "value": text, "items": {"type": "array", "items": text},
                    }},
                    "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                }}},
            }],
        },
    })
}

/// A custom resource as the raw rate is measured with.
pub(super) fn plain_instance(name: &str) -> Value {
    json!({
        "apiVersion": "load.example.com/v1",
        "kind": "Plain",
        "metadata": {"name": name, "namespace": "default", "labels": {"kind": "raw"}},
        "spec": {"name": name, "value": "one", "items": []},
    })
}

fn map(id: &str, suffix: &str, value: &str) -> Value {
    json!({
        "id": id,
        "template": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": format!("${{schema.spec.name}}-{suffix}")},
            "data": {"value": value, "input": "${schema.spec.value}"},
        },
    })
}

/// One, three that read it, and one that reads those.
fn maps() -> Value {
    let read = "${top.data.value}";
    json!([
        map("top", "top", "${schema.spec.value}"),
        map("left", "left", read),
        map("middle", "middle", read),
        map("right", "right", read),
        map("last", "last", "${left.data.value}${middle.data.value}${right.data.value}"),
    ])
}

/// Five layers of eight, each of which reads one of the layer before.
fn graph() -> Value {
    let resource = |number: usize| {
        let value = match number.checked_sub(8) {
            None => "${schema.spec.value}".to_owned(),
            Some(above) => format!("${{node{above}.data.value}}"),
        };
        map(&format!("node{number}"), &number.to_string(), &value)
    };
    (0..40).map(resource).collect()
}

fn collection() -> Value {
    let mut items = map("parts", "${part}", "${schema.spec.value}");
    items["forEach"] = json!([{"part": "${schema.spec.items}"}]);
    json!([items])
}

/// Each reads the one before.
fn chain() -> Value {
    let resource = |number: usize| {
        let value = match number.checked_sub(1) {
            None => "${schema.spec.value}".to_owned(),
            Some(above) => format!("${{link{above}.data.value}}"),
        };
        map(&format!("link{number}"), &number.to_string(), &value)
    };
    (0..6).map(resource).collect()
}

/// The value of instances that wait.
const WAITS: &str = "never";

fn waiting() -> Value {
    let mut map = map("map", "map", "${schema.spec.value}");
    map["readyWhen"] = json!([format!("${{map.data.value != '{WAITS}'}}")]);
    json!([map])
}

fn external() -> Value {
    json!([
        {
            "id": "shared",
            "externalRef": {
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "shared", "namespace": "default"},
            },
        },
        map("copy", "copy", "${shared.data.value}"),
    ])
}
