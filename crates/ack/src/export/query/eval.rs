//! The evaluation of a query, within a budget.
//!
//! Values are handed on as they come, so what follows the first one is never looked at.

use std::borrow::Cow;
use std::cell::Cell;
use std::cmp::Ordering;

use jaq_core::ops::Cmp;
use serde_json::Map;
use serde_json::Value as Json;

use super::Filter;
use super::Piece;
use super::Step;
use super::StepPart;
use super::functions;
use super::functions::compare;
use super::functions::weight;

/// How much a query may do: a step is one, a value that is made or looked through as many as it has
/// members and bytes of text. Some tens of milliseconds at most.
const BUDGET: usize = 1_000_000;

/// Why a query has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It can't be evaluated for this object.
    #[error("{0}")]
    Error(String),
    /// It would do more than it may.
    #[error("the query does more than it may")]
    Exhausted,
}

/// Why an evaluation does not go on.
enum Stop {
    /// Nobody wants more values.
    Enough,
    /// An error that `try` catches, and what that gets.
    Error(Json),
    /// The budget is spent.
    Exhausted,
    /// What the values are handed to has stopped; it is kept there.
    Elsewhere,
}

type Done = Result<(), Stop>;
type Emit<'e> = &'e mut dyn FnMut(&Json) -> Done;

/// Variables, the newest first.
#[derive(Clone, Copy)]
struct Scope<'s>(Option<&'s (String, Json, Scope<'s>)>);

struct Run {
    left: Cell<usize>,
}

pub(super) fn first(filter: &Filter, input: &Json) -> Result<Option<Json>, Failure> {
    let run = Run { left: Cell::new(BUDGET) };
    let mut found = None;
    let done = run.eval(filter, Scope(None), input, &mut |value| {
        run.charge(weight(value))?;
        found = Some(value.clone());
        Err(Stop::Enough)
    });
    match done {
        Ok(()) | Err(Stop::Enough | Stop::Elsewhere) => Ok(found),
        Err(Stop::Error(message)) => Err(Failure::Error(functions::plain(&message))),
        Err(Stop::Exhausted) => Err(Failure::Exhausted),
    }
}

impl Scope<'_> {
    fn get(&self, name: &str) -> Option<&Json> {
        let mut scope = self.0;
        while let Some((bound, value, outer)) = scope {
            if bound == name {
                return Some(value);
            }
            scope = outer.0;
        }
        None
    }
}

impl Run {
    fn charge(&self, amount: usize) -> Done {
        let left = self.left.get().checked_sub(amount).ok_or(Stop::Exhausted)?;
        self.left.set(left);
        Ok(())
    }

