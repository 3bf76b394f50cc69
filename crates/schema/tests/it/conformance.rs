//! Definitions and schema changes with the outcome recorded from upstream (`conformance/`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use diagnostics::yaml;
use schema::CrdSource;
use schema::PrinterColumn;
use schema::Scope;
use schema::breaking::compare;
use schema::breaking::compare_crds;
use schema::breaking::summary;
use schema::same;
use schema::simple_schema;
use serde_json::Value;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance").join(name)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is readable")
}

fn definition(path: &Path) -> Value {
    let text = read(path);
    let (documents, mistakes) = yaml::read(&text);
    assert_eq!(mistakes, [], "{}", path.display());
    documents.into_iter().next().expect("a document").value
}

/// The CRD of a definition, status expressions left out, and what is wrong with its schema.
fn crd(definition: &Value) -> (CrdSource, Diagnostics) {
    let schema = &definition["spec"]["schema"];
    let text = |key: &str| schema[key].as_str().unwrap_or_default().to_owned();
    let texts = |key: &str| -> Vec<String> {
        let items = schema[key].as_array().into_iter().flatten();
        items.map(|item| item.as_str().expect("a text").to_owned()).collect()
    };
    let entries = |key: &str| -> BTreeMap<String, String> {
        let entries = schema["metadata"][key].as_object().into_iter().flatten();
        entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.into()))).collect()
    };
    let columns = schema["additionalPrinterColumns"].as_array().into_iter().flatten();
    let column = |column: &Value| {
        let text = |key: &str| column[key].as_str().unwrap_or_default().to_owned();
        PrinterColumn {
            name: text("name"),
            ty: text("type"),
            json_path: text("jsonPath"),
            description: column["description"].as_str().map(str::to_owned),
            format: column["format"].as_str().map(str::to_owned),
            priority: column["priority"].as_i64().unwrap_or_default(),
        }
    };
    let (spec, found) =
        simple_schema::build(schema.get("spec"), schema.get("types"), &FieldPath::root());
    let source = CrdSource {
        group: schema["group"].as_str().unwrap_or("kro.run").to_owned(),
        version: text("apiVersion"),
        kind: text("kind"),
        scope: Scope::from_name(&text("scope")).unwrap_or_default(),
        spec,
        status: None,
        printer_columns: columns.map(column).collect(),
        short_names: texts("shortNames"),
        categories: texts("categories"),
        labels: entries("labels"),
        annotations: entries("annotations"),
    };
    (source, found)
}

/// Takes out the status, which needs the types of expressions.
fn without_status(mut spec: Value) -> Value {
    let properties = "/versions/0/schema/openAPIV3Schema/properties";
    if let Some(Value::Object(properties)) = spec.pointer_mut(properties) {
        properties.remove("status");
    }
    spec
}

/// Whether the recorded refusal is about SimpleSchema or about what it makes of the CRD.
fn refused_for_its_schema(expected: &Value) -> bool {
    let error = expected["error"].as_str().unwrap_or_default();
    let by_crd = expected["crdAdmission"]["error"].as_str().unwrap_or_default();
    error.contains("failed to build OpenAPI schema for instance")
        || error.contains("failed to unmarshal spec schema")
        || by_crd.contains("openAPIV3Schema")
        || by_crd.contains("cannot be handled as a CustomResourceDefinition")
}

/// What an API server refuses beside the schema: names, groups, columns.
fn refused_for_its_names(expected: &Value) -> bool {
    let admission = expected["admission"]["error"].as_str().unwrap_or_default();
    let by_crd = expected["crdAdmission"]["error"].as_str().unwrap_or_default();
    let names = ["kind:", "apiVersion:", "group:", "shortNames[", "categories["];
    names.iter().any(|name| admission.contains(&format!("spec.schema.{name}")))
        || ["spec.names", "additionalPrinterColumns", "api-approved"]
            .iter()
            .any(|cause| by_crd.contains(cause))
}

/// Where we differ on purpose, with the reason.
const DIFFERENCES: [(&str, &str); 1] =
    [("marker-many-spaces", "blanks after the last marker do no harm")];

