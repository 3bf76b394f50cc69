//! Pages of the documentation whose commands are run.

use crate::console::{rerun_page, sandbox, settle};
use std::fs;
use std::path::Path;

#[track_caller]
fn check(page: &str, directory: &Path) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    let text = fs::read_to_string(&page).expect("the page can be read");
    let fresh = rerun_page(&text, directory);
    if let Some(wrong) = settle(&page, &fresh) {
        panic!("{wrong}");
    }
}

#[test]
fn the_tutorial_shows_what_happens() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    check("docs/tutorial.md", directory.path());
}

#[test]
fn the_readme_shows_what_happens() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let directory = sandbox(&examples);
    check("README.md", directory.path());
}
