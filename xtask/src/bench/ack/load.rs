//! Many objects come, change and go.

use super::kinds::{KINDS, Kind};
use crate::bench::load::{each, lock, send, watch};
use crate::bench::usage;
use anyhow::{Context, ensure};
use e2e::stack::{Stack, ack_program};
use e2e::{Process, User};
use http::Method;
use kube::Client;
use kube::api::{ApiResource, DynamicObject};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a phase may take before it counts as failed.
const BOUND: Duration = Duration::from_secs(900);
/// How often is looked whether a phase is over; the time of each object is that of its event.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the calls are looked at: there are many, and looking takes the emulator's time.
const LOOK: Duration = Duration::from_secs(1);
/// Objects that are created, changed or deleted at a time.
const AT_ONCE: usize = 20;
/// Objects of each kind that are tried alone, to learn how long their calls take.
const ALONE: usize = 3;

/// What was measured under load.
#[derive(Serialize)]
pub(super) struct Loads {
    pub(super) number: usize,
    pub(super) workers: usize,
    pub(super) latency_ms: u128,
    pub(super) bring_up: Phase,
    pub(super) change: Phase,
    pub(super) deletion: Phase,
    pub(super) idle_kib: u64,
    pub(super) peak_kib: u64,
}

/// What was measured of one phase.
#[derive(Serialize)]
pub(super) struct Phase {
    /// From the first object until the last one is done.
    pub(super) seconds: f64,
    /// How long calls were under way, of the kind that has them longest: see [`busy`].
    #[serde(skip)]
    busy: Duration,
    /// What concurrency and latency allow at best: see [`Load::bound`].
    pub(super) bound_seconds: f64,
    /// The time on a core that the controller took.
    pub(super) cpu_seconds: f64,
    /// That of the API server and etcd.
    pub(super) server_cpu_seconds: f64,
    /// That of this process, which plays AWS, too.
    pub(super) own_cpu_seconds: f64,
    pub(super) resident_kib: u64,
    /// What of it is no file.
    pub(super) anonymous_kib: u64,
    /// Calls of AWS by kind and operation.
    pub(super) calls: BTreeMap<&'static str, BTreeMap<String, usize>>,
    /// Requests to the API server but watches and leases, by what they ask for.
    pub(super) requests: BTreeMap<String, usize>,
}

/// What is known of an object.
#[derive(Clone, Copy, Default)]
struct Seen {
    synced: Option<Instant>,
    gone: Option<Instant>,
}

/// One call of AWS.
pub(super) struct Call {
    pub(super) resource: String,
    pub(super) operation: String,
    pub(super) at_ms: i64,
}

/// The calls since they were last forgotten.
pub(super) fn calls(stack: &Stack) -> Vec<Call> {
    let calls = stack.aws.control().calls().into_iter();
    calls
        .map(|call| Call { resource: call.resource, operation: call.operation, at_ms: call.at_ms })
        .collect()
}

/// The objects and those who look at them.
pub(super) struct Load<'a> {
    stack: &'a Stack,
    number: usize,
    workers: usize,
    latency: Duration,
    client: Client,
    seen: Arc<Mutex<HashMap<String, Seen>>>,
}

impl<'a> Load<'a> {
    pub(super) fn new(stack: &'a Stack, number: usize, workers: usize, latency: Duration) -> Self {
        let client = stack.plane.client();
        Self { stack, number, workers, latency, client, seen: Arc::default() }
    }

    /// All phases.
    pub(super) async fn run(&self, controller: &Path) -> anyhow::Result<Loads> {
        let endpoints = self.stack.direct(User::AckController);
        let workers = format!("--reconcile-default-max-concurrent-syncs={}", self.workers);
        let program = ack_program(controller.to_owned(), &endpoints).arg(workers);
        let process = self.stack.plane.run(program)?;
        let phases = async {
            let watches: Vec<_> = KINDS.iter().map(|kind| self.watch(kind)).collect();
            // The controller gets up, and its connections do; and what an object takes by itself.
            let mut alone = [Duration::MAX; 3];
            for number in self.number..self.number + ALONE {
                let phases = self.life(&process, &[number]).await.context("the first objects")?;
                for (least, phase) in alone.iter_mut().zip(phases) {
                    *least = phase.busy.min(*least);
                }
            }
            let idle_kib = usage::of(&process)?.resident;
            let all: Vec<usize> = (0..self.number).collect();
            let [mut bring_up, mut change, mut deletion] = self.life(&process, &all).await?;
            for (phase, alone) in [&mut bring_up, &mut change, &mut deletion].into_iter().zip(alone)
            {
                phase.bound_seconds = self.bound(alone)?;
            }
            for watch in watches {
                watch.abort();
            }
            anyhow::Ok(Loads {
                number: self.number,
                workers: self.workers,
                latency_ms: self.latency.as_millis(),
                bring_up,
                change,
                deletion,
                idle_kib,
                peak_kib: usage::of(&process)?.peak,
            })
        };
        let measured = phases.await.with_context(|| process.log_tail(15));
        process.kill()?;
        measured
    }

