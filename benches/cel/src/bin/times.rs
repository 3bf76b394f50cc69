//! Prints one JSON object a line: engine, case, nanoseconds of compiling and of evaluating.
//!
//! Arguments: microseconds of one measurement, and how many of them there are; the fastest counts.
//! Short ones fit between the interruptions of a busy machine.
//! Where calls take so long that it would last twenty times the wanted time, there are fewer.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use cel_benches::{Cases, engines};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|arg| arg.parse::<u32>().expect("a number"));
    let batch = Duration::from_micros(u64::from(arguments.next().unwrap_or(1_000)));
    let batches = arguments.next().unwrap_or(100);
    let cases = Cases::read();
    let mut out = std::io::stdout().lock();
    for case in &cases.cases {
        for engine in engines(&cases) {
            match engine.value(&case.expression) {
                Some(value) if value == case.expected => {}
                Some(value) if engine.name() == "ours" => panic!("{}: {value}", case.name),
                _ => continue,
            }
            let compile = measure(batch, batches, &mut || {
                engine.compile(&case.expression);
            });
            let mut eval = 0.0;
            engine.with_program(&case.expression, &mut |run| eval = measure(batch, batches, run));
            let line = serde_json::json!({
                "engine": engine.name(), "case": case.name,
                "compile_ns": compile, "eval_ns": eval,
            });
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// Nanoseconds of one call in the fastest batch.
fn measure(batch: Duration, batches: u32, call: &mut dyn FnMut()) -> f64 {
    let started = Instant::now();
    let longest = batch * batches * 20;
    let mut time = |calls: u32| {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        start.elapsed()
    };
    let mut calls = 1;
    let first = loop {
        let taken = time(calls);
        if taken >= batch / 2 || calls > 1 << 28 {
            break taken;
        }
        calls *= 4;
    };
    let nanoseconds = |taken: Duration, calls: u32| taken.as_nanos() as f64 / f64::from(calls);
    let mut fastest = nanoseconds(first, calls);
    let fitting = f64::from(calls) * batch.as_secs_f64() / first.as_secs_f64();
    let calls = (fitting as u32).max(1);
    for _ in 0..batches {
        if started.elapsed() > longest {
            break;
        }
        fastest = fastest.min(nanoseconds(time(calls), calls));
    }
    fastest
}
