//! The container images of the controllers, as OCI layouts, without a container engine.
//!
//! Two layers: Debian's C library and certificates, and the program. The same inputs make the same
//! bytes. x86_64 only; on another architecture it builds for that one, which nobody has tested.

use crate::controlplane;
use anyhow::{Context, bail, ensure};
use aws_emulator::Emulator;
use clap::{Args, ValueEnum};
use e2e::{ControlPlane, Options, Program, User, wait_for};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Debian packages of the base layer.
const PACKAGES: [&str; 3] = ["libc6", "libgcc-s1", "ca-certificates"];
/// Conversions between character sets, which nothing here asks for.
const GCONV: &str = "usr/lib/x86_64-linux-gnu/gconv";
/// Who runs the program: nobody in particular, never root.
const USER: &str = "1000:1000";

/// What goes into the image, and where that goes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Whose image; by default that of --program, or kro-controller
    #[arg(value_enum)]
    controller: Option<Controller>,
    /// The directory of the OCI layout; emptied first; by default target/image/CONTROLLER
    #[arg(long)]
    out: Option<PathBuf>,
    /// The program, if it is built already
    #[arg(long)]
    program: Option<PathBuf>,
    /// Let the program in the image work against an API server, in an otherwise empty root
    #[arg(long)]
    check: bool,
}

/// A program that has an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Controller {
    /// kro
    KroController,
    /// ACK
    AckController,
}

// === impl Controller ===

impl Controller {
    fn of(arguments: &Arguments) -> anyhow::Result<Self> {
        if let Some(named) = arguments.controller {
            return Ok(named);
        }
        let Some(program) = &arguments.program else { return Ok(Self::KroController) };
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        Self::value_variants()
            .iter()
            .copied()
            .find(|it| it.name() == name)
            .with_context(|| format!("whose program is {}? name the controller", program.display()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::KroController => "kro-controller",
            Self::AckController => "ack-controller",
        }
    }

    /// The crate.
    fn package(self) -> &'static str {
        match self {
            Self::KroController => "controller",
            Self::AckController => "ack",
        }
    }

    /// By which other name a Deployment of a published image calls it, in the working directory.
    fn alias(self) -> Option<&'static str> {
        match self {
            Self::KroController => None,
            Self::AckController => Some("bin/controller"),
        }
    }

    fn user(self) -> User {
        match self {
            Self::KroController => User::KroController,
            Self::AckController => User::AckController,
        }
    }
}

