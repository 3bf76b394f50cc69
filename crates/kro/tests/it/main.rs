//! The program as people run it: arguments in, text and exit codes out.

#[cfg(feature = "dev")]
mod aws_emulator;
#[cfg(feature = "cluster")]
mod cluster;
mod console;
mod docs;
mod fixtures;
mod pages;
