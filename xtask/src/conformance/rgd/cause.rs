//! Whether a definition was refused for the recorded reason.

use super::super::Mismatch;
use super::facts::path;
use super::lines;
use diagnostics::{Diagnostic, Diagnostics};
use serde_json::Value;

/// What is recorded of a refusal.
pub(super) fn recorded(expected: &Value) -> String {
    let errors = errors(expected).into_iter().map(|(who, error)| format!("{who}: {error}"));
    errors.collect::<Vec<_>>().join("\n")
}

/// Whether some diagnostic names a recorded cause with its name and place.
///
/// A definition may be refused for several reasons, by the compiler and by the API server: one of them is enough, as
/// upstream stops at the first.
pub(super) fn compare(
    expected: &Value,
    definition: &Value,
    found: &Diagnostics,
) -> Result<(), Mismatch> {
    let causes: Vec<Cause> = errors(expected)
        .iter()
        .map(|(who, error)| match who {
            Who::Compiler => of_compiler(error, definition),
            Who::Admission | Who::Crd => of_api_server(error),
        })
        .collect();
    if found.errors().any(|diagnostic| causes.iter().any(|cause| cause.is(diagnostic))) {
        return Ok(());
    }
    let causes: Vec<String> = causes.iter().map(|cause| format!("{cause:?}")).collect();
    let recorded = recorded(expected);
    Err(Mismatch::new(format!("{recorded}\nthat is: {}", causes.join("\nor: ")), lines(found)))
}

/// Who refused it.
#[derive(Debug, Clone, Copy)]
enum Who {
    Compiler,
    Admission,
    Crd,
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Compiler => "refused by the compiler",
            Self::Admission => "the definition refused by the API server",
            Self::Crd => "the CRD refused by the API server",
        })
    }
}

/// All recorded errors.
fn errors(expected: &Value) -> Vec<(Who, String)> {
    let mut errors = Vec::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if expected["verdict"] == "rejected" {
        errors.extend(text(&expected["error"]).map(|error| (Who::Compiler, error)));
        let variants = expected["errorVariants"].as_array().into_iter().flatten();
        errors.extend(variants.filter_map(text).map(|error| (Who::Compiler, error)));
    }
    for (key, who) in [("admission", Who::Admission), ("crdAdmission", Who::Crd)] {
        let refused = expected[key]["verdict"] == "rejected";
        errors.extend(text(&expected[key]["error"]).filter(|_| refused).map(|error| (who, error)));
    }
    errors
}

/// What a diagnostic must say to name the same cause.
#[derive(Debug, Default)]
struct Cause {
    /// The number of its code is one of these; any if empty.
    codes: Vec<u16>,
    /// It mentions one of these in message, help or place; anything if empty.
    names: Vec<String>,
    /// Its place ends with this, or is above or below it.
    place: Option<String>,
}

impl Cause {
    fn is(&self, diagnostic: &Diagnostic) -> bool {
        let place = path(&diagnostic.place.path, 0);
        let told =
            format!("{} {} {place}", diagnostic.message, diagnostic.help.as_deref().unwrap_or(""));
        let code = self.codes.is_empty() || self.codes.contains(&diagnostic.code.number());
        let name = self.names.is_empty() || self.names.iter().any(|name| told.contains(name));
        let near = self.place.as_deref().is_none_or(|wanted| near(&place, wanted));
        code && name && near
    }
}

