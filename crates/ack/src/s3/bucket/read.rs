//! What S3 has, sub-resource by sub-resource.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types;

use super::Bucket;
use super::acl;
use super::is_directory;
use super::is_in_use;
use crate::aws::Failure;
use crate::aws::Regional;
use crate::aws::boxed;
use crate::resource::Asked;
use crate::resource::Depth;
use crate::resource::Observed;
use crate::resource::Phase;
use crate::resource::Place;
use crate::resource::Resource;
use crate::s3::shapes as own;
use crate::s3::shapes::BucketSpec;
use crate::s3::shapes::BucketStatus;
use crate::s3::shapes::Tag;
use crate::s3::shapes::Tagging;
use crate::shape::FromSdk;

/// The region in which a location constraint is an error and which the legacy URL form belongs to.
pub(super) const CLASSIC: &str = "us-east-1";

/// Of so many resyncs, one reads everything.
const ROUND: u32 = 4;

/// Codes of a sub-resource that this bucket can't have.
const UNSUPPORTED: &[&str] = &["MethodNotAllowed", "UnsupportedArgument"];

/// # Flow
///
/// GetBucketTagging first: its answer tells whether the bucket exists, and its tags. The expected
/// owner in the request makes S3 refuse (403) a bucket of somebody else even if its policy lets us
/// read it. Since a lack of permission is refused alike, ListBuckets, which lists our own buckets
/// only, then decides which of the two it was. All other sub-resources that are asked for follow,
/// at the same time.
pub(super) async fn read(
    aws: &Regional,
    asked: &Asked<'_, Bucket>,
    place: &Place,
) -> Result<Option<Observed<Bucket>>, Failure> {
    let desired = asked.desired;
    let name = desired.name.clone().unwrap_or_default();
    let mut spec = BucketSpec {
        create_bucket_configuration: desired.create_bucket_configuration.clone(),
        object_ownership: desired.object_ownership.clone(),
        ..BucketSpec::default()
    };
    let directory = is_directory(&name);
    let tags = if directory {
        directory_tags(aws, &name, place).await?
    } else {
        tags(aws, &name, place).await?
    };
    let Some(tags) = tags else { return Ok(None) };
    match (asked.depth, directory) {
        (Depth::Existence, _) => {}
        (Depth::InUse | Depth::Resync(_) | Depth::Everything, true) => {
            Box::pin(of_directory_bucket(aws, &mut spec, &name, asked)).await?;
        }
        (Depth::InUse | Depth::Resync(_) | Depth::Everything, false) => {
            Box::pin(of_bucket(aws, &mut spec, &name, place, asked)).await?;
        }
    }
    spec.tagging = (!tags.is_empty()).then_some(Tagging { tag_set: Some(tags) });
    if name.ends_with("-an") {
        spec.namespace = Some("account-regional".to_owned());
    }
    // S3 answers a creation with this location. It can't be asked for it again, so it is always
    // derived: the same whether or not we have seen that answer.
    let location = if place.region == CLASSIC || directory {
        format!("/{name}")
    } else {
        format!("http://{name}.s3.amazonaws.com/")
    };
    spec.name = Some(name.clone());
    Bucket::canonical(&mut spec);
    Ok(Some(Observed {
        arn: arn(&name, place),
        spec,
        status: BucketStatus { location: Some(location) },
        phase: Phase::Ready,
    }))
}

/// The ARN of a bucket.
pub(super) fn arn(name: &str, place: &Place) -> String {
    let Place { account, region, partition } = place;
    if is_directory(name) {
        format!("arn:{partition}:s3express:{region}:{account}:bucket/{name}")
    } else {
        format!("arn:{partition}:s3:::{name}")
    }
}

/// The tags of a bucket; `None` if the account has no such bucket.
async fn tags(aws: &Regional, name: &str, place: &Place) -> Result<Option<Vec<Tag>>, Failure> {
    let tagging = aws
        .s3
        .get_bucket_tagging()
        .bucket(name)
        .expected_bucket_owner(&place.account)
        .send()
        .await
        .map_err(Failure::from);
    match tagging {
        Ok(answer) => Ok(Some(Vec::<Tag>::from_sdk(&answer.tag_set))),
        Err(failure) if failure.has_code(&["NoSuchTagSet"]) => Ok(Some(Vec::new())),
        Err(failure) if failure.has_code(Bucket::KIND.missing) => Ok(None),
        Err(failure) if failure.has_code(&["AccessDenied"]) => {
            if is_ours(aws, name).await? {
                Err(failure)
            } else {
                Ok(None)
            }
        }
        Err(failure) => Err(failure),
    }
}

