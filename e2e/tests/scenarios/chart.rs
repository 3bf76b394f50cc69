//! The chart, installed by Helm; then the controller as the chart starts it, with the rights that
//! the chart gives it and no others.

use anyhow::{Context, ensure};
use e2e::kro::{config, definition, instance, is_active, is_served, object, rgd};
use e2e::stack::file;
use e2e::{ControlPlane, Options, Process, Program, User, binaries, scenario, wait_for};
use http::Request;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::Command;

/// Runs Helm as an administrator.
pub(crate) fn helm(plane: &ControlPlane, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(binaries::helm()?)
        .env("HOME", plane.directory())
        .env("KUBECONFIG", plane.kubeconfig(User::Admin))
        .args(args)
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    ensure!(output.status.success(), "helm {args:?}: {}", text(&output.stderr));
    Ok(text(&output.stdout))
}

/// A registry on loopback, and its address.
async fn registry(plane: &ControlPlane) -> anyhow::Result<(Process, String)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    drop(listener);
    let config = plane.directory().join("registry.yaml");
    let root = plane.directory().join("registry");
    let text = json!({
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": root}},
        "http": {"addr": address},
    });
    std::fs::write(&config, text.to_string())?;
    let program = Program::new("registry", binaries::registry()?).arg("serve").arg(config);
    let process = plane.run(program)?;
    wait_for("the registry listens", e2e::kro::SOON, async || {
        Ok(tokio::net::TcpStream::connect(&address).await.map(|_| Some(()))?)
    })
    .await
    .with_context(|| process.log_tail(20))?;
    Ok((process, address))
}

pub(crate) async fn get(plane: &ControlPlane, path: &str) -> anyhow::Result<Value> {
    Ok(plane.client().request(Request::get(path).body(Vec::new())?).await?)
}

async fn post(plane: &ControlPlane, path: &str, object: &Value) -> anyhow::Result<()> {
    let request = Request::post(path)
        .header("Content-Type", "application/json")
        .body(object.to_string().into_bytes())?;
    let _: Value = plane.client().request(request).await?;
    Ok(())
}

/// The controller as the Deployment of the chart would start it, as its service account.
async fn controller(plane: &ControlPlane) -> anyhow::Result<Program> {
    let path = "/apis/apps/v1/namespaces/kro-system/deployments/kro";
    let deployment = get(plane, path).await?;
    let args = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    let args: Vec<String> = serde_json::from_value(args.clone()).context("no arguments")?;
    Ok(Program::new("kro-controller", binaries::workspace_binary("controller", "kro-controller")?)
        .args(args)
        // Outside of a pod: ports that are free, and no file that names the namespace.
        .args(["--metrics-bind-address=127.0.0.1:0", "--health-probe-bind-address=127.0.0.1:0"])
        .arg("--leader-election-namespace=kro-system")
        .arg("--kubeconfig")
        .arg(kubeconfig(plane, "kro-system", "kro").await?))
}

/// A kubeconfig of a ServiceAccount, by a token of its own.
pub(crate) async fn kubeconfig(
    plane: &ControlPlane,
    namespace: &str,
    account: &str,
) -> anyhow::Result<PathBuf> {
    let namespace = format!("--namespace={namespace}");
    let token = plane.kubectl(&["create", "token", account, &namespace]).await?;
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {
            "server": plane.server(), "certificate-authority": plane.authority(),
        }}],
        "users": [{"name": "it", "user": {"token": token.trim()}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    });
    let path = plane.directory().join("service-account.kubeconfig");
    std::fs::write(&path, kubeconfig.to_string())?;
    Ok(path)
}

/// A ClusterRole.
pub(crate) fn role(name: &str, labels: &Map<String, Value>, rules: &Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": name, "labels": labels},
        "rules": rules,
    })
}

#[test]
fn the_chart_installs_upgrades_and_gives_the_rights_that_are_needed() {
    scenario(async || {
        let plane = ControlPlane::start(Options::with_controllers()).await?;
        let chart = file("charts/kro");
        helm(&plane, &["lint", "--strict", &chart])?;
        // As the mission says: from a registry.
        let (_registry, address) = registry(&plane).await?;
        let packages = plane.directory().join("packages").display().to_string();
        helm(&plane, &["package", &chart, "--destination", &packages])?;
        let package = std::fs::read_dir(&packages)?.next().context("no package")??.path();
        let repository = format!("oci://{address}/charts");
        let package = package.display().to_string();
        helm(&plane, &["push", &package, &repository, "--plain-http"])?;
        let published = format!("{repository}/kro");
        let install = [
            "install",
            "kro",
            &published,
            "--plain-http",
            "--namespace=kro-system",
            "--create-namespace",
        ];
        let aggregation = ["--set", "rbac.mode=aggregation"];
        helm(&plane, &[&install[..], &aggregation].concat())?;
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
        plane.kubectl(&established).await?;
        // What the user of the chart adds: rights for the kinds of this definition.
        let labels =
            Map::from_iter([("rbac.kro.run/aggregate-to-controller".to_owned(), "true".into())]);
        let rules = json!([{
            "apiGroups": ["kro.run"], "resources": ["widgets", "widgets/status"],
            "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
        }]);
        let role = role("widgets", &labels, &rules);
        post(&plane, "/apis/rbac.authorization.k8s.io/v1/clusterroles", &role).await?;
        let process = plane.run(controller(&plane).await?)?;
        let resources = json!([config("map", "${schema.spec.name}", "fixed")]);
        let widget = definition("widget", "Widget", &json!({"name": "string"}), &resources);
        post(&plane, rgd("").trim_end_matches('/'), &widget).await?;
        let seen = async |path: &str, good: fn(&Value) -> bool| {
            wait_for(path, e2e::kro::SOON, async || {
                let found = get(&plane, path).await?;
                ensure!(good(&found), "{found:#}");
                Ok(Some(()))
            })
            .await
            .with_context(|| process.log_tail(20))
        };
        seen(&rgd("widget"), is_served).await?;
        let widgets = instance("widgets", "");
        let one = object("Widget", "one", &json!({"name": "one"}));
        post(&plane, widgets.trim_end_matches('/'), &one).await?;
        seen(&instance("widgets", "one"), is_active).await?;
        ensure!(!process.log().contains("forbidden"), "{}", process.log());

        // An upgrade to the mode that is the default, with two replicas.
        let two = "deployment.replicaCount=2,podDisruptionBudget.enabled=true";
        let upgrade = ["upgrade", "kro", &chart, "--namespace=kro-system", "--set", two];
        helm(&plane, &upgrade)?;
        let path = "/apis/apps/v1/namespaces/kro-system/deployments/kro";
        let deployment = get(&plane, path).await?;
        ensure!(deployment["spec"]["replicas"] == 2, "{deployment:#}");
        helm(&plane, &["uninstall", "kro", "--namespace=kro-system"])?;
        // Definitions and instances outlive the release.
        get(&plane, &rgd("widget")).await.map(drop)
    });
}
