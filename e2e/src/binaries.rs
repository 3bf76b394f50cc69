//! Where the programs of the control plane lie, and where the programs of this workspace do.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use anyhow::{Context, bail, ensure};
use thiserror::Error;

/// The programs of which a control plane consists.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// etcd 3.6.
    pub etcd: PathBuf,
    /// kube-apiserver.
    pub kube_apiserver: PathBuf,
    /// kube-controller-manager.
    pub kube_controller_manager: PathBuf,
    /// kube-scheduler.
    pub kube_scheduler: PathBuf,
    /// KWOK, which plays the nodes.
    pub kwok: PathBuf,
    /// kubectl, of the API server's version.
    pub kubectl: PathBuf,
}

/// A program of the control plane is not there.
#[derive(Debug, Error)]
#[error("the control plane is not built ({} is missing): run `cargo xtask controlplane build`", .0.display())]
pub struct Missing(pub PathBuf);

/// Where `cargo xtask controlplane build` puts what it builds.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("controlplane/bin")
}

/// Finds the programs of the control plane.
///
/// Those that lie in the directory `KUBEBUILDER_ASSETS`, where that is set, are preferred to the
/// ones built by `cargo xtask controlplane build`.
///
/// # Errors
///
/// One of them is in neither place.
pub fn locate() -> Result<Binaries, Missing> {
    let given = env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let find = |name: &str| {
        let built = directory().join(name);
        given
            .iter()
            .map(|directory| directory.join(name))
            .chain([built.clone()])
            .find(|path| path.is_file())
            .ok_or(Missing(built))
    };
    Ok(Binaries {
        etcd: find("etcd")?,
        kube_apiserver: find("kube-apiserver")?,
        kube_controller_manager: find("kube-controller-manager")?,
        kube_scheduler: find("kube-scheduler")?,
        kwok: find("kwok")?,
        kubectl: find("kubectl")?,
    })
}

/// Helm, of which only the scenarios of the chart have a use.
///
/// # Errors
///
/// It is not built.
pub fn helm() -> Result<PathBuf, Missing> {
    built("helm")
}

/// The registry for OCI artifacts, of which only the scenarios of the chart have a use.
///
/// # Errors
///
/// It is not built.
pub fn registry() -> Result<PathBuf, Missing> {
    built("registry")
}

fn built(name: &str) -> Result<PathBuf, Missing> {
    let path = directory().join(name);
    if path.is_file() { Ok(path) } else { Err(Missing(path)) }
}

/// The path of a binary of this workspace, built by cargo in the profile of the caller's tests;
/// built at most once in a process.
///
/// Where the environment names one (`KRO_CONTROLLER` for `kro-controller`), that is taken, and
/// nothing is built.
///
/// # Errors
///
/// Cargo can't build it, or the path that the environment names is no file.
pub fn workspace_binary(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    static BUILT: Mutex<BTreeMap<String, PathBuf>> = Mutex::new(BTreeMap::new());

    let variable = name.to_uppercase().replace('-', "_");
    if let Some(path) = env::var_os(&variable).map(PathBuf::from) {
        ensure!(path.is_file(), "{variable} names {}, which is no file", path.display());
        return Ok(path);
    }
    // Held while cargo runs, so that tests in parallel wait instead of starting it again.
    let mut built = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(path) = built.get(name) {
        return Ok(path.clone());
    }
    let path = build(package, name, !cfg!(debug_assertions))?;
    built.insert(name.to_owned(), path.clone());
    Ok(path)
}

/// The path of a binary of this workspace, built for release and with its version; nothing is
/// built where the environment names one.
///
/// # Errors
///
/// As [`workspace_binary`].
pub fn release_binary(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    let variable = name.to_uppercase().replace('-', "_");
    if let Some(path) = env::var_os(&variable).map(PathBuf::from) {
        ensure!(path.is_file(), "{variable} names {}, which is no file", path.display());
        return Ok(path);
    }
    build(package, name, true)
}

fn build(package: &str, name: &str, release: bool) -> anyhow::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--message-format=json-render-diagnostics"])
        .args(["--package", package, "--bin", name])
        .args(release.then_some("--release"))
        .envs(release.then_some(("KRO_VERSION", env!("CARGO_PKG_VERSION"))))
        .stdin(Stdio::null())
        .output()
        .context("can't run cargo")?;
    if !output.status.success() {
        bail!("can't build {name}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo built no binary {name} in package {package}"))
}
