//! The requests that change a table.

use aws_sdk_dynamodb::operation as dynamodb;

use futures::future::BoxFuture;

use crate::aws::Failure;
use crate::aws::Regional;
use crate::aws::SendBy;

/// One variant for each operation: what it takes.
macro_rules! calls {
    ($( $(#[doc = $about:literal])+ $Name:ident($input:ty); )+) => {
        /// A request that changes a table.
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
                        self.send_with(&aws.dynamodb).await?;
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
    Create(dynamodb::create_table::builders::CreateTableInputBuilder);
    /// Removes tags.
    Untag(dynamodb::untag_resource::builders::UntagResourceInputBuilder);
    /// Adds or changes tags.
    Tag(dynamodb::tag_resource::builders::TagResourceInputBuilder);
    /// Replaces the policy.
    PutPolicy(dynamodb::put_resource_policy::builders::PutResourcePolicyInputBuilder);
    /// Removes the policy.
    DeletePolicy(dynamodb::delete_resource_policy::builders::DeleteResourcePolicyInputBuilder);
    /// Lets items expire, or not.
    TimeToLive(dynamodb::update_time_to_live::builders::UpdateTimeToLiveInputBuilder);
    /// Lets the table be restored to any point in time, or not.
    Recovery(dynamodb::update_continuous_backups::builders::UpdateContinuousBackupsInputBuilder);
    /// Finds out the most used keys, or not.
    Insights(dynamodb::update_contributor_insights::builders::UpdateContributorInsightsInputBuilder);
    /// Changes it.
    Update(dynamodb::update_table::builders::UpdateTableInputBuilder);
    /// Deletes it.
    Delete(dynamodb::delete_table::builders::DeleteTableInputBuilder);
}
