//! What changes between two versions of a schema, and what of it breaks existing objects.
//!
//! Compared is what upstream compares. Not seen are: values of maps (`additionalProperties`),
//! everything that begins with `x-kubernetes-`, formats, `nullable`, and an `enum` that appears
//! or disappears as a whole.

use std::fmt;

use serde_json::Value;

use crate::Schema;
use crate::SchemaNode;
use crate::openapi::KindError;
use crate::structural::number_to_json;

/// What kind of change it is; prints as upstream names it (`PROPERTY_REMOVED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is what it is called")]
pub enum ChangeKind {
    DefaultChanged,
    DescriptionChanged,
    EnumExpanded,
    EnumRestricted,
    MaxItemsAdded,
    MaxItemsDecreased,
    MaxItemsIncreased,
    MaxItemsRemoved,
    MaxLengthAdded,
    MaxLengthDecreased,
    MaxLengthIncreased,
    MaxLengthRemoved,
    MaximumAdded,
    MaximumDecreased,
    MaximumIncreased,
    MaximumRemoved,
    MinItemsAdded,
    MinItemsDecreased,
    MinItemsIncreased,
    MinItemsRemoved,
    MinLengthAdded,
    MinLengthDecreased,
    MinLengthIncreased,
    MinLengthRemoved,
    MinimumAdded,
    MinimumDecreased,
    MinimumIncreased,
    MinimumRemoved,
    PatternAdded,
    PatternChanged,
    PatternRemoved,
    PropertyAdded,
    PropertyRemoved,
    RequiredAdded,
    RequiredDefaultRemoved,
    RequiredRemoved,
    TypeChanged,
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}");
        for (position, c) in name.chars().enumerate() {
            if position > 0 && c.is_ascii_uppercase() {
                f.write_str("_")?;
            }
            write!(f, "{}", c.to_ascii_uppercase())?;
        }
        Ok(())
    }
}

/// One difference between two schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where in the schema: `.properties.spec.properties.name.maxLength`.
    pub path: String,
    /// What kind of change it is.
    pub kind: ChangeKind,
    /// Whether an object that was fine before may be refused or lose data.
    pub breaking: bool,
    /// What was there; empty if nothing.
    pub old: String,
    /// What is there now; empty if nothing.
    pub new: String,
    /// The change in a sentence without full stop.
    pub description: String,
}

/// All differences between two schemas, by path.
#[must_use]
pub fn compare(before: &Schema, after: &Schema) -> Vec<Change> {
    let mut changes = Vec::new();
    schemas(before, after, "", &mut changes);
    sorted(changes)
}

/// All differences between two CRDs with one version each, by path.
///
/// # Errors
/// [`KindError::Malformed`] where one of them is not such a CRD.
pub fn compare_crds(before: &Value, after: &Value) -> Result<Vec<Change>, KindError> {
    let (before, after) = (OnlyVersion::of(before)?, OnlyVersion::of(after)?);
    let mut changes = Vec::new();
    let mut change = |path: &str, kind, old: &str, new: &str, description: String| {
        let (path, old, new) = (path.to_owned(), old.to_owned(), new.to_owned());
        changes.push(Change { path, kind, breaking: true, old, new, description });
    };
    if before.name != after.name {
        let description = format!("Type changed from {} to {}", before.name, after.name);
        change("version", ChangeKind::TypeChanged, before.name, after.name, description);
        // Another version is another API: its schema need not have anything in common.
        return Ok(changes);
    }
    if before.served && !after.served {
        let description = format!("Version {} is no longer served", after.name);
        change("version.served", ChangeKind::TypeChanged, "true", "false", description);
    }
    if before.status && !after.status {
        let description = "Status subresource was removed".to_owned();
        change("version.subresources.status", ChangeKind::PropertyRemoved, "", "", description);
    }
    schemas(&before.schema, &after.schema, "", &mut changes);
    Ok(sorted(changes))
}

/// The breaking ones in one line: at most three, then how many more. Empty if none breaks.
#[must_use]
pub fn summary(changes: &[Change]) -> String {
    const SHOWN: usize = 3;
    let breaking: Vec<_> = changes.iter().filter(|change| change.breaking).collect();
    let shown: Vec<_> =
        breaking.iter().take(SHOWN).map(|change| change.description.as_str()).collect();
    match breaking.len().saturating_sub(SHOWN) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more changes", shown.join("; ")),
    }
}

fn sorted(mut changes: Vec<Change>) -> Vec<Change> {
    changes
        .sort_by(|a, b| (&a.path, a.kind, &a.old, &a.new).cmp(&(&b.path, b.kind, &b.old, &b.new)));
    changes
}

/// The only version of a CRD.
struct OnlyVersion<'a> {
    name: &'a str,
    served: bool,
    status: bool,
    schema: Schema,
}

