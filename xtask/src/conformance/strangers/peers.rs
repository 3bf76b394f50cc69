//! The strangers: where they come from, and how they are started and stopped.

use super::{ACCOUNT, store};
use anyhow::{Context, bail};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a stranger may take to start; a machine that is busy starts Java slowly.
const PATIENCE: Duration = Duration::from_secs(300);

const EVERYTHING: &[&str] =
    &["cloudformation", "dynamodb", "ec2", "iam", "s3", "s3control", "sns", "sqs", "sts"];

/// An independent implementation.
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// What of AWS it knows.
    pub(super) services: &'static [&'static str],
    /// The account that callers have there.
    pub(super) account: &'static str,
    port: u16,
    command: Command,
}

impl Peer {
    /// Whether it knows all services that the emulator has.
    pub(super) fn knows_everything(&self) -> bool {
        self.services.len() == EVERYTHING.len()
    }

    /// Starts it, lets somebody ask it, and ends it.
    pub(super) fn ask<T>(
        &mut self,
        ask: impl FnOnce(&str) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        eprintln!("asking {} …", self.name);
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("{} can't be started", self.name))?;
        let mut running = Running(child);
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = running.0.try_wait()? {
                bail!("{} ended before it served: {status}", self.name);
            }
            anyhow::ensure!(started.elapsed() < PATIENCE, "{} does not start", self.name);
            std::thread::sleep(Duration::from_millis(100));
        }
        ask(&format!("http://127.0.0.1:{}", self.port))
    }
}

/// Ends with whoever holds it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Whether what is in a folder was made of this text; a run that was broken off left none.
fn is_made_of(folder: &Path, text: &str) -> bool {
    std::fs::read_to_string(folder.join("made-of")).is_ok_and(|made_of| made_of == text)
}

fn say_made_of(folder: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(folder.join("made-of"), text)
}

/// Python with boto3 and moto, installed below `target`; or why there is none.
pub(super) fn python(root: &Path) -> Result<PathBuf, String> {
    let requirements = root.join("conformance/aws/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).map_err(|error| error.to_string())?;
    let folder = store(root).join("venv");
    let python = folder.join("bin/python");
    if is_made_of(&folder, &wanted) {
        return Ok(python);
    }
    eprintln!("installing boto3 and moto …");
    let done = |what: &str, command: &mut Command| match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{what}: {}", said.trim().lines().last().unwrap_or_default()))
        }
        Err(error) => Err(format!("{what}: {error}")),
    };
    done("no Python", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    done("packages can't be had", install.arg(&requirements))?;
    say_made_of(&folder, &wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

/// moto, which knows everything a little.
pub(super) fn moto(python: &Path) -> anyhow::Result<Peer> {
    let port = free_port()?;
    let mut command = Command::new(python.with_file_name("moto_server"));
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    Ok(Peer { name: "moto", services: EVERYTHING, account: ACCOUNT, port, command })
}

/// DynamoDB Local and ElasticMQ, fetched by Maven.
pub(super) fn in_java(root: &Path) -> anyhow::Result<Vec<Peer>> {
    let description = root.join("conformance/aws/pom.xml");
    let wanted = std::fs::read_to_string(&description)?;
    let folder = store(root).join("jars");
    if !is_made_of(&folder, &wanted) {
        eprintln!("fetching DynamoDB Local and ElasticMQ …");
        let status = Command::new("mvn")
            .args(["--quiet", "--batch-mode", "--file"])
            .arg(&description)
            .arg("dependency:copy-dependencies")
            .arg(format!("-DoutputDirectory={}", folder.display()))
            .status()
            .context("Maven can't be started")?;
        anyhow::ensure!(status.success(), "the jars can't be fetched ({status})");
        say_made_of(&folder, &wanted)?;
    }
    let java = || {
        let mut command = Command::new("java");
        // DynamoDB Local leaves a file where it is started.
        command.current_dir(store(root)).arg("-cp").arg(folder.join("*"));
        command
    };
    let port = free_port()?;
    let mut local = java();
    local
        .arg(format!("-Djava.library.path={}", folder.display()))
        .arg("com.amazonaws.services.dynamodbv2.local.main.ServerRunner")
        .args(["-inMemory", "-port", &port.to_string()]);
    let dynamodb = Peer {
        name: "dynamodb-local",
        services: &["dynamodb"],
        account: "000000000000",
        port,
        command: local,
    };
    let port = free_port()?;
    let mut queues = java();
    for (name, value) in [
        ("aws.accountId", ACCOUNT),
        ("aws.region", "us-west-2"),
        ("node-address.host", "127.0.0.1"),
        ("node-address.port", &port.to_string()),
        ("rest-sqs.bind-hostname", "127.0.0.1"),
        ("rest-sqs.bind-port", &port.to_string()),
        ("rest-stats.enabled", "false"),
    ] {
        queues.arg(format!("-D{name}={value}"));
    }
    queues.arg("org.elasticmq.server.Main");
    let sqs =
        Peer { name: "elasticmq", services: &["sqs"], account: ACCOUNT, port, command: queues };
    Ok(vec![dynamodb, sqs])
}
