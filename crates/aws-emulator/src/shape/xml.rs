//! XML documents by shape, for S3 and the query protocol.

use quick_xml::Reader;
use quick_xml::events::BytesStart;
use quick_xml::events::Event;
use serde_json::Map;
use serde_json::Value;

use super::Layout;
use super::Member;
use super::Shape;

/// Nesting beyond which a document is refused.
const MAX_DEPTH: usize = 32;

/// An element: name without prefix, attributes, child elements, text.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

/// Reads a document whose root is `root` into a JSON value by its shape.
///
/// # Errors
/// A sentence that says what does not fit: not well-formed, a wrong root, an unknown element, a
/// missing one, a value outside its set. S3 answers all of them with one text (`MalformedXML`).
pub(crate) fn read(body: &[u8], root: &str, shape: &Shape) -> Result<Value, String> {
    let body = std::str::from_utf8(body).map_err(|_| "not UTF-8".to_owned())?;
    let element = parse(body)?;
    if element.name != root {
        return Err(format!("root element `{}` instead of `{root}`", element.name));
    }
    convert(&element, shape, root)
}

fn parse(body: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(body);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err("nested too deeply".to_owned());
                }
                open.push(started(&start)?);
            }
            Event::Empty(start) => close(started(&start)?, &mut open, &mut root)?,
            Event::End(_) => {
                let element = open.pop().ok_or("end tag without a start tag")?;
                close(element, &mut open, &mut root)?;
            }
            Event::Text(text) => push_text(&text.xml10_content(), &mut open)?,
            Event::CData(text) => push_text(&text.xml10_content(), &mut open)?,
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().map_err(|e| e.to_string())? {
                    Some(letter) => letter.to_string(),
                    None => match &*reference.xml10_content() {
                        "lt" => "<".to_owned(),
                        "gt" => ">".to_owned(),
                        "amp" => "&".to_owned(),
                        "quot" => "\"".to_owned(),
                        "apos" => "'".to_owned(),
                        other => return Err(format!("unknown entity `{other}`")),
                    },
                };
                push_text(&resolved, &mut open)?;
            }
            Event::DocType(_) => return Err("a document type declaration".to_owned()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if let Some(element) = open.pop() {
        return Err(format!("element `{}` is not closed", element.name));
    }
    root.ok_or_else(|| "no root element".to_owned())
}

fn started(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element =
        Element { name: start.local_name().as_ref().to_owned(), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name: &str = attribute.key.as_ref();
        if name != "xmlns" && !name.starts_with("xmlns:") {
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                .map_err(|error| error.to_string())?;
            element.attributes.push((name.to_owned(), value.into_owned()));
        }
    }
    Ok(element)
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), String> {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err("more than one root element".to_owned()),
    }
    Ok(())
}

fn push_text(text: &str, open: &mut [Element]) -> Result<(), String> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err("text outside of the root element".to_owned()),
    }
    Ok(())
}

fn convert(element: &Element, shape: &Shape, path: &str) -> Result<Value, String> {
    match shape {
        Shape::Struct(members) => convert_struct(element, members, path),
        Shape::List { item, min, max, layout } => {
            let Layout::Wrapped(entry) = layout else {
                return Err(format!("`{path}` is repeated without a wrapper"));
            };
            no_text(element, path)?;
            no_attributes(element, path)?;
            if let Some(other) = element.children.iter().find(|child| child.name != *entry) {
                return Err(format!("unknown element `{path}.{}`", other.name));
            }
            let entries: Vec<&Element> = element.children.iter().collect();
            convert_list(&entries, item, *min, *max, &format!("{path}.{entry}"))
        }
        Shape::Text(_) | Shape::Int { .. } | Shape::Bool | Shape::Time | Shape::Map { .. } => {
            if let Some(child) = element.children.first() {
                return Err(format!("unknown element `{path}.{}`", child.name));
            }
            no_attributes(element, path)?;
            scalar(&element.text, shape, path)
        }
    }
}

