//! What somebody may have meant by a field that a schema does not have.

use diagnostics::FieldPath;
use diagnostics::nearest;
use serde_json::Value;

use crate::Schema;
use crate::Type;

/// How far below the wrong field another one is looked for.
const MAX_DEPTH: usize = 3;

/// How many fields are looked at.
const MAX_FIELDS: usize = 2_000;

/// The field below `schema` that is probably meant by `name`, as a path from `schema` on.
///
/// Either a field beside it with nearly the same name, or one further down that is about the same
/// word: `tags` finds `tagging.tagSet`. If the value that was written is given, only fields that
/// could take a value of its type count in the second case.
#[must_use]
pub fn suggest(schema: &Schema, name: &str, value: Option<&Value>) -> Option<FieldPath> {
    let root = FieldPath::root();
    let beside = schema.properties.keys().map(|name| &**name);
    if let Some(near) = nearest(name, beside) {
        return Some(root.field(near));
    }
    let stem = stem(name)?;
    let mut search =
        Search { stem: &stem, ty: value.and_then(Type::of), left: MAX_FIELDS, best: None };
    search.below(schema, &root, 0);
    search.best.map(|(_, path)| path)
}

/// The word that a name is about: in lower case, without the ending of a plural.
fn stem(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let stem = ["ies", "es", "s"].iter().find_map(|ending| lower.strip_suffix(ending));
    let stem = stem.filter(|stem| stem.len() >= 3).unwrap_or(&lower);
    (stem.len() >= 3).then(|| stem.to_owned())
}

struct Search<'a> {
    stem: &'a str,
    ty: Option<Type>,
    left: usize,
    /// The best path so far: how many of its names are about the word, and how short it is.
    best: Option<((usize, isize), FieldPath)>,
}

impl Search<'_> {
    fn below(&mut self, schema: &Schema, at: &FieldPath, names: usize) {
        for (name, property) in &schema.properties {
            let Some(left) = self.left.checked_sub(1) else { return };
            self.left = left;
            let path = at.field(name.clone());
            let fits = is_about(name, self.stem);
            let names = names + usize::from(fits);
            let takes = self.ty.is_none_or(|ty| property.ty == Some(ty));
            let score = (names, -isize::try_from(path.depth()).unwrap_or(isize::MAX));
            let better = self.best.as_ref().is_none_or(|(best, _)| score > *best);
            if fits && takes && better {
                self.best = Some((score, path.clone()));
            }
            if path.depth() < MAX_DEPTH {
                self.below(property, &path, names);
            }
        }
    }
}

/// Whether one of the words of a name in camel case begins with `stem`.
fn is_about(name: &str, stem: &str) -> bool {
    let begins = |at: usize| {
        name.get(at..at + stem.len()).is_some_and(|part| part.eq_ignore_ascii_case(stem))
    };
    let capitals = name.char_indices().filter(|(_, c)| c.is_uppercase());
    std::iter::once(0).chain(capitals.map(|(at, _)| at)).any(begins)
}
