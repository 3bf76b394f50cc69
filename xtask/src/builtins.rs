//! The tables of the kinds that come with Kubernetes (`crates/builtins/tables`).
//!
//! What API servers of a version publish is part of its module (`api/openapi-spec`,
//! `api/discovery`); for the version on which the scenarios run, a live server is asked as well.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, process};

use anyhow::{Context, bail, ensure};
use clap::Subcommand;
use serde_json::{Map, Value};

mod published;

use published::Published;

/// The versions, by the module that is read for each.
pub const MODULES: [(u32, &str); 5] =
    [(33, "v1.33.13"), (34, "v1.34.4"), (35, "v1.35.4"), (36, "v1.36.3"), (37, "v1.37.2")];

/// The version of the control plane on which the scenarios run.
pub const LIVE: u32 = 34;

/// What can be done with the tables.
#[derive(Subcommand)]
pub enum Command {
    /// Write them anew
    Generate,
    /// Compare them with what Kubernetes publishes
    Check {
        /// Only the version of the control plane on which scenarios run
        #[arg(long)]
        only_live: bool,
    },
}

/// Runs a `cargo xtask builtins` command.
///
/// # Errors
/// A module or the control plane is not there, or the tables differ.
pub fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Generate => generate(),
        Command::Check { only_live: true } => block_on(check_live()),
        Command::Check { only_live: false } => block_on(check()),
    }
}

fn block_on(check: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(check)
}

/// Writes the tables of all versions.
fn generate() -> anyhow::Result<()> {
    let tables = Tables::of_modules()?;
    fs::create_dir_all(folder())?;
    for (file, text) in tables.files() {
        let path = folder().join(file);
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

/// Compares the tables with the modules of all versions, and with a live server of one.
///
/// # Errors
/// When they differ.
pub async fn check() -> anyhow::Result<()> {
    let tables = Tables::of_modules()?;
    for (file, text) in tables.files() {
        ensure!(committed(file)? == text, "{file} differs: run `cargo xtask builtins generate`");
    }
    check_live().await
}

/// Compares the tables with what a live server publishes, for its version.
///
/// A server does not serve alpha and beta APIs by default: what only the tables have must be of
/// these.
///
/// # Errors
/// When they differ.
pub async fn check_live() -> anyhow::Result<()> {
    let live = Tables::of([(LIVE, Published::of_server().await?)])?;
    let committed = Tables::committed()?.only(LIVE);
    ensure!(!live.kinds.is_empty(), "the server has no kinds");
    let mut differences = Vec::new();
    for (what, live, committed) in [
        ("kind", &live.kinds, &committed.kinds),
        ("definition", &live.definitions, &committed.definitions),
    ] {
        for row in live.keys().filter(|row| !committed.contains_key(*row)) {
            differences.push(format!("{what} {} differs from the server's, or is missing", row.0));
        }
    }
    for (name, row) in committed.kinds.keys() {
        let by_default = !name.contains("alpha") && !name.contains("beta");
        if by_default && !live.kinds.contains_key(&(name.clone(), row.clone())) {
            differences.push(format!("kind {name} is not served"));
        }
    }
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// How many kinds the tables have for a version.
///
/// # Errors
/// When the tables can't be read.
pub fn count(minor: u32) -> anyhow::Result<usize> {
    Ok(Tables::committed()?.only(minor).kinds.len())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/builtins/tables")
}

fn committed(file: &str) -> anyhow::Result<String> {
    let path = folder().join(file);
    fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))
}

/// Lines by name and content, with the versions in which they are so.
type Rows = BTreeMap<(String, String), BTreeSet<u32>>;

#[derive(Default)]
struct Tables {
    kinds: Rows,
    definitions: Rows,
}

impl Tables {
    fn of_modules() -> anyhow::Result<Self> {
        let published = MODULES.iter().map(|(minor, version)| {
            let folder = module_folder(version)?;
            Ok((*minor, Published::of_module(&folder)?))
        });
        Self::of(published.collect::<anyhow::Result<Vec<_>>>()?)
    }

    fn of(versions: impl IntoIterator<Item = (u32, Published)>) -> anyhow::Result<Self> {
        let mut tables = Self::default();
        for (minor, published) in versions {
            let definitions = published.definitions()?;
            let mut wanted = Vec::new();
            for resource in published.resources()? {
                let list = definitions
                    .names
                    .get(&(resource.api_version.clone(), format!("{}List", resource.kind)));
                let gvk = (resource.api_version, resource.kind);
                let Some(definition) = definitions.names.get(&gvk) else {
                    bail!("1.{minor} describes no {} {}", gvk.0, gvk.1);
                };
                wanted.extend([definition, list.unwrap_or(definition)]);
                let scope = if resource.namespaced { "namespaced" } else { "cluster" };
                let name = format!("{}/{}", gvk.0, gvk.1);
                let content = format!("{} {scope} {definition}", resource.plural);
                tables.kinds.entry((name, content)).or_default().insert(minor);
            }
            let mut seen = BTreeSet::new();
            while let Some(name) = wanted.pop() {
                if !seen.insert(name) {
                    continue;
                }
                let Some((json, references)) = definitions.schemas.get(name) else {
                    bail!("1.{minor} has no definition {name}");
                };
                wanted.extend(references);
                let row = (name.clone(), json.clone());
                tables.definitions.entry(row).or_default().insert(minor);
            }
        }
        Ok(tables)
    }

    fn committed() -> anyhow::Result<Self> {
        let read = |file: &str| {
            let text = committed(file)?;
            let rows = text.lines().map(|line| {
                let mut parts = line.splitn(3, ' ');
                let (Some(name), Some(versions), Some(content)) =
                    (parts.next(), parts.next(), parts.next())
                else {
                    bail!("{file}: not a line of a table: {line}");
                };
                Ok(((name.to_owned(), content.to_owned()), read_versions(versions)?))
            });
            rows.collect::<anyhow::Result<Rows>>()
        };
        Ok(Self { kinds: read("kinds.txt")?, definitions: read("definitions.txt")? })
    }

    /// The rows of one version.
    fn only(mut self, minor: u32) -> Self {
        for rows in [&mut self.kinds, &mut self.definitions] {
            rows.retain(|_, versions| versions.contains(&minor));
        }
        self
    }

    fn files(&self) -> [(&'static str, String); 2] {
        let text = |rows: &Rows| {
            let lines = rows.iter().map(|((name, content), versions)| {
                format!("{name} {} {content}\n", written_versions(versions))
            });
            lines.collect()
        };
        [("kinds.txt", text(&self.kinds)), ("definitions.txt", text(&self.definitions))]
    }
}

/// `33-34,36`.
fn written_versions(versions: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &version in versions {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == version => *last = version,
            Some(_) | None => ranges.push((version, version)),
        }
    }
    let written = ranges.into_iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    written.collect::<Vec<_>>().join(",")
}

fn read_versions(text: &str) -> anyhow::Result<BTreeSet<u32>> {
    let mut versions = BTreeSet::new();
    for range in text.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        versions.extend(first.parse::<u32>()?..=last.parse::<u32>()?);
    }
    Ok(versions)
}

