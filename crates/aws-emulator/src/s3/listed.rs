//! Sub-resources that a bucket has many of, told apart by an id: a row each.

use http::Method;
use serde_json::Value;

use super::Incoming;
use super::NAMESPACE;
use super::Operation;
use super::malformed_xml;
use super::owned;
use super::shapes;
use crate::cloud::World;
use crate::failure::Failure;
use crate::protocol::Answer;
use crate::shape::Shape;
use crate::shape::flat;
use crate::shape::opt;
use crate::shape::xml;

/// Configurations of one kind that a bucket may have.
const MAX: usize = 1000;
/// Configurations in one page of a list.
const PAGE: usize = 100;

/// One kind of configuration.
struct Listed {
    query: &'static str,
    root: &'static str,
    shape: &'static Shape,
    /// Root and shape of the list: S3 names each differently.
    list_root: &'static str,
    list_shape: &'static Shape,
    get: Operation,
    list: Operation,
    put: Operation,
    delete: Operation,
}

macro_rules! listed {
    ($query:literal: $root:literal, $shape:ident, $list_root:literal,
     $get:literal, $list:literal, $put:literal, $delete:literal) => {
        Listed {
            query: $query,
            root: $root,
            shape: &shapes::$shape,
            list_root: $list_root,
            list_shape: &Shape::Struct(&[
                opt("IsTruncated", Shape::Bool),
                opt("ContinuationToken", crate::shape::text(0, 1024)),
                opt("NextContinuationToken", crate::shape::text(0, 1024)),
                opt($root, flat(&shapes::$shape, 0, MAX)),
            ]),
            get: Operation { name: $get, parameters: &[$query, "id"], headers: &[], run: get },
            list: Operation {
                name: $list,
                parameters: &[$query, "continuation-token"],
                headers: &[],
                run: list,
            },
            put: Operation { name: $put, parameters: &[$query, "id"], headers: &[], run: put },
            delete: Operation {
                name: $delete,
                parameters: &[$query, "id"],
                headers: &[],
                run: delete,
            },
        }
    };
}

static LISTED: &[Listed] = &[
    listed!("analytics": "AnalyticsConfiguration", ANALYTICS,
        "ListBucketAnalyticsConfigurationResult",
        "GetBucketAnalyticsConfiguration", "ListBucketAnalyticsConfigurations",
        "PutBucketAnalyticsConfiguration", "DeleteBucketAnalyticsConfiguration"),
    listed!("intelligent-tiering": "IntelligentTieringConfiguration", TIERING,
        "ListBucketIntelligentTieringConfigurationsOutput",
        "GetBucketIntelligentTieringConfiguration",
        "ListBucketIntelligentTieringConfigurations",
        "PutBucketIntelligentTieringConfiguration",
        "DeleteBucketIntelligentTieringConfiguration"),
    listed!("inventory": "InventoryConfiguration", INVENTORY,
        "ListInventoryConfigurationsResult",
        "GetBucketInventoryConfiguration", "ListBucketInventoryConfigurations",
        "PutBucketInventoryConfiguration", "DeleteBucketInventoryConfiguration"),
    listed!("metrics": "MetricsConfiguration", METRICS, "ListMetricsConfigurationsResult",
        "GetBucketMetricsConfiguration", "ListBucketMetricsConfigurations",
        "PutBucketMetricsConfiguration", "DeleteBucketMetricsConfiguration"),
];

/// All operations on such configurations.
pub(super) fn operations() -> impl Iterator<Item = &'static Operation> {
    LISTED.iter().flat_map(|listed| [&listed.get, &listed.list, &listed.put, &listed.delete])
}

/// The operation of a method on such a sub-resource.
pub(super) fn operation(method: &Method, query: &str, with_id: bool) -> Option<&'static Operation> {
    let listed = LISTED.iter().find(|listed| listed.query == query)?;
    match (method, with_id) {
        (&Method::GET, true) => Some(&listed.get),
        (&Method::GET, false) => Some(&listed.list),
        (&Method::PUT, true) => Some(&listed.put),
        (&Method::DELETE, true) => Some(&listed.delete),
        _ => None,
    }
}

fn row(incoming: &Incoming<'_>) -> Result<&'static Listed, Failure> {
    LISTED
        .iter()
        .find(|listed| incoming.parameter(listed.query).is_some())
        .ok_or_else(|| Failure::not_implemented("this sub-resource"))
}

fn id<'r>(incoming: &'r Incoming<'_>) -> &'r str {
    incoming.parameter("id").unwrap_or_default()
}

fn missing() -> Failure {
    Failure::new(404, "NoSuchConfiguration", "The specified configuration does not exist.")
}

fn get(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let listed = row(incoming)?;
    let bucket = owned(world, incoming)?;
    let value = bucket
        .configurations
        .get(listed.query)
        .and_then(|all| all.get(id(incoming)))
        .ok_or_else(missing)?;
    Ok(Answer::xml(xml::document(listed.root, NAMESPACE, listed.shape, value)))
}

fn list(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let listed = row(incoming)?;
    let bucket = owned(world, incoming)?;
    let after = incoming.parameter("continuation-token");
    let mut rest = bucket
        .configurations
        .get(listed.query)
        .into_iter()
        .flatten()
        .filter(|(id, _)| after.is_none_or(|after| id.as_str() > after));
    let page: Vec<(&String, &Value)> = rest.by_ref().take(PAGE).collect();
    let more = rest.next().is_some();

    let mut out = serde_json::json!({ "IsTruncated": more });
    if let Some(after) = after {
        out["ContinuationToken"] = Value::from(after);
    }
    if let Some((last, _)) = page.last().filter(|_| more) {
        out["NextContinuationToken"] = Value::from(last.as_str());
    }
    out[listed.root] = page.iter().map(|(_, value)| (*value).clone()).collect();
    Ok(Answer::xml(xml::document(listed.list_root, NAMESPACE, listed.list_shape, &out)))
}

fn put(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let listed = row(incoming)?;
    let bucket = owned(world, incoming)?;
    let value = xml::read(incoming.request.body(), listed.root, listed.shape)
        .map_err(|reason| malformed_xml(&reason))?;
    if value["Id"] != id(incoming) {
        return Err(Failure::new(
            400,
            "InvalidConfigurationId",
            "The id in the request does not match the id of the configuration.",
        ));
    }
    if value["Filter"].as_object().is_some_and(|filter| filter.len() > 1) {
        return Err(malformed_xml("a filter has more than one predicate"));
    }
    let all = bucket.configurations.entry(listed.query).or_default();
    if all.len() >= MAX && !all.contains_key(id(incoming)) {
        return Err(Failure::new(
            400,
            "TooManyConfigurations",
            "You are attempting to create a new configuration but have already reached the \
             1,000-configuration limit.",
        ));
    }
    all.insert(id(incoming).to_owned(), value);
    Ok(Answer::empty(200))
}

fn delete(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let listed = row(incoming)?;
    let bucket = owned(world, incoming)?;
    let all = bucket.configurations.entry(listed.query).or_default();
    all.remove(id(incoming)).ok_or_else(missing)?;
    Ok(Answer::empty(204))
}
