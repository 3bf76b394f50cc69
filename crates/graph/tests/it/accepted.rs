//! What compiles, and to what.

use crate::check::accepted;
use graph::{Graph, Node, Scope, Source, Stop, Template};
use serde_json::{Value, json};
use std::sync::Arc;

const TWO: &str = r#"
- id: reader
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: "${schema.spec.name}-config"}
    data: {arn: "${bucket.status.arn}", text: 'a "quoted" \ ${schema.spec.name}'}
- id: bucket
  template:
    apiVersion: s3.example.com/v1
    kind: Bucket
    metadata: {name: "${schema.spec.name}"}
    spec: {name: "${schema.spec.name}", size: "${schema.spec.size}"}
"#;

fn ids(graph: &Graph) -> Vec<&str> {
    graph.order.iter().map(|node| graph.node(*node).id.as_str()).collect()
}

fn template(node: &Node) -> &Template {
    match &node.source {
        Source::Template(template) => template,
        Source::External(_) => panic!("`{}` is external", node.id),
    }
}

fn instance() -> Value {
    json!({"metadata": {"name": "one"}, "spec": {"name": "app", "size": 5}})
}

#[test]
fn order_layers_and_reads_follow_the_expressions() {
    let graph = accepted(TWO, "{arn: '${bucket.status.arn}'}");
    assert_eq!(ids(&graph), ["bucket", "reader"]);
    let layers: Vec<u32> = graph.nodes.iter().map(|node| node.apply_order).collect();
    assert_eq!(layers, [2, 1], "in the order of declaration");
    let bucket = graph.node(graph.find("bucket").expect("it is declared"));
    let object = json!({"metadata": {"name": "x"}, "status": {"arn": "arn", "ready": true}});
    assert_eq!(bucket.read.project(&object), json!({"status": {"arn": "arn"}}));
}

#[test]
fn templates_render_when_their_data_is_there() {
    let graph = accepted(TWO, "{}");
    let mut scope = Scope::new(&graph, &instance());
    let reader = graph.node(graph.find("reader").expect("it is declared"));
    let bucket_id = graph.find("bucket").expect("it is declared");
    let bucket =
        template(graph.node(bucket_id)).render(&scope).expect("it needs the instance only");
    assert_eq!(bucket["spec"], json!({"name": "app", "size": 5}));
    let Err(Stop::Unresolved(waiting)) = template(reader).render(&scope) else {
        panic!("the bucket does not exist yet");
    };
    assert!(waiting.missing.contains("bucket.status.arn"), "{waiting}");
    scope.bind(bucket_id, &Arc::new(json!({"metadata": {"name": "app"}})));
    assert!(matches!(template(reader).render(&scope), Err(Stop::Unresolved(_))));
    scope.bind(bucket_id, &Arc::new(json!({"status": {"arn": "arn:1"}})));
    let config = template(reader).render(&scope).expect("all data is there");
    assert_eq!(config["data"], json!({"arn": "arn:1", "text": "a \"quoted\" \\ app"}));
}

#[test]
fn the_status_shows_what_can_be_evaluated() {
    let graph = accepted(
        TWO,
        "{arn: '${bucket.status.arn}', nested: {ready: '${bucket.status.ready}', name: '${schema.spec.name}'}}",
    );
    let mut scope = Scope::new(&graph, &instance());
    let shown = graph.status.project(&scope).expect("nothing is fatal");
    assert_eq!(Value::Object(shown), json!({"nested": {"name": "app"}}));
    let object = json!({"status": {"arn": "arn:1", "ready": true}});
    scope.bind(graph.find("bucket").expect("it is declared"), &Arc::new(object));
    let shown = graph.status.project(&scope).expect("nothing is fatal");
    assert_eq!(
        Value::Object(shown),
        json!({"arn": "arn:1", "nested": {"name": "app", "ready": true}})
    );
    let status = &graph.instance.crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
        ["status"]["properties"];
    assert_eq!(status["arn"]["type"], "string");
    assert_eq!(status["nested"]["properties"]["ready"]["type"], "boolean");
    assert_eq!(status["state"]["type"], "string");
}

#[test]
fn the_same_definition_gives_the_same_graph() {
    let show = || {
        let graph = accepted(TWO, "{arn: '${bucket.status.arn}'}");
        format!("{:?} {}", graph.order, graph.instance.crd)
    };
    assert_eq!(show(), show());
}
