//! All objects of an API server as text that is equal for two runs that ended the same.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use jiff::Timestamp;
use kube::{
    Client,
    api::{Api, ApiResource, DynamicObject, ListParams},
    discovery::{Discovery, verbs},
};
use serde_json::{Map, Value};

/// Which objects to dump.
#[derive(Clone, Debug)]
pub struct Selection {
    only: BTreeSet<String>,
    without: BTreeSet<String>,
    namespaces: BTreeSet<String>,
}

/// Resources that differ between equal runs, or that every API server makes for itself.
const NOISE: [&str; 10] = [
    "apiservices.apiregistration.k8s.io",
    "endpoints",
    "endpointslices.discovery.k8s.io",
    "events",
    "events.events.k8s.io",
    "flowschemas.flowcontrol.apiserver.k8s.io",
    "ipaddresses.networking.k8s.io",
    "leases.coordination.k8s.io",
    "nodes",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
];

impl Selection {
    /// Everything of every kind, also of custom ones, but for what the API server and the harness
    /// make for themselves, and what differs between equal runs by its nature: events, leases,
    /// endpoints, nodes, and the content of namespaces `kube-*`.
    #[must_use]
    pub fn all() -> Self {
        Self {
            only: BTreeSet::new(),
            without: NOISE.map(str::to_owned).into(),
            namespaces: BTreeSet::new(),
        }
    }

    /// Only these resources: plural names with their groups (`deployments.apps`, `configmaps`).
    #[must_use]
    pub fn only(mut self, resources: &[&str]) -> Self {
        self.only.extend(resources.iter().copied().map(str::to_owned));
        self
    }

    /// Not these resources, named in the same way.
    #[must_use]
    pub fn without(mut self, resources: &[&str]) -> Self {
        self.without.extend(resources.iter().copied().map(str::to_owned));
        self
    }

    /// Of what has a namespace, only what is in these.
    #[must_use]
    pub fn namespaces(mut self, namespaces: &[&str]) -> Self {
        self.namespaces.extend(namespaces.iter().copied().map(str::to_owned));
        self
    }

    fn has_resource(&self, resource: &ApiResource) -> bool {
        let name = match resource.group.as_str() {
            "" => resource.plural.clone(),
            group => format!("{}.{group}", resource.plural),
        };
        (self.only.is_empty() || self.only.contains(&name)) && !self.without.contains(&name)
    }

    fn has_object(&self, object: &Value) -> bool {
        let metadata = &object["metadata"];
        if metadata["labels"].get("kubernetes.io/bootstrapping").is_some() {
            return false;
        }
        // The API server's own, with its port.
        if object["kind"] == "Service" && metadata["name"] == "kubernetes" {
            return false;
        }
        match metadata["namespace"].as_str() {
            None => true,
            Some(namespace) if self.namespaces.is_empty() => !namespace.starts_with("kube-"),
            Some(namespace) => self.namespaces.contains(namespace),
        }
    }
}

/// Dumps objects as [`canonical`] text.
///
/// # Errors
///
/// The API server does not answer.
pub async fn dump(client: &Client, selection: &Selection) -> anyhow::Result<String> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let mut objects = Vec::new();
    for group in discovery.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if capabilities.supports_operation(verbs::LIST) && selection.has_resource(&resource) {
                let found = list(client, &resource).await.with_context(|| {
                    format!("can't list {} of {}", resource.plural, resource.api_version)
                })?;
                objects.extend(found.into_iter().filter(|object| selection.has_object(object)));
            }
        }
    }
    Ok(canonical(objects))
}

async fn list(client: &Client, resource: &ApiResource) -> anyhow::Result<Vec<Value>> {
    let api = Api::<DynamicObject>::all_with(client.clone(), resource);
    let mut values = Vec::new();
    for object in api.list(&ListParams::default()).await? {
        let mut value = serde_json::to_value(object)?;
        // Lists leave them out of their items.
        value["apiVersion"] = resource.api_version.clone().into();
        value["kind"] = resource.kind.clone().into();
        values.push(value);
    }
    Ok(values)
}

/// The text of objects, without what differs between two runs that ended the same:
///
/// - uids are left out, or, inside of other values, replaced by the name of the object;
/// - resource versions, generations and observed generations are left out;
/// - times (in fields whose name says so) are replaced by `<time>`, so that their presence shows;
/// - generated ends of names are replaced by `<generated>`, also where other objects use the name;
/// - addresses and ports that the API server or a node allots are replaced by `<allotted>`.
///
/// Objects are sorted by kind, namespace and name, keys by name, entries of `managedFields` by
/// manager, conditions by type.
#[must_use]
pub fn canonical(objects: Vec<Value>) -> String {
    let names = Names::of(&objects);
    let mut texts: Vec<(String, String)> = objects
        .into_iter()
        .map(|mut object| {
            clean(&mut object, &names);
            let text = format!("{object:#}");
            (title(&object), text)
        })
        .collect();
    texts.sort();
    texts.iter().map(|(title, text)| format!("# {title}\n{text}\n")).collect()
}

/// How the names of the volumes with a service account's token begin.
const TOKEN_VOLUME: &str = "kube-api-access-";

