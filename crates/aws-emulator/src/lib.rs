//! An AWS endpoint for tests and demos.
