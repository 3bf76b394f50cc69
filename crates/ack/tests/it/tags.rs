//! Tags that every resource gets.

use std::collections::BTreeMap;

use ack::tags::DEFAULT_TEMPLATES;
use ack::tags::Defaults;
use ack::tags::Template;
use ack::tags::Variables;

fn defaults(templates: &[&str], labels: &[(&str, &str)]) -> Defaults {
    let templates: Vec<_> =
        templates.iter().map(|text| Template::parse(text).expect("valid")).collect();
    let labels: BTreeMap<_, _> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let variables = Variables {
        service: "s3",
        version: "",
        namespace: "team",
        name: "data",
        kind: "Bucket",
        labels: &labels,
    };
    Defaults::expand(&templates, &variables)
}

fn tags(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn default_tags() {
    assert_eq!(
        defaults(DEFAULT_TEMPLATES, &[]).tags,
        tags(&[
            ("services.k8s.aws/controller-version", "s3-unknown"),
            ("services.k8s.aws/namespace", "team"),
        ])
    );
}

#[test]
fn variables_of_the_object() {
    let all = "who=%K8S_RESOURCE_KIND%/%K8S_RESOURCE_NAME% by %MANAGED_BY% %KRO_VERSION%";
    let labels = [("app.kubernetes.io/managed-by", "kro"), ("kro.run/kro-version", "1.2")];
    assert_eq!(defaults(&[all], &labels).tags, tags(&[("who", "Bucket/data by kro 1.2")]));
}

#[test]
fn a_tag_that_expands_to_nothing_is_left_out_but_stays_reserved() {
    let defaults = defaults(&["who=%MANAGED_BY%"], &[]);
    assert_eq!(defaults.tags, []);
    assert_eq!(defaults.strip(tags(&[("who", "x"), ("a", "1")])), tags(&[("a", "1")]));
}

#[test]
fn users_tags_come_first_and_win_and_those_of_aws_are_kept() {
    let defaults = defaults(&["a=default", "b=default"], &[]);
    let user = tags(&[("z", "1"), ("a", "2")]);
    let latest = tags(&[("aws:cloudformation:stack-id", "s"), ("old", "x")]);
    assert_eq!(
        defaults.complete(user, &latest),
        tags(&[("z", "1"), ("a", "2"), ("b", "default"), ("aws:cloudformation:stack-id", "s")])
    );
    assert_eq!(defaults.strip(latest), tags(&[("old", "x")]));
}

#[test]
fn templates_have_one_equals_sign() {
    assert!(Template::parse("a=b=c").is_err());
    assert!(Template::parse("a").is_err());
    assert!(Template::parse("=b").is_err());
    assert!(Template::parse("a=").is_ok());
}
