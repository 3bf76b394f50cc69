//! An AWS endpoint for tests and demos: S3 buckets, DynamoDB tables, SQS queues and STS, as far as
//! the controllers of this project call them, and a little of what stands beside them (IAM roles,
//! SNS topics, availability zones, CloudFormation stacks of buckets).
//!
//! ```text
//! TCP ──► server ──► Cloud::handle(time, request) ──► protocol ──► s3 | dynamodb | sqs | sts
//!            ▲                │                          (sans I/O, one mutex)
//!            └─── reply ◄─────┘ faults, record of calls
//! ```
//!
//! In go HTTP requests as `aws-sdk-*`, boto3 or the AWS command line send them; out come the answers
//! that AWS gives, errors included. What it does not know (an operation, a query parameter, a header,
//! an XML element, a JSON member) is an error that names it, never a silent success.
//!
//! Requests must be signed (Signature Version 4); the header's shape is checked and its access key
//! decides the account, but the signature itself is **not** verified. Bind it to loopback only.
//!
//! This crate knows nothing of Kubernetes.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use aws_emulator::{Emulator, Fault, Options};
//!
//! let emulator = Emulator::start(Options::default()).await?;
//! let control = emulator.control();
//! control.set_table_delay(std::time::Duration::from_secs(2));
//! control.fail(Fault::error(503, "SlowDown", "Reduce your request rate.").on("s3", "CreateBucket"));
//! println!("AWS_ENDPOINT_URL={}", emulator.url());
//! emulator.stop().await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod auth;
mod cloud;
pub mod command;
mod control;
mod dynamodb;
mod failure;
mod fault;
mod ids;
mod neighbours;
mod past;
mod policy_text;
mod protocol;
mod query;
mod rate;
mod s3;
mod server;
mod shape;
mod sqs;
mod sts;
mod text;

pub use cloud::Cloud;
pub use cloud::Reply;
pub use cloud::Settings;
pub use control::Control;
pub use fault::Call;
pub use fault::Effect;
pub use fault::Fault;
pub use fault::When;
pub use protocol::operations;
pub use rate::RateLimit;
pub use server::Emulator;
pub use server::Options;
