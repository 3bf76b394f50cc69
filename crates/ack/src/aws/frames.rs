//! Futures in frames of their own.
//!
//! The futures of the SDK are large: one frame that holds those of all operations of a service would
//! not fit on the stack of a thread.

use futures::future::BoxFuture;

use super::Failure;
use super::Regional;

/// A request that can be sent by the clients of a region.
pub(crate) trait SendBy {
    /// Sends it.
    fn send_by(self, aws: &Regional) -> BoxFuture<'_, Result<(), Failure>>;
}

/// Makes a future in a frame that ends with it.
pub(crate) fn boxed<'f, T>(make: impl FnOnce() -> BoxFuture<'f, T>) -> BoxFuture<'f, T> {
    make()
}
