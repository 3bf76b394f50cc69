//! Command lines as Go's `flag` package reads them, on top of `clap`.
//!
//! Declare flags with `clap`'s derive as long flags, booleans as plain `bool`; parse with
//! [`parse`]. Accepted are `-name` and `--name`, `-name=value` and `-name value`; a boolean is
//! `-name` or `-name=value` (`1`, `t`, `true`, … as in Go). Of a flag that is repeated the last
//! one counts.
//!
//! ```
//! #[derive(clap::Parser)]
//! struct Flags {
//!     /// Elect a leader.
//!     #[arg(long)]
//!     leader_elect: bool,
//!     /// How long a lease lasts.
//!     #[arg(long, default_value = "15s")]
//!     lease_duration: runtime::flags::GoDuration,
//! }
//!
//! let args = ["controller", "-leader-elect=T", "--lease-duration", "1m30s"];
//! let flags: Flags = runtime::flags::try_parse_from(args)?;
//! assert!(flags.leader_elect);
//! assert_eq!(flags.lease_duration.get().as_secs(), 90);
//! # Ok::<(), clap::Error>(())
//! ```
//!
//! Differs from Go: an argument that belongs to no flag is an error. Go ignores it and every flag
//! after it, so that `--leader-elect false --x=1` would elect a leader and forget `x`.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::Arg;
use clap::ArgAction;
use clap::Command;
use clap::Parser;

mod duration;

pub use duration::GoDuration;
pub use duration::InvalidDuration;

/// Parses the command line of the process.
///
/// Does not return on an unknown flag or a wrong value (usage on standard error, exit code 2) nor
/// on `--help` (help on standard output, exit code 0).
pub fn parse<T: Parser>() -> T {
    try_parse_from(std::env::args_os()).unwrap_or_else(|error| error.exit())
}

/// Parses a command line; the first item is the program's name.
///
/// # Errors
/// `clap`'s, which knows the text to print and the exit code.
pub fn try_parse_from<T: Parser>(
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<T, clap::Error> {
    let mut command = T::command().args_override_self(true).mut_args(go_boolean);
    let args = normalize(&command, args.into_iter().map(Into::into));
    let mut matches = command.try_get_matches_from_mut(args)?;
    T::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// A boolean as Go's `strconv.ParseBool` reads it.
///
/// # Errors
/// With what would have been accepted.
pub fn go_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err("expected `true` or `false`".to_owned()),
    }
}

/// Lets a boolean switch take a value, but only after `=`.
fn go_boolean(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_value("false")
        .default_missing_value("true")
        .value_parser(go_bool)
        .hide_possible_values(true)
}

/// Rewrites every flag to `--name=value`, which is the form that Go and `clap` agree on. What is no
/// flag, or not a known one, is left for `clap` to complain about.
fn normalize(command: &Command, args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    // Whether a flag takes a separate value, by name.
    let mut flags = BTreeMap::new();
    for arg in command.get_arguments() {
        let names = arg.get_long_and_visible_aliases().unwrap_or_default();
        let separate = arg.get_action().takes_values() && !arg.is_require_equals_set();
        flags.extend(names.into_iter().map(|name| (name, separate)));
    }
    let mut args = args.fuse();
    let mut normalized: Vec<OsString> = args.next().into_iter().collect();
    while let Some(arg) = args.next() {
        let Some(text) = arg.to_str() else {
            normalized.push(arg);
            continue;
        };
        let flag = text.strip_prefix("--").or_else(|| text.strip_prefix('-')).unwrap_or("");
        if flag.is_empty() || flag.starts_with(['-', '=']) {
            let rest_is_no_flag = text == "--";
            normalized.push(arg);
            if rest_is_no_flag {
                break;
            }
            continue;
        }
        let name = flag.split_once('=').map_or(flag, |(name, _)| name);
        let takes_next = flags.get(name) == Some(&true) && name == flag;
        let mut canonical = OsString::from(match flag {
            "h" if !flags.contains_key("h") => "--help".to_owned(),
            flag => format!("--{flag}"),
        });
        if takes_next && let Some(value) = args.next() {
            canonical.push("=");
            canonical.push(value);
        }
        normalized.push(canonical);
    }
    normalized.extend(args);
    normalized
}
