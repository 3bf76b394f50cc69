//! The controller as upstream's chart runs upstream's: with that command line, that environment and
//! those rights. What the chart renders is written down as facts, see `fixtures/upstream-chart`.

use crate::chart::{kubeconfig, role};
use crate::process::{address, fetch};
use anyhow::{Context, ensure};
use e2e::kro::{Kro, config, config_map, definition, instance, object};
use e2e::{ControlPlane, Options, Process, Program, binaries, scenario, wait_for};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const FACTS: &str = include_str!("../fixtures/upstream-chart/facts.yaml");

/// What a scenario has to choose otherwise than the chart does, by values that the chart has for it:
/// ports that are free, and the namespace that a file names in a pod.
const OURS: [(&str, &str); 2] =
    [("KRO_METRICS_BIND_ADDRESS", "127.0.0.1:0"), ("KRO_HEALTH_PROBE_BIND_ADDRESS", "127.0.0.1:0")];

fn text<'a>(facts: &'a Value, pointer: &str) -> anyhow::Result<&'a str> {
    facts.pointer(pointer).and_then(Value::as_str).with_context(|| format!("no {pointer}"))
}

/// Variables of the environment in an argument, filled in as the kubelet does.
fn filled_in(argument: &str, environment: &BTreeMap<String, String>) -> String {
    environment.iter().fold(argument.to_owned(), |argument, (name, value)| {
        argument.replace(&format!("$({name})"), value)
    })
}

/// The controller as the chart's Deployment would start it.
async fn run(plane: &ControlPlane, facts: &Value) -> anyhow::Result<Process> {
    let (account, namespace) = (text(facts, "/serviceAccount")?, text(facts, "/namespace")?);
    let mut environment: BTreeMap<String, String> =
        serde_json::from_value(facts["environment"].clone())?;
    for (name, value) in OURS {
        environment.insert(name.to_owned(), value.to_owned());
    }
    let arguments: Vec<String> = serde_json::from_value(facts["arguments"].clone())?;
    let arguments = arguments.iter().map(|argument| filled_in(argument, &environment));
    let binary = binaries::workspace_binary("controller", "kro-controller")?;
    let mut program = Program::new("kro-controller", binary)
        .args(arguments)
        .args([text(facts, "/leaderElectionNamespace")?, namespace])
        .env("KUBECONFIG", kubeconfig(plane, namespace, account).await?);
    for (name, value) in &environment {
        program = program.env(name, value);
    }
    plane.run(program)
}

/// Writes the account, its roles and its binding, as the chart does.
async fn install(plane: &ControlPlane, facts: &Value, mode: &str) -> anyhow::Result<()> {
    let (account, namespace) = (text(facts, "/serviceAccount")?, text(facts, "/namespace")?);
    plane.kubectl(&["create", "namespace", namespace]).await?;
    let namespaced = format!("--namespace={namespace}");
    plane.kubectl(&["create", "serviceaccount", account, &namespaced]).await?;
    let bound = text(facts, &format!("/{mode}/role"))?;
    let rules = &facts[mode]["rules"];
    let roles = match text(facts, &format!("/{mode}/label")) {
        Err(_) => vec![role(bound, &Map::new(), rules)],
        Ok(label) => {
            let labels = Map::from_iter([(label.to_owned(), "true".into())]);
            let mut all = role(bound, &Map::new(), &json!([]));
            all["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": labels}]});
            // What whoever uses this mode adds: rights for the kinds of definitions.
            let widgets = json!([{
                "apiGroups": ["kro.run"], "resources": ["widgets", "widgets/status"],
                "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"],
            }]);
            let own = text(facts, &format!("/{mode}/static"))?;
            vec![all, role(own, &labels, rules), role("widgets", &labels, &widgets)]
        }
    };
    for role in roles {
        plane.kubectl_with(&["create", "-f", "-"], &role.to_string()).await?;
    }
    let role = format!("--clusterrole={bound}");
    let subject = format!("--serviceaccount={namespace}:{account}");
    plane.kubectl(&["create", "clusterrolebinding", bound, &role, &subject]).await?;
    wait_for("the role has its rules", e2e::kro::SOON, async || {
        let found = plane.kubectl(&["get", "clusterrole", bound, "-o", "json"]).await?;
        let found: Value = serde_json::from_str(&found)?;
        Ok(found["rules"].as_array().is_some_and(|rules| !rules.is_empty()).then_some(()))
    })
    .await
}

/// The life of an instance: it comes, changes and goes, and nothing is forbidden.
fn serves(mode: &'static str) {
    scenario(async || {
        let facts: Value = serde_saphyr::from_str(FACTS)?;
        let plane = ControlPlane::start(Options::with_controllers()).await?;
        let crds = e2e::stack::file("crates/controller/crds");
        plane.kubectl(&["apply", "--server-side", "-f", &crds]).await?;
        let established = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
        plane.kubectl(&established).await?;
        install(&plane, &facts, mode).await?;
        let controller = run(&plane, &facts).await?;
        let kro = Kro { controller, plane };

        let spec = json!({"name": "string", "value": "string"});
        let resources = json!([config("map", "${schema.spec.name}", "${schema.spec.value}")]);
        kro.define(&definition("widget", "Widget", &spec, &resources)).await?;
        kro.wait_served("widget").await?;
        let probes = address(&kro.controller, "probes")?;
        for probe in ["/probes/liveness", "/probes/readiness"] {
            let (code, answer) = fetch(&probes, text(&facts, probe)?).await?;
            ensure!(code == 200, "{probe}: {answer}");
        }

        let path = instance("widgets", "one");
        let one = object("Widget", "one", &json!({"name": "one", "value": "first"}));
        kro.create(&path, &one).await?;
        kro.wait_active("widgets", "one").await?;
        let child = kro.get(&config_map("one")).await?.context("no child")?;
        ensure!(child["data"]["key"] == "first", "{child:#}");

        // One value changes, then the name: another object takes the place of the first.
        kro.patch(&path, &json!({"spec": {"value": "second"}})).await?;
        let changed = |child: &Value| child["data"]["key"] == "second";
        kro.wait(&config_map("one"), "is changed", changed).await?;
        kro.patch(&path, &json!({"spec": {"name": "other"}})).await?;
        kro.wait(&config_map("other"), "is there", changed).await?;
        kro.wait_gone(&config_map("one")).await?;
        kro.wait_active("widgets", "one").await?;

        kro.delete(&path).await?;
        kro.wait_gone(&path).await?;
        kro.wait_gone(&config_map("other")).await?;
        kro.delete(&e2e::kro::rgd("widget")).await?;
        kro.wait_gone(&e2e::kro::rgd("widget")).await?;

        let user = format!(
            "system:serviceaccount:{}:{}",
            text(&facts, "/namespace")?,
            text(&facts, "/serviceAccount")?
        );
        let sent = kro.plane.audit().entries().await?.filter(|entry| entry.user == user);
        ensure!(sent.iter().any(e2e::audit::Entry::is_write), "it wrote nothing as {user}");
        for entry in &sent {
            ensure!(entry.code != 403, "it may not {} {}", entry.verb, entry.uri);
        }
        Ok(())
    });
}

#[test]
fn upstreams_command_line_and_rights_are_enough() {
    serves("unrestricted");
}

#[test]
fn upstreams_rights_by_aggregation_are_enough() {
    serves("aggregation");
}
