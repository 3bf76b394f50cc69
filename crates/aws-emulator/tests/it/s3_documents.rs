//! Sub-resources: each is put as a document, and read back through the SDK.

use std::fmt::Debug;
use std::fmt::Write;

use aws_sdk_s3::Client;

use crate::raw;
use crate::world::REGION;
use crate::world::World;

const MD5: (&str, &str) = ("content-md5", "any");

/// A bucket, and another one to point to.
async fn buckets() -> (World, Client) {
    let world = World::start().await;
    let s3 = world.s3(REGION);
    let body = "<CreateBucketConfiguration><LocationConstraint>us-west-2</LocationConstraint>\
                </CreateBucketConfiguration>";
    for name in ["bucket", "target"] {
        raw::signed(&world, "s3", "PUT", &format!("/{name}"), &[], body).await;
    }
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"s3:PutObject",
        "Principal":{"Service":"logging.s3.amazonaws.com"},"Resource":"arn:aws:s3:::target/*"}}"#;
    assert_eq!(call(&world, "PUT", "/target?policy", policy).await, "204");
    (world, s3)
}

/// Status and, of an error, code and message.
async fn put(world: &World, query: &str, body: &str) -> String {
    call(world, "PUT", &format!("/bucket?{query}"), body).await
}

async fn call(world: &World, method: &str, path: &str, body: &str) -> String {
    let answer = raw::signed(world, "s3", method, path, &[MD5], body).await;
    let status = answer.split(' ').nth(1).unwrap();
    let part = |name: &str| {
        let start = answer.find(&format!("<{name}>"))? + name.len() + 2;
        answer[start..].split('<').next()
    };
    match (part("Code"), part("EmulatorReason")) {
        (Some(code), Some(reason)) => format!("{status} {code}: {reason}"),
        (Some(code), None) => format!("{status} {code}: {}", part("Message").unwrap()),
        (None, _) => status.to_owned(),
    }
}

/// What the SDK makes of an answer, without the request ids.
fn shown<T: Debug, E: std::error::Error, R: Debug>(
    answer: Result<T, aws_sdk_s3::error::SdkError<E, R>>,
) -> String
where
    aws_sdk_s3::error::SdkError<E, R>: aws_sdk_s3::error::ProvideErrorMetadata,
{
    use aws_sdk_s3::error::ProvideErrorMetadata;
    match answer {
        Ok(value) => {
            let text = format!("{value:?}");
            text.split(", _extended_request_id").next().unwrap().to_owned()
        }
        Err(error) => error.code().unwrap_or("the SDK can't read it").to_owned(),
    }
}

/// Every read of a bucket through the SDK.
async fn reads(s3: &Client) -> String {
    let mut out = String::new();
    macro_rules! read {
        ($($operation:ident),* $(,)?) => {
            $(
                let answer = s3.$operation().bucket("bucket").send().await;
                writeln!(out, "{}: {}", stringify!($operation), shown(answer)).unwrap();
            )*
        };
    }
    read!(
        get_bucket_abac,
        get_bucket_accelerate_configuration,
        get_bucket_acl,
        get_bucket_cors,
        get_bucket_encryption,
        get_bucket_lifecycle_configuration,
        get_bucket_location,
        get_bucket_logging,
        get_bucket_notification_configuration,
        get_bucket_ownership_controls,
        get_bucket_policy,
        get_bucket_replication,
        get_bucket_request_payment,
        get_bucket_tagging,
        get_bucket_versioning,
        get_bucket_website,
        get_object_lock_configuration,
        get_public_access_block,
        list_bucket_analytics_configurations,
        list_bucket_intelligent_tiering_configurations,
        list_bucket_inventory_configurations,
        list_bucket_metrics_configurations,
    );
    out
}

#[tokio::test]
async fn a_bare_bucket_reads_as_on_aws() {
    let (_world, s3) = buckets().await;
    insta::assert_snapshot!(reads(&s3).await);
}

