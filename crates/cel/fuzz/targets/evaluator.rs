//! `evaluator` of cel's fuzz targets under the fuzzer.
#![no_main]
#![expect(dead_code, reason = "each program uses one of the targets")]

#[path = "../../tests/it/random.rs"]
mod random;
#[path = "../../tests/it/targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::evaluator(bytes));
