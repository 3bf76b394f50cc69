//! The controller as a program: its command line, its CRDs, its reference.

mod crds;
mod flags;
mod reference;
