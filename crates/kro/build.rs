//! Lists what is embedded into the program: the CRDs of the ACK kinds that this project ships,
//! and the pages of diagnostics.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    table(&here.join("../ack/crds"), "yaml", &out.join("ack_crds.rs"));
    table(&here.join("../../docs/diagnostics"), "md", &out.join("pages.rs"));
}

/// Writes an array of (file name without extension, text) for the files of a directory.
fn table(directory: &Path, extension: &str, to: &Path) {
    println!("cargo::rerun-if-changed={}", directory.display());
    let entries = fs::read_dir(directory).expect("the directory is part of the repository");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    let mut text = String::from("&[\n");
    for file in files {
        let file = file.canonicalize().expect("it exists");
        let stem = file.file_stem().expect("it has a name").to_string_lossy().into_owned();
        println!("cargo::rerun-if-changed={}", file.display());
        writeln!(text, "({stem:?}, include_str!({:?})),", file.display().to_string())
            .expect("a string takes everything");
    }
    text.push_str("]\n");
    fs::write(to, text).expect("the directory for output can be written");
}
