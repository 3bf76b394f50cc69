//! The emulator of AWS beside an independent implementation, in the short form: moto alone.
#![expect(clippy::print_stdout, reason = "a test says how many ran, and what it skips")]

use xtask::conformance::strangers::{Arguments, Outcome, run};

/// Where Python or its packages can't be had, the test says that it is skipped.
#[test]
fn the_emulator_answers_as_a_stranger_does() {
    match run(&Arguments::short()).unwrap() {
        Outcome::Ran(report) => {
            println!("{}", report.to_string().lines().last().unwrap_or_default());
            assert!(report.succeeded(), "{report}");
            assert!(report.passed() >= 250, "only {} were answered alike", report.passed());
        }
        Outcome::Left(why) => println!("skipped: the_emulator_answers_as_a_stranger_does: {why}"),
    }
}
