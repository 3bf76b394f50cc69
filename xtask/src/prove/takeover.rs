//! From ours to upstream's controller and back, with the same objects.

use super::write_result;
use anyhow::{Context, ensure};
use e2e::kro::{Kro, SOON, instance, is_active, object, rgd};
use e2e::{Options, Process, Program, User, wait_for};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a controller is watched doing nothing but taking over.
const CALM: Duration = Duration::from_secs(20);

/// Every child of the instance by path: its UID and its resourceVersion.
type Children = BTreeMap<String, (String, String)>;

/// Brings an instance up with ours, hands it to `upstream` and back, and writes down what that did
/// to its children. Fails if one is created anew, or if the instance is ever not ACTIVE under ours.
pub(super) async fn run(upstream: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let ours = e2e::binaries::release_binary("controller", "kro-controller")?;
    let mut rows = String::new();
    let kro = start(&ours).await?;
    kro.apply(DEFINITION).await?;
    kro.wait_served("shop").await?;
    let one = instance("shops", "one");
    kro.create(&one, &object("Shop", "one", &json!({"items": ["a", "b", "c"]}))).await?;
    kro.wait_active("shops", "one").await?;
    let mut before = children(&kro).await?;
    ensure!(before.len() == 5, "{before:?}");

    kro.controller.kill()?;
    let other = kro.plane.run(program("kro-upstream", upstream, &kro))?;
    for (step, (name, process)) in
        [("upstream", &other), ("ours", &kro.controller)].into_iter().enumerate()
    {
        if step > 0 {
            other.kill()?;
            kro.controller.restart()?;
        }
        let (after, states) = calm(&kro, process).await?;
        let written = compare(&before, &after)?;
        let count = after.len();
        let always = states.iter().eq(["ACTIVE"]);
        ensure!(always || name == "upstream", "{states:?}: {}", process.log_tail(20));
        // A change of the spec arrives, an item that is not wanted goes.
        let colour = format!("colour-{step}");
        let items = if step == 0 { json!(["a", "b"]) } else { json!(["a", "b", "c"]) };
        kro.patch(&one, &json!({"spec": {"colour": colour, "items": items}})).await?;
        let settled = |config: &Value| config["data"]["colour"] == colour.as_str();
        kro.wait("/api/v1/namespaces/default/configmaps/one-config", "follows", settled).await?;
        kro.wait_active("shops", "one").await?;
        let third = "/api/v1/namespaces/other/configmaps/one-c";
        if step == 0 {
            kro.wait_gone(third).await?;
        } else {
            kro.wait(third, "is there", |_| true).await?;
        }
        before = children(&kro).await?;
        let states: Vec<String> = states.into_iter().collect();
        writeln!(rows, "| {name} | {count} | 0 | {written} | {} | yes |", states.join(", "))?;
    }
    kro.delete(&one).await?;
    kro.wait_gone(&one).await?;
    let left = children(&kro).await?;
    ensure!(left.is_empty(), "left behind: {left:?}");
    kro.delete(&rgd("shop")).await?;

    let mut text = String::from("# Takeover, both ways\n\n");
    text.push_str("`cargo xtask prove takeover --upstream BINARY`: an instance with a ConfigMap, a Deployment and a collection in another namespace is brought up by ours, goes on under upstream's controller, and comes back.\n");
    writeln!(
        text,
        "The state is read five times a second for {} s after each change of hands; then the spec is changed.\n",
        CALM.as_secs()
    )?;
    text.push_str("| taken over by | children | created anew | written | states of the instance | a changed spec arrives |\n| --- | --- | --- | --- | --- | --- |\n");
    text.push_str(&rows);
    text.push_str(
        "\nThe version label differs between the two.\nIn the end ours deletes everything.\n",
    );
    write_result("takeover.md", text, started)
}

/// The control plane with the CRDs, and ours on it.
async fn start(ours: &Path) -> anyhow::Result<Kro> {
    let plane = e2e::ControlPlane::start(Options::with_nodes()).await?;
    let crds = e2e::stack::file("crates/controller/crds");
    plane.kubectl(&["apply", "--server-side", "-f", &crds]).await?;
    let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
    plane.kubectl(&established).await?;
    let program = controller("kro-controller", ours, &plane);
    let controller = plane.run(program)?;
    Ok(Kro { controller, plane })
}

