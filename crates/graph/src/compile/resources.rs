//! The resources of a definition before any expression is looked at: names, forms, kinds.

use crate::compile::{Kinds, Options};
use crate::names::{is_id, is_reserved, reserved_prefix};
use crate::node::{Kind, NodeId};
use crate::rgd::{ResourceSpec, Scope};
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place, nearest};
use schema::openapi::GroupVersionKind;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A resource whose form is known.
pub(super) struct Resource<'a> {
    pub(super) node: NodeId,
    pub(super) spec: &'a ResourceSpec,
    /// Where it stands.
    pub(super) at: FieldPath,
    /// `None` when it is not known which; that is reported.
    pub(super) kind: Option<Arc<Kind>>,
    /// `None` when there is nothing to go on with; that is reported.
    pub(super) form: Option<Form<'a>>,
    pub(super) dimensions: Vec<DimensionSpec<'a>>,
}

/// What a resource is made from.
#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    /// The object.
    Template(&'a Map<String, Value>),
    /// `metadata` of the reference, which names one object.
    Named(&'a Map<String, Value>),
    /// `metadata` of the reference, which selects objects.
    Selected(&'a Map<String, Value>),
}

/// An entry of `forEach`.
pub(super) struct DimensionSpec<'a> {
    pub(super) name: &'a str,
    pub(super) items: &'a str,
    pub(super) at: FieldPath,
}

impl Resource<'_> {
    /// Whether expressions see it as a list.
    pub(super) fn is_list(&self) -> bool {
        !self.spec.for_each.is_empty() || matches!(self.form, Some(Form::Selected(_)))
    }
}

/// The kind that an object with `apiVersion` and `kind` names, if both are plain text.
pub(super) fn kind_of(object: &Value) -> Option<GroupVersionKind> {
    let (api_version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
    let literal = !api_version.contains("${") && !kind.contains("${");
    literal.then(|| GroupVersionKind::of(api_version, kind))
}

/// Checks names, forms and kinds of all resources.
pub(super) fn read<'a>(
    specs: &'a [ResourceSpec],
    scope: Scope,
    kinds: &Kinds,
    options: &Options,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Vec<Resource<'a>> {
    check_ids(specs, at, found);
    let ids: BTreeSet<&str> = specs.iter().map(|spec| spec.id.as_str()).collect();
    let read = |(index, spec): (usize, &'a ResourceSpec)| {
        let at = at.index(index);
        let form = form(spec, &at, found);
        let object_at = match form {
            Some(Form::Named(_) | Form::Selected(_)) => at.field("externalRef"),
            Some(Form::Template(_)) | None => at.field("template"),
        };
        let kind = form.and_then(|_| {
            let object = spec.template.as_ref().or(spec.external_ref.as_ref())?;
            resolve(object, kinds, &object_at, found)
        });
        if let (Some(kind), Some(form)) = (&kind, form) {
            check_metadata(form, kind, scope, &spec.id, &object_at.field("metadata"), found);
        }
        let dimensions = dimensions(spec, &ids, options, &at.field("forEach"), found);
        Resource { node: NodeId::from_index(index), spec, at, kind, form, dimensions }
    };
    specs.iter().enumerate().map(read).collect()
}

/// A resource in a message, whether or not it has a name.
fn named(id: &str) -> String {
    if id.is_empty() { "the resource".to_owned() } else { format!("resource `{id}`") }
}

fn check_ids(specs: &[ResourceSpec], at: &FieldPath, found: &mut Diagnostics) {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, spec) in specs.iter().enumerate() {
        let id = spec.id.as_str();
        let at = |index: usize| at.index(index).field("id");
        check_name(id, "id", at(index).into(), found);
        match first.get(id) {
            Some(&other) => {
                let message = format!("found duplicate resource ID `{id}`");
                let diagnostic = Diagnostic::error(Code::DuplicateName, at(index), message);
                found.push(diagnostic.with_label(at(other), "first used here"));
            }
            None => {
                first.insert(id, index);
            }
        }
    }
}

fn check_name(name: &str, what: &str, at: Place, found: &mut Diagnostics) {
    if is_reserved(name) {
        let message = format!("the {what} `{name}` is a reserved word");
        found.push(Diagnostic::error(Code::ReservedName, at, message));
    } else if !is_id(name) {
        let message = format!(
            "`{name}` is not a valid {what}: expected a lower-case letter, then letters and digits"
        );
        let mut diagnostic = Diagnostic::error(Code::InvalidName, at, message);
        diagnostic.help = camel_case(name).map(|name| format!("write `{name}`"));
        found.push(diagnostic);
    }
}

