//! Hashes, and random values that a seed decides.

use md5::{Digest as _, Md5};
use sha2::Sha256;

use crate::{CallResult, ErrorKind, Library, Row as R, Value};

/// `hash.fnv64a`, `hash.sha256` and `hash.md5`.
pub static HASH: Library = Library {
    name: "hash",
    doc: "Hashes of text.",
    functions: &[&[
        R::new("hash_fnv64a_string", "hash.fnv64a(string): bytes", "FNV-1a, 8 bytes.", fnv64a),
        R::new("hash_sha256_string", "hash.sha256(string): bytes", "SHA-256, 32 bytes.", sha256),
        R::new("hash_md5_string", "hash.md5(string): bytes", "MD5, 16 bytes.", md5),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// `random.seededString` and `random.seededInt`.
pub static RANDOM: Library = Library {
    name: "random",
    doc: "Values that look random and that the seed decides.",
    functions: &[&[
        R::new(
            "random_seeded_string",
            "random.seededString(int, string): string",
            "So many characters of `0`-`9` and `a`-`z`; they repeat every eight.",
            seeded_string,
        ),
        R::new(
            "random_seeded_int",
            "random.seededInt(int, int, string): int",
            "A number from the first to before the second.",
            seeded_int,
        ),
    ]],
    macros: &[],
    types: &[],
    objects: &[],
    variables: &[],
};

/// Longest text of `random.seededString`.
const MAX_LENGTH: i64 = 1_000_000;

fn fnv64a<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text)] = args else { return Err(ErrorKind::overload("hash.fnv64a", args)) };
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Ok(Value::bytes(hash.to_be_bytes()))
}

fn sha256<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text)] = args else { return Err(ErrorKind::overload("hash.sha256", args)) };
    let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    Ok(Value::bytes(digest))
}

fn md5<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let [Value::String(text)] = args else { return Err(ErrorKind::overload("hash.md5", args)) };
    let digest: [u8; 16] = Md5::digest(text.as_bytes()).into();
    Ok(Value::bytes(digest))
}

fn seeded_string<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let function = "random.seededString";
    let [Value::Int(length), Value::String(seed)] = args else {
        return Err(ErrorKind::overload(function, args));
    };
    if *length <= 0 {
        return Err(ErrorKind::argument(function, "the length must be positive"));
    }
    if *length > MAX_LENGTH {
        return Err(ErrorKind::argument(function, format!("the length is more than {MAX_LENGTH}")));
    }
    let digest: [u8; 32] = Sha256::digest(seed.as_bytes()).into();
    let words: Vec<char> = digest
        .chunks_exact(4)
        .map(|chunk| {
            let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
            char::from(ALPHABET[(word % 36) as usize])
        })
        .collect();
    let length = usize::try_from(*length).unwrap_or(0);
    Ok(Value::string(words.iter().cycle().take(length).collect::<String>()))
}

fn seeded_int<'a>(args: &[Value<'a>]) -> CallResult<'a> {
    let function = "random.seededInt";
    let [Value::Int(min), Value::Int(max), Value::String(seed)] = args else {
        return Err(ErrorKind::overload(function, args));
    };
    if min >= max {
        return Err(ErrorKind::argument(function, "the first number must be less than the second"));
    }
    let digest: [u8; 32] = Sha256::digest(seed.as_bytes()).into();
    let word = digest[..8].iter().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
    let range = max.wrapping_sub(*min).cast_unsigned();
    Ok(Value::Int(min.wrapping_add((word % range).cast_signed())))
}