    fn eval(&self, filter: &Filter, scope: Scope<'_>, input: &Json, emit: Emit<'_>) -> Done {
        self.charge(1)?;
        match filter {
            Filter::Id => emit(input),
            Filter::Nothing => Ok(()),
            Filter::Value(value) => emit(value),
            Filter::Variable(name) => match scope.get(name) {
                Some(value) => emit(value),
                None => Err(error(format!("{name} is not defined"))),
            },
            Filter::Pipe(left, right) => {
                self.eval(left, scope, input, &mut |value| self.eval(right, scope, value, emit))
            }
            Filter::Bind(value, name, body) => self.eval(value, scope, input, &mut |value| {
                self.charge(weight(value))?;
                let bound = (name.clone(), value.clone(), scope);
                self.eval(body, Scope(Some(&bound)), input, emit)
            }),
            Filter::Comma(left, right) => {
                self.eval(left, scope, input, emit)?;
                self.eval(right, scope, input, emit)
            }
            Filter::Text(format, pieces) => {
                self.text(*format, pieces, &mut String::new(), scope, input, emit)
            }
            Filter::List(items) => {
                let list = self.collect(items, scope, input)?;
                emit(&Json::Array(list))
            }
            Filter::Object(entries) => self.object(entries, &Map::new(), scope, input, emit),
            Filter::Negative(value) => self.eval(value, scope, input, &mut |value| {
                let zero = Json::from(0);
                emit(&functions::math(jaq_core::ops::Math::Sub)(&zero, value).map_err(error)?)
            }),
            Filter::Otherwise(left, right) => {
                let mut any = false;
                self.eval(left, scope, input, &mut |value| {
                    if !is_true(value) {
                        return Ok(());
                    }
                    any = true;
                    emit(value)
                })?;
                if any { Ok(()) } else { self.eval(right, scope, input, emit) }
            }
            Filter::Or(left, right) => self.logic(true, (left, right), scope, input, emit),
            Filter::And(left, right) => self.logic(false, (left, right), scope, input, emit),
            // As in jq, the right one is the outer loop.
            Filter::OfTwo(function, left, right) => {
                self.pairs((left, right), scope, input, &mut |left, right| {
                    self.charge(weight(left).saturating_mul(weight_of_argument(right)))?;
                    let made = function(left, right).map_err(error)?;
                    self.charge(weight(&made))?;
                    emit(&made)
                })
            }
            Filter::Compare(operator, left, right) => {
                self.pairs((left, right), scope, input, &mut |left, right| {
                    self.charge(weight(left).min(weight(right)))?;
                    emit(&holds(*operator, compare(left, right)).into())
                })
            }
            Filter::Try(body, handler) => match self.guarded(body, scope, input, emit)? {
                Err(Stop::Error(message)) => match handler {
                    Some(handler) => self.eval(handler, scope, &message, emit),
                    None => Ok(()),
                },
                done => done,
            },
            Filter::If(condition, then, otherwise) => {
                self.eval(condition, scope, input, &mut |holds| {
                    let branch = if is_true(holds) { then } else { otherwise };
                    self.eval(branch, scope, input, emit)
                })
            }
            Filter::Steps(head, steps) => self.eval(head, scope, input, &mut |value| {
                // What stands in brackets sees the input of the whole.
                self.steps(steps, scope, input, value, emit)
            }),
            Filter::OfOne(function, value) => self.eval(value, scope, input, &mut |value| {
                self.charge(weight(value).saturating_mul(4))?;
                let made = function(value).map_err(error)?;
                self.charge(weight(&made))?;
                emit(&made)
            }),
            Filter::First(filter) => {
                let mut found = None;
                let done = self.eval(filter, scope, input, &mut |value| {
                    self.charge(weight(value))?;
                    found = Some(value.clone());
                    Err(Stop::Enough)
                });
                match (done, found) {
                    (Err(Stop::Enough) | Ok(()), Some(value)) => emit(&value),
                    (done, _) => done,
                }
            }
            Filter::By(by, key) => {
                let Json::Array(items) = input else {
                    return Err(error(format!("{} has no items", functions::kind(input))));
                };
                let mut keyed = Vec::new();
                for item in items {
                    self.charge(weight(item).saturating_mul(20))?;
                    keyed.push((self.collect(key, scope, item)?.into(), item.clone()));
                }
                emit(&by(keyed))
            }
            Filter::Fail(message) => self.eval(message, scope, input, &mut |message| {
                self.charge(weight(message))?;
                Err(Stop::Error(message.clone()))
            }),
        }
    }

    /// Evaluates; how that ended, apart from what stopped where the values go, which is the error.
    fn guarded(
        &self,
        filter: &Filter,
        scope: Scope<'_>,
        input: &Json,
        emit: Emit<'_>,
    ) -> Result<Done, Stop> {
        let mut elsewhere = None;
        let done = self.eval(filter, scope, input, &mut |value| {
            emit(value).map_err(|stop| {
                elsewhere = Some(stop);
                Stop::Elsewhere
            })
        });
        elsewhere.map_or(Ok(done), Err)
    }

    fn collect(&self, filter: &Filter, scope: Scope<'_>, input: &Json) -> Result<Vec<Json>, Stop> {
        let mut all = Vec::new();
        self.eval(filter, scope, input, &mut |value| {
            self.charge(weight(value))?;
            all.push(value.clone());
            Ok(())
        })?;
        Ok(all)
    }

    fn pairs(
        &self,
        (left, right): (&Filter, &Filter),
        scope: Scope<'_>,
        input: &Json,
        emit: &mut dyn FnMut(&Json, &Json) -> Done,
    ) -> Done {
        self.eval(right, scope, input, &mut |right| {
            self.eval(left, scope, input, &mut |left| emit(left, right))
        })
    }

    /// `or`, where true settles it, and `and`, where false does.
    fn logic(
        &self,
        settles: bool,
        (left, right): (&Filter, &Filter),
        scope: Scope<'_>,
        input: &Json,
        emit: Emit<'_>,
    ) -> Done {
        self.eval(left, scope, input, &mut |left| {
            if is_true(left) == settles {
                return emit(&settles.into());
            }
            self.eval(right, scope, input, &mut |right| emit(&is_true(right).into()))
        })
    }

