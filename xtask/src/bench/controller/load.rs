//! The load itself: definitions and instances come, change, break and go.

use super::shapes::{Course, PLAIN_PATHS, Shape, plain, plain_crd, plain_instance};
use crate::bench::load::{each, lock, send, watch};
use crate::bench::usage;
use anyhow::{Context, bail, ensure};
use e2e::audit::{Entries, Mark};
use e2e::{ControlPlane, Process, User};
use http::{Method, Request};
use kube::Client;
use kube::api::{ApiResource, DynamicObject};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a phase may take before it counts as failed.
const BOUND: Duration = Duration::from_secs(1_200);
/// How often is looked whether a phase is over; the time of each instance is that of its event.
const PAUSE: Duration = Duration::from_millis(5);
/// The same where many instances are on their way at once: looking takes time of the machine's.
const LONG_PAUSE: Duration = Duration::from_millis(50);
/// For so long after a CRD is established the API server holds back what creates its first
/// objects, for the sake of servers beside it; that is not to be measured.
///
/// Source: `k8s.io/apiextensions-apiserver`, `customresource_handler.go`, seen in the audit log.
const HELD_BACK: Duration = Duration::from_secs(2);

/// What was measured with one shape.
#[derive(Serialize)]
pub(super) struct Measured {
    pub(super) shape: &'static str,
    pub(super) instances: usize,
    pub(super) children: usize,
    /// Plain applies a second that the API server takes without a controller.
    pub(super) raw_per_second: f64,
    /// From the creation of a definition until it is Active, the slowest of all.
    pub(super) definition_seconds: f64,
    /// What the controller has used before there was an instance, in KiB.
    pub(super) idle_kib: u64,
    pub(super) create: Phase,
    /// Requests a minute while nothing changes, but watches and leases.
    pub(super) steady_per_minute: f64,
    pub(super) update: Option<Phase>,
    pub(super) repair: Option<Phase>,
    pub(super) delete: Option<Phase>,
    pub(super) peak_kib: u64,
}

/// What was measured of one phase.
#[derive(Serialize)]
pub(super) struct Phase {
    pub(super) seconds: f64,
    pub(super) instances_per_second: f64,
    pub(super) p50_seconds: f64,
    pub(super) p99_seconds: f64,
    pub(super) cpu_ms_per_instance: f64,
    pub(super) writes_per_instance: f64,
    /// All requests but watches and leases.
    pub(super) requests_per_instance: f64,
    /// Everybody's writes a second as a share of the raw rate: to the API server it is one more
    /// write that the instance itself is created.
    pub(super) share_of_raw: f64,
    pub(super) requests: BTreeMap<String, usize>,
    pub(super) resident_kib: u64,
}

/// How many plain applies a second the API server takes, of the same objects: a custom resource
/// for each instance, and ConfigMaps for its children, labelled as these are.
pub(super) async fn raw(plane: &ControlPlane, shape: &Shape) -> anyhow::Result<f64> {
    let [maps, custom] = PLAIN_PATHS;
    let client = plane.client();
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    send(&client, Method::POST, "application/json", crds, &plain_crd()).await?;
    let started = Instant::now();
    let list = async || send(&client, Method::GET, "application/json", custom, &Value::Null).await;
    while list().await.is_err() {
        ensure!(started.elapsed() < BOUND, "the CRD of plain objects is not served");
        tokio::time::sleep(LONG_PAUSE).await;
    }
    tokio::time::sleep(HELD_BACK).await;
    let number = (shape.instances * (shape.children + 1)).clamp(200, 2_000);
    let started = Instant::now();
    each(shape.at_once, 0..number, async |at| {
        let name = format!("raw-{at}");
        let (path, object) = match at % (shape.children + 1) {
            0 => (custom, plain_instance(&name)),
            _ => (maps, plain(&name)),
        };
        let path = format!("{path}/{name}?fieldManager=raw&force=true");
        send(&client, Method::PATCH, "application/apply-patch+yaml", &path, &object).await
    })
    .await?;
    let rate = per_second(number, started.elapsed());
    for path in PLAIN_PATHS {
        let path = format!("{path}?labelSelector=kind%3Draw");
        send(&client, Method::DELETE, "application/json", &path, &Value::Null).await?;
    }
    Ok(rate)
}

/// One controller, one control plane, one shape.
pub(super) struct Load<'a> {
    plane: &'a ControlPlane,
    controller: &'a Process,
    shape: &'a Shape,
    client: Client,
    seen: Arc<Mutex<HashMap<String, Seen>>>,
}

