//! Text and bytes, borrowed or shared.

use std::{fmt, ops::Deref, sync::Arc};

/// Text: borrowed from a binding or a program, new, or shared.
pub enum Str<'a> {
    /// Borrowed.
    Borrowed(&'a str),
    /// New: a clone of it is shared.
    Owned(String),
    /// Shared.
    Shared(Arc<str>),
}

/// Bytes: borrowed from a program, or shared.
#[derive(Clone)]
pub enum Bytes<'a> {
    /// Borrowed.
    Borrowed(&'a [u8]),
    /// Shared.
    Shared(Arc<[u8]>),
}

impl Clone for Str<'_> {
    fn clone(&self) -> Self {
        match self {
            Str::Borrowed(text) => Str::Borrowed(text),
            Str::Owned(text) => Str::Shared(text.as_str().into()),
            Str::Shared(text) => Str::Shared(text.clone()),
        }
    }
}

impl Str<'_> {
    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Str<'static> {
        match self {
            Str::Borrowed(text) => Str::Shared(text.into()),
            Str::Owned(text) => Str::Owned(text),
            Str::Shared(text) => Str::Shared(text),
        }
    }
}

impl Bytes<'_> {
    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Bytes<'static> {
        match self {
            Bytes::Borrowed(bytes) => Bytes::Shared(bytes.into()),
            Bytes::Shared(bytes) => Bytes::Shared(bytes),
        }
    }
}

impl Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Str::Borrowed(text) => text,
            Str::Owned(text) => text,
            Str::Shared(text) => text,
        }
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
        }
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Debug for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl PartialEq for Str<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}
impl Eq for Str<'_> {}

impl std::fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self)
    }
}
