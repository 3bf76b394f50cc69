//! Behaviour of the crate through its public interface.

mod client;
mod fake_server;
mod flags;
mod leader;
mod logs;
mod probes;
#[cfg(debug_assertions)]
mod profile;
mod queue;
mod shutdown;
mod store;
mod store_faults;
mod watches;
mod workers;

/// A file that no `mod` names would look like a test and never run.
#[test]
fn every_file_is_a_module() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = include_str!("main.rs");
    for file in std::fs::read_dir(folder).expect("the folder of the tests") {
        let name = file.expect("an entry").file_name().into_string().expect("UTF-8");
        let Some(module) = name.strip_suffix(".rs") else { continue };
        assert!(module == "main" || main.contains(&format!("mod {module};")), "{name}");
    }
}
