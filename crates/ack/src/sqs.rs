//! Amazon SQS.

mod queue;

pub mod shapes;

pub use queue::Call;
pub use queue::Queue;
