//! Compiles expressions against the schemas of what they read.

use crate::compile::needs::{Needs, Parsed};
use crate::compile::source::Source;
use crate::expression::{Expression, InstanceAccess, ReadPath};
use crate::language::environment;
use crate::language::{code, plain};
use crate::node::{Kind, NodeId};
use crate::scope::{EACH, SCHEMA};
use cel::{Ast, Env, Expr, ExprId, Type};
use diagnostics::{Code, Diagnostic, Diagnostics, FieldPath, Place};
use schema::{Schema, infer};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The variable of author conditions.
pub(super) const RUNTIME: &str = "runtime";

/// What a definition's expressions may read.
pub(super) struct Compiler<'a> {
    /// The instance and all resources.
    pub(super) env: Env,
    /// The resources, by name.
    pub(super) ids: BTreeMap<&'a str, Variable>,
    /// The iterators of all resources, with the resources that have them.
    iterators: BTreeMap<&'a str, BTreeSet<NodeId>>,
    /// Whether the schema of the instance has a mistake, so that parts of it are not known.
    instance_unknown: bool,
    /// Whether `omit()` may be used in templates.
    omit: bool,
    /// Whether instances live beside namespaces.
    cluster_scoped: bool,
    /// Expressions that are parsed already, by their text.
    parsed: RefCell<HashMap<String, Parsed>>,
    /// Who reads whom, whether or not the expressions are otherwise right.
    edges: RefCell<Vec<Edge>>,
}

/// A resource as a variable.
pub(super) struct Variable {
    pub(super) node: NodeId,
    /// `None` when its kind is not known.
    pub(super) kind: Option<Arc<Kind>>,
    /// Whether expressions see a list.
    pub(super) list: bool,
}

/// A resource must wait for another.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    pub(super) from: NodeId,
    pub(super) to: NodeId,
    /// The expression that makes it so.
    pub(super) place: Place,
}

/// Where in a definition an expression stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A field of the resource's template or external reference.
    Field(NodeId),
    /// What the resource is repeated over.
    Dimension(NodeId),
    /// `includeWhen` of the resource.
    IncludeWhen(NodeId),
    /// `readyWhen` of the resource, which reads it by its name.
    ReadyWhen(NodeId),
    /// `readyWhen` of a collection, which reads each object as `each`.
    ReadyWhenEach(NodeId),
    /// A field of the declared status.
    Status,
    /// An entry of `status.conditions`.
    Condition,
}

/// A checked expression with its type.
pub(super) struct Checked {
    pub(super) expression: Expression,
    pub(super) ty: Type,
    /// Reads something of which the type is unknown because of another mistake.
    pub(super) guessed: bool,
}

// === impl Role ===

impl Role {
    fn reader(self) -> Option<NodeId> {
        match self {
            Self::Field(node)
            | Self::Dimension(node)
            | Self::IncludeWhen(node)
            | Self::ReadyWhen(node)
            | Self::ReadyWhenEach(node) => Some(node),
            Self::Status | Self::Condition => None,
        }
    }

    /// What makes the resource wait for what it reads.
    fn makes_edges(self) -> bool {
        matches!(self, Self::Field(_) | Self::Dimension(_) | Self::IncludeWhen(_))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Field(_) => "a template",
            Self::Dimension(_) => "`forEach`",
            Self::IncludeWhen(_) => "`includeWhen`",
            Self::ReadyWhen(_) | Self::ReadyWhenEach(_) => "`readyWhen`",
            Self::Status => "the status",
            Self::Condition => "`status.conditions`",
        }
    }
}

// === impl Compiler ===

impl<'a> Compiler<'a> {
    /// An environment with the instance and these resources; nothing is known about a resource
    /// without a kind.
    pub(super) fn new(
        instance: &Schema,
        instance_unknown: bool,
        ids: BTreeMap<&'a str, Variable>,
        iterators: BTreeMap<&'a str, BTreeSet<NodeId>>,
        (omit, cluster_scoped): (bool, bool),
        needs: Needs,
    ) -> Self {
        let mut env = infer::declare(environment(), SCHEMA, instance);
        for (id, variable) in &ids {
            let parts = needs.parts.get(&variable.node);
            env = match (&variable.kind, parts) {
                (Some(kind), Some(parts)) if variable.list => {
                    infer::declare_list_parts(env, id, &kind.schema, parts)
                }
                (Some(kind), Some(parts)) => infer::declare_parts(env, id, &kind.schema, parts),
                (None, _) | (_, None) => env.variable(id, Type::Dyn),
            };
        }
        let env =
            env.build().expect("invariant: the libraries and the types of schemas are well-formed");
        let (parsed, edges) = (RefCell::new(needs.parsed), RefCell::default());
        Self { env, ids, iterators, instance_unknown, omit, cluster_scoped, parsed, edges }
    }

