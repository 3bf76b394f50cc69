//! Text to tokens.

use crate::{Mistake, MistakeKind, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Ident,
    /// A word that is no identifier, though it may be a field or a member function.
    Reserved,
    QuotedIdent,
    Int,
    Uint,
    Float,
    /// Text or bytes, with prefix and quotes.
    String,
    True,
    False,
    Null,
    In,
    Dot,
    Comma,
    Colon,
    Question,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Not,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
    End,
}

impl TokenKind {
    pub(super) fn is_number(self) -> bool {
        matches!(self, TokenKind::Int | TokenKind::Uint | TokenKind::Float)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// Is this text a name that needs no back quotes?
pub(crate) fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(is_ident_start)
        && bytes.all(is_ident_part)
        && !matches!(
            word(text),
            TokenKind::In | TokenKind::True | TokenKind::False | TokenKind::Null
        )
}

fn is_ident_start(c: u8) -> bool {
    c.is_ascii_alphabetic() || c == b'_'
}

fn is_ident_part(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

fn word(text: &str) -> TokenKind {
    match text {
        "true" => TokenKind::True,
        "false" => TokenKind::False,
        "null" => TokenKind::Null,
        "in" => TokenKind::In,
        "as" | "break" | "const" | "continue" | "else" | "for" | "function" | "if" | "import"
        | "let" | "loop" | "package" | "namespace" | "return" | "var" | "void" | "while" => {
            TokenKind::Reserved
        }
        _ => TokenKind::Ident,
    }
}

pub(super) fn tokens(source: &str) -> (Vec<Token>, Vec<Mistake>) {
    let bytes = source.as_bytes();
    let mut tokens = Vec::with_capacity(bytes.len() / 3 + 2);
    let mut mistakes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let span = |end: usize| Span::new(offset(start), offset(end));
        let kind = match bytes[at] {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => {
                at += 1;
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().take_while(|c| **c != b'\n').count();
                continue;
            }
            b'0'..=b'9' => number(bytes, &mut at),
            b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => number(bytes, &mut at),
            b'"' | b'\'' => {
                if !string(bytes, &mut at, false) {
                    mistakes.push(Mistake::new(MistakeKind::UnterminatedString, span(at)));
                }
                TokenKind::String
            }
            b'`' => {
                let len = bytes[at + 1..].iter().take_while(|c| is_quoted_part(**c)).count();
                at += len + 1;
                if len == 0 || bytes.get(at) != Some(&b'`') {
                    mistakes.push(Mistake::new(MistakeKind::UnterminatedString, span(at)));
                } else {
                    at += 1;
                }
                TokenKind::QuotedIdent
            }
            c if is_ident_start(c) => {
                let len = bytes[at..].iter().take_while(|c| is_ident_part(**c)).count();
                let text = &source[at..at + len];
                let quote = matches!(bytes.get(at + len), Some(b'"' | b'\''));
                let prefix = text.to_ascii_lowercase();
                if quote && matches!(prefix.as_str(), "r" | "b" | "rb" | "br") {
                    at += len;
                    if !string(bytes, &mut at, prefix.contains('r')) {
                        mistakes.push(Mistake::new(MistakeKind::UnterminatedString, span(at)));
                    }
                    TokenKind::String
                } else {
                    at += len;
                    word(text)
                }
            }
            first => {
                let second = bytes.get(at + 1).copied();
                let (kind, len) = match (first, second) {
                    (b'=', Some(b'=')) => (TokenKind::Equal, 2),
                    (b'!', Some(b'=')) => (TokenKind::NotEqual, 2),
                    (b'<', Some(b'=')) => (TokenKind::LessEqual, 2),
                    (b'>', Some(b'=')) => (TokenKind::GreaterEqual, 2),
                    (b'&', Some(b'&')) => (TokenKind::And, 2),
                    (b'|', Some(b'|')) => (TokenKind::Or, 2),
                    (b'!', _) => (TokenKind::Not, 1),
                    (b'<', _) => (TokenKind::Less, 1),
                    (b'>', _) => (TokenKind::Greater, 1),
                    (b'.', _) => (TokenKind::Dot, 1),
                    (b',', _) => (TokenKind::Comma, 1),
                    (b':', _) => (TokenKind::Colon, 1),
                    (b'?', _) => (TokenKind::Question, 1),
                    (b'(', _) => (TokenKind::LeftParen, 1),
                    (b')', _) => (TokenKind::RightParen, 1),
                    (b'[', _) => (TokenKind::LeftBracket, 1),
                    (b']', _) => (TokenKind::RightBracket, 1),
                    (b'{', _) => (TokenKind::LeftBrace, 1),
                    (b'}', _) => (TokenKind::RightBrace, 1),
                    (b'+', _) => (TokenKind::Plus, 1),
                    (b'-', _) => (TokenKind::Minus, 1),
                    (b'*', _) => (TokenKind::Star, 1),
                    (b'/', _) => (TokenKind::Slash, 1),
                    (b'%', _) => (TokenKind::Percent, 1),
                    _ => {
                        let c = source[at..].chars().next().unwrap_or('\u{fffd}');
                        at += c.len_utf8();
                        mistakes.push(Mistake::new(MistakeKind::BadCharacter(c), span(at)));
                        continue;
                    }
                };
                at += len;
                kind
            }
        };
        tokens.push(Token { kind, span: span(at) });
    }
    let end = offset(bytes.len());
    tokens.push(Token { kind: TokenKind::End, span: Span::new(end, end) });
    (tokens, mistakes)
}

/// The length of the source has been checked against a limit below 4 GiB or is cut here.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

fn is_quoted_part(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-' | b'/' | b' ')
}

fn number(bytes: &[u8], at: &mut usize) -> TokenKind {
    let digits = |at: usize| bytes[at..].iter().take_while(|c| c.is_ascii_digit()).count();
    let unsigned = |at: usize| matches!(bytes.get(at), Some(b'u' | b'U'));
    if bytes[*at] == b'0' && matches!(bytes.get(*at + 1), Some(b'x' | b'X')) {
        let len = bytes[*at + 2..].iter().take_while(|c| c.is_ascii_hexdigit()).count();
        if len > 0 {
            *at += 2 + len;
            if unsigned(*at) {
                *at += 1;
                return TokenKind::Uint;
            }
            return TokenKind::Int;
        }
    }
    *at += digits(*at);
    let mut float = false;
    if bytes.get(*at) == Some(&b'.') && bytes.get(*at + 1).is_some_and(u8::is_ascii_digit) {
        float = true;
        *at += 1 + digits(*at + 1);
    }
    if matches!(bytes.get(*at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(*at + 1), Some(b'+' | b'-')));
        let start = *at + 1 + sign;
        if bytes.get(start).is_some_and(u8::is_ascii_digit) {
            float = true;
            *at = start + digits(start);
        }
    }
    if float {
        TokenKind::Float
    } else if unsigned(*at) {
        *at += 1;
        TokenKind::Uint
    } else {
        TokenKind::Int
    }
}

/// Moves behind the closing quote; false when there is none.
fn string(bytes: &[u8], at: &mut usize, raw: bool) -> bool {
    let quote = bytes[*at];
    let triple = bytes[*at..].starts_with(&[quote; 3]);
    *at += if triple { 3 } else { 1 };
    while let Some(c) = bytes.get(*at) {
        match c {
            b'\\' if !raw => {
                *at += 1;
                // The character after a backslash, whatever it is; continuation bytes follow as ordinary ones.
                if bytes.get(*at).is_some_and(|c| triple || !matches!(c, b'\n' | b'\r')) {
                    *at += 1;
                }
            }
            b'\n' | b'\r' if !triple => return false,
            c if *c == quote => {
                if !triple {
                    *at += 1;
                    return true;
                }
                if bytes[*at..].starts_with(&[quote; 3]) {
                    *at += 3;
                    return true;
                }
                *at += 1;
            }
            _ => *at += 1,
        }
    }
    *at = bytes.len();
    false
}
