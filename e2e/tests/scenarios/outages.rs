//! What happens to a cluster while the controller works: its API server is restarted, its history
//! forgotten, kinds go, the leader is lost, clocks jump.

use anyhow::{Context, ensure};
use e2e::clock::WallClock;
use e2e::kro::{
    ELECTION, Kro, SOON, condition, config, config_map, crd, definition, instance, instances,
    is_active, object, program,
};
use e2e::proxy::{Action, Match, Nth, Outcome, Rule};
use e2e::{ControlPlane, Options, Process, Proxy, User, scenario, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

/// A chain of so many ConfigMaps.
fn chain(length: usize) -> Value {
    let resources: Vec<Value> = (0..length)
        .map(|at| {
            let value = match at.checked_sub(1) {
                None => "${schema.spec.value}".to_owned(),
                Some(before) => format!("${{c{before}.data.key}}"),
            };
            config(&format!("c{at}"), &format!("${{schema.metadata.name}}-{at}"), &value)
        })
        .collect();
    definition("chain", "Chain", &json!({"value": "string"}), &json!(resources))
}

async fn make(kro: &Kro, name: &str) -> anyhow::Result<()> {
    let chain = object("Chain", name, &json!({"value": "1"}));
    kro.create(&instance("chains", name), &chain).await.map(drop)
}

/// How often each of the ConfigMaps of these instances was created.
async fn creations(
    plane: &ControlPlane,
    names: &[String],
    each: usize,
) -> anyhow::Result<Vec<(String, usize)>> {
    let entries = plane.audit().entries().await?;
    let names = names.iter().flat_map(|name| (0..each).map(move |at| format!("{name}-{at}")));
    let counted = names.map(|name| {
        let times = entries.creations("configmaps", "default", &name);
        (name, times)
    });
    Ok(counted.collect())
}

/// All ConfigMaps of these instances were created once.
async fn created_once(plane: &ControlPlane, names: &[String], each: usize) -> anyhow::Result<()> {
    for (name, times) in creations(plane, names, each).await? {
        ensure!(times == 1, "{name} was created {times} times");
    }
    Ok(())
}

#[test]
fn an_api_server_that_is_restarted_holds_nothing_up_for_good() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let process = kro.controller.id();
        kro.define(&chain(3)).await?;
        kro.wait_served("chain").await?;
        let names: Vec<String> = (0..20).map(|number| format!("it{number}")).collect();
        for name in &names {
            make(&kro, name).await?;
        }
        // In the middle of it all.
        kro.wait(&config_map("it0-0"), "is there", |_| true).await?;
        kro.plane.kill_api_server()?;
        kro.plane.start_api_server().await?;
        for name in &names {
            kro.wait_active("chains", name).await?;
        }
        // And in the middle of an update.
        for name in &names {
            kro.patch(&instance("chains", name), &json!({"spec": {"value": "2"}})).await?;
        }
        kro.plane.kill_api_server()?;
        kro.plane.start_api_server().await?;
        for name in &names {
            kro.wait(&config_map(&format!("{name}-2")), "follows", |it| it["data"]["key"] == "2")
                .await?;
            kro.wait_active("chains", name).await?;
        }
        // Its log lacks what was under way when it was killed; the objects were seen to be there.
        for (name, times) in creations(&kro.plane, &names, 3).await? {
            ensure!(times <= 1, "{name} was created {times} times");
        }
        // And of a deletion.
        for name in &names {
            kro.delete(&instance("chains", name)).await?;
        }
        kro.plane.kill_api_server()?;
        kro.plane.start_api_server().await?;
        for name in &names {
            kro.wait_gone(&instance("chains", name)).await?;
            for at in 0..3 {
                kro.wait_gone(&config_map(&format!("{name}-{at}"))).await?;
            }
        }
        ensure!(kro.controller.id() == process, "the controller did not survive");
        Ok(())
    });
}

/// A controller behind a proxy.
async fn proxied(flags: &[&str]) -> anyhow::Result<(Kro, Proxy)> {
    let kro = Kro::start(flags).await?;
    kro.controller.kill()?;
    let proxy = Proxy::before_api_server(&kro.plane, User::KroController).await?;
    let controller = behind(&kro.plane, &proxy, "kro-proxied", flags)?;
    Ok((Kro { controller, plane: kro.plane }, proxy))
}

