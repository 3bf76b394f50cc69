//! Which parts of an object are read.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A set of attribute paths, as a tree; what is below a path that is read is read, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadPaths {
    whole: bool,
    fields: BTreeMap<String, ReadPaths>,
}

// === impl ReadPaths ===

impl ReadPaths {
    /// Everything.
    #[must_use]
    pub fn whole() -> Self {
        Self { whole: true, fields: BTreeMap::new() }
    }

    /// Adds the path and what is below it.
    pub fn add<'a>(&mut self, path: impl IntoIterator<Item = &'a str>) {
        let mut at = self;
        for field in path {
            if at.whole {
                return;
            }
            at = at.fields.entry(field.to_owned()).or_default();
        }
        *at = Self::whole();
    }

    /// Adds all paths of `other`.
    pub fn merge(&mut self, other: &Self) {
        if self.whole || other.whole {
            *self = Self::whole();
            return;
        }
        for (field, paths) in &other.fields {
            self.fields.entry(field.clone()).or_default().merge(paths);
        }
    }

    /// Whether every path of `other` is in this set.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.whole
            || (!other.whole
                && other.fields.iter().all(|(field, paths)| {
                    self.fields.get(field).is_some_and(|own| own.covers(paths))
                }))
    }

    /// The part of `value` that is read. A list on the way is kept whole: its items can't be
    /// told apart by fields.
    #[must_use]
    pub fn project(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) if !self.whole => {
                let kept: Map<String, Value> = fields
                    .iter()
                    .filter_map(|(key, value)| {
                        Some((key.clone(), self.fields.get(key)?.project(value)))
                    })
                    .collect();
                Value::Object(kept)
            }
            _ => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ReadPaths;
    use serde_json::json;

    #[test]
    fn projects_what_is_read_and_what_is_below() {
        let mut paths = ReadPaths::default();
        paths.add(["status", "arn"]);
        paths.add(["metadata"]);
        paths.add(["metadata", "name"]);
        paths.add(["status", "conditions", "0", "type"]);
        let object = json!({
            "metadata": {"name": "a", "uid": "1"},
            "spec": {"x": 1},
            "status": {"arn": "arn", "size": 1, "conditions": [{"type": "A", "status": "True"}]},
        });
        let expected = json!({
            "metadata": {"name": "a", "uid": "1"},
            "status": {"arn": "arn", "conditions": [{"type": "A", "status": "True"}]},
        });
        assert_eq!(paths.project(&object), expected);
        assert_eq!(ReadPaths::whole().project(&object), object);
    }

    #[test]
    fn covers_what_was_merged() {
        let mut one = ReadPaths::default();
        one.add(["spec", "a"]);
        let mut two = ReadPaths::default();
        two.add(["spec"]);
        assert!(two.covers(&one));
        assert!(!one.covers(&two));
        one.merge(&two);
        assert!(one.covers(&two));
        assert!(ReadPaths::whole().covers(&one));
        assert!(!one.covers(&ReadPaths::whole()));
    }
}
