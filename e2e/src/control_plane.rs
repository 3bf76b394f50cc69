use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::{
    Api, Client,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;

use crate::{
    audit::AuditLog,
    binaries::{self, Binaries},
    control_plane::programs::Ports,
    credentials::{Credentials, User, write_kubeconfig},
    process::{Process, Program},
    reaper,
    wait::wait_for,
};

mod outage;
mod programs;

/// How long the parts of a control plane may take to come up, on a busy machine.
const START: Duration = Duration::from_secs(120);
/// How long one call of kubectl may take.
const KUBECTL: Duration = Duration::from_secs(180);

/// Which parts of a control plane a scenario needs. Less is faster.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// Run kube-controller-manager: Deployments make Pods (which stay pending), owners take what
    /// they own along, namespaces can be deleted.
    pub controller_manager: bool,
    /// Run kube-scheduler and one KWOK node: Pods become ready.
    pub nodes: bool,
}

impl Options {
    /// etcd and the API server alone: objects stay what they were written as.
    #[must_use]
    pub fn api_server() -> Self {
        Self { controller_manager: false, nodes: false }
    }

    /// And kube-controller-manager.
    #[must_use]
    pub fn with_controllers() -> Self {
        Self { controller_manager: true, nodes: false }
    }

    /// And kube-scheduler and a node: Deployments become available.
    #[must_use]
    pub fn with_nodes() -> Self {
        Self { controller_manager: true, nodes: true }
    }
}

/// A Kubernetes control plane on loopback. Dropping it ends it and removes everything that it wrote.
///
/// With `E2E_KEEP` set in the environment its directory (logs, audit log, kubeconfigs) is kept, and
/// its path is written to standard error.
pub struct ControlPlane {
    // Dropped in this order: first what writes to the directory.
    processes: Vec<Process>,
    audit: AuditLog,
    client: Client,
    binaries: Binaries,
    server: String,
    authority: PathBuf,
    directory: Directory,
}

impl ControlPlane {
    /// Starts a control plane, and returns when all its parts work.
    ///
    /// The API server has RBAC on, knows the [users](User), has priority and fairness off and no
    /// limit on requests in flight, and writes an [audit log](AuditLog).
    ///
    /// # Errors
    ///
    /// A program is missing ([`binaries::Missing`]) or does not come up; the end of its log is part
    /// of the error.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let binaries = binaries::locate()?;
        // A port that was free a moment ago can be taken when the server wants it.
        for _ in 0..3 {
            match Self::start_once(options, &binaries).await {
                Err(error) if format!("{error:#}").contains("address already in use") => {}
                done => return done,
            }
        }
        Self::start_once(options, &binaries).await
    }

    async fn start_once(options: Options, binaries: &Binaries) -> anyhow::Result<Self> {
        let directory = Directory::new()?;
        let path = directory.path();
        let credentials = Credentials::write(path)?;
        let audit_policy = path.join("audit-policy.yaml");
        fs::write(&audit_policy, AuditLog::POLICY)?;
        let audit_log = path.join("audit.log");
        let ports = Ports::free()?;
        let server = format!("https://127.0.0.1:{}", ports.api_server);
        for user in User::ALL {
            let secured = Some((credentials.authority.as_path(), user));
            write_kubeconfig(&kubeconfig_path(path, user), &server, secured)?;
        }
        let client = client(&kubeconfig_path(path, User::Admin)).await?;

        let run = |program: Program| Process::start(program.env("HOME", path), path);
        // The API server waits for etcd by itself.
        let mut processes = vec![
            run(programs::etcd(&binaries.etcd, path, &ports))?,
            run(programs::kube_apiserver(
                &binaries.kube_apiserver,
                &ports,
                &credentials,
                &audit_policy,
                &audit_log,
            ))?,
        ];
        wait_until_up("the API server is ready", &processes, async || {
            let ready = client.request_text(http::Request::get("/readyz").body(Vec::new())?);
            Ok((ready.await? == "ok").then_some(()))
        })
        .await?;

        if options.controller_manager {
            processes.push(run(programs::kube_controller_manager(
                &binaries.kube_controller_manager,
                &kubeconfig_path(path, User::KubeControllerManager),
                &credentials,
            ))?);
        }
        if options.nodes {
            let kubeconfig = kubeconfig_path(path, User::KubeScheduler);
            processes.push(run(programs::kube_scheduler(&binaries.kube_scheduler, &kubeconfig))?);
            let kubeconfig = kubeconfig_path(path, User::Kwok);
            processes.push(run(programs::kwok(&binaries.kwok, &kubeconfig))?);
            let node: Node = serde_json::from_value(serde_json::json!({
                "metadata": { "name": "node-0", "annotations": { "kwok.x-k8s.io/node": "fake" } },
            }))?;
            Api::<Node>::all(client.clone()).create(&PostParams::default(), &node).await?;
        }
        if options.controller_manager {
            // Without it no Pod can be made.
            let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
            wait_until_up("the default service account exists", &processes, async || {
                Ok(accounts.get_opt("default").await?.map(drop))
            })
            .await?;
        }
        if options.nodes {
            let nodes = Api::<Node>::all(client.clone());
            wait_until_up("the node is ready", &processes, async || {
                let node = nodes.get("node-0").await?;
                let conditions = node.status.and_then(|status| status.conditions);
                let ready = conditions
                    .into_iter()
                    .flatten()
                    .any(|condition| condition.type_ == "Ready" && condition.status == "True");
                Ok(ready.then_some(()))
            })
            .await?;
        }
        Ok(Self {
            processes,
            audit: AuditLog::new(audit_log, client.clone()),
            client,
            binaries: binaries.clone(),
            server,
            authority: credentials.authority,
            directory,
        })
    }

    /// A client that acts as [`User::Admin`].
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Where the API server listens: `https://127.0.0.1:PORT`.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The certificate of the authority that signed the API server's.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// A kubeconfig with which a program acts as `user`.
    #[must_use]
    pub fn kubeconfig(&self, user: User) -> PathBuf {
        kubeconfig_path(self.directory(), user)
    }

    /// Writes a kubeconfig for a [proxy](crate::Proxy) before the API server; it holds no token,
    /// as the proxy adds its own.
    ///
    /// # Errors
    ///
    /// The file can't be written.
    pub fn kubeconfig_through(&self, name: &str, url: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory().join(format!("{name}.proxied.kubeconfig"));
        write_kubeconfig(&path, url, None)?;
        Ok(path)
    }

    /// The log of all requests that the API server answered.
    #[must_use]
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// The directory of this control plane, for whatever a scenario wants to write; it goes with it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Starts a program with its log and its `HOME` in the directory of this control plane.
    ///
    /// # Errors
    ///
    /// As [`Process::start`].
    pub fn run(&self, program: Program) -> anyhow::Result<Process> {
        Process::start(program.env("HOME", self.directory()), self.directory())
    }

    /// The processes of which it consists.
    #[must_use]
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The kubectl that fits the API server.
    #[must_use]
    pub fn kubectl_path(&self) -> &Path {
        &self.binaries.kubectl
    }

    /// Runs kubectl as [`User::Admin`]; returns what it printed, without trailing white space.
    ///
    /// # Errors
    ///
    /// kubectl fails (what it wrote to standard error is the message) or takes longer than three
    /// minutes.
    pub async fn kubectl(&self, args: &[&str]) -> anyhow::Result<String> {
        self.kubectl_with(args, "").await
    }

    /// As [`ControlPlane::kubectl`], with something on standard input (`apply -f -`).
    ///
    /// # Errors
    ///
    /// As [`ControlPlane::kubectl`].
    pub async fn kubectl_with(&self, args: &[&str], input: &str) -> anyhow::Result<String> {
        let called = || format!("kubectl {}", args.join(" "));
        let mut child = tokio::process::Command::new(&self.binaries.kubectl)
            .args(args)
            .env_clear()
            .env("KUBECONFIG", self.kubeconfig(User::Admin))
            .env("HOME", self.directory())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("can't start kubectl")?;
        let mut stdin = child.stdin.take().context("kubectl has no standard input")?;
        let run = async {
            // A kubectl that does not read its input closes it, which is no failure.
            let _ = stdin.write_all(input.as_bytes()).await;
            drop(stdin);
            child.wait_with_output().await
        };
        let output = tokio::time::timeout(KUBECTL, run)
            .await
            .with_context(|| format!("{} takes too long", called()))??;
        ensure!(
            output.status.success(),
            "{} fails: {}",
            called(),
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(String::from_utf8(output.stdout)?.trim_end().to_owned())
    }
}