/// Whether a place is the one that is told by its end, or directly above or below.
fn near(place: &str, wanted: &str) -> bool {
    let ends = |place: &str, wanted: &str| {
        let rest = place.strip_suffix(wanted);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.') || wanted.starts_with('['))
    };
    let above = |place: &str| place.rfind(['.', '[']).map(|at| place[..at].to_owned());
    ends(place, wanted)
        || above(wanted).is_some_and(|wanted| ends(place, &wanted))
        || above(place).is_some_and(|place| ends(&place, wanted))
}

/// Codes by what the recorded text contains; the first that fits counts.
const CODES: &[(&str, &[u16])] = &[
    ("is a reserved keyword", &[110]),
    ("is not a valid KRO resource id", &[109, 103]),
    ("is not a valid KRO kind name", &[105, 103]),
    ("found duplicate resource IDs", &[111]),
    ("forEach cannot have more", &[606]),
    ("conflicts with resource ID", &[111]),
    ("duplicate forEach iterator", &[111]),
    ("must be lowerCamelCase", &[109]),
    (
        "failed to build OpenAPI schema",
        &[201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 214, 215, 216],
    ),
    ("failed to unmarshal", &[102, 201, 301]),
    ("decode:", &[102, 607, 608]),
    ("invalid combination of resource fields", &[310]),
    ("is not a valid Kubernetes object", &[301]),
    ("failed to extract GVK", &[301, 302, 309]),
    ("failed to get schema for resource", &[301, 302, 309]),
    ("failed to get REST mapping", &[302]),
    ("is cluster-scoped and must not set", &[307]),
    ("must set metadata.namespace", &[308]),
    ("are reserved for internal use", &[306]),
    ("only supported for metadata", &[309]),
    ("nested expressions are not allowed", &[406]),
    ("schema not found for field", &[303]),
    ("type for path", &[304]),
    ("only standalone expressions are allowed", &[407]),
    ("invalid forEach expression", &[407, 607]),
    ("omit() requires", &[408]),
    ("omit() can", &[409]),
    ("parse error", &[401, 413]),
    ("self references are not allowed", &[502]),
    ("graph contains a cycle", &[501]),
    ("node each does not exist", &[403, 604]),
    ("runtime is only available", &[602]),
    ("all forEach dimensions must be used", &[605]),
    ("cannot reference other iterators", &[604]),
    ("references unknown identifiers", &[403, 404, 602, 604]),
    ("uses unknown functions", &[404]),
    ("must return a list", &[603]),
    ("must return bool", &[601]),
    ("type mismatch in resource", &[305, 412]),
    ("status fields without expressions", &[701]),
    ("must refer to a resource or schema", &[702]),
    ("status.conditions", &[703]),
    ("declared by more than one", &[705]),
    ("cannot reference each other", &[706]),
    ("unknown condition type", &[706]),
    ("must not be empty in expression", &[704]),
    ("status must be one of", &[704]),
    ("condition expressions must return", &[704]),
    ("undefined field", &[405]),
    ("does not support field selection", &[402]),
    ("undeclared reference", &[403, 404]),
    ("found no matching overload", &[402, 412]),
];

/// Texts around a name that our diagnostic must mention.
const NAMES: &[(&str, &str)] = &[
    ("references unknown identifiers: [", "]"),
    ("uses unknown functions: [{", "}"),
    ("undefined field '", "'"),
    ("undeclared reference to '", "'"),
    ("schema not found for field ", ""),
    ("missing: [", "]"),
    ("forEach iterator name \"", "\""),
    ("forEach iterator \"", "\""),
    ("condition type \"", "\""),
    ("unknown type: ", ""),
    ("unknown marker: ", ""),
    ("found duplicate resource IDs ", ""),
];

/// Texts around a place in an object.
const PLACES: &[(&str, &str)] = &[
    ("omit() cannot be used at path \"", "\""),
    ("\" at path \"", "\""),
    ("error getting field schema for path .", ":"),
    ("error getting field schema for path ", ":"),
    (" type for path ", ","),
    ("status field \"", "\""),
    ("must refer to a resource or schema: ", ""),
    ("status fields without expressions are not supported: [", "]"),
    ("failed to build OpenAPI schema for instance: field ", ":"),
];

fn of_compiler(error: &str, definition: &Value) -> Cause {
    let mut cause = Cause::default();
    if let Some((_, codes)) = CODES.iter().find(|(text, _)| error.contains(text)) {
        cause.codes = codes.to_vec();
    }
    let first_line = error.lines().next().unwrap_or_default();
    for (before, after) in NAMES {
        if let Some(names) = between(first_line, before, after) {
            cause.names = names.split_whitespace().map(str::to_owned).collect();
            break;
        }
    }
    cause.place = PLACES.iter().find_map(|(before, after)| between(first_line, before, after));
    if cause.place.is_none()
        && let Some(id) = between(first_line, "resource \"", "\"")
    {
        let resources = definition["spec"]["resources"].as_array();
        let index =
            resources.and_then(|list| list.iter().position(|entry| entry["id"] == id.as_str()));
        // Anywhere in the resource.
        cause.names.extend(
            index
                .filter(|_| cause.names.is_empty())
                .map(|index| format!("spec.resources[{index}]")),
        );
    }
    cause
}

/// The text between two others; to the end of the line without the second.
fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    if after.is_empty() {
        return Some(rest.trim().to_owned());
    }
    rest.split_once(after).map(|(name, _)| name.to_owned())
}

/// The API server says the place first: `spec.schema.kind: Invalid value…`, in a list if there are several.
fn of_api_server(error: &str) -> Cause {
    let rest = error.split_once("is invalid: ").map_or("", |(_, rest)| rest);
    let rest = rest.strip_prefix('[').unwrap_or(rest);
    let Some((place, _)) = rest.split_once(": ") else { return Cause::default() };
    Cause { place: Some(in_definition(place)), ..Cause::default() }
}

/// What place in the definition makes a place in its CRD.
fn in_definition(place: &str) -> String {
    if let Some(inner) = place.strip_prefix("spec.validation.openAPIV3Schema.") {
        let mut path = String::new();
        for part in inner.split('.') {
            if let Some(name) =
                part.strip_prefix("properties[").and_then(|part| part.strip_suffix(']'))
            {
                path.push('.');
                path.push_str(name);
            } else if part != "items" {
                break;
            }
        }
        return path.trim_start_matches('.').to_owned();
    }
    let known = [
        ("spec.names.plural", "kind"),
        ("spec.names.singular", "kind"),
        ("spec.names.kind", "kind"),
        ("spec.names.listKind", "kind"),
        ("spec.names.", ""),
        ("spec.additionalPrinterColumns", "additionalPrinterColumns"),
        ("spec.versions[0].name", "apiVersion"),
        ("metadata.annotations", "group"),
        ("metadata.name", "group"),
        ("spec.group", "group"),
    ];
    for (prefix, ours) in known {
        if let Some(rest) = place.strip_prefix(prefix) {
            return format!("{ours}{}", rest.trim_start_matches("[api-approved.kubernetes.io]"));
        }
    }
    place.to_owned()
}
