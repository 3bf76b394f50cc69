//! GraphRevisions: issued, kept, collected, adopted; over restarts, too.

use anyhow::{Context, ensure};
use e2e::kro::{Kro, condition, config, config_map, definition, instance, object, revision, rgd};
use e2e::stack::message;
use e2e::{Options, User, scenario, wait_for};
use serde_json::{Value, json};

fn widget(value: &str) -> Value {
    let resources = json!([config("map", "${schema.spec.name}", value)]);
    definition("widget", "Widget", &json!({"name": "string"}), &resources)
}

async fn update(kro: &Kro, value: &str) -> anyhow::Result<Value> {
    let patch = json!({"spec": {"resources": widget(value)["spec"]["resources"]}});
    kro.patch(&rgd("widget"), &patch).await
}

async fn issued(kro: &Kro, number: i64) -> anyhow::Result<Value> {
    kro.wait(&rgd("widget"), &format!("serves revision {number}"), |rgd| {
        e2e::kro::is_served(rgd) && rgd["status"]["lastIssuedRevision"] == number
    })
    .await
}

fn numbers(revisions: &[Value]) -> Vec<i64> {
    revisions.iter().filter_map(|one| one["spec"]["revision"].as_i64()).collect()
}

#[test]
fn a_revision_is_a_snapshot_that_nobody_changes() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.define(&widget("one")).await?;
        let served = issued(&kro, 1).await?;
        let one = kro.wait(&revision("widget-r00001"), "is there", |_| true).await?;
        let metadata = &one["metadata"];
        ensure!(metadata["labels"]["kro.run/owned"] == "true", "{metadata}");
        ensure!(
            metadata["labels"]["kro.run/resource-graph-definition-name"] == "widget",
            "{metadata}"
        );
        let hash = metadata["labels"]["kro.run/graph-revision-hash"].as_str().unwrap_or("");
        ensure!(hash.len() == 16, "{metadata}");
        let owner = &metadata["ownerReferences"][0];
        ensure!(
            owner["controller"] == true && owner.get("blockOwnerDeletion").is_none(),
            "{owner}"
        );
        ensure!(owner["uid"] == served["metadata"]["uid"], "{owner}");
        ensure!(metadata["finalizers"] == json!(["kro.run/finalizer"]), "{metadata}");
        ensure!(one["spec"]["snapshot"]["spec"] == served["spec"], "{one:#}");
        ensure!(one["spec"]["snapshot"]["generation"] == 1, "{one:#}");
        ensure!(condition(&one, "GraphVerified") == "True", "{one:#}");
        ensure!(condition(&one, "Ready") == "True", "{one:#}");
        ensure!(one["status"]["topologicalOrder"] == json!(["map"]), "{one:#}");
        let error = kro
            .patch(&revision("widget-r00001"), &json!({"spec": {"revision": 7}}))
            .await
            .err()
            .map(|error| error.to_string());
        ensure!(error.is_some_and(|error| error.contains("spec is immutable")), "it was changed");

        // Going back to an older spec is a new revision; the same spec in another form is none.
        update(&kro, "two").await?;
        issued(&kro, 2).await?;
        update(&kro, "one").await?;
        issued(&kro, 3).await?;
        let form = json!({"spec": {"schema": {"shortNames": [], "metadata": null}}});
        let patched = kro.patch(&rgd("widget"), &form).await?;
        let generation = &patched["metadata"]["generation"];
        kro.wait(&rgd("widget"), "was looked at", |rgd| {
            e2e::kro::is_served(rgd) && rgd["metadata"]["generation"] == *generation
        })
        .await?;
        let found = numbers(&kro.revisions("widget").await?);
        ensure!(found == [1, 2, 3], "{found:?}");
        Ok(())
    });
}

#[test]
fn only_the_newest_are_kept_and_instances_follow() {
    scenario(async || {
        let kro = Kro::start(&["--rgd-max-graph-revisions=2"]).await?;
        kro.define(&widget("rev-1")).await?;
        issued(&kro, 1).await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        for number in 2..=5 {
            let value = format!("rev-{number}");
            update(&kro, &value).await?;
            issued(&kro, number).await?;
            kro.wait(&config_map("one"), "follows", |map| map["data"]["key"] == value.as_str())
                .await?;
            let expected: Vec<i64> = (number - 1..=number).collect();
            wait_for("old revisions are gone", e2e::kro::SOON, async || {
                let found = numbers(&kro.revisions("widget").await?);
                ensure!(found == expected, "{found:?}");
                Ok(Some(()))
            })
            .await?;
        }
        // No flapping by what was collected.
        kro.wait_served("widget").await?;

        // Ten changes at once: no number is used twice, the last one serves.
        for number in 0..10 {
            update(&kro, &format!("churn-{number}")).await?;
        }
        let served = kro
            .wait(&config_map("one"), "has the last", |map| map["data"]["key"] == "churn-9")
            .await;
        served?;
        let served = kro.wait_served("widget").await?;
        let last = served["status"]["lastIssuedRevision"].as_i64().context("no revision")?;
        wait_for("two are kept", e2e::kro::SOON, async || {
            let found = numbers(&kro.revisions("widget").await?);
            ensure!(found == [last - 1, last], "{found:?}, {last}");
            Ok(Some(()))
        })
        .await
    });
}

