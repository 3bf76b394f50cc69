//! The definitions of a run, compiled; and the other documents beside them.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place, nearest};
use graph::{Graph, Kind, Options, RgdSpec};
use schema::Schema;
use schema::openapi::{GroupVersionKind, kinds_of_crd};
use serde_json::Value;

use crate::Failure;
use crate::input::{self, Input};
use crate::kinds::{KindArgs, KindSources, complete};
use crate::report::Findings;

/// The files of a command.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// A file, a directory, a pattern, or `-` for standard input; may be repeated.
    #[arg(long = "filename", short = 'f', value_name = "FILE")]
    pub(crate) filename: Vec<String>,
    /// The same as -f.
    #[arg(value_name = "FILE", conflicts_with = "filename", hide = true)]
    pub(crate) files: Vec<String>,
}

/// A definition of a run.
pub(crate) struct Definition {
    /// Where it stands.
    pub(crate) input: Input,
    /// Its name.
    pub(crate) name: String,
    /// The kind of its instances.
    pub(crate) gvk: GroupVersionKind,
    /// What it says.
    pub(crate) spec: RgdSpec,
    /// What it was compiled to; `None` if it has mistakes.
    pub(crate) graph: Option<Graph>,
}

/// Everything that the files of a run hold.
pub(crate) struct Loaded {
    pub(crate) definitions: Vec<Definition>,
    /// Documents that are neither definitions nor CRDs.
    pub(crate) others: Vec<Input>,
    pub(crate) kinds: KindSources,
    pub(crate) findings: Findings,
    /// What definitions may use.
    options: Options,
}

// === impl FileArgs ===

impl FileArgs {
    /// What was given in one way or the other.
    ///
    /// # Errors
    /// When nothing was given.
    pub(crate) fn names(&self) -> Result<&[String], Failure> {
        let names = if self.filename.is_empty() { &self.files } else { &self.filename };
        if names.is_empty() {
            return Err(Failure::usage("no file is given: use -f FILE (`-` for standard input)"));
        }
        Ok(names)
    }
}

/// Whether a document is a ResourceGraphDefinition.
pub(crate) fn is_definition(document: &Value) -> bool {
    let group = document["apiVersion"].as_str().and_then(|version| version.split_once('/'));
    document["kind"] == "ResourceGraphDefinition"
        && group.is_some_and(|(group, _)| group == "kro.run")
}

/// Reads files and compiles all definitions in them, those first that declare what others use.
///
/// # Errors
/// When a file can't be read.
pub(crate) fn load(files: &[String], kinds: &KindArgs) -> Result<Loaded, Failure> {
    let mut findings = Findings::default();
    let inputs = input::read(files, &mut findings)?;
    let options = kinds.options()?;
    let kinds = KindSources::new(kinds)?;
    compile(inputs, kinds, options, findings)
}

/// Compiles all definitions among `inputs`.
///
/// # Errors
/// When a schema that is needed is malformed.
pub(crate) fn compile(
    inputs: Vec<Input>,
    kinds: KindSources,
    options: Options,
    findings: Findings,
) -> Result<Loaded, Failure> {
    let mut loaded =
        Loaded { definitions: Vec::new(), others: Vec::new(), kinds, findings, options };
    let mut pending = Vec::new();
    for input in inputs {
        let value = &input.document.value;
        if is_definition(value) {
            pending.extend(read_definition(input, &mut loaded.findings));
        } else if value["kind"] == "CustomResourceDefinition" {
            add_crd(&input, &mut loaded);
        } else {
            loaded.others.push(input);
        }
    }
    refuse_repeated(&pending, &mut loaded.findings);
    let needed: Vec<BTreeSet<GroupVersionKind>> =
        pending.iter().map(|definition| graph::kinds(&definition.spec)).collect();
    // The kinds of the definitions that are not compiled yet, and how many declare each.
    let mut declared: BTreeMap<GroupVersionKind, usize> = BTreeMap::new();
    for definition in &pending {
        *declared.entry(definition.gvk.clone()).or_default() += 1;
    }
    let mut pending: Vec<Option<Definition>> = pending.into_iter().map(Some).collect();
    let mut left: Vec<usize> = (0..pending.len()).collect();
    while !left.is_empty() {
        // What uses a kind that another one of this run declares comes after that; if all wait
        // for each other, the first one goes ahead.
        let free = left.iter().position(|&index| {
            let own = pending[index].as_ref().map(|definition| &definition.gvk);
            needed[index].iter().all(|gvk| Some(gvk) == own || !declared.contains_key(gvk))
        });
        let Some(definition) = pending[left.remove(free.unwrap_or(0))].take() else { continue };
        if let Some(count) = declared.get_mut(&definition.gvk) {
            *count -= 1;
            if *count == 0 {
                declared.remove(&definition.gvk);
            }
        }
        let definition = compile_one(definition, &mut loaded)?;
        loaded.definitions.push(definition);
    }
    let sources = |definition: &Definition| definition.input.source;
    loaded.definitions.sort_by_key(sources);
    loaded.findings.sort();
    Ok(loaded)
}

