//! Percent-encoding, query strings, hexadecimal, CRC: what the protocols need and no more.

/// Decodes `%XX`; `None` for a broken escape or text that is not UTF-8.
pub(crate) fn percent_decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                out.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if plus_is_space => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

/// Encodes everything but letters, digits and `-_.~`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            other => {
                out.push('%');
                for half in [other >> 4, other & 15] {
                    let digit = char::from_digit(u32::from(half), 16).unwrap_or('0');
                    out.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
    out
}

/// Splits `a=b&c` into pairs, in order; `None` for a broken escape.
pub(crate) fn query_pairs(text: &str, plus_is_space: bool) -> Option<Vec<(String, String)>> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            Some((percent_decode(key, plus_is_space)?, percent_decode(value, plus_is_space)?))
        })
        .collect()
}

/// CRC-32 as in zlib, which DynamoDB and S3 use.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

/// Base64 with padding.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| (word << 8) | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..4 {
            if at <= chunk.len() {
                let letter = (word >> (18 - 6 * at)) & 63;
                out.push(char::from(LETTERS[letter as usize]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_escapes_and_refuses_broken_ones() {
        assert_eq!(percent_decode("a%2Fb+c", false).as_deref(), Some("a/b+c"));
        assert_eq!(percent_decode("a+b", true).as_deref(), Some("a b"));
        assert_eq!(percent_decode("%c3%bc", false).as_deref(), Some("ü"));
        for broken in ["%", "%2", "%zz", "%ff"] {
            assert_eq!(percent_decode(broken, false), None, "{broken}");
        }
    }

    #[test]
    fn what_is_encoded_decodes_again() {
        assert_eq!(percent_encode("a/b ü~"), "a%2Fb%20%C3%BC~");
        assert_eq!(percent_decode("a%2Fb%20%C3%BC~", true).as_deref(), Some("a/b ü~"));
    }

    #[test]
    fn splits_a_query_in_order() {
        let pairs = query_pairs("tagging&x-id=Get%20It&a=", false).unwrap();
        assert_eq!(
            pairs,
            [("tagging", ""), ("x-id", "Get It"), ("a", "")]
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }

    #[test]
    fn base64_pads() {
        let all: Vec<String> = ["", "f", "fo", "foo", "foob"].map(|t| base64(t.as_bytes())).into();
        assert_eq!(all, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    }

    #[test]
    fn crc32_gives_the_published_check_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
