//! Patterns of RE2, run by the `regex` crate.

use crate::ErrorKind;

/// Compiles a pattern of RE2. The size of the compiled program is bounded.
pub(super) fn compile(
    function: &'static str,
    pattern: &str,
) -> Result<regex::Regex, Box<ErrorKind>> {
    let pattern = translate(pattern).map_err(|reason| ErrorKind::argument(function, reason))?;
    regex::Regex::new(&pattern).map_err(|error| ErrorKind::argument(function, error.to_string()))
}

/// Rewrites what the two syntaxes read differently: `\d`, `\w`, `\s` and `\b` are ASCII, `\Q…\E` quotes, octal escapes, braces and
/// brackets that stand for themselves.
fn translate(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if !in_class && let Some(len) = operator(rest) {
            let (written, after) = rest.split_at(len);
            let bounds = written.split(|c: char| !c.is_ascii_digit());
            if bounds.filter_map(|n| n.parse::<u32>().ok()).any(|n| n > MAX_REPEAT) {
                return Err(format!("`{written}` repeats more than {MAX_REPEAT} times"));
            }
            let lazy = usize::from(after.starts_with('?'));
            if operator(&after[lazy..]).is_some() {
                return Err(format!("`{written}` is followed by another repetition"));
            }
            out.push_str(&rest[..len + lazy]);
            rest = &after[lazy..];
            continue;
        }
        match c {
            '\\' => rest = escape(&mut out, after, in_class),
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                rest = after;
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                // A bracket at the start stands for itself.
                if let Some(after) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = after;
                }
            }
            '[' if after.starts_with(':') && after.contains(":]") => {
                let end = after.find(":]").map_or(after.len(), |at| at + 2);
                out.push('[');
                out.push_str(&after[..end]);
                rest = &after[end..];
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
                rest = after;
            }
            '[' | '&' | '~' if in_class => {
                out.extend(['\\', c]);
                rest = after;
            }
            '-' if in_class && after.starts_with('-') => {
                out.push_str("\\-");
                rest = after;
            }
            '{' | '}' if !in_class => {
                out.extend(['\\', c]);
                rest = after;
            }
            c => {
                out.push(c);
                rest = after;
            }
        }
    }
    Ok(out)
}

fn escape<'p>(out: &mut String, after: &'p str, in_class: bool) -> &'p str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[c.len_utf8()..];
    let class = match c {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\x0C\\r ",
        'D' => "^0-9",
        'W' => "^0-9A-Za-z_",
        'S' => "^\\t\\n\\x0C\\r ",
        _ => "",
    };
    if !class.is_empty() {
        if in_class && !class.starts_with('^') {
            out.push_str(class);
        } else {
            out.push('[');
            out.push_str(class);
            out.push(']');
        }
        return rest;
    }
    match c {
        'b' | 'B' if !in_class => {
            out.push_str("(?-u:\\");
            out.push(c);
            out.push(')');
            rest
        }
        'Q' => {
            let (quoted, rest) = rest.split_once("\\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            rest
        }
        '0'..='7' => {
            let len = after.bytes().take(3).take_while(|c| (b'0'..=b'7').contains(c)).count();
            if len == 1 && c != '0' {
                // A back reference, which neither side has.
                out.extend(['\\', c]);
                return rest;
            }
            let code = u32::from_str_radix(&after[..len], 8).unwrap_or(0);
            out.push_str(&format!("\\x{{{code:x}}}"));
            &after[len..]
        }
        'p' | 'P' | 'x' if rest.starts_with('{') => {
            let end = rest.find('}').map_or(rest.len(), |at| at + 1);
            out.extend(['\\', c]);
            out.push_str(&rest[..end]);
            &rest[end..]
        }
        c => {
            out.extend(['\\', c]);
            rest
        }
    }
}

/// Highest count of a repetition, as in RE2.
const MAX_REPEAT: u32 = 1_000;

/// The length of a repetition at the start of the text.
fn operator(text: &str) -> Option<usize> {
    match text.as_bytes() {
        [b'*' | b'+' | b'?', ..] => Some(1),
        [b'{', ..] => repetition(&text[1..]).map(|len| len + 1),
        _ => None,
    }
}

/// The length of `n}`, `n,}` or `n,m}`.
fn repetition(after: &str) -> Option<usize> {
    let (inner, _) = after.split_once('}')?;
    let (low, high) = inner.split_once(',').unwrap_or((inner, ""));
    let digits = [low, high].iter().all(|n| n.bytes().all(|c| c.is_ascii_digit()));
    (!low.is_empty() && digits).then_some(inner.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii() {
        let digits = compile("test", r"^\d+$").expect("valid");
        assert!(digits.is_match("12"));
        assert!(!digits.is_match("\u{0663}"));
        assert!(!compile("test", r"^\w$").expect("valid").is_match("ä"));
        assert!(compile("test", r"^[^\s\d]$").expect("valid").is_match("ä"));
        assert!(compile("test", r"[\W]").expect("valid").is_match("ä"));
    }

    #[test]
    fn what_stands_for_itself() {
        for (pattern, text) in [
            ("a{", "a{"),
            ("a{,2}", "a{,2}"),
            ("{}", "{}"),
            ("[[]", "["),
            ("[]a]", "]"),
            ("[a&&b]", "&"),
            (r"\Qa.b\E+", "a.bb"),
            (r"\101", "A"),
            (r"\x{41}", "A"),
            (r"\p{Greek}", "α"),
            ("[[:alpha:]]", "x"),
            ("a{2}", "aa"),
            ("a+?b*?", "aab"),
        ] {
            let regex = compile("test", pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
            assert!(regex.is_match(text), "{pattern} {text}");
        }
        for pattern in ["(", "(?=b)", r"\1", "a**", "a{2}{3}", "a{1001}", "[b-a]"] {
            assert!(compile("test", pattern).is_err(), "{pattern}");
        }
    }
}
