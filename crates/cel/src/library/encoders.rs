//! Base64 and JSON.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};

use crate::{CallResult, ErrorKind, Library, Row as R, Value};

/// `base64.encode` and `base64.decode`.
pub static ENCODERS: Library = Library {
    name: "encoders",
    doc: "Base64.",
    functions: &[FUNCTIONS],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

static FUNCTIONS: &[R] = &[
    R::new(
        "base64_decode_string",
        "base64.decode(string): bytes",
        "Bytes from base64, padding optional.",
        decode,
    ),
    R::new("base64_encode_bytes", "base64.encode(bytes): string", "Bytes as base64.", encode),
];

static LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decode<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text)] = args else {
        return Err(ErrorKind::overload("base64.decode", args));
    };
    // Line ends are skipped, as in Go. Padding is whole or not there.
    let joined: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    let padding = joined.bytes().rev().take_while(|c| *c == b'=').count();
    if padding > 0 && !joined.len().is_multiple_of(4) {
        return Err(ErrorKind::argument("base64.decode", "the padding is not right"));
    }
    match LENIENT.decode(joined) {
        Ok(bytes) => Ok(Value::bytes(bytes)),
        Err(error) => Err(ErrorKind::argument("base64.decode", error.to_string())),
    }
}

fn encode<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    match args {
        [Value::Bytes(bytes)] => Ok(Value::string(STANDARD.encode(&**bytes))),
        _ => Err(ErrorKind::overload("base64.encode", args)),
    }
}
