//! The charts: what Helm makes of them, and what their alerts and dashboards ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use serde_json::Value;

fn charts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts")
}

fn read(path: &str) -> String {
    fs::read_to_string(charts().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The metrics that the controller has, as its reference lists them, with their labels.
fn metrics() -> BTreeMap<String, BTreeSet<String>> {
    let page = read("../docs/metrics.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let mut found = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`').to_owned();
        let mut labels: BTreeSet<String> =
            cells[3].split(',').map(|label| label.trim().trim_matches('`').to_owned()).collect();
        if cells[2] == "histogram" {
            for part in ["count", "sum"] {
                found.insert(format!("{name}_{part}"), labels.clone());
            }
            labels.insert("le".to_owned());
            found.insert(format!("{name}_bucket"), labels);
        } else {
            found.insert(name, labels);
        }
    }
    assert!(found.len() > 40, "only {}: has the form of docs/metrics.md changed?", found.len());
    found
}

/// What an expression of Prometheus names: metrics, and labels by which it selects or groups.
#[derive(Debug, Default, PartialEq)]
struct Named {
    metrics: BTreeSet<String>,
    labels: BTreeSet<String>,
}

/// The names in an expression. Enough for ours, which have no strings outside of braces.
fn named(expression: &str) -> Named {
    let mut named = Named::default();
    let mut rest = expression;
    let mut groups = false;
    while let Some(first) = rest.chars().next() {
        let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '.';
        let length = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        if first == '{' || first == '[' || (first == '(' && groups) {
            let closing = match first {
                '{' => '}',
                '[' => ']',
                _ => ')',
            };
            let end = rest.find(closing).unwrap_or_else(|| panic!("no {closing}: {expression}"));
            if first != '[' {
                let terms = rest[1..end].split(',').filter(|term| !term.trim().is_empty());
                let label =
                    |term: &str| term.split(['=', '!']).next().unwrap_or("").trim().to_owned();
                named.labels.extend(terms.map(label));
            }
            groups = false;
            rest = &rest[end + 1..];
        } else if word.is_empty() {
            rest = &rest[first.len_utf8()..];
        } else {
            let is_call = after.trim_start().starts_with('(');
            groups |= ["by", "on", "without", "ignoring"].contains(&word);
            let is_operator = ["and", "or", "unless", "offset", "sum", "max"].contains(&word);
            if !is_call && !is_operator && first.is_ascii_alphabetic() {
                named.metrics.insert(word.to_owned());
            }
            rest = after;
        }
    }
    named
}

#[test]
fn names_in_an_expression_are_found() {
    let expression =
        r#"sum by (le, b) (rate(one_bucket{c="x", d!~"y"}[5m])) > 0.5 unless max(two offset 1h)"#;
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let expected =
        Named { metrics: words(&["one_bucket", "two"]), labels: words(&["b", "c", "d", "le"]) };
    assert_eq!(named(expression), expected);
}

/// Every metric exists, and every label belongs to one of them.
#[track_caller]
fn check(what: &str, expression: &str) {
    let known = metrics();
    let Named { metrics, labels } = named(expression);
    assert!(!metrics.is_empty(), "{what} asks for nothing: {expression}");
    let mut theirs = BTreeSet::new();
    for metric in &metrics {
        let labels = known.get(metric);
        theirs
            .extend(labels.unwrap_or_else(|| panic!("{what}: docs/metrics.md has no `{metric}`")));
    }
    for label in &labels {
        assert!(theirs.contains(label), "{what}: none of {metrics:?} has a label `{label}`");
    }
}

#[test]
fn alerts_ask_for_metrics_that_exist() {
    let file: Value = serde_saphyr::from_str(&read("kro/alerts.yaml")).expect("it is YAML");
    let rules = file["groups"][0]["rules"].as_array().expect("a group has rules");
    assert!(!rules.is_empty(), "there are alerts");
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = rule["alert"].as_str().expect("a rule has a name");
        assert!(names.insert(name), "two alerts {name}");
        check(name, rule["expr"].as_str().expect("a rule has an expression"));
        assert!(rule["labels"]["severity"].is_string(), "{name} has no severity");
        for text in ["summary", "description"] {
            assert!(rule["annotations"][text].is_string(), "{name} has no {text}");
        }
    }
}

#[test]
fn dashboards_ask_for_metrics_that_exist() {
    let dashboard: Value = serde_json::from_str(&read("kro/dashboards/kro.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    let (mut ids, mut asked) = (BTreeSet::new(), 0);
    for panel in panels {
        let title = panel["title"].as_str().expect("a panel has a title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is not its own");
        for target in panel["targets"].as_array().into_iter().flatten() {
            check(title, target["expr"].as_str().expect("a target has an expression"));
            asked += 1;
        }
    }
    assert!(asked > 20, "only {asked} expressions");
}

/// The chart has the CRDs that `cargo xtask codegen` writes, by a link.
#[test]
fn the_chart_of_ack_has_its_crds() {
    let names = |directory: PathBuf| -> BTreeSet<String> {
        let entries =
            fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
        entries
            .map(|entry| entry.expect("it is read").file_name().into_string().expect("UTF-8"))
            .collect()
    };
    let of_chart = names(charts().join("ack/crds"));
    assert_eq!(of_chart, names(charts().join("../crates/ack/crds")));
    assert!(of_chart.contains("s3.services.k8s.aws_buckets.yaml"), "{of_chart:?}");
}

fn helm(program: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output =
        Command::new(program).env("HOME", env!("CARGO_TARGET_TMPDIR")).args(args).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "helm {args:?}: {}", text(&output.stderr));
    Ok(text(&output.stdout))
}

#[test]
fn helm_takes_the_charts() {
    e2e::scenario(async || {
        let program = e2e::binaries::helm()?;
        let chart = charts().join("ack").display().to_string();
        for chart in [&chart, &charts().join("kro").display().to_string()] {
            helm(&program, &["lint", "--strict", chart])?;
        }
        let template = ["template", "ack", &chart, "--namespace=aws", "--kube-version=1.34.0"];
        let all = helm(&program, &[&template[..], &["--set", "aws.region=us-west-2"]].concat())?;
        for line in [
            r#"- "--services=dynamodb,s3,sqs""#,
            r#"- "--aws-region=us-west-2""#,
            r#"- "--reconcile-default-resync-seconds=36000""#,
            "resources: [backups, globaltables, tables]",
            "resources: [buckets]",
            "readOnlyRootFilesystem: true",
        ] {
            ensure!(all.contains(line), "no {line}: {all}");
        }
        ensure!(!all.contains("watch-namespace"), "all namespaces are watched: {all}");

        // One service, in two namespaces: no right beyond these, but for their annotations.
        let only = "services.s3.enabled=false,services.dynamodb.enabled=false,\
                    installScope=namespace,watchNamespace=a\\,b,leaderElection.enabled=true,\
                    podDisruptionBudget.enabled=true,networkPolicy.enabled=true,\
                    reconcile.resourceResyncPeriods.Queue=60";
        let one = helm(&program, &[&template[..], &["--set", only]].concat())?;
        for line in [
            r#"- "--services=sqs""#,
            r#"- "--watch-namespace=a,b""#,
            r#"- "--enable-leader-election""#,
            r#"- "--reconcile-resource-resync-seconds=Queue=60""#,
            "namespace: a\n",
            "namespace: b\n",
            "kind: PodDisruptionBudget",
            "kind: NetworkPolicy",
        ] {
            ensure!(one.contains(line), "no {line}: {one}");
        }
        for word in ["buckets", "dynamodb", "aws-region"] {
            ensure!(!one.contains(word), "{word}: {one}");
        }

        // Mistakes in values are refused.
        for wrong in ["deletionPolicy=keep", "services.iam.enabled=true", "aws.Region=us-west-2"] {
            let answer = helm(&program, &[&template[..], &["--set", wrong]].concat());
            ensure!(answer.is_err(), "{wrong} was taken");
        }
        Ok(())
    });
}