/// Builds the image, and starts the program in it once.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let controller = Controller::of(arguments)?;
    let name = controller.name();
    let program = match &arguments.program {
        Some(path) => path.clone(),
        None => e2e::binaries::release_binary(controller.package(), name)?,
    };
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("target/image").join(name));
    let work = out.with_extension("work");
    for directory in [&out, &work] {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
    }
    let (base, top) = (work.join("base"), work.join("top"));
    let packages = unpack(&work, &base)?;
    fs::create_dir_all(top.join("usr/bin"))?;
    let target = top.join("usr/bin").join(name);
    fs::copy(&program, &target).with_context(|| format!("can't copy {}", program.display()))?;
    fs::set_permissions(&target, fs::Permissions::from_mode(0o755))?;
    if let Some(alias) = controller.alias() {
        std::os::unix::fs::symlink("usr/bin", top.join("bin"))?;
        std::os::unix::fs::symlink(name, top.join(alias))?;
    }

    let layout = Layout::create(&out)?;
    let layers = [layout.layer(&base, &work)?, layout.layer(&top, &work)?];
    let version = env!("CARGO_PKG_VERSION");
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let config = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": USER,
            "Entrypoint": [format!("/usr/bin/{name}")],
            "WorkingDir": "/",
            "Env": ["SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "Labels": {
                "org.opencontainers.image.title": name,
                "org.opencontainers.image.version": version,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": layers.iter().map(|it| &it.diff).collect::<Vec<_>>()},
    });
    let config = layout.blob(&serde_json::to_vec(&config)?)?;
    let descriptor = |blob: &Blob, kind: &str| json!({"mediaType": kind, "digest": blob.digest, "size": blob.size});
    let tar = "application/vnd.oci.image.layer.v1.tar+gzip";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor(&config, "application/vnd.oci.image.config.v1+json"),
        "layers": layers.iter().map(|layer| descriptor(&layer.blob, tar)).collect::<Vec<_>>(),
    });
    let manifest = layout.blob(&serde_json::to_vec(&manifest)?)?;
    let bill =
        layout.blob(&serde_json::to_vec_pretty(&bill_of_materials(controller, &packages)?)?)?;
    let empty = layout.blob(b"{}")?;
    let of = descriptor(&manifest, "application/vnd.oci.image.manifest.v1+json");
    let attached = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/spdx+json",
        "config": descriptor(&empty, "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor(&bill, "application/spdx+json")],
        "subject": of,
    });
    let attached = layout.blob(&serde_json::to_vec(&attached)?)?;
    let mut image = of;
    image["annotations"] = json!({"org.opencontainers.image.ref.name": version});
    image["platform"] = json!({"architecture": architecture, "os": "linux"});
    let mut attachment = descriptor(&attached, "application/vnd.oci.image.manifest.v1+json");
    attachment["artifactType"] = "application/spdx+json".into();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [image, attachment],
    });
    fs::write(out.join("index.json"), serde_json::to_vec(&index)?)?;

    let root = assembled(&[&base, &top], &work)?;
    let said = call(inside(&root)?.arg(format!("/usr/bin/{name}")).arg("--version"))?;
    let said = said.trim();
    ensure!(said.contains(version), "the program in the image says {said:?}");
    let size: u64 = layers.iter().map(|layer| layer.blob.size).sum();
    eprintln!("{} ({} KiB compressed): {said}", out.display(), size / 1024);
    if arguments.check {
        controlplane::on_control_plane(check(controller, &root))?;
        eprintln!("in an empty root it resolves names, watches over TLS, and does its work");
    }
    fs::remove_dir_all(&work)?;
    Ok(())
}

/// Fetches and unpacks the packages; returns their names and versions.
fn unpack(work: &Path, root: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let archives = work.join("packages");
    fs::create_dir_all(&archives)?;
    fs::create_dir_all(root)?;
    call(Command::new("apt-get").current_dir(&archives).args(["download", "-q"]).args(PACKAGES))?;
    let mut packages = Vec::new();
    for entry in fs::read_dir(&archives)? {
        let archive = entry?.path();
        call(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(root))?;
        let field = |name: &str| {
            call(Command::new("dpkg-deb").arg("-f").arg(&archive).arg(name))
                .map(|text| text.trim().to_owned())
        };
        packages.push((field("Package")?, field("Version")?));
    }
    packages.sort();
    // What the packages' scripts would make, and nothing but what the program needs.
    for part in
        ["usr/share/doc", "usr/share/man", "usr/share/lintian", "usr/sbin", "usr/bin", GCONV]
    {
        let path = root.join(part);
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
    }
    let certificates = root.join("usr/share/ca-certificates/mozilla");
    let mut files: Vec<PathBuf> = fs::read_dir(&certificates)?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.sort();
    let mut bundle = String::new();
    for file in files {
        bundle.push_str(&fs::read_to_string(file)?);
    }
    fs::create_dir_all(root.join("etc/ssl/certs"))?;
    fs::write(root.join("etc/ssl/certs/ca-certificates.crt"), bundle)?;
    fs::write(root.join("etc/nsswitch.conf"), "hosts: files dns\n")?;
    fs::write(root.join("etc/passwd"), "kro:x:1000:1000::/:/sbin/nologin\n")?;
    fs::write(root.join("etc/group"), "kro:x:1000:\n")?;
    fs::create_dir_all(root.join("tmp"))?;
    // The loader is looked for in /lib64, which Debian's base-files make a link.
    for link in ["lib", "lib64"] {
        let (path, target) = (root.join(link), format!("usr/{link}"));
        if !path.exists() && root.join(&target).exists() {
            std::os::unix::fs::symlink(&target, &path)?;
        }
    }
    Ok(packages)
}

