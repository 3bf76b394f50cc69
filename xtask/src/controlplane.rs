//! Builds the control plane of the scenarios from the Go modules in `e2e/controlplane`.
//!
//! What is built lies in `e2e/controlplane/bin`, which git ignores, and is reused while its inputs
//! (sources, pinned modules, flags, Go version) are unchanged.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process,
    time::Instant,
};

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use e2e::binaries;
use sha2::{Digest, Sha256};

/// What can be done with the control plane.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Build it, unless it is built already
    Build,
}

/// Runs a `cargo xtask controlplane` command.
pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Build => build(),
    }
}

/// Runs something that needs the control plane, which is built for it.
///
/// # Errors
///
/// It can't be built, or what is run fails.
pub(crate) fn on_control_plane(
    what: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    build()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(what)
}

/// One Go program, built from a module of ours into one file.
struct Program {
    /// Name of the file in the `bin` directory.
    name: &'static str,
    /// Directory of the module, below `e2e/controlplane`.
    module: &'static str,
    /// The package to build, as seen from the module.
    package: &'static str,
    /// Files of the module that decide what is built.
    sources: &'static [&'static str],
    /// Names by which the program is called, links to the file.
    links: &'static [&'static str],
    /// Whether the version of Kubernetes is stamped into it.
    stamped: bool,
}

const PROGRAMS: [Program; 4] = [
    Program {
        name: "controlplane",
        module: ".",
        package: ".",
        sources: &["main.go", "go.mod", "go.sum"],
        links: &["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"],
        stamped: true,
    },
    Program {
        name: "kwok",
        module: "kwok",
        package: "sigs.k8s.io/kwok/cmd/kwok",
        sources: &["go.mod", "go.sum"],
        links: &[],
        stamped: false,
    },
    Program {
        name: "helm",
        module: "helm",
        package: "helm.sh/helm/v3/cmd/helm",
        sources: &["go.mod", "go.sum"],
        links: &[],
        stamped: false,
    },
    Program {
        name: "registry",
        module: "registry",
        package: "github.com/distribution/distribution/v3/cmd/registry",
        sources: &["go.mod", "go.sum"],
        links: &[],
        stamped: false,
    },
];

/// Builds what is missing or was built from other inputs. Two runs at once wait for each other.
///
/// # Errors
///
/// Go is missing and something has to be built, or a build fails.
pub(crate) fn build() -> anyhow::Result<()> {
    let bin = binaries::directory();
    let modules = bin.parent().context("the bin directory lies in the modules' directory")?;
    fs::create_dir_all(&bin).with_context(|| format!("can't create {}", bin.display()))?;
    let lock = fs::File::create(bin.join(".lock"))?;
    lock.lock().context("can't lock the directory of the control plane")?;

    let go = go_version()?;
    let version = kubernetes_version(&fs::read_to_string(modules.join("go.mod"))?)?;
    for program in &PROGRAMS {
        let flags = program.linker_flags(&version);
        let inputs = program.inputs(modules, &go, &flags)?;
        let stamp = bin.join(format!(".{}.inputs", program.name));
        if program.is_built(&bin)? && fs::read_to_string(&stamp).is_ok_and(|old| old == inputs) {
            continue;
        }
        // A build that is cut off must not look current.
        remove(&stamp)?;
        program.build(modules, &bin, &flags)?;
        fs::write(&stamp, inputs)?;
    }
    Ok(())
}

impl Program {
    fn linker_flags(&self, version: &str) -> String {
        let mut flags = "-s -w".to_owned();
        if self.stamped {
            let minor = version.split('.').nth(1).unwrap_or_default();
            for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
                for (name, value) in [("Version", version), ("Major", "1"), ("Minor", minor)] {
                    flags.push_str(&format!(" -X {package}.git{name}={value}"));
                }
            }
        }
        flags
    }

    /// The hash of everything that decides what is built.
    fn inputs(&self, modules: &Path, go: &str, flags: &str) -> anyhow::Result<String> {
        let mut hash = Sha256::new();
        for part in [go, flags, self.package] {
            hash.update(part);
            hash.update([0]);
        }
        for source in self.sources {
            let path = modules.join(self.module).join(source);
            let content =
                fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
            hash.update(content);
            hash.update([0]);
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn is_built(&self, bin: &Path) -> io::Result<bool> {
        for name in self.links.iter().copied().chain([self.name]) {
            if !bin.join(name).try_exists()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn build(&self, modules: &Path, bin: &Path, flags: &str) -> anyhow::Result<()> {
        eprintln!("building {} (once; this takes some minutes) …", self.name);
        let started = Instant::now();
        let unfinished: PathBuf = bin.join(format!(".{}.new", self.name));
        let status = process::Command::new("go")
            .current_dir(modules.join(self.module))
            .env("CGO_ENABLED", "0")
            .env("GOFLAGS", "-mod=readonly")
            .args(["build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o"])
            .arg(&unfinished)
            .arg(self.package)
            .status()
            .context("can't run go")?;
        ensure!(status.success(), "go could not build {} ({status})", self.name);
        fs::rename(&unfinished, bin.join(self.name))?;
        for link in self.links {
            remove(&bin.join(link))?;
            symlink(self.name, bin.join(link))?;
        }
        eprintln!("built {} in {} s", self.name, started.elapsed().as_secs());
        Ok(())
    }
}

/// The version of Go that is installed, as `go version` prints it.
fn go_version() -> anyhow::Result<String> {
    match process::Command::new("go").arg("version").output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(output) => {
            bail!("`go version` fails: {}", String::from_utf8_lossy(&output.stderr).trim())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
            "Go is missing: the control plane (kube-apiserver, etcd and others) is built with it. \
             Install Go 1.24 or newer (https://go.dev/dl), or your system's package `golang`"
        ),
        Err(error) => Err(error).context("can't run go"),
    }
}

/// The version of Kubernetes that a `go.mod` requires.
fn kubernetes_version(module: &str) -> anyhow::Result<String> {
    module
        .lines()
        .filter_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        .find_map(|version| version.split_whitespace().next())
        .map(str::to_owned)
        .context("go.mod requires no k8s.io/kubernetes")
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{PROGRAMS, kubernetes_version};

    #[test]
    fn the_version_of_kubernetes_is_the_one_that_is_required() {
        let module = "require (\n\tk8s.io/kubectl v0.0.0\n\tk8s.io/kubernetes v1.34.4 // x\n)\n";
        assert_eq!(kubernetes_version(module).expect("there"), "v1.34.4");
        assert!(kubernetes_version("require k8s.io/kubectl v0.0.0").is_err());
    }

    #[test]
    fn it_is_stamped_into_what_reports_it() {
        let [controlplane, kwok, helm, registry] = &PROGRAMS;
        let flags = controlplane.linker_flags("v1.34.4");
        for package in ["component-base/version", "client-go/pkg/version"] {
            for value in ["gitVersion=v1.34.4", "gitMajor=1", "gitMinor=34"] {
                assert!(flags.contains(&format!(" -X k8s.io/{package}.{value}")), "{flags}");
            }
        }
        for program in [kwok, helm, registry] {
            assert_eq!(program.linker_flags("v1.34.4"), "-s -w");
        }
    }
}
