//! The type checker: a type and a meaning for every node, kept beside the tree.

mod infer;

use std::sync::Arc;

pub(crate) use infer::Substitution;

use crate::{
    Ast, ComprehensionKind, Env, Expr, ExprId, Literal, Mistake, MistakeKind, Name, Span, Type,
    env::{Function, Overload, similar},
};

/// A checked expression: the tree and, per node, its type and what its name or function means.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(crate) env: Env,
    pub(crate) ast: Ast,
    types: Vec<Type>,
    references: Vec<Reference>,
}

/// What a node refers to.
#[derive(Clone, Debug, Default)]
pub enum Reference {
    /// Nothing: a literal, a selection and so on.
    #[default]
    None,
    /// A declared variable, by its full name.
    Variable(Arc<str>),
    /// A variable of a comprehension or a binding: the place in the scope, counted from the outermost.
    Local(u32),
    /// A type as a value.
    Type(Type),
    /// The overloads that may be meant; several where arguments are `dyn`.
    Function {
        /// At least one.
        overloads: Vec<Arc<Overload>>,
        /// The target is a part of the function's name, as in `math.abs(x)`.
        qualified: bool,
    },
}

impl Checked {
    /// The expression.
    pub fn ast(&self) -> &Ast {
        &self.ast
    }

    /// The environment in which it was checked.
    pub fn env(&self) -> &Env {
        &self.env
    }

    /// The type of the whole expression.
    pub fn result_type(&self) -> &Type {
        self.type_of(self.ast.root())
    }

    /// The type of a node.
    pub fn type_of(&self, id: ExprId) -> &Type {
        self.types.get(id.index()).unwrap_or(&Type::Error)
    }

    /// What a node refers to.
    pub fn reference(&self, id: ExprId) -> &Reference {
        self.references.get(id.index()).unwrap_or(&Reference::None)
    }

    /// All reads of variables, see [`Ast::reads`], with dotted names of variables as roots and names of types left out.
    pub fn reads(&self) -> Vec<crate::Read> {
        let mut reads = self.ast.reads();
        reads.retain_mut(|read| {
            let mut name = read.attribute.root.to_string();
            let fields = read.attribute.path.iter().map_while(|step| match step {
                crate::PathStep::Field(field) => Some(field),
                _ => None,
            });
            let mut names = vec![name.clone()];
            for field in fields {
                name = format!("{name}.{field}");
                names.push(name.clone());
            }
            // The longest name wins, as in the checker.
            for (used, name) in names.iter().enumerate().rev() {
                let found = self.env.candidates(name).find(|name| {
                    self.env.lookup_variable(name).map(|variable| variable.name.clone())
                });
                if let Some(variable) = found {
                    read.attribute.root = variable;
                    read.attribute.path.drain(..used);
                    read.steps.drain(..used);
                    return true;
                }
            }
            false
        });
        reads
    }
}

/// Checks an expression.
///
/// # Errors
/// All mistakes, in source order.
pub fn check(env: &Env, ast: Ast) -> Result<Checked, Vec<Mistake>> {
    let mut checker = Checker {
        env,
        ast: &ast,
        types: vec![Type::Error; ast.len()],
        references: vec![Reference::None; ast.len()],
        mistakes: Vec::new(),
        known: Substitution::new(env.options().null_gives_way),
        scope: Vec::new(),
        saw_body: false,
    };
    checker.check(ast.root());
    let Checker { mut types, references, mut mistakes, known, .. } = checker;
    if !mistakes.is_empty() {
        mistakes.sort_by_key(|m| m.span);
        return Err(mistakes);
    }
    for ty in &mut types {
        *ty = known.resolve(ty, true);
    }
    Ok(Checked { env: env.clone(), ast, types, references })
}

/// Most parts of the type of a node.
const MAX_TYPE: usize = 1_000;