fn program(name: &str, path: &Path, kro: &Kro) -> Program {
    controller(name, path, &kro.plane)
}

fn controller(name: &str, path: &Path, plane: &e2e::ControlPlane) -> Program {
    Program::new(name, path)
        .arg("--kubeconfig")
        .arg(plane.kubeconfig(User::KroController))
        .args(["--health-probe-bind-address=127.0.0.1:0", "--metrics-bind-address=127.0.0.1:0"])
}

/// Looks at the instance for a while. Returns its children, and the states that it was in; in the
/// end that has to be ACTIVE.
async fn calm(kro: &Kro, process: &Process) -> anyhow::Result<(Children, BTreeSet<String>)> {
    let path = instance("shops", "one");
    let until = Instant::now() + CALM;
    let mut states = BTreeSet::new();
    while Instant::now() < until {
        let one = kro.get(&path).await?.context("the instance is gone")?;
        states.insert(one["status"]["state"].as_str().unwrap_or("none").to_owned());
        if let Some(status) = process.ended()? {
            anyhow::bail!("{status}: {}", process.log_tail(20));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let end = kro.get(&path).await?.context("the instance is gone")?;
    ensure!(is_active(&end), "{}\n{}", end["status"], process.log_tail(20));
    Ok((children(kro).await?, states))
}

/// The objects that kro manages, once all Deployments say that they are there.
async fn children(kro: &Kro) -> anyhow::Result<Children> {
    let lists = ["/api/v1/configmaps", "/apis/apps/v1/deployments"];
    wait_for("the Deployment is available", SOON, async || {
        let mut found = Children::new();
        for list in lists {
            let selected = format!("{list}?labelSelector=kro.run%2Fowned%3Dtrue");
            let answer = kro.send(http::Method::GET, &selected, &Value::Null).await?;
            for item in answer["items"].as_array().into_iter().flatten() {
                let metadata = |key: &str| item["metadata"][key].as_str().unwrap_or("").to_owned();
                let name = format!("{list} {}/{}", metadata("namespace"), metadata("name"));
                if list.ends_with("deployments") && item["status"]["availableReplicas"] != 1 {
                    return Ok(None);
                }
                found.insert(name, (metadata("uid"), metadata("resourceVersion")));
            }
        }
        Ok(Some(found))
    })
    .await
}

/// How many children were written; none may be created anew, gone or new.
fn compare(before: &Children, after: &Children) -> anyhow::Result<usize> {
    let uids = |children: &Children| -> BTreeMap<String, String> {
        children.iter().map(|(name, (uid, _))| (name.clone(), uid.clone())).collect()
    };
    ensure!(uids(before) == uids(after), "{before:#?}\n{after:#?}");
    Ok(before.iter().filter(|(name, child)| after.get(*name) != Some(child)).count())
}

const DEFINITION: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: kro.run/v1alpha1
kind: ResourceGraphDefinition
metadata: {name: shop}
spec:
  schema:
    apiVersion: v1alpha1
    kind: Shop
    spec: {colour: string | default=plain, items: "[]string"}
    status: {colour: "${config.data.colour}", available: "${web.status.availableReplicas}"}
  resources:
  - id: config
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-config"}
      data: {colour: "${schema.spec.colour}"}
  - id: web
    readyWhen: ["${web.status.availableReplicas == 1}"]
    template:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: "${schema.metadata.name}-web"}
      spec:
        replicas: 1
        selector: {matchLabels: {app: "${schema.metadata.name}"}}
        template:
          metadata: {labels: {app: "${schema.metadata.name}"}}
          spec:
            containers:
            - name: web
              image: web:1
              env: [{name: CONFIG, value: "${config.metadata.name}"}]
  - id: parts
    forEach: [{part: "${schema.spec.items}"}]
    template:
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: "${schema.metadata.name}-${part}", namespace: other}
      data: {part: "${part}"}
"#;