fn convert_struct(element: &Element, members: &[Member], path: &str) -> Result<Value, String> {
    no_text(element, path)?;
    let mut out = Map::new();
    for (name, value) in &element.attributes {
        let member =
            find(members, name).ok_or_else(|| format!("unknown attribute `{path}@{name}`"))?;
        out.insert(name.clone(), scalar(value, &member.shape, path)?);
    }
    for child in &element.children {
        if find(members, &child.name).is_none_or(|member| member.attribute) {
            return Err(format!("unknown element `{path}.{}`", child.name));
        }
    }
    for member in members {
        let found: Vec<&Element> =
            element.children.iter().filter(|child| child.name == member.name).collect();
        let path = format!("{path}.{}", member.name);
        if found.is_empty() {
            if member.required && !out.contains_key(member.name) {
                return Err(format!("missing element `{path}`"));
            }
            continue;
        }
        let value = match member.shape {
            Shape::List { item, min, max, layout: Layout::Flat } => {
                convert_list(&found, item, min, max, &path)?
            }
            _ if found.len() > 1 => return Err(format!("element `{path}` is repeated")),
            _ => convert(found[0], &member.shape, &path)?,
        };
        out.insert(member.name.to_owned(), value);
    }
    Ok(Value::Object(out))
}

fn convert_list(
    entries: &[&Element],
    item: &Shape,
    min: usize,
    max: usize,
    path: &str,
) -> Result<Value, String> {
    if entries.len() < min || entries.len() > max {
        return Err(format!("{} times `{path}`, must be {min} to {max}", entries.len()));
    }
    entries
        .iter()
        .map(|entry| convert(entry, item, path))
        .collect::<Result<_, _>>()
        .map(Value::Array)
}

fn scalar(text: &str, shape: &Shape, path: &str) -> Result<Value, String> {
    match shape {
        Shape::Text(rule) => {
            let length = text.chars().count();
            if length < rule.min || length > rule.max {
                return Err(format!("length of `{path}`"));
            }
            if !rule.one_of.is_empty() && !rule.one_of.contains(&text) {
                return Err(format!("`{path}` is `{text}`, not one of {}", rule.one_of.join(", ")));
            }
            if rule.pattern.is_some_and(|pattern| !(pattern.matches)(text)) {
                return Err(format!("`{path}` does not have its form"));
            }
            Ok(Value::from(text))
        }
        Shape::Int { min, max } => text
            .trim()
            .parse::<i64>()
            .ok()
            .filter(|number| number >= min && number <= max)
            .map(Value::from)
            .ok_or_else(|| format!("`{path}` is not a number from {min} to {max}")),
        Shape::Bool => match text.trim() {
            "true" | "TRUE" => Ok(Value::Bool(true)),
            "false" | "FALSE" => Ok(Value::Bool(false)),
            _ => Err(format!("`{path}` is neither true nor false")),
        },
        Shape::Time | Shape::Map { .. } | Shape::List { .. } | Shape::Struct(_) => {
            Err(format!("`{path}` is not a scalar that XML has here"))
        }
    }
}

fn no_text(element: &Element, path: &str) -> Result<(), String> {
    if element.text.trim().is_empty() { Ok(()) } else { Err(format!("text inside of `{path}`")) }
}

fn no_attributes(element: &Element, path: &str) -> Result<(), String> {
    match element.attributes.first() {
        Some((name, _)) => Err(format!("unknown attribute `{path}@{name}`")),
        None => Ok(()),
    }
}

fn find<'a>(members: &'a [Member], name: &str) -> Option<&'a Member> {
    members.iter().find(|member| member.name == name)
}

/// Writes a value by its shape as a whole document.
pub(crate) fn document(root: &str, namespace: &str, shape: &Shape, value: &Value) -> Vec<u8> {
    let mut out = Writer::new(root, namespace);
    out.members(shape, value);
    out.finish(root)
}

