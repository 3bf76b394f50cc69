//! Places in a document and the mistakes reported at them.
