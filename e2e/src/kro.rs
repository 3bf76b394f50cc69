//! A control plane with `kro-controller` alone, for scenarios about kro itself.

use std::time::Duration;

use anyhow::{Context, ensure};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::{ControlPlane, Options, Process, Program, User, binaries::workspace_binary, wait_for};

/// How long something may take that takes a second on an idle machine.
pub const SOON: Duration = Duration::from_secs(60);

/// Flags of a controller that elects a leader within seconds.
pub const ELECTION: [&str; 5] = [
    "--leader-elect",
    "--leader-election-namespace=default",
    "--leader-election-lease-duration=4s",
    "--leader-election-renew-deadline=3s",
    "--leader-election-retry-period=500ms",
];

/// A control plane with the CRDs of kro, and its controller.
pub struct Kro {
    /// `kro-controller`.
    pub controller: Process,
    /// The control plane.
    pub plane: ControlPlane,
}

/// The path of definitions, or of one.
#[must_use]
pub fn rgd(name: &str) -> String {
    format!("/apis/kro.run/v1alpha1/resourcegraphdefinitions/{name}")
}

/// The path of a revision.
#[must_use]
pub fn revision(name: &str) -> String {
    format!("/apis/internal.kro.run/v1alpha1/graphrevisions/{name}")
}

/// The path of a CRD.
#[must_use]
pub fn crd(name: &str) -> String {
    format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
}

/// The path of all instances in the namespace `default`.
#[must_use]
pub fn instances(plural: &str) -> String {
    format!("/apis/kro.run/v1alpha1/namespaces/default/{plural}")
}

/// The path of an instance in the namespace `default`.
#[must_use]
pub fn instance(plural: &str, name: &str) -> String {
    format!("{}/{name}", instances(plural))
}

/// The path of a ConfigMap in the namespace `default`.
#[must_use]
pub fn config_map(name: &str) -> String {
    format!("/api/v1/namespaces/default/configmaps/{name}")
}

/// A definition of `kind` with these fields of the spec, and these resources.
#[must_use]
pub fn definition(name: &str, kind: &str, fields: &Value, resources: &Value) -> Value {
    json!({
        "apiVersion": "kro.run/v1alpha1",
        "kind": "ResourceGraphDefinition",
        "metadata": {"name": name},
        "spec": {
            "schema": {"apiVersion": "v1alpha1", "kind": kind, "spec": fields},
            "resources": resources,
        },
    })
}

/// A resource that is a ConfigMap with one value.
#[must_use]
pub fn config(id: &str, name: &str, value: &str) -> Value {
    json!({
        "id": id,
        "template": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": {"key": value},
        },
    })
}

/// An instance in the namespace `default`.
#[must_use]
pub fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "kro.run/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    })
}

/// The status of a condition, or "".
#[must_use]
pub fn condition<'a>(object: &'a Value, kind: &str) -> &'a str {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .find(|entry| entry["type"] == kind)
        .and_then(|it| it["status"].as_str())
        .unwrap_or("")
}

impl Kro {
    /// Starts the API server and the controller, with these flags beside the usual ones.
    ///
    /// # Errors
    ///
    /// A program is missing or does not come up.
    pub async fn start(flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_on(Options::api_server(), flags).await
    }

    /// Starts a control plane and the controller.
    ///
    /// # Errors
    ///
    /// As [`Kro::start`].
    pub async fn start_on(options: Options, flags: &[&str]) -> anyhow::Result<Self> {
        let plane = ControlPlane::start(options).await?;
        let crds = crate::stack::file("crates/controller/crds");
        plane.kubectl(&["apply", "--server-side", "-f", &crds]).await?;
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
        plane.kubectl(&established).await?;
        let controller = plane.run(program(&plane, flags)?)?;
        Ok(Self { controller, plane })
    }

    /// Kills the controller and starts it again.
    ///
    /// # Errors
    ///
    /// It can't be started.
    pub fn restart(&self) -> anyhow::Result<()> {
        self.controller.kill()?;
        self.controller.restart()
    }

