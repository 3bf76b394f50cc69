//! Command lines in Go's syntax.

use clap::Parser;
use runtime::flags::GoDuration;
use runtime::flags::try_parse_from;

/// A controller.
#[derive(Debug, Parser)]
#[command(name = "controller")]
struct Flags {
    /// Where metrics are served.
    #[arg(long, default_value = ":8078")]
    metrics_bind_address: String,
    /// Elect a leader.
    #[arg(long)]
    leader_elect: bool,
    /// Requests per second.
    #[arg(long)]
    client_qps: Option<f64>,
    /// How long a lease lasts.
    #[arg(long, default_value = "15s")]
    lease_duration: GoDuration,
    /// A number.
    #[arg(long, default_value_t = 1)]
    number: i64,
}

fn parse(args: &[&str]) -> Result<Flags, clap::Error> {
    try_parse_from(std::iter::once("controller").chain(args.iter().copied()))
}

#[track_caller]
fn accepted(args: &[&str]) -> String {
    let flags = parse(args).unwrap_or_else(|error| panic!("{args:?}: {error}"));
    let Flags { metrics_bind_address, leader_elect, client_qps, lease_duration, number } = flags;
    format!("{metrics_bind_address} {leader_elect} {client_qps:?} {lease_duration} {number}")
}

#[track_caller]
fn refused(args: &[&str]) -> String {
    let error = parse(args).expect_err("wrong flags");
    assert_eq!(error.exit_code(), 2, "{error}");
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

#[test]
fn go_syntax_is_accepted() {
    let defaults = ":8078 false None 15s 1";
    for (args, expected) in [
        (&[][..], defaults),
        (&["-leader-elect"], ":8078 true None 15s 1"),
        (&["--leader-elect"], ":8078 true None 15s 1"),
        (&["-leader-elect=true"], ":8078 true None 15s 1"),
        (&["--leader-elect=T"], ":8078 true None 15s 1"),
        (&["--leader-elect", "--leader-elect=0"], defaults),
        (&["-metrics-bind-address", ":1"], ":1 false None 15s 1"),
        (&["--metrics-bind-address=:1"], ":1 false None 15s 1"),
        (&["-metrics-bind-address=a=b"], "a=b false None 15s 1"),
        (&["-metrics-bind-address="], " false None 15s 1"),
        (&["-metrics-bind-address", "-leader-elect"], "-leader-elect false None 15s 1"),
        (&["-number", "-5"], ":8078 false None 15s -5"),
        (&["-number=1", "-number=2"], ":8078 false None 15s 2"),
        (&["--client-qps", "0.5"], ":8078 false Some(0.5) 15s 1"),
        (&["-lease-duration", "1m30s"], ":8078 false None 1m30s 1"),
        (&["-lease-duration=1.5s", "--"], ":8078 false None 1.5s 1"),
    ] {
        assert_eq!(accepted(args), expected, "{args:?}");
    }
}

#[test]
fn mistakes_are_refused_with_exit_code_2() {
    let messages = [
        &["-unknown"][..],
        &["--unknown=1"],
        &["-leader-elekt"],
        &["-leader-elect=maybe"],
        &["-leader-elect", "false"],
        &["-number"],
        &["-number="],
        &["-number=x"],
        &["-lease-duration=15"],
        &["-lease-duration=-1s"],
        &["-lease-duration=1x"],
        &["extra"],
        &["-"],
        &["---number=1"],
        &["--", "-number=1"],
    ]
    .map(refused);
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn the_usage_comes_with_a_mistake() {
    let error = parse(&["-unknown"]).expect_err("wrong flags");
    insta::assert_snapshot!(error);
}

#[test]
fn help_lists_every_flag() {
    for args in [["-h"], ["-help"], ["--help"]] {
        let help = parse(&args).expect_err("help");
        assert_eq!(help.exit_code(), 0);
        insta::assert_snapshot!("help", help);
    }
}

#[test]
fn durations_are_read_and_written_as_in_go() {
    for (text, expected) in [
        ("0", "0s"),
        ("+0", "0s"),
        ("-0", "0s"),
        ("-0s", "0s"),
        ("15s", "15s"),
        ("1m30s", "1m30s"),
        ("200ms", "200ms"),
        ("1000s", "16m40s"),
        ("1h", "1h0m0s"),
        ("36000s", "10h0m0s"),
        ("1.5h", "1h30m0s"),
        (".5s", "500ms"),
        ("1.s", "1s"),
        ("1.0001s", "1.0001s"),
        ("1us", "1µs"),
        ("1µs", "1µs"),
        ("1μs", "1µs"),
        ("12ns", "12ns"),
        ("1ms2us", "1.002ms"),
        ("+3s", "3s"),
        ("9223372036854775807ns", "2562047h47m16.854775807s"),
        ("0.100000000000000000000h", "6m0s"),
    ] {
        let duration: GoDuration = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(duration.to_string(), expected, "{text}");
    }
    for (text, expected) in [
        ("", "expected a duration"),
        ("3", "missing unit"),
        ("3s4", "missing unit"),
        ("-", "expected a duration"),
        ("+-1s", "expected a duration"),
        ("s", "expected a duration"),
        (".", "expected a duration"),
        (".s", "expected a duration"),
        ("1d", "expected a duration"),
        ("1 s", "expected a duration"),
        ("1.2.3s", "missing unit"),
        ("-1s", "negative"),
        ("9223372036854775808ns", "too long"),
        ("99999999999999999999999999999999999999999h", "too long"),
    ] {
        let error = text.parse::<GoDuration>().expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