fn behind(
    plane: &ControlPlane,
    proxy: &Proxy,
    name: &str,
    flags: &[&str],
) -> anyhow::Result<Process> {
    let kubeconfig = plane.kubeconfig_through(name, &proxy.url())?;
    let mut program = program(plane, flags)?.arg("--kubeconfig").arg(kubeconfig);
    program.name = name.to_owned();
    plane.run(program)
}

#[test]
fn what_happened_in_a_forgotten_past_is_caught_up_with() {
    scenario(async || {
        let (kro, proxy) = proxied(&[]).await?;
        kro.define(&chain(2)).await?;
        kro.wait_served("chain").await?;
        for name in ["stays", "goes"] {
            make(&kro, name).await?;
            kro.wait_active("chains", name).await?;
        }
        // The controller hears nothing.
        proxy.add(Rule { when: Match::any(), nth: Nth::Every, action: Action::CutBefore });
        proxy.disconnect();
        kro.delete(&config_map("stays-0")).await?;
        kro.patch(&config_map("stays-1"), &json!({"data": {"key": "drifted"}})).await?;
        kro.patch(&instance("chains", "stays"), &json!({"spec": {"value": "2"}})).await?;
        kro.delete(&instance("chains", "goes")).await?;
        make(&kro, "comes").await?;
        // Nobody could tell it afterwards, either: neither etcd nor the API server's memory.
        kro.plane.compact().await?;
        kro.plane.kill_api_server()?;
        kro.plane.start_api_server().await?;
        ensure!(proxy.disarm(), "there is no kill point");

        for at in 0..2 {
            kro.wait(&config_map(&format!("stays-{at}")), "is repaired", |it| {
                it["data"]["key"] == "2"
            })
            .await?;
        }
        for name in ["stays", "comes"] {
            kro.wait_active("chains", name).await?;
        }
        kro.wait_gone(&instance("chains", "goes")).await?;
        for at in 0..2 {
            kro.wait_gone(&config_map(&format!("goes-{at}"))).await?;
        }
        let log = kro.controller.log();
        ensure!(log.contains("watch expired"), "no watch got 410:\n{log}");
        Ok(())
    });
}

#[test]
fn a_kind_that_goes_is_reported_and_comes_again() {
    scenario(async || {
        let kro = Kro::start(&[]).await?;
        let gadgets = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget, listKind: GadgetList}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: string}}}}
"#;
        kro.apply(gadgets).await?;
        let gadget = json!({
            "id": "gadget",
            "template": {
                "apiVersion": "example.com/v1", "kind": "Gadget",
                "metadata": {"name": "${schema.metadata.name}"},
                "spec": {"size": "${schema.spec.value}"},
            },
        });
        let map = config("map", "${schema.metadata.name}", "${gadget.spec.size}");
        let fields = json!({"value": "string"});
        kro.define(&definition("tool", "Tool", &fields, &json!([gadget, map]))).await?;
        kro.wait_served("tool").await?;
        let one = instance("tools", "one");
        kro.create(&one, &object("Tool", "one", &json!({"value": "1"}))).await?;
        kro.wait_active("tools", "one").await?;

        // The kind of a child goes, with all its objects.
        kro.delete(&crd("gadgets.example.com")).await?;
        kro.wait_gone(&crd("gadgets.example.com")).await?;
        kro.wait(&one, "says so", |one| {
            one["status"]["state"] != "ACTIVE" && condition(one, "Ready") != "True"
        })
        .await?;
        ensure!(kro.get(&config_map("one")).await?.is_some(), "what can stay goes");
        kro.apply(gadgets).await?;
        kro.wait_active("tools", "one").await?;
        let path = "/apis/example.com/v1/namespaces/default/gadgets/one";
        kro.wait(path, "is there again", |it| it["spec"]["size"] == "1").await?;

        // The kind of the instances goes: they are deleted in order, and the kind comes again.
        kro.delete(&crd("tools.kro.run")).await?;
        kro.wait_gone(path).await?;
        kro.wait_gone(&config_map("one")).await?;
        wait_for("the kind can be used again", SOON, async || {
            kro.create(&one, &object("Tool", "one", &json!({"value": "2"}))).await.map(Some)
        })
        .await?;
        kro.wait_active("tools", "one").await?;
        kro.wait(path, "is there again", |it| it["spec"]["size"] == "2").await.map(drop)
    });
}

