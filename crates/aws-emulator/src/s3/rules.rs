//! Rules of the documents that their schema can't express, and what S3 adds to them.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;

use super::Bucket;
use super::document::Scene;
use super::malformed_xml;
use crate::failure::Failure;
use crate::policy_text::texts;

type Checked = Result<(), Failure>;

/// The header of the smallest object that lifecycle rules move.
const MINIMUM_SIZE: &str = "x-amz-transition-default-minimum-object-size";

fn invalid_request(message: impl Into<String>) -> Failure {
    Failure::new(400, "InvalidRequest", message)
}

fn invalid_argument(message: impl Into<String>, name: &'static str, value: &str) -> Failure {
    Failure::new(400, "InvalidArgument", message)
        .detail("ArgumentName", name)
        .detail("ArgumentValue", value)
}

fn invalid_state(message: &str) -> Failure {
    Failure::new(409, "InvalidBucketState", message)
}

fn items<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn items_mut<'v>(value: &'v mut Value, name: &str) -> &'v mut [Value] {
    value.get_mut(name).and_then(Value::as_array_mut).map_or(&mut [], Vec::as_mut_slice)
}

fn is_versioned(bucket: &Bucket) -> bool {
    bucket.documents.get("versioning").is_some_and(|value| value["Status"] == "Enabled")
}

/// Whatever fits the shape.
pub(super) fn any(_: &mut Scene<'_>, _: &mut Value) -> Checked {
    Ok(())
}

/// Headers that go with a document.
pub(super) fn headers(query: &str, value: &Value) -> Vec<(&'static str, String)> {
    match (query, value[MINIMUM_SIZE].as_str()) {
        ("lifecycle", Some(size)) => vec![(MINIMUM_SIZE, size.to_owned())],
        _ => Vec::new(),
    }
}

pub(super) fn accelerate(scene: &mut Scene<'_>, _: &mut Value) -> Checked {
    if scene.incoming.bucket.contains('.') {
        return Err(invalid_request(
            "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
        ));
    }
    Ok(())
}