    /// Sends a request, and returns the answer.
    ///
    /// # Errors
    ///
    /// The API server's.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let content = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("Content-Type", content)
            .body(body)?;
        Ok(self.plane.client().request(request).await?)
    }

    /// Creates an object; the path is that of the object, of which the last part is left out.
    ///
    /// # Errors
    ///
    /// The API server's.
    pub async fn create(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        let (collection, _) = path.rsplit_once('/').context("a path has parts")?;
        self.send(Method::POST, collection, object).await
    }

    /// Creates a definition.
    ///
    /// # Errors
    ///
    /// The API server's.
    pub async fn define(&self, definition: &Value) -> anyhow::Result<Value> {
        self.create(&rgd(""), definition).await
    }

    /// Applies YAML as a user would.
    ///
    /// # Errors
    ///
    /// kubectl's.
    pub async fn apply(&self, yaml: &str) -> anyhow::Result<()> {
        self.plane.kubectl_with(&["apply", "-f", "-"], yaml).await.map(drop)
    }

    /// Changes an object by a merge patch.
    ///
    /// # Errors
    ///
    /// The API server's.
    pub async fn patch(&self, path: &str, patch: &Value) -> anyhow::Result<Value> {
        self.send(Method::PATCH, path, patch).await
    }

    /// Deletes an object.
    ///
    /// # Errors
    ///
    /// The API server's.
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        self.send(Method::DELETE, path, &Value::Null).await.map(drop)
    }

    /// The object at `path`; `None` when there is none.
    ///
    /// # Errors
    ///
    /// The API server does not answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let request = Request::get(path).body(Vec::new())?;
        match self.plane.client().request(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The revisions of a definition, as the field selector finds them, by number.
    ///
    /// # Errors
    ///
    /// The API server does not answer.
    pub async fn revisions(&self, rgd: &str) -> anyhow::Result<Vec<Value>> {
        let selector = format!("fieldSelector=spec.snapshot.name%3D{rgd}");
        let path = format!("/apis/internal.kro.run/v1alpha1/graphrevisions?{selector}");
        let mut list = self.send(Method::GET, &path, &Value::Null).await?;
        let Value::Array(mut items) = list["items"].take() else { return Ok(Vec::new()) };
        items.sort_by_key(|item| item["spec"]["revision"].as_i64());
        Ok(items)
    }

    /// Waits until `found` holds for the object, and returns it.
    ///
    /// # Errors
    ///
    /// Not [soon](SOON); what was seen last, and the end of the log, are part of the error.
    pub async fn wait(
        &self,
        path: &str,
        what: &str,
        found: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        wait_for(format!("{path}: {what}"), SOON, async || {
            let object = self.get(path).await?.context("it does not exist")?;
            ensure!(found(&object), "{object:#}");
            Ok(Some(object))
        })
        .await
        .with_context(|| self.controller.log_tail(20))
    }

    /// Waits until there is nothing at `path`.
    ///
    /// # Errors
    ///
    /// Not [soon](SOON).
    pub async fn wait_gone(&self, path: &str) -> anyhow::Result<()> {
        wait_for(format!("{path} is gone"), SOON, async || match self.get(path).await? {
            Some(object) => anyhow::bail!("{object:#}"),
            None => Ok(Some(())),
        })
        .await
        .with_context(|| self.controller.log_tail(20))
    }

    /// Waits until the definition is Active at its generation, and returns it.
    ///
    /// # Errors
    ///
    /// As [`Kro::wait`].
    pub async fn wait_served(&self, name: &str) -> anyhow::Result<Value> {
        self.wait(&rgd(name), "is Active", is_served).await
    }

    /// Waits until the instance is ACTIVE with the spec that it has, and returns it.
    ///
    /// # Errors
    ///
    /// As [`Kro::wait`].
    pub async fn wait_active(&self, plural: &str, name: &str) -> anyhow::Result<Value> {
        self.wait(&instance(plural, name), "is ACTIVE", is_active).await
    }
}

/// Whether a definition is Active, and everything about it is about its generation.
#[must_use]
pub fn is_served(rgd: &Value) -> bool {
    rgd["status"]["state"] == "Active" && is_ready(rgd)
}

/// Whether an instance is ACTIVE with the spec that it has.
#[must_use]
pub fn is_active(instance: &Value) -> bool {
    instance["status"]["state"] == "ACTIVE" && is_ready(instance)
}

fn is_ready(object: &Value) -> bool {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|entry| {
        entry["type"] == "Ready"
            && entry["status"] == "True"
            && entry["observedGeneration"] == object["metadata"]["generation"]
    })
}

/// `kro-controller` on a control plane, with these flags beside the usual ones.
///
/// # Errors
///
/// It can't be built.
pub fn program(plane: &ControlPlane, flags: &[&str]) -> anyhow::Result<Program> {
    let binary = workspace_binary("controller", "kro-controller")?;
    Ok(Program::new("kro-controller", binary)
        .arg("--kubeconfig")
        .arg(plane.kubeconfig(User::KroController))
        .args(["--health-probe-bind-address=127.0.0.1:0", "--metrics-bind-address=127.0.0.1:0"])
        .args(flags.iter().copied()))
}
