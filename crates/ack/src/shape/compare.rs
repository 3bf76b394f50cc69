//! Comparison of what is wanted with what AWS has.
//!
//! Without a rule in its row a field is compared so: unset and set differ; scalars by value; lists
//! of structs in order; lists of strings as sets; structs field by field, wherever they are. The rules below are for the `compare` column: each answers "do they say the same?".

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::value::Value;

/// The paths at which two specs differ, such as `spec.tagging.tagSet`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta(BTreeSet<String>);

impl Delta {
    /// Compares two values at the path `at`.
    pub fn between<T: Value>(desired: &T, latest: &T, at: &str) -> Self {
        let mut delta = Self::default();
        T::differences(desired, latest, at, &mut delta);
        delta
    }

    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anything at or below `path` differs.
    pub fn touches(&self, path: &str) -> bool {
        self.0.iter().any(|found| {
            found.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }

    /// Everything but what is at or below these paths.
    #[must_use]
    pub fn without(&self, paths: &[&str]) -> Self {
        let one = |found: &String| Self(BTreeSet::from([found.clone()]));
        let kept = self.0.iter().filter(|found| !paths.iter().any(|path| one(found).touches(path)));
        Self(kept.cloned().collect())
    }

    /// The paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(crate) fn insert(&mut self, at: &str, name: &str) {
        self.0.insert(format!("{at}.{name}"));
    }

    pub(crate) fn insert_path(&mut self, at: &str) {
        self.0.insert(at.to_owned());
    }
}

/// The rule of a row without `compare`.
pub(crate) fn field<T: Value>(
    name: &str,
    desired: &Option<T>,
    latest: &Option<T>,
    at: &str,
    delta: &mut Delta,
) {
    match (desired, latest) {
        (None, None) => {}
        (Some(desired), Some(latest)) => {
            T::differences(desired, latest, &format!("{at}.{name}"), delta);
        }
        (Some(_), None) | (None, Some(_)) => delta.insert(at, name),
    }
}

/// Two values say the same, by the rules of their type.
pub fn same<T: Value>(desired: &T, latest: &T) -> bool {
    Delta::between(desired, latest, "").is_empty()
}

/// Unset says the same as `value`.
pub fn unset_is<T, U>(value: U) -> impl Fn(Option<&T>, Option<&T>) -> bool
where
    T: Value,
    U: Into<T>,
{
    let value = value.into();
    move |desired, latest| same(desired.unwrap_or(&value), latest.unwrap_or(&value))
}

/// What the user leaves to AWS is no difference.
pub fn left_to_aws<T: Value>(desired: Option<&T>, latest: Option<&T>) -> bool {
    match (desired, latest) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(desired), Some(latest)) => same(desired, latest),
    }
}

/// Upper and lower case say the same.
pub fn any_case(desired: Option<&String>, latest: Option<&String>) -> bool {
    match (desired, latest) {
        (None, None) => true,
        (Some(desired), Some(latest)) => desired.eq_ignore_ascii_case(latest),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Lists whose entries are told apart by `key`: the order does not matter.
pub fn by_key<T, K>(
    key: impl Fn(&T) -> Option<K>,
) -> impl Fn(Option<&Vec<T>>, Option<&Vec<T>>) -> bool
where
    T: Value,
    K: Ord,
{
    move |desired, latest| {
        let (Some(desired), Some(latest)) = (desired, latest) else {
            return desired.is_none() && latest.is_none();
        };
        let sorted = |list: &Vec<T>| {
            let map: BTreeMap<Option<K>, usize> =
                list.iter().enumerate().map(|(index, item)| (key(item), index)).collect();
            map.into_values().collect::<Vec<_>>()
        };
        let (left, right) = (sorted(desired), sorted(latest));
        desired.len() == latest.len()
            && left.len() == right.len()
            && left.iter().zip(&right).all(|(l, r)| match (desired.get(*l), latest.get(*r)) {
                (Some(desired), Some(latest)) => same(desired, latest),
                (Some(_) | None, None) | (None, Some(_)) => false,
            })
    }
}

/// Tags, as a map; no tags and an empty list say the same.
pub fn as_map<T>(
    pair: impl Fn(&T) -> (&str, &str),
) -> impl Fn(Option<&Vec<T>>, Option<&Vec<T>>) -> bool {
    move |desired, latest| {
        let map = |list: Option<&Vec<T>>| -> BTreeMap<String, String> {
            let owned = |item| {
                let (key, value) = pair(item);
                (key.to_owned(), value.to_owned())
            };
            list.into_iter().flatten().map(owned).collect()
        };
        map(desired) == map(latest)
    }
}

/// Never differs: the field is settled elsewhere.
pub fn ignored<T>(_: Option<&T>, _: Option<&T>) -> bool {
    true
}
