//! Short forms of the long runs.

use std::path::Path;
use xtask::fuzz::Corpus;

#[test]
fn changed_definitions_never_panic() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance/rgd");
    let corpus = Corpus::read(&root).expect("the definitions are carried");
    let mut mistakes = 0;
    for seed in 0..600 {
        mistakes += corpus.run(seed).unwrap_or_else(|error| panic!("{error}"));
    }
    assert!(mistakes > 600, "only {mistakes} mistakes: the changes have no effect");
}