#[test]
fn a_leader_that_is_lost_in_the_middle_of_a_wave_has_a_successor() {
    const LENGTH: usize = 25;
    scenario(async || {
        let (kro, first) = proxied(&ELECTION).await?;
        kro.define(&chain(LENGTH)).await?;
        kro.wait_served("chain").await?;
        let second = Proxy::before_api_server(&kro.plane, User::KroController).await?;
        let successor = behind(&kro.plane, &second, "kro-successor", &ELECTION)?;

        // Slowly, so that there is a middle.
        let slow = Action::Delay(Duration::from_millis(400));
        first.add(Rule { when: Match::writes(), nth: Nth::Every, action: slow });
        make(&kro, "it").await?;
        kro.wait(&config_map("it-1"), "is there", |_| true).await?;
        let leases = Match::any().path("/leases");
        first.add(Rule { when: leases, nth: Nth::Every, action: Action::Hold });
        let ended = wait_for("the leader ends", SOON, async || kro.controller.ended()).await?;
        ensure!(!ended.success(), "{ended}");
        ensure!(kro.get(&config_map(&format!("it-{}", LENGTH - 1))).await?.is_none(), "too fast");
        kro.wait_active("chains", "it").await.with_context(|| successor.log_tail(20))?;
        created_once(&kro.plane, &["it".to_owned()], LENGTH).await?;

        // Never two at work.
        let writes = |proxy: &Proxy| {
            let writes = proxy.passed().into_iter();
            let done = |outcome: &Outcome| !matches!(outcome, Outcome::Held | Outcome::CutBefore);
            let mut writes = writes.filter(|it| Match::writes().matches(it) && done(&it.outcome));
            let first = writes.next();
            (first.clone(), writes.next_back().or(first))
        };
        let (_, last) = writes(&first);
        let (next, _) = writes(&second);
        let (last, next) = (last.context("no write")?, next.context("no write")?);
        ensure!(last.at < next.at, "{last} after {next}");
        Ok(())
    });
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    const HOURS: i64 = 5;
    scenario(async || {
        let flags = [
            "--leader-elect",
            "--leader-election-namespace=default",
            "--leader-election-lease-duration=6s",
            "--leader-election-renew-deadline=4s",
            "--leader-election-retry-period=500ms",
        ];
        let plane = Kro::start_on(Options::api_server(), &flags).await?;
        plane.controller.kill()?;
        let clock = WallClock::new(plane.plane.directory())?;
        let controller = plane.plane.run(clock.on(program(&plane.plane, &flags)?))?;
        let kro = Kro { controller, plane: plane.plane };
        let process = kro.controller.id();
        kro.define(&chain(4)).await?;
        kro.wait_served("chain").await?;
        let lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/controller.kro.run";
        let holder = async || -> anyhow::Result<Value> {
            let lease = kro.get(lease).await?.context("no lease")?;
            Ok(lease["spec"]["holderIdentity"].clone())
        };
        let before = holder().await?;
        for (number, hours) in [HOURS, -HOURS, 0].into_iter().enumerate() {
            let names: Vec<String> = (0..5).map(|at| format!("it{number}-{at}")).collect();
            for name in &names {
                make(&kro, name).await?;
            }
            clock.put(hours * 3_600)?;
            for name in &names {
                kro.wait_active("chains", name).await?;
            }
            created_once(&kro.plane, &names, 4).await?;
            // It did jump: what the controller says now is dated so.
            let late = format!("late{number}");
            make(&kro, &late).await?;
            let active = kro.wait_active("chains", &late).await?;
            let dated = active["status"]["conditions"][0]["lastTransitionTime"].as_str();
            let dated: jiff::Timestamp = dated.context("no time")?.parse()?;
            let ahead = (dated - jiff::Timestamp::now()).total(jiff::Unit::Second)? / 3_600.0;
            ensure!((ahead - hours as f64).abs() < 1.0, "{ahead} hours ahead, not {hours}");
            // Drift is repaired, changes take effect, deletion works.
            kro.delete(&config_map(&format!("{late}-0"))).await?;
            kro.wait(&config_map(&format!("{late}-0")), "is made again", |_| true).await?;
            kro.delete(&instance("chains", &late)).await?;
            kro.wait_gone(&instance("chains", &late)).await?;
        }
        // Longer than the lease lasts after the last jump: nobody has given up.
        tokio::time::sleep(Duration::from_secs(7)).await;
        ensure!(kro.controller.id() == process, "it is another process");
        ensure!(kro.controller.ended()?.is_none(), "{}", kro.controller.log_tail(20));
        ensure!(holder().await? == before, "it is another holder");
        let list = kro.send(http::Method::GET, &instances("chains"), &Value::Null).await?;
        ensure!(list["items"].as_array().is_some_and(|all| all.iter().all(is_active)), "{list:#}");
        Ok(())
    });
}
