//! Runs recorded vectors: `conformance cel-spec DIR` or `conformance kro-cel DIR`.

mod kro;
mod report;
mod spec;

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let report = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cel-spec", dir] => spec::run(dir.as_ref()),
        ["kro-cel", dir] => kro::run(dir.as_ref()),
        _ => {
            write("usage: conformance cel-spec|kro-cel DIR\n");
            return std::process::ExitCode::FAILURE;
        }
    };
    write(&report.to_string());
    if report.succeeded() {
        std::process::ExitCode::SUCCESS
    } else {
        std::process::ExitCode::FAILURE
    }
}

/// A closed pipe ends the output, nothing else.
fn write(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(text.as_bytes());
}
