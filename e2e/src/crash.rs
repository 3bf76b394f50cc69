//! Crash points: a controller is killed at the Nth request of a whole bring-up or a whole deletion,
//! started again, and everything has to end as if nothing had happened.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, bail, ensure};

use crate::{
    Options, Proxy, User,
    audit::Mark,
    dump::{Selection, dump},
    proxy::{Match, Moment},
    stack::{Endpoints, SOON, Stack},
    wait_for,
};

/// How long nothing may be written before a run counts as ended.
const QUIET: Duration = Duration::from_millis(1_000);
/// How long after that nothing may be written at all; longer than the first retries of a refusal.
const STILL: Duration = Duration::from_millis(2_000);

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

/// What is going on when the controller is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub enum Phase {
    /// From the definition to an ACTIVE instance.
    BringUp,
    /// From the deletion of the instance until it is gone.
    Deletion,
}

/// One moment at which a controller is killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Point {
    /// Whose request.
    pub target: Target,
    /// In which phase.
    pub phase: Phase,
    /// Which request, counted from one.
    pub nth: usize,
    /// Before the request reaches the server, or before the answer reaches the controller.
    pub moment: Moment,
}

/// Whether a run came by its point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a point that was not reached proves nothing"]
pub enum Met {
    /// The controller was killed there.
    Reached,
    /// The phase came to its end with fewer requests: how many there are differs a little with the
    /// speed of the machine.
    Missed,
}

/// A control plane on which one run after the other is made.
pub struct Bench {
    stack: Stack,
    kro: Proxy,
    ack: Proxy,
    aws: Proxy,
    undisturbed: Run,
}

/// What a run came to.
#[derive(Clone, Debug)]
struct Run {
    /// All objects and AWS, once the instance is ACTIVE.
    up: String,
    /// The same, once the instance is gone.
    down: String,
    /// Requests per target and phase.
    requests: BTreeMap<(Target, Phase), usize>,
    /// Whether its point was reached, if it had one.
    met: Met,
}

impl Run {
    fn new() -> Self {
        Self { up: String::new(), down: String::new(), requests: BTreeMap::new(), met: Met::Missed }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, phase, nth, moment } = self;
        write!(f, "{target:?}, {phase:?}, request {nth}, {moment:?}")
    }
}

impl Target {
    fn matches(self) -> Match {
        match self {
            Self::Kro | Self::Ack => Match::writes(),
            Self::Aws => Match::any(),
        }
    }
}

impl Bench {
    /// Starts the control plane and makes the undisturbed run.
    ///
    /// # Errors
    ///
    /// Something does not come up, or the undisturbed run does not end.
    pub async fn start() -> anyhow::Result<Self> {
        let stack = Stack::start(Options::api_server()).await?;
        let kro = Proxy::before_api_server(&stack.plane, User::KroController).await?;
        let ack = Proxy::before_api_server(&stack.plane, User::AckController).await?;
        let aws = Proxy::before_http(&stack.aws.url()).await?;
        let mut bench = Self { stack, kro, ack, aws, undisturbed: Run::new() };
        let first = bench.run(None).await.context("the undisturbed run")?;
        let second = bench.run(None).await.context("the second undisturbed run")?;
        for (one, other) in [(&first.up, &second.up), (&first.down, &second.down)] {
            ensure!(one == other, "two undisturbed runs differ:\n{}", diff(one, other));
        }
        bench.undisturbed = second;
        Ok(bench)
    }