struct Checker<'e> {
    env: &'e Env,
    ast: &'e Ast,
    types: Vec<Type>,
    references: Vec<Reference>,
    mistakes: Vec<Mistake>,
    known: Substitution,
    scope: Vec<(Arc<str>, Type)>,
    /// Has the body of a macro been entered?
    saw_body: bool,
}

impl Checker<'_> {
    fn mistake(&mut self, kind: MistakeKind, span: Span) {
        self.mistakes.push(Mistake::new(kind, span));
    }

    fn check(&mut self, id: ExprId) -> Type {
        let mut ty = self.infer(id);
        // Types share their parts: without a bound a short expression has a type that takes years to compare.
        if matches!(ty, Type::Map(_) | Type::Opaque(_))
            && self.known.resolve(&ty, false).is_larger_than(MAX_TYPE)
        {
            self.mistake(MistakeKind::TooComplex { limit: MAX_TYPE }, self.ast.span(id));
            ty = Type::Error;
        }
        self.types[id.index()] = ty.clone();
        ty
    }

    /// The type of a node as far as it is known.
    fn resolved(&mut self, id: ExprId) -> Type {
        let ty = self.check(id);
        self.known.resolve(&ty, false)
    }

    fn expect(&mut self, id: ExprId, expected: Type) {
        let found = self.check(id);
        if !self.known.assign(&found, &expected) {
            let found = self.known.resolve(&found, true);
            self.mistake(MistakeKind::TypeMismatch { expected, found }, self.ast.span(id));
        }
    }

    fn infer(&mut self, id: ExprId) -> Type {
        let ast = self.ast;
        match ast.expr(id) {
            Expr::Literal(literal) => literal_type(literal),
            Expr::Ident { name, absolute } => self.ident(id, name, *absolute),
            Expr::Select { operand, field, optional } => {
                if !optional && let Some(ty) = self.qualified(id) {
                    return ty;
                }
                self.select(*operand, field, *optional)
            }
            Expr::Has { operand, field } => {
                self.select(*operand, field, false);
                Type::Bool
            }
            Expr::Index { operand, index, optional } => {
                let args = [self.check(*operand), self.check(*index)];
                let function = if *optional { "_[?_]" } else { "_[_]" };
                let span = Span::new(ast.span(*operand).end, ast.span(id).end);
                self.call_named(id, function, &args, false, span)
            }
            Expr::Call { function, target, args, absolute } => {
                self.call(id, function, *target, args, *absolute)
            }
            Expr::Unary { op, op_span, operand } => {
                let args = [self.check(*operand)];
                self.call_named(id, op.function(), &args, false, *op_span)
            }
            Expr::Binary { op, op_span, left, right } => {
                let args = [self.check(*left), self.check(*right)];
                self.call_named(id, op.function(), &args, false, *op_span)
            }
            Expr::Logic { terms, .. } => {
                for term in terms {
                    self.expect(*term, Type::Bool);
                }
                Type::Bool
            }
            Expr::Conditional { condition, then, otherwise } => {
                self.expect(*condition, Type::Bool);
                let args = [Type::Bool, self.check(*then), self.check(*otherwise)];
                let at = self.ast.span(*then).start;
                self.call_named(id, "_?_:_", &args, false, Span::new(at, ast.span(id).end))
            }
            Expr::List(elements) => {
                let mut joined = None;
                for element in elements {
                    let ty = self.element(element.value, element.optional);
                    joined = Some(self.join(joined, ty));
                }
                Type::list(joined.unwrap_or_else(|| Type::Var(self.known.fresh())))
            }
            Expr::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for entry in entries {
                    let key = self.check(entry.key);
                    keys = Some(self.join(keys, key));
                    let value = self.element(entry.value, entry.optional);
                    values = Some(self.join(values, value));
                }
                let key = keys.unwrap_or_else(|| Type::Var(self.known.fresh()));
                let value = values.unwrap_or_else(|| Type::Var(self.known.fresh()));
                Type::map(key, value)
            }
            Expr::Struct { name, fields } => self.construct(name, fields),
            Expr::Comprehension(_) => self.comprehension(id),
            Expr::Bind { variable, init, body } => {
                let init = self.check(*init);
                self.saw_body = true;
                self.scope.push((variable.text.clone(), init));
                let ty = self.check(*body);
                self.scope.pop();
                ty
            }
        }
    }

    fn element(&mut self, id: ExprId, optional: bool) -> Type {
        let ty = self.resolved(id);
        if !optional {
            return ty;
        }
        match ty {
            Type::Optional(inner) => Type::clone(&inner),
            Type::Dyn | Type::Error => Type::Dyn,
            found => {
                let expected = Type::optional(self.known.resolve(&found, true));
                self.mistake(MistakeKind::TypeMismatch { expected, found }, self.ast.span(id));
                Type::Error
            }
        }
    }

    fn join(&mut self, before: Option<Type>, ty: Type) -> Type {
        match before {
            None => ty,
            Some(before) if self.known.assign(&before, &ty) => {
                self.known.most_general(&before, &ty).clone()
            }
            Some(_) => Type::Dyn,
        }
    }

    fn ident(&mut self, id: ExprId, name: &Name, absolute: bool) -> Type {
        let text = &*name.text;
        if !absolute && let Some(at) = self.scope.iter().rposition(|(n, _)| **n == *text) {
            self.references[id.index()] = Reference::Local(u32::try_from(at).unwrap_or(u32::MAX));
            return self.scope[at].1.clone();
        }
        let written = if absolute { format!(".{text}") } else { text.to_owned() };
        if let Some(ty) = self.global(id, &written) {
            return ty;
        }
        let mut candidates = self.env.variable_names();
        candidates.extend(self.scope.iter().map(|(name, _)| &**name));
        let kind = MistakeKind::UndeclaredReference {
            name: written,
            container: self.env.container().to_owned(),
            function: false,
            candidates: similar(text, candidates),
        };
        self.mistake(kind, name.span);
        Type::Error
    }

    /// A declared variable or a type with this name, a dot in front if absolute.
    fn global(&mut self, id: ExprId, name: &str) -> Option<Type> {
        let env = self.env;
        let (reference, ty) = env.candidates(name).find(|name| {
            if let Some(variable) = env.lookup_variable(name) {
                let reference = Reference::Variable(variable.name.clone());
                return Some((reference, variable.ty.clone()));
            }
            let ty = env.lookup_type(name)?;
            // The type of types has no parameter where it is named.
            let named =
                if ty == Type::type_of(Type::Dyn) { Type::opaque("type") } else { ty.clone() };
            Some((Reference::Type(ty), Type::type_of(named)))
        })?;
        self.references[id.index()] = reference;
        Some(ty)
    }

    /// A chain of selections that is a dotted name.
    fn qualified(&mut self, id: ExprId) -> Option<Type> {
        let root = self.chain_root(id)?;
        // A local variable hides all declared names that begin with it.
        let (name, absolute) = root;
        if !absolute && self.scope.iter().any(|(n, _)| *n == name.text) {
            return None;
        }
        let qualified = self.ast.qualified_name(id)?;
        self.global(id, &qualified)
    }

    fn chain_root(&self, mut id: ExprId) -> Option<(&Name, bool)> {
        loop {
            match self.ast.expr(id) {
                Expr::Ident { name, absolute } => return Some((name, *absolute)),
                Expr::Select { operand, optional: false, .. } => id = *operand,
                _ => return None,
            }
        }
    }

    fn select(&mut self, operand: ExprId, field: &Name, optional: bool) -> Type {
        let operand_type = self.resolved(operand);
        let (target, was_optional) = match &operand_type {
            Type::Optional(inner) => (self.known.resolve(inner, false), true),
            other => (other.clone(), false),
        };
        let result = match &target {
            Type::Map(entry) => entry.1.clone(),
            Type::Object(name) => self.field_type(name, field),
            Type::Var(_) => {
                self.known.assign(&Type::Dyn, &target);
                Type::Dyn
            }
            ty if ty.is_dyn_or_error() => Type::Dyn,
            Type::Opaque(opaque) if self.env.object(&opaque.name).is_some() => {
                self.field_type(&opaque.name, field)
            }
            _ => {
                self.mistake(MistakeKind::NotSelectable { found: target.clone() }, field.span);
                Type::Error
            }
        };
        if optional || was_optional { Type::optional(result) } else { result }
    }

    fn field_type(&mut self, object: &Arc<str>, field: &Name) -> Type {
        let Some(declared) = self.env.object(object) else { return Type::Dyn };
        if let Some(found) = declared.fields.get(&field.text) {
            return found.ty.clone();
        }
        if declared.open {
            return Type::Dyn;
        }
        let kind = MistakeKind::UndefinedField {
            object: Type::Object(object.clone()),
            field: field.text.to_string(),
            candidates: similar(&field.text, declared.fields.keys().map(|name| &**name)),
        };
        self.mistake(kind, field.span);
        Type::Error
    }

    fn construct(&mut self, name: &Name, fields: &[crate::FieldInit]) -> Type {
        let known = self.env.candidates(&name.text).find(crate::library::well_known);
        if let Some((ty, declared)) = known {
            for init in fields {
                let expected = declared.iter().find(|(field, _)| *field == &*init.field.text);
                let Some((_, expected)) = expected else {
                    let kind = MistakeKind::UndefinedField {
                        object: ty.clone(),
                        field: init.field.text.to_string(),
                        candidates: similar(&init.field.text, declared.iter().map(|(f, _)| *f)),
                    };
                    self.mistake(kind, init.field.span);
                    continue;
                };
                let found = self.element(init.value, init.optional);
                if !self.known.assign(&found, expected) {
                    let found = self.known.resolve(&found, true);
                    let kind = MistakeKind::TypeMismatch { expected: expected.clone(), found };
                    self.mistake(kind, self.ast.span(init.value));
                }
            }
            return ty;
        }
        let object = self
            .env
            .candidates(&name.text)
            .find(|name| self.env.object(name).map(|object| object.name.clone()));
        let Some(object) = object else {
            let kind = MistakeKind::NotAnObjectType { name: name.text.to_string() };
            self.mistake(kind, name.span);
            return Type::Error;
        };
        for init in fields {
            let declared = self.field_type(&object, &init.field);
            let found = self.element(init.value, init.optional);
            if !self.known.assign(&found, &declared) {
                let found = self.known.resolve(&found, true);
                let kind = MistakeKind::TypeMismatch { expected: declared, found };
                self.mistake(kind, self.ast.span(init.value));
            }
        }
        if let Some(declared) = self.env.object(&object)
            && self.env.options().construct_objects
        {
            let given = |name: &Arc<str>| fields.iter().any(|init| init.field.text == *name);
            let missing = declared.fields.iter().filter(|(name, f)| f.required && !given(name));
            for (field, _) in missing {
                let object = Type::Object(object.clone());
                let kind = MistakeKind::MissingField { object, field: field.to_string() };
                self.mistake(kind, name.span);
            }
        }
        Type::Object(object)
    }

    fn comprehension(&mut self, id: ExprId) -> Type {
        let ast = self.ast;
        let Expr::Comprehension(c) = ast.expr(id) else { return Type::Error };
        let range = self.resolved(c.range);
        let (first, second) = match &range {
            Type::List(element) => (Type::Int, Type::clone(element)),
            Type::Map(entry) => (entry.0.clone(), entry.1.clone()),
            Type::Var(_) => {
                self.known.assign(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            ty if ty.is_dyn_or_error() => (Type::Dyn, Type::Dyn),
            _ => {
                let found = self.known.resolve(&range, true);
                self.mistake(MistakeKind::NotIterable { found }, ast.span(c.range));
                (Type::Error, Type::Error)
            }
        };
        let before = self.scope.len();
        self.saw_body = true;
        let element = match (&c.second, &range) {
            (Some(name), _) => {
                self.scope.push((c.variable.text.clone(), first.clone()));
                self.scope.push((name.text.clone(), second.clone()));
                second
            }
            (None, Type::List(_)) => {
                self.scope.push((c.variable.text.clone(), second.clone()));
                second
            }
            (None, _) => {
                self.scope.push((c.variable.text.clone(), first.clone()));
                first.clone()
            }
        };
        if let Some(filter) = c.filter {
            self.expect(filter, Type::Bool);
        }
        let ty = match c.kind {
            ComprehensionKind::All | ComprehensionKind::Exists | ComprehensionKind::ExistsOne => {
                self.expect(c.body, Type::Bool);
                Type::Bool
            }
            ComprehensionKind::Filter => {
                self.expect(c.body, Type::Bool);
                Type::list(element)
            }
            ComprehensionKind::List => Type::list(self.check(c.body)),
            ComprehensionKind::Map => {
                let value = self.check(c.body);
                Type::map(first, value)
            }
            ComprehensionKind::MapEntry => {
                let (key, value) = (Type::Var(self.known.fresh()), Type::Var(self.known.fresh()));
                let expected = Type::map(key, value);
                self.expect(c.body, expected.clone());
                expected
            }
        };
        self.scope.truncate(before);
        ty
    }

    fn call(
        &mut self,
        id: ExprId,
        function: &Name,
        target: Option<ExprId>,
        args: &[ExprId],
        absolute: bool,
    ) -> Type {
        let env = self.env;
        let mut types: Vec<Type> = Vec::with_capacity(args.len() + 1);
        let Some(target) = target else {
            types.extend(args.iter().map(|arg| self.check(*arg)));
            let written =
                if absolute { format!(".{}", function.text) } else { function.text.to_string() };
            let found = env.candidates(&written).find(|name| env.function(name));
            return match found {
                Some(found) => self.resolve_call(id, found, &types, false, function.span, false),
                None => self.undeclared_function(function),
            };
        };
        // A dotted name in front may be a part of the function's name.
        if let Some((root, absolute)) = self.chain_root(target)
            && (absolute || !self.scope.iter().any(|(n, _)| *n == root.text))
            && let Some(prefix) = self.ast.qualified_name(target)
        {
            let name = format!("{prefix}.{}", function.text);
            if let Some(found) = env.candidates(&name).find(|name| env.function(name)) {
                types.extend(args.iter().map(|arg| self.check(*arg)));
                return self.resolve_call(id, found, &types, false, function.span, true);
            }
        }
        let target = self.check(target);
        types.push(target);
        types.extend(args.iter().map(|arg| self.check(*arg)));
        match env.candidates(&function.text).find(|name| env.function(name)) {
            Some(found) => self.resolve_call(id, found, &types, true, function.span, false),
            None => self.undeclared_function(function),
        }
    }

    fn undeclared_function(&mut self, function: &Name) -> Type {
        let names = self.env.functions();
        let candidates =
            names.iter().map(|f| &*f.name).filter(|name| !name.starts_with(['_', '!', '-', '@']));
        let kind = MistakeKind::UndeclaredReference {
            name: function.text.to_string(),
            container: self.env.container().to_owned(),
            function: true,
            candidates: similar(&function.text, candidates),
        };
        self.mistake(kind, function.span);
        Type::Error
    }

    fn call_named(
        &mut self,
        id: ExprId,
        function: &str,
        args: &[Type],
        member: bool,
        span: Span,
    ) -> Type {
        match self.env.function(function) {
            Some(found) => self.resolve_call(id, found, args, member, span, false),
            None => {
                let name = Name { text: function.into(), span };
                self.undeclared_function(&name)
            }
        }
    }

    /// Are numbers of different types compared here, where only a body may do so, and what comes after one?
    fn may_mix(&self) -> bool {
        self.env.options().mixed_comparisons_in_bodies && self.saw_body
    }

    /// The comparison of numbers of these two types.
    fn mixed(&mut self, function: &Function, args: &[Type]) -> Option<Arc<Overload>> {
        let rows = crate::library::MIXED_COMPARISONS.functions.iter().copied().flatten();
        for row in rows {
            let Ok(overload) = row.overload() else { continue };
            if overload.function == function.name
                && overload.params.len() == args.len()
                && self.known.assign_all(args.iter().zip(&overload.params))
            {
                return Some(Arc::new(overload));
            }
        }
        None
    }

    fn resolve_call(
        &mut self,
        id: ExprId,
        function: &Function,
        args: &[Type],
        member: bool,
        span: Span,
        qualified: bool,
    ) -> Type {
        let mut overloads = Vec::new();
        let mut result: Option<Type> = None;
        for overload in &function.overloads {
            if overload.member != member || overload.params.len() != args.len() {
                continue;
            }
            let overload_result = if overload.type_params.is_empty() {
                if !self.known.assign_all(args.iter().zip(&overload.params)) {
                    continue;
                }
                overload.result.clone()
            } else {
                let vars: Vec<u32> =
                    overload.type_params.iter().map(|_| self.known.fresh()).collect();
                let params: Vec<Type> = overload
                    .params
                    .iter()
                    .map(|param| instantiate(param, &overload.type_params, &vars))
                    .collect();
                if !self.known.assign_all(args.iter().zip(&params)) {
                    continue;
                }
                let result = instantiate(&overload.result, &overload.type_params, &vars);
                self.known.resolve(&result, false)
            };
            overloads.push(overload.clone());
            result = Some(match result {
                None => overload_result,
                Some(before) if before == Type::Dyn || before == overload_result => before,
                Some(_) => Type::Dyn,
            });
        }
        if result.is_none()
            && self.may_mix()
            && let Some(overload) = self.mixed(function, args)
        {
            result = Some(overload.result.clone());
            overloads.push(overload);
        }
        let Some(result) = result else {
            let args: Vec<Type> = args.iter().map(|arg| self.known.resolve(arg, true)).collect();
            // What follows from a mistake is not told.
            if !args.contains(&Type::Error) {
                let candidates = nearest_first(&function.overloads, &args, member);
                let function = function.name.to_string();
                let kind = MistakeKind::NoMatchingOverload { function, args, member, candidates };
                self.mistake(kind, span);
            }
            return Type::Error;
        };
        self.references[id.index()] = Reference::Function { overloads, qualified };
        result
    }
}

/// The signatures of `overloads`, those first that take the most of `args` as they are.
fn nearest_first(overloads: &[Arc<Overload>], args: &[Type], member: bool) -> Vec<String> {
    let mut nearest: Vec<&Arc<Overload>> = overloads.iter().collect();
    nearest.sort_by_key(|overload| {
        let fits = overload.member == member && overload.params.len() == args.len();
        let equal = overload.params.iter().zip(args).filter(|(param, arg)| param == arg).count();
        std::cmp::Reverse((fits, equal))
    });
    nearest.into_iter().map(ToString::to_string).collect()
}

fn instantiate(ty: &Type, params: &[Arc<str>], vars: &[u32]) -> Type {
    match ty {
        Type::Param(name) => match params.iter().position(|param| param == name) {
            Some(at) => Type::Var(vars[at]),
            None => Type::Dyn,
        },
        Type::List(inner) => Type::list(instantiate(inner, params, vars)),
        Type::Optional(inner) => Type::optional(instantiate(inner, params, vars)),
        Type::Type(inner) => Type::type_of(instantiate(inner, params, vars)),
        Type::Wrapper(inner) => Type::wrapper(instantiate(inner, params, vars)),
        Type::Map(entry) => {
            Type::map(instantiate(&entry.0, params, vars), instantiate(&entry.1, params, vars))
        }
        Type::Opaque(opaque) if !opaque.params.is_empty() => {
            let mut opaque = crate::types::OpaqueType::clone(opaque);
            for param in &mut opaque.params {
                *param = instantiate(param, params, vars);
            }
            Type::Opaque(Arc::new(opaque))
        }
        _ => ty.clone(),
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}