/// A valid name that is as near as can be to one that is not.
fn camel_case(name: &str) -> Option<String> {
    let mut words = name.split(|char: char| !char.is_ascii_alphanumeric());
    let mut joined = words.by_ref().find(|word| !word.is_empty())?.to_owned();
    joined.replace_range(..1, &joined[..1].to_ascii_lowercase());
    for word in words.filter(|word| !word.is_empty()) {
        joined.push_str(&word[..1].to_ascii_uppercase());
        joined.push_str(&word[1..]);
    }
    (is_id(&joined) && !is_reserved(&joined)).then_some(joined)
}

fn form<'a>(spec: &'a ResourceSpec, at: &FieldPath, found: &mut Diagnostics) -> Option<Form<'a>> {
    let id = &spec.id;
    match (&spec.template, &spec.external_ref) {
        (None, None) => {
            let message =
                format!("resource `{id}`: exactly one of template or externalRef must be provided");
            found.push(Diagnostic::error(Code::TemplateOrReference, at, message));
            None
        }
        (Some(_), Some(_)) => {
            let message = format!("resource `{id}`: cannot use externalRef with template");
            let place = Place::key(at.field("externalRef"));
            found.push(Diagnostic::error(Code::TemplateOrReference, place, message));
            None
        }
        (Some(template), None) => template_form(template, id, &at.field("template"), found),
        (None, Some(reference)) => {
            if !spec.for_each.is_empty() {
                let message = format!("resource `{id}`: cannot use externalRef with forEach");
                let place = Place::key(at.field("forEach"));
                let diagnostic = Diagnostic::error(Code::TemplateOrReference, place, message);
                found.push(diagnostic.with_help("select several objects with `selector`"));
            }
            external_form(reference, id, &at.field("externalRef"), found)
        }
    }
}

/// Whether `apiVersion` and `kind` are plain text.
fn check_type(
    object: &Map<String, Value>,
    id: &str,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> bool {
    let mut right = true;
    for field in ["apiVersion", "kind"] {
        let diagnostic = match object.get(field) {
            None => Diagnostic::error(
                Code::InvalidTemplate,
                at,
                format!("{} is not a valid Kubernetes object: `{field}` is missing", named(id)),
            ),
            Some(Value::String(text)) if text.contains("${") => Diagnostic::error(
                Code::ExpressionNotAllowed,
                at.field(field),
                format!("`{field}` must be plain text: the kind `{text}` is not known in advance"),
            ),
            Some(Value::String(text)) if text.is_empty() => Diagnostic::error(
                Code::InvalidTemplate,
                at.field(field),
                format!("`{field}` must not be empty"),
            ),
            Some(Value::String(_)) => continue,
            Some(_) => Diagnostic::error(
                Code::InvalidTemplate,
                at.field(field),
                format!("`{field}` must be text"),
            ),
        };
        right = false;
        found.push(diagnostic);
    }
    right
}

fn template_form<'a>(
    template: &'a Value,
    id: &str,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Option<Form<'a>> {
    let Value::Object(object) = template else {
        let message = format!("{}: a template must be a mapping", named(id));
        found.push(Diagnostic::error(Code::InvalidTemplate, at, message));
        return None;
    };
    let mut right = check_type(object, id, at, found);
    match object.get("metadata") {
        Some(Value::Object(_)) => {}
        Some(_) => {
            let message = format!(
                "{} is not a valid Kubernetes object: `metadata` must be a mapping",
                named(id)
            );
            let place = at.field("metadata");
            let diagnostic = Diagnostic::error(Code::InvalidTemplate, place, message);
            found.push(diagnostic.with_help("put the expressions into its fields"));
            right = false;
        }
        None => {
            let message =
                format!("{} is not a valid Kubernetes object: `metadata` is missing", named(id));
            found.push(Diagnostic::error(Code::InvalidTemplate, at, message));
            right = false;
        }
    }
    right.then_some(Form::Template(object))
}

fn external_form<'a>(
    reference: &'a Value,
    id: &str,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Option<Form<'a>> {
    let error = |place: Place, message: String| {
        Diagnostic::error(Code::InvalidExternalReference, place, message)
    };
    let Value::Object(object) = reference else {
        found.push(error(
            at.into(),
            format!("resource `{id}`: an external reference must be a mapping"),
        ));
        return None;
    };
    let right = check_type(object, id, at, found);
    unknown_keys(object, &["apiVersion", "kind", "metadata"], at, found);
    let metadata_at = at.field("metadata");
    let Some(Value::Object(metadata)) = object.get("metadata") else {
        let place = if object.contains_key("metadata") { metadata_at } else { at.clone() };
        found.push(error(
            place.into(),
            format!("resource `{id}`: `metadata` must be a mapping with `name` or `selector`"),
        ));
        return None;
    };
    unknown_keys(metadata, &["name", "namespace", "selector"], &metadata_at, found);
    let mut right = right;
    for field in ["name", "namespace"] {
        match metadata.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if field == "name" && text.is_empty() => {
                found.push(error(
                    metadata_at.field(field).into(),
                    "`name` must not be empty".to_owned(),
                ));
                right = false;
            }
            Some(Value::String(_)) => {}
            Some(_) => {
                found.push(error(
                    metadata_at.field(field).into(),
                    format!("`{field}` must be text"),
                ));
                right = false;
            }
        }
    }
    let given = |field: &str| metadata.get(field).is_some_and(|value| !value.is_null());
    match (given("name"), given("selector")) {
        (true, false) => right.then_some(Form::Named(metadata)),
        (false, true) => {
            let at = metadata_at.field("selector");
            (check_selector(&metadata["selector"], &at, found) && right)
                .then_some(Form::Selected(metadata))
        }
        (true, true) | (false, false) => {
            let message =
                format!("resource `{id}`: exactly one of name or selector must be provided");
            found.push(error(metadata_at.into(), message));
            None
        }
    }
}