    /// Every point of the undisturbed run.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        let counts = self.undisturbed.requests.iter();
        counts
            .flat_map(|(&(target, phase), &count)| {
                (1..=count).flat_map(move |nth| {
                    [Moment::Before, Moment::After].map(|moment| Point {
                        target,
                        phase,
                        nth,
                        moment,
                    })
                })
            })
            .collect()
    }

    /// Makes a run with a crash at `point`, and compares it with the undisturbed one, also where the
    /// point was missed.
    ///
    /// # Errors
    ///
    /// The run does not come to its end, the end differs, something was created twice, or something
    /// is written after the end.
    pub async fn crash(&mut self, point: Point) -> anyhow::Result<Met> {
        let run = self.run(Some(point)).await.with_context(|| point.to_string())?;
        let expected = &self.undisturbed;
        ensure!(run.up == expected.up, "{point}: ACTIVE, but\n{}", diff(&expected.up, &run.up));
        ensure!(
            run.down == expected.down,
            "{point}: gone, but\n{}",
            diff(&expected.down, &run.down)
        );
        Ok(run.met)
    }

    async fn run(&mut self, point: Option<Point>) -> anyhow::Result<Run> {
        let mut run = Run::new();
        self.stack.aws.control().reset();
        let old = self.watches();
        self.stack.start_kro(&self.endpoints("kro", &self.kro)?)?;
        self.stack.start_ack(&self.endpoints("ack", &self.ack)?)?;
        self.begun(&[Target::Kro, Target::Ack], old).await?;
        let begin = self.stack.plane.audit().mark().await?;

        let before = self.counts();
        let met = self.through(point, Phase::BringUp, async || self.up().await).await?;
        run.up = self.dump().await?;
        self.count(&mut run, Phase::BringUp, &before);
        self.created_once(begin).await?;

        let before = self.counts();
        let delete = ["delete", "application", "my-app", "--wait=false"];
        let down = async || {
            self.stack.plane.kubectl(&[&delete[..], &["--ignore-not-found"]].concat()).await?;
            self.down().await
        };
        let then = self.through(point, Phase::Deletion, down).await?;
        run.down = self.dump().await?;
        self.count(&mut run, Phase::Deletion, &before);
        self.created_once(begin).await?;
        if [met, then].contains(&Met::Reached) {
            run.met = Met::Reached;
        }

        self.clean_up().await?;
        Ok(run)
    }

    /// Applies the example, and waits for the end of what that leads to. The kind has to be there
    /// first, which the controller that is about to be killed brings about.
    async fn up(&self) -> anyhow::Result<()> {
        self.stack.apply_example("rgd.yaml").await?;
        wait_for("the instance can be created", SOON, async || {
            self.stack.apply_example("instance.yaml").await.map(Some)
        })
        .await?;
        self.stack.wait_active("my-app").await?;
        self.settled().await
    }

    /// Waits for the end of a deletion.
    async fn down(&self) -> anyhow::Result<()> {
        for (kind, name) in
            [("application", "my-app"), ("bucket", "my-app-data"), ("table", "my-app-table")]
        {
            self.stack.wait_gone(kind, name).await?;
        }
        self.settled().await
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

    fn arm(
        &self,
        point: Option<Point>,
        phase: Phase,
    ) -> anyhow::Result<Option<(Point, crate::proxy::KillPoint)>> {
        let Some(point) = point.filter(|point| point.phase == phase) else { return Ok(None) };
        let process = match point.target {
            Target::Kro => self.stack.kro()?,
            Target::Ack | Target::Aws => self.stack.ack()?,
        };
        let when = point.target.matches();
        let kill =
            self.proxy(point.target).kill_point(when, point.nth, point.moment, process.killer());
        Ok(Some((point, kill)))
    }

    /// Makes a phase, which `end` brings to its end, with a crash if the point is in it.
    ///
    /// `end` may be called twice, as the end has to come anew after a crash. It fails where the end
    /// does not come, whether or not the point was reached: a phase that hangs is no missed point.
    async fn through(
        &self,
        point: Option<Point>,
        phase: Phase,
        end: impl AsyncFn() -> anyhow::Result<()>,
    ) -> anyhow::Result<Met> {
        let Some((point, mut kill)) = self.arm(point, phase)? else {
            end().await?;
            return Ok(Met::Missed);
        };
        let proxy = self.proxy(point.target);
        tokio::select! {
            reached = kill.reached() => reached?,
            ended = end() => {
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
        end().await?;
        Ok(Met::Reached)
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

    /// Waits until nobody has written anything for a while.
    async fn settled(&self) -> anyhow::Result<()> {
        let mut last = self.writes();
        for _ in 0..20 {
            tokio::time::sleep(QUIET).await;
            let now = self.writes();
            if now == last {
                tokio::time::sleep(STILL).await;
                let after = self.writes();
                ensure!(after == now, "written after the end: {now:?}, then {after:?}");
                return Ok(());
            }
            last = now;
        }
        bail!("there is no end of writes\n{}", self.stack.logs())
    }

    fn writes(&self) -> [usize; 3] {
        self.counts().map(|(_, count)| count)
    }

    fn counts(&self) -> [(Target, usize); 3] {
        [Target::Kro, Target::Ack, Target::Aws]
            .map(|target| (target, self.proxy(target).count(&target.matches())))
    }

    fn count(&self, run: &mut Run, phase: Phase, before: &[(Target, usize); 3]) {
        for ((target, before), (_, now)) in before.iter().zip(self.counts()) {
            run.requests.insert((*target, phase), now - before);
        }
    }

    /// Everything was created exactly once, at the API server and at AWS.
    async fn created_once(&self, begin: Mark) -> anyhow::Result<()> {
        let entries = self.stack.plane.audit().since(begin).await?;
        for (resource, namespace, name) in [
            ("customresourcedefinitions", "", "applications.kro.run"),
            ("buckets", "default", "my-app-data"),
            ("tables", "default", "my-app-table"),
            ("deployments", "default", "my-app"),
        ] {
            let created = entries.creations(resource, namespace, name);
            ensure!(created == 1, "{resource} {name} was created {created} times");
        }
        let calls = self.stack.aws.control().calls();
        for operation in ["CreateBucket", "CreateTable"] {
            let made =
                calls.iter().filter(|call| call.operation == operation && call.status == 200);
            let made = made.count();
            ensure!(made == 1, "{operation} succeeded {made} times");
        }
        Ok(())
    }

    /// All objects and the AWS endpoint as text, without what differs from run to run.
    async fn dump(&self) -> anyhow::Result<String> {
        let objects = dump(&self.stack.plane.client(), &Selection::all()).await?;
        // Made up anew for every table, as AWS does.
        let is_stable = |line: &&str| !line.trim_start().starts_with("\"tableID\":");
        let objects: Vec<&str> = objects.lines().filter(is_stable).collect();
        Ok(format!("{}\n{:#}\n", objects.join("\n"), self.stack.aws.control().dump()))
    }

    async fn clean_up(&mut self) -> anyhow::Result<()> {
        let names = ["rgd/application", "crd/applications.kro.run"];
        for name in names {
            self.stack
                .plane
                .kubectl(&["delete", name, "--ignore-not-found", "--timeout=30s"])
                .await?;
        }
        self.stack.kro()?.kill()?;
        self.stack.ack()?.kill()?;
        for proxy in [&self.kro, &self.ack, &self.aws] {
            proxy.resume();
        }
        Ok(())
    }
}

/// The lines that differ.
fn diff(expected: &str, got: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), got.lines().collect());
    let missing = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
    let added = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    missing.chain(added).take(40).collect::<Vec<_>>().join("\n")
}
