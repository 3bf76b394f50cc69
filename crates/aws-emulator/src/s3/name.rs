//! The rules for names of general purpose buckets.

use crate::failure::Failure;

const RESERVED_PREFIXES: &[&str] = &["amzn-s3-demo-", "sthree-", "xn--"];
const RESERVED_SUFFIXES: &[&str] = &["--ol-s3", "--table-s3", "-s3alias", ".mrap"];

/// Whether a bucket may have this name.
///
/// # Errors
/// `InvalidBucketName`.
pub(super) fn check(name: &str) -> Result<(), Failure> {
    if is_valid(name) {
        return Ok(());
    }
    Err(Failure::new(400, "InvalidBucketName", "The specified bucket is not valid.")
        .detail("BucketName", name))
}

/// Whether the name fits the namespace asked for: names of the account's own namespace end with the
/// account and the region, and with `-an`.
///
/// # Errors
/// `MissingNamespaceHeader`, `InvalidNamespaceHeader`, `InvalidBucketName`.
pub(super) fn check_namespace(
    name: &str,
    namespace: Option<&str>,
    account: &str,
    region: &str,
) -> Result<(), Failure> {
    match namespace {
        None | Some("global") if !name.ends_with("-an") => Ok(()),
        None | Some("global") => Err(Failure::new(
            400,
            "MissingNamespaceHeader",
            "The requested bucket was not created. Creating a bucket in an account regional \
             namespace requires the x-amz-bucket-namespace header.",
        )),
        Some("account-regional") if name.ends_with(&format!("-{account}-{region}-an")) => Ok(()),
        Some("account-regional") => {
            Err(Failure::new(400, "InvalidBucketName", "The specified bucket is not valid.")
                .detail("BucketName", name))
        }
        Some(other) => Err(Failure::new(
            400,
            "InvalidNamespaceHeader",
            format!("Invalid x-amz-bucket-namespace header: {other}"),
        )),
    }
}

fn is_valid(name: &str) -> bool {
    let edge =
        |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.'))
        && edge(bytes.first())
        && edge(bytes.last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !RESERVED_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_published_rules() {
        for good in ["abc", "my-app-data", "a.b.c", "1-2", "a..b".replace("..", ".").as_str()] {
            assert!(is_valid(good), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "ab",
            &long,
            "Abc",
            "a_b",
            "-abc",
            "abc-",
            "a..b",
            "10.0.0.1",
            "xn--abc",
            "abc-s3alias",
        ] {
            assert_eq!(check(bad).unwrap_err().code, "InvalidBucketName", "{bad}");
        }
    }
}