/// What stands for names and uids that differ from run to run.
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(objects: &[Value]) -> Self {
        let mut names = BTreeMap::new();
        for object in objects {
            let metadata = &object["metadata"];
            if let (Some(name), Some(prefix)) =
                (metadata["name"].as_str(), metadata["generateName"].as_str())
                && name.starts_with(prefix)
            {
                names.insert(name.to_owned(), format!("{prefix}<generated>"));
            }
            // Added to each Pod by the API server.
            let volumes = object["spec"]["volumes"].as_array();
            for name in volumes.into_iter().flatten().filter_map(|volume| volume["name"].as_str()) {
                if name.starts_with(TOKEN_VOLUME) {
                    names.insert(name.to_owned(), format!("{TOKEN_VOLUME}<generated>"));
                }
            }
        }
        for object in objects {
            if let Some(uid) = object["metadata"]["uid"].as_str() {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let name = names.get(name).map_or(name, String::as_str);
                let kind = object["kind"].as_str().unwrap_or_default();
                let stand_in = format!("<uid of {kind} {name}>");
                names.insert(uid.to_owned(), stand_in);
            }
        }
        Self(names)
    }

    fn replace(&self, text: &mut String) {
        for (name, stand_in) in &self.0 {
            if text.contains(name.as_str()) {
                *text = text.replace(name.as_str(), stand_in);
            }
        }
    }
}

fn title(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let (kind, api_version) = (text(&object["kind"]), text(&object["apiVersion"]));
    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
    format!("{kind} {api_version} {namespace}/{name}")
}

fn clean(value: &mut Value, names: &Names) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => names.replace(text),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, names)),
        Value::Object(fields) => {
            let mut cleaned: Vec<(String, Value)> = std::mem::take(fields)
                .into_iter()
                .filter(|(name, _)| !is_left_out(name))
                .map(|(mut name, value)| {
                    let value = clean_field(&name, value, names);
                    // Those in `managedFields` name the keys of lists.
                    names.replace(&mut name);
                    (name, value)
                })
                .collect();
            cleaned.sort_by(|(one, _), (other, _)| one.cmp(other));
            *fields = cleaned.into_iter().collect::<Map<_, _>>();
        }
    }
}

fn clean_field(name: &str, mut value: Value, names: &Names) -> Value {
    if is_allotted(name) && (value.is_string() || value.is_array() || value.is_number()) {
        return "<allotted>".into();
    }
    if is_time(name) && value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()) {
        return "<time>".into();
    }
    clean(&mut value, names);
    // Their order follows from times.
    if let (true, Value::Array(entries)) = (name == "conditions", &mut value) {
        entries.sort_by_key(|entry| entry["type"].as_str().unwrap_or_default().to_owned());
    }
    if let (true, Value::Array(entries)) = (name == "managedFields", &mut value) {
        let key = |entry: &Value| {
            ["manager", "operation", "subresource", "apiVersion"]
                .map(|field| entry[field].as_str().unwrap_or_default().to_owned())
        };
        entries.sort_by_key(key);
    }
    value
}

fn is_left_out(field: &str) -> bool {
    matches!(field, "uid" | "resourceVersion" | "generation" | "observedGeneration")
}

fn is_time(field: &str) -> bool {
    field == "time" || ["Time", "Timestamp", "At"].iter().any(|end| field.ends_with(end))
}

fn is_allotted(field: &str) -> bool {
    matches!(
        field,
        "clusterIP" | "clusterIPs" | "hostIP" | "hostIPs" | "nodePort" | "podIP" | "podIPs"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    fn run(suffix: &str, uid: &str, time: &str, version: u64) -> String {
        let pod = format!("web-5d4f-{suffix}");
        canonical(vec![
            json!({
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "name": pod, "generateName": "web-5d4f-", "namespace": "default", "uid": uid,
                    "resourceVersion": version.to_string(), "creationTimestamp": time,
                    "managedFields": [
                        { "manager": "b", "time": time, "fieldsV1": { "f:startTime": {} } },
                        { "manager": "a", "time": time },
                    ],
                },
                "status": { "podIP": format!("10.0.0.{version}"), "observedGeneration": version },
            }),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {
                    "name": "notes", "namespace": "default", "uid": "1-2",
                    "labels": { "seen": uid },
                    "ownerReferences": [{ "kind": "Pod", "name": pod, "uid": uid }],
                },
                "data": { "text": format!("about {pod}"), "lastTime": "yesterday" },
            }),
        ])
    }

    #[test]
    fn two_runs_that_ended_the_same_are_equal() {
        let one = run("abcde", "7f-1", "2026-01-02T03:04:05Z", 5);
        assert_eq!(one, run("vwxyz", "9c-8", "2026-01-03T00:00:00Z", 77));
        let expected = r##"# ConfigMap v1 default/notes
{
  "apiVersion": "v1",
  "data": {
    "lastTime": "yesterday",
    "text": "about web-5d4f-<generated>"
  },
  "kind": "ConfigMap",
  "metadata": {
    "labels": {
      "seen": "<uid of Pod web-5d4f-<generated>>"
    },
    "name": "notes",
    "namespace": "default",
    "ownerReferences": [
      {
        "kind": "Pod",
        "name": "web-5d4f-<generated>"
      }
    ]
  }
}
# Pod v1 default/web-5d4f-<generated>
{
  "apiVersion": "v1",
  "kind": "Pod",
  "metadata": {
    "creationTimestamp": "<time>",
    "generateName": "web-5d4f-",
    "managedFields": [
      {
        "manager": "a",
        "time": "<time>"
      },
      {
        "fieldsV1": {
          "f:startTime": {}
        },
        "manager": "b",
        "time": "<time>"
      }
    ],
    "name": "web-5d4f-<generated>",
    "namespace": "default"
  },
  "status": {
    "podIP": "<allotted>"
  }
}
"##;
        assert_eq!(one, expected);
    }

    #[test]
    fn a_value_that_differs_shows() {
        let object = |value: &str| json!({ "kind": "ConfigMap", "data": { "key": value } });
        assert_ne!(canonical(vec![object("one")]), canonical(vec![object("other")]));
    }
}
