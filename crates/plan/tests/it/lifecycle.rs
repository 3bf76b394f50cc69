//! What happens to an instance, from its first object to the last.

use crate::world::{Settled, World, graph, names_of};
use plan::{Action, names};
use serde_json::{Map, Value, json};

/// `first` and `second` stand alone; `last` reads both, as in the reference example.
const APPLICATION: &str = r#"
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {name: string}
  status: {arn: "${first.status.arn}"}
resources:
- id: first
  template:
    apiVersion: test.example.com/v1
    kind: Thing
    metadata: {name: "${schema.spec.name}-first"}
    spec: {a: "x"}
- id: second
  template:
    apiVersion: test.example.com/v1
    kind: Thing
    metadata: {name: "${schema.spec.name}-second"}
- id: last
  template:
    apiVersion: test.example.com/v1
    kind: Other
    metadata: {name: "${schema.spec.name}-last"}
    spec: {a: "${first.status.arn}", b: "${second.status.arn}"}
"#;

fn application() -> World {
    World::new(graph(APPLICATION), &json!({"name": "app"}))
}

fn synced(arn: &str) -> Value {
    json!({"arn": arn, "conditions": [{"type": "ACK.ResourceSynced", "status": "True"}]})
}

fn creating(arn: &str) -> Value {
    json!({"arn": arn, "conditions": [
        {"type": "ACK.ResourceSynced", "status": "False", "message": "table is CREATING"},
    ]})
}

fn state(settled: &Settled) -> &str {
    settled.status["state"].as_str().unwrap_or("")
}

fn resources_ready(settled: &Settled) -> (&str, &str, &str) {
    let mut conditions = settled.status["conditions"].as_array().into_iter().flatten();
    let found = conditions.find(|entry| entry["type"] == "ResourcesReady").expect("it is set");
    let text = |key: &str| found[key].as_str().unwrap_or("");
    (text("status"), text("reason"), text("message"))
}

#[test]
fn labels_are_patched_without_touching_what_others_wrote() {
    let mut world = application();
    let metadata = &mut world.instance.as_mut().expect("it was made")["metadata"];
    metadata["finalizers"] = json!(["example.com/theirs"]);
    metadata["resourceVersion"] = "7".into();
    let managed = |world: &mut World| {
        let mut actions = world.step().actions;
        match actions.pop() {
            Some(Action::Manage { patch }) if actions.is_empty() => patch["metadata"].clone(),
            other => panic!("{other:?} after {actions:?}"),
        }
    };
    let first = managed(&mut world);
    assert_eq!(first["resourceVersion"], "7");
    assert_eq!(first["finalizers"], json!(["example.com/theirs", names::FINALIZER]));
    let kinds = "Other.test.example.com,Thing.test.example.com";
    assert_eq!(first["annotations"][names::GROUP_KINDS], kinds);
    world.settle();
    let metadata = &mut world.instance.as_mut().expect("it stays")["metadata"];
    metadata["labels"][names::KRO_VERSION] = "another".into();
    let again = managed(&mut world);
    let keys: Vec<&String> = again.as_object().into_iter().flat_map(Map::keys).collect();
    assert_eq!(keys, ["labels", "resourceVersion"], "the rest is there");
}

#[test]
fn independent_resources_come_at_once_and_dependents_when_their_data_is_there() {
    let mut world = application();
    let settled = world.settle();
    assert_eq!(world.history, ["manage", "apply app-first", "apply app-second"]);
    assert_eq!(state(&settled), "IN_PROGRESS");
    world.set_status(&World::id("Thing", "app-first"), synced("arn-1"));
    world.set_status(&World::id("Thing", "app-second"), synced("arn-2"));
    let settled = world.settle();
    assert_eq!(world.history.last().map(String::as_str), Some("apply app-last"));
    assert_eq!(state(&settled), "ACTIVE");
    assert_eq!(settled.status["arn"], "arn-1");
    let last = &world.objects[&World::id("Other", "app-last")];
    assert_eq!(last["spec"], json!({"a": "arn-1", "b": "arn-2"}));
    let before = world.history.len();
    world.settle();
    assert_eq!(world.history.len(), before, "nothing changed, nothing is written");
    world.restart();
    world.settle();
    assert_eq!(world.history.len(), before, "nothing is written after a start");
}

