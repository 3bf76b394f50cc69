//! What an expression may use: variables, object types, functions and macros.

mod function;
mod object;
mod signature;
mod suggest;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, OnceLock},
};

pub use function::{
    Binding, CallClosure, CallFn, Function, Library, Overload, PlannedArg, Prepare, Prepared, Row,
};
pub use object::{Field, ListSemantics, ObjectType};
pub use signature::SignatureError;
pub(crate) use suggest::similar;

use crate::{
    Ast, Mistake, Type, library,
    parse::{self, Limits, Macro},
    shape::Shapes,
};

/// Everything that an expression may use. Cheap to clone.
///
/// ```
/// use cel::{Env, Type};
/// let env = Env::standard().extend().variable("name", Type::String).build()?;
/// let checked = env.compile("name + '-table'").map_err(|m| m[0].to_string())?;
/// assert_eq!(*checked.result_type(), Type::String);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Env(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    functions: Arc<HashMap<Arc<str>, Arc<Function>>>,
    macros: Arc<HashMap<&'static str, Vec<Macro>>>,
    types: Arc<HashMap<Arc<str>, Type>>,
    objects: Arc<HashMap<Arc<str>, Arc<ObjectType>>>,
    variables: HashMap<Arc<str>, Variable>,
    container: Arc<str>,
    options: Options,
    /// Which of [`library::VARIANTS`] the functions are in.
    variants: [bool; library::VARIANTS.len()],
    shapes: OnceLock<Arc<ResolvedShapes>>,
}

/// The object types of an environment and of its variables, resolved for reading JSON.
pub(crate) struct ResolvedShapes {
    pub(crate) shapes: Shapes,
    pub(crate) variables: HashMap<Arc<str>, u32>,
}

#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) name: Arc<str>,
    pub(crate) ty: Type,
    semantics: ListSemantics,
}

/// Limits, and the points where implementations of the language disagree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Longest text of an expression, in bytes.
    pub max_length: usize,
    /// Deepest nesting of an expression; more than 250 counts as 250, so that no stack is exhausted.
    pub max_depth: usize,
    /// What one evaluation may cost, see [`cost`](crate::cost).
    pub max_cost: u64,
    /// A key that stands twice in a map literal is an error (the specification) or the last one wins (cel-go).
    pub unique_keys: bool,
    /// A floating point number may be a key in a map literal (cel-go) or is an error (the specification).
    pub any_keys: bool,
    /// `Name{…}` makes objects of declared types (as maps); otherwise only values of well-known protobuf types.
    pub construct_objects: bool,
    /// `getMilliseconds` of a duration gives the milliseconds of its second (the specification) or all of them (cel-go).
    pub milliseconds_of_second: bool,
    /// `indexOf` and `lastIndexOf` from beyond the end of a text are errors (the specification) or find nothing (cel-go).
    pub strict_index: bool,
    /// `ip` takes IPv4 addresses in the hexadecimal form of IPv6 (the specification) or refuses them (cel-go).
    pub mapped_addresses: bool,
    /// `<`, `<=`, `>` and `>=` take numbers of different types when both types are known (an option of cel-go) or only when one is
    /// `dyn`.
    pub mixed_comparisons: bool,
    /// The same, but only in the bodies of comprehensions and bindings and in what comes after one: cel-go forgets there that the
    /// option is off.
    pub mixed_comparisons_in_bodies: bool,
    /// `null` in a list, a map or a conditional gives way to a type that takes it (the specification), or the type that comes
    /// later wins (cel-go).
    pub null_gives_way: bool,
    /// Asking whether a number or null has a field is an error (the specification) or the answer is no (cel-go).
    pub strict_presence: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            max_length: 100_000,
            max_depth: 250,
            max_cost: 10_000_000,
            unique_keys: true,
            any_keys: false,
            construct_objects: true,
            milliseconds_of_second: false,
            strict_index: false,
            mapped_addresses: false,
            mixed_comparisons: false,
            mixed_comparisons_in_bodies: false,
            null_gives_way: true,
            strict_presence: true,
        }
    }
}

