//! What scenarios and the demo run: a control plane, the AWS endpoint, and both controllers.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use aws_emulator::Emulator;
use serde_json::Value;

use crate::{ControlPlane, Options, Process, Program, User, binaries::workspace_binary, wait_for};

/// How long something may take that takes a second on an idle machine.
pub const SOON: Duration = Duration::from_secs(60);

/// A control plane with the CRDs of kro and ACK, and an AWS endpoint. No controller runs yet.
pub struct Stack {
    /// Dropped first: what runs on the control plane.
    pub kro: Option<Process>,
    /// `ack-controller`, once it was started.
    pub ack: Option<Process>,
    /// The AWS endpoint, in this process.
    pub aws: Emulator,
    /// The control plane.
    pub plane: ControlPlane,
}

/// Where the controllers find the API server and AWS; proxies go here.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// A kubeconfig.
    pub kubeconfig: PathBuf,
    /// The AWS endpoint.
    pub aws: String,
}

impl Stack {
    /// Starts everything but the controllers.
    ///
    /// # Errors
    ///
    /// A program is missing or does not come up.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let plane = ControlPlane::start(options).await?;
        let aws = Emulator::start(aws_emulator::Options::default()).await?;
        for crds in ["crates/controller/crds", "crates/ack/crds"] {
            plane.kubectl(&["apply", "--server-side", "-f", &file(crds)]).await?;
        }
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
        plane.kubectl(&established).await?;
        Ok(Self { kro: None, ack: None, aws, plane })
    }

    /// And both controllers.
    ///
    /// # Errors
    ///
    /// As [`Stack::start`].
    pub async fn running(options: Options) -> anyhow::Result<Self> {
        let mut stack = Self::start(options).await?;
        stack.start_kro(&stack.direct(User::KroController))?;
        stack.start_ack(&stack.direct(User::AckController))?;
        Ok(stack)
    }

    /// The endpoints without proxies.
    #[must_use]
    pub fn direct(&self, user: User) -> Endpoints {
        Endpoints { kubeconfig: self.plane.kubeconfig(user), aws: self.aws.url() }
    }

    /// Starts `kro-controller`.
    ///
    /// # Errors
    ///
    /// It can't be built or started.
    pub fn start_kro(&mut self, endpoints: &Endpoints) -> anyhow::Result<()> {
        let program =
            Program::new("kro-controller", workspace_binary("controller", "kro-controller")?)
                .arg("--kubeconfig")
                .arg(&endpoints.kubeconfig)
                .args(["--health-probe-bind-address=127.0.0.1:0", "--metrics-bind-address=0"]);
        self.kro = Some(self.plane.run(program)?);
        Ok(())
    }

    /// Starts `ack-controller`.
    ///
    /// # Errors
    ///
    /// It can't be built or started.
    pub fn start_ack(&mut self, endpoints: &Endpoints) -> anyhow::Result<()> {
        self.start_ack_with(endpoints, &[])
    }

    /// Starts `ack-controller` with further arguments.
    ///
    /// # Errors
    ///
    /// It can't be built or started.
    pub fn start_ack_with(
        &mut self,
        endpoints: &Endpoints,
        arguments: &[&str],
    ) -> anyhow::Result<()> {
        let binary = workspace_binary("ack", "ack-controller")?;
        self.ack = Some(self.plane.run(ack_program(binary, endpoints).args(arguments))?);
        Ok(())
    }

    /// `kro-controller`.
    ///
    /// # Errors
    ///
    /// It was not started.
    pub fn kro(&self) -> anyhow::Result<&Process> {
        self.kro.as_ref().context("kro-controller was not started")
    }

    /// `ack-controller`.
    ///
    /// # Errors
    ///
    /// It was not started.
    pub fn ack(&self) -> anyhow::Result<&Process> {
        self.ack.as_ref().context("ack-controller was not started")
    }

    /// Applies a file of the example as a user would.
    ///
    /// # Errors
    ///
    /// kubectl's.
    pub async fn apply_example(&self, name: &str) -> anyhow::Result<()> {
        let path = file(&format!("examples/application/{name}"));
        self.plane.kubectl(&["apply", "-f", &path]).await.map(drop)
    }

    /// Applies YAML.
    ///
    /// # Errors
    ///
    /// kubectl's.
    pub async fn apply(&self, yaml: &str) -> anyhow::Result<()> {
        self.plane.kubectl_with(&["apply", "-f", "-"], yaml).await.map(drop)
    }

    /// An object of one of the kinds that the example has; `None` when there is none.
    ///
    /// # Errors
    ///
    /// The API server does not answer, or the kind is another.
    pub async fn get(
        &self,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> anyhow::Result<Option<Value>> {
        let path = path(kind, namespace, name)?;
        let request = http::Request::get(path).body(Vec::new())?;
        match self.plane.client().request(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until `found` holds for the object, and returns it.
    ///
    /// # Errors
    ///
    /// Not [soon](SOON); the status that was seen last is part of the error.
    pub async fn wait(
        &self,
        kind: &str,
        name: &str,
        what: &str,
        found: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        self.wait_in("default", kind, name, what, found).await
    }

    /// As [`Stack::wait`], in any namespace.
    ///
    /// # Errors
    ///
    /// As [`Stack::wait`].
    pub async fn wait_in(
        &self,
        namespace: &str,
        kind: &str,
        name: &str,
        what: &str,
        found: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        wait_for(format!("{kind} {name}: {what}"), SOON, async || {
            let object = self.get(kind, namespace, name).await?.context("it does not exist")?;
            ensure!(found(&object), "{}", object["status"]);
            Ok(Some(object))
        })
        .await
        .with_context(|| self.logs())
    }

    /// Waits until the object is gone.
    ///
    /// # Errors
    ///
    /// Not [soon](SOON).
    pub async fn wait_gone(&self, kind: &str, name: &str) -> anyhow::Result<()> {
        wait_for(format!("{kind} {name} is gone"), SOON, async || {
            let object = self.get(kind, "default", name).await?;
            if let Some(object) = object {
                anyhow::bail!("{} {}", object["metadata"], object["status"]);
            }
            Ok(Some(()))
        })
        .await
        .with_context(|| self.logs())
    }

    /// Waits until the Application of the example is ACTIVE.
    ///
    /// # Errors
    ///
    /// As [`Stack::wait`].
    pub async fn wait_active(&self, name: &str) -> anyhow::Result<Value> {
        self.wait("application", name, "is ACTIVE", |object| object["status"]["state"] == "ACTIVE")
            .await
    }

    /// Waits until the definition of the example is served.
    ///
    /// # Errors
    ///
    /// As [`Stack::wait`].
    pub async fn wait_served(&self) -> anyhow::Result<Value> {
        self.wait("rgd", "application", "is Active", |object| object["status"]["state"] == "Active")
            .await
    }

    /// The ends of the controllers' logs.
    #[must_use]
    pub fn logs(&self) -> String {
        let tail = |process: &Option<Process>| {
            process.as_ref().map(|process| process.log_tail(15)).unwrap_or_default()
        };
        format!("kro-controller:\n{}\nack-controller:\n{}", tail(&self.kro), tail(&self.ack))
    }
}

/// How this `ack-controller` is started at those endpoints.
#[must_use]
pub fn ack_program(binary: PathBuf, endpoints: &Endpoints) -> Program {
    let aws = &endpoints.aws;
    Program::new("ack-controller", binary)
        .arg("--kubeconfig")
        .arg(&endpoints.kubeconfig)
        .args(["--aws-region=us-west-2", "--allow-unsafe-aws-endpoint-urls"])
        .arg(format!("--aws-endpoint-url={aws}"))
        .arg(format!("--aws-identity-endpoint-url={aws}"))
        .args(["--aws-endpoint-use-path-style", "--metrics-addr=0", "--healthz-addr=127.0.0.1:0"])
        .env("AWS_ACCESS_KEY_ID", "demo")
        .env("AWS_SECRET_ACCESS_KEY", "demo")
}

/// The message of the condition `kind`.
#[must_use]
pub fn message(object: &Value, kind: &str) -> String {
    condition(object, kind)["message"].as_str().unwrap_or("").to_owned()
}

/// The condition `kind`, or null.
#[must_use]
pub fn condition(object: &Value, kind: &str) -> Value {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.find(|entry| entry["type"] == kind).cloned().unwrap_or_default()
}

/// The path of an object at the API server.
fn path(kind: &str, namespace: &str, name: &str) -> anyhow::Result<String> {
    let (api, plural) = match kind {
        "rgd" => return Ok(format!("/apis/kro.run/v1alpha1/resourcegraphdefinitions/{name}")),
        "crd" => {
            let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
            return Ok(format!("{crds}/{name}"));
        }
        "application" => ("kro.run/v1alpha1", "applications"),
        "bucket" => ("s3.services.k8s.aws/v1alpha1", "buckets"),
        "table" => ("dynamodb.services.k8s.aws/v1alpha1", "tables"),
        "deployment" => ("apps/v1", "deployments"),
        _ => anyhow::bail!("the example has no {kind}"),
    };
    Ok(format!("/apis/{api}/namespaces/{namespace}/{plural}/{name}"))
}

/// A file of this project.
#[must_use]
pub fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".."));
    root.join(path).display().to_string()
}
