//! A failed request, as far as the reconcile is concerned.

use std::error::Error;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::error::SdkError;

/// Whether a failed request may have changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// AWS refused it, or it was never sent: nothing happened.
    None,
    /// No answer, an unreadable one, or a fault of AWS: nobody knows.
    Unknown,
}

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Error code of AWS.
    pub code: Option<String>,
    /// What a condition says. The same for every repetition of the same failure: no request ids.
    pub message: String,
    /// Whether the request may have changed something all the same.
    pub effect: Effect,
}

impl Failure {
    /// Whether AWS answered with one of these codes.
    pub fn has_code(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether AWS knows the credentials no longer: their session is over, or they were replaced.
    pub fn is_of_credentials(&self) -> bool {
        self.has_code(&[
            "ExpiredToken",
            "ExpiredTokenException",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidToken",
            "UnrecognizedClientException",
        ])
    }

    /// Whether AWS takes no more requests for now, of this account to this service.
    pub fn is_throttling(&self) -> bool {
        self.has_code(&[
            "BandwidthLimitExceeded",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "SlowDown",
            "Throttling",
            "ThrottledException",
            "ThrottlingException",
            "TooManyRequestsException",
        ])
    }
}

impl<E> From<SdkError<E, HttpResponse>> for Failure
where
    E: Error + ProvideErrorMetadata + 'static,
{
    fn from(error: SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        if let SdkError::ServiceError(context) = &error {
            let (error, code) = (context.err(), context.err().code().unwrap_or("Unknown"));
            let refused = status.is_some_and(|status| (400..500).contains(&status));
            return Self {
                code: Some(code.to_owned()),
                message: answer(error, code),
                effect: if refused { Effect::None } else { Effect::Unknown },
            };
        }
        let sent = !matches!(error, SdkError::ConstructionFailure(_));
        Self {
            code: None,
            message: chain(&error),
            effect: if sent { Effect::Unknown } else { Effect::None },
        }
    }
}

/// AWS's words: `CODE: text` for errors that the model of the operation names (those the SDK shows
/// that way itself), `api error CODE: text` for all others.
fn answer<E: Error + ProvideErrorMetadata>(error: &E, code: &str) -> String {
    let text = unsigned(error.message().unwrap_or_default());
    let modelled = error.to_string().starts_with(code);
    let prefix = if modelled { "" } else { "api error " };
    format!("{prefix}{code}: {text}")
}

/// AWS's words without what it has signed itself: some services answer a wrong signature with all
/// that goes into the right one, the token of the session among it.
fn unsigned(text: &str) -> &str {
    let ends = ["The Canonical String", "The String-to-Sign", "x-amz-security-token"];
    let end = ends.iter().filter_map(|end| text.find(end)).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or(text).trim_end()
}

/// An error and its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_not_repeated() {
        let said = "The request signature we calculated does not match.\n\nThe Canonical String \
                    for this request should have been\n'POST\n/\nx-amz-security-token:ABC\n'";
        assert_eq!(unsigned(said), "The request signature we calculated does not match.");
        assert_eq!(unsigned("bad header x-amz-security-token: ABC"), "bad header");
        assert_eq!(unsigned("no such key"), "no such key");
    }
}
