//! The command line is upstream's.

use controller::{Flags, Gates};
use runtime::flags::try_parse_from;
use runtime::logs::Format;

fn parse(args: &[&str]) -> Flags {
    let args = std::iter::once("kro-controller").chain(args.iter().copied());
    try_parse_from(args).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_flag_that_upstreams_chart_passes_is_accepted() {
    // As upstream's chart renders it with its defaults.
    let flags = parse(&[
        "--metrics-bind-address",
        ":8078",
        "--health-probe-bind-address",
        ":8079",
        "--resource-graph-definition-concurrent-reconciles",
        "1",
        "--graph-revision-concurrent-reconciles",
        "1",
        "--dynamic-controller-concurrent-reconciles",
        "1",
        "--zap-log-level",
        "info",
        "--zap-encoder",
        "console",
        "--zap-devel=false",
        "--graceful-shutdown-timeout",
        "60s",
        "--instance-requeue-interval",
        "3s",
        "--dynamic-controller-default-resync-period",
        "36000",
        "--dynamic-controller-default-queue-max-retries",
        "20",
        "--dynamic-controller-rate-limiter-min-delay",
        "200ms",
        "--dynamic-controller-rate-limiter-max-delay",
        "1000s",
        "--client-qps",
        "100",
        "--client-burst",
        "150",
        "--dynamic-controller-rate-limiter-rate-limit",
        "10",
        "--dynamic-controller-rate-limiter-burst-limit",
        "100",
        "--rgd-max-collection-size",
        "1000",
        "--rgd-max-collection-dimension-size",
        "10",
        "--rgd-max-graph-revisions",
        "5",
        "--rgd-progress-requeue-delay",
        "3s",
        "--leader-election-lease-duration",
        "15s",
        "--leader-election-renew-deadline",
        "10s",
        "--leader-election-retry-period",
        "2s",
        "--leader-elect",
        "--feature-gates",
        "CELOmitFunction=true,InstanceConditionEvents=false",
    ]);
    let options = flags.options("1.2.3+build").expect("known gates");
    assert_eq!(options.kro_version, "1.2.3-build");
    assert_eq!(options.max_graph_revisions, 5);
    assert!(options.concurrent_instances >= 64);
    assert!(options.gates.cel_omit_function && !options.gates.instance_condition_events);
    let limit = flags.rate_limit().expect("given");
    assert_eq!((limit.qps, limit.burst), (100.0, 150));
    assert_eq!(flags.log_format(), Format::Human);
    let election = flags.election(Some("kro-system".to_owned())).expect("a namespace");
    assert_eq!(election.map(|it| it.namespace), Some("kro-system".to_owned()));
}

#[test]
fn flags_that_only_upstream_has_a_use_for_are_accepted() {
    parse(&[
        "-pprof-bind-address=:6060",
        "-enable-controller-warmup",
        "-zap-stacktrace-level=error",
        "-zap-time-encoding=iso8601",
        "-kubeconfig=/nowhere",
        "-allow-crd-deletion=true",
        "-leader-election-namespace=x",
        "-zap-devel",
    ]);
}

#[test]
fn without_flags_there_is_no_limit_and_no_election() {
    let flags = parse(&[]);
    assert_eq!(flags.rate_limit(), None);
    assert!(flags.election(None).expect("none is wanted").is_none());
    assert!(parse(&["--leader-elect"]).election(None).is_err());
    assert_eq!(parse(&["--client-qps=-1"]).rate_limit(), None);
    assert_eq!(flags.log_format(), Format::Human);
    assert_eq!(parse(&["--zap-devel"]).log_format(), Format::Human);
    assert_eq!(parse(&["--zap-devel=false"]).log_format(), Format::Json);
    assert_eq!(parse(&["--zap-encoder=json"]).log_format(), Format::Json);
}

#[test]
fn gates_are_known_by_name() {
    let gates = |text| Gates::parse(text).map_err(|error| error.to_string());
    assert_eq!(gates(""), Ok(Gates::default()));
    let all = gates("InstanceConditionMetrics=false,AllAlpha=true").expect("known");
    assert!(all.cel_omit_function && all.instance_condition_events);
    assert!(!all.instance_condition_metrics);
    assert_eq!(gates("Nothing=true"), Err("unrecognized feature gate: Nothing".to_owned()));
    assert!(gates("CELOmitFunction=maybe").is_err());
    assert!(gates("CELOmitFunction").is_err());
}
