//! A random definition that uses every feature of the language.

use super::random::Random;
use serde_json::{Value, json};

/// The type of the author's condition that may have to wait for data.
pub(super) const AUTHORED: &str = "Data";

/// A definition and what the world has to know of it.
pub(super) struct Definition {
    /// The definition's spec.
    pub(super) spec: Value,
    nodes: Vec<Shape>,
}

/// What a resource is for those that read it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Single,
    Collection,
    External,
    Selector,
}

// === impl Definition ===

impl Definition {
    pub(super) fn random(random: &mut Random) -> Self {
        let count = 1 + random.below(7);
        let mut definition = Self { spec: Value::Null, nodes: Vec::new() };
        let mut resources = Vec::new();
        for at in 0..count {
            let resource = definition.resource(at, random);
            resources.push(resource);
        }
        let mut status = json!({});
        for at in 0..count {
            if random.percent(40) {
                status[format!("s{at}")] = json!(format!("${{{}}}", definition.word(at, random)));
            }
        }
        if random.percent(25) {
            status["conditions"] = definition.conditions(random);
        }
        definition.spec = json!({
            "schema": {
                "apiVersion": "v1alpha1",
                "kind": "App",
                "spec": {
                    "f0": "boolean", "f1": "boolean", "f2": "boolean",
                    "items": "[]string", "zones": "[]string", "divisor": "integer", "text": "string",
                },
                "status": status,
            },
            "resources": resources,
        });
        definition
    }

    fn resource(&mut self, at: usize, random: &mut Random) -> Value {
        let shape = match random.below(100) {
            0..50 => Shape::Single,
            50..74 => Shape::Collection,
            74..88 => Shape::External,
            _ => Shape::Selector,
        };
        let mut resource = json!({ "id": format!("n{at}") });
        let mut texts = Vec::new();
        for _ in 0..random.below(3) {
            if let Some(dep) = self.some(random, |_| true) {
                texts.push(format!("${{{}}}", self.word(dep, random)));
            }
        }
        texts.push(match random.below(5) {
            0 => "${schema.spec.text}".to_owned(),
            1 => "${string(10 / schema.spec.divisor)}".to_owned(),
            _ => format!("text{at}"),
        });
        if random.percent(25) {
            resource["includeWhen"] = json!([self.include_when(random)]);
        }
        match shape {
            Shape::Single => {
                let name = match self.some(random, |shape| shape == Shape::Single) {
                    Some(dep) if random.percent(15) => format!("n{at}-${{n{dep}.status.arn}}"),
                    Some(_) | None => format!("n{at}"),
                };
                resource["template"] = Self::template(&name, &texts.join("-"), random);
            }
            Shape::Collection => self.collection(&mut resource, at, &texts, random),
            Shape::External => {
                let name = match self.some(random, |shape| shape == Shape::Single) {
                    Some(dep) if random.percent(30) => format!("external-${{n{dep}.status.phase}}"),
                    Some(_) | None => "external-Ready".to_owned(),
                };
                resource["externalRef"] = json!({
                    "apiVersion": "test.example.com/v1", "kind": "Other",
                    "metadata": {"name": name},
                });
            }
            Shape::Selector => {
                let value = if random.percent(30) { "${schema.spec.text}" } else { "yes" };
                let mut metadata = json!({"selector": {"matchLabels": {"listed": value}}});
                if random.percent(50) {
                    metadata["namespace"] = json!("other");
                }
                resource["externalRef"] = json!({
                    "apiVersion": "test.example.com/v1", "kind": "Other", "metadata": metadata,
                });
            }
        }
        if random.percent(35) {
            let condition = match shape {
                Shape::Single | Shape::External => format!("n{at}.status.phase == \"Ready\""),
                Shape::Collection => "each.status.phase == \"Ready\"".to_owned(),
                Shape::Selector => format!("n{at}.all(o, o.status.phase == \"Ready\")"),
            };
            resource["readyWhen"] = json!([format!("${{{condition}}}")]);
        }
        self.nodes.push(shape);
        resource
    }

    fn template(name: &str, text: &str, random: &mut Random) -> Value {
        let mut spec = json!({ "a": text });
        if random.percent(20) {
            spec["b"] = json!("${schema.spec.f1 ? \"b\" : omit()}");
        }
        if random.percent(10) {
            spec["list"] = json!(["x", "${schema.spec.f2 ? \"y\" : omit()}"]);
        }
        let cluster = random.percent(10);
        let mut metadata = json!({ "name": name });
        if !cluster && random.percent(20) {
            metadata["namespace"] = json!("other");
        }
        let kind = if cluster { "Zone" } else { "Thing" };
        json!({
            "apiVersion": "test.example.com/v1", "kind": kind,
            "metadata": metadata, "spec": spec,
        })
    }

    fn collection(&self, resource: &mut Value, at: usize, texts: &[String], random: &mut Random) {
        let source =
            self.some(random, |shape| matches!(shape, Shape::Collection | Shape::Selector));
        let items = match source {
            Some(list) if random.percent(60) => format!("${{n{list}.map(o, o.metadata.name)}}"),
            Some(_) | None => "${schema.spec.items}".to_owned(),
        };
        let mut dimensions = vec![json!({ "one": items })];
        let mut name = format!("n{at}-${{one}}");
        if random.percent(30) {
            dimensions.push(json!({"zone": "${schema.spec.zones}"}));
            name.push_str("-${zone}");
        }
        let mut texts = texts.to_vec();
        if random.percent(50) {
            texts.push("${one}".to_owned());
        }
        resource["forEach"] = json!(dimensions);
        resource["template"] = Self::template(&name, &texts.join("-"), random);
    }

    fn include_when(&self, random: &mut Random) -> String {
        match self.some(random, |shape| shape == Shape::Single) {
            Some(dep) if random.percent(30) => format!("${{n{dep}.status.phase == \"Ready\"}}"),
            Some(_) | None => format!("${{schema.spec.f{}}}", random.below(3)),
        }
    }

    fn conditions(&self, random: &mut Random) -> Value {
        let phase = self.some(random, |shape| shape == Shape::Single);
        let data = phase.map_or("schema.spec.f0 ? \"True\" : \"False\"".to_owned(), |node| {
            format!("n{node}.status.phase == \"Ready\" ? \"True\" : \"False\"")
        });
        json!([
            format!("${{runtime.newCondition({{type: \"{AUTHORED}\", status: {data}}})}}"),
            "${runtime.newCondition({type: \"Ready\", status: runtime.condition(schema, \"ResourcesReady\").status, reason: \"FromKro\"})}",
        ])
    }

    /// A text expression that reads the resource `at`.
    fn word(&self, at: usize, random: &mut Random) -> String {
        match (self.nodes[at], random.below(2)) {
            (Shape::Single | Shape::External, 0) => format!("n{at}.status.arn"),
            (Shape::Single | Shape::External, _) => format!("n{at}.metadata.name"),
            (Shape::Collection | Shape::Selector, 0) => format!("string(size(n{at}))"),
            (Shape::Collection | Shape::Selector, _) => {
                format!("n{at}.map(o, o.status.arn).join(\",\")")
            }
        }
    }

    /// Some resource of a fitting shape.
    fn some(&self, random: &mut Random, fits: impl Fn(Shape) -> bool) -> Option<usize> {
        let fitting: Vec<usize> =
            (0..self.nodes.len()).filter(|at| fits(self.nodes[*at])).collect();
        random.pick(&fitting).copied()
    }
}