static STANDARD: LazyLock<Env> = LazyLock::new(|| {
    Env::builder()
        .library(&library::STANDARD)
        .build()
        .expect("invariant: the signatures of the standard library are well-formed")
});

static SPEC: LazyLock<Env> = LazyLock::new(|| {
    library::SPEC
        .iter()
        .fold(Env::builder(), |builder, library| builder.library(library))
        .options(|options| {
            options.milliseconds_of_second = true;
            options.strict_index = true;
            options.mapped_addresses = true;
        })
        .build()
        .expect("invariant: the signatures of the libraries are well-formed")
});

static KRO: LazyLock<Env> = LazyLock::new(|| {
    library::KRO
        .iter()
        .fold(Env::builder(), |builder, library| builder.library(library))
        .options(|options| {
            options.unique_keys = false;
            options.any_keys = true;
            options.strict_presence = false;
            options.construct_objects = false;
            options.mixed_comparisons_in_bodies = true;
            options.null_gives_way = false;
        })
        .build()
        .expect("invariant: the signatures of the libraries are well-formed")
});

impl Env {
    /// An environment with nothing in it, to be filled.
    pub fn builder() -> EnvBuilder {
        EnvBuilder {
            inner: Inner {
                functions: Arc::default(),
                macros: Arc::default(),
                types: Arc::default(),
                objects: Arc::default(),
                variables: HashMap::new(),
                container: "".into(),
                options: Options::default(),
                variants: Default::default(),
                shapes: OnceLock::new(),
            },
            errors: Vec::new(),
        }
    }

    /// The environment of the specification: what its official suite expects.
    pub fn spec() -> Env {
        SPEC.clone()
    }

    /// The environment of kro: the libraries and the options of the Go implementation.
    pub fn kro() -> Env {
        KRO.clone()
    }

    /// The standard library and the standard macros.
    pub fn standard() -> Env {
        STANDARD.clone()
    }

    /// This environment with more in it. Functions, macros and object types stay shared.
    pub fn extend(&self) -> EnvBuilder {
        let mut inner = Inner::clone(&self.0);
        inner.shapes = OnceLock::new();
        EnvBuilder { inner, errors: Vec::new() }
    }

    /// Parses an expression with the macros and the limits of this environment.
    pub fn parse(&self, source: &str) -> (Option<Ast>, Vec<Mistake>) {
        let options = &self.0.options;
        let limits = Limits { max_length: options.max_length, max_depth: options.max_depth };
        parse::parse_with(source, limits, &|name| {
            self.0.macros.get(name).map_or(&[], Vec::as_slice)
        })
    }

    /// Parses and checks an expression.
    ///
    /// # Errors
    /// The mistakes of the first of the two steps that found any.
    pub fn compile(&self, source: &str) -> Result<crate::Checked, Vec<Mistake>> {
        match self.parse(source) {
            (Some(ast), mistakes) if mistakes.is_empty() => crate::check(self, ast),
            (_, mistakes) => Err(mistakes),
        }
    }

    /// The options.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The container in which names are resolved.
    pub fn container(&self) -> &str {
        &self.0.container
    }

    /// The declared type of a variable.
    pub fn variable(&self, name: &str) -> Option<&Type> {
        self.0.variables.get(name).map(|v| &v.ty)
    }

    /// The declared object type with this name.
    pub fn object(&self, name: &str) -> Option<&Arc<ObjectType>> {
        self.0.objects.get(name)
    }

    /// The function with this name.
    pub fn function(&self, name: &str) -> Option<&Arc<Function>> {
        self.0.functions.get(name)
    }

    /// All functions, sorted by name.
    pub fn functions(&self) -> Vec<&Arc<Function>> {
        let mut functions: Vec<_> = self.0.functions.values().collect();
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        functions
    }

    /// Names of all variables, sorted.
    pub fn variable_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.variables.keys().map(|name| &**name).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn lookup_variable(&self, name: &str) -> Option<&Variable> {
        self.0.variables.get(name)
    }

    /// The type that a name such as `int` or `net.IP` stands for.
    pub(crate) fn lookup_type(&self, name: &str) -> Option<Type> {
        if let Some(ty) = self.0.types.get(name) {
            return Some(ty.clone());
        }
        self.0.objects.get(name).map(|object| Type::Object(object.name.clone()))
    }

