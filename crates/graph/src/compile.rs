//! From a definition's spec to a [`Graph`].
//!
//! All mistakes are collected; a part that is wrong is left out of what follows, so that one
//! mistake is reported once.

use crate::compile::expressions::{Compiler, RUNTIME, Variable};
use crate::compile::needs::Needs;
use crate::compile::resources::{Resource, kind_of};
use crate::node::{Graph, InstanceKind, Kind, NodeId};
use crate::rgd::{ResourceSpec, RgdSpec, SchemaSpec, Scope};
use crate::scope::{EACH, SCHEMA};
use diagnostics::{Diagnostics, FieldPath};
use schema::openapi::{GroupVersionKind, with_metadata};
use schema::{CrdSource, PrinterColumn, Schema};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod author_conditions;
mod expressions;
mod link;
mod needs;
mod nodes;
pub(crate) mod resources;
mod source;
mod status;
mod templates;
mod unused;

/// Names that expressions have for something else than a resource.
const RESERVED: [&str; 3] = [SCHEMA, RUNTIME, EACH];

/// Kinds that templates may use, by name.
pub type Kinds = BTreeMap<GroupVersionKind, Arc<Kind>>;

/// What the installation allows definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The most dimensions of one collection (`--rgd-max-collection-dimension-size`).
    pub max_dimensions: usize,
    /// Whether templates may use `omit()` (feature gate `CELOmitFunction`).
    pub omit: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { max_dimensions: 10, omit: false }
    }
}

/// The kinds that the templates and external references of `spec` name, whether or not the rest
/// of it is right.
#[must_use]
pub fn kinds(spec: &RgdSpec) -> BTreeSet<GroupVersionKind> {
    let named = |resource: &ResourceSpec| {
        kind_of(resource.template.as_ref().or(resource.external_ref.as_ref())?)
    };
    spec.resources.iter().filter_map(named).collect()
}

/// A variable that expressions of a definition read.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What expressions call it.
    pub name: String,
    /// The schema of what it holds; of an element, if it is a list.
    pub schema: Schema,
    /// Whether it is a collection.
    pub list: bool,
}

/// The variables of a definition, `schema` and its resources, for expressions that stand outside
/// of it; and what is wrong with the schema of its instances. A resource of a kind that is not
/// among `kinds` may hold anything.
#[must_use]
pub fn variables(spec: &RgdSpec, kinds: &Kinds) -> (Vec<Declared>, Diagnostics) {
    let at = FieldPath::root().field("spec");
    let declared = &spec.schema;
    let (instance_spec, found) = schema::simple_schema::build(
        Some(&declared.spec),
        Some(&declared.types),
        &at.field("schema"),
    );
    let instance = instance_schema(declared, &instance_spec);
    let instance = Declared { name: SCHEMA.to_owned(), schema: instance, list: false };
    // Mistakes of resources are no mistakes of the expression.
    let mut of_resources = Diagnostics::default();
    let options = Options::default();
    let resources = resources::read(
        &spec.resources,
        declared.scope,
        kinds,
        &options,
        &at.field("resources"),
        &mut of_resources,
    );
    let resources = resources.iter().filter(|resource| !RESERVED.contains(&&*resource.spec.id));
    let resources = resources.map(|resource| Declared {
        name: resource.spec.id.clone(),
        schema: resource.kind.as_ref().map_or_else(Schema::any, |kind| kind.schema.clone()),
        list: resource.is_list(),
    });
    (std::iter::once(instance).chain(resources).collect(), found)
}

/// [`compile_with`] the usual options.
#[must_use]
pub fn compile(spec: &RgdSpec, kinds: &Kinds) -> (Option<Graph>, Diagnostics) {
    compile_with(spec, kinds, &Options::default())
}

/// [`read`](crate::read) and [`compile_with`] in one: a definition as an object, with everything
/// that is wrong with it.
#[must_use]
pub fn compile_definition(
    definition: &Value,
    kinds: &Kinds,
    options: &Options,
) -> (Option<Graph>, Diagnostics) {
    let reading = crate::rgd::Reading::of(definition);
    let mut found = reading.found;
    let Some(spec) = reading.spec else { return (None, found.sorted()) };
    let (graph, compiled) = compile_with(&spec, kinds, options);
    let told = |path: &FieldPath| reading.told.iter().any(|told| path.starts_with(told));
    found.extend(compiled.into_iter().filter(|diagnostic| !told(&diagnostic.place.path)));
    (graph.filter(|_| !found.has_errors()), found.sorted())
}