/// A temporary directory that goes even when this process is killed, or is kept on request.
#[derive(Debug)]
enum Directory {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Directory {
    fn new() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("e2e-").tempdir()?;
        if env::var_os("E2E_KEEP").is_some() {
            let path = directory.keep();
            tell_kept(&path);
            return Ok(Self::Kept(path));
        }
        reaper::started(reaper::Entry::Directory(directory.path()))?;
        Ok(Self::Temporary(directory))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }
}

#[expect(clippy::print_stderr, reason = "asked for by a person who sets E2E_KEEP")]
fn tell_kept(directory: &Path) {
    eprintln!("kept: {}", directory.display());
}

impl Drop for Directory {
    fn drop(&mut self) {
        match self {
            // Only what is gone for sure is taken off the reaper's list.
            Self::Temporary(directory) if fs::remove_dir_all(directory.path()).is_ok() => {
                let _ = reaper::ended(reaper::Entry::Directory(directory.path()));
            }
            Self::Temporary(_) | Self::Kept(_) => {}
        }
    }
}

fn kubeconfig_path(directory: &Path, user: User) -> PathBuf {
    directory.join(format!("{}.kubeconfig", user.name()))
}

async fn client(kubeconfig: &Path) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Waits for something that processes bring about; fails at once when one of them ends.
async fn wait_until_up(
    what: &str,
    processes: &[Process],
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<()>>,
) -> anyhow::Result<()> {
    let mut dead = None;
    let result = wait_for(what, START, async || {
        for process in processes {
            if let Some(status) = process.ended()? {
                dead = Some((process, status));
                return Ok(Some(()));
            }
        }
        look().await
    })
    .await;
    if let Some((process, status)) = dead {
        bail!("{process} ended ({status}); its log ends with\n{}", process.log_tail(20));
    }
    result.with_context(|| {
        let tails = processes.iter().map(|process| format!("{process}:\n{}", process.log_tail(10)));
        format!(
            "the control plane does not come up; its logs end with\n{}",
            tails.collect::<Vec<_>>().join("\n")
        )
    })
}

impl Ports {
    /// Free ports, all different. Nothing keeps them free until they are used.
    fn free() -> anyhow::Result<Self> {
        let listeners = [bind()?, bind()?, bind()?];
        let mut ports = [0; 3];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            *port = listener.local_addr()?.port();
        }
        let [api_server, etcd_clients, etcd_peers] = ports;
        Ok(Self { api_server, etcd_clients, etcd_peers })
    }
}

fn bind() -> anyhow::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0").context("there is no free port on loopback")
}
