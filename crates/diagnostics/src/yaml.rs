//! YAML as Kubernetes tools read it, with the place of every value.
//!
//! Plain scalars mean what they mean to `kubectl` and to upstream (YAML 1.1: `yes`, `on` and `n`
//! are booleans, `017` is fifteen); everything else follows YAML 1.2. JSON is read too.

use std::collections::HashMap;
use std::ops::Range;

use granit_parser::Event;
use granit_parser::Parser;
use granit_parser::ScalarStyle;
use granit_parser::Span;
use serde_json::Map;
use serde_json::Value;

use crate::FieldPath;
use crate::Severity;
use crate::source::Entry;
use crate::source::SourceMap;
use crate::source::Text;

mod plain;
mod runs;

/// How deeply values may be nested.
const MAX_DEPTH: usize = 100;

/// How many values all aliases of one file may stand for.
const MAX_ALIASED: usize = 100_000;

/// One document of a file.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it holds.
    pub value: Value,
    /// Where in the file.
    pub map: SourceMap,
}

/// Why a file, or a part of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxMistake {
    /// The bytes of the file.
    pub span: Range<usize>,
    /// [`Severity::Error`] where the value is lost or not certain.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
}

/// Reads all documents of a file; empty ones are left out.
///
/// Of a key that is given twice the last value counts, with a warning, as API servers and upstream
/// have it. What is wrong is listed; a document that is not well-formed YAML ends the reading.
#[must_use]
pub fn read(text: &str) -> (Vec<Document>, Vec<SyntaxMistake>) {
    let mut loader = Loader {
        text,
        parser: Parser::new_from_str(text),
        map: SourceMap::default(),
        anchors: HashMap::new(),
        aliased: 0,
        mistakes: Vec::new(),
    };
    let mut documents = Vec::new();
    while let Some((event, span)) = loader.next() {
        match event {
            Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
            Event::DocumentStart(..) => {
                loader.map = SourceMap::default();
                loader.anchors.clear();
            }
            event => {
                let Some(node) = loader.node(event, span, None, &FieldPath::root(), 0) else {
                    break;
                };
                if !node.value.is_null() {
                    let map = std::mem::take(&mut loader.map);
                    documents.push(Document { value: node.value, map });
                }
            }
        }
    }
    (documents, loader.mistakes)
}

struct Loader<'a> {
    text: &'a str,
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    map: SourceMap,
    anchors: HashMap<usize, Value>,
    /// How many values aliases stood for so far.
    aliased: usize,
    mistakes: Vec<SyntaxMistake>,
}