    pub(crate) fn shapes(&self) -> Arc<ResolvedShapes> {
        let resolve = || {
            let mut shapes = Shapes::new();
            let mut variables = HashMap::new();
            let mut sorted: Vec<_> = self.0.variables.values().collect();
            sorted.sort_by(|a, b| a.name.cmp(&b.name));
            for variable in sorted {
                let shape = shapes.resolve(&variable.ty, &variable.semantics, &self.0.objects);
                variables.insert(variable.name.clone(), shape);
            }
            Arc::new(ResolvedShapes { shapes, variables })
        };
        self.0.shapes.get_or_init(resolve).clone()
    }

    /// The names under which `name` is looked up, the innermost container first.
    pub(crate) fn candidates<'n>(&self, name: &'n str) -> Candidates<'_, 'n> {
        match name.strip_prefix('.') {
            Some(name) => Candidates { container: None, name },
            None if self.0.container.is_empty() => Candidates { container: None, name },
            None => Candidates { container: Some(&self.0.container), name },
        }
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("variables", &self.variable_names()).finish_non_exhaustive()
    }
}

/// See [`Env::candidates`].
pub(crate) struct Candidates<'e, 'n> {
    container: Option<&'e str>,
    name: &'n str,
}

impl Candidates<'_, '_> {
    /// The first candidate for which `find` gives something.
    pub(crate) fn find<T>(self, mut find: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let mut container = self.container;
        while let Some(inner) = container {
            if let Some(found) = find(&format!("{inner}.{}", self.name)) {
                return Some(found);
            }
            container = inner.rsplit_once('.').map(|(outer, _)| outer);
        }
        find(self.name)
    }
}

/// Builds an [`Env`].
pub struct EnvBuilder {
    inner: Inner,
    errors: Vec<EnvError>,
}

/// What is wrong with the declarations of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvError {
    /// A signature that can't be read.
    Signature(SignatureError),
}

