//! Reading tables and what hangs on them.

use serde_json::Value;
use serde_json::json;

use super::Input;
use super::text;
use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;

/// DescribeTable.
pub(super) fn table(world: &mut World, caller: &Caller, input: &Input) -> Result<Value, Failure> {
    Ok(json!({ "Table": world.dynamodb.named(caller, input)?.describe() }))
}

/// ListTables.
pub(super) fn list_tables(
    world: &mut World,
    caller: &Caller,
    input: &Input,
) -> Result<Value, Failure> {
    let limit = input.get("Limit").and_then(Value::as_u64).unwrap_or(100);
    let after = text(input, "ExclusiveStartTableName");
    let mut names = world.dynamodb.tables_mut(caller).keys().filter(|name| name.as_str() > after);
    let page: Vec<&String> =
        names.by_ref().take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    let mut out = json!({ "TableNames": page });
    if names.next().is_some() {
        out["LastEvaluatedTableName"] = json!(page.last());
    }
    Ok(out)
}
