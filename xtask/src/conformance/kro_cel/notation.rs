//! Values in the notation of the vectors.

use base64::Engine as _;
use cel::{Value, library};
use serde_json::{Value as Json, json};

/// A value with its type.
pub(super) fn tagged(value: &Value<'_>) -> Json {
    let inside = |value: Result<Value<'_>, _>| match value {
        Ok(value) => tagged(&value),
        Err(error) => {
            let error: Box<cel::ErrorKind> = error;
            json!({"error": error.to_string()})
        }
    };
    match value {
        Value::Null => json!({"null": null}),
        Value::Bool(v) => json!({"bool": v}),
        Value::Int(v) => json!({"int": v.to_string()}),
        Value::Uint(v) => json!({"uint": v.to_string()}),
        Value::Double(v) => json!({"double": number(*v)}),
        Value::String(v) => json!({"string": &**v}),
        Value::Bytes(v) => {
            json!({"bytes": base64::engine::general_purpose::STANDARD.encode(&**v)})
        }
        Value::Timestamp(v) => json!({"timestamp": v.in_utc().to_string()}),
        Value::Duration(v) => json!({"durationNanos": v.nanos().to_string()}),
        Value::List(list) => json!({"list": list.iter().map(inside).collect::<Vec<_>>()}),
        Value::Map(map) => {
            let entries = map.entries();
            let entries =
                entries.map(|(key, value)| json!([tagged(&key.to_value()), inside(value)]));
            json!({"map": entries.collect::<Vec<_>>()})
        }
        // The type of a type has no parameter in the Go stack.
        Value::Type(ty) if matches!(**ty, cel::Type::Type(_)) => json!({"type": "type"}),
        Value::Type(ty) => json!({"type": ty.to_string()}),
        Value::Optional(None) => json!({"optional": null}),
        Value::Optional(Some(v)) => json!({"optional": tagged(v)}),
        Value::Opaque(opaque) => {
            let text = opaque.text();
            match opaque.type_name() {
                "kubernetes.Quantity" => json!({"quantity": text}),
                "kubernetes.URL" => json!({"url": text}),
                "kubernetes.Semver" => json!({"semver": text}),
                "net.IP" => json!({"ip": text}),
                "net.CIDR" => json!({"cidr": text}),
                name => match value.downcast::<library::Condition>() {
                    Some(c) => json!({"condition": {
                        "type": c.kind, "status": c.status, "reason": c.reason, "message": c.message,
                    }}),
                    None if value.downcast::<library::Omit>().is_some() => json!({"omit": true}),
                    None => json!({"opaque": name}),
                },
            }
        }
    }
}

fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        value.to_string()
    }
}

/// Maps sorted, errors without their text, numbers in one form; lists sorted where their order has
/// no meaning.
pub(super) fn normal(value: &Json, unordered: bool) -> Json {
    match value {
        Json::Object(object) => {
            if object.contains_key("error") {
                return json!("error");
            }
            if let Some(Ok(value)) = object.get("double").and_then(Json::as_str).map(str::parse) {
                return json!({"double": number(value)});
            }
            let entries = object.iter().map(|(key, value)| {
                let mut value = normal(value, unordered);
                if (key == "map" || unordered && key == "list")
                    && let Some(entries) = value.as_array_mut()
                {
                    entries.sort_by_key(ToString::to_string);
                }
                (key.clone(), value)
            });
            Json::Object(entries.collect())
        }
        Json::Array(elements) => {
            Json::Array(elements.iter().map(|element| normal(element, unordered)).collect())
        }
        other => other.clone(),
    }
}

/// Whether two documents are equal, lists as multisets where their order has no meaning.
pub(super) fn same(a: &Option<Json>, b: &Option<Json>, unordered: bool) -> bool {
    fn sorted(json: &Json) -> Json {
        match json {
            Json::Array(elements) => {
                let mut elements: Vec<Json> = elements.iter().map(sorted).collect();
                elements.sort_by_key(ToString::to_string);
                Json::Array(elements)
            }
            Json::Object(entries) => {
                entries.iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
            }
            other => other.clone(),
        }
    }
    if unordered { a.as_ref().map(sorted) == b.as_ref().map(sorted) } else { a == b }
}

/// What stands in an object, of a result with marks for what is left out.
pub(super) fn written(result: &Json) -> Option<Json> {
    Some(match result {
        Json::Object(entries) if entries.contains_key("$omit") => return None,
        Json::Object(entries) => {
            let kept = |(key, value): (&String, &Json)| Some((key.clone(), written(value)?));
            entries.iter().filter_map(kept).collect()
        }
        Json::Array(elements) => elements.iter().filter_map(written).collect(),
        other => other.clone(),
    })
}
