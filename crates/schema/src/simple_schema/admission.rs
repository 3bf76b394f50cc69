//! What an API server would refuse in the CRD, said at the field that causes it.

use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use diagnostics::Place;
use diagnostics::nearest;

use super::marker_text::MarkerText;
use crate::ListType;
use crate::MapType;
use crate::Schema;
use crate::Type;

/// Checks a field to which markers were applied.
///
/// A field without markers of its own can hold no new contradiction: its custom type was checked
/// where it is declared.
pub(super) fn check(
    schema: &Schema,
    texts: &[MarkerText],
    at: &FieldPath,
    found: &mut Diagnostics,
) {
    let check = Check { schema, texts, at };
    check.default(found);
    match schema.list_type {
        Some(ListType::Set) => check.set(found),
        Some(ListType::Map) => check.map(found),
        Some(ListType::Atomic) | None => {}
    }
}

struct Check<'a> {
    schema: &'a Schema,
    texts: &'a [MarkerText],
    at: &'a FieldPath,
}

impl Check<'_> {
    /// The value of the last marker with this name, else the whole field.
    fn place(&self, marker: &str) -> Place {
        match self.texts.iter().rev().find(|text| text.key == marker) {
            Some(text) => Place::inside(self.at.clone(), text.value_range.clone()),
            None => self.at.into(),
        }
    }

    fn default(&self, found: &mut Diagnostics) {
        // Null is no default for an API server.
        let Some(default) = self.schema.default.as_ref().filter(|default| !default.is_null())
        else {
            return;
        };
        let inside = |path: &FieldPath| {
            if path.is_root() { String::new() } else { format!(" at `{path}`") }
        };
        let mistakes = crate::validate(self.schema, default, &FieldPath::root());
        let unknown = crate::unknown_fields(self.schema, default);
        let messages = mistakes
            .iter()
            .map(|mistake| (&mistake.place.path, mistake.message.clone()))
            .chain(unknown.iter().map(|path| (path, "there is no such field".to_owned())));
        for (path, message) in messages {
            let message = format!("the default does not fit the field{}: {message}", inside(path));
            found.push(Diagnostic::error(Code::InvalidDefault, self.place("default"), message));
        }
    }

    fn set(&self, found: &mut Diagnostics) {
        let Some(items) = &self.schema.items else { return };
        let granular = items.ty == Some(Type::Object) && items.map_type != Some(MapType::Atomic);
        let nested = items.ty == Some(Type::Array)
            && !matches!(items.list_type, None | Some(ListType::Atomic));
        if granular || nested {
            let marker = if self.texts.iter().any(|text| text.key == "uniqueItems") {
                "uniqueItems"
            } else {
                "listType"
            };
            let message = "elements of a set must be scalars or plain lists";
            let diagnostic =
                Diagnostic::error(Code::ConflictingMarkers, self.place(marker), message);
            found.push(diagnostic.with_help("use `listType=map` with `listMapKey` for structures"));
        }
    }

    fn map(&self, found: &mut Diagnostics) {
        if self.schema.list_map_keys.is_empty() {
            let message = "a list of type `map` needs at least one `listMapKey`";
            let place = self.place("listType");
            found.push(Diagnostic::error(Code::InvalidListMapKey, place, message));
            return;
        }
        let Some(items) = &self.schema.items else { return };
        for key in &self.schema.list_map_keys {
            let text =
                self.texts.iter().find(|text| text.key == "listMapKey" && text.value == *key);
            let place = text.map_or_else(
                || self.place("listMapKey"),
                |text| Place::inside(self.at.clone(), text.value_range.clone()),
            );
            let error = |message| Diagnostic::error(Code::InvalidListMapKey, place, message);
            let Some(property) = items.properties.get(key.as_str()) else {
                let names = items.properties.keys().map(|name| &**name);
                let diagnostic = error(format!("the elements have no declared field `{key}`"));
                found.push(match nearest(key, names) {
                    Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
                    None => diagnostic,
                });
                continue;
            };
            if matches!(property.ty, None | Some(Type::Object | Type::Array)) {
                found.push(error(format!("key field `{key}` must be a scalar")));
            } else if !items.requires(key) && property.default.is_none() {
                let diagnostic =
                    error(format!("key field `{key}` must be required or have a default"));
                found.push(diagnostic.with_help(format!("declare it `{key}: … | required=true`")));
            }
        }
    }
}
