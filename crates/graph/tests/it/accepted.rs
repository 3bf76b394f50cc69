//! What compiles, and to what.

use crate::check::{accepted, with_options};
use graph::{
    AuthorCondition, EACH, External, ExternalTarget, Graph, Node, Options, Scope, Source, Stop,
    Template,
};
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

const COLLECTION: &str = r#"
- id: shards
  forEach: [{tag: "${schema.spec.tags}"}, {n: "${lists.range(schema.spec.size)}"}]
  readyWhen: ["${each.status.ready}"]
  template:
    apiVersion: s3.example.com/v1
    kind: Bucket
    metadata: {name: "${tag}-${string(n)}"}
    spec: {size: "${n}"}
- id: peers
  externalRef:
    apiVersion: v1
    kind: ConfigMap
    metadata: {namespace: other, selector: {matchLabels: {of: "${schema.spec.name}"}}}
- id: reader
  template:
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: r}
    data: {arns: "${shards.map(s, s.status.arn).join(',')}", peers: "${string(peers.size())}"}
"#;

#[test]
fn collections_are_lists_to_others_and_iterators_to_themselves() {
    let graph = accepted(COLLECTION, "{}");
    let find = |id: &str| graph.find(id).expect("it is declared");
    let (shards, peers, reader) = (find("shards"), find("peers"), find("reader"));
    let node = graph.node(shards);
    assert!(node.is_collection() && node.is_list() && !node.is_external());
    assert!(graph.node(peers).is_external() && graph.node(peers).is_list());
    assert_eq!(graph.node(reader).dependencies, [shards, peers]);

    let object = json!({"spec": {"tags": ["a", "b"], "size": 2, "name": "app"}});
    let mut scope = Scope::new(&graph, &object);
    let items: Vec<Vec<Value>> = (node.for_each.iter())
        .map(|dimension| dimension.items.items(&scope).expect("the instance has it"))
        .collect();
    assert_eq!(items, [vec![json!("a"), json!("b")], vec![json!(0), json!(1)]]);
    let item = scope.with_variables([("tag", json!("b")), ("n", json!(1))]);
    let bucket = template(node).render(&item).expect("all data is there");
    assert_eq!(bucket["metadata"]["name"], "b-1");
    assert_eq!(bucket["spec"]["size"], 1);

    let ready = |status: Value| {
        let scope = scope.with_variables([(EACH, json!({"status": status}))]);
        node.ready_when[0].eval(&scope)
    };
    assert_eq!(ready(json!({"ready": true})), Ok(json!(true)));
    assert!(matches!(ready(json!({})), Err(Stop::Unresolved(_))));

    let Source::External(External { namespace: Some(namespace), target }) =
        &graph.node(peers).source
    else {
        panic!("it is external, with a namespace");
    };
    assert_eq!(namespace.render(&scope), Ok(json!("other")));
    let ExternalTarget::Selector(selector) = target else { panic!("it selects") };
    assert_eq!(selector.render(&scope), Ok(json!({"matchLabels": {"of": "app"}})));

    assert!(matches!(template(graph.node(reader)).render(&scope), Err(Stop::Unresolved(_))));
    scope.bind_list(shards, &[Arc::new(json!({"status": {"arn": "x"}}))]);
    scope.bind_list(peers, &[]);
    let config = template(graph.node(reader)).render(&scope).expect("all data is there");
    assert_eq!(config["data"], json!({"arns": "x", "peers": "0"}));
}

#[test]
fn author_conditions_read_resources_and_the_conditions_of_kro() {
    let status = "{conditions: [\"${runtime.newCondition({type: 'Stored', status: bucket.status.ready ? 'True' : 'False', reason: runtime.condition(schema, 'Ready').reason})}\", \"${[runtime.newCondition({type: 'A' + schema.spec.name, status: 'Unknown'})]}\"]}";
    let graph = accepted(TWO, status);
    let conditions = graph.conditions.as_ref().expect("there is a block");
    assert_eq!(conditions[0].types, ["Stored"]);
    assert!(conditions[1].types.is_empty());
    let mut scope = Scope::new(&graph, &instance());
    assert!(matches!(conditions[0].expression.conditions(&scope), Err(Stop::Unresolved(_))));
    let bucket = graph.find("bucket").expect("it is declared");
    scope.bind(bucket, &Arc::new(json!({"status": {"ready": true}})));
    scope.bind_runtime(json!([{"type": "Ready", "status": "True", "reason": "AllReady"}]));
    let text = str::to_owned;
    let stored = AuthorCondition {
        kind: text("Stored"),
        status: text("True"),
        reason: text("AllReady"),
        message: String::new(),
    };
    assert_eq!(conditions[0].expression.conditions(&scope), Ok(vec![stored]));
    let named = conditions[1].expression.conditions(&scope).expect("it reads the instance only");
    assert_eq!(named[0].kind, "Aapp");
}

#[test]
fn omit_removes_what_gets_it() {
    let resources = r#"
- id: one
  template:
    apiVersion: s3.example.com/v1
    kind: Bucket
    metadata: {name: a}
    spec:
      name: "${schema.spec.size > 3 ? schema.spec.name : omit()}"
      tagging: {tagSet: ["${omit()}", {key: a, value: b}]}
"#;
    let options = Options { omit: true, ..Options::default() };
    let (graph, found) = with_options(resources, &options);
    let graph = graph.unwrap_or_else(|| panic!("{found}"));
    let render = |size: i64| {
        let instance = json!({"spec": {"size": size, "name": "app"}});
        template(&graph.nodes[0]).render(&Scope::new(&graph, &instance)).expect("it renders")
    };
    let tagging = json!({"tagSet": [{"key": "a", "value": "b"}]});
    assert_eq!(render(5)["spec"], json!({"name": "app", "tagging": tagging}));
    assert_eq!(render(1)["spec"], json!({"tagging": tagging}));
}