/// Checks `spec` against `kinds` and compiles it.
///
/// The graph is there exactly when the diagnostics have no error. Places start at the definition's
/// root, `spec.…`.
///
/// Source: kro-compiler facts.
#[must_use]
pub fn compile_with(
    spec: &RgdSpec,
    kinds: &Kinds,
    options: &Options,
) -> (Option<Graph>, Diagnostics) {
    let mut found = Diagnostics::default();
    let root = FieldPath::root().field("spec");
    let schema_at = root.field("schema");
    let resources_at = root.field("resources");
    let (instance_spec, mistakes) =
        schema::simple_schema::build(Some(&spec.schema.spec), Some(&spec.schema.types), &schema_at);
    let instance_unknown = mistakes.has_errors();
    found.extend(mistakes);
    let scope = spec.schema.scope;
    let resources =
        resources::read(&spec.resources, scope, kinds, options, &resources_at, &mut found);
    let instance = instance_schema(&spec.schema, &instance_spec);
    let declared = &spec.schema.status;
    let needs = needs::collect(&resources, declared);
    let compiler = compiler(&resources, &instance, instance_unknown, options, scope, needs);
    let nodes: Vec<_> =
        resources.iter().map(|resource| nodes::compile(&compiler, resource, &mut found)).collect();
    let status_at = schema_at.field("status");
    let status = status::compile(&compiler, declared, &status_at, &mut found);
    let conditions =
        author_conditions::compile(&compiler, &instance, declared, &status_at, &mut found);
    let crd = crd_source(&spec.schema, instance_spec, status.schema);
    found.extend(crd.check(&schema_at));
    let order = match link::order(&compiler, resources.len(), &resources_at) {
        Ok(order) => Some(order),
        Err(cycle) => {
            found.push(*cycle);
            None
        }
    };
    let nodes: Option<Vec<_>> = nodes.into_iter().collect();
    let graph = nodes.zip(order).filter(|_| !found.has_errors());
    let graph = graph.map(|(mut nodes, order)| {
        link::link(&mut nodes, &order);
        link::add_reads(&mut nodes, &status.tree, conditions.as_deref());
        let (instance, status) = (instance_kind(&crd), status.tree);
        Graph { instance, nodes, order: order.order, status, conditions }
    });
    if let Some(graph) = &graph {
        unused::warn(graph, &spec.schema, &schema_at, &mut found);
    }
    (graph, found.sorted())
}

/// What expressions may read.
fn compiler<'a>(
    resources: &'a [Resource<'_>],
    instance: &Schema,
    instance_unknown: bool,
    options: &Options,
    scope: Scope,
    needs: Needs,
) -> Compiler<'a> {
    let mut ids = BTreeMap::new();
    let mut iterators: BTreeMap<&str, BTreeSet<NodeId>> = BTreeMap::new();
    for resource in resources {
        let (node, kind, list) = (resource.node, resource.kind.clone(), resource.is_list());
        ids.entry(resource.spec.id.as_str()).or_insert(Variable { node, kind, list });
        for dimension in &resource.dimensions {
            iterators.entry(dimension.name).or_default().insert(node);
        }
    }
    // A name that expressions have for something else is no variable; that is reported.
    for reserved in RESERVED {
        ids.remove(reserved);
    }
    let allowed = (options.omit, scope == Scope::Cluster);
    Compiler::new(instance, instance_unknown, ids, iterators, allowed, needs)
}

/// The schema of the variable `schema`: the instance without its status.
fn instance_schema(schema: &SchemaSpec, spec: &Schema) -> Schema {
    let object = with_metadata(Schema::object([("spec", spec.clone())]));
    match schema.scope {
        Scope::Namespaced => object,
        Scope::Cluster => without_namespace(object),
    }
}

fn without_namespace(mut object: Schema) -> Schema {
    if let Some(metadata) = object.make_mut().properties.get_mut("metadata") {
        metadata.make_mut().properties.remove("namespace");
    }
    object
}

fn crd_source(schema: &SchemaSpec, spec: Schema, status: Option<Schema>) -> CrdSource {
    CrdSource {
        group: schema.group.clone(),
        version: schema.api_version.clone(),
        kind: schema.kind.clone(),
        scope: match schema.scope {
            Scope::Namespaced => schema::Scope::Namespaced,
            Scope::Cluster => schema::Scope::Cluster,
        },
        spec,
        status,
        printer_columns: schema.additional_printer_columns.iter().map(column).collect(),
        short_names: schema.short_names.clone(),
        categories: schema.categories.clone(),
        labels: schema.metadata.labels.clone(),
        annotations: schema.metadata.annotations.clone(),
    }
}

fn instance_kind(crd: &CrdSource) -> InstanceKind {
    InstanceKind {
        gvk: GroupVersionKind::new(&crd.group, &crd.version, &crd.kind),
        plural: crd.plural(),
        namespaced: crd.scope == schema::Scope::Namespaced,
        crd: crd.to_json(),
    }
}

fn column(column: &Value) -> PrinterColumn {
    let text = |key: &str| column[key].as_str().map(str::to_owned);
    PrinterColumn {
        name: text("name").unwrap_or_default(),
        ty: text("type").unwrap_or_default(),
        json_path: text("jsonPath").unwrap_or_default(),
        description: text("description"),
        format: text("format"),
        priority: column["priority"].as_i64().unwrap_or(0),
    }
}