impl fmt::Display for EnvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnvError::Signature(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EnvError {}

impl EnvBuilder {
    /// Adds functions, macros and types of a library. An overload with an id that is already there is replaced.
    #[must_use]
    pub fn library(mut self, library: &Library) -> Self {
        for row in library.functions.iter().copied().flatten() {
            match row.overload() {
                Ok(overload) => self.add(overload),
                Err(error) => self.errors.push(EnvError::Signature(error)),
            }
        }
        let macros = Arc::make_mut(&mut self.inner.macros);
        for entry in library.macros {
            macros.entry(entry.function).or_default().push(*entry);
        }
        for (name, ty) in library.types {
            match signature::parse_type(ty) {
                Ok(ty) => {
                    Arc::make_mut(&mut self.inner.types).insert((*name).into(), ty);
                }
                Err(error) => self.errors.push(EnvError::Signature(error)),
            }
        }
        for (name, fields) in library.objects {
            let mut object = ObjectType::new(*name);
            for (field, ty) in *fields {
                match signature::parse_type(ty) {
                    Ok(ty) => object = object.with(*field, Field::new(ty)),
                    Err(error) => self.errors.push(EnvError::Signature(error)),
                }
            }
            self = self.object(object);
        }
        for (name, ty) in library.variables {
            match signature::parse_type(ty) {
                Ok(ty) => self = self.variable(name, ty),
                Err(error) => self.errors.push(EnvError::Signature(error)),
            }
        }
        self
    }

    /// Adds a macro; of macros with one name the first that takes the call is used.
    ///
    /// What it makes may use every argument once: a node has one place in the tree.
    #[must_use]
    pub fn with_macro(mut self, entry: Macro) -> Self {
        Arc::make_mut(&mut self.inner.macros).entry(entry.function).or_default().push(entry);
        self
    }

    fn add(&mut self, overload: Overload) {
        let functions = Arc::make_mut(&mut self.inner.functions);
        let name = overload.function.clone();
        let function = functions
            .entry(name.clone())
            .or_insert_with(|| Arc::new(Function { name, overloads: Vec::new() }));
        let overloads = &mut Arc::make_mut(function).overloads;
        match overloads.iter_mut().find(|o| o.id == overload.id) {
            Some(existing) => *existing = Arc::new(overload),
            None => overloads.push(Arc::new(overload)),
        }
    }

    /// Puts the functions of a variant in the place of the ordinary ones, or the other way round.
    fn change(&mut self, variant: &library::Variant, wanted: bool) {
        let ordinary = variant.ordinary.iter().flat_map(|library| library.functions).copied();
        let ordinary: Vec<&Row> = ordinary.flatten().collect();
        for row in variant.library.functions.iter().copied().flatten() {
            let before = ordinary.iter().find(|ordinary| ordinary.id == row.id).copied();
            let (Ok(overload), here) = (row.overload(), self.has(row.id, row.signature)) else {
                continue;
            };
            match (wanted, before) {
                (true, Some(_)) if here => self.add(overload),
                (true, None) if self.inner.functions.contains_key(&overload.function) => {
                    self.add(overload);
                }
                (false, Some(before)) if here => {
                    if let Ok(overload) = before.overload() {
                        self.add(overload);
                    }
                }
                (false, None) => self.remove(&overload),
                (true, _) | (false, Some(_)) => {}
            }
        }
    }

    fn remove(&mut self, overload: &Overload) {
        let functions = Arc::make_mut(&mut self.inner.functions);
        if let Some(function) = functions.get_mut(&overload.function) {
            Arc::make_mut(function).overloads.retain(|o| o.id != overload.id);
        }
    }

    fn has(&self, id: &str, signature: &str) -> bool {
        let Ok(signature) = signature::parse(signature) else { return false };
        let function = self.inner.functions.get(&*signature.function);
        function.is_some_and(|function| function.overloads.iter().any(|o| *o.id == *id))
    }

    /// Adds one overload of a function, for instance with the signature `(string).shout(int): string` and a closure.
    #[must_use]
    pub fn overload(mut self, id: &str, signature: &str, doc: &str, binding: Binding) -> Self {
        match signature::parse(signature) {
            Ok(signature) => self.add(Overload::new(id, signature, doc, binding)),
            Err(error) => self.errors.push(EnvError::Signature(error)),
        }
        self
    }

    /// Declares a variable. Its name may have dots.
    #[must_use]
    pub fn variable(self, name: &str, ty: Type) -> Self {
        self.list_variable(name, ty, ListSemantics::Atomic)
    }

    /// Declares a variable whose list compares and adds in its own way.
    #[must_use]
    pub fn list_variable(mut self, name: &str, ty: Type, semantics: ListSemantics) -> Self {
        let name: Arc<str> = name.into();
        self.inner.variables.insert(name.clone(), Variable { name, ty, semantics });
        self
    }

    /// Declares an object type.
    #[must_use]
    pub fn object(mut self, object: impl Into<Arc<ObjectType>>) -> Self {
        let object = object.into();
        Arc::make_mut(&mut self.inner.objects).insert(object.name.clone(), object);
        self
    }

    /// Names are looked up in this container first, then outside of it.
    #[must_use]
    pub fn container(mut self, container: &str) -> Self {
        self.inner.container = container.into();
        self
    }

    /// Changes the options.
    #[must_use]
    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.inner.options);
        self
    }

    /// Leaves all macros out: `has(a.b)` is then a call of a function.
    #[must_use]
    pub fn without_macros(mut self) -> Self {
        self.inner.macros = Arc::default();
        self
    }

    /// The environment.
    ///
    /// # Errors
    /// The first declaration that can't be read.
    pub fn build(mut self) -> Result<Env, EnvError> {
        let wanted =
            library::VARIANTS.each_ref().map(|variant| (variant.wanted)(&self.inner.options));
        for (at, variant) in library::VARIANTS.iter().enumerate() {
            if wanted[at] != self.inner.variants[at] {
                self.change(variant, wanted[at]);
            }
        }
        self.inner.variants = wanted;
        match self.errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(Env(Arc::new(self.inner))),
        }
    }
}
