use std::time::Instant;

use e2e::{ControlPlane, Options, User, binaries};

use crate::SOON;

#[test]
fn a_deployment_becomes_available() {
    e2e::scenario(async || {
        let start = Instant::now();
        let plane = ControlPlane::start(Options::with_nodes()).await?;
        println!("control plane with a node: {:?}", start.elapsed());

        let version = plane.kubectl(&["version"]).await?;
        let versions: Vec<&str> = version.lines().filter(|line| line.contains("v1.34.")).collect();
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
        assert!(!entries.of(User::KubeScheduler).is_empty());
        Ok(())
    });
}

#[test]
fn an_api_server_alone_leaves_objects_as_they_are() {
    e2e::scenario(async || {
        let start = Instant::now();
        let plane = ControlPlane::start(Options::api_server()).await?;
        println!("API server: {:?}", start.elapsed());
        assert_eq!(plane.processes().len(), 2);

        plane
            .kubectl_with(
                &["apply", "--filename=-"],
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: notes}, data: {key: value}}",
            )
            .await?;
        let path = "-o=jsonpath={.data.key}";
        assert_eq!(plane.kubectl(&["get", "configmap", "notes", path]).await?, "value");

        let error = plane.kubectl(&["get", "configmap", "none"]).await.expect_err("not there");
        assert!(error.to_string().contains("NotFound"), "{error}");
        Ok(())
    });
}

#[test]
fn users_are_told_apart() {
    e2e::scenario(async || {
        let plane = ControlPlane::start(Options::api_server()).await?;
        for user in User::ALL {
            let kubeconfig = format!("--kubeconfig={}", plane.kubeconfig(user).display());
            let path = "-o=jsonpath={.status.userInfo.username} {.status.userInfo.groups[0]}";
            let who = plane.kubectl(&["auth", "whoami", &kubeconfig, path]).await?;
            assert_eq!(who, format!("{} system:masters", user.name()));
        }
        Ok(())
    });
}

#[test]
fn what_is_missing_is_named_with_the_remedy() {
    let missing = binaries::Missing("bin/etcd".into());
    insta::assert_snapshot!(missing, @"the control plane is not built (bin/etcd is missing): run `cargo xtask controlplane build`");
}
