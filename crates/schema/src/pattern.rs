//! Regular expressions of schemas.
//!
//! API servers read patterns in RE2's syntax, with classes of ASCII characters. The engine here
//! reads nearly the same syntax, so patterns are rewritten where the two differ.

use regex::Regex;

/// The most repetitions that RE2 takes.
const MAX_REPEAT: u32 = 1000;

/// Compiles a pattern as an API server understands it.
///
/// # Errors
/// The reason in one line.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    /// RE2 refuses what would take more.
    const SIZE_LIMIT: usize = 1 << 20;
    let pattern = Rewriter { rest: pattern, out: String::new() }.rewrite()?;
    let regex = regex::RegexBuilder::new(&pattern).size_limit(SIZE_LIMIT).build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The parser draws the pattern and a caret over several lines; the last says why.
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    })
}

struct Rewriter<'a> {
    rest: &'a str,
    out: String,
}

impl Rewriter<'_> {
    fn rewrite(mut self) -> Result<String, String> {
        let mut repeats = false;
        while let Some(c) = self.next() {
            let repeated = std::mem::take(&mut repeats);
            match c {
                '\\' => self.escape(false),
                '[' => self.class(),
                '{' => repeats = self.brace()?,
                '*' | '+' | '?' => {
                    self.out.push(c);
                    repeats = true;
                }
                '(' => {
                    self.out.push('(');
                    // Not a repetition, but what kind of group it is.
                    if self.skip("?") {
                        self.out.push('?');
                    }
                }
                c => self.out.push(c),
            }
            if repeats && repeated {
                return Err("a repetition can't be repeated".to_owned());
            }
            if repeats && self.skip("?") {
                self.out.push('?');
            }
        }
        Ok(self.out)
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// After a backslash.
    fn escape(&mut self, in_class: bool) {
        let Some(c) = self.next() else {
            self.out.push('\\');
            return;
        };
        match c {
            'd' => self.out.push_str("[0-9]"),
            'D' => self.out.push_str("[^0-9]"),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            's' => self.out.push_str(r"[\t\n\f\r ]"),
            'S' => self.out.push_str(r"[^\t\n\f\r ]"),
            'b' if !in_class => self.out.push_str(r"(?-u:\b)"),
            'B' if !in_class => self.out.push_str(r"(?-u:\B)"),
            'Q' => {
                let (quoted, after) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(quoted));
                self.rest = after;
            }
            // RE2 takes them for themselves.
            '<' | '>' => self.out.push(c),
            c => {
                self.out.push('\\');
                self.out.push(c);
            }
        }
    }

    /// After `[`: RE2 has no classes in classes and no operations on them.
    fn class(&mut self) {
        self.out.push('[');
        if self.skip("^") {
            self.out.push('^');
        }
        if self.skip("]") {
            self.out.push_str(r"\]");
        } else if self.skip("--") {
            self.out.push_str(r"\--");
        }
        while let Some(c) = self.next() {
            match c {
                ']' => {
                    self.out.push(']');
                    return;
                }
                '\\' => self.escape(true),
                '[' if self.rest.starts_with(':') && self.rest.contains(":]") => {
                    let end = self.rest.find(":]").map_or(0, |at| at + 2);
                    let (name, rest) = self.rest.split_at(end);
                    self.out.push('[');
                    self.out.push_str(name);
                    self.rest = rest;
                }
                '[' | '&' | '~' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                '-' if self.skip("-") => self.out.push_str(r"-\-"),
                c => self.out.push(c),
            }
        }
    }

    /// After `{`: whether it is a repetition, and not just a brace.
    fn brace(&mut self) -> Result<bool, String> {
        let inside = self.rest.split_once('}').map(|(inside, _)| inside);
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse::<u32>().unwrap_or(u32::MAX))
        };
        let bounds = inside.and_then(|inside| match inside.split_once(',') {
            None => number(inside).map(|least| (least, least)),
            Some((least, "")) => number(least).map(|least| (least, least)),
            Some((least, most)) => Some((number(least)?, number(most)?)),
        });
        match bounds {
            None => {
                self.out.push_str(r"\{");
                Ok(false)
            }
            Some((least, most)) if least > MAX_REPEAT || most > MAX_REPEAT => {
                Err(format!("it repeats more than {MAX_REPEAT} times"))
            }
            Some(_) => {
                let (bounds, rest) = self.rest.split_once('}').unwrap_or((self.rest, ""));
                self.out.push('{');
                self.out.push_str(bounds);
                self.out.push('}');
                self.rest = rest;
                Ok(true)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn reads_patterns_as_an_api_server_does() {
        let cases = [
            (r"^\d+$", "12", "1٢"),
            (r"^[\w.]+$", "a_.9", "é"),
            (r"^[^\D]$", "1", "a"),
            (r"a\b", "a é", "ab"),
            (r"^\s$", "\t", "\u{a0}"),
            (r"^[[]$", "[", "a"),
            (r"^[^[\]]+$", "a", "["),
            (r"^[]a]+$", "]a", "b"),
            (r"^[a&&b]+$", "&ab", "c"),
            (r"^[+--]$", ",", "."),
            (r"^[--/]$", ".", ","),
            (r"^[[:alpha:]_]+$", "a_", "1"),
            (r"^{a}$", "{a}", "a"),
            (r"^a{2,3}$", "aa", "a"),
            (r"^a{,2}$", "a{,2}", "aa"),
            (r"^\Qa.b\E.$", "a.bc", "axbc"),
            (r"^\<$", "<", ">"),
            (r"(?i)^straße$", "STRAßE", "x"),
            (r"^a$", "a", "a\n"),
        ];
        for (pattern, yes, no) in cases {
            let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert!(regex.is_match(yes), "{pattern} {yes}");
            assert!(!regex.is_match(no), "{pattern} {no}");
        }
        let refused = ["(", "[a", "(?!x)", r"(a)\1", "a{1001}", "a{2,1}", "*", r"\"];
        let stacked = ["a**", "a*+", "a+??", "a{2}{3}", "a??*"];
        for pattern in refused.iter().chain(&stacked) {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
        for pattern in ["a*?", "(?:a)?", "(a*)*", r"a\**", "a{2}?", "a{*", "[*]*"] {
            assert!(compile(pattern).is_ok(), "{pattern}");
        }
    }
}
