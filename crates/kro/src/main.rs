//! The program `kro`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kro::main()
}
