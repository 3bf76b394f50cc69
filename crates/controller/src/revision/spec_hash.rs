//! A hash of a definition's spec that is the same for the same meaning.
//!
//! Source: kro-controller facts, 3.6. It is the hash that the Go version computes, so that the
//! labels of revisions agree whoever issued them.

use serde_json::{Map, Number, Value};
use std::fmt::Write as _;

/// The hash, as the label `kro.run/graph-revision-hash` has it: FNV-1a over 64 bits in
/// hexadecimal.
///
/// The order of resources, of `readyWhen` and of `includeWhen` does not matter, nor whether
/// defaults are written out or empty lists are.
pub(crate) fn spec_hash(spec: &Value) -> String {
    let mut text = String::new();
    write_json(&mut text, &canonical(spec));
    format!("{:016x}", fnv64(text.as_bytes()))
}

/// FNV-1a, 64 bits.
fn fnv64(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The fields of an object in a fixed order; what is left out is not there.
struct Fields(Vec<(&'static str, Item)>);

/// A value whose fields have an order, down to where keys are sorted anyway.
enum Item {
    Fields(Fields),
    List(Vec<Item>),
    Value(Value),
}

// === impl Fields ===

impl Fields {
    fn text(&mut self, key: &'static str, value: &Value) {
        if value.as_str().is_some_and(|text| !text.is_empty()) {
            self.0.push((key, Item::Value(value.clone())));
        }
    }

    /// A free-form object: there even if it is empty, then as null.
    fn free(&mut self, key: &'static str, value: &Value) {
        self.0.push((key, Item::Value(value.clone())));
    }

    fn list(&mut self, key: &'static str, items: Vec<Item>) {
        if !items.is_empty() {
            self.0.push((key, Item::List(items)));
        }
    }

    fn map(&mut self, key: &'static str, value: &Value) {
        if value.as_object().is_some_and(|map| !map.is_empty()) {
            self.0.push((key, Item::Value(value.clone())));
        }
    }
}

fn canonical(spec: &Value) -> Item {
    let mut fields = Fields(Vec::new());
    if spec["schema"].is_object() {
        fields.0.push(("schema", schema(&spec["schema"])));
    }
    let mut resources: Vec<&Value> = spec["resources"].as_array().into_iter().flatten().collect();
    resources.sort_by_key(|resource| resource["id"].as_str().unwrap_or(""));
    fields.list("resources", resources.into_iter().map(resource).collect());
    Item::Fields(fields)
}

fn schema(schema: &Value) -> Item {
    let mut fields = Fields(Vec::new());
    let or = |value: &Value, default: &str| match value.as_str() {
        None | Some("") => Value::from(default),
        Some(text) => Value::from(text),
    };
    fields.text("kind", &schema["kind"]);
    fields.text("apiVersion", &schema["apiVersion"]);
    fields.text("group", &or(&schema["group"], "kro.run"));
    for key in ["spec", "types", "status"] {
        fields.free(key, &schema[key]);
    }
    fields.text("scope", &or(&schema["scope"], "Namespaced"));
    let columns = schema["additionalPrinterColumns"].as_array().into_iter().flatten();
    fields.list("additionalPrinterColumns", columns.map(column).collect());
    fields.list("shortNames", in_order(&schema["shortNames"]));
    fields.list("categories", in_order(&schema["categories"]));
    if schema["metadata"].is_object() {
        let mut metadata = Fields(Vec::new());
        metadata.map("labels", &schema["metadata"]["labels"]);
        metadata.map("annotations", &schema["metadata"]["annotations"]);
        fields.0.push(("metadata", Item::Fields(metadata)));
    }
    Item::Fields(fields)
}

fn column(column: &Value) -> Item {
    let mut fields = Fields(Vec::new());
    fields.free("name", &column["name"]);
    fields.free("type", &column["type"]);
    fields.text("format", &column["format"]);
    fields.text("description", &column["description"]);
    if column["priority"].as_i64().is_some_and(|priority| priority != 0) {
        fields.free("priority", &column["priority"]);
    }
    fields.free("jsonPath", &column["jsonPath"]);
    Item::Fields(fields)
}

fn resource(resource: &Value) -> Item {
    let mut fields = Fields(Vec::new());
    fields.text("id", &resource["id"]);
    fields.free("template", &resource["template"]);
    if resource["externalRef"].is_object() {
        fields.0.push(("externalRef", external(&resource["externalRef"])));
    }
    fields.list("readyWhen", sorted(&resource["readyWhen"]));
    fields.list("includeWhen", sorted(&resource["includeWhen"]));
    fields.list("forEach", in_order(&resource["forEach"]));
    Item::Fields(fields)
}

fn external(external: &Value) -> Item {
    let mut fields = Fields(Vec::new());
    fields.free("apiVersion", &external["apiVersion"]);
    fields.free("kind", &external["kind"]);
    let from = &external["metadata"];
    let mut metadata = Fields(Vec::new());
    metadata.text("name", &from["name"]);
    metadata.text("namespace", &from["namespace"]);
    if from["selector"].is_object() {
        let mut selector = Fields(Vec::new());
        selector.map("matchLabels", &from["selector"]["matchLabels"]);
        let requirements = from["selector"]["matchExpressions"].as_array().into_iter().flatten();
        let requirement = |requirement: &Value| {
            let mut fields = Fields(Vec::new());
            fields.free("key", &requirement["key"]);
            fields.free("operator", &requirement["operator"]);
            fields.list("values", in_order(&requirement["values"]));
            Item::Fields(fields)
        };
        selector.list("matchExpressions", requirements.map(requirement).collect());
        metadata.0.push(("selector", Item::Fields(selector)));
    }
    fields.0.push(("metadata", Item::Fields(metadata)));
    Item::Fields(fields)
}

fn in_order(list: &Value) -> Vec<Item> {
    list.as_array().into_iter().flatten().cloned().map(Item::Value).collect()
}

fn sorted(list: &Value) -> Vec<Item> {
    let mut texts: Vec<&Value> = list.as_array().into_iter().flatten().collect();
    texts.sort_by_key(|text| text.as_str().unwrap_or(""));
    texts.into_iter().cloned().map(Item::Value).collect()
}

fn write_json(out: &mut String, item: &Item) {
    match item {
        Item::Value(value) => write_value(out, value),
        Item::List(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Item::Fields(Fields(fields)) => {
            out.push('{');
            for (at, (key, item)) in fields.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_text(out, key);
                out.push(':');
                write_json(out, item);
            }
            out.push('}');
        }
    }
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(map) => write_map(out, map),
    }
}

fn write_map(out: &mut String, map: &Map<String, Value>) {
    let mut entries: Vec<(&String, &Value)> = map.iter().collect();
    entries.sort_by_key(|(key, _)| *key);
    out.push('{');
    for (at, (key, value)) in entries.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_text(out, key);
        out.push(':');
        write_value(out, value);
    }
    out.push('}');
}

/// Go reads every number of a free-form object as a double, and writes it the shortest way:
/// without an exponent from 1e-6 up to 1e21.
fn write_number(out: &mut String, number: &Number) {
    let double = number.as_f64().unwrap_or(0.0);
    let size = double.abs();
    let plain = size == 0.0 || (1e-6..1e21).contains(&size);
    // Writing to a String does not fail.
    let _ = if plain {
        write!(out, "{double}")
    } else {
        let text = format!("{double:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        match exponent.strip_prefix('-') {
            Some(exponent) => write!(out, "{digits}e-{exponent}"),
            None => write!(out, "{digits}e+{exponent}"),
        }
    };
}

/// A string as Go writes it: what HTML could take for markup is escaped.
fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            plain => out.push(plain),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::{canonical, spec_hash, write_json};
    use serde_json::{Value, json};

    fn text(spec: &Value) -> String {
        let mut out = String::new();
        write_json(&mut out, &canonical(spec));
        out
    }

    #[test]
    fn the_text_that_is_hashed_has_the_fields_in_go_order() {
        let spec = json!({
            "resources": [
                {"id": "b", "template": {"z": 1, "a": {"n": 1.5, "big": 1e21, "tiny": 1e-7}},
                 "readyWhen": ["${b}", "${a}"], "includeWhen": []},
                {"id": "a", "externalRef": {"kind": "Secret", "apiVersion": "v1",
                 "metadata": {"name": "<s>"}}},
            ],
            "schema": {"apiVersion": "v1alpha1", "kind": "App", "spec": {"name": "string"},
                       "shortNames": [], "metadata": {}},
        });
        let expected = concat!(
            r#"{"schema":{"kind":"App","apiVersion":"v1alpha1","group":"kro.run","#,
            r#""spec":{"name":"string"},"types":null,"status":null,"scope":"Namespaced","metadata":{}},"#,
            r#""resources":[{"id":"a","template":null,"externalRef":{"apiVersion":"v1","kind":"Secret","#,
            r#""metadata":{"name":"\u003cs\u003e"}}},"#,
            r#"{"id":"b","template":{"a":{"big":1e+21,"n":1.5,"tiny":1e-7},"z":1},"#,
            r#""readyWhen":["${a}","${b}"]}]}"#,
        );
        assert_eq!(text(&spec), expected);
    }

    #[test]
    fn what_means_the_same_hashes_the_same() {
        let short = json!({"schema": {"kind": "App", "apiVersion": "v1"}});
        let long = json!({
            "schema": {"kind": "App", "apiVersion": "v1", "group": "kro.run", "scope": "Namespaced",
                       "additionalPrinterColumns": [], "categories": null, "types": null},
            "resources": [],
        });
        assert_eq!(spec_hash(&short), spec_hash(&long));
        let other = json!({"schema": {"kind": "App", "apiVersion": "v1", "group": "a.b"}});
        assert_ne!(spec_hash(&short), spec_hash(&other));
    }

    #[test]
    fn the_hash_is_fnv_1a_over_64_bits() {
        assert_eq!(super::fnv64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(super::fnv64(b"a"), 0xaf63_dc4c_8601_ec8c);
    }
}
