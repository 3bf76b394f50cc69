use std::time::{Duration, Instant};

use e2e::{ControlPlane, Options, User};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn a_deployment_becomes_available() {
    e2e::scenario(async || {
        let start = Instant::now();
        let plane = ControlPlane::start(Options::with_nodes()).await?;
        println!("control plane with a node: {:?}", start.elapsed());

        let version = plane.kubectl(&["version"]).await?;
        let versions: Vec<&str> =
            version.lines().filter(|line| line.contains("v1.34.")).collect();
        assert_eq!(versions.len(), 2, "client and server are of 1.34:\n{version}");

        plane.kubectl(&["create", "deployment", "web", "--image=none", "--replicas=2"]).await?;
        let path = "-o=jsonpath={.status.availableReplicas}";
        e2e::wait_for("the Deployment is available", SOON, async || {
            let available = plane.kubectl(&["get", "deployment", "web", path]).await?;
            Ok((available == "2").then_some(()))
        })
        .await?;
        println!("Deployment available: {:?}", start.elapsed());

        // Owned objects go with their owner.
        plane.kubectl(&["delete", "deployment", "web"]).await?;
        e2e::wait_for("the Pods are gone", SOON, async || {
            let pods = plane.kubectl(&["get", "pods", "-o=name"]).await?;
            anyhow::ensure!(pods.is_empty(), "{pods}");
            Ok(Some(()))
        })
        .await?;

        let entries = plane.audit().entries().await?;
        assert_eq!(entries.creations("deployments", "default", "web"), 1, "{entries}");
        assert!(entries.clone().of(User::KubeScheduler).len() > 0);
        Ok(())
    });
}
