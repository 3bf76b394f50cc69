//! Values that a schema admits.

use proptest::prelude::*;
use serde_json::Map;
use serde_json::Value as Json;

/// Whether optional members are there.
#[derive(Clone, Copy)]
pub(crate) enum Members {
    /// All of them, and at least one item in every list.
    All,
    /// Any of them.
    Some,
}

/// JSON that the structural schema admits.
pub(crate) fn admitted(schema: &Json, members: Members) -> BoxedStrategy<Json> {
    match schema["type"].as_str() {
        Some("string") if schema["format"] == "date-time" => {
            (0_i64..4_000_000_000).prop_map(time).boxed()
        }
        Some("string") => "[a-zA-Z0-9:/ _.-]{0,12}".prop_map(Json::from).boxed(),
        Some("boolean") => any::<bool>().prop_map(Json::from).boxed(),
        Some("integer") => any::<i64>().prop_map(Json::from).boxed(),
        Some("array") => {
            let least = match members {
                Members::All => 1,
                Members::Some => 0,
            };
            proptest::collection::vec(admitted(&schema["items"], members), least..3)
                .prop_map(Json::from)
                .boxed()
        }
        Some("object") if schema["additionalProperties"].is_object() => {
            let value = admitted(&schema["additionalProperties"], members);
            proptest::collection::btree_map("[a-z]{1,4}", value, 0..3)
                .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into())
                .boxed()
        }
        Some("object") => {
            let mut object = Just(Map::new()).boxed();
            for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
                let name = name.clone();
                let value = match members {
                    Members::All => admitted(schema, members).prop_map(Some).boxed(),
                    Members::Some => proptest::option::of(admitted(schema, members)).boxed(),
                };
                object = (object, value)
                    .prop_map(move |(mut object, value)| {
                        object.extend(value.map(|value| (name.clone(), value)));
                        object
                    })
                    .boxed();
            }
            object.prop_map(Json::Object).boxed()
        }
        other => panic!("no such type: {other:?}"),
    }
}

fn time(seconds: i64) -> Json {
    jiff::Timestamp::from_second(seconds).expect("in range").to_string().into()
}