    /// All phases of some objects.
    async fn life(&self, process: &Process, numbers: &[usize]) -> anyhow::Result<[Phase; 3]> {
        Ok([
            self.bring_up(process, numbers).await.context("bring-up")?,
            self.change(process, numbers).await.context("change")?,
            self.delete(process, numbers).await.context("deletion")?,
        ])
    }

    /// What concurrency and latency allow at best, where an object takes so long by itself: workers
    /// take one after another, and no kind waits for another.
    fn bound(&self, alone: Duration) -> anyhow::Result<f64> {
        let (number, workers) = (u32::try_from(self.number)?, u32::try_from(self.workers.max(1))?);
        Ok(alone.as_secs_f64() * f64::from(number) / f64::from(workers))
    }

    async fn bring_up(&self, process: &Process, numbers: &[usize]) -> anyhow::Result<Phase> {
        let create = async |kind: &Kind, number: usize| {
            send(&self.client, Method::POST, JSON, &kind.path(), &kind.object(number)).await
        };
        self.phase(process, numbers, create, |kind, number| {
            lock(&self.seen).get(&kind.name(number))?.synced
        })
        .await
    }

    /// The status says nothing of a change that went well, so what counts is that AWS knows.
    async fn change(&self, process: &Process, numbers: &[usize]) -> anyhow::Result<Phase> {
        let known = Mutex::new((Instant::now(), BTreeMap::new()));
        let patch = async |kind: &Kind, number: usize| {
            let path = format!("{}/{}", kind.path(), kind.name(number));
            let patch = json!({"spec": (kind.change)()});
            send(&self.client, Method::PATCH, "application/merge-patch+json", &path, &patch).await
        };
        self.phase(process, numbers, patch, |kind, number| {
            let mut known = lock(&known);
            if known.0.elapsed() >= LOOK {
                let (now, now_ms) = (Instant::now(), unix_ms());
                for call in calls(self.stack) {
                    let changed = KINDS.iter().any(|kind| kind.changed_by == call.operation);
                    if changed {
                        let ago = u64::try_from(now_ms - call.at_ms).unwrap_or(0);
                        let at = now.checked_sub(Duration::from_millis(ago)).unwrap_or(now);
                        known.1.entry(name(&call.resource).to_owned()).or_insert(at);
                    }
                }
                known.0 = Instant::now();
            }
            known.1.get(&kind.name(number)).copied()
        })
        .await
    }

    async fn delete(&self, process: &Process, numbers: &[usize]) -> anyhow::Result<Phase> {
        let delete = async |kind: &Kind, number: usize| {
            let path = format!("{}/{}", kind.path(), kind.name(number));
            send(&self.client, Method::DELETE, JSON, &path, &Value::Null).await
        };
        self.phase(process, numbers, delete, |kind, number| {
            lock(&self.seen).get(&kind.name(number))?.gone
        })
        .await
    }

    /// Does something with each object of each kind, and waits until `done` says when it took effect.
    async fn phase(
        &self,
        process: &Process,
        numbers: &[usize],
        act: impl AsyncFn(&Kind, usize) -> anyhow::Result<Value>,
        done: impl Fn(&Kind, usize) -> Option<Instant>,
    ) -> anyhow::Result<Phase> {
        self.stack.aws.control().clear_calls();
        let mark = self.stack.plane.audit().mark().await?;
        let cpu = self.cpu(process)?;
        let started = Instant::now();
        let objects = numbers.iter().flat_map(|number| KINDS.iter().map(|kind| (kind, *number)));
        let mut left: Vec<(&Kind, usize)> = objects.collect();
        each(AT_ONCE, left.clone(), async |(kind, number)| act(kind, number).await).await?;
        let mut last = started;
        while !left.is_empty() {
            ensure!(process.ended()?.is_none(), "the controller has ended");
            left.retain(|(kind, number)| {
                let at = done(kind, *number);
                last = last.max(at.unwrap_or(last));
                at.is_none()
            });
            let first = left.first().map(|(kind, number)| kind.name(*number)).unwrap_or_default();
            let waiting = left.len();
            ensure!(started.elapsed() < BOUND, "{waiting} are not done, among them {first}");
            tokio::time::sleep(PAUSE).await;
        }
        eprintln!(
            "{} objects: {:.1} s",
            numbers.len() * KINDS.len(),
            started.elapsed().as_secs_f64()
        );
        let usage = usage::of(process)?;
        let after = self.cpu(process)?;
        let [cpu_seconds, server_cpu_seconds, own_cpu_seconds] =
            [0, 1, 2].map(|at| after[at].saturating_sub(cpu[at]).as_secs_f64());
        let calls = calls(self.stack);
        let entries = self.stack.plane.audit().since(mark).await?.of(User::AckController);
        let mut requests = BTreeMap::new();
        for entry in &entries.but_watches_and_leases() {
            let what = if entry.is_write() { &entry.resource } else { "reads" };
            let what = format!("{} {what}", entry.verb);
            *requests.entry(what).or_insert(0) += 1;
        }
        Ok(Phase {
            seconds: last.duration_since(started).as_secs_f64(),
            busy: busy(&calls, self.latency),
            bound_seconds: 0.0,
            cpu_seconds,
            server_cpu_seconds,
            own_cpu_seconds,
            resident_kib: usage.resident,
            anonymous_kib: usage.anonymous,
            calls: by_kind(&calls),
            requests,
        })
    }

