//! Prints one JSON object a line: the name of a definition and the nanoseconds in which it compiles.
//!
//! Argument: how often each is compiled; the fastest and the median are told.
//! The first compilation in the process is told, too: nothing of it is kept for the next one but tables.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use graph::{Options, compile_definition};
use graph_benches::{definitions, kinds};

fn main() -> std::io::Result<()> {
    let argument = std::env::args().nth(1).map(|text| text.parse().expect("a number"));
    let runs: usize = argument.unwrap_or(200);
    let mut out = std::io::stdout().lock();
    for (name, definition) in definitions() {
        let (kinds, options) = (kinds(&definition), Options::default());
        let mut times: Vec<u128> = (0..runs.max(1))
            .map(|_| {
                let start = Instant::now();
                let (graph, found) = compile_definition(black_box(&definition), &kinds, &options);
                let taken = start.elapsed().as_nanos();
                assert!(graph.is_some(), "{name}: {found}");
                taken
            })
            .collect();
        let first = times[0];
        times.sort_unstable();
        let (fastest, median) = (times[0], times[times.len() / 2]);
        let line = serde_json::json!({
            "definition": name, "first_ns": first, "fastest_ns": fastest, "median_ns": median,
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}
