//! Which crate may depend on which (DESIGN: dependencies follow the data flow only).

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use std::collections::{BTreeMap, BTreeSet};

/// Crate → the crates of this workspace that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("ack", &["runtime"]),
    ("aws-emulator", &[]),
    ("builtins", &["schema"]),
    ("cel", &[]),
    ("controller", &["diagnostics", "graph", "plan", "runtime", "schema"]),
    ("diagnostics", &[]),
    ("e2e", &["aws-emulator"]),
    ("graph", &["cel", "diagnostics", "schema"]),
    ("kro", &["aws-emulator", "builtins", "cel", "diagnostics", "graph", "plan", "schema"]),
    ("plan", &["cel", "graph", "schema"]),
    ("runtime", &[]),
    ("schema", &["cel", "diagnostics"]),
    (
        "xtask",
        &["aws-emulator", "builtins", "cel", "diagnostics", "e2e", "graph", "plan", "schema"],
    ),
];

/// Crates that do no I/O, and what they must therefore not depend on, however indirectly.
const PURE: &[&str] = &["builtins", "diagnostics", "cel", "schema", "graph", "plan"];
const IMPURE: &[&str] = &["tokio", "kube", "kube-client", "hyper", "aws-config", "k8s-openapi"];

/// Crates that only ACK and the tests of the emulator may use.
const AWS_USERS: &[&str] = &["ack", "aws-emulator"];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo metadata runs")
}

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        ALLOWED.iter().map(|(name, deps)| (*name, deps.iter().copied().collect())).collect();
    let metadata = metadata();
    let names: BTreeSet<&str> = metadata.packages.iter().map(|package| &**package.name).collect();
    assert_eq!(names, allowed.keys().copied().collect(), "a crate came or went: list it here");
    for package in &metadata.packages {
        let local = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind != DependencyKind::Development)
            .map(|dependency| dependency.name.as_str())
            .filter(|name| names.contains(name));
        for dependency in local {
            assert!(
                allowed[package.name.as_str()].contains(dependency),
                "`{}` must not depend on `{dependency}`",
                package.name
            );
        }
    }
}

#[test]
fn the_pure_crates_do_no_io() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata runs");
    let resolve = metadata.resolve.as_ref().expect("a resolved graph");
    let name = |id: &PackageId| {
        metadata.packages.iter().find(|package| package.id == *id).map(|found| found.name.as_str())
    };
    for pure in PURE {
        let start = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == *pure)
            .expect("it exists");
        let mut reached = BTreeSet::from([&start.id]);
        let mut open = vec![&start.id];
        while let Some(id) = open.pop() {
            let node = resolve.nodes.iter().find(|node| node.id == *id).expect("it is resolved");
            let normal = node.deps.iter().filter(|dependency| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            });
            for dependency in normal {
                if reached.insert(&dependency.pkg) {
                    open.push(&dependency.pkg);
                }
            }
        }
        let found: Vec<&str> =
            reached.iter().filter_map(|id| name(id)).filter(|n| IMPURE.contains(n)).collect();
        assert!(found.is_empty(), "`{pure}` must not reach {found:?}");
    }
}

#[test]
fn only_the_crates_for_aws_use_its_sdk() {
    for package in &metadata().packages {
        let sdk =
            package.dependencies.iter().find(|dependency| dependency.name.starts_with("aws-sdk-"));
        let may = AWS_USERS.contains(&package.name.as_str());
        assert!(may || sdk.is_none(), "`{}` must not use {:?}", package.name, sdk.map(|d| &d.name));
    }
}
