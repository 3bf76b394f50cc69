//! The status that a pass ends with.

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value as Json;
use serde_json::json;

use crate::conditions::Also;
use crate::conditions::Condition;
use crate::conditions::Verdict;
use crate::conditions::stamp;
use crate::object::Object;
use crate::patch;
use crate::resource::Observed;
use crate::resource::Place;
use crate::resource::Resource;
use crate::shape::Shape;
use crate::shape::Time;

/// The merge patch that brings the status to the verdict and to what AWS has said; `None` if there
/// is nothing new.
///
/// `place` is `None` where it could not be settled, `latest` where AWS was not asked.
pub fn status_patch<R: Resource>(
    object: &Object<R::Spec>,
    place: Option<&Place>,
    latest: Option<&Observed<R>>,
    (verdict, also): (&Verdict, &Also),
    now: Time,
) -> Option<Json> {
    let before = &object.status;
    let mut status = before.as_object().cloned().unwrap_or_default();
    if let Some(place) = place {
        let mut metadata = member(before, "ackResourceMetadata");
        // Account and region say where the resource was made: they are written once.
        for (name, value) in [
            ("ownerAccountID", place.account.as_str()),
            ("region", place.region.as_str()),
            ("partition", place.partition),
        ] {
            metadata.entry(name).or_insert_with(|| value.into());
        }
        if let Some(latest) = latest {
            metadata.insert("arn".into(), latest.arn.as_str().into());
        }
        status.insert("ackResourceMetadata".into(), metadata.into());
    }
    if let Some(latest) = latest {
        let fields = serde_json::to_value(&latest.status).unwrap_or_default();
        for row in R::Status::rows() {
            match fields.get(row.name) {
                Some(value) => status.insert(row.name.into(), value.clone()),
                None => status.remove(row.name),
            };
        }
    }
    let conditions: Vec<Condition> = before
        .get("conditions")
        .and_then(|conditions| Vec::deserialize(conditions).ok())
        .unwrap_or_default();
    let conditions = stamp(verdict.conditions(also), &conditions, now);
    status.insert("conditions".into(), json!(conditions));
    let patch = patch::between(before, &Json::Object(status))?;
    Some(object.locked(json!({ "status": patch })))
}

fn member(status: &Json, name: &str) -> Map<String, Json> {
    status.get(name).and_then(Json::as_object).cloned().unwrap_or_default()
}