    /// The edges of all expressions that were checked so far.
    pub(super) fn edges(&self) -> Vec<Edge> {
        self.edges.borrow().clone()
    }

    /// The name of a resource.
    pub(super) fn name(&self, node: NodeId) -> &'a str {
        self.ids.iter().find(|(_, variable)| variable.node == node).map_or("", |(id, _)| *id)
    }

    pub(super) fn omit_enabled(&self) -> bool {
        self.omit
    }

    pub(super) fn cluster_scoped(&self) -> bool {
        self.cluster_scoped
    }

    /// The environment with further variables.
    pub(super) fn with_variables(&self, variables: &[(&str, Type)]) -> Env {
        let builder = variables
            .iter()
            .fold(self.env.extend(), |env, (name, ty)| env.variable(name, ty.clone()));
        builder.build().expect("invariant: variables have no signatures")
    }

    /// Parses and checks `source` in `env`. What is wrong with it is reported.
    pub(super) fn check(
        &self,
        found: &mut Diagnostics,
        source: &Source,
        role: Role,
        env: &Env,
    ) -> Option<Checked> {
        let known = self.parsed.borrow_mut().remove(source.text.cel());
        let (ast, mistakes) = known.unwrap_or_else(|| env.parse(source.text.cel()));
        let Some(ast) = ast.filter(|_| mistakes.is_empty()) else {
            self.report(found, source, role, &mistakes);
            return None;
        };
        let allowed = self.rules(found, source, role, &ast);
        let checked = match cel::check(env, ast) {
            Ok(checked) => checked,
            Err(mistakes) => {
                self.report(found, source, role, &mistakes);
                return None;
            }
        };
        if !allowed {
            return None;
        }
        let program = match cel::Program::new(&checked) {
            Ok(program) => program,
            Err(mistakes) => {
                self.report(found, source, role, &mistakes);
                return None;
            }
        };
        let paths: Vec<ReadPath> = checked.reads().iter().map(ReadPath::of).collect();
        let roots: BTreeSet<&str> = paths.iter().map(|path| path.root.as_str()).collect();
        let nodes: BTreeSet<NodeId> =
            roots.iter().filter_map(|root| self.ids.get(root)).map(|known| known.node).collect();
        let own =
            |root: &&&str| **root != SCHEMA && **root != RUNTIME && !self.ids.contains_key(**root);
        let variables = roots.iter().filter(own).map(|root| (*root).to_owned()).collect();
        let instance = match (role, roots.contains(SCHEMA)) {
            (Role::Condition, _) => InstanceAccess::Observed,
            (_, true) => InstanceAccess::Declared,
            (_, false) => InstanceAccess::None,
        };
        let unknown = |root: &&str| self.ids.get(root).is_some_and(|known| known.kind.is_none());
        let guessed =
            roots.iter().any(unknown) || (self.instance_unknown && roots.contains(SCHEMA));
        let secret = |node: &NodeId| {
            let mut kinds = self.ids.values().filter(|known| known.node == *node);
            kinds.any(|known| known.kind.as_ref().is_some_and(|kind| kind.is_secret()))
        };
        let discreet = nodes.iter().any(secret) || role.reader().as_ref().is_some_and(secret);
        let expression = Expression {
            source: source.shown.clone(),
            path: source.at.clone(),
            program,
            nodes: nodes.into_iter().collect(),
            variables,
            instance,
            standalone: source.is_standalone(),
            reads_schema: roots.contains(SCHEMA),
            paths,
            discreet,
        };
        Some(Checked { expression, ty: checked.result_type().clone(), guessed })
    }

    /// What an expression may use where it stands; false if it uses anything else.
    fn rules(&self, found: &mut Diagnostics, source: &Source, role: Role, ast: &Ast) -> bool {
        let before = found.len();
        for call in calls(ast, "omit") {
            let place = source.place(ast.span(call));
            if !matches!(role, Role::Field(_)) {
                let message = format!(
                    "`omit()` can only be used in resource templates, not in {}",
                    role.name()
                );
                found.push(Diagnostic::error(Code::FunctionNotAllowed, place, message));
            } else if !self.omit {
                let message = "`omit()` requires the feature gate `CELOmitFunction` to be enabled";
                let diagnostic = Diagnostic::error(Code::FunctionNotEnabled, place, message);
                let help = "start the controller with `--feature-gates=CELOmitFunction=true`";
                found.push(diagnostic.with_help(help));
            }
        }
        let mut seen = BTreeSet::new();
        for read in ast.reads() {
            let root = &*read.attribute.root;
            let place = source.place(read.span);
            let node = self.ids.get(root).map(|known| known.node);
            if let (Some(from), Some(to), true) = (role.reader(), node, role.makes_edges())
                && from != to
            {
                self.edges.borrow_mut().push(Edge { from, to, place: place.clone() });
            }
            if let Some(diagnostic) = self.forbidden(root, node, role, place)
                && seen.insert(root.to_owned())
            {
                found.push(diagnostic);
            }
        }
        found.len() == before
    }

    /// What is wrong with reading `root`, if it is known at all.
    fn forbidden(
        &self,
        root: &str,
        node: Option<NodeId>,
        role: Role,
        place: Place,
    ) -> Option<Diagnostic> {
        if root == RUNTIME && role != Role::Condition {
            let message = "`runtime` is only available in `status.conditions` expressions";
            return Some(Diagnostic::error(Code::ConditionScope, place, message));
        }
        let itself = node.is_some() && node == role.reader();
        match role {
            Role::Field(_) | Role::Dimension(_) | Role::IncludeWhen(_) if itself => {
                let message = format!(
                    "resource `{root}` reads itself in {}: self references are not allowed",
                    role.name()
                );
                let mut diagnostic = Diagnostic::error(Code::SelfReference, place, message);
                if let Role::IncludeWhen(_) | Role::Field(_) = role {
                    diagnostic.help = Some("its own state can be read in `readyWhen`".to_owned());
                }
                Some(diagnostic)
            }
            Role::ReadyWhen(reader) if root == SCHEMA || (node.is_some() && !itself) => {
                let own = self.name(reader);
                let message = format!("`readyWhen` must not read `{root}`, only `{own}` itself");
                Some(Diagnostic::error(Code::ConditionScope, place, message))
            }
            Role::ReadyWhenEach(_) if root == SCHEMA || node.is_some() => {
                let message = format!(
                    "`readyWhen` of a collection must not read `{root}`, only `{EACH}`, the current object"
                );
                Some(Diagnostic::error(Code::ConditionScope, place, message))
            }
            Role::Field(_)
            | Role::Dimension(_)
            | Role::IncludeWhen(_)
            | Role::ReadyWhen(_)
            | Role::ReadyWhenEach(_)
            | Role::Status
            | Role::Condition => None,
        }
    }

    fn report(
        &self,
        found: &mut Diagnostics,
        source: &Source,
        role: Role,
        mistakes: &[cel::Mistake],
    ) {
        for mistake in mistakes {
            found.push(self.diagnostic(source, role, mistake));
        }
    }

    fn diagnostic(&self, source: &Source, role: Role, mistake: &cel::Mistake) -> Diagnostic {
        let mistake = &without_our_parenthesis(source, mistake);
        let place = source.place(mistake.span);
        let code = if !source.is_standalone() && is_text_addition(mistake) {
            Code::TemplateTextType
        } else {
            code(mistake)
        };
        let help = mistake.suggestion().map(|near| format!("did you mean `{near}`?"));
        let (code, message, help) = match &mistake.kind {
            cel::MistakeKind::UndeclaredReference { name, function: false, .. } => {
                match self.out_of_scope(name, role) {
                    Some((message, help)) => (Code::IterationScope, message, Some(help)),
                    None => {
                        let message =
                            format!("undeclared reference `{name}`: there is no resource `{name}`");
                        (code, message, help)
                    }
                }
            }
            cel::MistakeKind::UndefinedField { object, field, .. } => {
                (code, self.undefined_field(object, field), help)
            }
            _ if code == Code::TemplateTextType => {
                let message = plain(&mistake.to_string());
                let help = "a text takes strings only: convert the value with `string(…)`";
                (code, message, Some(help.to_owned()))
            }
            _ => (code, plain(&mistake.to_string()), help),
        };
        let mut diagnostic = Diagnostic::error(code, place, message);
        diagnostic.help = help;
        diagnostic
    }

    /// A name that is known somewhere else, with what to do about it.
    fn out_of_scope(&self, name: &str, role: Role) -> Option<(String, String)> {
        if name == EACH {
            let message = format!(
                "`{EACH}` is known only in `readyWhen` of a collection, not in {}",
                role.name()
            );
            let help = match role {
                Role::ReadyWhen(node) => format!("write `{}`", self.name(node)),
                Role::ReadyWhenEach(_)
                | Role::Field(_)
                | Role::Dimension(_)
                | Role::IncludeWhen(_)
                | Role::Status
                | Role::Condition => "declare an iterator in `forEach`".to_owned(),
            };
            return Some((message, help));
        }
        let owners = self.iterators.get(name)?;
        let own = role.reader().is_some_and(|reader| owners.contains(&reader));
        let owner = self.name(role.reader().filter(|_| own).or(owners.first().copied())?);
        Some(match role {
            Role::Dimension(_) if own => (
                format!("`{name}` is another iterator: iterators are independent of each other"),
                "use one dimension over a computed list".to_owned(),
            ),
            Role::ReadyWhenEach(_) if own => (
                format!("the iterator `{name}` is known only in the template of `{owner}`"),
                format!("read the current object as `{EACH}`"),
            ),
            Role::Field(_)
            | Role::Dimension(_)
            | Role::IncludeWhen(_)
            | Role::ReadyWhen(_)
            | Role::ReadyWhenEach(_)
            | Role::Status
            | Role::Condition => (
                format!("the iterator `{name}` is known only in the template of `{owner}`"),
                format!("read the objects of the collection: `{owner}` is their list"),
            ),
        })
    }

    /// Which kind does not have a field, and where in it.
    fn undefined_field(&self, object: &Type, field: &str) -> String {
        let name = plain(object.name());
        let (root, path) = match name.split_once(['.', '[']) {
            Some((root, _)) => (root, name[root.len()..].trim_start_matches(['.'])),
            None => (name.as_str(), ""),
        };
        let path = path.strip_prefix("[].").unwrap_or(path);
        let owner = match self.ids.get(root).and_then(|known| known.kind.as_ref()) {
            Some(kind) => format!("`{}`", kind.gvk),
            None if root == SCHEMA => "the schema of the instance".to_owned(),
            None => return format!("undefined field `{field}` of `{name}`"),
        };
        let place = if path.is_empty() { owner } else { format!("`{path}` of {owner}") };
        format!("undefined field `{field}`: {place} has no such field")
    }
}