/// The shape of a label selector; an operator that does not exist stops every instance, but not
/// the API server.
fn check_selector(selector: &Value, at: &FieldPath, found: &mut Diagnostics) -> bool {
    let before = found.errors().count();
    let mut error = |at: &FieldPath, expected: &str| {
        let message = format!("expected {expected}");
        found.push(Diagnostic::error(Code::InvalidExternalReference, at, message));
    };
    let Value::Object(fields) = selector else {
        error(at, "a label selector: a mapping with `matchLabels` or `matchExpressions`");
        return false;
    };
    match fields.get("matchLabels") {
        None | Some(Value::Null) => {}
        Some(Value::Object(labels)) => {
            for (key, _) in labels.iter().filter(|(_, value)| !value.is_string()) {
                error(&at.field("matchLabels").field(key.as_str()), "text");
            }
        }
        Some(_) => error(&at.field("matchLabels"), "a mapping of labels to text"),
    }
    match fields.get("matchExpressions") {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            for (index, entry) in list.iter().enumerate() {
                let at = at.field("matchExpressions").index(index);
                if !entry.is_object() {
                    error(&at, "a mapping with `key`, `operator` and `values`");
                    continue;
                }
                for field in ["key", "operator"] {
                    if !entry[field].is_string() {
                        let at = if entry[field].is_null() { at.clone() } else { at.field(field) };
                        error(&at, &format!("`{field}` as text"));
                    }
                }
                match &entry["values"] {
                    Value::Null => {}
                    Value::Array(values) => {
                        for (index, _) in
                            values.iter().enumerate().filter(|(_, value)| !value.is_string())
                        {
                            error(&at.field("values").index(index), "text");
                        }
                    }
                    Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                        error(&at.field("values"), "a list of text");
                    }
                }
            }
        }
        Some(_) => error(&at.field("matchExpressions"), "a list"),
    }
    unknown_keys(fields, &["matchExpressions", "matchLabels"], at, found);
    let entries = fields.get("matchExpressions").and_then(Value::as_array);
    for (index, entry) in entries.into_iter().flatten().enumerate() {
        const OPERATORS: [&str; 4] = ["In", "NotIn", "Exists", "DoesNotExist"];
        let Some(operator) = entry["operator"].as_str() else { continue };
        if !operator.contains("${") && !OPERATORS.contains(&operator) {
            let message = format!(
                "`{operator}` is not an operator of label selectors: no instance can be resolved"
            );
            let place = at.field("matchExpressions").index(index).field("operator");
            let diagnostic = Diagnostic::warning(Code::InvalidExternalReference, place, message);
            found.push(diagnostic.with_help("use `In`, `NotIn`, `Exists` or `DoesNotExist`"));
        }
    }
    found.errors().count() == before
}

/// Keys that the API server drops.
pub(crate) fn unknown_keys(
    object: &Map<String, Value>,
    known: &[&str],
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
        let message = format!("unknown field `{key}`: the API server drops it");
        let place = Place::key(at.field(key.as_str()));
        let mut diagnostic = Diagnostic::warning(Code::UnknownDefinitionField, place, message);
        diagnostic.help =
            nearest(key, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        found.push(diagnostic);
    }
}

