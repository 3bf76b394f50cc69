//! Churn: definitions and instances come, change and go for a long time, and the controller must not
//! grow.

use std::{
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use http::Method;
use serde_json::{Value, json};

use crate::{
    kro::{
        Kro, SOON, config, config_map, crd, definition, instance, instances, is_active, object, rgd,
    },
    wait_for,
};

/// Instances of each kind in a round.
const INSTANCES: usize = 20;
/// Rounds that are made at least after the first, whatever the time.
const ROUNDS: usize = 9;
/// What a controller may grow by between the first third of the rounds and the last.
const GROWTH_PERCENT: u64 = 10;
/// And beside that: what an allocator keeps or gives back as it likes.
const SLACK_KIB: u64 = 4 * 1024;
/// So many more files and connections may be open.
const DESCRIPTORS: usize = 8;
/// What a burst opened is closed by the API server when it was idle for 90 s.
const IDLE: Duration = Duration::from_secs(100);

/// The state of the controller at the end of a round, when everything is gone again.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How long the churn lasts.
    pub at: Duration,
    /// Resident memory.
    pub resident_kib: u64,
    /// Open files and connections.
    pub descriptors: usize,
}

/// A whole churn.
#[derive(Clone, Debug)]
pub struct Churn {
    /// One sample for each round but the first.
    pub samples: Vec<Sample>,
    /// Open files at rest: after the first round and after the last.
    pub at_rest: (usize, usize),
    /// The most memory that the controller ever had.
    pub peak_kib: u64,
}

/// What grew.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Growth {
    /// The median of the resident memory in the first third of the rounds and in the last.
    pub resident_kib: (u64, u64),
    /// The open files at rest after the first round and after the last.
    pub descriptors: (usize, usize),
}

/// Lets definitions and instances come, change and go for this time, in rounds.
///
/// # Errors
///
/// Something does not come to its end, or the controller ends.
pub async fn churn(time: Duration, mut told: impl FnMut(&Sample)) -> anyhow::Result<Churn> {
    let kro = Kro::start(&[]).await?;
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "default"}, "data": {"value": "1"},
    });
    kro.create(&config_map("settings"), &settings).await?;
    let process = kro.controller.id().context("the controller does not run")?;
    // The very first round fills what is kept for good.
    round(&kro).await.context("the first round")?;
    tokio::time::sleep(IDLE).await;
    let (before, started, mut samples) = (descriptors(process)?, Instant::now(), Vec::new());
    while started.elapsed() < time || samples.len() < ROUNDS {
        round(&kro).await.with_context(|| format!("round {}", samples.len() + 2))?;
        ensure!(kro.controller.id() == Some(process), "the controller is another one");
        let sample = Sample {
            at: started.elapsed(),
            resident_kib: memory(process, "VmRSS:")?,
            descriptors: descriptors(process)?,
        };
        told(&sample);
        samples.push(sample);
    }
    tokio::time::sleep(IDLE).await;
    let at_rest = (before, descriptors(process)?);
    Ok(Churn { samples, at_rest, peak_kib: memory(process, "VmHWM:")? })
}

impl Churn {
    /// What grew.
    ///
    /// # Errors
    ///
    /// It grew by more than its bound, or there are too few samples to tell.
    pub fn growth(&self) -> anyhow::Result<Growth> {
        let third = self.samples.len() / 3;
        ensure!(third > 0, "{} samples say nothing", self.samples.len());
        let (early, late) = (&self.samples[..third], &self.samples[self.samples.len() - third..]);
        let (resident_kib, descriptors) = ((median(early), median(late)), self.at_rest);
        let bound = resident_kib.0 * (100 + GROWTH_PERCENT) / 100 + SLACK_KIB;
        if resident_kib.1 > bound {
            bail!("memory grew from {} to {} KiB: {self:#?}", resident_kib.0, resident_kib.1);
        }
        if descriptors.1 > descriptors.0 + DESCRIPTORS {
            bail!("open files grew from {} to {}: {self:#?}", descriptors.0, descriptors.1);
        }
        Ok(Growth { resident_kib, descriptors })
    }
}

/// The median of the resident memory.
fn median(samples: &[Sample]) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(|it| it.resident_kib).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn descriptors(process: u32) -> anyhow::Result<usize> {
    Ok(fs::read_dir(format!("/proc/{process}/fd"))?.count())
}

fn memory(process: u32, field: &str) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.with_context(|| format!("no {field}"))?.parse().context("no number")
}