/// A value and where it stands.
struct Node {
    value: Value,
    text: Text,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        loop {
            match self.parser.next_event()? {
                Ok((Event::Comment(..), _)) => {}
                Ok(next) => return Some(next),
                Err(error) => {
                    let at = error.marker().byte_offset().unwrap_or(self.text.len());
                    self.mistake(at..at, error.info());
                    return None;
                }
            }
        }
    }

    fn mistake(&mut self, span: Range<usize>, message: impl Into<String>) {
        let (severity, message) = (Severity::Error, message.into().replace('\n', " "));
        self.mistakes.push(SyntaxMistake { span, severity, message });
    }

    fn bytes(&self, span: Span) -> Range<usize> {
        let start = span.start.byte_offset().unwrap_or(0).min(self.text.len());
        let end = span.end.byte_offset().unwrap_or(start).min(self.text.len());
        start..end.max(start)
    }

    /// Reads the node that begins with `event`; `None` if the rest cannot be read.
    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        key: Option<Text>,
        path: &FieldPath,
        depth: usize,
    ) -> Option<Node> {
        let bytes = self.bytes(span);
        if depth > MAX_DEPTH {
            self.mistake(bytes, format!("values are nested more than {MAX_DEPTH} levels deep"));
            return None;
        }
        let whole = |span: Range<usize>| Text { span, runs: Vec::new() };
        let node = match event {
            Event::Scalar(decoded, style, anchor, tag) => {
                let text = runs::text(self.text, &bytes, style, &decoded);
                let tag = tag.map(|tag| tag.suffix().to_owned());
                let value = match (style, tag.as_deref()) {
                    (ScalarStyle::Plain, None) => plain::resolve(&decoded),
                    (_, Some("int" | "float" | "bool" | "null")) => plain::resolve(&decoded),
                    (_, Some(_) | None) => Ok(Value::String(decoded.into_owned())),
                };
                let value = value.unwrap_or_else(|message| {
                    self.mistake(bytes.clone(), message);
                    Value::Null
                });
                self.anchor(anchor, &value);
                Node { value, text }
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned().unwrap_or_default();
                let text = whole(bytes);
                self.expand(&value, &text, path)?;
                Node { value, text }
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    let (event, span) = self.next()?;
                    if matches!(event, Event::SequenceEnd) {
                        break self.bytes(span).end;
                    }
                    let path = path.index(items.len());
                    items.push(self.node(event, span, None, &path, depth + 1)?.value);
                };
                let value = Value::Array(items);
                self.anchor(anchor, &value);
                Node { value, text: whole(self.trimmed(bytes.start..end)) }
            }
            Event::MappingStart(_, anchor, _) => {
                let (fields, end) = self.fields(path, depth)?;
                let value = Value::Object(fields);
                self.anchor(anchor, &value);
                Node { value, text: whole(self.trimmed(bytes.start..end)) }
            }
            _ => {
                self.mistake(bytes, "a value was expected here");
                return None;
            }
        };
        self.map.insert(path.clone(), Entry { key, value: node.text.clone() });
        Some(node)
    }

    fn fields(&mut self, path: &FieldPath, depth: usize) -> Option<(Map<String, Value>, usize)> {
        let mut fields = Map::new();
        // What `<<` brings in counts only where the mapping itself says nothing.
        let mut merged = Vec::new();
        let end = loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break self.bytes(span).end;
            }
            let key_span = self.bytes(span);
            let Event::Scalar(decoded, style, anchor, tag) = event else {
                self.mistake(key_span, "a key must be a text");
                return None;
            };
            let name = match (style, tag) {
                (ScalarStyle::Plain, None) => plain::key(&decoded),
                (_, _) => Ok(decoded.to_string()),
            };
            let name = match name {
                Ok(name) => name,
                Err(message) => {
                    self.mistake(key_span.clone(), message);
                    decoded.to_string()
                }
            };
            self.anchor(anchor, &Value::String(name.clone()));
            let key = runs::text(self.text, &key_span, style, &decoded);
            let (event, span) = self.next()?;
            if style == ScalarStyle::Plain && decoded == "<<" {
                let from = self.bytes(span);
                // Under a path of its own, which no document has, so that it hides nothing.
                let node = self.node(event, span, Some(key), &path.field("<<"), depth + 1)?;
                merged.push((node.value, from));
                continue;
            }
            let child = path.field(name.as_str());
            let node = self.node(event, span, Some(key), &child, depth + 1)?;
            if fields.insert(name.clone(), node.value).is_some() {
                let message = format!("key `{name}` is given twice: the last value counts");
                let severity = Severity::Warning;
                self.mistakes.push(SyntaxMistake { span: key_span, severity, message });
            }
        };
        for (value, from) in merged {
            self.merge(value, &from, path, &mut fields)?;
        }
        Some((fields, end))
    }

    /// Adds what `<<` names: a mapping or a list of mappings.
    fn merge(
        &mut self,
        value: Value,
        from: &Range<usize>,
        path: &FieldPath,
        fields: &mut Map<String, Value>,
    ) -> Option<()> {
        match value {
            Value::Object(others) => {
                let text = Text { span: from.clone(), runs: Vec::new() };
                for (name, value) in others {
                    if fields.contains_key(&name) {
                        continue;
                    }
                    let path = path.field(name.as_str());
                    self.expand(&value, &text, &path)?;
                    self.map.insert(path, Entry { key: None, value: text.clone() });
                    fields.insert(name, value);
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.merge(item, from, path, fields)?;
                }
            }
            _ => self.mistake(from.clone(), "`<<` takes a mapping or a list of mappings"),
        }
        Some(())
    }

    /// Places everything in a value that an alias stands for at the alias.
    fn expand(&mut self, value: &Value, text: &Text, path: &FieldPath) -> Option<()> {
        self.aliased += 1;
        if self.aliased > MAX_ALIASED || path.depth() > MAX_DEPTH {
            self.mistake(text.span.clone(), "aliases stand for too many values");
            return None;
        }
        let child = |loader: &mut Self, path: FieldPath, value: &Value| {
            loader.expand(value, text, &path)?;
            loader.map.insert(path, Entry { key: None, value: text.clone() });
            Some(())
        };
        match value {
            Value::Object(fields) => fields
                .iter()
                .try_for_each(|(name, value)| child(self, path.field(name.as_str()), value)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .try_for_each(|(index, value)| child(self, path.index(index), value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Some(()),
        }
    }

    fn anchor(&mut self, anchor: usize, value: &Value) {
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
    }

    /// A block collection ends where the next token begins: without the blanks before that.
    fn trimmed(&self, span: Range<usize>) -> Range<usize> {
        let text = self.text.get(span.clone()).unwrap_or_default();
        span.start..span.start + text.trim_end().len()
    }
}
