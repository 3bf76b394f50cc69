//! Logging to standard error, for people or as JSON.

use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::traces::Traces;

/// What a log line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// How much is logged; reads the values of Go's `--zap-log-level`, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(LevelFilter);

/// What to log.
#[derive(Debug, Clone)]
pub struct LogOptions {
    /// What a line looks like.
    pub format: Format,
    /// From which level on our own crates log.
    pub level: Level,
    /// Our own crates, as they are named in Rust code. All others log warnings and errors only:
    /// what a library writes at a finer level can hold values of objects.
    pub crates: Vec<&'static str>,
}

/// A format that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `console` or `json`")]
pub struct InvalidFormat;

/// A subscriber was already installed.
#[derive(Debug, thiserror::Error)]
#[error("logging is already set up")]
pub struct AlreadySetUp(#[source] tracing::subscriber::SetGlobalDefaultError);

/// A level that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `debug`, `info`, `warn`, `error`, or a number from 1 for more detail")]
pub struct InvalidLevel;

impl FromStr for Format {
    type Err = InvalidFormat;

    /// The values of Go's `--zap-encoder`.
    fn from_str(text: &str) -> Result<Format, InvalidFormat> {
        match text {
            "console" => Ok(Format::Human),
            "json" => Ok(Format::Json),
            _ => Err(InvalidFormat),
        }
    }
}

impl Level {
    /// Errors only.
    pub const ERROR: Level = Level(LevelFilter::ERROR);
    /// What an operator wants to see.
    pub const INFO: Level = Level(LevelFilter::INFO);
    /// What a developer wants to see.
    pub const DEBUG: Level = Level(LevelFilter::DEBUG);
}

impl Default for Level {
    fn default() -> Level {
        Level::INFO
    }
}

impl FromStr for Level {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Level, InvalidLevel> {
        let filter = match text {
            "trace" => LevelFilter::TRACE,
            "debug" => LevelFilter::DEBUG,
            "info" => LevelFilter::INFO,
            "warn" | "warning" => LevelFilter::WARN,
            "error" | "dpanic" | "panic" | "fatal" => LevelFilter::ERROR,
            number => match number.parse::<u8>() {
                Ok(0) | Err(_) => return Err(InvalidLevel),
                Ok(1) => LevelFilter::DEBUG,
                Ok(_) => LevelFilter::TRACE,
            },
        };
        Ok(Level(filter))
    }
}

/// Sets up logging of the process to standard error, and the collection of traces, if asked for.
///
/// # Errors
/// When that has already been done.
pub fn init(options: &LogOptions, traces: Option<&Traces>) -> Result<(), AlreadySetUp> {
    let lines = lines(options.format, std::io::stderr).with_filter(filter(options));
    let spans = traces.map(|traces| traces.layer(&options.crates));
    let subscriber = tracing_subscriber::registry().with(spans).with(lines);
    tracing::subscriber::set_global_default(subscriber).map_err(AlreadySetUp)
}

/// The subscriber that [`init`] installs without traces, with any writer.
pub fn subscriber<W>(options: &LogOptions, writer: W) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::registry().with(lines(options.format, writer).with_filter(filter(options)))
}

fn lines<S, W>(format: Format, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    match format {
        Format::Human => lines.with_ansi(false).boxed(),
        Format::Json => {
            lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed()
        }
    }
}

fn filter(options: &LogOptions) -> Targets {
    let LogOptions { level: Level(level), crates, .. } = options;
    let own = crates.iter().map(|name| (*name, *level));
    Targets::new()
        .with_default((*level).min(LevelFilter::WARN))
        // It logs the body of an answer that it cannot read, at any level.
        .with_target("kube_client::client", LevelFilter::OFF)
        .with_target(env!("CARGO_CRATE_NAME"), *level)
        .with_targets(own)
}
