//! Each engine on each expression of `../../cases.json`: compile, and evaluate.

use cel_benches::{Cases, engines};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn speed(criterion: &mut Criterion) {
    let cases = Cases::read();
    let engines = engines(&cases);
    for case in &cases.cases {
        let able = || {
            engines.iter().filter(|e| e.value(&case.expression).as_ref() == Some(&case.expected))
        };
        let mut group = criterion.benchmark_group(format!("compile/{}", case.name));
        for engine in able() {
            group.bench_function(BenchmarkId::from_parameter(engine.name()), |bencher| {
                bencher.iter(|| engine.compile(&case.expression));
            });
        }
        group.finish();
        let mut group = criterion.benchmark_group(format!("evaluate/{}", case.name));
        for engine in able() {
            group.bench_function(BenchmarkId::from_parameter(engine.name()), |bencher| {
                engine.with_program(&case.expression, &mut |run| bencher.iter(&mut *run));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, speed);
criterion_main!(benches);
