//! Reading variables and the parts of values.

use super::{Cx, Eval, Slot};
use serde_json::Value as Json;

use crate::{
    Attribute, ErrorKind, ExprId, Key, Map, PathStep, Stop, Type, Unknown, Value,
    bindings::Bound,
    plan::{Access, Hop, NO_PATH, Root, Step, StepKind, Trail},
    shape::{Shape, Shapes},
    value::{Shaped, from_json, untyped_scalar},
};

/// What a step found.
enum Found<'a> {
    Value(Value<'a>),
    /// Nothing there, and why that would be an error.
    Absent(Box<ErrorKind>),
}

impl<'a> Cx<'a> {
    pub(super) fn access(&mut self, id: ExprId, access: &'a Access) -> Eval<'a> {
        if !self.bindings.unknown_paths().is_empty() {
            self.refuse_unknown_paths(access)?;
        }
        match &access.root {
            Root::Global(index) => {
                let end = self.global_end(access, *index);
                match self.end(id, end) {
                    Some(result) => result,
                    None => self.global(id, access, *index),
                }
            }
            Root::Local(slot) => match &self.locals[*slot] {
                Slot::Value(value) if access.steps.is_empty() => Ok(value.clone()),
                Slot::Value(value) => {
                    if let Value::Map(Map::Json(map)) = value
                        && let Some(result) = self.end(id, self.local_end(access, map))
                    {
                        return result;
                    }
                    // Cheap for bound data; the slot may be needed by an index.
                    let value = value.clone();
                    self.walk(access, &value)
                }
                Slot::Stop(stop) => Err(stop.clone()),
                Slot::Empty => Err(self.fail(id, ErrorKind::Other("empty slot".to_owned()))),
            },
            Root::Lazy { slot, init } => {
                if matches!(self.locals[*slot], Slot::Empty) {
                    let plan = self.plan;
                    let value = match self.eval(&plan.lazy[*init]) {
                        Ok(value) => Slot::Value(value),
                        Err(stop) => Slot::Stop(stop),
                    };
                    self.locals[*slot] = value;
                }
                match self.locals[*slot].clone() {
                    Slot::Value(value) if access.steps.is_empty() => Ok(value),
                    Slot::Value(value) => self.walk(access, &value),
                    Slot::Stop(stop) => Err(stop),
                    Slot::Empty => Err(self.fail(id, ErrorKind::Other("empty slot".to_owned()))),
                }
            }
            Root::Value(node) => {
                let value = self.eval(node)?;
                self.walk(access, &value)
            }
        }
    }

    /// A variable that is bound to a value or not at all, and parts of data that take the ordinary way.
    #[inline(never)]
    fn global(&mut self, id: ExprId, access: &'a Access, index: usize) -> Eval<'a> {
        let global = &self.plan.globals[index];
        let json = match self.bindings.get(&global.name) {
            Some(Bound::Value(value)) => return self.walk(access, value),
            Some(Bound::Json(json)) => *json,
            Some(Bound::Shared(json)) => &**json,
            Some(Bound::Unknown) => {
                let attribute = self.attribute(access, access.steps.len())?;
                return Err(Unknown::new(attribute).into());
            }
            None => {
                let name = global.name.to_string();
                let attribute = Attribute { root: global.name.clone(), path: Vec::new() };
                return Err(self.fail_at(id, ErrorKind::NoSuchAttribute { name }, attribute));
            }
        };
        match from_json(json, &self.plan.shapes.shapes, global.shape) {
            Ok(value) if access.steps.is_empty() => Ok(value),
            Ok(value) => self.walk(access, &value),
            Err(kind) => Err(self.fail(id, kind)),
        }
    }

    /// The text that a path in bound data leads to, without making a value. `None` where anything else is to be found out.
    #[inline]
    pub(super) fn bound_text(&mut self, access: &'a Access) -> Option<&'a str> {
        if !self.bindings.unknown_paths().is_empty() {
            return None;
        }
        let end = match &access.root {
            Root::Global(index) => self.global_end(access, *index),
            Root::Local(slot) => match &self.locals[*slot] {
                Slot::Value(Value::Map(Map::Json(map))) => self.local_end(access, map),
                _ => return None,
            },
            Root::Lazy { .. } | Root::Value(_) => return None,
        };
        let End::At { json: Json::String(text), shape, optional: false } = end else {
            return None;
        };
        match self.plan.shapes.shapes.get(shape) {
            Shape::Dyn | Shape::IntOrString | Shape::Scalar(Type::String) => Some(text),
            Shape::Scalar(_)
            | Shape::List { .. }
            | Shape::Map { .. }
            | Shape::Object(_)
            | Shape::Invalid => None,
        }
    }

    /// The value of an optional path in bound data, without making an optional. `None` where the ordinary way must be gone.
    pub(super) fn optional_access(
        &mut self,
        id: ExprId,
        access: &'a Access,
    ) -> Option<Result<Option<Value<'a>>, Stop>> {
        if !self.bindings.unknown_paths().is_empty() {
            return None;
        }
        let end = match &access.root {
            Root::Global(index) => self.global_end(access, *index),
            Root::Local(slot) => match &self.locals[*slot] {
                Slot::Value(Value::Map(Map::Json(map))) => self.local_end(access, map),
                _ => return None,
            },
            Root::Lazy { .. } | Root::Value(_) => return None,
        };
        match end {
            End::At { json, shape, optional: true } => {
                if shape == Shapes::DYN
                    && let Some(value) = untyped_scalar(json)
                {
                    return Some(Ok(Some(value)));
                }
                let value = from_json(json, &self.plan.shapes.shapes, shape);
                Some(value.map(Some).map_err(|kind| self.fail(id, kind)))
            }
            End::Absent => Some(Ok(None)),
            End::At { .. } | End::Unusual => None,
        }
    }

    fn walk(&mut self, access: &'a Access, root: &Value<'a>) -> Eval<'a> {
        let mut current: Option<Value<'a>> = None;
        let mut optional = false;
        let last = access.steps.len();
        for (i, step) in access.steps.iter().enumerate() {
            let mut from = current.as_ref().unwrap_or(root);
            let inner;
            if let Value::Optional(value) = from {
                optional = true;
                match value {
                    Some(value) => {
                        inner = Value::clone(value);
                        from = &inner;
                    }
                    None => return Ok(absent(access)),
                }
            }
            optional |= step.optional;
            let has_parts = matches!(from, Value::Map(_) | Value::List(_) | Value::Opaque(_));
            let found = match self.step(step, from) {
                Ok(found) => found,
                Err(stop) => {
                    // The indices that follow may wait for something, too.
                    return Err(self.rest_of_path(stop, &access.steps[i + 1..]));
                }
            };
            match found {
                Found::Value(_) if access.test && i + 1 == last => return Ok(Value::Bool(true)),
                Found::Value(value) => current = Some(value),
                Found::Absent(_)
                    if (optional || access.test && i + 1 == last)
                        && (has_parts || !self.plan.env.options().strict_presence) =>
                {
                    return Ok(absent(access));
                }
                Found::Absent(kind) => {
                    let stop = match self.attribute(access, i + 1) {
                        Ok(attribute) if !attribute.root.is_empty() => {
                            self.fail_at(step.id, *kind, attribute)
                        }
                        _ => self.fail(step.id, kind),
                    };
                    return Err(self.rest_of_path(stop, &access.steps[i + 1..]));
                }
            }
        }
        let value = match current {
            Some(value) => value,
            None => root.clone(),
        };
        Ok(if optional { Value::some(value) } else { value })
    }

    fn rest_of_path(&mut self, first: Stop, steps: &'a [Step]) -> Stop {
        let indices = steps.iter().filter_map(|step| match &step.kind {
            StepKind::Index(node) => Some(node),
            StepKind::Field(_) | StepKind::Key(_) => None,
        });
        self.strict_rest(first, indices)
    }

    fn step(&mut self, step: &'a Step, from: &Value<'a>) -> Result<Found<'a>, Stop> {
        match &step.kind {
            StepKind::Field(name) => self.field(step.id, from, name),
            StepKind::Key(Key::String(key)) => {
                if let Value::Map(map) = from {
                    return self.present(step.id, map.get_str(key), || no_key(key));
                }
                self.index(step.id, from, &Value::String(crate::Str::Borrowed(key)))
            }
            StepKind::Key(key) => self.index(step.id, from, &key.to_value()),
            StepKind::Index(node) => {
                let index = self.eval(node)?;
                self.index(step.id, from, &index)
            }
        }
    }

