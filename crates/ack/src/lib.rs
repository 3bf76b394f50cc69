//! AWS resources as Kubernetes objects.

pub mod aws;
pub mod conditions;
pub mod controller;
pub mod dynamodb;
pub mod flags;
pub mod kind;
pub mod object;
pub mod patch;
pub mod reconcile;
pub mod resource;
pub mod s3;
pub mod scope;
pub mod shape;
pub mod tags;

use resource::Resource;
use serde_json::Value as Json;

/// The CRDs of all kinds, generated from the shape tables, by the name of their file.
pub fn crds() -> Vec<(String, Json)> {
    vec![crd::<s3::Bucket>(), crd::<dynamodb::Table>()]
}

fn crd<R: Resource>() -> (String, Json) {
    let kind = R::KIND;
    (format!("{}_{}.yaml", kind.group(), kind.plural), kind.crd::<R::Spec, R::Status>())
}
