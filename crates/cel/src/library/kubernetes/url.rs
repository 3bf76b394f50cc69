//! URLs as Go reads them.

use std::sync::Arc;

use crate::{CallResult, ErrorKind, Key, Library, MapBuilder, Opaque, Row as R, Str, Value};

/// URLs.
pub static URL: Library = Library {
    name: "url",
    doc: "URLs and their parts.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[("kubernetes.URL", "kubernetes.URL")],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::new(
        "string_to_url",
        "url(string): kubernetes.URL",
        "The URL that is written: absolute, or an absolute path.",
        to_url,
    ),
    R::new("is_url_string", "isURL(string): bool", "Is the text a URL?", is_url),
    R::new("url_get_scheme", "(kubernetes.URL).getScheme(): string", "Without the colon.", |a| {
        part("getScheme", a, |u| Value::string(u.scheme.as_str()))
    }),
    R::new(
        "url_get_host",
        "(kubernetes.URL).getHost(): string",
        "Name or address, with the port.",
        |a| part("getHost", a, |u| Value::string(u.host.as_str())),
    ),
    R::new(
        "url_get_hostname",
        "(kubernetes.URL).getHostname(): string",
        "Name or address, without the port.",
        |a| part("getHostname", a, |u| Value::string(u.split_host().0)),
    ),
    R::new("url_get_port", "(kubernetes.URL).getPort(): string", "The port, or nothing.", |a| {
        part("getPort", a, |u| Value::string(u.split_host().1))
    }),
    R::new(
        "url_get_escaped_path",
        "(kubernetes.URL).getEscapedPath(): string",
        "The path with its escapes.",
        |a| part("getEscapedPath", a, |u| Value::string(u.escaped_path())),
    ),
    R::new(
        "url_get_query",
        "(kubernetes.URL).getQuery(): map(string, list(string))",
        "The parameters of the query.",
        |a| part("getQuery", a, query),
    ),
];

/// A URL, taken apart.
#[derive(Clone, Debug, Default)]
pub struct Url {
    scheme: String,
    user: Option<String>,
    host: String,
    /// Without escapes.
    path: Vec<u8>,
    /// As written, where escaping the path gives something else.
    raw_path: Option<String>,
    /// No host stands before the path, not even an empty one.
    without_host: bool,
    opaque: Option<String>,
    query: Option<String>,
    fragment: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Path,
    Query,
    User,
    Fragment,
}

fn is_plain(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'~')
}

fn needs_escape(c: u8, part: Part) -> bool {
    if is_plain(c) {
        return false;
    }
    match (c, part) {
        (b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@', Part::Path) => {
            c == b'?'
        }
        (b'$' | b'&' | b'+' | b',' | b';' | b'=', Part::User) => false,
        (b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@', Part::Fragment) => {
            false
        }
        (b'!' | b'(' | b')' | b'*', Part::Fragment) => false,
        _ => true,
    }
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if needs_escape(*byte, part) {
            out.push_str(&format!("%{byte:02X}"));
        } else {
            out.push(char::from(*byte));
        }
    }
    out
}

fn unescape(text: &str, part: Part) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(c) = bytes.next() {
        match c {
            b'%' => {
                let hex = |c: u8| char::from(c).to_digit(16);
                let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if part == Part::Query => out.push(b' '),
            c => out.push(c),
        }
    }
    Some(out)
}

/// Characters of a host that need no escape; bytes beyond ASCII are taken, too.
fn is_host(c: u8) -> bool {
    is_plain(c) || c >= 0x80 || b"!$&'()*+,;=:[]<>\"".contains(&c)
}

fn valid_port(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|c| c.is_ascii_digit()))
}

