//! What brings a bucket to its spec: one request for each sub-resource that differs.
//!
//! The order is that of the published controller but for what makes an access control list or a
//! policy acceptable, which goes before it.

use aws_sdk_s3::operation as s3;
use aws_sdk_s3::types;
use aws_sdk_s3control::operation as control;
use aws_sdk_s3control::types as control_types;

use super::Call;
use super::is_directory;
use super::read;
use crate::resource::Place;
use crate::resource::Plan;
use crate::resource::Then;
use crate::s3::shapes::BucketSpec;
use crate::s3::shapes::Tag;
use crate::shape::Delta;
use crate::shape::ToSdk;
use crate::shape::Unfit;
use crate::shape::Value;
use crate::shape::compare::same;

/// The builder of a request for this bucket.
macro_rules! to {
    ($ctx:ident, $operation:ident, $Builder:ident) => {
        s3::$operation::builders::$Builder::default()
            .set_bucket($ctx.desired.name.clone())
            .set_expected_bucket_owner($ctx.owner.clone())
    };
}

struct Ctx<'a> {
    desired: &'a BucketSpec,
    latest: &'a BucketSpec,
    delta: &'a Delta,
    place: &'a Place,
    /// Makes S3 refuse a bucket of somebody else. Directory buckets don't take it.
    owner: Option<String>,
    calls: Vec<Call>,
}

impl Ctx<'_> {
    fn differs(&self, field: &str) -> bool {
        self.delta.touches(&format!("spec.{field}"))
    }

    fn add(&mut self, call: impl Into<Call>) {
        self.calls.push(call.into());
    }
}

/// Plans all that differs.
pub(super) fn update(
    desired: &BucketSpec,
    latest: &BucketSpec,
    delta: &Delta,
    place: &Place,
) -> Result<Plan<Call>, Unfit> {
    let directory = desired.name.as_deref().is_some_and(is_directory);
    let owner = (!directory).then(|| place.account.clone());
    let mut ctx = Ctx { desired, latest, delta, place, owner, calls: Vec::new() };
    abac(&mut ctx)?;
    accelerate(&mut ctx)?;
    analytics(&mut ctx)?;
    public_access_block(&mut ctx)?;
    // An access control list is taken only while lists count, and can only be private when they
    // cease to.
    if lists_count(desired) {
        ownership(&mut ctx)?;
        acl(&mut ctx)?;
    } else {
        acl(&mut ctx)?;
        ownership(&mut ctx)?;
    }
    cors(&mut ctx)?;
    encryption(&mut ctx)?;
    tiering(&mut ctx)?;
    inventory(&mut ctx)?;
    lifecycle(&mut ctx)?;
    logging(&mut ctx)?;
    metrics(&mut ctx)?;
    notification(&mut ctx)?;
    policy(&mut ctx);
    payment(&mut ctx)?;
    if directory {
        directory_tags(&mut ctx)?;
    } else {
        tagging(&mut ctx)?;
    }
    website(&mut ctx)?;
    replication_and_versioning(&mut ctx)?;
    let then = object_lock(&mut ctx)?;
    Ok(Plan { calls: ctx.calls, then })
}

fn sdk<T: ToSdk<S>, S>(value: Option<&T>, field: &str) -> Result<Option<S>, Unfit> {
    value.map(T::to_sdk).transpose().map_err(|unfit| unfit.within(field))
}

fn abac(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if let Some(status) = sdk(ctx.desired.abac.as_ref(), "abac")?.filter(|_| ctx.differs("abac")) {
        let put = to!(ctx, put_bucket_abac, PutBucketAbacInputBuilder);
        ctx.add(put.abac_status(status));
    }
    Ok(())
}

fn accelerate(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if ctx.differs("accelerate") {
        let suspended = || {
            let status = types::BucketAccelerateStatus::Suspended;
            types::AccelerateConfiguration::builder().status(status).build()
        };
        let value = sdk(ctx.desired.accelerate.as_ref(), "accelerate")?.unwrap_or_else(suspended);
        let put = to!(
            ctx,
            put_bucket_accelerate_configuration,
            PutBucketAccelerateConfigurationInputBuilder
        );
        ctx.add(put.accelerate_configuration(value));
    }
    Ok(())
}

