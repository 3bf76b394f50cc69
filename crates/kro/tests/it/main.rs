//! The program as people run it: arguments in, text and exit codes out.

mod console;
mod docs;
mod fixtures;
mod pages;
