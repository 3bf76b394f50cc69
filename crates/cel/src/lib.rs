//! A typed engine for the Common Expression Language.
