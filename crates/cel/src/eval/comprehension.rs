//! Macros that run over lists and maps.

use super::{Cx, Eval, Slot, Truth, outrank};
use crate::{
    ComprehensionKind, ErrorKind, ExprId, Key, MapBuilder, Stop, Value,
    plan::{Loop, Node},
};

impl<'a> Cx<'a> {
    pub(super) fn comprehension(&mut self, id: ExprId, l: &'a Loop) -> Eval<'a> {
        let range = self.eval(&l.range)?;
        let mut run = Run::new(l, range_len(&range));
        match &range {
            Value::List(list) => {
                for (i, element) in list.iter().enumerate() {
                    self.spend(id, l.weight)?;
                    let element = element.map_err(|kind| self.fail(id, kind))?;
                    let index = Value::Int(i64::try_from(i).unwrap_or(i64::MAX));
                    if !self.turn(id, &mut run, &index, element)? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                for (key, value) in map.entries() {
                    self.spend(id, l.weight)?;
                    let value = match value {
                        Ok(value) => value,
                        Err(_) if !l.two => Value::Null,
                        Err(kind) => return Err(self.fail(id, kind)),
                    };
                    if !self.turn(id, &mut run, &key.to_value(), value)? {
                        break;
                    }
                }
            }
            other => {
                let function = "comprehension";
                return Err(
                    self.fail(id, ErrorKind::overload(function, std::slice::from_ref(other)))
                );
            }
        }
        self.finish(id, run)
    }

    /// One element; false when the rest has no influence on the result.
    fn turn(
        &mut self,
        id: ExprId,
        run: &mut Run<'a>,
        key: &Value<'a>,
        value: Value<'a>,
    ) -> Result<bool, Stop> {
        let l = run.plan;
        if l.two {
            self.locals[l.slot] = Slot::Value(key.clone());
            self.locals[l.slot + 1] = Slot::Value(value);
        } else if run.over_map {
            self.locals[l.slot] = Slot::Value(key.clone());
        } else {
            self.locals[l.slot] = Slot::Value(value);
        }
        if let Some(filter) = &l.filter {
            match self.predicate(id, filter) {
                Ok(true) => {}
                Ok(false) => return Ok(true),
                Err(stop) => {
                    run.stopped(stop);
                    return Ok(true);
                }
            }
        }
        match l.kind {
            ComprehensionKind::All | ComprehensionKind::Exists => {
                let decisive = l.kind == ComprehensionKind::Exists;
                match self.predicate(id, &l.body) {
                    Ok(holds) if holds == decisive => {
                        run.decided = true;
                        return Ok(false);
                    }
                    Ok(_) => {}
                    Err(stop) => run.stopped(stop),
                }
            }
            ComprehensionKind::ExistsOne => match self.predicate(id, &l.body) {
                Ok(true) => run.count += 1,
                Ok(false) => {}
                Err(stop) => run.stopped(stop),
            },
            ComprehensionKind::Filter => match self.predicate(id, &l.body) {
                Ok(true) => {
                    if let Slot::Value(value) = &self.locals[l.slot] {
                        run.list.push(value.clone());
                    }
                }
                Ok(false) => {}
                Err(stop) => run.stopped(stop),
            },
            ComprehensionKind::List => match self.eval(&l.body) {
                Ok(value) => run.list.push(value),
                Err(stop) => run.stopped(stop),
            },
            ComprehensionKind::Map => match (self.eval(&l.body), Key::from_value(key)) {
                (Ok(value), Some(key)) => run.map.push(key, value),
                (Ok(_), None) => {
                    let found = key.type_name().to_owned();
                    run.stopped(self.fail(id, ErrorKind::UnsupportedKey { found }));
                }
                (Err(stop), _) => run.stopped(stop),
            },
            ComprehensionKind::MapEntry => match self.eval(&l.body) {
                Ok(Value::Map(map)) => {
                    for (key, value) in map.entries() {
                        let value = value.map_err(|kind| self.fail(id, kind))?;
                        run.map.push(key, value);
                    }
                }
                Ok(other) => {
                    let function = "transformMapEntry";
                    run.stopped(self.fail(id, ErrorKind::overload(function, &[other])));
                }
                Err(stop) => run.stopped(stop),
            },
        }
        Ok(true)
    }

    fn predicate(&mut self, id: ExprId, node: &'a Node) -> Result<bool, Stop> {
        match self.truth(node)? {
            Truth::Bool(v) => Ok(v),
            Truth::Other(other) => {
                Err(self.fail(id, ErrorKind::overload("comprehension", &[other])))
            }
        }
    }

    fn finish(&self, id: ExprId, run: Run<'a>) -> Eval<'a> {
        let kind = run.plan.kind;
        if run.decided {
            return Ok(Value::Bool(kind == ComprehensionKind::Exists));
        }
        if let Some(stop) = run.stop {
            return Err(stop);
        }
        Ok(match kind {
            ComprehensionKind::All => Value::Bool(true),
            ComprehensionKind::Exists => Value::Bool(false),
            ComprehensionKind::ExistsOne => Value::Bool(run.count == 1),
            ComprehensionKind::List | ComprehensionKind::Filter => Value::list(run.list),
            ComprehensionKind::Map => Value::Map(run.map.finish()),
            ComprehensionKind::MapEntry => match run.map.finish_unique() {
                Ok(map) => Value::Map(map),
                Err(key) => {
                    return Err(self.fail(id, ErrorKind::DuplicateKey { key: key.to_string() }));
                }
            },
        })
    }
}

/// What has been found so far.
struct Run<'a> {
    plan: &'a Loop,
    over_map: bool,
    decided: bool,
    count: usize,
    list: Vec<Value<'a>>,
    map: MapBuilder<'a>,
    stop: Option<Stop>,
}

impl<'a> Run<'a> {
    fn new(plan: &'a Loop, (len, over_map): (usize, bool)) -> Self {
        let list = match plan.kind {
            ComprehensionKind::List if plan.filter.is_none() => Vec::with_capacity(len),
            _ => Vec::new(),
        };
        Run { plan, over_map, decided: false, count: 0, list, map: MapBuilder::new(), stop: None }
    }

    fn stopped(&mut self, stop: Stop) {
        self.stop = Some(match self.stop.take() {
            Some(before) => outrank(before, stop),
            None => stop,
        });
    }
}

fn range_len(range: &Value<'_>) -> (usize, bool) {
    match range {
        Value::List(list) => (list.len(), false),
        Value::Map(map) => (map.len(), true),
        _ => (0, false),
    }
}
