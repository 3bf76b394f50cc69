//! From a definition's spec to a [`Graph`].
//!
//! All mistakes are collected; a part that is wrong is left out of what follows, so that one
//! mistake is reported once.

use crate::compile::expressions::Compiler;
use crate::compile::templates::Walk;
use crate::expression::Expression;
use crate::names::{is_id, is_reserved};
use crate::node::{Graph, InstanceKind, Kind, Node, NodeId, Source};
use crate::order::{apply_orders, topological};
use crate::reads::ReadPaths;
use crate::rgd::{ResourceSpec, RgdSpec, SchemaSpec, Scope};
use crate::scope::SCHEMA;
use crate::status::StatusTree;
use crate::template::Template;
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, nearest};
use schema::openapi::{GroupVersionKind, with_metadata};
use schema::{CrdSource, PrinterColumn, Schema};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod expressions;
mod templates;

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

fn kind_of(template: &Value) -> Option<GroupVersionKind> {
    let (api_version, kind) = (template["apiVersion"].as_str()?, template["kind"].as_str()?);
    let literal = !api_version.contains("${") && !kind.contains("${");
    literal.then(|| GroupVersionKind::of(api_version, kind))
}

/// [`compile_with`] the usual options.
#[must_use]
pub fn compile(spec: &RgdSpec, kinds: &Kinds) -> (Option<Graph>, Diagnostics) {
    compile_with(spec, kinds, &Options::default())
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
    _options: &Options,
) -> (Option<Graph>, Diagnostics) {
    let mut found = Diagnostics::default();
    let root = FieldPath::root().field("spec");
    let schema_at = root.field("schema");
    let at = |index| root.field("resources").index(index);
    let ids = check_ids(&spec.resources, &root, &mut found);
    let (instance_spec, mistakes) =
        schema::simple_schema::build(Some(&spec.schema.spec), Some(&spec.schema.types), &schema_at);
    for mistake in &mistakes {
        found.push(mistake.clone());
    }
    let resolved: Vec<Option<Arc<Kind>>> = (spec.resources.iter().enumerate())
        .map(|(index, resource)| resolve(resource, &at(index), kinds, &mut found))
        .collect();
    let instance = instance_schema(&spec.schema, &instance_spec);
    let variables = spec
        .resources
        .iter()
        .zip(&resolved)
        .map(|(resource, kind)| (resource.id.as_str(), kind.as_ref().map(|kind| &kind.schema)));
    let compiler = Compiler::new(ids, variables.chain([(SCHEMA, Some(&instance))]));
    let mut parts = Vec::new();
    for (index, (resource, kind)) in spec.resources.iter().zip(resolved).enumerate() {
        let Some(kind) = kind else { continue };
        let id = NodeId::from_index(index);
        parts.push((id, part(&compiler, &mut found, id, resource, kind, &at(index), spec)));
    }
    let status = status(&compiler, &mut found, &spec.schema.status, &schema_at.field("status"));
    let crd = crd_source(&spec.schema, instance_spec, status.schema);
    found.extend(crd.check(&schema_at));
    if found.has_errors() {
        return (None, found.sorted());
    }
    let parts = parts.into_iter().map(|(_, part)| part).collect();
    let nodes = match link(parts, &root.field("resources")) {
        Ok((nodes, order)) => Some((nodes, order)),
        Err(cycle) => {
            found.push(cycle);
            None
        }
    };
    let graph = nodes.map(|(mut nodes, order)| {
        add_reads(&mut nodes, &status.tree);
        Graph { instance: instance_kind(&crd), nodes, order, status: status.tree, conditions: None }
    });
    (graph.filter(|_| !found.has_errors()), found.sorted())
}