/// Of two lists whose items are told apart by an id: what to put, and which ids to delete.
fn by_id<T: Value>(
    desired: Option<&Vec<T>>,
    latest: Option<&Vec<T>>,
    id: impl Fn(&T) -> Option<&String>,
) -> (Vec<T>, Vec<String>) {
    let find = |list: Option<&Vec<T>>, item: &T| {
        list.and_then(|list| list.iter().find(|other| id(other) == id(item))).cloned()
    };
    let new = |item: &&T| find(latest, item).is_none_or(|found| !same(*item, &found));
    let put = desired.into_iter().flatten().filter(new).cloned().collect();
    let gone = latest.into_iter().flatten().filter(|item| find(desired, item).is_none());
    (put, gone.filter_map(|item| id(item).cloned()).collect())
}

/// A function for a sub-resource of which there are many.
macro_rules! many {
    ($name:ident: $field:ident $json:literal, $put:ident $Put:ident $set:ident, $delete:ident $Delete:ident) => {
        fn $name(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
            if !ctx.differs($json) {
                return Ok(());
            }
            let (desired, latest) = (ctx.desired.$field.as_ref(), ctx.latest.$field.as_ref());
            let (put, gone) = by_id(desired, latest, |item| item.id.as_ref());
            for item in put {
                let value = item.to_sdk().map_err(|unfit: Unfit| unfit.within($json))?;
                let put = to!(ctx, $put, $Put);
                ctx.add(put.set_id(item.id).$set(value));
            }
            for id in gone {
                let delete = to!(ctx, $delete, $Delete);
                ctx.add(delete.id(id));
            }
            Ok(())
        }
    };
}

many!(analytics: analytics "analytics",
    put_bucket_analytics_configuration PutBucketAnalyticsConfigurationInputBuilder
    analytics_configuration,
    delete_bucket_analytics_configuration DeleteBucketAnalyticsConfigurationInputBuilder);
many!(tiering: intelligent_tiering "intelligentTiering",
    put_bucket_intelligent_tiering_configuration
    PutBucketIntelligentTieringConfigurationInputBuilder intelligent_tiering_configuration,
    delete_bucket_intelligent_tiering_configuration
    DeleteBucketIntelligentTieringConfigurationInputBuilder);
many!(inventory: inventory "inventory",
    put_bucket_inventory_configuration PutBucketInventoryConfigurationInputBuilder
    inventory_configuration,
    delete_bucket_inventory_configuration DeleteBucketInventoryConfigurationInputBuilder);
many!(metrics: metrics "metrics",
    put_bucket_metrics_configuration PutBucketMetricsConfigurationInputBuilder
    metrics_configuration,
    delete_bucket_metrics_configuration DeleteBucketMetricsConfigurationInputBuilder);

/// A function for a sub-resource that is put or deleted whole.
macro_rules! whole {
    ($name:ident: $field:ident $json:literal, $put:ident $Put:ident $set:ident, $delete:ident $Delete:ident) => {
        fn $name(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
            if !ctx.differs($json) {
                return Ok(());
            }
            match sdk(ctx.desired.$field.as_ref(), $json)? {
                Some(value) => {
                    let put = to!(ctx, $put, $Put);
                    ctx.add(put.$set(value));
                }
                None => {
                    let delete = to!(ctx, $delete, $Delete);
                    ctx.add(delete);
                }
            }
            Ok(())
        }
    };
}

whole!(public_access_block: public_access_block "publicAccessBlock",
    put_public_access_block PutPublicAccessBlockInputBuilder public_access_block_configuration,
    delete_public_access_block DeletePublicAccessBlockInputBuilder);
whole!(ownership: ownership_controls "ownershipControls",
    put_bucket_ownership_controls PutBucketOwnershipControlsInputBuilder ownership_controls,
    delete_bucket_ownership_controls DeleteBucketOwnershipControlsInputBuilder);
