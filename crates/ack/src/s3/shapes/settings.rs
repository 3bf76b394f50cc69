//! Settings with a switch or two, and how a bucket is made.

use aws_sdk_s3::types;

use crate::shape::shape;

shape! {
    /// Whether tags decide about access.
    pub struct AbacStatus: both(types::AbacStatus) {
        "status" status: String [] "Enabled or Disabled.";
    }
}

shape! {
    /// Whether transfers are accelerated.
    pub struct AccelerateConfiguration: both(types::AccelerateConfiguration) {
        "status" status: String [] "Enabled or Suspended.";
    }
}

shape! {
    /// Who pays.
    pub struct RequestPaymentConfiguration: both(types::RequestPaymentConfiguration) {
        "payer" payer: String [] "BucketOwner or Requester.";
    }
}

shape! {
    /// Whether earlier versions of objects are kept.
    pub struct VersioningConfiguration: both(types::VersioningConfiguration) {
        "status" status: String [] "Enabled or Suspended.";
    }
}

shape! {
    /// Where and how a bucket is made.
    pub struct CreateBucketConfiguration: both(types::CreateBucketConfiguration) {
        "bucket" bucket: BucketInfo [] "What kind of directory bucket it is. Only for those.";
        "location" location: LocationInfo [] "Zone of a directory bucket. Only for those.";
        "locationConstraint" location_constraint: String []
            "Region of the bucket; the region of the object if unset.";
    }
}

shape! {
    /// What kind of directory bucket it is.
    pub struct BucketInfo: both(types::BucketInfo) {
        "dataRedundancy" data_redundancy: String [] "SingleAvailabilityZone or SingleLocalZone.";
        "type" r#type: String [] "Directory.";
    }
}

shape! {
    /// A zone.
    pub struct LocationInfo: both(types::LocationInfo) {
        "name" name: String [] "Id of the zone, such as `usw2-az1`.";
        "type" r#type: String [] "AvailabilityZone or LocalZone.";
    }
}

shape! {
    /// Which pages of other origins may use the bucket.
    pub struct CorsConfiguration: both(types::CorsConfiguration) {
        "corsRules" cors_rules: Vec<CorsRule> [] "The first rule that fits counts.";
    }
}

shape! {
    /// What pages of some origins may do.
    pub struct CorsRule: both(types::CorsRule) {
        "allowedHeaders" allowed_headers: Vec<String> [] "Headers that requests may have.";
        "allowedMethods" allowed_methods: Vec<String> [] "GET, PUT, HEAD, POST, DELETE.";
        "allowedOrigins" allowed_origins: Vec<String> [] "The origins, with at most one `*` each.";
        "exposeHeaders" expose_headers: Vec<String> [] "Headers of answers that pages may see.";
        "id" id: String [] "Name of the rule.";
        "maxAgeSeconds" max_age_seconds: i64 [] "How long browsers keep an answer about the rule.";
    }
}

shape! {
    /// How the bucket is served as a website.
    pub struct WebsiteConfiguration: both(types::WebsiteConfiguration) {
        "errorDocument" error_document: ErrorDocument [] "What is shown when something fails.";
        "indexDocument" index_document: IndexDocument [] "What is shown for a folder.";
        "redirectAllRequestsTo" redirect_all_requests_to: RedirectAllRequestsTo []
            "Another website that answers instead; excludes everything else.";
        "routingRules" routing_rules: Vec<RoutingRule> [] "Where some requests are sent instead.";
    }
}

shape! {
    /// What is shown when something fails.
    pub struct ErrorDocument: both(types::ErrorDocument) {
        "key" key: String [] "Key of the object.";
    }
}

shape! {
    /// What is shown for a folder.
    pub struct IndexDocument: both(types::IndexDocument) {
        "suffix" suffix: String [] "Name of the object in each folder, such as `index.html`.";
    }
}

shape! {
    /// Another website.
    pub struct RedirectAllRequestsTo: both(types::RedirectAllRequestsTo) {
        "hostName" host_name: String [] "Host of the other website.";
        "protocol" protocol: String [] "http or https; that of the request if unset.";
    }
}

shape! {
    /// Where some requests are sent instead.
    pub struct RoutingRule: both(types::RoutingRule) {
        "condition" condition: Condition [] "Which requests; all if unset.";
        "redirect" redirect: Redirect [] "Where to.";
    }
}

shape! {
    /// Which requests a rule is about.
    pub struct Condition: both(types::Condition) {
        "httpErrorCodeReturnedEquals" http_error_code_returned_equals: String []
            "Those that would be answered with this code.";
        "keyPrefixEquals" key_prefix_equals: String [] "Those whose key begins so.";
    }
}

shape! {
    /// Where requests are sent.
    pub struct Redirect: both(types::Redirect) {
        "hostName" host_name: String [] "Another host.";
        "httpRedirectCode" http_redirect_code: String [] "Another code than 301.";
        "protocol" protocol: String [] "http or https.";
        "replaceKeyPrefixWith" replace_key_prefix_with: String []
            "What takes the place of the prefix in the condition.";
        "replaceKeyWith" replace_key_with: String [] "What takes the place of the key.";
    }
}

impl AccelerateConfiguration {
    /// What a bucket has that was never told.
    pub(in crate::s3) fn aws_default() -> Self {
        Self { status: Some("Suspended".to_owned()) }
    }
}

impl VersioningConfiguration {
    /// What comes closest to a bucket that was never told: there is no way back to that.
    pub(in crate::s3) fn aws_default() -> Self {
        Self { status: Some("Suspended".to_owned()) }
    }
}

impl RequestPaymentConfiguration {
    /// What a bucket has that was never told.
    pub(in crate::s3) fn aws_default() -> Self {
        Self { payer: Some("BucketOwner".to_owned()) }
    }
}
