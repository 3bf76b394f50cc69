//! The rules that tie key schemas to attribute definitions.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::failure::Failure;
use crate::shape::json::validation;

const INVALID: &str = "One or more parameter values were invalid: ";

fn names(elements: &[Value]) -> Vec<&str> {
    elements.iter().map(|element| element["AttributeName"].as_str().unwrap_or_default()).collect()
}

/// Whether a key schema is well formed and its attributes are defined.
pub(super) fn check(key_schema: &[Value], definitions: &[Value]) -> Result<(), Failure> {
    let keys = names(key_schema);
    let defined = names(definitions);
    if let Some(missing) = keys.iter().find(|key| !defined.contains(key)) {
        // AWS looks at the counts first, and words the two cases differently.
        let message = if keys.len() > defined.len() {
            "Invalid KeySchema: Some index key attribute have no definition".to_owned()
        } else {
            debug_assert!(!missing.is_empty(), "the shape requires a name");
            format!(
                "{INVALID}Some index key attributes are not defined in AttributeDefinitions. \
                 Keys: [{}], AttributeDefinitions: [{}]",
                keys.join(", "),
                defined.join(", ")
            )
        };
        return Err(validation(message));
    }
    if let [hash, range] = keys[..]
        && hash == range
    {
        return Err(validation(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ));
    }
    if key_schema.first().is_some_and(|key| key["KeyType"] != "HASH") {
        return Err(validation(
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ));
    }
    if key_schema.get(1).is_some_and(|key| key["KeyType"] != "RANGE") {
        return Err(validation(
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ));
    }
    Ok(())
}

/// Whether every definition is used by some key, and none is there twice.
pub(super) fn check_definitions(
    definitions: &[Value],
    schemas: &[&[Value]],
) -> Result<(), Failure> {
    let defined = names(definitions);
    let distinct: BTreeSet<&str> = defined.iter().copied().collect();
    if distinct.len() < defined.len() {
        return Err(validation(format!("{INVALID}Cannot define attribute more than once")));
    }
    let used: BTreeSet<&str> = schemas.iter().flat_map(|schema| names(schema)).collect();
    if distinct == used {
        return Ok(());
    }
    let message = if schemas.len() == 1 {
        format!(
            "{INVALID}Number of attributes in KeySchema does not exactly match number of \
             attributes defined in AttributeDefinitions"
        )
    } else {
        let joined = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
        format!(
            "{INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: [{}], keys \
             used: [{}]",
            joined(distinct),
            joined(used)
        )
    };
    Err(validation(message))
}