whole!(cors: cors "cors",
    put_bucket_cors PutBucketCorsInputBuilder cors_configuration,
    delete_bucket_cors DeleteBucketCorsInputBuilder);
whole!(encryption: encryption "encryption",
    put_bucket_encryption PutBucketEncryptionInputBuilder server_side_encryption_configuration,
    delete_bucket_encryption DeleteBucketEncryptionInputBuilder);
whole!(lifecycle: lifecycle "lifecycle",
    put_bucket_lifecycle_configuration PutBucketLifecycleConfigurationInputBuilder
    lifecycle_configuration,
    delete_bucket_lifecycle DeleteBucketLifecycleInputBuilder);
whole!(tagging: tagging "tagging",
    put_bucket_tagging PutBucketTaggingInputBuilder tagging,
    delete_bucket_tagging DeleteBucketTaggingInputBuilder);
whole!(website: website "website",
    put_bucket_website PutBucketWebsiteInputBuilder website_configuration,
    delete_bucket_website DeleteBucketWebsiteInputBuilder);
whole!(replication: replication "replication",
    put_bucket_replication PutBucketReplicationInputBuilder replication_configuration,
    delete_bucket_replication DeleteBucketReplicationInputBuilder);

/// Whether access control lists count, by what the spec says or leaves at AWS's default.
pub(super) fn lists_count(spec: &BucketSpec) -> bool {
    let rules = spec.ownership_controls.iter().filter_map(|controls| controls.rules.as_ref());
    !rules.flatten().any(|rule| rule.object_ownership.as_deref() == Some("BucketOwnerEnforced"))
}

/// The canned list counts alone; grants replace the whole list.
fn acl(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    let grants = ["grantFullControl", "grantRead", "grantReadACP", "grantWrite", "grantWriteACP"];
    let put = to!(ctx, put_bucket_acl, PutBucketAclInputBuilder);
    if ctx.differs("acl") {
        ctx.add(put.set_acl(sdk(ctx.desired.acl.as_ref(), "acl")?));
    } else if grants.into_iter().any(|field| ctx.differs(field)) {
        let desired = ctx.desired.clone();
        ctx.add(
            put.set_grant_full_control(desired.grant_full_control)
                .set_grant_read(desired.grant_read)
                .set_grant_read_acp(desired.grant_read_acp)
                .set_grant_write(desired.grant_write)
                .set_grant_write_acp(desired.grant_write_acp),
        );
    }
    Ok(())
}

fn logging(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if ctx.differs("logging") {
        let none = || types::BucketLoggingStatus::builder().build();
        let value = sdk(ctx.desired.logging.as_ref(), "logging")?.unwrap_or_else(none);
        let put = to!(ctx, put_bucket_logging, PutBucketLoggingInputBuilder);
        ctx.add(put.bucket_logging_status(value));
    }
    Ok(())
}

fn notification(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if ctx.differs("notification") {
        let none = || types::NotificationConfiguration::builder().build();
        let value = sdk(ctx.desired.notification.as_ref(), "notification")?.unwrap_or_else(none);
        let put = to!(
            ctx,
            put_bucket_notification_configuration,
            PutBucketNotificationConfigurationInputBuilder
        );
        ctx.add(put.notification_configuration(value));
    }
    Ok(())
}

fn policy(ctx: &mut Ctx<'_>) {
    if !ctx.differs("policy") {
        return;
    }
    match ctx.desired.policy.clone() {
        Some(policy) => {
            let put = to!(ctx, put_bucket_policy, PutBucketPolicyInputBuilder);
            ctx.add(put.policy(policy));
        }
        None => {
            let delete = to!(ctx, delete_bucket_policy, DeleteBucketPolicyInputBuilder);
            ctx.add(delete);
        }
    }
}

