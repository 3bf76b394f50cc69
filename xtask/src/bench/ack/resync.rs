//! What resyncs of unchanged objects ask AWS for.

use super::kinds::KINDS;
use super::load::{Call, calls, kind_of, name, resources};
use crate::bench::load::send;
use anyhow::{Context, ensure};
use e2e::stack::{SOON, Stack, ack_program};
use e2e::{User, wait_for};
use http::Method;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// How often objects are read again.
const EVERY_SECONDS: i64 = 3;
/// Resyncs that are counted: two whole rounds, in each of which everything is read once.
const RESYNCS: usize = 8;

/// What was counted of a kind.
#[derive(Serialize)]
pub(super) struct Resync {
    pub(super) kind: &'static str,
    /// Calls of each resync of one object, one after another.
    pub(super) calls: Vec<usize>,
    /// Calls of most resyncs: the median of all objects.
    pub(super) usual: usize,
    /// Calls of a resync, on average over all objects.
    pub(super) mean: f64,
    /// What the published controller calls.
    pub(super) published: usize,
    /// What is to be reached.
    pub(super) most: f64,
}

/// Counts the calls of resyncs of so many objects of each kind.
pub(super) async fn count(
    stack: &Stack,
    number: usize,
    controller: &Path,
) -> anyhow::Result<Vec<Resync>> {
    let endpoints = stack.direct(User::AckController);
    let every = format!("--reconcile-default-resync-seconds={EVERY_SECONDS}");
    let process = stack.plane.run(ack_program(controller.to_owned(), &endpoints).arg(every))?;
    let client = stack.plane.client();
    for kind in &KINDS {
        for at in 0..number {
            let object = kind.object(at);
            send(&client, Method::POST, "application/json", &kind.path(), &object).await?;
        }
    }
    let counted = wait_for("all are read often enough", SOON * 2, async || {
        let calls = calls(stack);
        // The first pass creates; what comes last may not be complete yet.
        let passes = passes(&calls);
        let fewest = passes.values().map(Vec::len).min().unwrap_or(0);
        ensure!(passes.len() == KINDS.len() * number, "{:?}", resources(&calls));
        ensure!(fewest > RESYNCS + 1, "{fewest} passes");
        Ok(Some(passes))
    });
    let counted = counted.await.with_context(|| process.log_tail(15))?;
    process.kill()?;
    for kind in &KINDS {
        let all = kind.path();
        send(&client, Method::DELETE, "application/json", &all, &Value::Null).await?;
    }
    let mut resyncs = Vec::new();
    for kind in &KINDS {
        let of_kind = counted
            .iter()
            .filter(|(name, _)| kind_of(name).is_some_and(|found| found.kind == kind.kind));
        let of_kind: Vec<&[usize]> = of_kind.map(|(_, passes)| &passes[1..=RESYNCS]).collect();
        let sum: usize = of_kind.iter().flat_map(|passes| passes.iter()).sum();
        let passes = u32::try_from(of_kind.len() * RESYNCS)?;
        let mut sorted: Vec<usize> =
            of_kind.iter().flat_map(|passes| passes.iter().copied()).collect();
        sorted.sort_unstable();
        resyncs.push(Resync {
            kind: kind.kind,
            calls: of_kind.first().map(|passes| passes.to_vec()).unwrap_or_default(),
            usual: sorted.get(sorted.len() / 2).copied().unwrap_or(0),
            mean: f64::from(u32::try_from(sum)?) / f64::from(passes),
            published: kind.published,
            most: f64::from(u32::try_from(kind.published)?) * kind.share,
        });
    }
    Ok(resyncs)
}

/// The calls of each pass over each object: calls that come soon after another belong to one pass.
fn passes(calls: &[Call]) -> BTreeMap<String, Vec<usize>> {
    let mut objects: BTreeMap<String, (i64, Vec<usize>)> = BTreeMap::new();
    for call in calls {
        let name = name(&call.resource);
        if kind_of(name).is_none() {
            continue;
        }
        let (last, passes) = objects.entry(name.to_owned()).or_insert((i64::MIN, Vec::new()));
        match passes.last_mut() {
            Some(pass) if call.at_ms - *last < EVERY_SECONDS * 500 => *pass += 1,
            Some(_) | None => passes.push(1),
        }
        *last = call.at_ms;
    }
    objects.into_iter().map(|(name, (_, passes))| (name, passes)).collect()
}