/// Writes XML text; the caller keeps the tags in balance through closures.
#[derive(Debug)]
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    /// Begins a document.
    pub(crate) fn new(root: &str, namespace: &str) -> Self {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<");
        out.push_str(root);
        if !namespace.is_empty() {
            out.push_str(" xmlns=\"");
            out.push_str(namespace);
            out.push('"');
        }
        out.push('>');
        Self { out }
    }

    /// Ends the document.
    pub(crate) fn finish(mut self, root: &str) -> Vec<u8> {
        self.end(root);
        self.out.into_bytes()
    }

    /// An element with children.
    pub(crate) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
        inside(self);
        self.end(name);
    }

    /// An element with text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.element(name, |out| out.escaped(text));
    }

    /// Bare text inside the current element.
    pub(crate) fn escaped(&mut self, text: &str) {
        self.out.push_str(&quick_xml::escape::escape(text));
    }

    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn members(&mut self, shape: &Shape, value: &Value) {
        match (shape, value) {
            (Shape::Struct(members), Value::Object(given)) => {
                for member in members.iter().filter(|member| !member.attribute) {
                    if let Some(value) = given.get(member.name) {
                        self.member(member.name, &member.shape, value);
                    }
                }
            }
            (Shape::List { item, layout: Layout::Wrapped(entry), .. }, Value::Array(entries)) => {
                for value in entries {
                    self.element(entry, |out| out.members(item, value));
                }
            }
            (_, Value::String(text)) => self.escaped(text),
            (_, Value::Null) => {}
            (_, other) => self.escaped(&other.to_string()),
        }
    }

    fn member(&mut self, name: &str, shape: &Shape, value: &Value) {
        match (shape, value) {
            (Shape::List { item, layout: Layout::Flat, .. }, Value::Array(entries)) => {
                for value in entries {
                    self.element(name, |out| out.members(item, value));
                }
            }
            (Shape::Struct(members), _) if members.iter().any(|member| member.attribute) => {
                let mut start = name.to_owned();
                for member in members.iter().filter(|member| member.attribute) {
                    if let Some(text) = value[member.name].as_str() {
                        // The only attribute that S3 has is of this namespace.
                        let text = quick_xml::escape::escape(text);
                        start.push_str(&format!(" xmlns:xsi=\"{XSI}\" {}=\"{text}\"", member.name));
                    }
                }
                self.out.push_str(&format!("<{start}>"));
                self.members(shape, value);
                self.end(name);
            }
            _ => self.element(name, |out| out.members(shape, value)),
        }
    }
}

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

#[cfg(test)]
mod tests {
    use super::super::*;
    use super::*;

    const TAG: Shape = Shape::Struct(&[req("Key", text(1, 128)), req("Value", text(0, 256))]);
    const RULE: Shape = Shape::Struct(&[opt("Days", int(1, 9)), opt("On", Shape::Bool)]);
    const ROOT: Shape =
        Shape::Struct(&[req("TagSet", list(&TAG, 0, 2, "Tag")), opt("Rule", flat(&RULE, 0, 9))]);

    #[test]
    fn what_is_read_is_written_again() {
        let body = "<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value></Value></Tag></TagSet>\
                    <Rule><Days>2</Days></Rule><Rule><On>true</On></Rule></Tagging>";
        let value = read(body.as_bytes(), "Tagging", &ROOT).unwrap();
        assert_eq!(
            value.to_string(),
            r#"{"Rule":[{"Days":2},{"On":true}],"TagSet":[{"Key":"a&b","Value":""}]}"#
        );
        let text = String::from_utf8(document("Tagging", "", &ROOT, &value)).unwrap();
        assert_eq!(text, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}"));
    }

    #[test]
    fn namespaces_declarations_and_references_are_understood() {
        let body = "<?xml version='1.0'?><!-- c --><Tagging xmlns=\"http://x/\"><TagSet>\n\
                    <Tag><Key>&#65;<![CDATA[<]]></Key><Value>v</Value></Tag></TagSet></Tagging>";
        let value = read(body.as_bytes(), "Tagging", &ROOT).unwrap();
        assert_eq!(value.to_string(), r#"{"TagSet":[{"Key":"A<","Value":"v"}]}"#);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (body, part) in [
            ("", "no root element"),
            ("<Tagging>", "not closed"),
            ("<Other/>", "root element `Other` instead of `Tagging`"),
            ("<Tagging/>", "missing element `Tagging.TagSet`"),
            ("<Tagging><TagSet/><New/></Tagging>", "unknown element `Tagging.New`"),
            ("<Tagging><TagSet><New/></TagSet></Tagging>", "unknown element `Tagging.TagSet.New`"),
            ("<Tagging><TagSet a=\"1\"/></Tagging>", "unknown attribute"),
            ("<Tagging><TagSet/><TagSet/></Tagging>", "repeated"),
            ("<Tagging><TagSet/><Rule><Days>10</Days></Rule></Tagging>", "from 1 to 9"),
            ("<Tagging><TagSet/><Rule><On>yes</On></Rule></Tagging>", "neither true nor false"),
            ("<Tagging><TagSet>x</TagSet></Tagging>", "text inside"),
            ("<!DOCTYPE a><Tagging><TagSet/></Tagging>", "document type"),
            ("<Tagging><TagSet/></Tagging><a/>", "more than one root"),
            ("<Tagging><TagSet>&x;</TagSet></Tagging>", "unknown entity"),
        ] {
            let error = read(body.as_bytes(), "Tagging", &ROOT).unwrap_err();
            assert!(error.contains(part), "{body}: {error}");
        }
    }
}
