//! The expressions of the marker `validation`.

use cel::Env;
use cel::Mistake;
use cel::MistakeKind;
use cel::Phase;
use cel::Type;
use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use diagnostics::Place;

use super::marker_text::MarkerText;
use crate::Schema;
use crate::infer;

/// Names that an API server's libraries put before a dot. They are not known here, so a rule that
/// uses one is left to the API server.
const LIBRARIES: [&str; 16] = [
    "authorizer",
    "base64",
    "cel",
    "cidr",
    "format",
    "ip",
    "jsonpatch",
    "lists",
    "math",
    "net",
    "optional",
    "quantity",
    "semver",
    "sets",
    "strings",
    "url",
];

/// Checks the rules that markers of this field add.
///
/// Reported is only what no API server can take: rules that cannot be parsed, that do not fit the
/// field's type, or that give no boolean.
pub(super) fn check(
    schema: &Schema,
    texts: &[MarkerText],
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    let mut rules = texts.iter().filter(|text| text.key == "validation").peekable();
    if rules.peek().is_none() {
        return;
    }
    let Some((ty, objects)) = infer::cel_type(schema, "self") else { return };
    let env = objects.into_iter().fold(Env::standard().extend(), cel::EnvBuilder::object);
    let Ok(env) = env.variable("self", ty.clone()).variable("oldSelf", ty).build() else { return };
    for rule in rules {
        match env.compile(&rule.value) {
            Ok(checked) => {
                let result = checked.result_type();
                if !matches!(result, cel::Type::Bool | cel::Type::Dyn) {
                    let message =
                        format!("a validation rule must give a bool, this gives {result}");
                    let place = Place::inside(at.clone(), rule.value_range.clone());
                    found.push(Diagnostic::error(Code::InvalidValidationRule, place, message));
                }
            }
            Err(mistakes) if mistakes.iter().any(may_be_fine) => {}
            Err(mistakes) => {
                found.extend(mistakes.iter().map(|mistake| report(mistake, rule, at)));
            }
        }
    }
}

/// Whether an API server, which has more functions, may see it otherwise.
fn may_be_fine(mistake: &Mistake) -> bool {
    match &mistake.kind {
        MistakeKind::UndeclaredReference { function: true, .. } => true,
        MistakeKind::UndeclaredReference { name, .. } => {
            LIBRARIES.contains(&name.split('.').next().unwrap_or_default())
        }
        // API servers compare numbers of different types.
        MistakeKind::NoMatchingOverload { function, args, .. } => {
            let number =
                |ty: &Type| matches!(ty, Type::Int | Type::Uint | Type::Double | Type::Dyn);
            function.contains(['<', '>']) && args.iter().all(number)
        }
        _ => mistake.phase() == Phase::Plan,
    }
}

fn report(mistake: &Mistake, rule: &MarkerText, at: &FieldPath) -> Diagnostic {
    let range = match rule.verbatim {
        Some(start) => start + mistake.span.start as usize..start + mistake.span.end as usize,
        None => rule.value_range.clone(),
    };
    let place = Place::inside(at.clone(), range);
    let message = format!("the validation rule does not compile: {mistake}");
    Diagnostic::error(Code::InvalidValidationRule, place, message)
}
