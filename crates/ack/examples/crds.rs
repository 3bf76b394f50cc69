//! Writes the CRDs of all kinds into `crates/ack/crds`; with `--check` it only says which differ.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let check = std::env::args().any(|argument| argument == "--check");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut stale = Vec::new();
    for (name, crd) in ack::crds() {
        let text = serde_saphyr::to_string(&crd).expect("JSON can be written as YAML");
        let path = folder.join(&name);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        if !check {
            fs::write(&path, text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        }
        stale.push(name);
    }
    #[expect(clippy::print_stdout, reason = "tells a person what it did")]
    for name in &stale {
        println!("{} {name}", if check { "out of date:" } else { "written:" });
    }
    if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
