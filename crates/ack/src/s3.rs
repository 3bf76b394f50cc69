//! Amazon S3.

mod bucket;

pub mod shapes;

pub use bucket::Bucket;
pub use bucket::Call;
