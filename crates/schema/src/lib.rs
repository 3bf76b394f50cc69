//! SimpleSchema, OpenAPI structural schemas, CRDs and managed fields as pure functions.