#[tokio::test]
async fn what_is_put_is_read_back() {
    let (world, s3) = buckets().await;
    let versioned = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(call(&world, "PUT", "/target?versioning", versioned).await, "200");
    for (query, body, status) in [
        ("versioning", versioned, "200"),
        ("abac", "<AbacStatus><Status>Disabled</Status></AbacStatus>", "200"),
        (
            "accelerate",
            "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>",
            "200",
        ),
        (
            "ownershipControls",
            "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>\
             </OwnershipControls>",
            "200",
        ),
        (
            "acl",
            "<AccessControlPolicy><AccessControlList><Grant>\
             <Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\">\
             <URI>http://acs.amazonaws.com/groups/s3/LogDelivery</URI></Grantee>\
             <Permission>WRITE</Permission></Grant></AccessControlList></AccessControlPolicy>",
            "200",
        ),
        (
            "cors",
            "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>\
             <AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>\
             <MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule></CORSConfiguration>",
            "200",
        ),
        (
            "encryption",
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
             <SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>key</KMSMasterKeyID>\
             </ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule>\
             </ServerSideEncryptionConfiguration>",
            "200",
        ),
        (
            "lifecycle",
            "<LifecycleConfiguration><Rule><ID>logs</ID><Filter><And><Prefix>logs/</Prefix>\
             <Tag><Key>a</Key><Value>b</Value></Tag></And></Filter><Status>Enabled</Status>\
             <Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition>\
             <Expiration><Days>365</Days></Expiration></Rule></LifecycleConfiguration>",
            "200",
        ),
        (
            "logging",
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>target</TargetBucket>\
             <TargetPrefix>logs/</TargetPrefix></LoggingEnabled></BucketLoggingStatus>",
            "200",
        ),
        (
            "notification",
            "<NotificationConfiguration><QueueConfiguration><Id>created</Id>\
             <Queue>arn:aws:sqs:us-west-2:123456789012:queue</Queue>\
             <Event>s3:ObjectCreated:*</Event><Filter><S3Key><FilterRule><Name>prefix</Name>\
             <Value>in/</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
             </NotificationConfiguration>",
            "200",
        ),
        (
            "policy",
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow",
            "Principal":{"AWS":["123456789012"]},"Action":["s3:GetObject"],
            "Resource":"arn:aws:s3:::bucket/*"}]}"#,
            "204",
        ),
        (
            "publicAccessBlock",
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
             </PublicAccessBlockConfiguration>",
            "200",
        ),
        (
            "replication",
            "<ReplicationConfiguration><Role>arn:aws:iam::123456789012:role/r</Role><Rule>\
             <ID>all</ID><Priority>1</Priority><Filter><Prefix></Prefix></Filter>\
             <Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::target</Bucket>\
             </Destination><DeleteMarkerReplication><Status>Disabled</Status>\
             </DeleteMarkerReplication></Rule></ReplicationConfiguration>",
            "200",
        ),
        (
            "requestPayment",
            "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
            "200",
        ),
        (
            "tagging",
            "<Tagging><TagSet><Tag><Key>b</Key><Value>1</Value></Tag>\
             <Tag><Key>a</Key><Value>2</Value></Tag></TagSet></Tagging>",
            "204",
        ),
        (
            "website",
            "<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>\
             <ErrorDocument><Key>error.html</Key></ErrorDocument><RoutingRules><RoutingRule>\
             <Condition><KeyPrefixEquals>old/</KeyPrefixEquals></Condition><Redirect>\
             <ReplaceKeyPrefixWith>new/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
             </RoutingRules></WebsiteConfiguration>",
            "200",
        ),
        (
            "object-lock",
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule>\
             <DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>\
             </ObjectLockConfiguration>",
            "200",
        ),
        (
            "analytics&id=a",
            "<AnalyticsConfiguration><Id>a</Id><Filter><Prefix>p</Prefix></Filter>\
             <StorageClassAnalysis><DataExport><OutputSchemaVersion>V_1</OutputSchemaVersion>\
             <Destination><S3BucketDestination><Format>CSV</Format>\
             <Bucket>arn:aws:s3:::target</Bucket></S3BucketDestination></Destination></DataExport>\
             </StorageClassAnalysis></AnalyticsConfiguration>",
            "200",
        ),
        (
            "intelligent-tiering&id=t",
            "<IntelligentTieringConfiguration><Id>t</Id><Status>Enabled</Status><Tiering>\
             <AccessTier>ARCHIVE_ACCESS</AccessTier><Days>90</Days></Tiering>\
             </IntelligentTieringConfiguration>",
            "200",
        ),
        (
            "inventory&id=i",
            "<InventoryConfiguration><Destination><S3BucketDestination>\
             <Bucket>arn:aws:s3:::target</Bucket><Format>CSV</Format><Encryption><SSE-S3/>\
             </Encryption></S3BucketDestination></Destination><IsEnabled>true</IsEnabled><Id>i</Id>\
             <IncludedObjectVersions>All</IncludedObjectVersions><OptionalFields>\
             <Field>Size</Field></OptionalFields><Schedule><Frequency>Daily</Frequency></Schedule>\
             </InventoryConfiguration>",
            "200",
        ),
        (
            "metrics&id=m",
            "<MetricsConfiguration><Id>m</Id><Filter><Tag><Key>k</Key><Value>v</Value></Tag>\
             </Filter></MetricsConfiguration>",
            "200",
        ),
    ] {
        assert_eq!(put(&world, query, body).await, status, "{query}");
    }
    insta::assert_snapshot!(reads(&s3).await);
}

