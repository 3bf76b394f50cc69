//! What somebody changes by hand, and what is made of it. No resync and no requeue repairs
//! anything here: kro has neither.

use anyhow::ensure;
use e2e::stack::Stack;
use e2e::{Options, scenario};
use serde_json::Value;

#[test]
fn owned_fields_are_repaired_and_others_left_alone() {
    scenario(async || {
        let stack = Stack::running(Options::api_server()).await?;
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        stack.wait_active("my-app").await?;
        let kubectl = async |args: &[&str]| stack.plane.kubectl(args).await;

        kubectl(&["annotate", "deployment", "my-app", "team=blue"]).await?;
        kubectl(&[
            "patch",
            "deployment",
            "my-app",
            "--type=merge",
            "-p",
            r#"{"spec": {"paused": true}}"#,
        ])
        .await?;

        // A field is changed.
        kubectl(&["set", "image", "deployment/my-app", "app=evil"]).await?;
        let image = |object: &Value| {
            object["spec"]["template"]["spec"]["containers"][0]["image"] == "my-app:latest"
        };
        stack.wait("deployment", "my-app", "has its image again", image).await?;

        // A field is removed.
        let patch = r#"[{"op": "remove", "path": "/spec/template/spec/containers/0/env/1"}]"#;
        kubectl(&["patch", "deployment", "my-app", "--type=json", "-p", patch]).await?;
        let env = |object: &Value| {
            object["spec"]["template"]["spec"]["containers"][0]["env"].as_array().map(Vec::len)
                == Some(4)
        };
        let deployment = stack.wait("deployment", "my-app", "has its variables again", env).await?;

        ensure!(
            deployment["metadata"]["annotations"]["team"] == "blue",
            "{:#}",
            deployment["metadata"]
        );
        ensure!(deployment["spec"]["paused"] == true, "{:#}", deployment["spec"]);

        // The object is deleted.
        kubectl(&["delete", "deployment", "my-app"]).await?;
        let old = deployment["metadata"]["uid"].clone();
        stack
            .wait("deployment", "my-app", "exists again", |object| object["metadata"]["uid"] != old)
            .await?;
        stack.wait_active("my-app").await.map(drop)
    });
}
