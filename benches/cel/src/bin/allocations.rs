//! Prints one JSON object a line: engine, case, allocations and allocated bytes of compiling and of evaluating once.
//!
//! Argument: the name of the one engine to look at; without it all.

use std::{alloc::System, io::Write as _};

use cel_benches::{Cases, engines};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> std::io::Result<()> {
    let only = std::env::args().nth(1);
    let cases = Cases::read();
    let mut out = std::io::stdout().lock();
    for case in &cases.cases {
        for engine in engines(&cases) {
            if only.as_ref().is_some_and(|name| name != engine.name()) {
                continue;
            }
            if engine.value(&case.expression).as_ref() != Some(&case.expected) {
                continue;
            }
            let compile = count(&mut || {
                engine.compile(&case.expression);
            });
            let mut eval = (0, 0);
            engine.with_program(&case.expression, &mut |run| {
                // What is kept for all evaluations is not counted.
                run();
                eval = count(run);
            });
            let line = serde_json::json!({
                "engine": engine.name(), "case": case.name,
                "compile_allocations": compile.0, "compile_bytes": compile.1,
                "eval_allocations": eval.0, "eval_bytes": eval.1,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn count(call: &mut dyn FnMut()) -> (usize, usize) {
    let region = Region::new(ALLOCATOR);
    call();
    let change = region.change();
    (change.allocations + change.reallocations, change.bytes_allocated)
}
