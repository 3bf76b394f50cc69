//! What a call fails with, before any protocol gives it a form.

use std::borrow::Cow;

/// A refused call: an AWS error, or this emulator saying what it lacks.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// HTTP status.
    pub(crate) status: u16,
    /// The error code, without a namespace.
    pub(crate) code: Cow<'static, str>,
    /// The text for people.
    pub(crate) message: String,
    /// Further members of the error document (S3 names the bucket, for example).
    pub(crate) details: Vec<(&'static str, String)>,
    /// Further response headers.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Failure {
    /// An error with a status, a code and a message.
    pub(crate) fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            details: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Something that AWS may well know and this emulator does not.
    ///
    /// A test that meets this must fail loudly: an ignored parameter would make it pass for the
    /// wrong reason.
    pub(crate) fn not_implemented(what: impl std::fmt::Display) -> Self {
        Self::new(501, "NotImplemented", format!("the emulator does not implement {what}"))
    }

    /// Adds a member to the error document.
    pub(crate) fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Adds a response header.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
