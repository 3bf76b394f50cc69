//! How types and mistakes are put into words.

use cel::Type;
use diagnostics::Code;

/// A type as people write it: an object type by the place where its schema stands.
#[must_use]
pub fn show_type(ty: &Type) -> String {
    plain(&ty.to_string())
}

/// Replaces the names that object types have in the environment by places: `__type_config.data`
/// becomes `config.data`, elements of a list are `[]`, values of a map `[*]`.
#[must_use]
pub fn plain(text: &str) -> String {
    let text = text.replace(".@idx", "[]").replace(".@elem", "[*]");
    text.replace("__type_", "")
}

/// The code of a mistake in an expression.
#[must_use]
pub fn code(mistake: &cel::Mistake) -> Code {
    use cel::MistakeKind as Kind;
    match &mistake.kind {
        Kind::UndeclaredReference { function: true, .. } => Code::UnknownFunction,
        Kind::UndeclaredReference { function: false, .. } => Code::UnknownIdentifier,
        Kind::UndefinedField { .. } => Code::UnknownSelection,
        Kind::TooDeep { .. } | Kind::TooLong { .. } => Code::ExpressionTooComplex,
        _ if mistake.phase() == cel::Phase::Parse => Code::InvalidExpression,
        _ => Code::ExpressionType,
    }
}
