//! Two versions of a definition, with what the Go stack says of the change.

use std::fs;
use std::path::Path;

use schema::breaking::{Change, ChangeKind, compare_crds};
use serde_json::Value;

use super::super::Mismatch;
use super::{Case, Schemas, lines};

/// The end of the name of the file with the first version.
pub(super) const BEFORE: &str = ".before.rgd.yaml";
/// The end of the name of the file with the second version.
pub(super) const AFTER: &str = ".after.rgd.yaml";

/// Compares the CRDs of two versions; `before` is the file of the first.
pub(super) fn run(before: &Path, schemas: &mut Schemas) -> anyhow::Result<Result<(), Mismatch>> {
    let name = before.display().to_string();
    let after = name.replace(BEFORE, AFTER);
    let expected = fs::read_to_string(name.replace(BEFORE, ".expected.json"))?;
    let expected: Value = serde_json::from_str(&expected)?;
    let mut crds = Vec::new();
    for file in [before, Path::new(&after)] {
        let case = Case { definition: super::definition(file)?, expected: Value::Null };
        match case.compile(schemas) {
            (Some(graph), _) => crds.push(graph.instance.crd),
            (None, found) => {
                return Ok(Err(Mismatch::new("accepted", format!("refused:\n{}", lines(&found)))));
            }
        }
    }
    let changes = compare_crds(&crds[0], &crds[1])?;
    let found = (written(&changes, true), written(&changes, false));
    let recorded = (recorded(&expected["breaking"]), recorded(&expected["nonBreaking"]));
    Ok(if found == recorded {
        Ok(())
    } else {
        Err(Mismatch::new(format!("{recorded:#?}"), format!("{found:#?}")))
    })
}

fn written(changes: &[Change], breaking: bool) -> Vec<[String; 5]> {
    let changes = changes.iter().filter(|change| change.breaking == breaking);
    let mut written: Vec<_> = changes
        .map(|change| {
            let description = match change.kind {
                // Differs from kro: it calls such a property optional.
                ChangeKind::PropertyAdded if breaking => {
                    let property = change.path.rsplit('.').next().unwrap_or_default();
                    format!("Optional property {property} was added")
                }
                _ => change.description.clone(),
            };
            let (path, kind) = (change.path.clone(), change.kind.to_string());
            [path, kind, change.old.clone(), change.new.clone(), description]
        })
        .collect();
    written.sort();
    written
}

fn recorded(changes: &Value) -> Vec<[String; 5]> {
    let changes = changes.as_array().into_iter().flatten();
    let mut recorded: Vec<_> = changes
        .map(|change| {
            ["path", "type", "oldValue", "newValue", "description"]
                .map(|key| change[key].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    recorded.sort();
    recorded
}
