//! More than one instance.

use anyhow::ensure;
use e2e::stack::{SOON, Stack};
use e2e::{Options, scenario, wait_for};
use std::fmt::Write as _;

const INSTANCES: usize = 50;

#[test]
fn two_namespaces_do_not_disturb_each_other() {
    scenario(async || {
        let stack = Stack::running(Options::with_controllers()).await?;
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        for namespace in ["one", "two"] {
            stack.plane.kubectl(&["create", "namespace", namespace]).await?;
            stack.apply(&application(namespace, "my-app", namespace)).await?;
        }
        let active = |object: &serde_json::Value| object["status"]["state"] == "ACTIVE";
        for namespace in ["one", "two"] {
            stack.wait_in(namespace, "application", "my-app", "is ACTIVE", active).await?;
        }
        stack
            .plane
            .kubectl(&["delete", "application", "my-app", "-n", "one", "--timeout=60s"])
            .await?;
        ensure!(stack.get("deployment", "one", "my-app-one").await?.is_none(), "left behind");
        ensure!(stack.get("deployment", "two", "my-app-two").await?.is_some(), "taken along");
        Ok(())
    });
}

#[test]
fn fifty_instances_at_once() {
    scenario(async || {
        let stack = Stack::running(Options::api_server()).await?;
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        let mut yaml = String::new();
        for number in 0..INSTANCES {
            writeln!(yaml, "{}---", application("default", &format!("app-{number}"), "x"))?;
        }
        stack.apply(&yaml).await?;
        wait_for("all instances are ACTIVE", SOON * 2, async || {
            let args = ["get", "applications", "-o=jsonpath={.items[*].status.state}"];
            let states = stack.plane.kubectl(&args).await?;
            let active = states.split_whitespace().filter(|state| *state == "ACTIVE").count();
            ensure!(active == INSTANCES, "{active} of {INSTANCES}");
            Ok(Some(()))
        })
        .await
    });
}

fn application(namespace: &str, name: &str, suffix: &str) -> String {
    format!(
        "apiVersion: kro.run/v1alpha1\nkind: Application\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {{name: {name}-{suffix}, image: 'my-app:latest', bucketName: {name}-{suffix}-data}}\n"
    )
}
