//! `aws-emulator`: the emulator as a process of its own.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use aws_emulator::Emulator;
use aws_emulator::Options;
use aws_emulator::RateLimit;
use aws_emulator::Settings;
use clap::Parser;

/// An AWS endpoint for tests and demos: S3 buckets, DynamoDB tables, SQS queues and STS.
///
/// Signatures are not verified; bind it to loopback only.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:4566")]
    bind_address: SocketAddr,

    /// The account of every access key that no --access-key names.
    #[arg(long, default_value = "123456789012")]
    account: String,

    /// An access key of another account, as KEY=ACCOUNT. May be repeated.
    #[arg(long, value_name = "KEY=ACCOUNT", value_parser = key_value)]
    access_key: Vec<(String, String)>,

    /// How long a table stays CREATING, UPDATING or DELETING, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    table_delay: u64,

    /// How long the name of a deleted queue can't be used again, in milliseconds (60000 on AWS).
    #[arg(long, value_name = "MS", default_value_t = 0)]
    queue_name_delay: u64,

    /// How long every answer is held back, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,

    /// For how long reads may show what was there before a change, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    staleness: u64,

    /// Calls per second that one account may make to one service; more are throttled.
    #[arg(long, value_name = "CALLS")]
    rate_limit: Option<u32>,

    /// A bucket name that belongs to somebody else. May be repeated.
    #[arg(long, value_name = "NAME")]
    foreign_bucket: Vec<String>,

    /// A host name below which S3 requests may name their bucket. May be repeated.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,

    /// Serves /_emulator/… for control by other processes.
    #[arg(long)]
    admin: bool,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, account)| !key.is_empty() && !account.is_empty())
        .map(|(key, account)| (key.to_owned(), account.to_owned()))
        .ok_or_else(|| format!("`{text}` is not of the form KEY=ACCOUNT"))
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the address is this program's output")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let mut settings = Settings {
        account: arguments.account,
        access_keys: arguments.access_key.into_iter().collect(),
        table_delay: Duration::from_millis(arguments.table_delay),
        queue_name_delay: Duration::from_millis(arguments.queue_name_delay),
        latency: Duration::from_millis(arguments.latency),
        staleness: Duration::from_millis(arguments.staleness),
        rate_limit: arguments
            .rate_limit
            .map(|per_second| RateLimit { per_second: f64::from(per_second), burst: per_second }),
        foreign_buckets: arguments.foreign_bucket.into_iter().collect(),
        ..Settings::default()
    };
    settings.hosts.extend(arguments.host);
    let options =
        Options { bind_address: arguments.bind_address, admin: arguments.admin, settings };
    let emulator = Emulator::start(options)
        .await
        .with_context(|| format!("can't listen on {}", arguments.bind_address))?;
    println!("{}", emulator.url());
    wait_for_signal().await?;
    emulator.stop().await;
    Ok(())
}

async fn wait_for_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted.context("can't wait for SIGINT"),
    }
}
