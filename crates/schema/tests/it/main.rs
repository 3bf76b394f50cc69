//! Tests of the public interface.
//!
//! One binary: a file beside this one that no `mod` line names would never run.

mod conformance;
mod crd;
mod hash;
mod infer;
mod managed_fields;
mod openapi;
mod properties;
mod simple_schema;
mod suggest;
mod values;
