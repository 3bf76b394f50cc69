//! Paths as jq writes them: `.a.b`, `.a["b"]`, `.a[0]`, `.a | .b`.

use serde_json::Value as Json;

/// A path into an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(i64),
}

/// Not a path, or one of a form that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected {expected} at character {at}: members (.a, [\"a\"]) and items ([0]) are understood"
)]
pub struct BadPath {
    expected: &'static str,
    at: usize,
}

impl Path {
    /// Parses a path.
    ///
    /// # Errors
    ///
    /// It is none, or of a form that is not understood.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        let mut parser = Parser { rest: text.trim(), whole: text.trim() };
        let mut steps = Vec::new();
        if parser.rest.is_empty() {
            return Err(parser.expected("a path"));
        }
        loop {
            parser.pipe(&mut steps)?;
            parser.skip_blanks();
            if parser.rest.is_empty() {
                return Ok(Self(steps));
            }
            parser.eat('|').then_some(()).ok_or_else(|| parser.expected("`|` or the end"))?;
            parser.skip_blanks();
        }
    }

    /// What is there.
    pub fn find<'a>(&self, object: &'a Json) -> Option<&'a Json> {
        self.0.iter().try_fold(object, |value, step| match step {
            Step::Member(name) => value.get(name),
            Step::Item(index) => {
                let items = value.as_array()?;
                let at = if *index < 0 { i64::try_from(items.len()).ok()? + index } else { *index };
                items.get(usize::try_from(at).ok()?)
            }
        })
    }
}

struct Parser<'a> {
    rest: &'a str,
    whole: &'a str,
}

impl Parser<'_> {
    fn expected(&self, expected: &'static str) -> BadPath {
        BadPath { expected, at: self.whole.chars().count() - self.rest.chars().count() + 1 }
    }

    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// One chain of steps; `.` alone is the object itself.
    fn pipe(&mut self, steps: &mut Vec<Step>) -> Result<(), BadPath> {
        if !self.eat('.') {
            return Err(self.expected("`.`"));
        }
        let mut after_dot = true;
        loop {
            if self.eat('[') {
                steps.push(self.bracket()?);
                after_dot = false;
            } else if after_dot && self.rest.starts_with('"') {
                steps.push(Step::Member(self.quoted()?));
                after_dot = false;
            } else if after_dot && self.rest.starts_with(|c: char| c.is_alphabetic() || c == '_') {
                let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
                steps.push(Step::Member(name.to_owned()));
                self.rest = rest;
                after_dot = false;
            } else if !after_dot && self.eat('.') {
                after_dot = true;
                let continues = |c: char| c.is_alphabetic() || ['_', '"', '['].contains(&c);
                if !self.rest.starts_with(continues) {
                    return Err(self.expected("a member"));
                }
            } else {
                return Ok(());
            }
        }
    }

    fn bracket(&mut self) -> Result<Step, BadPath> {
        let step = if self.rest.starts_with('"') {
            Step::Member(self.quoted()?)
        } else {
            let end = self.rest.find(']').ok_or_else(|| self.expected("`]`"))?;
            let (number, rest) = self.rest.split_at(end);
            let index = number.trim().parse().map_err(|_| self.expected("a text or a number"))?;
            self.rest = rest;
            Step::Item(index)
        };
        if self.eat(']') { Ok(step) } else { Err(self.expected("`]`")) }
    }

    /// A JSON text.
    fn quoted(&mut self) -> Result<String, BadPath> {
        let mut texts = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = texts.next().and_then(Result::ok);
        let end = texts.byte_offset();
        let text = text.ok_or_else(|| self.expected("a text"))?;
        self.rest = self.rest.get(end..).unwrap_or_default();
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_lead_somewhere() {
        let object = json!({ "a": { "b-c": [1, { "d": 2 }] }, "e": 3 });
        for (path, expected) in [
            (".", Some(&object)),
            (".e", Some(&json!(3))),
            (".a[\"b-c\"][0]", Some(&json!(1))),
            (".a.\"b-c\"[1].d", Some(&json!(2))),
            (".a.[\"b-c\"][-1] | .d", Some(&json!(2))),
            (".a[\"b-c\"][7]", None),
            (".x.y", None),
        ] {
            assert_eq!(Path::parse(path).expect("valid").find(&object), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused_with_its_place() {
        for (path, expected, at) in [
            ("", "a path", 1),
            ("a", "`.`", 1),
            (".a.", "a member", 4),
            (".a b", "`|` or the end", 4),
            (".a[x]", "a text or a number", 4),
            (".a[\"b\"", "`]`", 7),
            (".a | keys", "`.`", 6),
        ] {
            assert_eq!(Path::parse(path), Err(BadPath { expected, at }), "{path}");
        }
    }
}