    /// The time on a core of the controller, of the API server with etcd, and of this process.
    fn cpu(&self, controller: &Process) -> anyhow::Result<[Duration; 3]> {
        let mut servers = Duration::ZERO;
        for process in self.stack.plane.processes() {
            servers += usage::of(process)?.cpu;
        }
        Ok([usage::of(controller)?.cpu, servers, usage::own()?.cpu])
    }

    fn watch(&self, kind: &Kind) -> tokio::task::JoinHandle<()> {
        let resource = ApiResource {
            group: kind.group.to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: format!("{}/v1alpha1", kind.group),
            kind: kind.kind.to_owned(),
            plural: kind.plural.to_owned(),
        };
        let seen = self.seen.clone();
        watch(self.client.clone(), &resource, move |object, gone| note(&seen, object, gone))
    }
}

/// How long objects have calls under way: for `latency` with each call that is made by itself, and
/// with calls that are made together once. Summed up over the objects of a kind; the longest of all
/// kinds.
fn busy(calls: &[Call], latency: Duration) -> Duration {
    let latency = i64::try_from(latency.as_millis()).unwrap_or(i64::MAX);
    let mut objects: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for call in calls {
        objects.entry(name(&call.resource)).or_default().push(call.at_ms);
    }
    let mut busy: BTreeMap<&str, i64> = BTreeMap::new();
    for (name, mut times) in objects {
        times.sort_unstable();
        let (mut sum, mut until) = (0, i64::MIN);
        for at in times {
            sum += at + latency - until.max(at);
            until = at + latency;
        }
        *busy.entry(kind_of(name).map_or("", |kind| kind.kind)).or_default() += sum;
    }
    let most = busy.values().copied().max().unwrap_or(0);
    Duration::from_millis(u64::try_from(most).unwrap_or(0))
}

/// Calls by kind and operation.
pub(super) fn by_kind(calls: &[Call]) -> BTreeMap<&'static str, BTreeMap<String, usize>> {
    let mut counts: BTreeMap<_, BTreeMap<String, usize>> = BTreeMap::new();
    for call in calls {
        let Some(kind) = kind_of(name(&call.resource)) else { continue };
        *counts.entry(kind.kind).or_default().entry(call.operation.clone()).or_insert(0) += 1;
    }
    counts
}

/// The name of a resource that a call names by its name, ARN or URL.
pub(super) fn name(resource: &str) -> &str {
    resource.rsplit(['/', ':']).next().unwrap_or(resource)
}

/// The kind of a resource of this name.
pub(super) fn kind_of(name: &str) -> Option<&'static Kind> {
    let (kind, _) = name.split_once('-')?;
    KINDS.iter().find(|known| known.kind.to_lowercase() == kind)
}

/// Different resources that calls name; empty names are none.
pub(super) fn resources(calls: &[Call]) -> BTreeSet<&str> {
    calls.iter().map(|call| name(&call.resource)).filter(|name| !name.is_empty()).collect()
}

/// Notes what an event shows of an object.
fn note(seen: &Mutex<HashMap<String, Seen>>, object: &DynamicObject, gone: bool) {
    let mut conditions = object.data["status"]["conditions"].as_array().into_iter().flatten();
    let synced =
        conditions.any(|entry| entry["type"] == "ACK.ResourceSynced" && entry["status"] == "True");
    let name = object.metadata.name.clone().unwrap_or_default();
    let mut seen = lock(seen);
    let known = seen.entry(name).or_default();
    if gone {
        known.gone = Some(Instant::now());
    } else if synced {
        known.synced.get_or_insert_with(Instant::now);
    }
}

/// Milliseconds of Unix time.
fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

const JSON: &str = "application/json";
