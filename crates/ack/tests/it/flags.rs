//! The command line.

use ack::flags::BadFlags;
use ack::flags::Flags;

fn parse(args: &[&str]) -> Flags {
    let args = ["ack-controller", "--aws-region=eu-west-1"].iter().chain(args);
    runtime::flags::try_parse_from(args).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(args: &[&str]) -> String {
    let error: BadFlags = parse(args).check().expect_err("is refused");
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

/// The arguments of the published chart, with the values that it has by default.
#[test]
fn published_arguments_are_accepted() {
    let flags = parse(&[
        "--aws-endpoint-url",
        "",
        "--aws-identity-endpoint-url",
        "",
        "--log-level",
        "info",
        "--resource-tags",
        "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
        "--resource-tags",
        "services.k8s.aws/namespace=%K8S_NAMESPACE%",
        "--watch-namespace",
        "",
        "--watch-selectors",
        "",
        "--deletion-policy",
        "delete",
        "--reconcile-default-resync-seconds",
        "36000",
        "--reconcile-default-max-concurrent-syncs",
        "3",
        "--feature-gates",
        "ServiceLevelCARM=false,TeamLevelCARM=false",
        "--reconcile-resources",
        "Bucket",
        "--enable-carm=true",
        "--leader-election-namespace",
        "",
    ]);
    assert_eq!(flags.check(), Ok(()));
    assert_eq!(flags.tags().expect("valid").len(), 2);
    assert!(flags.namespaces().is_empty());
    assert!(flags.enable_carm);
    assert_eq!(flags.served(), ["s3"], "the kinds say for which service it is");
}

#[test]
fn lists_are_repeated_or_separated_by_commas() {
    let flags = parse(&["--watch-namespace=a,b", "--watch-namespace", "c"]);
    assert_eq!(flags.namespaces(), ["a", "b", "c"]);
    let flags = parse(&["--reconcile-resource-resync-seconds=Bucket=60,table=5"]);
    let kinds: Vec<_> = flags
        .reconcile_resource_resync_seconds
        .iter()
        .map(|item| (&*item.kind, item.value))
        .collect();
    assert_eq!(kinds, [("bucket", 60), ("table", 5)]);
    assert_eq!(flags.check(), Ok(()));
}

#[test]
fn what_is_not_built_is_refused_by_name() {
    insta::assert_snapshot!(
        refused(&["--enable-webhook-server=true"]),
        @"--enable-webhook-server is not built yet"
    );
}

#[test]
fn selectors_and_services() {
    let flags = parse(&["--watch-selectors=app=web,tier!=test,!old,new", "--services=s3,sqs"]);
    assert_eq!(flags.check(), Ok(()));
    let labels = flags.labels().expect("valid").to_string();
    assert_eq!(labels, "app=web,tier!=test,!old,new");
    let sets = parse(&["--watch-selectors", "team in (a, b),app==web, tier notin (test)"]);
    let labels = sets.labels().expect("valid").to_string();
    assert_eq!(labels, "team in (a,b),app=web,tier notin (test)");
    assert_eq!(flags.served(), ["s3", "sqs"]);
    assert_eq!(parse(&[]).served(), ["dynamodb", "s3", "sqs"]);
    let of_kinds = parse(&["--reconcile-resources=backup,Queue"]);
    assert_eq!(of_kinds.served(), ["dynamodb", "sqs"]);
}

#[test]
fn what_is_unknown_is_refused_by_name() {
    let refusals = [
        refused(&["--feature-gates=Nonsense=true"]),
        refused(&["--reconcile-resources=Topic"]),
        refused(&["--services=sns"]),
        refused(&["--watch-selectors=a within (b,c)"]),
        refused(&["--watch-selectors=app=web page"]),
        refused(&["--feature-gates=IAMRoleSelector=true"]),
        refused(&["--aws-endpoint-url=http://127.0.0.1:1"]),
        refused(&["--aws-identity-endpoint-url=127.0.0.1"]),
        refused(&["--resource-tags=nonsense"]),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
    --feature-gates: `Nonsense=true` is not of the form Name=true with one of the names ResourceAdoption, ReadOnlyResources, TeamLevelCARM, ServiceLevelCARM, IAMRoleSelector
    --reconcile-resources: there is no kind `Topic`; there are Bucket, Backup, GlobalTable, Table, Queue
    --services: there is no service `sns`; there are dynamodb, s3, sqs
    --watch-selectors: `a within (b,c)` is none of key=value, key!=value, key in (a,b), key notin (a,b), key and !key
    --watch-selectors: `app=web page` is none of key=value, key!=value, key in (a,b), key notin (a,b), key and !key
    --feature-gates: IAMRoleSelector needs --enable-carm=false
    --aws-endpoint-url: `http://127.0.0.1:1` is not encrypted: use https, or set --allow-unsafe-aws-endpoint-urls
    --aws-identity-endpoint-url: `127.0.0.1` is not a URL with the scheme https or http and a host
    --resource-tags: `nonsense` is not of the form `key=template`: it needs exactly one `=`
    ");
}

#[test]
fn plain_http_is_allowed_on_request() {
    let flags =
        parse(&["--aws-endpoint-url=http://127.0.0.1:1", "--allow-unsafe-aws-endpoint-urls"]);
    assert_eq!(flags.check(), Ok(()));
    assert!(flags.endpoint().expect("valid").is_some());
}