/// A definition that is not compiled yet; `None`, with the reasons reported, if there is nothing
/// in it to go on with.
fn read_definition(input: Input, findings: &mut Findings) -> Option<Definition> {
    let value = &input.document.value;
    let (spec, found) = graph::read(value);
    let Some(spec) = spec else {
        findings.add(input.source, &input.document.map, found);
        return None;
    };
    let schema = &spec.schema;
    let gvk = GroupVersionKind::new(&schema.group, &schema.api_version, &schema.kind);
    let name = value["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    Some(Definition { name, gvk, spec, graph: None, input })
}

fn add_crd(input: &Input, loaded: &mut Loaded) {
    match kinds_of_crd(&input.document.value) {
        Ok(kinds) => {
            for kind in kinds {
                loaded.kinds.add(complete(kind, None));
            }
        }
        Err(error) => {
            let at = match &error {
                schema::openapi::KindError::Malformed { path, .. } => path.clone(),
                schema::openapi::KindError::NotFound(_) => FieldPath::root(),
            };
            let found = Diagnostic::error(Code::UnexpectedShape, at, error.to_string());
            loaded.findings.add(input.source, &input.document.map, found.into());
        }
    }
}

/// Two definitions of one name, or of one kind, can't both be in a cluster.
fn refuse_repeated(definitions: &[Definition], findings: &mut Findings) {
    let root = FieldPath::root();
    let kind_at = root.field("spec").field("schema").field("kind");
    for (index, definition) in definitions.iter().enumerate() {
        let before = &definitions[..index];
        let mut found = Diagnostics::new();
        let name = &definition.name;
        if before.iter().any(|other| other.name == *name) {
            let at = root.field("metadata").field("name");
            let message = format!("another definition of this run is also called `{name}`");
            found.push(Diagnostic::error(Code::DuplicateName, at, message));
        } else if let Some(other) = before.iter().find(|other| {
            (&other.gvk.group, &other.gvk.kind) == (&definition.gvk.group, &definition.gvk.kind)
        }) {
            let GroupVersionKind { group, kind, .. } = &definition.gvk;
            let message = format!(
                "kind `{kind}` of group `{group}` is also declared by definition `{}`",
                other.name
            );
            found.push(Diagnostic::error(Code::DuplicateName, &kind_at, message));
        }
        findings.add(definition.input.source, &definition.input.document.map, found);
    }
}

fn compile_one(mut definition: Definition, loaded: &mut Loaded) -> Result<Definition, Failure> {
    let kinds = loaded.kinds.of(&definition.spec)?;
    let document = &definition.input.document.value;
    let (graph, found) = graph::compile_definition(document, &kinds, &loaded.options);
    let declared = match &graph {
        Some(graph) => kinds_of_crd(&graph.instance.crd).ok(),
        None => None,
    };
    let kind = declared.and_then(|kinds| kinds.into_iter().next());
    // Where a definition is wrong nothing is said about what uses its kind.
    let kind = kind.map_or_else(|| unknown(&definition), |kind| complete(kind, None));
    loaded.kinds.add(kind);
    let found = explain_unknown_kinds(found, &definition, &mut loaded.kinds);
    loaded.findings.add(definition.input.source, &definition.input.document.map, found);
    definition.graph = graph;
    Ok(definition)
}

/// The kind of a definition about which nothing is known.
fn unknown(definition: &Definition) -> Kind {
    let mut schema = schema::openapi::with_metadata(Schema::free_object());
    let node = schema.make_mut();
    node.preserve_unknown_fields = true;
    node.properties.insert("spec".into(), Schema::any());
    node.properties.insert("status".into(), Schema::any());
    Kind {
        plural: schema::pluralize(&definition.gvk.kind.to_lowercase()),
        namespaced: definition.spec.schema.scope == graph::InstanceScope::Namespaced,
        gvk: definition.gvk.clone(),
        schema,
    }
}

/// Says of a kind that was not found which one may be meant, and where kinds come from.
fn explain_unknown_kinds(
    found: Diagnostics,
    definition: &Definition,
    kinds: &mut KindSources,
) -> Diagnostics {
    if found.iter().all(|diagnostic| diagnostic.code != Code::UnknownKind) {
        return found;
    }
    let names = kinds.names();
    let explain = |mut diagnostic: Diagnostic| {
        if diagnostic.code == Code::UnknownKind
            && let Some(wanted) = named_kind(&definition.input.document.value, &diagnostic.place)
        {
            diagnostic.help = Some(nearest_kind(&wanted, &names));
        }
        diagnostic
    };
    found.into_iter().map(explain).collect()
}

/// The kind that the template around a place names.
fn named_kind(document: &Value, place: &Place) -> Option<GroupVersionKind> {
    let template = place.path.parent()?;
    let object =
        template.segments().into_iter().try_fold(document, |value, segment| match segment {
            diagnostics::Segment::Field(name) => value.get(&**name),
            diagnostics::Segment::Index(index) => value.get(index),
        })?;
    Some(GroupVersionKind::of(object["apiVersion"].as_str()?, object["kind"].as_str()?))
}

fn nearest_kind(wanted: &GroupVersionKind, names: &[GroupVersionKind]) -> String {
    let same_kind: Vec<String> = (names.iter())
        .filter(|name| name.kind == wanted.kind)
        .map(|name| format!("`{}`", name.api_version()))
        .collect();
    if !same_kind.is_empty() {
        return format!("`{}` is in {}", wanted.kind, same_kind.join(", "));
    }
    let of_group = names.iter().filter(|name| name.group == wanted.group);
    let near = nearest(&wanted.kind, of_group.map(|name| name.kind.as_str()))
        .or_else(|| nearest(&wanted.kind, names.iter().map(|name| name.kind.as_str())));
    match near.and_then(|near| names.iter().find(|name| name.kind == near)) {
        Some(name) => format!("did you mean `{}` of `{}`?", name.kind, name.api_version()),
        None => "give the CRD that defines it with -f or --schemas".to_owned(),
    }
}