/// Three definitions of different shapes with their instances, from nothing to nothing.
async fn round(kro: &Kro) -> anyhow::Result<()> {
    let subjects = [
        ("chain", "Chain", "chains", chain()),
        ("fleet", "Fleet", "fleets", fleet()),
        ("consumer", "Consumer", "consumers", consumer()),
    ];
    let fields = json!({"value": "string | default=one"});
    for (name, kind, _, resources) in &subjects {
        kro.define(&definition(name, kind, &fields, resources)).await?;
        kro.wait_served(name).await?;
    }
    for (_, kind, plural, _) in &subjects {
        for number in 0..INSTANCES {
            let name = format!("{plural}-{number}");
            kro.create(&instance(plural, &name), &object(kind, &name, &json!({}))).await?;
        }
        all(kro, plural, INSTANCES, is_active).await?;
    }
    // What they refer to, they themselves, and what they are made from.
    let now = jiff::Timestamp::now().to_string();
    kro.patch(&config_map("settings"), &json!({"data": {"value": now}})).await?;
    for (_, _, plural, _) in &subjects {
        for number in 0..INSTANCES {
            let path = instance(plural, &format!("{plural}-{number}"));
            kro.patch(&path, &json!({"spec": {"value": "two"}})).await?;
        }
    }
    for (name, _, plural, _) in &subjects {
        let more = json!({"value": "string | default=one", "more": "string | default=more"});
        kro.patch(&rgd(name), &json!({"spec": {"schema": {"spec": more}}})).await?;
        kro.wait_served(name).await?;
        all(kro, plural, INSTANCES, is_active).await?;
    }
    for (name, _, plural, _) in &subjects {
        kro.delete(&instances(plural)).await?;
        all(kro, plural, 0, is_active).await?;
        kro.delete(&rgd(name)).await?;
        kro.wait_gone(&rgd(name)).await?;
        // Nobody collects here what has lost its owner.
        let selector = format!("labelSelector=kro.run/resource-graph-definition-name={name}");
        let revisions = "/apis/internal.kro.run/v1alpha1/graphrevisions";
        kro.delete(&format!("{revisions}?{selector}")).await?;
        kro.delete(&crd(&format!("{plural}.kro.run"))).await?;
        kro.wait_gone(&crd(&format!("{plural}.kro.run"))).await?;
    }
    Ok(())
}

/// Waits until there are so many instances, and all of them are good.
async fn all(
    kro: &Kro,
    plural: &str,
    count: usize,
    good: fn(&Value) -> bool,
) -> anyhow::Result<()> {
    let path = instances(plural);
    wait_for(format!("{count} {plural}"), SOON, async || {
        let list = kro.send(Method::GET, &path, &Value::Null).await?;
        let items = list["items"].as_array().context("no items")?;
        ensure!(items.len() == count, "{} of them", items.len());
        if let Some(bad) = items.iter().find(|item| !good(item)) {
            bail!("{bad:#}");
        }
        Ok(Some(()))
    })
    .await
    .with_context(|| kro.controller.log_tail(20))
}

fn chain() -> Value {
    let name = "${schema.metadata.name}";
    let before = |id: &str| format!("${{{id}.data.key}}");
    json!([
        config("a", &format!("{name}-a"), "${schema.spec.value}"),
        config("b", &format!("{name}-b"), &before("a")),
        config("c", &format!("{name}-c"), &before("b")),
    ])
}

fn fleet() -> Value {
    let name = "${schema.metadata.name}-${letter}";
    let mut members = config("members", name, "${schema.spec.value}");
    members["forEach"] = json!([{"letter": "${['a', 'b', 'c', 'd']}"}]);
    json!([members])
}

fn consumer() -> Value {
    json!([
        {
            "id": "settings",
            "externalRef": {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"},
            },
        },
        config("copy", "${schema.metadata.name}-copy", "${settings.data.value}"),
    ])
}

#[cfg(test)]
mod tests {
    use super::{Churn, Sample};
    use std::time::Duration;

    fn churn(resident_kib: impl Fn(u64) -> u64, at_rest: (usize, usize)) -> Churn {
        let sample = |number: u64| Sample {
            at: Duration::from_secs(number),
            resident_kib: resident_kib(number),
            descriptors: 90,
        };
        Churn { samples: (0..30).map(sample).collect(), at_rest, peak_kib: 0 }
    }

    #[test]
    fn growth_is_told_from_noise() {
        churn(|n| 40_000 + n % 5 * 900, (20, 23)).growth().expect("flat");
        churn(|n| 40_000 + n * 500, (20, 20)).growth().expect_err("memory grows");
        churn(|_| 40_000, (20, 30)).growth().expect_err("connections leak");
    }
}
