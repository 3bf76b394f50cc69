//! Bucket policies: JSON that S3 checks, tidies and gives back.

use http::Method;
use serde_json::Value;

use super::Incoming;
use super::Operation;
use super::directory;
use super::document::has_checksum;
use super::owned;
use crate::cloud::World;
use crate::failure::Failure;
use crate::policy_text;
use crate::policy_text::texts;
use crate::protocol::Answer;

/// Longest policy.
const MAX_BYTES: usize = 20 * 1024;

static GET: Operation =
    Operation { name: "GetBucketPolicy", parameters: &["policy"], headers: &[], run: get };
static PUT: Operation = Operation {
    name: "PutBucketPolicy",
    parameters: &["policy"],
    headers: &["x-amz-confirm-remove-self-bucket-access"],
    run: put,
};
static DELETE: Operation =
    Operation { name: "DeleteBucketPolicy", parameters: &["policy"], headers: &[], run: delete };

/// All operations on the policy.
pub(super) static ALL: [&Operation; 3] = [&GET, &PUT, &DELETE];

/// The operation of a method on the policy.
pub(super) fn operation(method: &Method, query: &str) -> Option<&'static Operation> {
    match (method, query) {
        (&Method::GET, "policy") => Some(&GET),
        (&Method::PUT, "policy") => Some(&PUT),
        (&Method::DELETE, "policy") => Some(&DELETE),
        _ => None,
    }
}

fn get(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let bucket = owned(world, incoming)?;
    if !bucket.documents.contains_key("policy") {
        return Err(Failure::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
            .detail("BucketName", incoming.bucket.as_str()));
    }
    Ok(Answer::raw("application/json", bucket.policy.clone().into_bytes()))
}

fn put(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    let bucket = owned(world, incoming)?;
    has_checksum(incoming)?;
    let policy = read(incoming.request.body(), &incoming.bucket)?;
    let blocked = bucket.documents.get("publicAccessBlock");
    if is_public(&policy) && blocked.is_some_and(|block| block["BlockPublicPolicy"] == true) {
        return Err(Failure::new(
            403,
            "AccessDenied",
            format!(
                "User: arn:aws:iam::{}:root is not authorized to perform: s3:PutBucketPolicy on \
                 resource: \"arn:aws:s3:::{}\" because public policies are blocked by the \
                 BlockPublicPolicy block public access setting.",
                bucket.account, incoming.bucket
            ),
        ));
    }
    bucket.policy = policy_text::in_order(incoming.request.body()).unwrap_or_default();
    bucket.documents.insert("policy", policy);
    Ok(Answer::empty(204))
}

fn delete(world: &mut World, incoming: &Incoming<'_>) -> Result<Answer, Failure> {
    owned(world, incoming)?.documents.remove("policy");
    Ok(Answer::empty(204))
}

fn malformed(message: impl Into<String>) -> Failure {
    Failure::new(400, "MalformedPolicy", message)
}

/// Reads a policy as far as S3 checks it.
fn read(body: &[u8], bucket: &str) -> Result<Value, Failure> {
    if body.len() > MAX_BYTES {
        return Err(malformed("Policies are limited to 20480 bytes in size"));
    }
    let mut policy: Value = serde_json::from_slice(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
    if !matches!(policy["Version"].as_str(), None | Some("2008-10-17" | "2012-10-17")) {
        return Err(malformed("The policy must contain a valid version string"));
    }
    policy_text::tidy(&mut policy);
    let statements = policy["Statement"].as_array();
    let Some(statements) = statements.filter(|statements| !statements.is_empty()) else {
        return Err(malformed("Missing required field Statement"));
    };
    for statement in statements {
        check_statement(statement, bucket)?;
    }
    Ok(policy)
}

fn check_statement(statement: &Value, bucket: &str) -> Result<(), Failure> {
    let has = |name: &str| !statement[name].is_null();
    if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
        return Err(malformed("Missing required field Effect"));
    }
    for (name, other) in
        [("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")]
    {
        if !has(name) && !has(other) {
            return Err(malformed(format!("Missing required field {name}")));
        }
    }
    for action in texts(&statement["Action"]) {
        let action = action.to_ascii_lowercase();
        let service = if directory::is_name(bucket) { "s3express:" } else { "s3:" };
        if action != "*" && !action.starts_with(service) {
            return Err(malformed("Policy has invalid action"));
        }
    }
    let arn = format!("arn:aws:s3:::{bucket}");
    for resource in texts(&statement["Resource"]) {
        let here = resource == "*"
            || directory::is_name(bucket) && resource.ends_with(&format!(":bucket/{bucket}"))
            || resource.contains('*') && arn.starts_with(resource.split('*').next().unwrap_or(""))
            || resource
                .strip_prefix(&arn)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !here {
            return Err(malformed("Policy has invalid resource"));
        }
    }
    for kind in statement["Principal"].as_object().into_iter().flatten() {
        for principal in texts(kind.1) {
            let account = principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit());
            let known = kind.0 != "AWS"
                || principal == "*"
                || account
                || principal.starts_with("arn:aws:iam::")
                || principal.starts_with("arn:aws:sts::");
            if !known {
                return Err(malformed("Invalid principal in policy").detail("Detail", principal));
            }
        }
    }
    Ok(())
}

/// Whether everybody is allowed something without a condition.
fn is_public(policy: &Value) -> bool {
    policy["Statement"].as_array().into_iter().flatten().any(|statement| {
        let principal = &statement["Principal"];
        let everybody = principal == "*" || texts(&principal["AWS"]).contains(&"*");
        statement["Effect"] == "Allow" && statement["Condition"].is_null() && everybody
    })
}