#[test]
fn an_unsynced_ack_resource_holds_back_the_creation_of_dependents_only() {
    let mut world = application();
    world.settle();
    world.set_status(&World::id("Thing", "app-first"), synced("arn-1"));
    world.set_status(&World::id("Thing", "app-second"), creating("arn-2"));
    let settled = world.settle();
    assert_eq!(state(&settled), "IN_PROGRESS");
    let (status, reason, message) = resources_ready(&settled);
    assert_eq!((status, reason), ("False", "NotReady"));
    assert!(
        message.contains(
            "waiting for node \"second\": ACK.ResourceSynced is False: table is CREATING"
        ),
        "{message}"
    );
    assert!(!names_of(&world).contains("app-last"));
    world.set_status(&World::id("Thing", "app-second"), synced("arn-2"));
    world.settle();
    // Once it exists it is updated, whatever the condition says, and the instance stays ACTIVE.
    world.set_status(&World::id("Thing", "app-second"), creating("arn-3"));
    let settled = world.settle();
    assert_eq!(state(&settled), "ACTIVE");
    assert_eq!(world.objects[&World::id("Other", "app-last")]["spec"]["b"], "arn-3");
}

#[test]
fn drift_of_an_owned_field_and_a_deleted_object_are_repaired() {
    let mut world = application();
    world.settle();
    let first = World::id("Thing", "app-first");
    // Somebody changed a field: we no longer own it.
    world.drift(&first);
    world.settle();
    assert_eq!(world.history.last().map(String::as_str), Some("apply app-first"));
    world.change(&first, None);
    world.settle();
    assert!(world.objects.contains_key(&first));
}

#[test]
fn a_refused_apply_is_an_error_in_the_servers_words_and_holds_up_nobody_else() {
    let mut world = application();
    world.refuse.insert(World::id("Thing", "app-first"), "denied by policy".into());
    let settled = world.settle();
    assert_eq!(state(&settled), "ERROR");
    assert!(settled.retry);
    let (_, _, message) = resources_ready(&settled);
    assert!(message.contains("apply results contain errors: denied by policy"), "{message}");
    assert!(names_of(&world).contains("app-second"));
    world.refuse.clear();
    world.retry();
    assert_eq!(state(&world.settle()), "IN_PROGRESS");
    assert!(names_of(&world).contains("app-first"));
}

#[test]
fn an_object_of_another_applyset_is_left_alone() {
    let mut world = application();
    let first = World::id("Thing", "app-first");
    let foreign = json!({"metadata": {"name": "app-first", "uid": "x", "labels": {plan::names::PART_OF: "applyset-other"}}});
    world.change(&first, Some(foreign.clone()));
    let settled = world.settle();
    assert_eq!(state(&settled), "ERROR");
    let (_, _, message) = resources_ready(&settled);
    assert!(
        message.contains("belongs to ApplySet \"applyset-other\", cannot reassign to"),
        "{message}"
    );
    assert_eq!(world.objects[&first], foreign);
}

