//! The life of one object on a real control plane, from its definition to its deletion, disturbed
//! in some way ([crashes](crate::crash), [faults](crate::faults)), and compared with a calm one.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::{
    Options, Proxy, User,
    audit::Mark,
    crash::{Met, Point},
    dump::{Selection, dump},
    faults::Fault,
    kro::is_served,
    proxy::{KillPoint, Match},
    stack::{Endpoints, SOON, Stack},
    wait_for,
};

mod aws;
mod subject;

pub use subject::{RESOURCES, SUBJECTS, Subject};

/// How long nothing may be written before a phase that nothing disturbs counts as ended.
const QUIET: Duration = Duration::from_millis(1_000);
/// How much longer that is after a crash or a fault: longer than the first retries of a refusal.
const STILL: Duration = Duration::from_millis(1_500);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(50);

/// Which requests are counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Target {
    /// Writes of `kro-controller` to the API server.
    Kro,
    /// Writes of `ack-controller` to the API server.
    Ack,
    /// Calls of `ack-controller` to AWS.
    Aws,
}

/// A part of an instance's life.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Phase {
    /// From the definition to an ACTIVE instance.
    BringUp,
    /// Until a change has taken effect everywhere.
    Update,
    /// From the deletion of the instance until it is gone.
    Deletion,
}

impl Phase {
    /// In the order of a life.
    pub const ALL: [Self; 3] = [Self::BringUp, Self::Update, Self::Deletion];
}

/// What happens to a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Disturbance {
    Calm,
    Crash(Point),
    Fault(Fault),
}

/// A control plane on which one run after the other is made with one subject.
pub struct Bench {
    subject: &'static Subject,
    stack: Stack,
    kro: Proxy,
    ack: Proxy,
    aws: Proxy,
    calm: Run,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// All objects and AWS at the end of each phase.
    ends: BTreeMap<Phase, String>,
    /// Requests per target and phase.
    pub(crate) requests: BTreeMap<(Target, Phase), usize>,
    /// Whether its point was reached, if it had one.
    pub(crate) met: Met,
    /// How many requests the fault has struck, if there was one.
    pub(crate) struck: usize,
}

impl Target {
    pub(crate) fn matches(self) -> Match {
        match self {
            Self::Kro | Self::Ack => Match::writes(),
            Self::Aws => Match::any(),
        }
    }
}

impl Bench {
    /// Starts the control plane and makes the calm run.
    ///
    /// # Errors
    ///
    /// Something does not come up, or the calm run does not end, or a second one ends otherwise.
    pub async fn start(subject: &'static Subject) -> anyhow::Result<Self> {
        let stack = Stack::start(Options::api_server()).await?;
        let kro = Proxy::before_api_server(&stack.plane, User::KroController).await?;
        let ack = Proxy::before_api_server(&stack.plane, User::AckController).await?;
        let aws = Proxy::before_http(&stack.aws.url()).await?;
        let mut bench = Self { subject, stack, kro, ack, aws, calm: Run::new() };
        bench.calm = bench.run(Disturbance::Calm).await.context("the calm run")?;
        bench.run_as_calm(Disturbance::Calm).await.context("the second calm run")?;
        Ok(bench)
    }

