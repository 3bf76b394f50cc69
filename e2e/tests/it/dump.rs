use e2e::{ControlPlane, Options, dump, dump::Selection};

use crate::SOON;

/// What a run ends with: a Deployment whose Pods are pending, as there is no node.
async fn run() -> anyhow::Result<(ControlPlane, String)> {
    let plane = ControlPlane::start(Options::with_controllers()).await?;
    plane.kubectl(&["create", "deployment", "web", "--image=none", "--replicas=2"]).await?;
    plane.kubectl(&["create", "service", "clusterip", "web", "--tcp=80"]).await?;
    let path = "-o=jsonpath={.status.unavailableReplicas} {.status.observedGeneration}";
    e2e::wait_for("the Deployment has its Pods", SOON, async || {
        let seen = plane.kubectl(&["get", "deployment", "web", path]).await?;
        anyhow::ensure!(seen == "2 1", "{seen}");
        Ok(Some(()))
    })
    .await?;
    let text = dump(&plane.client(), &Selection::all()).await?;
    Ok((plane, text))
}

#[test]
fn two_runs_dump_the_same() {
    e2e::scenario(async || {
        let (plane, one) = run().await?;
        let (_, other) = run().await?;
        assert!(one == other, "{}", difference(&one, &other));
        let dumped = ["Deployment apps/v1 default/web", "ReplicaSet apps/v1 default/web-"];
        for title in dumped.into_iter().chain(["Pod v1 default/web-", "Service v1 default/web"]) {
            assert!(one.contains(&format!("# {title}")), "{title} is not in\n{one}");
        }

        plane.kubectl(&["annotate", "service", "web", "by=hand"]).await?;
        let changed = dump(&plane.client(), &Selection::all()).await?;
        assert!(one != changed, "a change shows");
        let selection = Selection::all().only(&["deployments.apps"]).namespaces(&["default"]);
        let deployments = dump(&plane.client(), &selection).await?;
        let titles: Vec<&str> = deployments.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(titles, ["# Deployment apps/v1 default/web"]);
        Ok(())
    });
}

/// The lines that are in only one of two texts.
fn difference(one: &str, other: &str) -> String {
    let only = |in_this: &str, not_in: &str, mark: &str| -> String {
        let lines = in_this.lines().filter(|line| !not_in.lines().any(|l| l == *line));
        lines.map(|line| format!("{mark} {line}\n")).collect()
    };
    only(one, other, "-") + &only(other, one, "+")
}