    fn text(
        &self,
        format: Option<functions::OfOne>,
        pieces: &[Piece],
        before: &mut String,
        scope: Scope<'_>,
        input: &Json,
        emit: Emit<'_>,
    ) -> Done {
        self.charge(1 + before.len())?;
        let Some((piece, rest)) = pieces.split_first() else {
            return emit(&before.clone().into());
        };
        let length = before.len();
        match piece {
            Piece::Text(text) => {
                before.push_str(text);
                self.text(format, rest, before, scope, input, emit)?;
            }
            Piece::Filter(filter) => self.eval(filter, scope, input, &mut |value| {
                self.charge(weight(value).saturating_mul(4))?;
                let shown = match format {
                    Some(format) => functions::plain(&format(value).map_err(error)?),
                    None => functions::plain(value),
                };
                before.push_str(&shown);
                let done = self.text(format, rest, before, scope, input, emit);
                before.truncate(length);
                done
            })?,
        }
        before.truncate(length);
        Ok(())
    }

    fn object(
        &self,
        entries: &[(Filter, Filter)],
        before: &Map<String, Json>,
        scope: Scope<'_>,
        input: &Json,
        emit: Emit<'_>,
    ) -> Done {
        let Some(((key, value), rest)) = entries.split_first() else {
            return emit(&Json::Object(before.clone()));
        };
        self.eval(key, scope, input, &mut |key| {
            let Json::String(key) = key else {
                return Err(error(format!("{} is no key", functions::kind(key))));
            };
            self.eval(value, scope, input, &mut |value| {
                let sizes = before.values().map(weight).sum::<usize>();
                self.charge(sizes + weight(value) + key.len())?;
                let mut object = before.clone();
                object.insert(key.clone(), value.clone());
                self.object(rest, &object, scope, input, emit)
            })
        })
    }

    fn steps(
        &self,
        steps: &[Step],
        scope: Scope<'_>,
        outer: &Json,
        value: &Json,
        emit: Emit<'_>,
    ) -> Done {
        self.charge(1)?;
        let Some((step, rest)) = steps.split_first() else { return emit(value) };
        let next = |found: &Json, emit: Emit<'_>| self.steps(rest, scope, outer, found, emit);
        let failed = |message: String| {
            if step.optional { Ok(()) } else { Err(error(message)) }
        };
        match &step.part {
            StepPart::Index(index) => {
                self.eval(index, scope, outer, &mut |index| match at(value, index) {
                    Ok(found) => next(&found, emit),
                    Err(message) => failed(message),
                })
            }
            StepPart::All => match value {
                Json::Array(items) => items.iter().try_for_each(|item| next(item, emit)),
                Json::Object(members) => members.values().try_for_each(|item| next(item, emit)),
                Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                    failed(format!("{} has no items", functions::kind(value)))
                }
            },
            StepPart::Slice(from, upto) => {
                let bound = |filter: &Option<Filter>| match filter {
                    Some(filter) => self.collect(filter, scope, outer),
                    None => Ok(vec![Json::Null]),
                };
                let (froms, uptos) = (bound(from)?, bound(upto)?);
                for upto in &uptos {
                    for from in &froms {
                        self.charge(weight(value))?;
                        match functions::slice(value, from, upto) {
                            Ok(part) => next(&part, emit)?,
                            Err(message) => failed(message)?,
                        }
                    }
                }
                Ok(())
            }
        }
    }
}

/// How often an argument may be repeated in what is made of it: a separator is, by its length.
fn weight_of_argument(argument: &Json) -> usize {
    match argument {
        Json::String(text) => 1 + text.len(),
        Json::Array(_) | Json::Object(_) => weight(argument),
        Json::Null | Json::Bool(_) | Json::Number(_) => 1,
    }
}

fn error(message: String) -> Stop {
    Stop::Error(message.into())
}

fn is_true(value: &Json) -> bool {
    !matches!(value, Json::Null | Json::Bool(false))
}

fn holds(operator: Cmp, order: Ordering) -> bool {
    match operator {
        Cmp::Lt => order.is_lt(),
        Cmp::Le => order.is_le(),
        Cmp::Gt => order.is_gt(),
        Cmp::Ge => order.is_ge(),
        Cmp::Eq => order.is_eq(),
        Cmp::Ne => order.is_ne(),
    }
}

/// A member, an item or a character; null where there is none.
fn at<'v>(value: &'v Json, index: &Json) -> Result<Cow<'v, Json>, String> {
    let found = match (value, index) {
        (Json::Object(members), Json::String(name)) => members.get(name),
        (Json::Array(items), Json::Number(_)) => functions::item(items, index),
        (Json::String(text), Json::Number(_)) => {
            let character = functions::place(index, text.chars().count())
                .and_then(|place| text.chars().nth(place));
            return Ok(Cow::Owned(character.map(String::from).into()));
        }
        (Json::Null, Json::String(_) | Json::Number(_) | Json::Null) => None,
        (_, _) => {
            return Err(format!("{} has no {}", functions::kind(value), functions::kind(index)));
        }
    };
    Ok(found.map_or(Cow::Owned(Json::Null), Cow::Borrowed))
}
