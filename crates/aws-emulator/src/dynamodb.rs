//! DynamoDB: tables and what hangs on them. No items: `ItemCount` is always 0.
//!
//! ```text
//! X-Amz-Target ──► row in OPERATIONS ──► input by shape ──► function over the tables of one region
//! ```

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use http::Request;
use jiff::Timestamp;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cloud::Caller;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::protocol::Routed;
use crate::protocol::UNKNOWN;
use crate::shape::Member;
use crate::shape::json;
use crate::shape::json::validation;

mod backup;
mod create;
mod describe;
mod encryption;
mod global;
mod index;
mod keys;
mod lifecycle;
mod phase;
mod policy;
mod replica;
mod shapes;
mod stream;
mod switches;
mod table;
mod tags;
mod throughput;
mod update;

use backup::Backup;
use global::GlobalTable;
use table::Table;

/// The name in the credential scope.
pub(crate) const SERVICE: &str = "dynamodb";

/// What comes before the operation in `X-Amz-Target`.
pub(crate) const TARGET: &str = "DynamoDB_20120810";

/// Tables that one account may have in one region, as AWS's default quota.
const MAX_TABLES: usize = 2_500;

/// A request's members, checked against the shape.
type Input = Map<String, Value>;

type Run = fn(&mut World, &Caller, &Input) -> Result<Value, Failure>;

struct Operation {
    name: &'static str,
    input: &'static [Member],
    run: Run,
}

const fn operation(name: &'static str, input: &'static [Member], run: Run) -> Operation {
    Operation { name, input, run }
}

const OPERATIONS: &[Operation] = &[
    operation("CreateBackup", shapes::CREATE_BACKUP, backup::create_backup),
    operation("CreateGlobalTable", shapes::CREATE_GLOBAL_TABLE, global::create_global_table),
    operation("CreateTable", shapes::CREATE_TABLE, create::create_table),
    operation("DeleteBackup", shapes::BACKUP, backup::delete_backup),
    operation("DeleteResourcePolicy", shapes::DELETE_POLICY, policy::delete),
    operation("DeleteTable", shapes::TABLE, lifecycle::delete_table),
    operation("DescribeBackup", shapes::BACKUP, backup::describe_backup),
    operation("DescribeContinuousBackups", shapes::TABLE, switches::continuous_backups),
    operation(
        "DescribeContributorInsights",
        shapes::CONTRIBUTOR_INSIGHTS,
        switches::contributor_insights,
    ),
    operation("DescribeGlobalTable", shapes::GLOBAL_TABLE, global::describe_global_table),
    operation("DescribeTable", shapes::TABLE, describe::table),
    operation("DescribeTimeToLive", shapes::TABLE, switches::time_to_live),
    operation("GetResourcePolicy", shapes::RESOURCE, policy::get),
    operation("ListBackups", shapes::LIST_BACKUPS, backup::list_backups),
    operation("ListGlobalTables", shapes::LIST_GLOBAL_TABLES, global::list_global_tables),
    operation("ListTables", shapes::LIST_TABLES, describe::list_tables),
    operation("ListTagsOfResource", shapes::LIST_TAGS, tags::list_tags_of_resource),
    operation("PutResourcePolicy", shapes::PUT_POLICY, policy::put),
    operation("TagResource", shapes::TAG_RESOURCE, tags::tag_resource),
    operation("UntagResource", shapes::UNTAG_RESOURCE, tags::untag_resource),
    operation(
        "UpdateContinuousBackups",
        shapes::CONTINUOUS_BACKUPS,
        switches::update_continuous_backups,
    ),
    operation(
        "UpdateContributorInsights",
        shapes::UPDATE_INSIGHTS,
        switches::update_contributor_insights,
    ),
    operation("UpdateGlobalTable", shapes::UPDATE_GLOBAL_TABLE, global::update_global_table),
    operation("UpdateTable", shapes::UPDATE_TABLE, update::update_table),
    operation("UpdateTimeToLive", shapes::TIME_TO_LIVE, switches::update_time_to_live),
];

/// The names of all operations.
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.iter().map(|operation| operation.name)
}

/// All tables of all accounts and regions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    /// By account and region.
    places: BTreeMap<(String, String), Place>,
    /// Global tables of 2017, by account.
    global: BTreeMap<String, BTreeMap<String, GlobalTable>>,
    /// Names of tables that stay in their status.
    held: BTreeSet<String>,
}

/// What one account has in one region.
#[derive(Clone, Debug, Default)]
struct Place {
    tables: BTreeMap<String, Table>,
    /// By ARN.
    backups: BTreeMap<String, Backup>,
}

