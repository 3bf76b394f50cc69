//! Conditions that a definition's author declares for instances.

use crate::expression::Expression;

/// An entry of `status.conditions`.
#[derive(Debug)]
pub struct ConditionSource {
    /// Gives one condition or a list of them: [`Expression::conditions`].
    pub expression: Expression,
    /// The types that it names literally, in the order of their first appearance: those that stay
    /// on the instance while the expression waits for data. Empty when all are computed.
    pub types: Vec<String>,
}

/// A condition as an expression gave it, without times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorCondition {
    /// `type`.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word that says why; may be empty.
    pub reason: String,
    /// A sentence for people; may be empty.
    pub message: String,
}

// === impl AuthorCondition ===

impl From<&cel::library::Condition> for AuthorCondition {
    fn from(condition: &cel::library::Condition) -> Self {
        let cel::library::Condition { kind, status, reason, message } = condition.clone();
        Self { kind, status, reason, message }
    }
}
