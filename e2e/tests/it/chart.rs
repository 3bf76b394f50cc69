//! The chart holds what it should, as far as that shows without Helm.

use e2e::stack::file;

#[test]
fn the_chart_installs_the_crds_of_the_controller() {
    for name in ["internal.kro.run_graphrevisions.yaml", "kro.run_resourcegraphdefinitions.yaml"] {
        let read = |directory: &str| {
            std::fs::read_to_string(file(&format!("{directory}/{name}"))).expect("the CRD is there")
        };
        assert!(read("charts/kro/crds") == read("crates/controller/crds"), "{name} differs");
    }
}
