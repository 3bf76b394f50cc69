//! Clients of the AWS SDK, and what their errors mean for us.

mod clients;
mod failure;
mod frames;
mod telemetry;

pub use clients::Aws;
pub use clients::ClientError;
pub use clients::Endpoint;
pub use clients::Regional;
pub use failure::Effect;
pub use failure::Failure;
pub(crate) use frames::SendBy;
pub(crate) use frames::boxed;
pub use telemetry::ApiMetrics;
pub(crate) use telemetry::on_behalf_of;
