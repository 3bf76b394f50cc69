//! The requests that change a bucket.

use aws_sdk_s3::operation as s3;
use aws_sdk_s3control::operation as control;

use futures::future::BoxFuture;

use crate::aws::Failure;
use crate::aws::Regional;
use crate::aws::SendBy;

/// One variant for each operation: what it takes, and the client that sends it.
macro_rules! calls {
    ($( $(#[doc = $about:literal])+ $Name:ident($input:ty) by $client:ident; )+) => {
        /// A request that changes a bucket.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Call {
            $( $(#[doc = $about])+ $Name(Box<$input>), )+
        }

        $(
            impl From<$input> for Call {
                fn from(input: $input) -> Self {
                    Self::$Name(Box::new(input))
                }
            }
        )+

        $(
            impl SendBy for $input {
                fn send_by(self, aws: &Regional) -> BoxFuture<'_, Result<(), Failure>> {
                    Box::pin(async move {
                        self.send_with(&aws.$client).await?;
                        Ok(())
                    })
                }
            }
        )+

        impl Call {
            /// Sends it.
            ///
            /// # Errors
            ///
            /// [`Failure`] says whether it may have had an effect all the same.
            pub(super) async fn send(self, aws: &Regional) -> Result<(), Failure> {
                match self {
                    $( Self::$Name(input) => input.send_by(aws).await, )+
                }
            }
        }
    };
}

calls! {
    /// Creates it.
    Create(s3::create_bucket::builders::CreateBucketInputBuilder) by s3;
    /// Deletes it; it must be empty.
    Delete(s3::delete_bucket::builders::DeleteBucketInputBuilder) by s3;
    /// Lets tags decide about access, or not.
    PutAbac(s3::put_bucket_abac::builders::PutBucketAbacInputBuilder) by s3;
    /// Accelerates transfers, or not.
    PutAccelerate(s3::put_bucket_accelerate_configuration::builders::PutBucketAccelerateConfigurationInputBuilder) by s3;
    /// Adds or changes one analysis.
    PutAnalytics(s3::put_bucket_analytics_configuration::builders::PutBucketAnalyticsConfigurationInputBuilder) by s3;
    /// Removes one analysis.
    DeleteAnalytics(s3::delete_bucket_analytics_configuration::builders::DeleteBucketAnalyticsConfigurationInputBuilder) by s3;
    /// Replaces the access control list.
    PutAcl(s3::put_bucket_acl::builders::PutBucketAclInputBuilder) by s3;
    /// Replaces the rules for other origins.
    PutCors(s3::put_bucket_cors::builders::PutBucketCorsInputBuilder) by s3;
    /// Removes the rules for other origins.
    DeleteCors(s3::delete_bucket_cors::builders::DeleteBucketCorsInputBuilder) by s3;
    /// Replaces the default encryption.
    PutEncryption(s3::put_bucket_encryption::builders::PutBucketEncryptionInputBuilder) by s3;
    /// Goes back to AWS's own default encryption.
    DeleteEncryption(s3::delete_bucket_encryption::builders::DeleteBucketEncryptionInputBuilder) by s3;
    /// Adds or changes one configuration of tiers.
    PutTiering(s3::put_bucket_intelligent_tiering_configuration::builders::PutBucketIntelligentTieringConfigurationInputBuilder) by s3;
    /// Removes one configuration of tiers.
    DeleteTiering(s3::delete_bucket_intelligent_tiering_configuration::builders::DeleteBucketIntelligentTieringConfigurationInputBuilder) by s3;
    /// Adds or changes one list of objects.
    PutInventory(s3::put_bucket_inventory_configuration::builders::PutBucketInventoryConfigurationInputBuilder) by s3;
    /// Removes one list of objects.
    DeleteInventory(s3::delete_bucket_inventory_configuration::builders::DeleteBucketInventoryConfigurationInputBuilder) by s3;
    /// Replaces the rules of expiry.
    PutLifecycle(s3::put_bucket_lifecycle_configuration::builders::PutBucketLifecycleConfigurationInputBuilder) by s3;
    /// Removes the rules of expiry.
    DeleteLifecycle(s3::delete_bucket_lifecycle::builders::DeleteBucketLifecycleInputBuilder) by s3;
    /// Says where the log goes, if anywhere.
    PutLogging(s3::put_bucket_logging::builders::PutBucketLoggingInputBuilder) by s3;
    /// Adds or changes one set of metrics.
    PutMetrics(s3::put_bucket_metrics_configuration::builders::PutBucketMetricsConfigurationInputBuilder) by s3;
    /// Removes one set of metrics.
    DeleteMetrics(s3::delete_bucket_metrics_configuration::builders::DeleteBucketMetricsConfigurationInputBuilder) by s3;
    /// Says who is told about events, if anybody.
    PutNotification(s3::put_bucket_notification_configuration::builders::PutBucketNotificationConfigurationInputBuilder) by s3;
    /// Says who owns new objects.
    PutOwnership(s3::put_bucket_ownership_controls::builders::PutBucketOwnershipControlsInputBuilder) by s3;
    /// Leaves it open who owns new objects.
    DeleteOwnership(s3::delete_bucket_ownership_controls::builders::DeleteBucketOwnershipControlsInputBuilder) by s3;
    /// Says which ways of making it public are barred.
    PutPublicAccessBlock(s3::put_public_access_block::builders::PutPublicAccessBlockInputBuilder) by s3;
    /// Bars no way of making it public.
    DeletePublicAccessBlock(s3::delete_public_access_block::builders::DeletePublicAccessBlockInputBuilder) by s3;
    /// Replaces the policy.
    PutPolicy(s3::put_bucket_policy::builders::PutBucketPolicyInputBuilder) by s3;
    /// Removes the policy.
    DeletePolicy(s3::delete_bucket_policy::builders::DeleteBucketPolicyInputBuilder) by s3;
    /// Says who pays.
    PutPayment(s3::put_bucket_request_payment::builders::PutBucketRequestPaymentInputBuilder) by s3;
    /// Replaces all its tags.
    PutTagging(s3::put_bucket_tagging::builders::PutBucketTaggingInputBuilder) by s3;
    /// Removes all its tags.
    DeleteTagging(s3::delete_bucket_tagging::builders::DeleteBucketTaggingInputBuilder) by s3;
    /// Serves it as a website.
    PutWebsite(s3::put_bucket_website::builders::PutBucketWebsiteInputBuilder) by s3;
    /// Does not serve it as a website.
    DeleteWebsite(s3::delete_bucket_website::builders::DeleteBucketWebsiteInputBuilder) by s3;
    /// Replaces the rules of copying.
    PutReplication(s3::put_bucket_replication::builders::PutBucketReplicationInputBuilder) by s3;
    /// Removes the rules of copying.
    DeleteReplication(s3::delete_bucket_replication::builders::DeleteBucketReplicationInputBuilder) by s3;
    /// Keeps earlier versions, or makes no more.
    PutVersioning(s3::put_bucket_versioning::builders::PutBucketVersioningInputBuilder) by s3;
    /// Says how long objects are kept.
    PutObjectLock(s3::put_object_lock_configuration::builders::PutObjectLockConfigurationInputBuilder) by s3;
    /// Adds or changes tags of a directory bucket.
    Tag(control::tag_resource::builders::TagResourceInputBuilder) by s3control;
    /// Removes tags of a directory bucket.
    Untag(control::untag_resource::builders::UntagResourceInputBuilder) by s3control;
}
