//! `tests/fixtures/TOPIC/CASE/console`: one transcript per case, run beside its files.

use crate::console::{entries, rerun, sandbox, settle};
use std::fs;
use std::path::Path;

fn check_topic(topic: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(topic);
    let mut wrong = Vec::new();
    let cases = entries(&directory);
    assert!(!cases.is_empty(), "no case in {}", directory.display());
    for case in cases {
        let transcript = case.join("console");
        let text = fs::read_to_string(&transcript).expect("a case has a transcript");
        let sandbox = sandbox(&case);
        let fresh = rerun(&text, sandbox.path());
        wrong.extend(settle(&transcript, &fresh));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

macro_rules! topics {
    ($($topic:ident)*) => {
        $(
            #[test]
            fn $topic() {
                check_topic(stringify!($topic));
            }
        )*

        #[test]
        fn every_topic_is_run() {
            let topics = [$(stringify!($topic)),*];
            for directory in entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")) {
                let name = directory.file_name().expect("it has a name").to_string_lossy();
                assert!(topics.contains(&&*name), "`{name}` is not run: name it in `topics!`");
            }
        }
    };
}

topics! { cel diff examples explain generate graph render test usage validate }
