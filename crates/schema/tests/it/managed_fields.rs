use schema::managed_fields::FieldSet;
use schema::managed_fields::entry_hash;
use schema::managed_fields::own_entry;
use schema::managed_fields::owned_equals;
use schema::managed_fields::project;
use serde_json::Value;
use serde_json::json;

const MANAGER: &str = "kro.run/applyset";

/// What an API server returns for an applied Deployment: our entry, the controller's, defaults.
fn deployment() -> (Value, Value) {
    let desired = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [
                    {"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}],
                     "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                     "args": ["-v", "-x"]}
                ]}
            }
        }
    });
    let mut live = desired.clone();
    let metadata = live["metadata"].as_object_mut().expect("metadata");
    metadata.extend([
        ("uid".to_owned(), json!("1234")),
        ("generation".to_owned(), json!(1)),
        ("resourceVersion".to_owned(), json!("77")),
        ("creationTimestamp".to_owned(), json!("2026-01-01T00:00:00Z")),
        ("annotations".to_owned(), json!({"deployment.kubernetes.io/revision": "1"})),
        ("managedFields".to_owned(), json!([
            {
                "manager": "kro.run/applyset", "operation": "Apply", "apiVersion": "apps/v1",
                "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
                "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:app": {}}},
                    "f:spec": {
                        "f:replicas": {},
                        "f:selector": {},
                        "f:template": {
                            "f:metadata": {"f:labels": {"f:app": {}}},
                            "f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                                ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":
                                    {".": {}, "f:containerPort": {}}},
                                "f:env": {
                                    "k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}},
                                    "k:{\"name\":\"B\"}": {".": {}, "f:name": {}, "f:value": {}}
                                }
                            }}}
                        }
                    }
                }
            },
            {
                "manager": "kube-controller-manager", "operation": "Update",
                "apiVersion": "apps/v1", "time": "2026-01-01T00:00:01Z",
                "fieldsType": "FieldsV1", "subresource": "status",
                "fieldsV1": {
                    "f:metadata": {"f:annotations": {
                        ".": {}, "f:deployment.kubernetes.io/revision": {}}},
                    "f:status": {"f:replicas": {}}
                }
            }
        ])),
    ]);
    live["spec"]["progressDeadlineSeconds"] = json!(600);
    live["spec"]["strategy"] = json!({"type": "RollingUpdate"});
    live["status"] = json!({"replicas": 2});
    let container = &mut live["spec"]["template"]["spec"]["containers"][0];
    container["imagePullPolicy"] = json!("IfNotPresent");
    container["ports"][0]["protocol"] = json!("TCP");
    (desired, live)
}

/// Changes one value that a pointer names, and says whether the object still counts as applied.
#[track_caller]
fn equal_after(object: &Value, other: &Value, pointer: &str, value: Option<Value>) -> bool {
    let mut changed = object.clone();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = changed.pointer_mut(parent).expect("the parent is there");
    match (parent, value) {
        (Value::Object(fields), Some(value)) => drop(fields.insert(key.to_owned(), value)),
        (Value::Object(fields), None) => drop(fields.remove(key)),
        (Value::Array(items), Some(value)) => items[key.parse::<usize>().expect("index")] = value,
        (Value::Array(items), None) => drop(items.remove(key.parse().expect("index"))),
        (other, _) => panic!("{other} has no parts"),
    }
    match object["metadata"].get("managedFields") {
        Some(_) => owned_equals(other, &changed, MANAGER),
        None => owned_equals(&changed, other, MANAGER),
    }
}

#[test]
fn an_applied_deployment_counts_as_applied() {
    let (desired, live) = deployment();
    assert!(owned_equals(&desired, &live, MANAGER));
    assert!(!owned_equals(&desired, &live, "kro.run/labeller"));
    assert!(!owned_equals(&desired, &live, "kube-controller-manager"));
    // Not applied yet, or not by us.
    assert!(!owned_equals(&desired, &desired, MANAGER));
}

