//! The program as people run it: arguments in, text and exit codes out.

mod console;
mod fixtures;
mod pages;
