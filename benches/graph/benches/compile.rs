//! How long a definition takes to compile, its kinds being there.

use criterion::{Criterion, criterion_group, criterion_main};
use graph::{Options, compile_definition};
use graph_benches::{definitions, kinds};
use std::hint::black_box;

fn compile(criterion: &mut Criterion) {
    for (name, definition) in definitions() {
        let (kinds, options) = (kinds(&definition), Options::default());
        let (graph, found) = compile_definition(&definition, &kinds, &options);
        assert!(graph.is_some(), "{name}: {found}");
        criterion.bench_function(&format!("compile/{name}"), |bencher| {
            bencher.iter(|| compile_definition(black_box(&definition), &kinds, &options));
        });
    }
}

criterion_group!(benches, compile);
criterion_main!(benches);
