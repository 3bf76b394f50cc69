//! What holds for all objects.

use proptest::prelude::*;
use schema::ContentHash;
use schema::managed_fields::FieldSet;
use schema::managed_fields::owned_equals;
use schema::managed_fields::project;
use schema::same;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

const MANAGER: &str = "kro.run/applyset";

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z${}\"]{0,5}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            fields(inner).prop_map(Value::Object),
        ]
    })
}

fn fields(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("[a-d.:/]{1,3}", inner, 0..4)
        .prop_map(|fields| fields.into_iter().collect())
}

/// What an API server without list types would store as owned.
fn fields_v1(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let parts = fields.iter().map(|(name, value)| (format!("f:{name}"), fields_v1(value)));
            Value::Object(parts.collect())
        }
        _ => json!({}),
    }
}

fn desired(spec: &Map<String, Value>) -> Value {
    json!({"apiVersion": "v1", "kind": "X", "metadata": {"name": "x"}, "spec": spec})
}

fn live(spec: &Map<String, Value>) -> Value {
    let mut live = desired(spec);
    live["metadata"]["managedFields"] = json!([{
        "manager": MANAGER, "operation": "Apply", "apiVersion": "v1",
        "fieldsV1": {"f:spec": fields_v1(&json!(spec))}
    }]);
    live
}

/// The pointers of all values below one.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            let at = format!("{at}/{}", name.replace('/', "~1"));
            pointers(value, &at, all);
            all.push(at);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_applied_is_equal_until_something_changes(
        spec in fields(values()), pick in any::<prop::sample::Index>(), other in values()
    ) {
        let (wish, object) = (desired(&spec), live(&spec));
        prop_assert!(owned_equals(&wish, &object, MANAGER));
        let entry = &object["metadata"]["managedFields"][0]["fieldsV1"];
        let owned = FieldSet::from_fields_v1(entry).expect("a set");
        prop_assert_eq!(project(&object, &owned), json!({"spec": wish["spec"]}));

        // Fields of others do not matter, except where we own an empty object as a whole.
        let mut more = object.clone();
        more["spec"]["theirs"] = json!(1);
        prop_assert_eq!(owned_equals(&wish, &more, MANAGER), !spec.is_empty());

        let mut all = Vec::new();
        pointers(&object["spec"], "/spec", &mut all);
        if all.is_empty() {
            return Ok(());
        }
        let pointer = pick.get(&all);
        let mut changed = object.clone();
        let place = changed.pointer_mut(pointer).expect("the pointer leads somewhere");
        let equal = same(place, &other);
        *place = other.clone();
        // What others add to an object of ours is theirs.
        let kept = project(&changed, &owned) == project(&object, &owned);
        prop_assert_eq!(owned_equals(&wish, &changed, MANAGER), equal || kept, "{}", pointer);
        let mut wanted = wish.clone();
        *wanted.pointer_mut(pointer).expect("the same place") = other;
        prop_assert_eq!(owned_equals(&wanted, &object, MANAGER), equal);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        let parent = wanted.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
        parent.remove(&name.replace("~1", "/"));
        prop_assert!(!owned_equals(&wanted, &object, MANAGER));
    }

    #[test]
    fn hashes_follow_content(a in values(), b in values()) {
        prop_assert_eq!(ContentHash::of(&a) == ContentHash::of(&b), same(&a, &b));
        let text = serde_json::to_string_pretty(&a).expect("JSON");
        let again: Value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(ContentHash::of(&a), ContentHash::of(&again));
    }
}
