//! Which types fit, and what unknown types turn out to be.

use crate::Type;

/// What is known about the type variables of one check, with an undo log.
#[derive(Debug, Default)]
pub(crate) struct Substitution {
    known: Vec<Option<Type>>,
    log: Vec<(u32, Option<Type>)>,
    /// Null gives way to a type that takes it.
    null_gives_way: bool,
}

impl Substitution {
    pub(crate) fn new(null_gives_way: bool) -> Self {
        Substitution { null_gives_way, ..Substitution::default() }
    }

    pub(crate) fn fresh(&mut self) -> u32 {
        let var = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.known.push(None);
        var
    }

    fn find(&self, var: u32) -> Option<&Type> {
        self.known.get(var as usize).and_then(Option::as_ref)
    }

    fn set(&mut self, var: u32, ty: Type) {
        if let Some(known) = self.known.get_mut(var as usize) {
            self.log.push((var, known.replace(ty)));
        }
    }

    fn roll_back(&mut self, mark: usize) {
        while self.log.len() > mark {
            if let Some((var, before)) = self.log.pop()
                && let Some(known) = self.known.get_mut(var as usize)
            {
                *known = before;
            }
        }
    }

    /// Is a value of type `from` accepted where `to` is expected? Learns about type variables if so.
    pub(crate) fn assign(&mut self, from: &Type, to: &Type) -> bool {
        let mark = self.log.len();
        let fits = self.fits(from, to);
        if !fits {
            self.roll_back(mark);
        }
        fits
    }

    /// The same for several values; all or nothing.
    pub(crate) fn assign_all<'t>(
        &mut self,
        pairs: impl Iterator<Item = (&'t Type, &'t Type)>,
    ) -> bool {
        let mark = self.log.len();
        for (from, to) in pairs {
            if !self.fits(from, to) {
                self.roll_back(mark);
                return false;
            }
        }
        true
    }

    fn fits(&mut self, a: &Type, b: &Type) -> bool {
        if let Type::Var(var) = b {
            match self.try_bind(*var, a, b) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        if let Type::Var(var) = a {
            return self.try_bind(*var, b, a).0;
        }
        if a.is_dyn_or_error() || b.is_dyn_or_error() {
            return true;
        }
        match (a, b) {
            (Type::Null, other) | (other, Type::Null) => nullable(other),
            (Type::Wrapper(a), b) => self.fits(a, b),
            (a, Type::Wrapper(b)) => self.fits(a, b),
            (Type::Type(_), Type::Type(_)) => true,
            (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
                self.fits(a, b)
            }
            (Type::Map(a), Type::Map(b)) => self.fits(&a.0, &b.0) && self.fits(&a.1, &b.1),
            (Type::Opaque(a), Type::Opaque(b)) => {
                a.name == b.name
                    && a.params.len() == b.params.len()
                    && a.params.iter().zip(&b.params).all(|(a, b)| self.fits(a, b))
            }
            (a, b) => a == b,
        }
    }

    /// Tries `ty` for the variable. Whether that works, and whether something was known about the variable.
    fn try_bind(&mut self, var: u32, ty: &Type, var_type: &Type) -> (bool, bool) {
        if ty == var_type {
            return (true, true);
        }
        if let Some(known) = self.find(var).cloned() {
            if *ty == known {
                return (true, true);
            }
            if self.fits(ty, &known) {
                let general = self.most_general(ty, &known).clone();
                if !self.occurs(var, &general) {
                    self.set(var, general);
                }
                return (true, true);
            }
            return (false, true);
        }
        if self.occurs(var, ty) {
            return (false, false);
        }
        self.set(var, ty.clone());
        (true, false)
    }

    /// The less specific one of two types that fit each other.
    pub(super) fn most_general<'t>(&self, a: &'t Type, b: &'t Type) -> &'t Type {
        // A value that may be null: the other type says more.
        if self.null_gives_way && *b == Type::Null && nullable(a) || less_specific(a, b) {
            a
        } else {
            b
        }
    }

    fn occurs(&self, var: u32, ty: &Type) -> bool {
        match ty {
            Type::Var(other) => {
                *other == var || self.find(*other).is_some_and(|known| self.occurs(var, known))
            }
            Type::List(inner)
            | Type::Optional(inner)
            | Type::Type(inner)
            | Type::Wrapper(inner) => self.occurs(var, inner),
            Type::Map(entry) => self.occurs(var, &entry.0) || self.occurs(var, &entry.1),
            Type::Opaque(opaque) => opaque.params.iter().any(|p| self.occurs(var, p)),
            Type::Dyn
            | Type::Error
            | Type::Null
            | Type::Bool
            | Type::Int
            | Type::Uint
            | Type::Double
            | Type::String
            | Type::Bytes
            | Type::Timestamp
            | Type::Duration
            | Type::Object(_)
            | Type::Param(_) => false,
        }
    }

    /// Replaces what is known; with `close` what is not known becomes `dyn`.
    pub(crate) fn resolve(&self, ty: &Type, close: bool) -> Type {
        match ty {
            Type::Var(var) => match self.find(*var) {
                Some(known) => self.resolve(known, close),
                None if close => Type::Dyn,
                None => ty.clone(),
            },
            Type::List(inner) if open(inner) => Type::list(self.resolve(inner, close)),
            Type::Optional(inner) if open(inner) => Type::optional(self.resolve(inner, close)),
            Type::Type(inner) if open(inner) => Type::type_of(self.resolve(inner, close)),
            Type::Map(entry) if open(&entry.0) || open(&entry.1) => {
                Type::map(self.resolve(&entry.0, close), self.resolve(&entry.1, close))
            }
            Type::Opaque(opaque) if opaque.params.iter().any(open) => {
                let mut opaque = crate::types::OpaqueType::clone(opaque);
                for param in &mut opaque.params {
                    *param = self.resolve(param, close);
                }
                Type::Opaque(std::sync::Arc::new(opaque))
            }
            _ => ty.clone(),
        }
    }
}

/// Does the type have a type variable in it?
fn open(ty: &Type) -> bool {
    match ty {
        Type::Var(_) => true,
        Type::List(inner) | Type::Optional(inner) | Type::Type(inner) | Type::Wrapper(inner) => {
            open(inner)
        }
        Type::Map(entry) => open(&entry.0) || open(&entry.1),
        Type::Opaque(opaque) => opaque.params.iter().any(open),
        _ => false,
    }
}

fn nullable(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Null
            | Type::Object(_)
            | Type::Opaque(_)
            | Type::Optional(_)
            | Type::Timestamp
            | Type::Duration
            | Type::Wrapper(_)
    )
}

fn less_specific(a: &Type, b: &Type) -> bool {
    if matches!(a, Type::Dyn | Type::Var(_)) {
        return true;
    }
    match (a, b) {
        (_, Type::Dyn | Type::Var(_)) => false,
        (Type::List(a), Type::List(b)) | (Type::Optional(a), Type::Optional(b)) => {
            less_specific(a, b)
        }
        (Type::Map(a), Type::Map(b)) => less_specific(&a.0, &b.0) && less_specific(&a.1, &b.1),
        (Type::Opaque(a), Type::Opaque(b)) => {
            a.name == b.name
                && a.params.len() == b.params.len()
                && a.params.iter().zip(&b.params).all(|(a, b)| less_specific(a, b))
        }
        (Type::Type(_), Type::Type(_)) => true,
        (Type::Wrapper(a), b) => **a == *b,
        (a, b) => a == b,
    }
}