pub(super) fn cors(_: &mut Scene<'_>, value: &mut Value) -> Checked {
    for rule in items(value, "CORSRule") {
        for method in items(rule, "AllowedMethod").iter().filter_map(Value::as_str) {
            if !["GET", "PUT", "POST", "DELETE", "HEAD"].contains(&method) {
                return Err(invalid_request(format!(
                    "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                )));
            }
        }
        for (name, what) in [("AllowedOrigin", "AllowedOrigin"), ("AllowedHeader", "AllowedHeader")]
        {
            for text in items(rule, name).iter().filter_map(Value::as_str) {
                if text.matches('*').count() > 1 {
                    return Err(invalid_request(format!(
                        "{what} \"{text}\" can not have more than one wildcard."
                    )));
                }
            }
        }
    }
    Ok(())
}

pub(super) fn encryption(_: &mut Scene<'_>, value: &mut Value) -> Checked {
    for rule in items_mut(value, "Rule") {
        let by_default = &rule["ApplyServerSideEncryptionByDefault"];
        if by_default["SSEAlgorithm"] == "AES256" && by_default["KMSMasterKeyID"].is_string() {
            return Err(invalid_argument(
                "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or \
                 aws:kms:dsse",
                "ApplyServerSideEncryptionByDefault",
                "",
            ));
        }
        // S3 always says whether bucket keys are used.
        if rule["BucketKeyEnabled"].is_null() {
            rule["BucketKeyEnabled"] = json!(false);
        }
    }
    Ok(())
}

pub(super) fn ownership(scene: &mut Scene<'_>, value: &mut Value) -> Checked {
    let enforced =
        items(value, "Rule").iter().any(|r| r["ObjectOwnership"] == "BucketOwnerEnforced");
    if enforced && scene.bucket.documents.contains_key("acl") {
        return Err(Failure::new(
            400,
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        ));
    }
    Ok(())
}

pub(super) fn public_access_block(_: &mut Scene<'_>, value: &mut Value) -> Checked {
    // What is left out is off, and is answered as such.
    for name in
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]
    {
        if value[name].is_null() {
            value[name] = json!(false);
        }
    }
    Ok(())
}

pub(super) fn lifecycle(scene: &mut Scene<'_>, value: &mut Value) -> Checked {
    let mut seen = BTreeSet::new();
    for rule in items_mut(value, "Rule") {
        if rule["Filter"].is_null() && rule["Prefix"].is_null() {
            return Err(malformed_xml("a rule has neither Filter nor Prefix"));
        }
        if !rule["Filter"].is_null() && !rule["Prefix"].is_null() {
            return Err(malformed_xml("a rule has both Filter and Prefix"));
        }
        check_one_of_filter(&rule["Filter"])?;
        let actions = [
            "Expiration",
            "Transition",
            "NoncurrentVersionTransition",
            "NoncurrentVersionExpiration",
            "AbortIncompleteMultipartUpload",
        ];
        if actions.iter().all(|action| rule[action].is_null()) {
            return Err(invalid_request("At least one action needs to be specified in a rule"));
        }
        let expiration = &rule["Expiration"];
        let parts = ["Date", "Days", "ExpiredObjectDeleteMarker"];
        if !expiration.is_null() && parts.iter().filter(|p| !expiration[**p].is_null()).count() != 1
        {
            return Err(malformed_xml("an expiration has one of date, days and delete marker"));
        }
        positive_days(expiration, "Days", "Expiration")?;
        for transition in items(rule, "Transition") {
            if transition["Date"].is_null() == transition["Days"].is_null() {
                return Err(malformed_xml("a transition has one of date and days"));
            }
            if transition["Days"].as_i64().is_some_and(|days| days < 0) {
                let message = "'Days' for Transition action must be nonnegative";
                return Err(invalid_argument(message, "Days", &transition["Days"].to_string()));
            }
        }
        let noncurrent = &rule["NoncurrentVersionExpiration"];
        positive_days(noncurrent, "NoncurrentDays", "NoncurrentVersionExpiration")?;
        let abort = &rule["AbortIncompleteMultipartUpload"];
        positive_days(abort, "DaysAfterInitiation", "AbortIncompleteMultipartUpload")?;
        if rule["ID"].as_str().is_none_or(str::is_empty) {
            rule["ID"] = json!(scene.ids.uuid());
        }
        let id = rule["ID"].as_str().unwrap_or_default().to_owned();
        if !seen.insert(id.clone()) {
            let message = "Rule ID must be unique. Found same ID for more than one rule";
            return Err(invalid_argument(message, "ID", &id));
        }
    }
    let size = scene.incoming.header(MINIMUM_SIZE).unwrap_or("all_storage_classes_128K");
    if !["all_storage_classes_128K", "varies_by_storage_class"].contains(&size) {
        return Err(invalid_argument("Invalid value", MINIMUM_SIZE, size));
    }
    // No element has this name: it is kept with the document and never written into it.
    value[MINIMUM_SIZE] = json!(size);
    Ok(())
}

fn positive_days(action: &Value, name: &'static str, what: &str) -> Checked {
    if action[name].as_i64().is_some_and(|days| days <= 0) {
        let message = format!("'{name}' for {what} action must be a positive integer");
        return Err(invalid_argument(message, name, &action[name].to_string()));
    }
    Ok(())
}

/// A filter has one predicate, or several below `And`.
fn check_one_of_filter(filter: &Value) -> Checked {
    if filter.as_object().is_some_and(|members| members.len() > 1) {
        return Err(malformed_xml("a filter has more than one predicate"));
    }
    Ok(())
}

pub(super) fn logging(scene: &mut Scene<'_>, value: &mut Value) -> Checked {
    let Some(target) = value["LoggingEnabled"]["TargetBucket"].as_str() else { return Ok(()) };
    let refused = |message: &str| {
        Failure::new(400, "InvalidTargetBucketForLogging", message).detail("TargetBucket", target)
    };
    let Some(bucket) = scene.store.buckets.get(target) else {
        return Err(refused("The target bucket for logging does not exist"));
    };
    if bucket.account != scene.bucket.account {
        return Err(refused(
            "The owner for the bucket to be logged and the target bucket must be the same.",
        ));
    }
    if bucket.region != scene.bucket.region {
        return Err(Failure::new(
            403,
            "CrossLocationLoggingProhibited",
            "Cross S3 location logging not allowed. ",
        ));
    }
    if !takes_logs(bucket) {
        return Err(refused(
            "You must either provide the necessary permissions to the logging service using a \
             bucket policy or give the log-delivery group WRITE and READ_ACP permissions to the \
             target bucket",
        ));
    }
    Ok(())
}

/// Whether the logging service may write to a bucket, by its policy or its access list.
fn takes_logs(bucket: &Bucket) -> bool {
    let by_policy = |statement: &Value| {
        statement["Effect"] == "Allow"
            && texts(&statement["Principal"]["Service"]).contains(&"logging.s3.amazonaws.com")
            && texts(&statement["Action"]).iter().any(|a| ["s3:PutObject", "s3:*"].contains(a))
    };
    let policy = bucket.documents.get("policy");
    let may = |permission: &str| {
        let acl = bucket.documents.get("acl");
        acl.is_some_and(|acl| {
            items(acl, "AccessControlList").iter().any(|grant| {
                grant["Grantee"]["URI"] == "http://acs.amazonaws.com/groups/s3/LogDelivery"
                    && (grant["Permission"] == permission || grant["Permission"] == "FULL_CONTROL")
            })
        })
    };
    policy.is_some_and(|policy| items(policy, "Statement").iter().any(by_policy))
        || (may("WRITE") && may("READ_ACP"))
}

const EVENTS: &[(&str, &[&str])] = &[
    ("s3:IntelligentTiering", &[]),
    ("s3:LifecycleExpiration", &["*", "Delete", "DeleteMarkerCreated"]),
    ("s3:LifecycleTransition", &[]),
    ("s3:ObjectAcl", &["Put"]),
    ("s3:ObjectCreated", &["*", "Put", "Post", "Copy", "CompleteMultipartUpload"]),
    ("s3:ObjectRemoved", &["*", "Delete", "DeleteMarkerCreated"]),
    ("s3:ObjectRestore", &["*", "Post", "Completed", "Delete"]),
    ("s3:ObjectTagging", &["*", "Put", "Delete"]),
    ("s3:ReducedRedundancyLostObject", &[]),
    (
        "s3:Replication",
        &[
            "*",
            "OperationFailedReplication",
            "OperationMissedThreshold",
            "OperationReplicatedAfterThreshold",
            "OperationNotTracked",
        ],
    ),
];

fn is_event(name: &str) -> bool {
    EVENTS.iter().any(|(group, kinds)| match name.strip_prefix(group) {
        Some("") => kinds.is_empty(),
        Some(rest) => rest.strip_prefix(':').is_some_and(|kind| kinds.contains(&kind)),
        None => false,
    })
}

pub(super) fn notification(scene: &mut Scene<'_>, value: &mut Value) -> Checked {
    let mut seen = BTreeSet::new();
    for (list, target, service, prefix) in [
        ("TopicConfiguration", "Topic", "sns", ""),
        ("QueueConfiguration", "Queue", "sqs", ""),
        ("CloudFunctionConfiguration", "CloudFunction", "lambda", "function:"),
    ] {
        for configuration in items_mut(value, list) {
            let arn = configuration[target].as_str().unwrap_or_default();
            let parts: Vec<&str> = arn.splitn(6, ':').collect();
            let ["arn", _, found, _, _, resource] = parts[..] else {
                return Err(invalid_argument("The ARN is not well formed", target, arn));
            };
            if found != service || !resource.starts_with(prefix) {
                return Err(invalid_argument("The ARN is not well formed", target, arn));
            }
            for event in items(configuration, "Event").iter().filter_map(Value::as_str) {
                if !is_event(event) {
                    let message = "The event is not supported for notifications";
                    return Err(invalid_argument(message, "Event", event));
                }
            }
            if configuration["Id"].as_str().is_none_or(str::is_empty) {
                configuration["Id"] = json!(scene.ids.uuid());
            }
            let id = configuration["Id"].as_str().unwrap_or_default().to_owned();
            if !seen.insert(id.clone()) {
                let message = "Same ID used for multiple configurations. IDs must be unique";
                return Err(invalid_argument(message, "Id", &id));
            }
            if let Some(key) = configuration.get_mut("Filter").and_then(|f| f.get_mut("S3Key")) {
                filter_names(key)?;
            }
        }
    }
    Ok(())
}

/// S3 answers the names of filter rules with a capital letter, however they were put.
fn filter_names(key: &mut Value) -> Checked {
    let mut seen = BTreeSet::new();
    for rule in items_mut(key, "FilterRule") {
        let name = if rule["Name"].as_str().is_some_and(|name| name.eq_ignore_ascii_case("prefix"))
        {
            "Prefix"
        } else {
            "Suffix"
        };
        rule["Name"] = json!(name);
        if !seen.insert(name) {
            let message = "Cannot specify more than one prefix rule or more than one suffix rule \
                           in a filter.";
            return Err(invalid_argument(message, "FilterRule", name));
        }
    }
    Ok(())
}

pub(super) fn object_lock(scene: &mut Scene<'_>, value: &mut Value) -> Checked {
    if !is_versioned(scene.bucket) {
        return Err(invalid_state(
            "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        ));
    }
    if value["ObjectLockEnabled"].is_null() {
        if !scene.bucket.documents.contains_key("object-lock") {
            return Err(malformed_xml("ObjectLockEnabled is missing"));
        }
        value["ObjectLockEnabled"] = json!("Enabled");
    }
    let Some(retention) = value["Rule"].get("DefaultRetention") else { return Ok(()) };
    if retention["Mode"].is_null() || retention["Days"].is_null() == retention["Years"].is_null() {
        return Err(malformed_xml("a retention has a mode and one of days and years"));
    }
    let period = if retention["Days"].is_null() { &retention["Years"] } else { &retention["Days"] };
    if period.as_i64().is_some_and(|period| period <= 0) {
        let message = "Default retention period must be a positive integer value.";
        return Err(Failure::new(400, "InvalidRetentionPeriod", message));
    }
    Ok(())
}

pub(super) fn replication(scene: &mut Scene<'_>, value: &mut Value) -> Checked {
    if !is_versioned(scene.bucket) {
        return Err(invalid_request(
            "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
        ));
    }
    let role = value["Role"].as_str().unwrap_or_default();
    if !role.starts_with("arn:aws:iam::") {
        return Err(invalid_argument("Invalid Role ARN", "Role", role));
    }
    let mut seen = BTreeSet::new();
    for rule in items_mut(value, "Rule") {
        let arn = rule["Destination"]["Bucket"].as_str().unwrap_or_default();
        let Some(name) = arn.strip_prefix("arn:aws:s3:::") else {
            return Err(invalid_argument("Invalid bucket ARN.", "Bucket", arn));
        };
        let Some(target) = scene.store.buckets.get(name) else {
            return Err(invalid_request("Destination bucket must exist."));
        };
        if !is_versioned(target) {
            return Err(invalid_request("Destination bucket must have versioning enabled."));
        }
        check_one_of_filter(&rule["Filter"])?;
        // A rule with a filter is of the second version of the schema, which asks for more.
        if !rule["Filter"].is_null()
            && (rule["Priority"].is_null() || rule["DeleteMarkerReplication"].is_null())
        {
            return Err(invalid_request(
                "Priority and DeleteMarkerReplication must be specified for this version of \
                 Cross Region Replication configuration schema.",
            ));
        }
        if rule["ID"].as_str().is_none_or(str::is_empty) {
            rule["ID"] = json!(scene.ids.uuid());
        }
        let id = rule["ID"].as_str().unwrap_or_default().to_owned();
        if !seen.insert(id.clone()) {
            return Err(invalid_argument("Rule Id must be unique.", "ID", &id));
        }
    }
    Ok(())
}

pub(super) fn versioning(scene: &mut Scene<'_>, value: &mut Value) -> Checked {
    if value["MfaDelete"] == "Enabled" {
        return Err(Failure::not_implemented("deletion with multi-factor authentication"));
    }
    if value["Status"] != "Suspended" {
        return Ok(());
    }
    let has = |name: &str| scene.bucket.documents.contains_key(name);
    if has("object-lock") {
        return Err(invalid_state(
            "An Object Lock configuration is present on this bucket, so the versioning state \
             cannot be changed.",
        ));
    }
    if has("replication") {
        return Err(invalid_state(
            "A replication configuration is present on this bucket, so you cannot change the \
             versioning state. To change the versioning state, first delete the replication \
             configuration.",
        ));
    }
    Ok(())
}

pub(super) fn website(_: &mut Scene<'_>, value: &mut Value) -> Checked {
    let others = ["ErrorDocument", "IndexDocument", "RoutingRules"];
    if !value["RedirectAllRequestsTo"].is_null() {
        if others.iter().any(|name| !value[name].is_null()) {
            let message = "RedirectAllRequestsTo cannot be provided in conjunction with other \
                           Routing Rules.";
            return Err(invalid_request(message));
        }
        return Ok(());
    }
    let Some(suffix) = value["IndexDocument"]["Suffix"].as_str() else {
        let message = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo \
                       is empty";
        return Err(invalid_argument(message, "IndexDocument", "null"));
    };
    if suffix.is_empty() || suffix.contains('/') {
        let message = "The IndexDocument Suffix is not well formed";
        return Err(invalid_argument(message, "IndexDocument", suffix));
    }
    Ok(())
}
