//! Nothing changes, so nothing is asked for.

use std::time::Duration;

use anyhow::ensure;
use e2e::stack::Stack;
use e2e::{Options, User, scenario};

/// How long the world is watched.
const WHILE: Duration = Duration::from_secs(60);

#[test]
fn a_steady_state_causes_no_request() {
    scenario(async || {
        let stack = Stack::running(Options::with_nodes()).await?;
        stack.apply_example("rgd.yaml").await?;
        stack.wait_served().await?;
        stack.apply_example("instance.yaml").await?;
        stack.wait_active("my-app").await?;
        stack
            .wait("deployment", "my-app", "is available", |object| {
                object["status"]["availableReplicas"] == 1
            })
            .await?;
        // What the last change of the Deployment caused may still be under way.
        tokio::time::sleep(Duration::from_secs(3)).await;
        quiet(&stack).await?;

        // After a restart: lists, reads of schemas, one read of everything at AWS. No write.
        let mark = stack.plane.audit().mark().await?;
        let calls = stack.aws.control().calls().len();
        stack.kro()?.kill()?;
        stack.ack()?.kill()?;
        stack.kro()?.restart()?;
        stack.ack()?.restart()?;
        tokio::time::sleep(Duration::from_secs(10)).await;
        let entries = stack.plane.audit().since(mark).await?;
        for user in [User::KroController, User::AckController] {
            let writes: Vec<_> = entries
                .iter()
                .filter(|entry| entry.user == user.name() && entry.is_write())
                .collect();
            ensure!(writes.is_empty(), "a restart wrote: {writes:#?}");
        }
        let calls: Vec<String> = stack.aws.control().calls()[calls..]
            .iter()
            .map(|call| call.operation.clone())
            .collect();
        // Each part of each resource is read once.
        let reads =
            |call: &&String| ["Get", "List", "Describe"].iter().any(|p| call.starts_with(p));
        ensure!(calls.iter().all(|call| reads(&call)), "a restart changed something: {calls:?}");
        let once: std::collections::BTreeSet<&String> = calls.iter().collect();
        ensure!(once.len() == calls.len(), "something was read twice: {calls:?}");
        quiet(&stack).await
    });
}

/// No request but watches and leases, for a minute.
async fn quiet(stack: &Stack) -> anyhow::Result<()> {
    let mark = stack.plane.audit().mark().await?;
    let calls = stack.aws.control().calls().len();
    tokio::time::sleep(WHILE).await;
    for user in [User::KroController, User::AckController] {
        let requests = stack.plane.audit().since(mark).await?.of(user).but_watches_and_leases();
        ensure!(requests.is_empty(), "{}: {requests:#?}", user.name());
    }
    let calls = &stack.aws.control().calls()[calls..];
    ensure!(calls.is_empty(), "{calls:#?}");
    Ok(())
}