/// In a text, each expression stands in parentheses of ours, which its author does not see.
fn without_our_parenthesis(source: &Source, mistake: &cel::Mistake) -> cel::Mistake {
    let mut mistake = mistake.clone();
    if let cel::MistakeKind::Unexpected { found: found @ Some(_), .. } = &mut mistake.kind
        && found.as_deref() == Some(")")
        && !source.is_standalone()
        && source
            .text
            .cel()
            .get(mistake.span.start as usize..)
            .is_some_and(|rest| rest.starts_with(')'))
        && source.place(mistake.span).range.is_some_and(|range| range.start == range.end)
    {
        *found = None;
    }
    mistake
}

/// Whether the mistake is about joining something to the text around it.
fn is_text_addition(mistake: &cel::Mistake) -> bool {
    matches!(&mistake.kind, cel::MistakeKind::NoMatchingOverload { function, args, .. }
        if function == "_+_" && args.first() == Some(&Type::String))
}

/// All calls of a global function.
pub(super) fn calls(ast: &Ast, name: &str) -> Vec<ExprId> {
    let mut found = Vec::new();
    visit(ast, ast.root(), &mut |id, expr| {
        if let Expr::Call { function, target: None, .. } = expr
            && &*function.text == name
        {
            found.push(id);
        }
    });
    found
}

/// Calls `each` for every node, parents first.
pub(super) fn visit(ast: &Ast, id: ExprId, each: &mut impl FnMut(ExprId, &Expr)) {
    let mut stack = vec![id];
    while let Some(id) = stack.pop() {
        each(id, ast.expr(id));
        let at = stack.len();
        ast.for_each_child(id, |child| stack.push(child));
        stack[at..].reverse();
    }
}

/// Where the field that an expression fills stands in its object.
pub(super) fn below(at: &FieldPath, depth: usize) -> FieldPath {
    let segments = at.segments().into_iter().skip(depth);
    segments.fold(FieldPath::root(), |path, segment| path.child(segment.clone()))
}
