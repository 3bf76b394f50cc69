//! What is in the tables.

use std::fs;
use std::path::Path;

use builtins::{Version, kinds};
use schema::infer;
use schema::openapi::{Document, GroupVersionKind};

#[test]
fn every_kind_of_every_version_decodes_and_so_does_its_list() {
    for version in Version::ALL {
        let kinds = kinds(version);
        let names = kinds.names();
        assert!(names.len() > 60, "{version} has {} kinds only", names.len());
        for gvk in names {
            let kind = kinds.get(&gvk).unwrap_or_else(|| panic!("{version}: no {gvk}"));
            assert!(!kind.schema.properties.is_empty(), "{version}: {gvk} has no fields");
            assert!(kind.schema.properties["metadata"].properties.contains_key("labels"), "{gvk}");
            assert!(kind.plural.is_some() && kind.namespaced.is_some(), "{version}: {gvk}");
            let list = GroupVersionKind { kind: format!("{}List", gvk.kind), ..gvk.clone() };
            if let Some(list) = kinds.get(&list) {
                assert_eq!(list.namespaced, kind.namespaced, "{version}: {gvk}");
                assert!(list.schema.properties.contains_key("items"), "{version}: {gvk}");
            }
        }
    }
}

#[test]
fn versions_differ_where_kubernetes_does() {
    let policy =
        GroupVersionKind::new("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy");
    let with: Vec<String> = Version::ALL
        .into_iter()
        .filter(|version| kinds(*version).get(&policy).is_some())
        .map(|version| version.to_string())
        .collect();
    assert_eq!(with, ["1.36", "1.37"]);
}

#[test]
fn schemas_are_shared_by_the_kinds_that_have_them() {
    let template = |kind: &str, group: &str| {
        let kind = kinds(Version::V1_34).get(&GroupVersionKind::new(group, "v1", kind)).unwrap();
        kind.schema.properties["spec"].properties["template"].clone()
    };
    assert!(template("Deployment", "apps").ptr_eq(&template("DaemonSet", "apps")));
}

#[test]
fn versions_are_read_in_every_form() {
    for text in ["1.34", "v1.34", "1.34.4", "v1.34.0-alpha.1"] {
        assert_eq!(text.parse(), Ok(Version::V1_34), "{text}");
    }
    for text in ["", "1", "1.32", "1.38", "2.34", "34", "1.34x"] {
        assert!(text.parse::<Version>().is_err(), "{text}");
    }
    let error = "1.20".parse::<Version>().unwrap_err().to_string();
    assert_eq!(
        error,
        "expected a version of Kubernetes (1.33, 1.34, 1.35, 1.36, 1.37), found `1.20`"
    );
}

/// The documents of a real API server 1.34 lie beside the project.
#[test]
fn expressions_see_the_same_types_as_in_documents_of_a_server() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/schemas/openapi");
    let Ok(files) = fs::read_dir(&folder) else {
        println!("skipped: there is no ../shared/conformance/schemas beside the project");
        return;
    };
    let ours = kinds(Version::V1_34);
    let mut compared = 0;
    for file in files {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut document = Document::new(serde_json::from_str(&text).unwrap());
        for gvk in document.kinds() {
            let Some(kind) = ours.get(&gvk) else { continue };
            let theirs = document.kind(&gvk).unwrap();
            let types = |schema| infer::cel_type(schema, "x");
            assert_eq!(types(&kind.schema), types(&theirs.schema), "{gvk}");
            compared += 1;
        }
    }
    assert!(compared > 50, "only {compared} kinds were compared");
}