    fn present(
        &self,
        id: ExprId,
        found: Option<Result<Value<'a>, Box<ErrorKind>>>,
        missing: impl FnOnce() -> Box<ErrorKind>,
    ) -> Result<Found<'a>, Stop> {
        match found {
            Some(Ok(value)) => Ok(Found::Value(value)),
            Some(Err(kind)) => Err(self.fail(id, kind)),
            None => Ok(Found::Absent(missing())),
        }
    }

    fn field(&self, id: ExprId, from: &Value<'a>, name: &str) -> Result<Found<'a>, Stop> {
        match from {
            Value::Map(map) => self.present(id, map.get_str(name), || no_key(name)),
            Value::Opaque(opaque) => match opaque.field(name) {
                Some(value) => Ok(Found::Value(value)),
                None => {
                    Ok(Found::Absent(Box::new(ErrorKind::NoSuchField { field: name.to_owned() })))
                }
            },
            Value::List(_) => {
                let found = "type `string` in list".to_owned();
                Err(self.fail(id, ErrorKind::UnsupportedIndex { found }))
            }
            _ => Ok(Found::Absent(no_key(name))),
        }
    }

    fn index(&self, id: ExprId, from: &Value<'a>, index: &Value<'a>) -> Result<Found<'a>, Stop> {
        match from {
            Value::List(list) => {
                let at = match index {
                    Value::Int(v) => Some(*v),
                    Value::Uint(v) => i64::try_from(*v).ok(),
                    // Exact: the fraction is zero and the value is in range.
                    Value::Double(v) if v.trunc() == *v && v.abs() < 2f64.powi(63) => {
                        Some(*v as i64)
                    }
                    _ => None,
                };
                let Some(at) = at else {
                    let found = match index {
                        Value::Double(v) => v.to_string(),
                        Value::Uint(v) => v.to_string(),
                        other => format!("type `{}` in list", other.type_name()),
                    };
                    return Err(self.fail(id, ErrorKind::UnsupportedIndex { found }));
                };
                let found = usize::try_from(at).ok().and_then(|at| list.get(at));
                let size = list.len();
                self.present(id, found, || {
                    Box::new(ErrorKind::IndexOutOfBounds { index: at, size })
                })
            }
            Value::Map(map) => {
                let Some(key) = Key::from_value(index) else {
                    let found = index.type_name().to_owned();
                    return Err(self.fail(id, ErrorKind::UnsupportedKey { found }));
                };
                self.present(id, map.get(&key), || {
                    Box::new(ErrorKind::NoSuchKey { key: key.to_string() })
                })
            }
            _ => {
                let key = match index {
                    Value::String(key) => key.to_string(),
                    Value::Int(i) => i.to_string(),
                    Value::Uint(i) => i.to_string(),
                    Value::Bool(_) | Value::Double(_) => index.type_name().to_owned(),
                    // Nothing that may still come has such a key.
                    _ => {
                        let found = index.type_name().to_owned();
                        return Err(self.fail(id, ErrorKind::UnsupportedKey { found }));
                    }
                };
                Ok(Found::Absent(Box::new(ErrorKind::NoSuchKey { key })))
            }
        }
    }

    fn fail_at(&self, id: ExprId, kind: ErrorKind, attribute: Attribute) -> Stop {
        match self.fail(id, kind) {
            Stop::Error(mut error) => {
                error.attribute = Some(attribute);
                Stop::Error(error)
            }
            unknown @ Stop::Unknown(_) => unknown,
        }
    }

    /// The variable with the first steps of the path; the root is empty where it is no variable.
    fn attribute(&mut self, access: &'a Access, steps: usize) -> Result<Attribute, Stop> {
        match self.attribute_and_stop(access, steps) {
            (attribute, Some(Stop::Unknown(mut unknown))) if !attribute.root.is_empty() => {
                unknown.merge(Unknown::new(attribute));
                Err(Stop::Unknown(unknown))
            }
            (attribute, _) => Ok(attribute),
        }
    }

    /// The attribute as far as its indices have values, and why one of them has none.
    fn attribute_and_stop(
        &mut self,
        access: &'a Access,
        steps: usize,
    ) -> (Attribute, Option<Stop>) {
        let root = match &access.root {
            Root::Global(index) => self.plan.globals[*index].name.clone(),
            Root::Local(_) | Root::Lazy { .. } | Root::Value(_) => "".into(),
        };
        let mut path = Vec::with_capacity(steps);
        let mut stop: Option<Stop> = None;
        let mut ended = false;
        for step in &access.steps[..steps] {
            let step = match &step.kind {
                StepKind::Field(name) => Some(PathStep::Field(name.clone())),
                StepKind::Key(key) => key.to_step(),
                StepKind::Index(node) => match self.eval(node) {
                    Ok(value) => Key::from_value(&value).and_then(|key| key.to_step()),
                    Err(other) => {
                        stop = Some(match stop {
                            Some(stop) => super::outrank(stop, other),
                            None => other,
                        });
                        None
                    }
                },
            };
            match step {
                Some(step) if !ended => path.push(step),
                _ => ended = true,
            }
        }
        (Attribute { root, path }, stop)
    }

    /// Unknown where the path meets one of the paths that are bound as unknown.
    fn refuse_unknown_paths(&mut self, access: &'a Access) -> Result<(), Stop> {
        let Root::Global(index) = &access.root else { return Ok(()) };
        let name = &self.plan.globals[*index].name;
        if !self.bindings.unknown_paths().iter().any(|u| u.root == *name) {
            return Ok(());
        }
        let (attribute, stop) = self.attribute_and_stop(access, access.steps.len());
        let met = self.bindings.unknown_paths().iter().any(|unknown| {
            unknown.root == attribute.root
                && unknown.path.iter().zip(&attribute.path).all(|(a, b)| a == b)
        });
        if !met {
            return Ok(());
        }
        let mut unknown = Unknown::new(attribute);
        if let Some(Stop::Unknown(indices)) = stop {
            unknown.merge(*indices);
        }
        Err(unknown.into())
    }
}