#[test]
fn restarts_issue_nothing_and_write_nothing() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.define(&widget("one")).await?;
        issued(&kro, 1).await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        for number in 2..=4 {
            let mark = kro.plane.audit().mark().await?;
            kro.restart()?;
            let value = format!("rev-{number}");
            // Until it serves again nothing is written.
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            let writes = kro.plane.audit().since(mark).await?.of(User::KroController).writes();
            ensure!(writes.is_empty(), "a restart wrote: {writes:#?}");
            let found = numbers(&kro.revisions("widget").await?);
            ensure!(found.last() == Some(&(number - 1)), "{found:?}");
            update(&kro, &value).await?;
            issued(&kro, number).await?;
            kro.wait(&config_map("one"), "follows", |map| map["data"]["key"] == value.as_str())
                .await?;
        }
        // Killed right after a change: one revision, not two.
        update(&kro, "killed").await?;
        kro.restart()?;
        issued(&kro, 5).await?;
        let found = numbers(&kro.revisions("widget").await?);
        ensure!(found == [1, 2, 3, 4, 5], "{found:?}");
        Ok(())
    });
}

#[test]
fn the_last_good_revision_serves_over_restarts() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        kro.define(&widget("good")).await?;
        issued(&kro, 1).await?;
        kro.create(&instance("widgets", ""), &object("Widget", "one", &json!({"name": "one"})))
            .await?;
        kro.wait_active("widgets", "one").await?;
        update(&kro, "${nothing.like.this}").await?;
        let bad = |rgd: &Value| {
            condition(rgd, "GraphAccepted") == "False"
                && rgd["status"]["state"] == "Inactive"
                && condition(rgd, "GraphRevisionsResolved") == "True"
                && condition(rgd, "KindReady") == "True"
                && condition(rgd, "ControllerReady") == "True"
                && condition(rgd, "Ready") == "False"
                && rgd["status"]["lastIssuedRevision"] == 1
        };
        let said = kro.wait(&rgd("widget"), "is bad", bad).await?;
        ensure!(message(&said, "GraphAccepted").contains("nothing"), "{}", said["status"]);
        for name in ["two", "three"] {
            // A new instance, an update, and drift.
            kro.create(&instance("widgets", ""), &object("Widget", name, &json!({"name": name})))
                .await?;
            kro.wait_active("widgets", name).await?;
            kro.patch(&config_map(name), &json!({"data": {"key": "drift"}})).await?;
            kro.wait(&config_map(name), "is repaired", |map| map["data"]["key"] == "good").await?;
            let renamed = format!("{name}-again");
            kro.patch(&instance("widgets", name), &json!({"spec": {"name": renamed}})).await?;
            kro.wait(&config_map(&renamed), "is there", |_| true).await?;
            kro.restart()?;
        }
        kro.wait(&rgd("widget"), "is still bad", bad).await?;
        ensure!(kro.revisions("widget").await?.len() == 1, "a bad revision was issued");
        update(&kro, "mended").await?;
        issued(&kro, 2).await?;
        kro.wait(&config_map("one"), "follows", |map| map["data"]["key"] == "mended")
            .await
            .map(drop)
    });
}

#[test]
fn orphans_are_adopted_and_owned_ones_go() {
    scenario(async || {
        let kro = Kro::start_on(Options::with_controllers(), &[]).await?;
        kro.define(&widget("one")).await?;
        issued(&kro, 1).await?;
        update(&kro, "two").await?;
        issued(&kro, 2).await?;
        // As `kubectl delete --cascade=orphan` leaves them. The garbage collector learns of a new
        // kind only after half a minute, so it is not asked.
        kro.controller.kill()?;
        for name in ["widget-r00001", "widget-r00002"] {
            let alone = json!({"metadata": {"ownerReferences": null}});
            kro.patch(&revision(name), &alone).await?;
        }
        kro.delete(&rgd("widget")).await?;
        kro.controller.restart()?;
        kro.wait_gone(&rgd("widget")).await?;
        ensure!(kro.revisions("widget").await?.len() == 2, "the revisions went too");

        // The definition comes back, and its number goes on.
        let back = kro.define(&widget("three")).await?;
        issued(&kro, 3).await?;
        let uid = &back["metadata"]["uid"];
        for one in kro.revisions("widget").await? {
            ensure!(one["metadata"]["ownerReferences"][0]["uid"] == *uid, "{}", one["metadata"]);
        }
        kro.delete(&rgd("widget")).await?;
        kro.wait_gone(&rgd("widget")).await?;
        wait_for("its revisions are gone", e2e::kro::SOON, async || {
            let left = kro.revisions("widget").await?;
            ensure!(left.is_empty(), "{:?}", numbers(&left));
            Ok(Some(()))
        })
        .await
    });
}