/// Whether the account owns a bucket of this name.
async fn is_ours(aws: &Regional, name: &str) -> Result<bool, Failure> {
    let mut pages = aws.s3.list_buckets().prefix(name).into_paginator().send();
    while let Some(page) = pages.next().await {
        if page?.buckets().iter().any(|bucket| bucket.name() == Some(name)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The tags of a directory bucket, which another service keeps; `None` if there is no such bucket.
async fn directory_tags(
    aws: &Regional,
    name: &str,
    place: &Place,
) -> Result<Option<Vec<Tag>>, Failure> {
    let mut pages = aws.s3.list_directory_buckets().into_paginator().send();
    let mut exists = false;
    while let Some(page) = pages.next().await {
        exists |= page?.buckets().iter().any(|bucket| bucket.name() == Some(name));
        if exists {
            break;
        }
    }
    if !exists {
        return Ok(None);
    }
    let tags = aws
        .s3control
        .list_tags_for_resource()
        .account_id(&place.account)
        .resource_arn(arn(name, place))
        .send()
        .await
        .map_err(Failure::from);
    match tags {
        Ok(answer) => Ok(Some(answer.tags().iter().map(Tag::from_sdk).collect())),
        Err(failure) if failure.has_code(Bucket::KIND.missing) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// An answer, or `None` for the codes that say "not configured".
fn configured<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    codes: &[&str],
) -> Result<Option<T>, Failure>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match answer.map_err(Failure::from) {
        Ok(answer) => Ok(Some(answer)),
        Err(failure) if failure.has_code(codes) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// One sub-resource: asked for if it is wanted, or else taken to be as desired.
macro_rules! part {
    ($aws:ident, $asked:ident, $field:ident, $request:expr, $codes:expr, $value:expr) => {
        boxed(|| {
            Box::pin(async {
                if !is_wanted($asked, stringify!($field), |spec| &spec.$field) {
                    return Ok($asked.desired.$field.clone());
                }
                let _turn = $aws.turn().await;
                let answer = configured($request.send().await, $codes)?;
                Ok::<_, Failure>(answer.and_then($value))
            })
        })
    };
}

/// One sub-resource of which there are many, page by page.
macro_rules! listed {
    ($aws:ident, $asked:ident, $field:ident, $request:expr, $list:ident) => {
        boxed(|| {
            Box::pin(async {
                if !is_wanted($asked, stringify!($field), |spec| &spec.$field) {
                    return Ok($asked.desired.$field.clone());
                }
                let _turn = $aws.turn().await;
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = $request.set_continuation_token(after).send().await?;
                    found.extend(page.$list().iter().map(FromSdk::from_sdk));
                    after = page.next_continuation_token;
                    if after.is_none() {
                        break;
                    }
                }
                Ok::<_, Failure>((!found.is_empty()).then_some(found))
            })
        })
    };
}

fn is_wanted<T>(
    asked: &Asked<'_, Bucket>,
    field: &str,
    get: impl Fn(&BucketSpec) -> &Option<T>,
) -> bool {
    if asked.depth.is_everything_by_one_of(ROUND) {
        return true;
    }
    match get(asked.desired) {
        Some(_) => is_in_use(asked.desired, field),
        None => matches!(field, "abac" | "encryption" | "ownership_controls"),
    }
}

async fn of_bucket(
    aws: &Regional,
    spec: &mut BucketSpec,
    name: &str,
    place: &Place,
    asked: &Asked<'_, Bucket>,
) -> Result<(), Failure> {
    macro_rules! to {
        ($operation:ident) => {
            aws.s3.$operation().bucket(name).expected_bucket_owner(&place.account)
        };
    }
    let abac = part!(aws, asked, abac, to!(get_bucket_abac), UNSUPPORTED, |answer| {
        answer.abac_status.as_ref().map(FromSdk::from_sdk)
    });
    let accelerate = part!(
        aws,
        asked,
        accelerate,
        to!(get_bucket_accelerate_configuration),
        UNSUPPORTED,
        |answer| {
            answer.status.map(|status| own::AccelerateConfiguration {
                status: Some(status.as_str().to_owned()),
            })
        }
    );
    let analytics = listed!(
        aws,
        asked,
        analytics,
        to!(list_bucket_analytics_configurations),
        analytics_configuration_list
    );
    let acl = boxed(|| {
        Box::pin(async {
            let set = |spec: &BucketSpec| {
                let grants = [
                    &spec.grant_full_control,
                    &spec.grant_read,
                    &spec.grant_read_acp,
                    &spec.grant_write,
                    &spec.grant_write_acp,
                ];
                spec.acl.as_deref().is_some_and(|acl| acl != acl::PRIVATE)
                    || grants.into_iter().any(Option::is_some)
            };
            let mut found = BucketSpec::default();
            if asked.depth.is_everything_by_one_of(ROUND) || set(asked.desired) {
                let _turn = aws.turn().await;
                let answer = to!(get_bucket_acl).send().await?;
                acl::read(&mut found, &answer);
            } else {
                found.acl = Some(acl::PRIVATE.to_owned());
            }
            Ok::<_, Failure>(found)
        })
    });
    let cors =
        part!(aws, asked, cors, to!(get_bucket_cors), &["NoSuchCORSConfiguration"], |answer| {
            let rules = answer.cors_rules.as_ref().map(FromSdk::from_sdk);
            Some(own::CorsConfiguration { cors_rules: rules })
        });
    let encryption = part!(
        aws,
        asked,
        encryption,
        to!(get_bucket_encryption),
        &["ServerSideEncryptionConfigurationNotFoundError"],
        |answer| answer.server_side_encryption_configuration.as_ref().map(FromSdk::from_sdk)
    );
    let intelligent_tiering = listed!(
        aws,
        asked,
        intelligent_tiering,
        to!(list_bucket_intelligent_tiering_configurations),
        intelligent_tiering_configuration_list
    );
    let inventory = listed!(
        aws,
        asked,
        inventory,
        to!(list_bucket_inventory_configurations),
        inventory_configuration_list
    );
    let lifecycle = part!(
        aws,
        asked,
        lifecycle,
        to!(get_bucket_lifecycle_configuration),
        &["NoSuchLifecycleConfiguration"],
        |answer| {
            let rules = answer.rules.as_ref().map(FromSdk::from_sdk);
            Some(own::BucketLifecycleConfiguration { rules })
        }
    );
    let logging = part!(aws, asked, logging, to!(get_bucket_logging), &[], |answer| {
        let logging_enabled = answer.logging_enabled.as_ref().map(FromSdk::from_sdk);
        Some(own::BucketLoggingStatus { logging_enabled })
    });
    let metrics = listed!(
        aws,
        asked,
        metrics,
        to!(list_bucket_metrics_configurations),
        metrics_configuration_list
    );
    let notification = part!(
        aws,
        asked,
        notification,
        to!(get_bucket_notification_configuration),
        &[],
        |answer| {
            let sdk = types::NotificationConfiguration::builder()
                .set_topic_configurations(answer.topic_configurations)
                .set_queue_configurations(answer.queue_configurations)
                .set_lambda_function_configurations(answer.lambda_function_configurations)
                .build();
            Some(own::NotificationConfiguration::from_sdk(&sdk))
        }
    );
    let ownership_controls = part!(
        aws,
        asked,
        ownership_controls,
        to!(get_bucket_ownership_controls),
        &["OwnershipControlsNotFoundError"],
        |answer| answer.ownership_controls.as_ref().map(FromSdk::from_sdk)
    );
    let policy =
        part!(aws, asked, policy, to!(get_bucket_policy), &["NoSuchBucketPolicy"], |answer| answer
            .policy);
    let public_access_block = part!(
        aws,
        asked,
        public_access_block,
        to!(get_public_access_block),
        &["NoSuchPublicAccessBlockConfiguration"],
        |answer| answer.public_access_block_configuration.as_ref().map(FromSdk::from_sdk)
    );
    let replication = part!(
        aws,
        asked,
        replication,
        to!(get_bucket_replication),
        &["ReplicationConfigurationNotFoundError"],
        |answer| answer.replication_configuration.as_ref().map(FromSdk::from_sdk)
    );
    let request_payment =
        part!(aws, asked, request_payment, to!(get_bucket_request_payment), &[], |answer| {
            answer.payer.map(|payer| own::RequestPaymentConfiguration {
                payer: Some(payer.as_str().to_owned()),
            })
        });
    let versioning = part!(aws, asked, versioning, to!(get_bucket_versioning), &[], |answer| {
        answer
            .status
            .map(|status| own::VersioningConfiguration { status: Some(status.as_str().to_owned()) })
    });
    let website = part!(
        aws,
        asked,
        website,
        to!(get_bucket_website),
        &["NoSuchWebsiteConfiguration"],
        |answer| {
            let sdk = types::WebsiteConfiguration::builder()
                .set_error_document(answer.error_document)
                .set_index_document(answer.index_document)
                .set_redirect_all_requests_to(answer.redirect_all_requests_to)
                .set_routing_rules(answer.routing_rules)
                .build();
            Some(own::WebsiteConfiguration::from_sdk(&sdk))
        }
    );
    let object_lock = boxed(|| {
        Box::pin(async {
            let desired = asked.desired;
            let set = desired.object_lock_enabled_for_bucket == Some(true)
                || desired.object_lock_configuration.is_some();
            if !asked.depth.is_everything_by_one_of(ROUND) && !set {
                return Ok((None, None));
            }
            let codes = ["ObjectLockConfigurationNotFoundError"];
            let _turn = aws.turn().await;
            let answer = configured(to!(get_object_lock_configuration).send().await, &codes)?;
            let found = answer.and_then(|answer| answer.object_lock_configuration);
            let enabled = found.as_ref().and_then(|found| found.object_lock_enabled.as_ref());
            let rule = found.as_ref().and_then(|found| found.rule.as_ref()).map(FromSdk::from_sdk);
            let configuration = rule.map(|rule| own::ObjectLockConfiguration { rule: Some(rule) });
            Ok::<_, Failure>((enabled.map(|_| true), configuration))
        })
    });
    // In two halves, since the macro takes no more than so many.
    let first = async {
        tokio::try_join!(
            abac,
            accelerate,
            analytics,
            acl,
            cors,
            encryption,
            intelligent_tiering,
            inventory,
            lifecycle,
            logging
        )
    };
    let second = async {
        tokio::try_join!(
            metrics,
            notification,
            ownership_controls,
            policy,
            public_access_block,
            replication,
            request_payment,
            versioning,
            website,
            object_lock
        )
    };
    let (first, second) = tokio::try_join!(first, second)?;
    let acl;
    (
        spec.abac,
        spec.accelerate,
        spec.analytics,
        acl,
        spec.cors,
        spec.encryption,
        spec.intelligent_tiering,
        spec.inventory,
        spec.lifecycle,
        spec.logging,
    ) = first;
    let lock;
    (
        spec.metrics,
        spec.notification,
        spec.ownership_controls,
        spec.policy,
        spec.public_access_block,
        spec.replication,
        spec.request_payment,
        spec.versioning,
        spec.website,
        lock,
    ) = second;
    (spec.object_lock_enabled_for_bucket, spec.object_lock_configuration) = lock;
    spec.acl = acl.acl;
    spec.grant_full_control = acl.grant_full_control;
    spec.grant_read = acl.grant_read;
    spec.grant_read_acp = acl.grant_read_acp;
    spec.grant_write = acl.grant_write;
    spec.grant_write_acp = acl.grant_write_acp;
    Ok(())
}

/// What a directory bucket has; S3 takes no expected owner there, and needs none: the name of such
/// a bucket is not shared with other accounts.
async fn of_directory_bucket(
    aws: &Regional,
    spec: &mut BucketSpec,
    name: &str,
    asked: &Asked<'_, Bucket>,
) -> Result<(), Failure> {
    let encryption = part!(
        aws,
        asked,
        encryption,
        aws.s3.get_bucket_encryption().bucket(name),
        &["ServerSideEncryptionConfigurationNotFoundError"],
        |answer| answer.server_side_encryption_configuration.as_ref().map(FromSdk::from_sdk)
    );
    let lifecycle = part!(
        aws,
        asked,
        lifecycle,
        aws.s3.get_bucket_lifecycle_configuration().bucket(name),
        &["NoSuchLifecycleConfiguration"],
        |answer| {
            let rules = answer.rules.as_ref().map(FromSdk::from_sdk);
            Some(own::BucketLifecycleConfiguration { rules })
        }
    );
    let policy = part!(
        aws,
        asked,
        policy,
        aws.s3.get_bucket_policy().bucket(name),
        &["NoSuchBucketPolicy"],
        |answer| answer.policy
    );
    (spec.encryption, spec.lifecycle, spec.policy) =
        tokio::try_join!(encryption, lifecycle, policy)?;
    Ok(())
}
