//! The reference of metrics is what the program has.

use std::path::Path;

const HEAD: &str = "# Metrics\n
`kro-controller` serves these on `--metrics-bind-address`, beside those of its queues (`workqueue_*`), watches (`watch_*`) and requests (`rest_client_*`, `kubernetes_requests_total`).
Names that begin with `kro_` are ours; all others are upstream's, with upstream's labels.
This page is made from the table in `crates/controller/src/metrics.rs`; `UPDATE_REFERENCE=1 cargo test -p controller` writes it.\n\n";

#[test]
fn the_page_lists_every_metric() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let expected = format!("{HEAD}{}", controller::metrics_reference());
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        std::fs::write(&path, &expected).expect("the page can be written");
    }
    let page = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(page == expected, "docs/metrics.md is not what the table says");
}
