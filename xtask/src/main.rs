//! Tasks of this workspace; run one with `cargo xtask TASK`.

fn main() {}
