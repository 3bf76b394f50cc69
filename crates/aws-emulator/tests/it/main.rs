//! The emulator as its clients see it: through the official SDK, and byte by byte.

#![expect(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod control;
mod dynamodb;
mod dynamodb_tables;
mod neighbours;
mod orphans;
mod pressure;
mod raw;
mod s3;
mod s3_directory;
mod s3_documents;
mod sqs;
mod sts;
mod world;