/// What the program is made of, as SPDX.
fn bill_of_materials(controller: Controller, debian: &[(String, String)]) -> anyhow::Result<Value> {
    let name = controller.name();
    let metadata = cargo_metadata::MetadataCommand::new().exec()?;
    let package = |kind: &str, name: &str, version: &str| {
        json!({
            "SPDXID": format!("SPDXRef-{kind}-{}-{}", plain(name), plain(version)),
            "name": name,
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": format!("pkg:{kind}/{name}@{version}"),
            }],
        })
    };
    let used = used_by(&metadata, controller.package())?;
    let crates = used.iter().map(|(name, version)| package("cargo", name, version));
    let debian = debian.iter().map(|(name, version)| package("deb", name, version));
    Ok(json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": format!("https://kro.run/spdx/{name}-{}", env!("CARGO_PKG_VERSION")),
        "creationInfo": {"created": "1970-01-01T00:00:00Z", "creators": ["Tool: cargo-xtask-image"]},
        "packages": crates.chain(debian).collect::<Vec<_>>(),
    }))
}

fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_ascii_alphanumeric() || it == '.' { it } else { '-' }).collect()
}

/// The crates that are linked into `package`, with their versions.
fn used_by(
    metadata: &cargo_metadata::Metadata,
    package: &str,
) -> anyhow::Result<std::collections::BTreeSet<(String, String)>> {
    let resolve = metadata.resolve.as_ref().context("cargo resolves nothing")?;
    let root = metadata.packages.iter().find(|it| it.name.as_str() == package);
    let mut open = vec![&root.with_context(|| format!("there is no {package}"))?.id];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == *id).context("no such node")?;
        let linked = |dep: &&cargo_metadata::NodeDep| {
            let normal = cargo_metadata::DependencyKind::Normal;
            dep.dep_kinds.iter().any(|kind| kind.kind == normal)
        };
        open.extend(node.deps.iter().filter(linked).map(|dep| &dep.pkg));
    }
    let of = |id: &&cargo_metadata::PackageId| metadata.packages.iter().find(|it| it.id == **id);
    let found = seen.iter().filter_map(of);
    Ok(found.map(|it| (it.name.to_string(), it.version.to_string())).collect())
}

/// The layers over each other, as a container engine shows them to the program.
fn assembled(layers: &[&Path], work: &Path) -> anyhow::Result<PathBuf> {
    let root = work.join("root");
    fs::create_dir_all(&root)?;
    for layer in layers {
        call(Command::new("cp").arg("-a").arg(layer.join(".")).arg(&root))?;
    }
    Ok(root)
}

/// A command to which a program of the image and its arguments are added: it sees nothing but the
/// image, and is the image's user where whoever builds it may become that.
fn inside(root: &Path) -> anyhow::Result<Command> {
    let mut command;
    if call(Command::new("id").arg("-u"))?.trim() == "0" {
        command = Command::new("chroot");
        command.arg(format!("--userspec={USER}"));
    } else {
        command = Command::new("unshare");
        command.args(["--map-root-user", "chroot"]);
    }
    command.arg(root);
    Ok(command)
}

