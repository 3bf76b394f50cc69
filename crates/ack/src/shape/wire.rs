//! Conversions between fields and the members of SDK types.

use std::collections::BTreeMap;
use std::collections::HashMap;

use aws_smithy_types::DateTime;
use aws_smithy_types::error::operation::BuildError;
use jiff::Timestamp;

use super::value::Time;

/// A value that the SDK's type can't hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Unfit {
    /// Field path from the shape in which conversion began, innermost last.
    pub path: Vec<String>,
    /// What is wrong.
    pub reason: String,
}

impl Unfit {
    fn new(reason: impl Into<String>) -> Self {
        Self { path: Vec::new(), reason: reason.into() }
    }

    /// A value at `step` is wrong.
    pub(crate) fn at(step: &str, reason: impl Into<String>) -> Self {
        Self::new(reason).within(step)
    }

    /// The same, seen from the struct around it.
    pub(crate) fn within(mut self, step: impl Into<String>) -> Self {
        self.path.insert(0, step.into());
        self
    }

    fn text(&self) -> String {
        let mut path = String::from("spec");
        for step in &self.path {
            if !step.starts_with('[') {
                path.push('.');
            }
            path.push_str(step);
        }
        format!("{path} {}", self.reason)
    }
}

/// To the SDK's type `S`.
pub trait ToSdk<S> {
    /// Converts.
    ///
    /// # Errors
    ///
    /// [`Unfit`] where the SDK's type has no such value or demands a member that is unset.
    fn to_sdk(&self) -> Result<S, Unfit>;
}

/// From the SDK's type `S`; never fails, since AWS is right about what it has.
pub trait FromSdk<S> {
    /// Converts.
    fn from_sdk(sdk: &S) -> Self;
}

/// Strings, and every enumeration of the SDK: names that it does not know pass through, so AWS
/// and not this table decides what is valid.
impl<E> ToSdk<E> for String
where
    E: for<'a> From<&'a str> + AsRef<str>,
{
    fn to_sdk(&self) -> Result<E, Unfit> {
        Ok(E::from(self.as_str()))
    }
}

impl<E: AsRef<str>> FromSdk<E> for String {
    fn from_sdk(sdk: &E) -> Self {
        sdk.as_ref().to_owned()
    }
}

impl ToSdk<bool> for bool {
    fn to_sdk(&self) -> Result<bool, Unfit> {
        Ok(*self)
    }
}

impl FromSdk<bool> for bool {
    fn from_sdk(sdk: &bool) -> Self {
        *sdk
    }
}

impl ToSdk<i64> for i64 {
    fn to_sdk(&self) -> Result<i64, Unfit> {
        Ok(*self)
    }
}

impl FromSdk<i64> for i64 {
    fn from_sdk(sdk: &i64) -> Self {
        *sdk
    }
}

impl ToSdk<i32> for i64 {
    fn to_sdk(&self) -> Result<i32, Unfit> {
        i32::try_from(*self).map_err(|_| Unfit::new(format!("is out of range: {self}")))
    }
}

impl FromSdk<i32> for i64 {
    fn from_sdk(sdk: &i32) -> Self {
        i64::from(*sdk)
    }
}

impl ToSdk<DateTime> for Time {
    fn to_sdk(&self) -> Result<DateTime, Unfit> {
        Ok(DateTime::from_secs(self.0.as_second()))
    }
}

impl FromSdk<DateTime> for Time {
    fn from_sdk(sdk: &DateTime) -> Self {
        // Out of jiff's range (±9999 years) only in a broken answer; the epoch is as good there.
        Time(Timestamp::from_second(sdk.secs()).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}

impl<T: ToSdk<S>, S> ToSdk<Vec<S>> for Vec<T> {
    fn to_sdk(&self) -> Result<Vec<S>, Unfit> {
        let one = |(index, item): (usize, &T)| {
            item.to_sdk().map_err(|unfit| unfit.within(format!("[{index}]")))
        };
        self.iter().enumerate().map(one).collect()
    }
}

impl<T: FromSdk<S>, S> FromSdk<Vec<S>> for Vec<T> {
    fn from_sdk(sdk: &Vec<S>) -> Self {
        sdk.iter().map(T::from_sdk).collect()
    }
}

impl<T: ToSdk<S>, S> ToSdk<HashMap<String, S>> for BTreeMap<String, T> {
    fn to_sdk(&self) -> Result<HashMap<String, S>, Unfit> {
        let one = |(key, item): (&String, &T)| match item.to_sdk() {
            Ok(item) => Ok((key.clone(), item)),
            Err(unfit) => Err(unfit.within(key.as_str())),
        };
        self.iter().map(one).collect()
    }
}

impl<T: FromSdk<S>, S> FromSdk<HashMap<String, S>> for BTreeMap<String, T> {
    fn from_sdk(sdk: &HashMap<String, S>) -> Self {
        sdk.iter().map(|(key, item)| (key.clone(), T::from_sdk(item))).collect()
    }
}

/// `build()` of an SDK builder: plain, or a result where members are required.
pub(crate) trait Finish<T> {
    /// The value; `names` has the SDK's and our name of each member.
    ///
    /// # Errors
    ///
    /// A required member is unset.
    fn finish(self, names: &[(&str, &str)]) -> Result<T, Unfit>;
}

impl<T> Finish<T> for T {
    fn finish(self, _names: &[(&str, &str)]) -> Result<T, Unfit> {
        Ok(self)
    }
}

impl<T> Finish<T> for Result<T, BuildError> {
    fn finish(self, names: &[(&str, &str)]) -> Result<T, Unfit> {
        self.map_err(|error| {
            // The SDK tells the member only in the text, as its first word.
            let text = error.to_string();
            let member = text.split_whitespace().next().unwrap_or_default();
            let name = names.iter().find(|(sdk, _)| sdk.trim_start_matches("r#") == member);
            name.map_or_else(
                || Unfit::new(&text),
                |(_, name)| Unfit::at(name, "has no value, and AWS demands one"),
            )
        })
    }
}

/// A member of an SDK struct: plain where AWS always sends it, an `Option` elsewhere.
pub(crate) trait Member<S> {
    /// The value, if there is one.
    fn get(&self) -> Option<&S>;
}

impl<S> Member<S> for S {
    fn get(&self) -> Option<&S> {
        Some(self)
    }
}

impl<S> Member<S> for Option<S> {
    fn get(&self) -> Option<&S> {
        self.as_ref()
    }
}

pub(crate) fn to_option<T: ToSdk<S>, S>(field: Option<&T>, name: &str) -> Result<Option<S>, Unfit> {
    field.map(T::to_sdk).transpose().map_err(|unfit| unfit.within(name))
}

/// The one member of a union that is set; `names` are all that there are.
///
/// # Errors
///
/// None is set, or several are.
pub(crate) fn only<S>(mut set: Vec<S>, names: &[&str]) -> Result<S, Unfit> {
    match (set.pop(), set.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) | (None, _) => {
            Err(Unfit::new(format!("has room for exactly one of {}", names.join(", "))))
        }
    }
}

pub(crate) fn from_member<T: FromSdk<S>, S>(
    _witness: &Option<S>,
    member: &impl Member<S>,
) -> Option<T> {
    member.get().map(T::from_sdk)
}

pub(crate) fn from_option<T: FromSdk<S>, S, Sdk>(
    sdk: &Sdk,
    get: impl Fn(&Sdk) -> Option<&S>,
) -> Option<T> {
    get(sdk).map(T::from_sdk)
}