#[test]
fn another_wish_does_not() {
    let (desired, live) = deployment();
    let container = "/spec/template/spec/containers/0";
    let same = |pointer: &str, value| equal_after(&desired, &live, pointer, value);
    assert!(!same("/spec/replicas", Some(json!(3))));
    assert!(same("/spec/replicas", Some(json!(2.0))));
    assert!(!same("/spec/replicas", None));
    assert!(!same("/spec/progressDeadlineSeconds", Some(json!(600))));
    assert!(!same("/metadata/labels/team", Some(json!("x"))));
    assert!(!same("/metadata/labels", Some(json!({}))));
    assert!(!same("/metadata/name", Some(json!("other"))));
    assert!(same("/metadata/creationTimestamp", Some(json!(null))));
    assert!(!same("/apiVersion", Some(json!("apps/v2"))));
    // A value that is taken as a whole.
    assert!(!same("/spec/selector/matchLabels", Some(json!({}))));
    assert!(!same(&format!("{container}/args"), Some(json!(["-x", "-v"]))));
    // The default of a key field, spelt out: we would own one more field.
    assert!(!same(&format!("{container}/ports/0/protocol"), Some(json!("TCP"))));
    assert!(!same(&format!("{container}/ports/0/containerPort"), Some(json!(81))));
    // Order counts for whoever reads the list.
    let swapped = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    assert!(!same(&format!("{container}/env"), Some(swapped)));
    assert!(!same(&format!("{container}/env/0"), None));
    assert!(!same(&format!("{container}/env/0/name"), None));
    assert!(!same(&format!("{container}/env"), Some(json!("text"))));
}

#[test]
fn changes_by_others_show_only_in_what_we_own() {
    let (desired, live) = deployment();
    let container = "/spec/template/spec/containers/0";
    let same = |pointer: &str, value| equal_after(&live, &desired, pointer, value);
    assert!(same("/metadata/labels/theirs", Some(json!("x"))));
    assert!(same("/spec/progressDeadlineSeconds", Some(json!(1))));
    assert!(same(&format!("{container}/imagePullPolicy"), Some(json!("Always"))));
    assert!(same("/status/replicas", Some(json!(0))));
    assert!(!same(&format!("{container}/image"), Some(json!("nginx:2"))));
    assert!(!same(&format!("{container}/image"), None));
    assert!(!same("/metadata/labels/app", None));
    assert!(!same(&format!("{container}/env/0"), None));
    assert!(!same("/spec", None));
    // Elements of others between ours do no harm.
    let env = json!([
        {"name": "B", "value": "2"}, {"name": "X", "value": "9"}, {"name": "A", "value": "1"}
    ]);
    assert!(same(&format!("{container}/env"), Some(env)));
}

#[test]
fn the_hash_follows_our_entry_alone() {
    let (_, live) = deployment();
    let before = entry_hash(&live, MANAGER);
    assert!(before.is_some());
    let changed = |pointer: &str, value: Value| {
        let mut live = live.clone();
        *live.pointer_mut(pointer).expect("the pointer leads somewhere") = value;
        entry_hash(&live, MANAGER)
    };
    let ours = "/metadata/managedFields/0";
    assert_eq!(changed(&format!("{ours}/time"), json!("2027-01-01T00:00:00Z")), before);
    assert_eq!(changed("/metadata/managedFields/1/fieldsV1", json!({})), before);
    assert_eq!(changed("/spec/replicas", json!(9)), before);
    assert_ne!(changed(&format!("{ours}/fieldsV1/f:spec/f:replicas"), json!({".": {}})), before);
    assert_ne!(changed(&format!("{ours}/apiVersion"), json!("apps/v2")), before);
    assert_eq!(changed(&format!("{ours}/operation"), json!("Update")), None);
    assert_eq!(entry_hash(&json!({}), MANAGER), None);
}

#[test]
fn takes_out_the_owned_part() {
    let (desired, live) = deployment();
    let entry = own_entry(&live, MANAGER).unwrap();
    let owned = FieldSet::from_fields_v1(&entry["fieldsV1"]).unwrap();
    let part = project(&live, &owned);
    let mut expected = desired.clone();
    for key in ["apiVersion", "kind"] {
        expected.as_object_mut().unwrap().remove(key);
    }
    expected["metadata"] = json!({"labels": {"app": "web"}});
    assert_eq!(part, expected);
    assert_eq!(project(&live, &FieldSet::default()), json!({}));
}

fn object(api_version: &str, kind: &str, fields: &Value, fields_v1: &Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {
            "name": "x", "namespace": "default",
            "managedFields": [{
                "manager": MANAGER, "operation": "Apply", "apiVersion": api_version,
                "fieldsType": "FieldsV1", "fieldsV1": fields_v1
            }]
        }
    });
    for (key, value) in fields.as_object().expect("fields") {
        object[key] = value.clone();
    }
    object
}

fn wish(api_version: &str, kind: &str, fields: &Value) -> Value {
    let mut object = object(api_version, kind, fields, &json!({}));
    object["metadata"].as_object_mut().expect("metadata").remove("managedFields");
    object
}