    /// Whose life it is.
    #[must_use]
    pub fn subject(&self) -> &'static Subject {
        self.subject
    }

    pub(crate) fn calm(&self) -> &Run {
        &self.calm
    }

    /// Makes a run, and compares it with the calm one.
    pub(crate) async fn run_as_calm(&mut self, disturbance: Disturbance) -> anyhow::Result<Run> {
        let run = self.run(disturbance).await?;
        for phase in Phase::ALL {
            let (expected, got) = (self.calm.ends.get(&phase), run.ends.get(&phase));
            ensure!(expected == got, "{phase:?} ended, but\n{}", diff(expected, got));
        }
        Ok(run)
    }

    async fn run(&mut self, disturbance: Disturbance) -> anyhow::Result<Run> {
        let mut run = Run::new();
        self.stack.aws.control().reset();
        let old = self.watches();
        for region in self.subject.tables {
            aws::make_table(&self.stack.aws.url(), region, "shop").await?;
        }
        let mut controllers = Vec::new();
        if self.subject.with_kro {
            self.stack.start_kro(&self.endpoints("kro", &self.kro)?)?;
            controllers.push(Target::Kro);
        }
        if self.subject.with_ack {
            self.stack.start_ack(&self.endpoints("ack", &self.ack)?)?;
            controllers.push(Target::Ack);
        }
        self.begun(&controllers, old).await?;
        if !self.subject.before.is_empty() {
            self.stack.apply(self.subject.before).await?;
        }
        let begin = self.stack.plane.audit().mark().await?;
        if let Disturbance::Fault(fault) = disturbance {
            fault.arm(&self.kro, &self.ack, &self.aws);
        }
        for phase in Phase::ALL {
            let before = self.counts();
            let through = async {
                match disturbance {
                    Disturbance::Crash(point) if point.phase == phase => {
                        self.through(phase, point).await
                    }
                    Disturbance::Crash(_) | Disturbance::Calm => {
                        self.end(phase, Duration::ZERO).await.map(|()| Met::Missed)
                    }
                    Disturbance::Fault(_) => self.end(phase, STILL).await.map(|()| Met::Missed),
                }
            };
            if through.await.with_context(|| format!("{phase:?}"))? == Met::Reached {
                run.met = Met::Reached;
            }
            run.ends.insert(phase, self.dump().await?);
            for ((target, before), (_, now)) in before.iter().zip(self.counts()) {
                run.requests.insert((*target, phase), now - before);
            }
        }
        self.created_once(begin).await?;
        for proxy in self.proxies() {
            run.struck += proxy.fired();
            proxy.resume();
        }
        self.clean_up().await?;
        Ok(run)
    }

    /// Makes a phase with a crash in it.
    ///
    /// It fails where the phase does not come to its end, whether or not the point was reached: one
    /// that hangs is no missed point.
    async fn through(&self, phase: Phase, point: Point) -> anyhow::Result<Met> {
        let proxy = self.proxy(point.target);
        let mut kill = self.arm(point)?;
        tokio::select! {
            reached = kill.reached() => reached?,
            ended = self.end(phase, STILL) => {
                ended?;
                if proxy.disarm() {
                    return Ok(Met::Missed);
                }
                // It came just now, after the end was seen.
                kill.reached().await?;
            }
        }
        let old = self.watches();
        proxy.resume();
        match point.target {
            Target::Kro => self.stack.kro()?.restart()?,
            Target::Ack | Target::Aws => self.stack.ack()?.restart()?,
        }
        self.begun(&[point.target], old).await?;
        self.end(phase, STILL).await?;
        Ok(Met::Reached)
    }

    fn arm(&self, point: Point) -> anyhow::Result<KillPoint> {
        let process = match point.target {
            Target::Kro => self.stack.kro()?,
            Target::Ack | Target::Aws => self.stack.ack()?,
        };
        let when = point.target.matches();
        Ok(self.proxy(point.target).kill_point(when, point.nth, point.moment, process.killer()))
    }

    /// Brings a phase to its end, from wherever in it: it can be called again after a crash.
    async fn end(&self, phase: Phase, still: Duration) -> anyhow::Result<()> {
        let subject = self.subject;
        let instance = subject.instance_path();
        match phase {
            Phase::BringUp => {
                if subject.with_kro {
                    self.apply(subject.definition).await?;
                }
                // The kind has to be there first, which kro brings about.
                wait_for("the instance can be created", SOON, async || {
                    self.apply(subject.instance).await.map(Some)
                })
                .await
                .with_context(|| self.stack.logs())?;
            }
            Phase::Update => {
                self.apply(subject.update).await?;
                for (path, field, value) in subject.updated {
                    self.wait(path, value, |object| {
                        object.pointer(field).is_some_and(|found| found == *value)
                    })
                    .await?;
                }
                for (pointer, value) in subject.updated_at_aws {
                    wait_for(format!("AWS has {value} at {pointer}"), SOON, async || {
                        let aws = self.stack.aws.control().dump();
                        let found = aws.pointer(pointer);
                        ensure!(found.is_some_and(|found| found == *value), "{aws:#}");
                        Ok(Some(()))
                    })
                    .await
                    .with_context(|| self.stack.logs())?;
                }
            }
            Phase::Deletion => {
                if self.get(&instance).await?.is_some() {
                    let request = http::Request::delete(&instance).body(Vec::new())?;
                    match self.stack.plane.client().request::<Value>(request).await {
                        Ok(_) => {}
                        Err(kube::Error::Api(status)) if status.code == 404 => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                for path in subject.members.iter().copied().chain([instance.as_str()]) {
                    wait_for(format!("{path} is gone"), SOON, async || {
                        match self.get(path).await? {
                            Some(object) => bail!("{object:#}"),
                            None => Ok(Some(())),
                        }
                    })
                    .await
                    .with_context(|| self.stack.logs())?;
                }
                return self.settled(still).await;
            }
        }
        if subject.with_kro {
            self.wait(&subject.definition_path(), "is served", is_served).await?;
        }
        loop {
            self.wait(&instance, "is ready", |object| subject.is_ready(object)).await?;
            self.settled(still).await?;
            // What AWS takes its time over is waited for in silence.
            if self.get(&instance).await?.is_some_and(|object| subject.is_ready(&object)) {
                return Ok(());
            }
        }
    }

    /// Applies YAML, without what a kubectl for people does first: ask for all schemas there are.
    async fn apply(&self, yaml: &str) -> anyhow::Result<()> {
        let args = ["apply", "--server-side", "--force-conflicts", "--validate=false", "-f", "-"];
        self.stack.plane.kubectl_with(&args, yaml).await.map(drop)
    }

    async fn wait(
        &self,
        path: &str,
        what: &str,
        found: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<()> {
        wait_for(format!("{path}: {what}"), SOON, async || {
            let object = self.get(path).await?.context("it does not exist")?;
            ensure!(found(&object), "{object:#}");
            Ok(Some(()))
        })
        .await
        .with_context(|| self.stack.logs())
    }

    async fn get(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let request = http::Request::get(path).body(Vec::new())?;
        match self.stack.plane.client().request(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn endpoints(&self, name: &str, proxy: &Proxy) -> anyhow::Result<Endpoints> {
        let kubeconfig = self.stack.plane.kubeconfig_through(name, &proxy.url())?;
        Ok(Endpoints { kubeconfig, aws: self.aws.url() })
    }

    fn proxy(&self, target: Target) -> &Proxy {
        match target {
            Target::Kro => &self.kro,
            Target::Ack => &self.ack,
            Target::Aws => &self.aws,
        }
    }

    fn proxies(&self) -> [&Proxy; 3] {
        [&self.kro, &self.ack, &self.aws]
    }

    /// Watches of both controllers up to now.
    fn watches(&self) -> [usize; 2] {
        [&self.kro, &self.ack].map(|proxy| proxy.count(&Match::watches()))
    }

    /// Waits until the controllers have begun to work: one that watches has read what it reads at
    /// its start; ack-controller has also asked STS whose credentials it has.
    async fn begun(&self, targets: &[Target], old: [usize; 2]) -> anyhow::Result<()> {
        wait_for("the controllers watch", SOON, async || {
            let [kro, ack] = self.watches();
            let begun = targets.iter().all(|target| match target {
                Target::Kro => kro > old[0],
                Target::Ack | Target::Aws => ack > old[1],
            });
            Ok(begun.then_some(()))
        })
        .await
        .with_context(|| self.stack.logs())
    }

    /// Waits until nobody has written anything, nor asked AWS anything, for a while and another one.
    /// How soon a controller writes again is a matter of the machine; that it ends is not.
    async fn settled(&self, still: Duration) -> anyhow::Result<()> {
        let (mut last, mut since) = (self.counts(), Instant::now());
        let started = Instant::now();
        while since.elapsed() < QUIET + still {
            ensure!(
                started.elapsed() < SOON,
                "there is no end of writes: {last:?}\n{}",
                self.stack.logs()
            );
            tokio::time::sleep(PAUSE).await;
            let now = self.counts();
            // A request that is still on its way will have an effect; a list of what is there, by
            // which a watch begins that has ended, has none.
            if now != last || now.iter().any(|(target, _)| self.is_busy(*target)) {
                (last, since) = (now, Instant::now());
            }
        }
        Ok(())
    }

    fn is_busy(&self, target: Target) -> bool {
        self.proxy(target).is_busy(&target.matches())
    }

    fn counts(&self) -> [(Target, usize); 3] {
        [Target::Kro, Target::Ack, Target::Aws]
            .map(|target| (target, self.proxy(target).count(&target.matches())))
    }

    /// Nothing was created twice, neither at the API server nor at AWS.
    async fn created_once(&self, begin: Mark) -> anyhow::Result<()> {
        let entries = self.stack.plane.audit().since(begin).await?;
        let controllers = [User::KroController, User::AckController].map(User::name);
        let mut created = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.created() && entry.resource != "events") {
            if controllers.contains(&entry.user.as_str()) {
                let object = (&entry.resource, &entry.namespace, &entry.name);
                *created.entry(object).or_insert(0) += 1;
            }
        }
        ensure!(!created.is_empty() || !self.subject.with_kro, "nothing was created");
        for ((resource, namespace, name), times) in created {
            ensure!(times == 1, "{resource} {namespace}/{name} was created {times} times");
        }
        let calls = self.stack.aws.control().calls();
        for operation in self.subject.made_once {
            let made =
                calls.iter().filter(|call| call.operation == *operation && call.status == 200);
            let made = made.count();
            ensure!(made == 1, "{operation} succeeded {made} times");
        }
        Ok(())
    }

    /// All objects and the AWS endpoint as text, without what differs from run to run.
    async fn dump(&self) -> anyhow::Result<String> {
        let objects = dump(&self.stack.plane.client(), &Selection::all()).await?;
        // Made up anew for every table and backup, as AWS does.
        let made_up = ["\"tableID\":", "\"latestStreamARN\":", "\"latestStreamLabel\":"];
        let is_stable = |line: &&str| {
            let line = line.trim_start();
            !made_up.iter().any(|field| line.starts_with(field)) && !line.contains("/backup/")
        };
        let objects: Vec<&str> = objects.lines().filter(is_stable).collect();
        Ok(format!("{}\n{:#}\n", objects.join("\n"), self.stack.aws.control().dump()))
    }

    async fn clean_up(&mut self) -> anyhow::Result<()> {
        let subject = self.subject;
        if subject.with_kro {
            self.clean_up_definition(subject).await?;
        }
        for process in [&self.stack.kro, &self.stack.ack].into_iter().flatten() {
            process.kill()?;
        }
        for proxy in self.proxies() {
            proxy.resume();
        }
        Ok(())
    }

    async fn clean_up_definition(&self, subject: &Subject) -> anyhow::Result<()> {
        let (rgd, crd) =
            (format!("rgd/{}", subject.rgd), format!("crd/{}.kro.run", subject.plural));
        let selector = format!("--selector=kro.run/resource-graph-definition-name={}", subject.rgd);
        // Nobody collects here what has lost its owner, so revisions are deleted one by one.
        for what in [
            &[rgd.as_str(), "--ignore-not-found"],
            &["graphrevisions.internal.kro.run", &selector],
            &[&crd, "--ignore-not-found"],
            &["configmap/settings", "--ignore-not-found"],
        ] {
            let args = [&["delete", "--timeout=60s"][..], what].concat();
            self.stack.plane.kubectl(&args).await.with_context(|| self.stack.logs())?;
        }
        Ok(())
    }
}

impl Run {
    fn new() -> Self {
        Self { ends: BTreeMap::new(), requests: BTreeMap::new(), met: Met::Missed, struck: 0 }
    }
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bench({})", self.subject.name)
    }
}

/// The lines that differ.
fn diff(expected: Option<&String>, got: Option<&String>) -> String {
    let lines = |text: Option<&String>| -> Vec<String> {
        text.into_iter().flat_map(|text| text.lines()).map(str::to_owned).collect()
    };
    let (old, new) = (lines(expected), lines(got));
    let missing = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
    let added = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    missing.chain(added).take(40).collect::<Vec<_>>().join("\n")
}