impl<'a> OnlyVersion<'a> {
    fn of(crd: &'a Value) -> Result<Self, KindError> {
        let path = diagnostics::FieldPath::root().field("spec").field("versions");
        let malformed = |path, expected| KindError::Malformed { path, expected };
        let Some([version]) = crd["spec"]["versions"].as_array().map(Vec::as_slice) else {
            return Err(malformed(path, "a list of one version"));
        };
        let at = path.index(0);
        let name =
            version["name"].as_str().ok_or_else(|| malformed(at.field("name"), "a string"))?;
        let schema_at = at.field("schema").field("openAPIV3Schema");
        let schema = Schema::from_json_at(&version["schema"]["openAPIV3Schema"], &schema_at)?;
        let served = version["served"] == true;
        let status = version["subresources"]["status"].is_object();
        Ok(Self { name, served, status, schema })
    }
}

fn schemas(before: &Schema, after: &Schema, path: &str, changes: &mut Vec<Change>) {
    if before.ptr_eq(after) {
        return;
    }
    let mut change = |part: &str, kind, breaking, old: &str, new: &str, description: String| {
        let (path, old, new) = (format!("{path}{part}"), old.to_owned(), new.to_owned());
        changes.push(Change { path, kind, breaking, old, new, description });
    };
    if before.description != after.description {
        let text = |node: &SchemaNode| node.description.as_deref().unwrap_or_default().to_owned();
        let (old, new) = (text(before), text(after));
        let description = format!("Description field was changed from {old} to {new}");
        change(".description", ChangeKind::DescriptionChanged, false, &old, &new, description);
    }
    if before.default != after.default {
        let text =
            |node: &SchemaNode| node.default.as_ref().map_or(String::new(), Value::to_string);
        let (old, new) = (text(before), text(after));
        let description = format!("Default value was changed from {old} to {new}");
        change(".default", ChangeKind::DefaultChanged, false, &old, &new, description);
    }
    if before.ty != after.ty {
        let name = |node: &SchemaNode| node.ty.map_or("", crate::Type::name);
        let (old, new) = (name(before), name(after));
        let description = format!("Type changed from {old} to {new}");
        change(".type", ChangeKind::TypeChanged, true, old, new, description);
        // Nothing else of one type is comparable with anything of another.
        return;
    }
    pattern(before, after, &mut change);
    enum_values(before, after, &mut change);
    bounds(before, after, &mut change);
    required(before, after, &mut change);
    properties(before, after, path, changes);
    match (&before.items, &after.items) {
        (Some(before), Some(after)) => schemas(before, after, &format!("{path}.items"), changes),
        (None, None) => {}
        (one, _) => {
            let removed = one.is_some();
            let (kind, description) = if removed {
                (ChangeKind::PropertyRemoved, "Property items was removed")
            } else {
                (ChangeKind::PropertyAdded, "Optional property items was added")
            };
            changes.push(Change {
                path: format!("{path}.items"),
                kind,
                breaking: removed,
                old: String::new(),
                new: String::new(),
                description: description.to_owned(),
            });
        }
    }
}

type Add<'a> = &'a mut dyn FnMut(&str, ChangeKind, bool, &str, &str, String);

fn pattern(before: &SchemaNode, after: &SchemaNode, change: Add<'_>) {
    let (old, new) = (before.pattern.as_deref(), after.pattern.as_deref());
    let (kind, breaking, description) = match (old, new) {
        (Some(old), Some(new)) if old != new => {
            let description = format!("Validation pattern changed from {old} to {new}");
            (ChangeKind::PatternChanged, true, description)
        }
        (Some(old), None) => {
            (ChangeKind::PatternRemoved, false, format!("Validation pattern {old} was removed"))
        }
        (None, Some(new)) => {
            (ChangeKind::PatternAdded, true, format!("Validation pattern {new} was added"))
        }
        (Some(_), Some(_)) | (None, None) => return,
    };
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    change(".pattern", kind, breaking, old, new, description);
}

fn enum_values(before: &SchemaNode, after: &SchemaNode, change: Add<'_>) {
    if before.enum_values.is_empty() || after.enum_values.is_empty() {
        return;
    }
    for value in before.enum_values.iter().filter(|value| !after.enum_values.contains(value)) {
        let old = value.to_string();
        let description = format!("Enum value {old} was removed");
        change(".enum", ChangeKind::EnumRestricted, true, &old, "", description);
    }
    for value in after.enum_values.iter().filter(|value| !before.enum_values.contains(value)) {
        let new = value.to_string();
        let description = format!("Enum value {new} was added");
        change(".enum", ChangeKind::EnumExpanded, false, "", &new, description);
    }
}

