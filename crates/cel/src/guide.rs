//! How to use this crate, chapter by chapter.
//!
//! 1. [`embedding`]: from a text to a value, and what can go wrong on the way.
//! 2. [`typing`]: types that your program declares, and how bound JSON is read with them.
//! 3. [`waiting`]: data that is not there yet, and what is left of an expression then.
//! 4. [`limits`]: what an evaluation may cost, before and while it runs.
//! 5. [`extending`]: functions, libraries and macros of your own.
//! 6. [`environments`]: the libraries, and the points where implementations of the language disagree.

#[doc = include_str!("guide/embedding.md")]
pub mod embedding {}
#[doc = include_str!("guide/typing.md")]
pub mod typing {}
#[doc = include_str!("guide/waiting.md")]
pub mod waiting {}
#[doc = include_str!("guide/limits.md")]
pub mod limits {}
#[doc = include_str!("guide/extending.md")]
pub mod extending {}
#[doc = include_str!("guide/environments.md")]
pub mod environments {}
