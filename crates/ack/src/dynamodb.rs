//! Amazon DynamoDB.

mod backup;
mod global_table;
mod table;

pub mod shapes;

pub use backup::Backup;
pub use backup::BackupCall;
pub use global_table::GlobalTable;
pub use global_table::GlobalTableCall;
pub use table::Call;
pub use table::Table;
