//! Numbers, text and bytes as they are written.

use super::lexer::TokenKind;
use crate::{Literal, Mistake, MistakeKind, Span};

pub(super) fn number(text: &str, kind: TokenKind) -> Result<Literal, Mistake> {
    let bad = || Mistake::new(MistakeKind::BadNumber(text.to_owned()), Span::default());
    match kind {
        TokenKind::Float => {
            let value: f64 = text.parse().map_err(|_| bad())?;
            if value.is_finite() { Ok(Literal::Double(value)) } else { Err(bad()) }
        }
        TokenKind::Uint => {
            let digits = text.trim_end_matches(['u', 'U']);
            let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
                Some(hex) => u64::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            value.map(Literal::Uint).map_err(|_| bad())
        }
        _ => {
            let (negative, digits) = match text.strip_prefix('-') {
                Some(digits) => (true, digits),
                None => (false, text),
            };
            let value = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
                Some(hex) => i128::from_str_radix(hex, 16),
                None => digits.parse::<i128>(),
            };
            let value = value.map_err(|_| bad())?;
            let value = if negative { -value } else { value };
            i64::try_from(value).map(Literal::Int).map_err(|_| bad())
        }
    }
}

/// Text or bytes with prefix and quotes.
pub(super) fn text(written: &str, span: Span) -> Result<Literal, Mistake> {
    let prefix_len = written.find(['"', '\'']).unwrap_or(0);
    let prefix = written[..prefix_len].to_ascii_lowercase();
    let (raw, bytes) = (prefix.contains('r'), prefix.contains('b'));
    let body = &written[prefix_len..];
    let quotes = if body.len() >= 6 && (body.starts_with("\"\"\"") || body.starts_with("'''")) {
        3
    } else {
        1
    };
    // An unterminated string has been told by the lexer.
    let content = body.get(quotes..body.len().saturating_sub(quotes)).unwrap_or("");
    if !bytes && (raw || !content.contains(['\\', '\r'])) {
        return Ok(Literal::String(content.into()));
    }
    let at = span.start + u32::try_from(prefix_len + quotes).unwrap_or(0);
    let decoded = decode(content, raw, bytes, at)?;
    if bytes {
        return Ok(Literal::Bytes(decoded.into()));
    }
    match String::from_utf8(decoded) {
        Ok(text) => Ok(Literal::String(text.into())),
        Err(_) => Err(Mistake::new(MistakeKind::BadEscape(content.to_owned()), span)),
    }
}

fn decode(content: &str, raw: bool, bytes: bool, start: u32) -> Result<Vec<u8>, Mistake> {
    let mut out = Vec::with_capacity(content.len());
    let mut rest = content;
    while let Some(c) = rest.chars().next() {
        if c != '\\' || raw {
            rest = &rest[c.len_utf8()..];
            // Line ends in triple-quoted text are normalised.
            if c == '\r' && !raw {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                out.push(b'\n');
            } else {
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            continue;
        }
        let mut chars = rest.chars();
        chars.next();
        let kind = chars.next();
        let code = |from: usize, len: usize, radix: u32| -> Option<u32> {
            let digits = rest.get(from..from + len)?;
            if !digits.chars().all(|c| c.is_digit(radix)) {
                return None;
            }
            u32::from_str_radix(digits, radix).ok()
        };
        let (value, used): (Option<u32>, usize) = match kind {
            Some('a') => (Some(7), 2),
            Some('b') => (Some(8), 2),
            Some('f') => (Some(12), 2),
            Some('n') => (Some(10), 2),
            Some('r') => (Some(13), 2),
            Some('t') => (Some(9), 2),
            Some('v') => (Some(11), 2),
            Some(c @ ('\\' | '?' | '"' | '\'' | '`')) => (Some(u32::from(c)), 2),
            Some('x' | 'X') => (code(2, 2, 16), 4),
            Some('u') if !bytes => (code(2, 4, 16), 6),
            Some('U') if !bytes => (code(2, 8, 16), 10),
            Some('0'..='3') => (code(1, 3, 8), 4),
            _ => (None, 2),
        };
        let is_byte = matches!(kind, Some('x' | 'X' | '0'..='3'));
        let offset = content.len() - rest.len();
        let bad = || {
            let mut end = used.min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            let from = start + u32::try_from(offset).unwrap_or(0);
            let span = Span::new(from, from + u32::try_from(end).unwrap_or(0));
            Mistake::new(MistakeKind::BadEscape(rest[..end].to_owned()), span)
        };
        let value = value.ok_or_else(bad)?;
        if bytes && is_byte {
            out.push(u8::try_from(value).map_err(|_| bad())?);
        } else {
            let c = char::from_u32(value).ok_or_else(bad)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        rest = &rest[used..];
    }
    Ok(out)
}