#[test]
fn config_map() {
    let fields = json!({"data": {"a.b/c": "1"}});
    let live = object("v1", "ConfigMap", &fields, &json!({"f:data": {"f:a.b/c": {}}}));
    assert!(owned_equals(&wish("v1", "ConfigMap", &fields), &live, MANAGER));
    let more = json!({"data": {"a.b/c": "1", "d": ""}});
    assert!(!owned_equals(&wish("v1", "ConfigMap", &more), &live, MANAGER));
    assert!(!owned_equals(&wish("v1", "ConfigMap", &json!({})), &live, MANAGER));

    // An empty map is owned as a leaf; as soon as others filled it, its value is not certain.
    let empty = wish("v1", "ConfigMap", &json!({"data": {}}));
    let leaf = json!({"f:data": {}});
    let live = object("v1", "ConfigMap", &json!({"data": {}}), &leaf);
    assert!(owned_equals(&empty, &live, MANAGER));
    let live = object("v1", "ConfigMap", &fields, &leaf);
    assert!(!owned_equals(&empty, &live, MANAGER));

    // Nothing but its name.
    let live = object("v1", "ConfigMap", &json!({}), &json!({}));
    assert!(owned_equals(&wish("v1", "ConfigMap", &json!({})), &live, MANAGER));
    assert!(!owned_equals(&empty, &live, MANAGER));
}

#[test]
fn custom_resource_with_whole_lists_and_sets() {
    let version = "s3.services.k8s.aws/v1alpha1";
    let fields = json!({"spec": {
        "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}],
        "zones": ["b", "a"], "free": {"x": [{}]}
    }});
    let fields_v1 = json!({"f:spec": {
        "f:tags": {}, "f:zones": {"v:\"a\"": {}, "v:\"b\"": {}}, "f:free": {"f:x": {}}
    }});
    let live = object(version, "Bucket", &fields, &fields_v1);
    assert!(owned_equals(&wish(version, "Bucket", &fields), &live, MANAGER));
    let differs = |change: &dyn Fn(&mut Value)| {
        let mut wish = wish(version, "Bucket", &fields);
        change(&mut wish["spec"]);
        !owned_equals(&wish, &live, MANAGER)
    };
    assert!(differs(&|spec| spec["tags"] = json!([{"key": "a", "value": "1"}])));
    assert!(differs(&|spec| spec["zones"] = json!(["b"])));
    assert!(differs(&|spec| spec["zones"] = json!(["b", "c"])));
    assert!(differs(&|spec| spec["zones"] = json!(["a", "b"])));
    assert!(differs(&|spec| spec["free"] = json!({"x": [{"y": 1}]})));
    assert!(!differs(&|_| {}));
}

#[test]
fn service_with_defaulted_key_fields() {
    let ports = |value: Value| json!({"spec": {"ports": value}});
    let wanted = ports(json!([{"port": 53, "name": "tcp"},
                              {"port": 53, "protocol": "UDP", "name": "udp"}]));
    let stored = ports(json!([
        {"port": 53, "protocol": "TCP", "targetPort": 53, "name": "tcp"},
        {"port": 53, "protocol": "UDP", "targetPort": 53, "name": "udp"}
    ]));
    let fields_v1 = json!({"f:spec": {"f:ports": {
        "k:{\"port\":53,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:name": {}},
        "k:{\"port\":53,\"protocol\":\"UDP\"}":
            {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}}
    }}});
    let live = object("v1", "Service", &stored, &fields_v1);
    assert!(owned_equals(&wish("v1", "Service", &wanted), &live, MANAGER));
    let both_tcp = ports(json!([{"port": 53, "name": "tcp"}, {"port": 53, "name": "udp"}]));
    assert!(!owned_equals(&wish("v1", "Service", &both_tcp), &live, MANAGER));
}

#[test]
fn strange_entries_are_never_equal() {
    for fields_v1 in [json!([]), json!({"x:a": {}}), json!({"k:{": {}}), json!({"f:data": 1})] {
        let live = object("v1", "ConfigMap", &json!({}), &fields_v1);
        assert!(!owned_equals(&wish("v1", "ConfigMap", &json!({})), &live, MANAGER));
    }
    let deep = (0..200).fold(json!({}), |inner, _| json!({"f:a": inner}));
    assert_eq!(FieldSet::from_fields_v1(&deep), None);
    assert!(!owned_equals(&json!(null), &json!(null), MANAGER));
}