#[test]
fn an_object_that_goes_away_is_waited_for() {
    let mut world = application();
    let first = World::id("Thing", "app-first");
    let terminating = json!({"metadata": {"name": "app-first", "uid": "x", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    world.change(&first, Some(terminating));
    let settled = world.settle();
    let (status, reason, _) = resources_ready(&settled);
    assert_eq!((status, reason, state(&settled)), ("False", "ResourceDeleting", "IN_PROGRESS"));
    assert!(settled.retry, "nobody tells when it is gone");
    world.change(&first, None);
    world.retry();
    world.settle();
    assert!(world.history.contains(&"apply app-first".to_owned()));
}

#[test]
fn deletion_goes_in_reverse_and_needs_no_graph() {
    let mut world = application();
    world.settle();
    for name in ["app-first", "app-second"] {
        world.set_status(&World::id("Thing", name), synced("arn"));
    }
    world.settle();
    world.history.clear();
    world.restart();
    let instance = world.instance.as_mut().expect("it exists");
    instance["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
    world.settle();
    let (waves, end) = world.history.split_at(3);
    assert_eq!(waves[0], "delete app-last");
    assert_eq!(end, ["finalizer removed"]);
    assert!(world.objects.is_empty());
}

#[test]
fn a_damaged_inventory_blocks_deletion() {
    let mut world = application();
    world.settle();
    let instance = world.instance.as_mut().expect("it exists");
    instance["metadata"]["deletionTimestamp"] = json!("2026-01-02T00:00:00Z");
    instance["metadata"]["annotations"][plan::names::GROUP_KINDS] = json!("");
    let settled = world.settle();
    assert_eq!(state(&settled), "DELETING");
    let (_, reason, message) = resources_ready(&settled);
    assert_eq!(reason, "UnderDeletion");
    assert!(message.starts_with("deletion blocked: "), "{message}");
    assert_eq!(world.objects.len(), 2);
}

#[test]
fn a_suspended_instance_is_left_as_it_is() {
    let mut world = application();
    let instance = world.instance.as_mut().expect("it exists");
    instance["metadata"]["annotations"] = json!({plan::names::RECONCILE: "Suspended"});
    let settled = world.settle();
    assert_eq!(resources_ready(&settled).1, "ReconciliationSuspended");
    assert_eq!(world.history, ["manage"]);
}

#[test]
fn include_when_turns_resources_on_and_off() {
    let mut world = World::new(
        graph(
            r#"
schema:
  apiVersion: v1alpha1
  kind: App
  spec: {on: boolean}
resources:
- id: always
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: always}}
- id: maybe
  includeWhen: ["${schema.spec.on}"]
  template: {apiVersion: test.example.com/v1, kind: Other, metadata: {name: maybe}}
- id: dependent
  template:
    apiVersion: test.example.com/v1
    kind: Other
    metadata: {name: "${maybe.metadata.name}-dependent"}
"#,
        ),
        &json!({"on": true}),
    );
    assert_eq!(state(&world.settle()), "ACTIVE");
    assert_eq!(world.objects.len(), 3);
    let annotations = |world: &World| {
        let instance = world.instance.as_ref().expect("it exists");
        instance["metadata"]["annotations"][plan::names::GROUP_KINDS].clone()
    };
    assert_eq!(annotations(&world), "Other.test.example.com,Thing.test.example.com");
    world.instance.as_mut().expect("it exists")["spec"]["on"] = json!(false);
    assert_eq!(state(&world.settle()), "ACTIVE");
    assert_eq!(names_of(&world), ["always".to_owned()].into());
    assert_eq!(annotations(&world), "Thing.test.example.com");
}

#[test]
fn a_change_that_flows_through_a_chain_writes_each_resource_once() {
    let chain = r#"
schema: {apiVersion: v1alpha1, kind: App, spec: {a: string}}
resources:
- id: first
  template:
    apiVersion: test.example.com/v1
    kind: Thing
    metadata: {name: first}
    spec: {a: "${schema.spec.a}"}
- id: between
  template:
    apiVersion: test.example.com/v1
    kind: Thing
    metadata: {name: between}
    spec: {b: "${first.spec.a}"}
- id: last
  template:
    apiVersion: test.example.com/v1
    kind: Thing
    metadata: {name: last}
    spec: {a: "${schema.spec.a}", b: "${between.spec.b}"}
"#;
    let mut world = World::new(graph(chain), &json!({"a": "one"}));
    world.settle();
    let before = world.history.len();
    world.set_spec(json!({"a": "two"}));
    assert_eq!(state(&world.settle()), "ACTIVE");
    assert_eq!(world.history[before..], ["apply first", "apply between", "apply last"]);
    assert_eq!(world.objects[&World::id("Thing", "last")]["spec"], json!({"a": "two", "b": "two"}));
    // What is refused stands in nobody's way.
    world.refuse.insert(World::id("Thing", "first"), "denied by policy".into());
    world.set_spec(json!({"a": "three"}));
    assert_eq!(state(&world.settle()), "ERROR");
    assert_eq!(
        world.objects[&World::id("Thing", "last")]["spec"],
        json!({"a": "three", "b": "two"})
    );
}

#[test]
fn ready_when_gates_dependents_and_the_instance() {
    let mut world = World::new(
        graph(
            r#"
schema: {apiVersion: v1alpha1, kind: App, spec: {}}
resources:
- id: first
  readyWhen: ['${first.status.phase == "Ready"}']
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: first}}
- id: last
  template:
    apiVersion: test.example.com/v1
    kind: Other
    metadata: {name: "${first.metadata.name}-last"}
"#,
        ),
        &json!({}),
    );
    let settled = world.settle();
    assert_eq!(state(&settled), "IN_PROGRESS");
    assert_eq!(names_of(&world), ["first".to_owned()].into());
    world.set_status(&World::id("Thing", "first"), json!({"phase": "Pending"}));
    let settled = world.settle();
    let (_, _, message) = resources_ready(&settled);
    assert!(
        message.contains(
            "readyWhen condition evaluated to false: \"first.status.phase == \"Ready\"\""
        ),
        "{message}"
    );
    world.set_status(&World::id("Thing", "first"), json!({"phase": "Ready"}));
    assert_eq!(state(&world.settle()), "ACTIVE");
    assert_eq!(world.objects.len(), 2);
}

