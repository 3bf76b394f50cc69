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

mod create;
mod describe;
mod keys;
mod lifecycle;
mod shapes;
mod table;
mod tags;
mod throughput;
mod update;

use table::Table;

/// The name in the credential scope.
pub(crate) const SERVICE: &str = "dynamodb";

/// What comes before the operation in `X-Amz-Target`.
pub(crate) const TARGET: &str = "DynamoDB_20120810";

/// Tables that one account may have in one region, as AWS's default quota.
const MAX_TABLES: usize = 2_500;

/// A request's members, checked against the shape.
type Input = Map<String, Value>;

struct Operation {
    name: &'static str,
    input: &'static [Member],
    run: fn(&mut World, &Caller, &Input) -> Result<Value, Failure>,
}

const OPERATIONS: &[Operation] = &[
    Operation { name: "CreateTable", input: shapes::CREATE_TABLE, run: create::create_table },
    Operation { name: "DeleteTable", input: shapes::TABLE, run: lifecycle::delete_table },
    Operation {
        name: "DescribeContinuousBackups",
        input: shapes::TABLE,
        run: describe::continuous_backups,
    },
    Operation {
        name: "DescribeContributorInsights",
        input: shapes::CONTRIBUTOR_INSIGHTS,
        run: describe::contributor_insights,
    },
    Operation { name: "DescribeTable", input: shapes::TABLE, run: describe::table },
    Operation { name: "DescribeTimeToLive", input: shapes::TABLE, run: describe::time_to_live },
    Operation {
        name: "GetResourcePolicy",
        input: shapes::RESOURCE,
        run: describe::resource_policy,
    },
    Operation { name: "ListTables", input: shapes::LIST_TABLES, run: describe::list_tables },
    Operation {
        name: "ListTagsOfResource",
        input: shapes::LIST_TAGS,
        run: tags::list_tags_of_resource,
    },
    Operation { name: "TagResource", input: shapes::TAG_RESOURCE, run: tags::tag_resource },
    Operation { name: "UntagResource", input: shapes::UNTAG_RESOURCE, run: tags::untag_resource },
    Operation { name: "UpdateTable", input: shapes::UPDATE_TABLE, run: update::update_table },
];

/// All tables of all accounts and regions.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// By account and region.
    places: BTreeMap<(String, String), BTreeMap<String, Table>>,
    /// Names of tables that stay in their status.
    held: BTreeSet<String>,
}

impl Store {
    /// Lets every change of status happen that is due.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        for tables in self.places.values_mut() {
            tables.retain(|name, table| self.held.contains(name) || table.advance(now));
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

    /// Tables by account and region, without times and generated identifiers.
    pub(crate) fn dump(&self) -> Value {
        let places: Map<String, Value> = self
            .places
            .iter()
            .filter(|(_, tables)| !tables.is_empty())
            .map(|((account, region), tables)| {
                let tables: Map<String, Value> =
                    tables.iter().map(|(name, table)| (name.clone(), table.dump())).collect();
                (format!("{account}/{region}"), json!({ "tables": tables }))
            })
            .collect();
        Value::Object(places)
    }

    fn tables(&self, caller: &Caller) -> Option<&BTreeMap<String, Table>> {
        self.places.get(&(caller.account.clone(), caller.region.clone()))
    }

    fn tables_mut(&mut self, caller: &Caller) -> &mut BTreeMap<String, Table> {
        self.places.entry((caller.account.clone(), caller.region.clone())).or_default()
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
    let resource = ["TableName", "ResourceArn"]
        .iter()
        .map(|name| text(&input, name))
        .find(|name| !name.is_empty())
        .map(|name| name.rsplit_once('/').map_or(name, |(_, name)| name))
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