/// A bound: its keyword, its name in sentences, where it is, whether more is stricter, and the
/// changes of being added, decreased, increased and removed.
type Bound = (&'static str, &'static str, fn(&SchemaNode) -> Option<f64>, bool, [ChangeKind; 4]);

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 bound nothing")]
const BOUNDS: [Bound; 6] = {
    use ChangeKind::*;
    [
        (
            "minimum",
            "Minimum",
            |node| node.minimum,
            true,
            [MinimumAdded, MinimumDecreased, MinimumIncreased, MinimumRemoved],
        ),
        (
            "maximum",
            "Maximum",
            |node| node.maximum,
            false,
            [MaximumAdded, MaximumDecreased, MaximumIncreased, MaximumRemoved],
        ),
        (
            "minLength",
            "MinLength",
            |node| node.min_length.map(|count| count as f64),
            true,
            [MinLengthAdded, MinLengthDecreased, MinLengthIncreased, MinLengthRemoved],
        ),
        (
            "maxLength",
            "MaxLength",
            |node| node.max_length.map(|count| count as f64),
            false,
            [MaxLengthAdded, MaxLengthDecreased, MaxLengthIncreased, MaxLengthRemoved],
        ),
        (
            "minItems",
            "MinItems",
            |node| node.min_items.map(|count| count as f64),
            true,
            [MinItemsAdded, MinItemsDecreased, MinItemsIncreased, MinItemsRemoved],
        ),
        (
            "maxItems",
            "MaxItems",
            |node| node.max_items.map(|count| count as f64),
            false,
            [MaxItemsAdded, MaxItemsDecreased, MaxItemsIncreased, MaxItemsRemoved],
        ),
    ]
};

fn bounds(before: &SchemaNode, after: &SchemaNode, change: Add<'_>) {
    for (keyword, name, read, more_is_stricter, [added, decreased, increased, removed]) in BOUNDS {
        let (old, new) = (read(before), read(after));
        let text = |bound: Option<f64>| {
            bound.map_or(String::new(), |bound| number_to_json(bound).to_string())
        };
        let (old_text, new_text) = (text(old), text(new));
        let from_to = format!("from {old_text} to {new_text}");
        let (kind, breaking, description) = match (old, new) {
            (None, Some(_)) => (added, true, format!("{name} constraint {new_text} was added")),
            (Some(_), None) => {
                (removed, false, format!("{name} constraint {old_text} was removed"))
            }
            (Some(old), Some(new)) if new > old => {
                (increased, more_is_stricter, format!("{name} was increased {from_to}"))
            }
            (Some(old), Some(new)) if new < old => {
                (decreased, !more_is_stricter, format!("{name} was decreased {from_to}"))
            }
            (Some(_), Some(_)) | (None, None) => continue,
        };
        change(&format!(".{keyword}"), kind, breaking, &old_text, &new_text, description);
    }
}

fn required(before: &SchemaNode, after: &SchemaNode, change: Add<'_>) {
    let default = |node: &SchemaNode, name: &str| {
        node.properties.get(name).is_some_and(|property| property.default.is_some())
    };
    for name in unique(&after.required) {
        // A property that is new itself is reported as such.
        if !before.properties.contains_key(name) {
            continue;
        }
        if !before.requires(name) {
            let description = format!("Field {name} is newly required");
            change(".required", ChangeKind::RequiredAdded, true, "", name, description);
        } else if default(before, name) && !default(after, name) {
            let description = format!("Default value removed from required field {name}");
            let kind = ChangeKind::RequiredDefaultRemoved;
            change(".required", kind, true, name, "", description);
        }
    }
    for name in unique(&before.required) {
        if !after.requires(name) {
            let description = format!("Field {name} is no longer required");
            change(".required", ChangeKind::RequiredRemoved, false, name, "", description);
        }
    }
}

fn unique(names: &[String]) -> std::collections::BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}

fn properties(before: &SchemaNode, after: &SchemaNode, path: &str, changes: &mut Vec<Change>) {
    for (name, old) in &before.properties {
        let path = format!("{path}.properties.{name}");
        match after.properties.get(name) {
            Some(new) => schemas(old, new, &path, changes),
            None => changes.push(Change {
                path,
                kind: ChangeKind::PropertyRemoved,
                breaking: true,
                old: String::new(),
                new: String::new(),
                description: format!("Property {name} was removed"),
            }),
        }
    }
    for (name, new) in &after.properties {
        if before.properties.contains_key(name) {
            continue;
        }
        let breaking = after.requires(name) && new.default.is_none();
        let (old, new, description) = if breaking {
            let description = format!("Required property {name} was added without a default");
            ("required=false", "required=true", description)
        } else {
            ("", "", format!("Optional property {name} was added"))
        };
        changes.push(Change {
            path: format!("{path}.properties.{name}"),
            kind: ChangeKind::PropertyAdded,
            breaking,
            old: old.to_owned(),
            new: new.to_owned(),
            description,
        });
    }
}
