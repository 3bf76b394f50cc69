//! Amazon DynamoDB.

mod table;

pub mod shapes;

pub use table::Call;
pub use table::Table;