/// Starts the controller in the image with an API server that it knows by name, and waits for its
/// requests: it has resolved the name, trusts the certificate, and speaks TLS. That of ACK is called
/// as a published Deployment calls it, and has to make a queue.
async fn check(controller: Controller, root: &Path) -> anyhow::Result<()> {
    let user = controller.user();
    let plane = ControlPlane::start(Options::api_server()).await?;
    let crds = e2e::stack::file(&format!("crates/{}/crds", controller.package()));
    plane.kubectl(&["apply", "--server-side", "-f", &crds]).await?;
    // What a container engine and a Pod add.
    fs::write(root.join("etc/hosts"), "127.0.0.1 localhost\n")?;
    fs::copy(plane.authority(), root.join("tmp/authority.crt"))?;
    let kubeconfig = fs::read_to_string(plane.kubeconfig(user))?
        .replace(&plane.authority().display().to_string(), "/tmp/authority.crt")
        .replace("https://127.0.0.1", "https://localhost");
    ensure!(kubeconfig.contains("https://localhost"), "no name in {kubeconfig}");
    fs::write(root.join("tmp/kubeconfig"), kubeconfig)?;
    let command = inside(root)?;
    let program = Program::new("image", which(&command)?).args(command.get_args());
    let aws = Emulator::start(aws_emulator::Options::default()).await?;
    let endpoint = aws.url().replace("http://127.0.0.1", "http://localhost");
    let program = match controller {
        Controller::KroController => program
            .args(["/usr/bin/kro-controller", "--kubeconfig=/tmp/kubeconfig"])
            .args(["--metrics-bind-address=0", "--health-probe-bind-address=127.0.0.1:0"]),
        Controller::AckController => program
            .args(["./bin/controller", "--kubeconfig=/tmp/kubeconfig", "--aws-region=us-west-2"])
            .args(["--allow-unsafe-aws-endpoint-urls", "--reconcile-resources=Queue"])
            .arg(format!("--aws-endpoint-url={endpoint}"))
            .arg(format!("--aws-identity-endpoint-url={endpoint}"))
            .args(["--metrics-addr=0", "--healthz-addr=127.0.0.1:0"])
            .env("AWS_ACCESS_KEY_ID", "check")
            .env("AWS_SECRET_ACCESS_KEY", "check"),
    };
    let process = plane.run(program)?;
    wait_for("the API server hears from the image", Duration::from_secs(60), async || {
        if let Some(status) = process.ended()? {
            bail!("it ended ({status})");
        }
        let heard = plane.audit().entries().await?.of(user);
        let watches = heard.iter().any(|entry| entry.is_watch() && entry.succeeded());
        Ok(watches.then_some(()))
    })
    .await
    .with_context(|| process.log_tail(20))?;
    match controller {
        Controller::KroController => Ok(()),
        Controller::AckController => {
            let queue = "apiVersion: sqs.services.k8s.aws/v1alpha1\nkind: Queue\n\
                         metadata: { name: q }\nspec: { queueName: q }\n";
            plane.kubectl_with(&["apply", "-f", "-"], queue).await?;
            let wait = ["wait", "--for=condition=ACK.ResourceSynced", "queue/q", "--timeout=60s"];
            plane.kubectl(&wait).await.with_context(|| process.log_tail(20)).map(drop)
        }
    }
}

/// Where a command's program lies; the harness starts programs by their path.
fn which(command: &Command) -> anyhow::Result<PathBuf> {
    let found = call(Command::new("which").arg(command.get_program()))?;
    Ok(PathBuf::from(found.trim()))
}

/// A directory in the OCI image layout.
struct Layout {
    blobs: PathBuf,
}

struct Blob {
    digest: String,
    size: u64,
}

struct Layer {
    blob: Blob,
    /// The digest before compression.
    diff: String,
}

// === impl Layout ===

impl Layout {
    fn create(out: &Path) -> anyhow::Result<Self> {
        let blobs = out.join("blobs/sha256");
        fs::create_dir_all(&blobs)?;
        fs::write(out.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(Self { blobs })
    }

    fn blob(&self, content: &[u8]) -> anyhow::Result<Blob> {
        let hash = sha256(content);
        fs::write(self.blobs.join(&hash), content)?;
        Ok(Blob { digest: format!("sha256:{hash}"), size: u64::try_from(content.len())? })
    }

    /// Packs a directory: sorted, without times and owners, so that it is always the same.
    fn layer(&self, root: &Path, work: &Path) -> anyhow::Result<Layer> {
        let tar = work.join("layer.tar");
        call(
            Command::new("tar")
                .args(["--format=gnu", "--sort=name", "--mtime=@0", "--owner=0", "--group=0"])
                .args(["--numeric-owner", "-C"])
                .arg(root)
                .arg("-cf")
                .arg(&tar)
                .arg("."),
        )?;
        let diff = format!("sha256:{}", sha256(&fs::read(&tar)?));
        call(Command::new("gzip").args(["-n", "-6", "-f"]).arg(&tar))?;
        let blob = self.blob(&fs::read(work.join("layer.tar.gz"))?)?;
        Ok(Layer { blob, diff })
    }
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Runs a program; what it writes, if it ends well.
fn call(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("can't run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