/// Checks the ids; returns the position of each.
fn check_ids(
    resources: &[ResourceSpec],
    root: &FieldPath,
    found: &mut Diagnostics,
) -> BTreeMap<String, NodeId> {
    let mut ids = BTreeMap::new();
    for (index, resource) in resources.iter().enumerate() {
        let at = root.field("resources").index(index).field("id");
        let id = &resource.id;
        if is_reserved(id) {
            let message = format!("the id `{id}` is a reserved word");
            found.push(Diagnostic::error(Code::ReservedName, &at, message));
        } else if !is_id(id) {
            let message = format!(
                "`{id}` is not a valid id: expected a lower-case letter, then letters and digits"
            );
            found.push(Diagnostic::error(Code::InvalidName, &at, message));
        }
        if ids.insert(id.clone(), NodeId::from_index(index)).is_some() {
            let message = format!("found duplicate resource ID `{id}`");
            found.push(Diagnostic::error(Code::DuplicateName, &at, message));
        }
    }
    ids
}

/// The kind of a resource. What this version can't do yet is refused by name.
fn resolve(
    resource: &ResourceSpec,
    at: &FieldPath,
    kinds: &Kinds,
    found: &mut Diagnostics,
) -> Option<Arc<Kind>> {
    let unsupported = [
        (resource.external_ref.is_some(), "externalRef"),
        (!resource.for_each.is_empty(), "forEach"),
    ];
    for (used, field) in unsupported {
        if used {
            let message = format!("`{field}` is not supported by this version of kro-rs");
            found.push(Diagnostic::error(Code::UnsupportedFeature, at.field(field), message));
        }
    }
    let template_at = at.field("template");
    let Some(template) = &resource.template else {
        if resource.external_ref.is_none() {
            let message =
                format!("resource `{}` has neither template nor externalRef", resource.id);
            found.push(Diagnostic::error(Code::TemplateOrReference, at, message));
        }
        return None;
    };
    let Some(gvk) = kind_of(template) else {
        let message = "`apiVersion` and `kind` of a template must be plain text";
        found.push(Diagnostic::error(Code::InvalidTemplate, &template_at, message));
        return None;
    };
    if !template["metadata"].is_object() {
        let message = "`metadata` of a template must be a mapping";
        found.push(Diagnostic::error(Code::InvalidTemplate, &template_at, message));
        return None;
    }
    let kind = kinds.get(&gvk).cloned();
    if kind.is_none() {
        let message =
            format!("no matches for kind `{}` in version `{}`", gvk.kind, gvk.api_version());
        let known = kinds.keys().map(|known| known.kind.as_str());
        let mut diagnostic =
            Diagnostic::error(Code::UnknownKind, template_at.field("kind"), message);
        diagnostic.help = Some(match nearest(&gvk.kind, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => {
                "install the CRD that defines it, or correct `apiVersion` and `kind`".to_owned()
            }
        });
        found.push(diagnostic);
    }
    kind
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

/// A resource whose dependencies are not linked yet.
struct Part {
    id: String,
    kind: Arc<Kind>,
    template: Template,
    include_when: Vec<Expression>,
    ready_when: Vec<Expression>,
}

fn part(
    compiler: &Compiler,
    found: &mut Diagnostics,
    id: NodeId,
    resource: &ResourceSpec,
    kind: Arc<Kind>,
    at: &FieldPath,
    spec: &RgdSpec,
) -> Part {
    let template_at = at.field("template");
    let template = resource.template.as_ref().unwrap_or(&Value::Null);
    templates::check_metadata(
        template,
        &kind,
        spec.schema.scope,
        &resource.id,
        &template_at,
        found,
    );
    let mut walk = Walk {
        compiler,
        found,
        kind: &kind,
        reader: id,
        id: &resource.id,
        depth: template_at.depth(),
    };
    let template = walk.value(template, Some(&kind.schema), &template_at);
    let include_when =
        compiler
            .conditions(found, &resource.include_when, &at.field("includeWhen"), |node| node != id);
    let ready_when =
        compiler.conditions(found, &resource.ready_when, &at.field("readyWhen"), |node| node == id);
    Part { id: resource.id.clone(), kind, template, include_when, ready_when }
}

/// The declared status and its schema.
struct Status {
    tree: StatusTree,
    schema: Option<Schema>,
}

fn status(
    compiler: &Compiler,
    found: &mut Diagnostics,
    declared: &Value,
    at: &FieldPath,
) -> Status {
    let mut status = Status { tree: StatusTree::default(), schema: None };
    let Some(fields) = declared.as_object() else { return status };
    let mut properties = Vec::new();
    for (key, value) in fields {
        let at = at.field(key.as_str());
        if key == "conditions" {
            let message = "author conditions (`status.conditions`) are not supported by this version of kro-rs";
            found.push(Diagnostic::error(Code::UnsupportedFeature, at, message));
            continue;
        }
        if let Some((template, schema)) = compiler.status_field(found, value, &at) {
            status.tree.fields.insert(key.clone(), template);
            properties.push((key.as_str(), schema));
        }
    }
    status.schema = (!properties.is_empty()).then(|| Schema::object(properties));
    status
}

/// Edges, order and layers.
fn link(parts: Vec<Part>, at: &FieldPath) -> Result<(Vec<Node>, Vec<NodeId>), Diagnostic> {
    let dependencies: Vec<Vec<NodeId>> = parts
        .iter()
        .map(|part| {
            let expressions = part.template.expressions().into_iter().chain(&part.include_when);
            let nodes: BTreeSet<NodeId> =
                expressions.flat_map(|expression| expression.nodes.iter().copied()).collect();
            nodes.into_iter().collect()
        })
        .collect();
    let order = topological(&dependencies).map_err(|cycle| cycle_diagnostic(&parts, &cycle, at))?;
    let orders = apply_orders(&dependencies, &order);
    let nodes = parts.into_iter().zip(dependencies).zip(orders);
    let nodes = nodes.map(|((part, dependencies), apply_order)| Node {
        id: part.id,
        kind: part.kind,
        source: Source::Template(part.template),
        for_each: Vec::new(),
        dependencies,
        include_when: part.include_when,
        ready_when: part.ready_when,
        apply_order,
        read: ReadPaths::default(),
    });
    Ok((nodes.collect(), order))
}

fn cycle_diagnostic(parts: &[Part], cycle: &[NodeId], at: &FieldPath) -> Diagnostic {
    let name = |node: &NodeId| parts[node.index()].id.as_str();
    let first = cycle.first().copied().unwrap_or(NodeId::from_index(0));
    let place = at.index(first.index());
    if cycle.len() == 1 {
        let message =
            format!("resource `{}` reads itself: self references are not allowed", name(&first));
        return Diagnostic::error(Code::SelfReference, place, message);
    }
    let path: Vec<&str> = cycle.iter().chain([&first]).map(name).collect();
    let message = format!("graph contains a cycle: {}", path.join(" -> "));
    let edges = cycle.iter().zip(cycle.iter().cycle().skip(1));
    edges.fold(
        Diagnostic::error(Code::DependencyCycle, place, message),
        |diagnostic, (from, to)| {
            let read = parts[from.index()].template.expressions().into_iter();
            let read = read.chain(&parts[from.index()].include_when);
            match read.into_iter().find(|expression| expression.nodes.contains(to)) {
                Some(expression) => diagnostic.with_label(
                    expression.path.clone(),
                    format!("`{}` reads `{}` here", name(from), name(to)),
                ),
                None => diagnostic,
            }
        },
    )
}

/// Notes at each resource what all expressions read of it.
fn add_reads(nodes: &mut [Node], status: &StatusTree) {
    let mut reads: BTreeMap<NodeId, ReadPaths> = BTreeMap::new();
    {
        let templates = nodes.iter().flat_map(|node| {
            let conditions = node.include_when.iter().chain(&node.ready_when);
            node.source.expressions().into_iter().chain(conditions)
        });
        let status = status.fields.values().flat_map(Template::expressions);
        for expression in templates.chain(status) {
            for &node in &expression.nodes {
                let id = nodes[node.index()].id.as_str();
                let paths = reads.entry(node).or_default();
                for path in expression.paths.iter().filter(|path| path.root == id) {
                    paths.add(path.fields.iter().map(String::as_str));
                }
            }
        }
    }
    for (node, paths) in reads {
        nodes[node.index()].read = paths;
    }
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
