//! The recorded vectors, by the code that `cargo xtask conformance` runs.
#![expect(clippy::print_stdout, reason = "a test says how many ran, and what it skips")]

use std::path::{Path, PathBuf};
use xtask::conformance::{Mismatch, Report, SkipList, cel_spec, kro_cel, rgd};

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_owned()
}

/// The folder beside the project with vectors that the project does not carry; without it the test says that it is skipped.
fn shared(suite: &str, test: &str) -> Option<PathBuf> {
    let dir = root().join("../shared/conformance").join(suite);
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: {test}: there is no ../shared/conformance/{suite} beside the project");
    None
}

/// All that ran passed, at least `least` of them, and the list names nothing else than what was skipped.
#[track_caller]
fn assert_passes(report: &Report, list: &SkipList, least: usize) {
    println!("{}", report.to_string().lines().last().unwrap_or_default());
    assert!(report.succeeded(), "{report}");
    assert!(report.passed() >= least, "only {} ran and passed", report.passed());
    assert_eq!(report.unmet(list), Vec::<&str>::new(), "listed, but not in the data");
    assert_eq!(list.unexplained(), Vec::<&str>::new(), "listed without a reason");
}

#[track_caller]
fn assert_skips_only(report: &Report, list: &SkipList) {
    let skipped = report.skipped().iter().map(|skipped| skipped.name.as_str());
    let unlisted: Vec<&str> = skipped.filter(|name| list.reason(name).is_none()).collect();
    assert_eq!(unlisted, Vec::<&str>::new(), "skipped, but not listed");
}

#[test]
fn the_official_suite_passes() {
    let Some(dir) = shared("cel-spec", "the_official_suite_passes") else { return };
    let report = cel_spec::run(&dir);
    let list = cel_spec::skip_list();
    assert_passes(&report, &list, 1_752);
    assert_skips_only(&report, &list);
}

#[test]
fn the_vectors_of_the_go_stack_pass() {
    let report = kro_cel::run(&root().join("conformance/kro-cel"));
    let list = kro_cel::skip_list();
    assert_passes(&report, &list, 1_756);
    assert_skips_only(&report, &list);
}

/// Odd arguments of all functions, recorded from the same stack.
#[test]
fn the_vectors_of_edges_pass() {
    let report = kro_cel::run(&root().join("conformance/kro-cel-edges"));
    println!("{}", report.to_string().lines().last().unwrap_or_default());
    assert_eq!((report.passed(), report.failures().len()), (461, 0), "{report}");
}

#[test]
fn the_recorded_definitions_compile_to_the_recorded_graphs() {
    let test = "the_recorded_definitions_compile_to_the_recorded_graphs";
    let Some(schemas) = shared("schemas", test) else { return };
    let report = rgd::run(&root().join("conformance/rgd"), &schemas);
    assert_passes(&report, &rgd::skip_list(), 660);
    assert_eq!(report.skipped().len(), rgd::skip_list().len(), "skipped, but not listed");
}

/// Changes between two versions, and plurals; they need no kinds but the built-in ones.
#[test]
fn recorded_changes_and_plurals_are_ours() {
    let Some(schemas) = shared("schemas", "recorded_changes_and_plurals_are_ours") else { return };
    for (folder, least) in [("conformance/crd-compat", 38), ("conformance", 228)] {
        let only = |case: &str| {
            let plurals_only = folder == "conformance";
            plurals_only.then(|| format!("{case} runs in a test of its own"))
        };
        let report = rgd::run_cases(&root().join(folder), &schemas, only);
        println!("{}", report.to_string().lines().last().unwrap_or_default());
        assert!(report.succeeded() && report.passed() >= least, "{report}");
    }
}

/// The Go stack refuses the reference example: the bucket of its ACK controller has no `tags`. The place of what it has is told.
#[test]
fn the_reference_example_is_told_where_the_published_bucket_has_tags() {
    let test = "the_reference_example_is_told_where_the_published_bucket_has_tags";
    let Some(schemas) = shared("schemas", test) else { return };
    let example = root().join("../shared/examples/application/rgd.yaml");
    let found = rgd::check(&example, &schemas).expect("it can be read");
    let errors: Vec<_> = found.errors().collect();
    let [unknown] = errors.as_slice() else { panic!("one mistake: {found}") };
    assert_eq!(unknown.code.to_string(), "KRO0303");
    assert_eq!(unknown.place.to_string(), "spec.resources[0].template.spec.tags");
    let kind = "`s3.services.k8s.aws/v1alpha1 Bucket`";
    assert!(unknown.message.contains("`tags`") && unknown.message.contains(kind), "{unknown}");
    assert_eq!(unknown.help.as_deref(), Some("did you mean `spec.tagging.tagSet`?"));
}

#[test]
fn a_listed_name_must_fail() {
    let list = SkipList::parse("# a reason\na/x\na/y\n");
    let mut report = Report::default();
    report.record(&list, "a", "x", Err(Mismatch::new("1", "2")));
    report.record(&list, "a", "z", Ok(()));
    assert!(report.succeeded(), "{report}");
    assert_eq!(report.unmet(&list), ["a/y"]);
    report.record(&list, "a", "y", Ok(()));
    assert!(!report.succeeded());
    assert_eq!(
        report.to_string(),
        "FAIL a/y\n  expected: a difference, listed as skipped (a reason)\n  \
         got:      it passes: take it off the list\n\
         a: 1 passed, 1 failed, 1 skipped\n1 passed, 1 failed, 1 skipped\n"
    );
}

/// The program's last line and exit code, on a folder without vectors and on one that is not there.
#[test]
fn nothing_ran_is_a_failure() {
    let empty = root().join("xtask/src");
    for (dir, last) in [
        (empty.as_path(), "0 passed, 0 failed, 0 skipped"),
        (Path::new("/no such folder"), "0 passed, 1 failed, 0 skipped"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["conformance", "cel-spec"])
            .arg(dir)
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(text.lines().last(), Some(last));
        assert_eq!(output.status.code(), Some(1));
    }
}