fn payment(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if ctx.differs("requestPayment") {
        let field = "requestPayment";
        let value = match sdk(ctx.desired.request_payment.as_ref(), field)? {
            Some(value) => value,
            None => types::RequestPaymentConfiguration::builder()
                .payer(types::Payer::BucketOwner)
                .build()
                .map_err(|error| Unfit::at(field, error.to_string()))?,
        };
        let put = to!(ctx, put_bucket_request_payment, PutBucketRequestPaymentInputBuilder);
        ctx.add(put.request_payment_configuration(value));
    }
    Ok(())
}

fn versioning(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if ctx.differs("versioning") {
        let suspended = || {
            let status = types::BucketVersioningStatus::Suspended;
            types::VersioningConfiguration::builder().status(status).build()
        };
        let value = sdk(ctx.desired.versioning.as_ref(), "versioning")?.unwrap_or_else(suspended);
        let put = to!(ctx, put_bucket_versioning, PutBucketVersioningInputBuilder);
        ctx.add(put.versioning_configuration(value));
    }
    Ok(())
}

/// Replication needs versioning: it comes after it, and goes before it.
// Differs from ACK: only what differs is sent, not both whenever either does.
fn replication_and_versioning(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if ctx.desired.replication.is_some() {
        versioning(ctx)?;
        replication(ctx)
    } else {
        replication(ctx)?;
        versioning(ctx)
    }
}

fn object_lock(ctx: &mut Ctx<'_>) -> Result<Then, Unfit> {
    if !ctx.differs("objectLockConfiguration") && !ctx.differs("objectLockEnabledForBucket") {
        return Ok(Then::Settled);
    }
    let desired = ctx.desired;
    if desired.object_lock_enabled_for_bucket == Some(false) {
        let message = "spec.objectLockEnabledForBucket is false, but object lock is on and can't \
                       be switched off again";
        return Ok(Then::Refuse(message.to_owned()));
    }
    let rule = desired.object_lock_configuration.as_ref().and_then(|lock| lock.rule.as_ref());
    let is_on = [desired, ctx.latest]
        .into_iter()
        .any(|spec| spec.object_lock_enabled_for_bucket == Some(true));
    let value = types::ObjectLockConfiguration::builder()
        .set_object_lock_enabled(is_on.then_some(types::ObjectLockEnabled::Enabled))
        .set_rule(sdk(rule, "objectLockConfiguration.rule")?)
        .build();
    let put = to!(ctx, put_object_lock_configuration, PutObjectLockConfigurationInputBuilder);
    ctx.add(put.object_lock_configuration(value));
    Ok(Then::Settled)
}

/// Directory buckets have their tags changed one by one.
fn directory_tags(ctx: &mut Ctx<'_>) -> Result<(), Unfit> {
    if !ctx.differs("tagging") {
        return Ok(());
    }
    let list = |spec: &BucketSpec| -> Vec<Tag> {
        spec.tagging.iter().filter_map(|tagging| tagging.tag_set.clone()).flatten().collect()
    };
    let (wanted, found) = (list(ctx.desired), list(ctx.latest));
    let arn = read::arn(ctx.desired.name.as_deref().unwrap_or_default(), ctx.place);
    let new: Vec<Tag> = wanted.iter().filter(|tag| !found.contains(tag)).cloned().collect();
    if !new.is_empty() {
        let tags: Vec<control_types::Tag> =
            new.to_sdk().map_err(|unfit: Unfit| unfit.within("tagging.tagSet"))?;
        let tag = control::tag_resource::builders::TagResourceInputBuilder::default();
        ctx.add(tag.account_id(&ctx.place.account).resource_arn(&arn).set_tags(Some(tags)));
    }
    let gone = found.iter().filter(|tag| wanted.iter().all(|kept| kept.key != tag.key));
    let gone: Vec<String> = gone.filter_map(|tag| tag.key.clone()).collect();
    if !gone.is_empty() {
        let untag = control::untag_resource::builders::UntagResourceInputBuilder::default();
        ctx.add(untag.account_id(&ctx.place.account).resource_arn(arn).set_tag_keys(Some(gone)));
    }
    Ok(())
}