impl Url {
    /// Reads an absolute URL or an absolute path.
    ///
    /// # Errors
    /// A sentence for the user when the text is neither.
    pub fn parse(text: &str) -> Result<Url, String> {
        // The fragment belongs to nothing else; without it the rest must stand alone.
        let (before, fragment) = match text.split_once('#') {
            Some((before, fragment)) => (before, Some(fragment)),
            None => (text, None),
        };
        if text.is_empty() {
            return Err("the URL is empty".to_owned());
        }
        if text.bytes().any(|c| c < 0x20 || c == 0x7f) {
            return Err("the URL has a control character".to_owned());
        }
        let mut url = Url::default();
        let rest = match scheme(before)? {
            Some(scheme) => {
                url.scheme = scheme.to_ascii_lowercase();
                &before[scheme.len() + 1..]
            }
            None => before,
        };
        let rest = match rest.split_once('?') {
            Some((rest, query)) => {
                url.query = Some(query.to_owned());
                rest
            }
            None => rest,
        };
        if let Some(fragment) = fragment {
            let decoded =
                unescape(fragment, Part::Fragment).ok_or("the fragment has a bad escape")?;
            url.fragment = Some(escape(&decoded, Part::Fragment));
        }
        if before == "*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        if !rest.starts_with('/') {
            if url.scheme.is_empty() {
                return Err(format!("`{text}` is neither absolute nor an absolute path"));
            }
            url.opaque = Some(rest.to_owned());
            return Ok(url);
        }
        let path = match rest.strip_prefix("//") {
            Some(after) if !url.scheme.is_empty() || !after.starts_with('/') => {
                let end = after.find('/').unwrap_or(after.len());
                if end == after.len() && url.query.is_none() && fragment.is_some() {
                    return Err("the host has the character '#'".to_owned());
                }
                url.authority(&after[..end])?;
                &after[end..]
            }
            _ => {
                url.without_host = true;
                rest
            }
        };
        url.path = unescape(path, Part::Path).ok_or("the path has a bad escape")?;
        if escape(&url.path, Part::Path) != path {
            url.raw_path = Some(path.to_owned());
        }
        Ok(url)
    }

    fn authority(&mut self, text: &str) -> Result<(), String> {
        let host = match text.rsplit_once('@') {
            Some((user, host)) => {
                let valid = |c: u8| is_plain(c) || b"!$&'()*+,;=:%@".contains(&c);
                if !user.bytes().all(valid) {
                    return Err("the user has a character that needs an escape".to_owned());
                }
                let mut parts = Vec::new();
                for part in user.splitn(2, ':') {
                    let part = unescape(part, Part::User).ok_or("the user has a bad escape")?;
                    parts.push(escape(&part, Part::User));
                }
                self.user = Some(parts.join(":"));
                host
            }
            None => text,
        };
        let port = if host.starts_with('[') {
            let end = host.rfind(']').ok_or("the host has no `]`")?;
            &host[end + 1..]
        } else {
            host.rfind(':').map_or("", |at| &host[at..])
        };
        if !valid_port(port) {
            return Err(format!("`{port}` is not a port"));
        }
        let plain = host.replace("%25", "");
        if let Some(c) = plain.bytes().find(|c| !is_host(*c) && *c != b'%') {
            return Err(format!("the host has the character {:?}", char::from(c)));
        }
        // Only bytes beyond ASCII may be escaped in a host.
        let decoded = unescape(&plain, Part::User).ok_or("the host has a bad escape")?;
        if plain.contains('%')
            && decoded.iter().filter(|c| **c >= 0x80).count() < plain.matches('%').count()
        {
            return Err("the host has a bad escape".to_owned());
        }
        self.host = String::from_utf8_lossy(&decoded).into_owned();
        Ok(())
    }

    /// The host without brackets, and the port.
    fn split_host(&self) -> (&str, &str) {
        let (host, port) = match self.host.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (self.host.as_str(), ""),
        };
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        (inner.unwrap_or(host), port)
    }

    fn escaped_path(&self) -> String {
        let valid = |c: u8| b"!$&'()*+,;=:@[]%".contains(&c) || !needs_escape(c, Part::Path);
        match &self.raw_path {
            Some(raw) if raw.bytes().all(valid) => raw.clone(),
            _ if self.path == b"*" => "*".to_owned(),
            _ => escape(&self.path, Part::Path),
        }
    }

    /// The whole URL.
    fn to_text(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if let Some(opaque) = &self.opaque {
            out.push_str(opaque);
        } else {
            let named = !self.host.is_empty() || self.user.is_some();
            if named || !self.scheme.is_empty() && !self.without_host && !self.path.is_empty() {
                out.push_str("//");
                if let Some(user) = &self.user {
                    out.push_str(user);
                    out.push('@');
                }
                out.push_str(&self.host);
            }
            out.push_str(&self.escaped_path());
        }
        if let Some(query) = &self.query {
            out.push('?');
            out.push_str(query);
        }
        if let Some(fragment) = self.fragment.as_ref().filter(|fragment| !fragment.is_empty()) {
            out.push('#');
            out.push_str(fragment);
        }
        out
    }
}

fn scheme(text: &str) -> Result<Option<&str>, String> {
    for (at, c) in text.bytes().enumerate() {
        match c {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("the scheme before `:` is missing".to_owned()),
            b':' => return Ok(Some(&text[..at])),
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn query<'a>(url: &Url) -> Value<'a> {
    let mut parameters: Vec<(String, Vec<Value<'a>>)> = Vec::new();
    let pairs = url.query.iter().flat_map(|query| query.split('&'));
    for pair in pairs.filter(|pair| !pair.is_empty() && !pair.contains(';')) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (Some(key), Some(value)) = (unescape(key, Part::Query), unescape(value, Part::Query))
        else {
            continue;
        };
        let key = String::from_utf8_lossy(&key).into_owned();
        let value = Value::string(String::from_utf8_lossy(&value).into_owned());
        match parameters.iter_mut().find(|(k, _)| *k == key) {
            Some((_, values)) => values.push(value),
            None => parameters.push((key, vec![value])),
        }
    }
    let mut map = MapBuilder::with_capacity(parameters.len());
    for (key, values) in parameters {
        map.push(Key::String(Str::Shared(key.into())), Value::list(values));
    }
    Value::Map(map.finish())
}

impl Opaque for Url {
    fn type_name(&self) -> &str {
        "kubernetes.URL"
    }
    fn equals(&self, other: &dyn Opaque) -> Result<bool, Box<ErrorKind>> {
        let any: &dyn std::any::Any = other;
        Ok(any.downcast_ref::<Url>().is_some_and(|other| self.to_text() == other.to_text()))
    }
    fn compares_only_with_its_type(&self) -> bool {
        true
    }
    fn text(&self) -> Option<String> {
        Some(self.to_text())
    }
}

fn to_url<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => match Url::parse(text) {
            Ok(url) => Ok(Value::Opaque(Arc::new(url))),
            Err(reason) => Err(ErrorKind::argument("url", reason)),
        },
        _ => Err(ErrorKind::overload("url", args)),
    }
}

fn is_url<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::String(text)] => Ok(Value::Bool(Url::parse(text).is_ok())),
        _ => Err(ErrorKind::overload("isURL", args)),
    }
}

fn part<'a>(
    function: &'static str,
    args: &[Value<'a>],
    get: fn(&Url) -> Value<'a>,
) -> CallResult<'a> {
    let [value] = args else { return Err(ErrorKind::overload(function, args)) };
    match value.downcast::<Url>() {
        Some(url) => Ok(get(url)),
        None => Err(ErrorKind::overload(function, args)),
    }
}
