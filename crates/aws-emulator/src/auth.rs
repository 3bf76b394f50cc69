//! Who calls: the shape of a Signature Version 4 `Authorization` header.
//!
//! The signature itself is not verified: the emulator holds no secret keys, and anybody who reaches
//! its loopback port may use it. What is checked is what a client can get wrong without knowing it:
//! that the request is signed at all, with a well-formed scope that names the service called.

use http::HeaderMap;

/// The parts of a well-formed `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The access key id.
    pub(crate) access_key: String,
    /// The region of the credential scope.
    pub(crate) region: String,
    /// The service of the credential scope (`s3`, `dynamodb`, `sts`, …).
    pub(crate) service: String,
}

/// Why there is no [`Credential`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No `Authorization` header at all.
    Missing,
    /// A header that is not what it should be; the text says in what.
    Malformed(String),
    /// A scheme that exists and is not spoken here.
    Scheme(String),
}

/// Reads the credential of a request.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Credential, Refusal> {
    let Some(value) = headers.get(http::header::AUTHORIZATION) else {
        return Err(Refusal::Missing);
    };
    let malformed = |what: &str| Refusal::Malformed(what.to_owned());
    let value = value.to_str().map_err(|_| malformed("Authorization header is not ASCII"))?;
    let (scheme, fields) =
        value.split_once(' ').ok_or_else(|| malformed("Authorization header has no parameters"))?;
    match scheme {
        "AWS4-HMAC-SHA256" => {}
        "AWS4-ECDSA-P256-SHA256" => return Err(Refusal::Scheme(scheme.to_owned())),
        _ => {
            return Err(malformed("Authorization header does not begin with AWS4-HMAC-SHA256"));
        }
    }
    let field = |name: &str| {
        fields
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .ok_or_else(|| malformed(&format!("Authorization header requires '{name}' parameter.")))
    };

    let signature = field("Signature")?;
    if signature.len() != 64
        || !signature.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    {
        return Err(malformed("Signature is not 64 lower-case hexadecimal digits"));
    }
    if !field("SignedHeaders")?.split(';').any(|name| name == "host") {
        return Err(malformed("SignedHeaders does not contain host"));
    }

    let scope: Vec<&str> = field("Credential")?.split('/').collect();
    let [access_key, date, region, service, "aws4_request"] = scope[..] else {
        return Err(malformed(
            "Credential is not of the form access key/date/region/service/aws4_request",
        ));
    };
    if access_key.is_empty() || region.is_empty() || service.is_empty() {
        return Err(malformed("Credential has an empty part"));
    }
    let stamp =
        headers.get("x-amz-date").and_then(|value| value.to_str().ok()).ok_or_else(|| {
            malformed("Authorization header requires existence of a 'X-Amz-Date' header")
        })?;
    if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) || !stamp.starts_with(date) {
        return Err(malformed("Date in Credential scope does not match YYYYMMDD from X-Amz-Date"));
    }
    Ok(Credential {
        access_key: access_key.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authorization: Option<&str>) -> Result<Credential, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-date", "20250102T030405Z".parse().unwrap());
        if let Some(value) = authorization {
            headers.insert("authorization", value.parse().unwrap());
        }
        credential(&headers)
    }

    fn header(scope: &str) -> String {
        let signature = "0123456789abcdef".repeat(4);
        format!(
            "AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}"
        )
    }

    #[test]
    fn a_well_formed_header_gives_key_region_and_service() {
        let read = read(Some(&header("AKID/20250102/eu-west-1/s3/aws4_request"))).unwrap();
        assert_eq!(
            (read.access_key.as_str(), read.region.as_str(), read.service.as_str()),
            ("AKID", "eu-west-1", "s3"),
        );
    }

    #[test]
    fn every_defect_is_named() {
        assert_eq!(read(None), Err(Refusal::Missing));
        for (header, part) in [
            ("Basic abc".to_owned(), "does not begin"),
            ("AWS4-HMAC-SHA256".to_owned(), "no parameters"),
            ("AWS4-HMAC-SHA256 Signature=abc".to_owned(), "64 lower-case"),
            (header("AKID/20250102/eu-west-1/s3"), "not of the form"),
            (header("AKID/20250102//s3/aws4_request"), "empty part"),
            (header("AKID/20250103/eu-west-1/s3/aws4_request"), "does not match"),
        ] {
            let Err(Refusal::Malformed(text)) = read(Some(&header)) else { panic!("{header}") };
            assert!(text.contains(part), "{text}");
        }
    }
}