#[tokio::test]
async fn what_s3_refuses_is_refused() {
    let (world, _) = buckets().await;
    let rule = |inner: &str| {
        format!("<LifecycleConfiguration><Rule>{inner}</Rule></LifecycleConfiguration>")
    };
    let policy = |statement: &str| format!(r#"{{"Statement":[{statement}]}}"#);
    let mut out = String::new();
    for (query, body) in [
        ("abac", "<AbacStatus><Status>On</Status></AbacStatus>".to_owned()),
        ("acl", String::new()),
        ("acl", "<AccessControlPolicy><AccessControlList/></AccessControlPolicy>".to_owned()),
        (
            "cors",
            "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>\
             <AllowedMethod>OPTIONS</AllowedMethod></CORSRule></CORSConfiguration>"
                .to_owned(),
        ),
        ("lifecycle", rule("<Filter/><Status>Enabled</Status>")),
        ("lifecycle", rule("<Status>Enabled</Status><Expiration><Days>1</Days></Expiration>")),
        (
            "lifecycle",
            rule("<Filter/><Status>Enabled</Status><Expiration><Days>0</Days></Expiration>"),
        ),
        (
            "logging",
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>nobody</TargetBucket>\
             <TargetPrefix/></LoggingEnabled></BucketLoggingStatus>"
                .to_owned(),
        ),
        (
            "logging",
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>bucket</TargetBucket>\
             <TargetPrefix/></LoggingEnabled></BucketLoggingStatus>"
                .to_owned(),
        ),
        (
            "notification",
            "<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sns:a:b:c</Queue>\
             <Event>s3:ObjectCreated:*</Event></QueueConfiguration></NotificationConfiguration>"
                .to_owned(),
        ),
        (
            "notification",
            "<NotificationConfiguration><QueueConfiguration><Queue>arn:aws:sqs:a:b:c</Queue>\
             <Event>s3:Everything</Event></QueueConfiguration></NotificationConfiguration>"
                .to_owned(),
        ),
        (
            "object-lock",
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
             </ObjectLockConfiguration>"
                .to_owned(),
        ),
        ("policy", "no".to_owned()),
        ("policy", policy(r#"{"Effect":"Allow"}"#)),
        ("policy", policy(r#"{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}"#)),
        (
            "policy",
            policy(
                r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::other"}"#,
            ),
        ),
        (
            "policy",
            policy(
                r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::bucket"}"#,
            ),
        ),
        (
            "replication",
            "<ReplicationConfiguration><Role>arn:aws:iam::1:role/r</Role><Rule>\
             <Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::target</Bucket>\
             </Destination></Rule></ReplicationConfiguration>"
                .to_owned(),
        ),
        (
            "website",
            "<WebsiteConfiguration><IndexDocument><Suffix>a/b</Suffix></IndexDocument>\
             </WebsiteConfiguration>"
                .to_owned(),
        ),
        ("website", "<WebsiteConfiguration/>".to_owned()),
        ("metrics&id=a", "<MetricsConfiguration><Id>b</Id></MetricsConfiguration>".to_owned()),
    ] {
        writeln!(out, "{query} {body}\n  {}", put(&world, query, &body).await).unwrap();
    }
    for path in ["metrics&id=a", "inventory&id=a"] {
        let outcome = call(&world, "DELETE", &format!("/bucket?{path}"), "").await;
        writeln!(out, "delete {path}\n  {outcome}").unwrap();
    }
    insta::assert_snapshot!(out);
}

#[tokio::test]
async fn what_is_deleted_reads_as_if_it_had_never_been() {
    let (world, s3) = buckets().await;
    let before = reads(&s3).await;
    for (query, body) in [
        (
            "cors",
            "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin>\
             <AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>",
        ),
        (
            "website",
            "<WebsiteConfiguration><IndexDocument><Suffix>i</Suffix></IndexDocument>\
             </WebsiteConfiguration>",
        ),
        (
            "encryption",
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
             <SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>\
             </ServerSideEncryptionConfiguration>",
        ),
        (
            "lifecycle",
            "<LifecycleConfiguration><Rule><Prefix/><Status>Enabled</Status><Expiration>\
             <Days>1</Days></Expiration></Rule></LifecycleConfiguration>",
        ),
        ("metrics&id=a", "<MetricsConfiguration><Id>a</Id></MetricsConfiguration>"),
    ] {
        assert_eq!(put(&world, query, body).await, "200");
        assert_ne!(reads(&s3).await, before, "{query}");
        let gone = call(&world, "DELETE", &format!("/bucket?{query}"), "").await;
        assert_eq!(gone, "204");
        assert_eq!(reads(&s3).await, before, "{query}");
    }
    // These are switched off by an empty document.
    let logging = "<BucketLoggingStatus><LoggingEnabled><TargetBucket>target</TargetBucket>\
                   <TargetPrefix/></LoggingEnabled></BucketLoggingStatus>";
    assert_eq!(put(&world, "logging", logging).await, "200");
    assert_ne!(reads(&s3).await, before);
    assert_eq!(put(&world, "logging", "<BucketLoggingStatus/>").await, "200");
    assert_eq!(put(&world, "notification", "<NotificationConfiguration/>").await, "200");
    assert_eq!(reads(&s3).await, before);
}

#[tokio::test]
async fn states_that_exclude_each_other_are_kept_apart() {
    let (world, _) = buckets().await;
    let versioning = |status: &str| {
        format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
    };
    let lock = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>\
                </ObjectLockConfiguration>";
    assert_eq!(put(&world, "versioning", &versioning("Enabled")).await, "200");
    assert_eq!(put(&world, "object-lock", lock).await, "200");
    assert_eq!(
        put(&world, "versioning", &versioning("Suspended")).await,
        "409 InvalidBucketState: An Object Lock configuration is present on this bucket, so the \
         versioning state cannot be changed."
    );

    let abac = "<AbacStatus><Status>Enabled</Status></AbacStatus>";
    assert_eq!(put(&world, "abac", abac).await, "200");
    let tags = "<Tagging><TagSet/></Tagging>";
    assert!(put(&world, "tagging", tags).await.starts_with("405 MethodNotAllowed"));
    let deletion = call(&world, "DELETE", "/bucket?tagging", "").await;
    assert!(deletion.starts_with("405 MethodNotAllowed"));
}

#[tokio::test]
async fn a_bucket_is_made_with_locks_lists_and_namespaces() {
    let world = World::start().await;
    let s3 = world.s3("us-east-1");
    use aws_sdk_s3::types::BucketCannedAcl as Canned;
    use aws_sdk_s3::types::BucketNamespace;
    use aws_sdk_s3::types::ObjectOwnership as Ownership;
    let create = |name: &str| s3.create_bucket().bucket(name);

    create("locked").object_lock_enabled_for_bucket(true).send().await.unwrap();
    let lock = s3.get_object_lock_configuration().bucket("locked").send().await.unwrap();
    let lock = lock.object_lock_configuration().unwrap();
    assert_eq!(lock.object_lock_enabled().unwrap().as_str(), "Enabled");
    let versioning = s3.get_bucket_versioning().bucket("locked").send().await.unwrap();
    assert_eq!(versioning.status().unwrap().as_str(), "Enabled");

    create("private").acl(Canned::Private).send().await.unwrap();
    let read = create("listed").acl(Canned::AuthenticatedRead);
    assert_eq!(shown(read.send().await), "InvalidBucketAclWithObjectOwnership");
    let read = create("listed")
        .acl(Canned::AuthenticatedRead)
        .object_ownership(Ownership::BucketOwnerPreferred);
    assert_eq!(shown(read.send().await), "InvalidBucketAclWithBlockPublicAccessError");
    create("listed")
        .grant_read("id=\"friend\"")
        .object_ownership(Ownership::BucketOwnerPreferred)
        .send()
        .await
        .unwrap();
    let acl = s3.get_bucket_acl().bucket("listed").send().await.unwrap();
    assert_eq!(acl.grants()[0].grantee().unwrap().id(), Some("friend"));

    let name = "data-123456789012-us-east-1-an";
    assert_eq!(shown(create(name).send().await), "MissingNamespaceHeader");
    let own = |name: &str| create(name).bucket_namespace(BucketNamespace::AccountRegional);
    assert_eq!(shown(own("data-an").send().await), "InvalidBucketName");
    own(name).send().await.unwrap();
}