#[test]
fn two_resources_that_name_one_object_are_refused_before_either_is_written() {
    let mut world = World::new(
        graph(
            r#"
schema: {apiVersion: v1alpha1, kind: App, spec: {a: string, b: string}}
resources:
- id: one
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: "${schema.spec.a}"}}
- id: two
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: "${schema.spec.b}"}}
"#,
        ),
        &json!({"a": "same", "b": "same"}),
    );
    let settled = world.settle();
    assert!(world.objects.is_empty());
    let (_, _, message) = resources_ready(&settled);
    assert!(message.contains("resourceID: one conflicts with resourceID: two"), "{message}");
}

#[test]
fn a_fatal_expression_stops_its_resource_only() {
    let mut world = World::new(
        graph(
            r#"
schema: {apiVersion: v1alpha1, kind: App, spec: {n: integer}}
resources:
- id: bad
  template:
    apiVersion: test.example.com/v1
    kind: Thing
    metadata: {name: "bad-${string(1 / schema.spec.n)}"}
- id: good
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: good}}
"#,
        ),
        &json!({"n": 0}),
    );
    let settled = world.settle();
    assert_eq!(state(&settled), "ERROR");
    assert_eq!(names_of(&world), ["good".to_owned()].into());
    let (_, _, message) = resources_ready(&settled);
    assert!(message.contains("node \"bad\"") && message.contains("division by zero"), "{message}");
}

#[test]
fn a_path_that_only_the_spec_can_supply_is_reported_as_such() {
    let mut world = World::new(
        graph(
            r#"
schema: {apiVersion: v1alpha1, kind: App, spec: {name: string}}
resources:
- id: one
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: "${schema.spec.name}"}}
"#,
        ),
        &json!({}),
    );
    let settled = world.settle();
    let (_, _, message) = resources_ready(&settled);
    assert!(message.contains("waiting for unresolved resource"), "{message}");
    assert!(message.contains("only the instance's spec can supply it"), "{message}");
    assert_eq!(state(&settled), "IN_PROGRESS");
}

#[test]
fn include_when_is_not_decided_on_a_resource_that_is_not_ready() {
    let mut world = World::new(
        graph(
            r#"
schema: {apiVersion: v1alpha1, kind: App, spec: {}}
resources:
- id: first
  readyWhen: ['${first.status.phase == "Ready"}']
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: first}}
- id: optional
  includeWhen: ['${first.status.phase == "Ready"}']
  template: {apiVersion: test.example.com/v1, kind: Other, metadata: {name: optional}}
"#,
        ),
        &json!({}),
    );
    world.settle();
    world.set_status(&World::id("Thing", "first"), json!({"phase": "Ready"}));
    world.settle();
    assert_eq!(world.objects.len(), 2);
    world.set_status(&World::id("Thing", "first"), json!({"phase": "Restarting"}));
    let settled = world.settle();
    assert_eq!(state(&settled), "IN_PROGRESS");
    assert_eq!(world.objects.len(), 2, "nothing is pruned on what is not ready");
}

#[test]
fn a_name_that_would_leave_its_place_in_a_path_is_refused() {
    for name in ["a/../b", "..", "a%2Fb"] {
        let source = r#"
schema: {apiVersion: v1alpha1, kind: App, spec: {name: string}}
resources:
- id: one
  template: {apiVersion: test.example.com/v1, kind: Thing, metadata: {name: "${schema.spec.name}"}}
"#;
        let mut world = World::new(graph(source), &json!({"name": name}));
        let settled = world.settle();
        assert_eq!(state(&settled), "ERROR", "{name}");
        assert!(world.objects.is_empty());
    }
}
