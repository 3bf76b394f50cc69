//! The CRDs: as committed, and a superset of the published ones.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

fn read_yaml(path: &Path) -> Json {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// `UPDATE=1 cargo test -p ack` writes the files.
#[test]
fn committed_crds_are_the_generated_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for (name, crd) in ack::crds() {
        let path = folder.join(name);
        if std::env::var_os("UPDATE").is_some() {
            let text = serde_saphyr::to_string(&crd).expect("JSON can be written as YAML");
            fs::write(&path, text).expect("crds/ can be written");
        }
        assert_eq!(read_yaml(&path), crd, "{path:?} is out of date");
    }
    let files = fs::read_dir(&folder).expect("crds/ exists").count();
    assert_eq!(files, ack::crds().len(), "a file in crds/ belongs to no kind");
}

/// What a reader of the CRD can rely on, path by path.
fn contract(schema: &Json, path: &str, found: &mut Vec<(String, String)>) {
    let mut add = |aspect: &str, value: &Json| {
        if !value.is_null() {
            found.push((path.to_owned(), format!("{aspect} {value}")));
        }
    };
    add("type", &schema["type"]);
    add("format", &schema["format"]);
    add("enum", &schema["enum"]);
    add("required", &schema["required"]);
    // Rules of our own are on `spec` only and are checked by themselves.
    if path != "spec" {
        add("rules", &schema["x-kubernetes-validations"]);
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        contract(schema, &format!("{path}.{name}"), found);
    }
    if schema["items"].is_object() {
        contract(&schema["items"], &format!("{path}[]"), found);
    }
}

fn contract_of(crd: &Json) -> Vec<(String, String)> {
    let properties = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    let mut found = Vec::new();
    for part in ["spec", "status"] {
        contract(&properties[part], part, &mut found);
    }
    found
}

/// A published CRD. They are not part of this project: they lie in `shared/` beside it, which CI
/// has. Without it the comparison is left out, and says so.
#[expect(clippy::print_stdout, reason = "says what a run of the tests leaves out")]
fn published(file: &str) -> Option<Json> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/conformance/schemas/crds").join(file);
    if path.exists() {
        return Some(read_yaml(&path));
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    println!("left out: comparison with the published {file}, which is not beside this project");
    None
}

/// Fields, types, required fields, immutability, columns and names are those of the published
/// CRDs.
#[track_caller]
fn check_published(file: &str, additions: &[&str]) {
    let crds = ack::crds();
    let (_, ours) = crds.iter().find(|(name, _)| name == file).expect("kind exists");
    let Some(theirs) = published(file) else { return };
    let (our_contract, their_contract) = (contract_of(ours), contract_of(&theirs));
    for promise in &their_contract {
        assert!(our_contract.contains(promise), "{file} lacks {promise:?}");
    }
    let added: BTreeSet<&str> = our_contract
        .iter()
        .filter(|promise| !their_contract.contains(promise))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(added.into_iter().collect::<Vec<_>>(), additions, "{file}: additions");

    let aside = |crd: &Json| {
        let mut spec = crd["spec"].clone();
        spec["versions"][0]["schema"] = Json::Null;
        (crd["metadata"]["name"].clone(), spec)
    };
    assert_eq!(aside(ours), aside(&theirs), "{file}: names, scope, columns or subresources");
}

/// `spec.tags` is an addition: the reference example uses it.
#[test]
fn bucket_is_a_superset_of_the_published_crd() {
    check_published(
        "s3.services.k8s.aws_buckets.yaml",
        &["spec.tags", "spec.tags[]", "spec.tags[].key", "spec.tags[].value"],
    );
}

#[test]
fn table_is_a_superset_of_the_published_crd() {
    check_published("dynamodb.services.k8s.aws_tables.yaml", &[]);
}

#[test]
fn the_other_kinds_are_supersets_of_the_published_crds() {
    check_published("dynamodb.services.k8s.aws_backups.yaml", &[]);
    check_published("dynamodb.services.k8s.aws_globaltables.yaml", &[]);
    check_published("sqs.services.k8s.aws_queues.yaml", &[]);
    check_published("services.k8s.aws_fieldexports.yaml", &[]);
    check_published("services.k8s.aws_iamroleselectors.yaml", &[]);
}

#[test]
fn bucket_refuses_both_forms_of_tags() {
    let crds = ack::crds();
    let schema = &crds[0].1["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    insta::assert_json_snapshot!(schema["spec"]["x-kubernetes-validations"], @r#"
    [
      {
        "message": "tags and tagging.tagSet are two forms of the same value: set only one of them",
        "rule": "!has(self.tags) || !has(self.tagging) || !has(self.tagging.tagSet)"
      }
    ]
    "#);
}
