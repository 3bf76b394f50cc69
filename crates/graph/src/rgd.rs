//! The wire form of a ResourceGraphDefinition's spec (`kro.run/v1alpha1`).
//!
//! Source: kro-controller facts, 1.1. Nothing is checked here beyond the shape.

mod read;

pub(crate) use read::Reading;
pub use read::read;

use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// `spec` of a ResourceGraphDefinition.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RgdSpec {
    /// The API that instances have.
    pub schema: SchemaSpec,
    /// The objects that an instance becomes.
    #[serde(default, deserialize_with = "null_is_default")]
    pub resources: Vec<ResourceSpec>,
}

/// `spec.schema`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SchemaSpec {
    /// Kind of the instances.
    pub kind: String,
    /// Version of the instances, without a group.
    pub api_version: String,
    /// Group of the instances.
    #[serde(default = "default_group")]
    pub group: String,
    /// Scope of the instances.
    #[serde(default)]
    pub scope: Scope,
    /// SimpleSchema of an instance's spec.
    #[serde(default)]
    pub spec: Value,
    /// Custom types of the SimpleSchema.
    #[serde(default)]
    pub types: Value,
    /// Expressions that make up an instance's status.
    #[serde(default)]
    pub status: Value,
    /// Columns of the generated CRD; any entry replaces the default ones.
    #[serde(default, deserialize_with = "null_is_default")]
    pub additional_printer_columns: Vec<Value>,
    /// Short names of the generated CRD.
    #[serde(default, deserialize_with = "null_is_default")]
    pub short_names: Vec<String>,
    /// Categories of the generated CRD.
    #[serde(default, deserialize_with = "null_is_default")]
    pub categories: Vec<String>,
    /// Labels and annotations of the generated CRD.
    #[serde(default, deserialize_with = "null_is_default")]
    pub metadata: CrdMetadata,
}

/// `spec.schema.metadata`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct CrdMetadata {
    /// Labels.
    #[serde(default, deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, deserialize_with = "null_is_default")]
    pub annotations: BTreeMap<String, String>,
}

/// Scope of the instances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub enum Scope {
    /// Instances live in namespaces.
    #[default]
    Namespaced,
    /// Instances live beside namespaces.
    Cluster,
}

/// An entry of `spec.resources`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceSpec {
    /// Its name in expressions.
    pub id: String,
    /// The object, with expressions.
    pub template: Option<Value>,
    /// An object, or objects, that somebody else manages.
    pub external_ref: Option<Value>,
    /// When it is ready.
    #[serde(default, deserialize_with = "null_is_default")]
    pub ready_when: Vec<String>,
    /// Whether it exists.
    #[serde(default, deserialize_with = "null_is_default")]
    pub include_when: Vec<String>,
    /// What it is repeated over.
    #[serde(default, deserialize_with = "null_is_default")]
    pub for_each: Vec<Map<String, Value>>,
}

fn default_group() -> String {
    "kro.run".to_owned()
}

/// The API server stores `null` where an optional list or map is left empty.
fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