/// Where the module of a version lies; it is downloaded if need be.
fn module_folder(version: &str) -> anyhow::Result<PathBuf> {
    let module = format!("k8s.io/kubernetes@{version}");
    let output = process::Command::new("go")
        .args(["mod", "download", "-json", &module])
        .output()
        .context("can't run go")?;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    match answer["Dir"].as_str() {
        Some(folder) => Ok(folder.into()),
        None => bail!("can't download {module}: {}", answer["Error"]),
    }
}

/// Keywords that say nothing to us. Enumerations are published by servers, but not in modules.
const LEFT_OUT: [&str; 6] = [
    "description",
    "enum",
    "x-kubernetes-group-version-kind",
    "x-kubernetes-patch-merge-key",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-unions",
];

/// A schema without what says nothing, and the names that it refers to.
fn compact(schema: &Value, references: &mut BTreeSet<String>) -> Value {
    let Some(keywords) = schema.as_object() else { return schema.clone() };
    let mut kept = Map::new();
    for (keyword, value) in keywords {
        let value = match keyword.as_str() {
            keyword if LEFT_OUT.contains(&keyword) => continue,
            // A zero value in Go, which no API server fills in.
            "default" if is_zero(value) => continue,
            "$ref" => {
                let name = value.as_str().and_then(|text| text.strip_prefix(PREFIX));
                references.extend(name.map(str::to_owned));
                value.clone()
            }
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                properties
                    .map(|(name, schema)| (name.clone(), compact(schema, references)))
                    .collect()
            }
            "items" | "additionalProperties" | "not" => compact(value, references),
            "allOf" | "anyOf" | "oneOf" => {
                let schemas = value.as_array().into_iter().flatten();
                schemas.map(|schema| compact(schema, references)).collect()
            }
            _ => value.clone(),
        };
        kept.insert(keyword.clone(), value);
    }
    // A reference was wrapped to add what is left out.
    match kept.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) if kept.len() == 1 => only.clone(),
        Some(_) | None => Value::Object(kept),
    }
}

const PREFIX: &str = "#/components/schemas/";

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_f64() == Some(0.0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
    }
}