/// Where a path in bound data ends.
#[derive(Clone, Copy)]
pub(super) enum End<'a> {
    At {
        json: &'a Json,
        shape: u32,
        optional: bool,
    },
    /// Nothing is there, which the path allows.
    Absent,
    /// Something out of the ordinary: that is found out step by step.
    Unusual,
}

/// Where the first step of a path in a variable leads: other paths often begin with it, too.
pub(super) struct Recent<'a> {
    beginning: usize,
    object: &'a serde_json::Map<String, Json>,
}

/// Follows hops through bound data without making values on the way.
#[inline]
fn follow<'a>(
    trail: &'a Trail,
    hops: &'a [Hop],
    mut object: &'a serde_json::Map<String, Json>,
) -> End<'a> {
    let [before @ .., last] = hops else { return End::Unusual };
    for hop in before {
        match hop.find(object) {
            Some(Json::Object(inner)) => object = inner,
            None if hop.optional => return End::Absent,
            Some(_) | None => return End::Unusual,
        }
    }
    match last.find(object) {
        Some(json) => End::At { json, shape: trail.end, optional: last.optional },
        None if last.optional => End::Absent,
        None => End::Unusual,
    }
}

impl<'a> Cx<'a> {
    /// Where a path in a variable ends.
    #[inline]
    fn global_end(&mut self, access: &'a Access, index: usize) -> End<'a> {
        if let Some(Some(end)) = self.ends.get(access.path) {
            return *end;
        }
        let end = self.search_end(access, index);
        // It may be followed again.
        if let Some(kept) = self.ends.get_mut(access.path) {
            *kept = Some(end);
        }
        end
    }

    #[inline]
    fn search_end(&mut self, access: &'a Access, index: usize) -> End<'a> {
        let Some(trail) = &access.trail else {
            return match self.data(index) {
                Some(json) if access.steps.is_empty() => {
                    End::At { json, shape: self.plan.globals[index].shape, optional: false }
                }
                Some(_) | None => End::Unusual,
            };
        };
        let kept = match &*trail.hops {
            [first, rest @ ..] if self.plan.beginnings_repeat && trail.beginning != NO_PATH => {
                Some((first, rest))
            }
            _ => None,
        };
        if let (Some((_, rest)), Some(recent)) = (kept, &self.recent)
            && recent.beginning == trail.beginning
        {
            return follow(trail, rest, recent.object);
        }
        let Some(Json::Object(object)) = self.data(index) else { return End::Unusual };
        let Some((first, rest)) = kept else { return follow(trail, &trail.hops, object) };
        match first.find(object) {
            Some(Json::Object(object)) => {
                self.recent = Some(Recent { beginning: trail.beginning, object });
                follow(trail, rest, object)
            }
            Some(_) | None => End::Unusual,
        }
    }

    /// The data that a variable is bound to.
    #[inline]
    fn data(&self, index: usize) -> Option<&'a Json> {
        match self.bindings.get(&self.plan.globals[index].name)? {
            Bound::Json(json) => Some(json),
            Bound::Shared(json) => Some(json),
            Bound::Value(_) | Bound::Unknown => None,
        }
    }

    /// Where a path in an object ends that a comprehension variable stands for.
    #[inline]
    fn local_end(
        &self,
        access: &'a Access,
        object: &Shaped<'a, serde_json::Map<String, Json>>,
    ) -> End<'a> {
        match &access.trail {
            // The plan's knowledge of types counts for data of the plan's table only.
            Some(trail)
                if object.shape == trail.start
                    && std::ptr::eq(object.shapes, &raw const self.plan.shapes.shapes) =>
            {
                follow(trail, &trail.hops, object.json)
            }
            Some(_) | None => End::Unusual,
        }
    }

    #[inline]
    fn end(&self, id: ExprId, end: End<'a>) -> Option<Eval<'a>> {
        if let End::At { json, shape: Shapes::DYN, optional: false } = end
            && let Some(value) = untyped_scalar(json)
        {
            return Some(Ok(value));
        }
        self.typed_end(id, end)
    }

    fn typed_end(&self, id: ExprId, end: End<'a>) -> Option<Eval<'a>> {
        match end {
            End::At { json, shape, optional } => {
                match from_json(json, &self.plan.shapes.shapes, shape) {
                    Ok(value) if optional => Some(Ok(Value::some(value))),
                    Ok(value) => Some(Ok(value)),
                    Err(kind) => Some(Err(self.fail(id, kind))),
                }
            }
            End::Absent => Some(Ok(Value::Optional(None))),
            End::Unusual => None,
        }
    }
}

fn no_key(key: &str) -> Box<ErrorKind> {
    Box::new(ErrorKind::NoSuchKey { key: key.to_owned() })
}

fn absent<'a>(access: &Access) -> Value<'a> {
    if access.test { Value::Bool(false) } else { Value::Optional(None) }
}