/// The kind of a resource.
fn resolve(
    object: &Value,
    kinds: &Kinds,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Option<Arc<Kind>> {
    let gvk = kind_of(object)?;
    if let Some(kind) = kinds.get(&gvk) {
        return Some(kind.clone());
    }
    let message = format!("no matches for kind `{}` in version `{}`", gvk.kind, gvk.api_version());
    let elsewhere = kinds.keys().find(|known| known.kind == gvk.kind && known.group == gvk.group);
    let moved = kinds.keys().find(|known| known.kind == gvk.kind);
    let near = nearest(&gvk.kind, kinds.keys().map(|known| known.kind.as_str()));
    let (field, help) = match (elsewhere.or(moved), near) {
        (Some(known), _) => {
            ("apiVersion", format!("`{}` is in `{}`", known.kind, known.api_version()))
        }
        (None, Some(near)) => ("kind", format!("did you mean `{near}`?")),
        (None, None) => (
            "kind",
            "install the CRD that defines it, or correct `apiVersion` and `kind`".to_owned(),
        ),
    };
    found.push(Diagnostic::error(Code::UnknownKind, at.field(field), message).with_help(help));
    None
}

/// What only metadata of a template must obey.
fn check_metadata(
    form: Form<'_>,
    kind: &Kind,
    scope: Scope,
    id: &str,
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    let (metadata, selects) = match form {
        Form::Template(object) => match object.get("metadata") {
            Some(Value::Object(metadata)) => (metadata, false),
            Some(_) | None => return,
        },
        Form::Named(metadata) => (metadata, false),
        Form::Selected(metadata) => (metadata, true),
    };
    if let Form::Template(_) = form {
        check_reserved(metadata, id, at, found);
    }
    let namespace = metadata.get("namespace");
    if !kind.namespaced && namespace.is_some() {
        let message = format!(
            "resource `{id}`: `{}` is cluster-scoped and must not set `metadata.namespace`",
            kind.gvk.kind
        );
        let place = Place::key(at.field("namespace"));
        found.push(Diagnostic::error(Code::NamespaceNotAllowed, place, message));
    }
    let blank = namespace.and_then(Value::as_str).is_none_or(|text| text.trim().is_empty());
    if kind.namespaced && scope == Scope::Cluster && blank && !selects {
        let message = format!(
            "resource `{id}`: `{}` is namespaced and must set `metadata.namespace` when instances are cluster-scoped",
            kind.gvk.kind
        );
        let place = if namespace.is_some() { at.field("namespace") } else { at.clone() };
        found.push(Diagnostic::error(Code::NamespaceRequired, place, message));
    }
}

fn check_reserved(
    metadata: &Map<String, Value>,
    id: &str,
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    for (field, what) in [("labels", "label"), ("annotations", "annotation")] {
        let Some(Value::Object(entries)) = metadata.get(field) else { continue };
        for key in entries.keys() {
            let Some(prefix) = reserved_prefix(key) else { continue };
            let message = format!(
                "invalid {what} `{key}` for resource `{id}`: {field} with prefix `{prefix}` are reserved for internal use"
            );
            let place = Place::key(at.field(field).field(key.as_str()));
            found.push(Diagnostic::error(Code::ReservedMetadata, place, message));
        }
    }
}

fn dimensions<'a>(
    spec: &'a ResourceSpec,
    ids: &BTreeSet<&str>,
    options: &Options,
    at: &FieldPath,
    found: &mut Diagnostics,
) -> Vec<DimensionSpec<'a>> {
    let id = &spec.id;
    if spec.for_each.len() > options.max_dimensions {
        let message = format!(
            "resource `{id}`: forEach cannot have more than {} dimensions, found {}",
            options.max_dimensions,
            spec.for_each.len()
        );
        let at = at.index(options.max_dimensions);
        found.push(Diagnostic::error(Code::TooManyIterators, at, message));
    }
    let mut dimensions: Vec<DimensionSpec<'a>> = Vec::new();
    for (index, entry) in spec.for_each.iter().enumerate() {
        let at = at.index(index);
        if entry.len() != 1 {
            let message = format!(
                "an entry of `forEach` is one iterator with its list, found {}",
                entry.len()
            );
            let diagnostic = Diagnostic::error(Code::InvalidIteration, &at, message);
            found.push(diagnostic.with_help("give each iterator an entry of its own"));
        }
        for (name, items) in entry {
            let at = at.field(name.as_str());
            let key = || Place::key(at.clone());
            let before = found.len();
            check_name(name, "iterator", key(), found);
            let valid = found.len() == before;
            if valid && ids.contains(name.as_str()) {
                let message =
                    format!("the iterator `{name}` conflicts with the resource ID `{name}`");
                found.push(Diagnostic::error(Code::DuplicateName, key(), message));
            } else if valid && dimensions.iter().any(|other| other.name == name) {
                let message = format!("resource `{id}`: duplicate iterator `{name}`");
                found.push(Diagnostic::error(Code::DuplicateName, key(), message));
            }
            match items {
                Value::String(items) => dimensions.push(DimensionSpec { name, items, at }),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_) => {
                    let message = format!("the list of iterator `{name}` must be an expression");
                    let diagnostic = Diagnostic::error(Code::InvalidIteration, &at, message);
                    found.push(diagnostic.with_help("write it as `${…}`"));
                }
            }
        }
    }
    dimensions
}