#[test]
fn schemas_and_crds_are_the_recorded_ones() {
    let categories = [
        ("simpleschema-types", 25),
        ("simpleschema-markers", 97),
        ("simpleschema-custom-types", 20),
        ("schema-meta", 36),
        ("naming", 40),
    ];
    let mut wrong = Vec::new();
    for (category, count) in categories {
        let cases = files(&folder("rgd").join(category), ".rgd.yaml");
        assert_eq!(cases.len(), count, "{category}");
        for path in cases {
            let name = path.file_name().expect("a name").to_string_lossy().replace(".rgd.yaml", "");
            let expected = read(&path.with_file_name(format!("{name}.expected.json")));
            let expected: Value = serde_json::from_str(&expected).expect("JSON");
            let (source, found) = crd(&definition(&path));
            let differs = DIFFERENCES.iter().any(|(case, _)| *case == name);
            let refused = refused_for_its_schema(&expected) != differs;
            let names = source.check(&FieldPath::root());
            if names.has_errors() != refused_for_its_names(&expected) {
                wrong.push(format!("{name}: found `{names}`, recorded {expected}"));
            }
            if found.has_errors() != refused {
                let recorded = &expected["error"];
                let by_crd = &expected["crdAdmission"]["error"];
                wrong.push(format!("{name}: found `{found}`, recorded {recorded} {by_crd}"));
            }
            let recorded = &expected["crd"];
            if refused || recorded["spec"].is_null() {
                continue;
            }
            let crd = source.to_json();
            let (built, wanted) =
                (without_status(crd["spec"].clone()), without_status(recorded["spec"].clone()));
            if !same(&built, &wanted) {
                wrong.push(format!("{name}:\n  built    {built}\n  recorded {wanted}"));
            }
            for key in ["name", "labels", "annotations"] {
                if crd["metadata"].get(key) != recorded.get(key) {
                    wrong.push(format!("{name}: {key} {} {}", crd["metadata"], recorded[key]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn changes_are_the_recorded_ones() {
    let cases = files(&folder("crd-compat"), ".expected.json");
    assert_eq!(cases.len(), 38);
    let mut wrong = Vec::new();
    for path in cases {
        let name =
            path.file_name().expect("a name").to_string_lossy().replace(".expected.json", "");
        // The types of status expressions are inferred where expressions are known.
        if name.starts_with("status-") {
            continue;
        }
        let expected: Value = serde_json::from_str(&read(&path)).expect("JSON");
        let side = |side: &str| {
            let (source, found) =
                crd(&definition(&path.with_file_name(format!("{name}.{side}.rgd.yaml"))));
            assert!(found.is_empty(), "{name}: {found}");
            source.to_json()
        };
        let changes = compare_crds(&side("before"), &side("after")).expect("both are CRDs");
        let mut all: Vec<(String, bool)> = Vec::new();
        for (key, breaking) in [("breaking", true), ("nonBreaking", false)] {
            for change in expected[key].as_array().expect("a list") {
                let text = |key: &str| change[key].as_str().expect("a text");
                let parts = ["path", "type", "oldValue", "newValue", "description"].map(text);
                all.push((parts.join(" | "), breaking));
            }
        }
        all.sort();
        let mut found: Vec<_> = changes
            .iter()
            .map(|change| {
                // Differs from kro: it calls such a property optional.
                let description = if change.description.starts_with("Required property") {
                    let property = change.path.rsplit('.').next().unwrap_or_default();
                    format!("Optional property {property} was added")
                } else {
                    change.description.clone()
                };
                let parts = [&change.path, &change.kind.to_string(), &change.old, &change.new];
                let text = parts.map(String::as_str).join(" | ");
                (format!("{text} | {description}"), change.breaking)
            })
            .collect();
        found.sort();
        let compatible = changes.iter().all(|change| !change.breaking);
        if found != all || Value::Bool(compatible) != expected["compatible"] {
            wrong.push(format!("{name}:\n  found    {found:?}\n  recorded {all:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_refusal_names_three_changes() {
    let path = folder("crd-compat").join("many-breaking.expected.json");
    let side = |side: &str| {
        let name = format!("many-breaking.{side}.rgd.yaml");
        crd(&definition(&path.with_file_name(name))).0.schema()
    };
    let changes = compare(&side("before"), &side("after"));
    insta::assert_snapshot!(
        summary(&changes),
        @"Property a was removed; Property b was removed; Property c was removed; and 3 more changes"
    );
    assert_eq!(summary(&changes[..2]), "Property a was removed; Property b was removed");
    assert_eq!(summary(&[]), "");
}