impl Store {
    /// Lets every change of status happen that is due.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for place in self.places.values_mut() {
            place.tables.retain(|name, table| self.held.contains(name) || table.advance(now));
            place
                .backups
                .retain(|_, backup| self.held.contains(&backup.name) || backup.phase.advance(now));
        }
        // A caller may name any region: places that hold nothing are not kept.
        self.places.retain(|_, place| !place.tables.is_empty() || !place.backups.is_empty());
        for tables in self.global.values_mut() {
            tables.retain(|name, table| self.held.contains(name) || table.phase.advance(now));
        }
    }

    /// Keeps tables of this name in their status.
    pub(crate) fn hold(&mut self, name: &str) {
        self.held.insert(name.to_owned());
    }

    /// Lets them go on.
    pub(crate) fn release(&mut self, name: &str) {
        self.held.remove(name);
    }

    /// Everything by account and region, without times and generated identifiers.
    pub(crate) fn dump(&self) -> Value {
        let mut out = Map::new();
        for ((account, region), place) in &self.places {
            if place.tables.is_empty() && place.backups.is_empty() {
                continue;
            }
            let tables: Map<String, Value> =
                place.tables.iter().map(|(name, table)| (name.clone(), table.dump())).collect();
            let mut backups: Vec<Value> = place.backups.values().map(Backup::dump).collect();
            backups.sort_by_key(Value::to_string);
            let state = json!({ "backups": backups, "tables": tables });
            out.insert(format!("{account}/{region}"), state);
        }
        for (account, tables) in self.global.iter().filter(|(_, tables)| !tables.is_empty()) {
            let tables: Map<String, Value> =
                tables.iter().map(|(name, table)| (name.clone(), table.dump())).collect();
            out.insert(account.clone(), json!({ "globalTables": tables }));
        }
        Value::Object(out)
    }

    fn place(&mut self, caller: &Caller) -> &mut Place {
        self.places.entry((caller.account.clone(), caller.region.clone())).or_default()
    }

    fn tables_mut(&mut self, caller: &Caller) -> &mut BTreeMap<String, Table> {
        &mut self.place(caller).tables
    }

    fn backups_mut(&mut self, caller: &Caller) -> &mut BTreeMap<String, Backup> {
        &mut self.place(caller).backups
    }

    fn global(&mut self, caller: &Caller) -> &mut BTreeMap<String, GlobalTable> {
        self.global.entry(caller.account.clone()).or_default()
    }

    /// The table that a `TableName` member means: a name, or the ARN of a table here.
    fn named(&mut self, caller: &Caller, input: &Input) -> Result<&mut Table, Failure> {
        let given = text(input, "TableName");
        let name = table_name(caller, given);
        name.and_then(|name| self.tables_mut(caller).get_mut(name))
            .ok_or_else(|| table_not_found(name.unwrap_or(given)))
    }

    /// The table that a `ResourceArn` member means.
    fn by_arn(&mut self, caller: &Caller, input: &Input) -> Result<&mut Table, Failure> {
        let arn = text(input, "ResourceArn");
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", "aws", "dynamodb", region, account, resource] = parts[..] else {
            return Err(invalid_arn(arn));
        };
        let name = resource.strip_prefix("table/").ok_or_else(|| invalid_arn(arn))?;
        if name.len() < 3 || name.contains('/') {
            return Err(invalid_arn(arn));
        }
        if account != caller.account {
            let message = format!(
                "User: arn:aws:iam::{}:root is not authorized to access: {arn}",
                caller.account
            );
            return Err(Failure::new(400, "AccessDeniedException", message));
        }
        self.tables_mut(caller).get_mut(name).filter(|_| region == caller.region).ok_or_else(|| {
            let message = format!("Requested resource not found: ResourcArn: {arn} not found");
            Failure::new(400, "ResourceNotFoundException", message)
        })
    }
}

/// The name in a `TableName` member; `None` for the ARN of something elsewhere.
fn table_name<'a>(caller: &Caller, given: &'a str) -> Option<&'a str> {
    if !given.starts_with("arn:") {
        return Some(given);
    }
    given.strip_prefix(&format!("arn:aws:dynamodb:{}:{}:table/", caller.region, caller.account))
}

fn invalid_arn(arn: &str) -> Failure {
    validation(format!("Invalid TableArn: Invalid ResourceArn provided as input {arn}"))
}

fn table_not_found(name: &str) -> Failure {
    Failure::new(
        400,
        "ResourceNotFoundException",
        format!("Requested resource not found: Table: {name} not found"),
    )
}

/// A string member; the shape has seen to it that it is one.
fn text<'a>(input: &'a Input, name: &str) -> &'a str {
    input.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The entries of a list member; none when it is absent.
fn entries<'a>(input: &'a Input, name: &str) -> &'a [Value] {
    input.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Finds the operation of a request and checks its input.
pub(crate) fn route<'r>(request: &'r Request<Vec<u8>>, caller: Caller) -> Routed<'r> {
    let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
    let name = target.and_then(|target| target.split_once('.')).map_or("", |(_, name)| name);
    let Some(operation) = OPERATIONS.iter().find(|operation| operation.name == name) else {
        return Routed {
            operation: UNKNOWN,
            resource: String::new(),
            run: Err(Failure::not_implemented(format_args!("DynamoDB.{name}"))),
        };
    };
    let refused =
        |failure| Routed { operation: operation.name, resource: String::new(), run: Err(failure) };
    if *request.method() != http::Method::POST || request.uri().path() != "/" {
        return refused(Failure::new(404, "UnknownOperationException", ""));
    }
    let input = match json::read(request.body(), operation.input) {
        Ok(input) => input,
        Err(failure) => return refused(failure),
    };
    let resource = ["TableName", "GlobalTableName", "BackupArn", "ResourceArn"]
        .iter()
        .map(|name| text(&input, name))
        .find(|name| !name.is_empty())
        .map(|name| name.split_once(":table/").map_or(name, |(_, rest)| rest))
        .unwrap_or_default()
        .to_owned();
    Routed {
        operation: operation.name,
        resource,
        run: Ok(Box::new(move |world| (operation.run)(world, &caller, &input).map(Answer::json))),
    }
}

/// The namespace of an error's `__type`: AWS's front end and the service itself have their own.
pub(crate) fn namespace(code: &str) -> &'static str {
    match code {
        "ValidationException" => "com.amazon.coral.validate",
        "ThrottlingException" => "com.amazon.coral.availability",
        "AccessDeniedException"
        | "ExpiredTokenException"
        | "IncompleteSignatureException"
        | "InternalFailure"
        | "InvalidSignatureException"
        | "MissingAuthenticationTokenException"
        | "NotImplemented"
        | "SerializationException"
        | "UnknownOperationException"
        | "UnrecognizedClientException" => "com.amazon.coral.service",
        _ => "com.amazonaws.dynamodb.v20120810",
    }
}