/// What watches say about an instance.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The generation with which it was ACTIVE and Ready last, and when that was first seen.
    ready: Option<(i64, Instant)>,
    /// When it was first seen to wait.
    waits: Option<Instant>,
    gone: Option<Instant>,
}

impl Seen {
    fn ready_with(&self, generation: i64) -> Option<Instant> {
        self.ready.filter(|(ready, _)| *ready == generation).map(|(_, at)| at)
    }
}

impl<'a> Load<'a> {
    pub(super) fn new(plane: &'a ControlPlane, controller: &'a Process, shape: &'a Shape) -> Self {
        Self { plane, controller, shape, client: plane.client(), seen: Arc::default() }
    }

    /// All phases.
    pub(super) async fn run(self, raw: f64, steady: Duration) -> anyhow::Result<Measured> {
        let shape = self.shape;
        if shape.course == Course::External {
            let shared = json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "shared", "namespace": "default"},
                "data": {"value": "one"},
            });
            self.post("/api/v1/namespaces/default/configmaps", &shared).await?;
        }
        let definition_seconds = self.define().await?;
        let idle_kib = self.usage()?.resident;
        let watches = self.watch();
        let all: Vec<usize> = (0..shape.instances).collect();
        let create = self
            .phase(
                raw,
                &all,
                async |at| {
                    let path = self.path(at);
                    let (collection, _) = path.rsplit_once('/').context("a path")?;
                    self.post(collection, &shape.instance(at, "one")).await
                },
                |at, seen| match shape.waits(at) {
                    true => seen.waits,
                    false => seen.ready_with(1),
                },
            )
            .await
            .context("bring-up")?;

        let mark = self.plane.audit().mark().await?;
        tokio::time::sleep(steady).await;
        let requests =
            self.plane.audit().since(mark).await?.of(User::KroController).but_watches_and_leases();
        let steady_per_minute = float(requests.len()) * 60.0 / steady.as_secs_f64();

        let (mut update, mut repair, mut delete) = (None, None, None);
        match shape.course {
            Course::Whole | Course::External => {
                update = Some(self.update(raw, &all).await.context("update")?);
                repair = Some(self.repair(raw).await.context("repair")?);
                delete = Some(self.delete(raw, &all).await.context("deletion")?);
            }
            Course::HalfWait | Course::Stay => {}
        }
        for watch in watches {
            watch.abort();
        }
        Ok(Measured {
            shape: shape.name,
            instances: shape.instances,
            children: shape.children,
            raw_per_second: raw,
            definition_seconds,
            idle_kib,
            create,
            steady_per_minute,
            update,
            repair,
            delete,
            peak_kib: self.usage()?.peak,
        })
    }

    /// Creates all definitions; returns how long the slowest took to be Active.
    async fn define(&self) -> anyhow::Result<f64> {
        // The controller may not have started yet; that is not to be measured.
        let first = self.plane.client();
        let mut slowest = Duration::ZERO;
        for at in 0..self.shape.definitions {
            let definitions = "/apis/kro.run/v1alpha1/resourcegraphdefinitions";
            if at == 0 {
                let mut warm = self.shape.definition(at);
                warm["metadata"]["name"] = "warm".into();
                warm["spec"]["schema"]["kind"] = "Warm".into();
                warm["spec"]["resources"] = json!([]);
                self.post(definitions, &warm).await?;
                self.active(&first, "warm").await?;
            }
            let definition = self.shape.definition(at);
            let started = Instant::now();
            self.post(definitions, &definition).await?;
            self.active(&first, &self.shape.plural(at)).await?;
            slowest = slowest.max(started.elapsed());
        }
        tokio::time::sleep(HELD_BACK).await;
        Ok(slowest.as_secs_f64())
    }

    async fn active(&self, client: &Client, name: &str) -> anyhow::Result<()> {
        let path = format!("/apis/kro.run/v1alpha1/resourcegraphdefinitions/{name}");
        let started = Instant::now();
        loop {
            let request = Request::get(&path).body(Vec::new())?;
            let rgd: Value = client.request(request).await?;
            if rgd["status"]["state"] == "Active" {
                return Ok(());
            }
            let conditions = rgd["status"]["conditions"].as_array();
            let refused = conditions.into_iter().flatten().any(|condition| {
                condition["type"] == "GraphAccepted" && condition["status"] == "False"
            });
            let late = started.elapsed() > BOUND;
            ensure!(!refused && !late, "{name} is not Active: {}", rgd["status"]);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn delete(&self, raw: f64, all: &[usize]) -> anyhow::Result<Phase> {
        let delete = async |at: usize| {
            let (json, path) = ("application/json", self.path(at));
            send(&self.client, Method::DELETE, json, &path, &Value::Null).await
        };
        self.phase(raw, all, delete, |_, seen| seen.gone).await
    }

    async fn update(&self, raw: f64, all: &[usize]) -> anyhow::Result<Phase> {
        if self.shape.course != Course::External {
            let patch = json!({"spec": {"value": "two"}});
            return self
                .phase(
                    raw,
                    all,
                    async |at| {
                        let content = "application/merge-patch+json";
                        send(&self.client, Method::PATCH, content, &self.path(at), &patch).await
                    },
                    |_, seen| seen.ready_with(2),
                )
                .await;
        }
        // All instances read one object; it is what changes.
        let before = self.begin().await?;
        let content = "application/merge-patch+json";
        let path = "/api/v1/namespaces/default/configmaps/shared";
        let patch = json!({"data": {"value": "two"}});
        send(&self.client, Method::PATCH, content, path, &patch).await?;
        let mut times = Vec::new();
        let mut left: Vec<usize> = all.to_vec();
        while !left.is_empty() {
            let list: Value = send(
                &self.client,
                Method::GET,
                "application/json",
                "/api/v1/namespaces/default/configmaps?labelSelector=kro.run%2Fnode-id%3Dcopy",
                &Value::Null,
            )
            .await?;
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let done: Vec<&str> = items
                .iter()
                .filter(|item| item["data"]["value"] == "two")
                .filter_map(|item| item["metadata"]["name"].as_str())
                .collect();
            let name = |at: &usize| format!("{}-{at}-copy", self.shape.name);
            let known: std::collections::BTreeSet<&str> = done.into_iter().collect();
            let waiting = left.len();
            left.retain(|at| !known.contains(name(at).as_str()));
            times.extend(std::iter::repeat_n(before.started.elapsed(), waiting - left.len()));
            ensure!(before.started.elapsed() < BOUND, "{} did not follow", left.len());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.end(raw, before, times).await
    }

    /// Deletes a child of every tenth instance, and waits until it is there again.
    async fn repair(&self, raw: f64) -> anyhow::Result<Phase> {
        let suffix = match self.shape.name {
            "maps" => "left",
            "external" => "copy",
            "chain" => "3",
            _ => "7",
        };
        let some: Vec<usize> = (0..self.shape.instances).step_by(10).collect();
        let path = |at: usize| {
            format!("/api/v1/namespaces/default/configmaps/{}-{at}-{suffix}", self.shape.name)
        };
        let before = self.begin().await?;
        let times = Mutex::new(Vec::new());
        each(self.shape.at_once, some, async |at| {
            let started = Instant::now();
            let json = "application/json";
            let old = send(&self.client, Method::GET, json, &path(at), &Value::Null).await?;
            send(&self.client, Method::DELETE, json, &path(at), &Value::Null).await?;
            loop {
                let found = send(&self.client, Method::GET, json, &path(at), &Value::Null).await;
                let there = |new: &Value| new["metadata"]["uid"] != old["metadata"]["uid"];
                if found.is_ok_and(|found| there(&found)) {
                    break;
                }
                ensure!(started.elapsed() < BOUND, "{} is not repaired", path(at));
                tokio::time::sleep(PAUSE).await;
            }
            lock(&times).push(started.elapsed());
            Ok(Value::Null)
        })
        .await?;
        let times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.end(raw, before, times).await
    }

    /// Does something with each instance, and waits until `done` says when it took effect.
    async fn phase(
        &self,
        raw: f64,
        instances: &[usize],
        act: impl AsyncFn(usize) -> anyhow::Result<Value>,
        done: impl Fn(usize, &Seen) -> Option<Instant>,
    ) -> anyhow::Result<Phase> {
        let before = self.begin().await?;
        let sent = Mutex::new(HashMap::new());
        let done = |at: usize| done(at, lock(&self.seen).get(&self.name(at))?);
        each(self.shape.at_once, instances.iter().copied(), async |at| {
            lock(&sent).insert(at, Instant::now());
            let answer = act(at).await?;
            // One after another means that the next one comes when this one is done.
            while self.shape.at_once == 1 && done(at).is_none() {
                ensure!(before.started.elapsed() < BOUND, "{} is not done", self.name(at));
                tokio::time::sleep(PAUSE).await;
            }
            Ok(answer)
        })
        .await?;
        let sent = sent.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut left: Vec<usize> = instances.to_vec();
        let mut times = Vec::with_capacity(left.len());
        let mut last = before.started;
        while !left.is_empty() {
            ensure!(self.controller.ended()?.is_none(), "the controller has ended");
            left.retain(|number| {
                let Some(at) = done(*number) else { return true };
                times.push(at.saturating_duration_since(sent[number]));
                last = last.max(at);
                false
            });
            if before.started.elapsed() > BOUND
                && let Some(one) = left.first()
            {
                let name = self.name(*one);
                bail!("{} of {} are not done, among them {name}", left.len(), sent.len());
            }
            tokio::time::sleep(LONG_PAUSE).await;
        }
        self.end(raw, Before { ended: Some(last), ..before }, times).await
    }

    async fn begin(&self) -> anyhow::Result<Before> {
        let mark = self.plane.audit().mark().await?;
        let cpu = self.usage()?.cpu;
        Ok(Before { mark, cpu, started: Instant::now(), ended: None })
    }

    async fn end(
        &self,
        raw: f64,
        before: Before,
        mut times: Vec<Duration>,
    ) -> anyhow::Result<Phase> {
        let ended = before.ended.unwrap_or_else(Instant::now);
        let seconds = ended.duration_since(before.started);
        let usage = self.usage()?;
        let number = times.len().max(1);
        let entries = self.plane.audit().since(before.mark).await?;
        let writes = |entries: &Entries| {
            entries.iter().filter(|entry| entry.is_write() && !entry.is_lease()).count()
        };
        let all_writes = writes(&entries);
        let entries = entries.of(User::KroController);
        let writes = writes(&entries);
        let requests =
            entries.count_by_verb().iter().map(|(verb, n)| ((*verb).to_owned(), *n)).collect();
        times.sort_unstable();
        let percentile = |percent: usize| {
            let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
            times.get(at).map_or(0.0, Duration::as_secs_f64)
        };
        let sent = entries.but_watches_and_leases().len();
        let cpu = usage.cpu.saturating_sub(before.cpu);
        Ok(Phase {
            seconds: seconds.as_secs_f64(),
            instances_per_second: per_second(number, seconds),
            p50_seconds: percentile(50),
            p99_seconds: percentile(99),
            cpu_ms_per_instance: cpu.as_secs_f64() * 1_000.0 / float(number),
            writes_per_instance: float(writes) / float(number),
            requests_per_instance: float(sent) / float(number),
            share_of_raw: per_second(all_writes, seconds) / raw,
            requests,
            resident_kib: usage.resident,
        })
    }

    fn usage(&self) -> anyhow::Result<usage::Usage> {
        usage::of(self.controller)
    }

    fn name(&self, at: usize) -> String {
        format!("{}-{at}", self.shape.name)
    }

    fn path(&self, at: usize) -> String {
        let plural = self.shape.plural(at % self.shape.definitions);
        format!("/apis/kro.run/v1alpha1/namespaces/default/{plural}/{}", self.name(at))
    }

    async fn post(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        send(&self.client, Method::POST, "application/json", path, object).await
    }

    /// Watches the instances of all definitions.
    fn watch(&self) -> Vec<tokio::task::JoinHandle<()>> {
        let one = |at: usize| {
            let resource = ApiResource {
                group: "kro.run".to_owned(),
                version: "v1alpha1".to_owned(),
                api_version: "kro.run/v1alpha1".to_owned(),
                kind: self.shape.kind(at),
                plural: self.shape.plural(at),
            };
            let seen = self.seen.clone();
            watch(self.client.clone(), &resource, move |object, gone| note(&seen, object, gone))
        };
        (0..self.shape.definitions).map(one).collect()
    }
}

/// What was so before a phase.
struct Before {
    mark: Mark,
    cpu: Duration,
    started: Instant,
    ended: Option<Instant>,
}

/// Notes what an event shows of an instance.
fn note(seen: &Mutex<HashMap<String, Seen>>, object: &DynamicObject, gone: bool) {
    let now = Instant::now();
    let name = object.metadata.name.clone().unwrap_or_default();
    let generation = object.metadata.generation.unwrap_or(0);
    let status = &object.data["status"];
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|entry| entry["type"] == "Ready");
    let well = status["state"] == "ACTIVE"
        && ready
            .any(|entry| entry["status"] == "True" && entry["observedGeneration"] == generation);
    let mut seen = lock(seen);
    let known = seen.entry(name).or_default();
    if gone {
        known.gone = Some(now);
    } else if well && known.ready.is_none_or(|(before, _)| before != generation) {
        known.ready = Some((generation, now));
    }
    if status["state"] == "IN_PROGRESS" {
        known.waits.get_or_insert(now);
    }
}

fn per_second(number: usize, time: Duration) -> f64 {
    float(number) / time.as_secs_f64().max(1e-9)
}

fn float(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
