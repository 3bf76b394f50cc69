//! The committed CRDs agree with each other.

use serde_json::Value;

fn crd(file: &str) -> Value {
    let path = format!("{}/crds/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the CRD is there");
    serde_saphyr::from_str(&text).expect("the CRD is YAML")
}

fn schema(crd: &Value) -> &Value {
    &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
}

#[test]
fn a_revision_holds_what_a_definition_may_say() {
    let (rgd, revision) =
        (crd("kro.run_resourcegraphdefinitions.yaml"), crd("internal.kro.run_graphrevisions.yaml"));
    let snapshot = &schema(&revision)["spec"]["properties"]["snapshot"]["properties"]["spec"];
    assert_eq!(*snapshot, schema(&rgd)["spec"]);
    let status = |crd: &Value, field: &str| schema(crd)["status"]["properties"][field].clone();
    assert_eq!(status(&revision, "resources"), status(&rgd, "resources"));
    let selectable = &revision["spec"]["versions"][0]["selectableFields"];
    assert_eq!(selectable[0]["jsonPath"], ".spec.snapshot.name");
}
