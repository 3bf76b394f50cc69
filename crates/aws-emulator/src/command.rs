//! The emulator as a process: arguments, what it prints, and how it ends.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;

use crate::Emulator;
use crate::Fault;
use crate::Options;
use crate::RateLimit;
use crate::Settings;

/// An AWS endpoint for tests and demos: S3 buckets, DynamoDB tables, SQS queues and STS.
///
/// Signatures are not verified; bind it to loopback only.
/// It prints the environment variables by which SDKs and the AWS command line find it.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,

    /// The port to listen on; 0 for any that is free.
    #[arg(long, default_value_t = 4566)]
    port: u16,

    /// The account of every access key that no --access-key names.
    #[arg(long, default_value = "123456789012")]
    account: String,

    /// An access key of another account, as KEY=ACCOUNT. May be repeated.
    #[arg(long, value_name = "KEY=ACCOUNT", value_parser = pair)]
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

    /// A call that fails, as SERVICE.OPERATION=CODE (s3.PutBucketTagging=SlowDown). May be repeated.
    #[arg(long, value_name = "CALL=CODE", value_parser = fault)]
    fail: Vec<Fault>,

    /// How many calls each --fail lets fail; all of them unless given.
    #[arg(long, value_name = "CALLS", requires = "fail")]
    fail_times: Option<u64>,

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

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .filter(|(key, value)| !key.is_empty() && !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not of the form KEY=VALUE"))
}

/// Errors of a server come with 503, throttling of AWS JSON and the query protocol and all others with 400.
fn fault(text: &str) -> Result<Fault, String> {
    let (call, code) = pair(text)?;
    let (service, operation) = call
        .split_once('.')
        .filter(|call| crate::operations().contains(call))
        .ok_or_else(|| format!("`{call}` is no call that is served"))?;
    let status = match code.as_str() {
        "SlowDown" | "ServiceUnavailable" => 503,
        "InternalError" | "InternalFailure" | "InternalServerError" => 500,
        _ => 400,
    };
    let fault = Fault::error(status, &code, "As --fail asks for.").on(service, operation).always();
    Ok(fault)
}

impl Arguments {
    fn options(self) -> (Options, Vec<Fault>) {
        let mut settings = Settings {
            account: self.account,
            access_keys: self.access_key.into_iter().collect(),
            table_delay: Duration::from_millis(self.table_delay),
            queue_name_delay: Duration::from_millis(self.queue_name_delay),
            latency: Duration::from_millis(self.latency),
            staleness: Duration::from_millis(self.staleness),
            rate_limit: self.rate_limit.map(|per_second| RateLimit {
                per_second: f64::from(per_second),
                burst: per_second,
            }),
            foreign_buckets: self.foreign_bucket.into_iter().collect(),
            ..Settings::default()
        };
        settings.hosts.extend(self.host);
        let bind_address = SocketAddr::new(self.address, self.port);
        let times = self.fail_times;
        let faults = self.fail.into_iter().map(|fault| Fault { times, ..fault }).collect();
        (Options { bind_address, admin: self.admin, settings }, faults)
    }
}

/// Serves until SIGTERM or SIGINT; `say` gets the lines that tell how to reach it, once it serves.
///
/// # Errors
/// The address can't be bound, or signals can't be waited for.
pub fn run(arguments: Arguments, say: impl FnOnce(&str)) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(serve(arguments, say))
}

async fn serve(arguments: Arguments, say: impl FnOnce(&str)) -> anyhow::Result<()> {
    use tokio::signal::unix::SignalKind;
    use tokio::signal::unix::signal;
    let (options, faults) = arguments.options();
    let address = options.bind_address;
    // Before anybody can know of it: a signal must not come too early.
    let mut terminate = signal(SignalKind::terminate()).context("can't wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't wait for SIGINT")?;
    let emulator =
        Emulator::start(options).await.with_context(|| format!("can't listen on {address}"))?;
    for fault in faults {
        emulator.control().fail(fault);
    }
    say(&environment(&emulator.url()));
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    emulator.stop().await;
    Ok(())
}

/// What a shell takes so that SDKs and the AWS command line call the endpoint.
fn environment(url: &str) -> String {
    format!(
        "export AWS_ENDPOINT_URL={url}\nexport AWS_ACCESS_KEY_ID=test\n\
         export AWS_SECRET_ACCESS_KEY=test\nexport AWS_REGION=us-west-2\n\
         export AWS_DEFAULT_REGION=us-west-2\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Effect;

    #[test]
    fn faults_are_read_and_bounded() {
        let read = |extra: &[&str]| {
            let all = ["x", "--fail", "s3.CreateBucket=SlowDown"].iter().chain(extra);
            Arguments::try_parse_from(all).map(|arguments| arguments.options().1)
        };
        let faults = read(&["--fail-times", "2"]).unwrap();
        assert_eq!((faults[0].times, faults[0].service.as_deref()), (Some(2), Some("s3")));
        let Effect::Error { status, code, .. } = &faults[0].effect else { panic!("{faults:?}") };
        assert_eq!((*status, code.as_str()), (503, "SlowDown"));
        assert_eq!(read(&[]).unwrap()[0].times, None);
        assert!(read(&["--fail", "s3.Nonsense=X"]).is_err());
        assert!(read(&["--fail", "s3.CreateBucket"]).is_err());
    }
}
