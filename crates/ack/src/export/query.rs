//! Queries in the language of jq, as far as they are bounded.
//!
//! Who writes a FieldExport has rights in one namespace, and the controller works for all of them: a
//! query must not be able to hold it up. So there is a list of what may stand in a query, and its
//! evaluation has a budget. Nothing on the list repeats anything by itself: no recursion, no
//! definitions, no ranges, no assignments.
//!
//! ```text
//! text ──► jaq's parser ──► read(): what is on the list, or the place of what is not ──► Filter ──► eval
//! ```

use jaq_core::load::lex::Lexer;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::BinaryOp;
use jaq_core::load::parse::Parser;
use jaq_core::load::parse::Pattern;
use jaq_core::load::parse::Term;
use jaq_core::load::span;
use jaq_core::ops;
use jaq_core::path::Opt;
use jaq_core::path::Part;
use serde_json::Value as Json;

mod eval;
mod functions;

pub use eval::Failure;
use functions::By;
use functions::Function;
use functions::OfOne;
use functions::OfTwo;

/// The longest query, in bytes: it bounds how deep one can be nested.
pub const LONGEST: usize = 400;

/// How much stack the deepest query of that length takes, several times over in a release build.
const STACK: usize = 64 << 20;

/// Runs something that handles a query in a thread that has the stack for it.
///
/// # Errors
///
/// The system has no thread to give, or the thread panicked.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("query".to_owned()).stack_size(STACK);
        let thread = builder.spawn_scoped(scope, work)?;
        thread.join().map_err(|_| std::io::Error::other("a query can't be handled"))
    })
}

/// A query that may be evaluated.
#[derive(Clone, Debug)]
pub struct Query(Filter);

/// Not a query, or not one that may be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuery {
    /// Longer than [`LONGEST`].
    #[error("the query has more than {LONGEST} bytes")]
    TooLong,
    /// Not the language.
    #[error("expected {expected} at character {at}")]
    Syntax {
        /// What would have been right.
        expected: String,
        /// The position, from 1.
        at: usize,
    },
    /// Not on the list.
    #[error("{what} at character {at} is not supported")]
    Unsupported {
        /// What it is.
        what: String,
        /// The position, from 1.
        at: usize,
    },
}

/// What is evaluated.
#[derive(Clone, Debug)]
enum Filter {
    Id,
    Nothing,
    Value(Json),
    Text(Option<OfOne>, Vec<Piece>),
    List(Box<Filter>),
    Object(Vec<(Filter, Filter)>),
    Negative(Box<Filter>),
    Pipe(Box<Filter>, Box<Filter>),
    Bind(Box<Filter>, String, Box<Filter>),
    Comma(Box<Filter>, Box<Filter>),
    Otherwise(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    And(Box<Filter>, Box<Filter>),
    OfTwo(OfTwo, Box<Filter>, Box<Filter>),
    Compare(ops::Cmp, Box<Filter>, Box<Filter>),
    Try(Box<Filter>, Option<Box<Filter>>),
    If(Box<Filter>, Box<Filter>, Box<Filter>),
    Variable(String),
    Steps(Box<Filter>, Vec<Step>),
    OfOne(OfOne, Box<Filter>),
    First(Box<Filter>),
    By(By, Box<Filter>),
    Fail(Box<Filter>),
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Filter(Filter),
}

/// A step of a path, and whether a value that has no such step is passed over.
#[derive(Clone, Debug)]
struct Step {
    part: StepPart,
    optional: bool,
}

#[derive(Clone, Debug)]
enum StepPart {
    Index(Filter),
    Slice(Option<Filter>, Option<Filter>),
    All,
}

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    ///
    /// [`BadQuery`].
    pub fn parse(text: &str) -> Result<Self, BadQuery> {
        if text.len() > LONGEST {
            return Err(BadQuery::TooLong);
        }
        let at = |part: &str| position(text, part);
        let end = || text.chars().count() + 1;
        let syntax = |expected: &str, at| BadQuery::Syntax { expected: expected.to_owned(), at };
        let tokens = Lexer::new(text).lex().map_err(|errors| match errors.first() {
            Some((expected, found)) => syntax(expected.as_str(), at(found)),
            None => syntax("token", end()),
        })?;
        let term = Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
            let Some((expected, found)) = errors.first() else { return syntax("term", end()) };
            syntax(expected.as_str(), found.map_or_else(end, |token| at(token.0)))
        })?;
        Reader { text }.read(&term).map(Self)
    }

    /// The first value that the query yields; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub fn first(&self, input: &Json) -> Result<Option<Json>, Failure> {
        eval::first(&self.0, input)
    }
}

fn position(text: &str, part: &str) -> usize {
    let start = span(text, part).start;
    text.get(..start).map_or(text.len(), |before| before.chars().count()) + 1
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn refuse<T>(&self, what: &str, part: &str) -> Result<T, BadQuery> {
        Err(BadQuery::Unsupported { what: what.to_owned(), at: position(self.text, part) })
    }

    /// Refuses what has no text of its own, by what it begins with.
    fn refuse_term<T>(&self, what: &str, within: &Term<&str>) -> Result<T, BadQuery> {
        self.refuse(what, first_text(within).unwrap_or(self.text))
    }

    fn boxed(&self, term: &Term<&str>) -> Result<Box<Filter>, BadQuery> {
        self.read(term).map(Box::new)
    }

    fn read(&self, term: &Term<&str>) -> Result<Filter, BadQuery> {
        Ok(match term {
            Term::Id => Filter::Id,
            Term::Recurse => return self.refuse_keyword(".."),
            Term::Num(text) => match functions::literal(text) {
                Some(number) => Filter::Value(number),
                None => return self.refuse("this number", text),
            },
            Term::Str(format, parts) => {
                let format = match format {
                    None => None,
                    Some(name) => match functions::format(name) {
                        Some(format) => Some(format),
                        None => return self.refuse(&format!("`{name}`"), name),
                    },
                };
                let piece = |part: &StrPart<&str, Term<&str>>| {
                    Ok(match part {
                        StrPart::Str(text) => Piece::Text((*text).to_owned()),
                        StrPart::Char(character) => Piece::Text(character.to_string()),
                        StrPart::Term(term) => Piece::Filter(self.read(term)?),
                    })
                };
                Filter::Text(format, parts.iter().map(piece).collect::<Result<_, _>>()?)
            }
            Term::Arr(None) => Filter::Value(Json::Array(Vec::new())),
            Term::Arr(Some(term)) => Filter::List(self.boxed(term)?),
            Term::Obj(entries) => {
                let entry = |(key, value): &(Term<&str>, Option<Term<&str>>)| {
                    self.entry(key, value.as_ref())
                };
                Filter::Object(entries.iter().map(entry).collect::<Result<_, _>>()?)
            }
            Term::Neg(term) => Filter::Negative(self.boxed(term)?),
            Term::BinOp(left, operator, right) => return self.binary(left, operator, right),
            Term::Label(name, _) | Term::Break(name) => return self.refuse("a label", name),
            Term::Fold(name, ..) => return self.refuse(&format!("`{name}`"), name),
            Term::TryCatch(body, handler) => {
                let handler = handler.as_ref().map(|term| self.boxed(term)).transpose()?;
                Filter::Try(self.boxed(body)?, handler)
            }
            Term::IfThenElse(branches, otherwise) => {
                let mut filter = match otherwise {
                    Some(term) => self.read(term)?,
                    None => Filter::Id,
                };
                for (condition, then) in branches.iter().rev() {
                    let (condition, then) = (self.boxed(condition)?, self.boxed(then)?);
                    filter = Filter::If(condition, then, Box::new(filter));
                }
                filter
            }
            Term::Def(definitions, _) => {
                let name = definitions.first().map_or(self.text, |definition| definition.name);
                return self.refuse("a definition", name);
            }
            Term::Var(name) => Filter::Variable((*name).to_owned()),
            Term::Path(head, path) => {
                let step = |(part, optional): &(Part<Term<&str>>, Opt)| {
                    let one = |term: &Option<Term<&str>>| {
                        term.as_ref().map(|term| self.read(term)).transpose()
                    };
                    let part = match part {
                        Part::Index(term) => StepPart::Index(self.read(term)?),
                        Part::Range(None, None) => StepPart::All,
                        Part::Range(from, upto) => StepPart::Slice(one(from)?, one(upto)?),
                    };
                    Ok(Step { part, optional: matches!(optional, Opt::Optional) })
                };
                let steps = path.0.iter().map(step).collect::<Result<_, _>>()?;
                Filter::Steps(self.boxed(head)?, steps)
            }
            Term::Call(name, arguments) => return self.call(name, arguments),
        })
    }

    fn entry(
        &self,
        key: &Term<&str>,
        value: Option<&Term<&str>>,
    ) -> Result<(Filter, Filter), BadQuery> {
        if let (Term::Var(name), None) = (key, value) {
            let bare = name.trim_start_matches('$').to_owned();
            return Ok((Filter::Value(bare.into()), Filter::Variable((*name).to_owned())));
        }
        let key = self.read(key)?;
        let value = match value {
            Some(value) => self.read(value)?,
            None => {
                let step = Step { part: StepPart::Index(key.clone()), optional: false };
                Filter::Steps(Box::new(Filter::Id), vec![step])
            }
        };
        Ok((key, value))
    }

    fn binary(
        &self,
        left: &Term<&str>,
        operator: &BinaryOp<&str>,
        right: &Term<&str>,
    ) -> Result<Filter, BadQuery> {
        let both = || Ok((self.boxed(left)?, self.boxed(right)?));
        let made = |make: fn(Box<Filter>, Box<Filter>) -> Filter| {
            both().map(|(left, right)| make(left, right))
        };
        match operator {
            BinaryOp::Pipe(None) => made(Filter::Pipe),
            BinaryOp::Pipe(Some(Pattern::Var(name))) => {
                let (value, body) = both()?;
                Ok(Filter::Bind(value, (*name).to_owned(), body))
            }
            BinaryOp::Pipe(Some(Pattern::Arr(_) | Pattern::Obj(_))) => {
                self.refuse_term("taking a value apart by `as`", right)
            }
            BinaryOp::Comma => made(Filter::Comma),
            BinaryOp::Alt => made(Filter::Otherwise),
            BinaryOp::Or => made(Filter::Or),
            BinaryOp::And => made(Filter::And),
            BinaryOp::Math(operation) => {
                let (left, right) = both()?;
                Ok(Filter::OfTwo(functions::math(*operation), left, right))
            }
            BinaryOp::Cmp(operation) => {
                let (left, right) = both()?;
                Ok(Filter::Compare(*operation, left, right))
            }
            BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
                self.refuse_term("an assignment of something", right)
            }
        }
    }

    fn call(&self, name: &str, arguments: &[Term<&str>]) -> Result<Filter, BadQuery> {
        let id = || Box::new(Filter::Id);
        let each = || {
            let all = Step { part: StepPart::All, optional: false };
            Filter::Steps(id(), vec![all])
        };
        let map = |filter| Filter::List(Box::new(Filter::Pipe(Box::new(each()), filter)));
        let on = |function, filter| Filter::OfOne(function, Box::new(filter));
        match (functions::find(name, arguments.len()), arguments) {
            (Some(Function::Value(value)), []) => Ok(Filter::Value(value)),
            (Some(Function::Empty), []) => Ok(Filter::Nothing),
            (Some(Function::OfOne(function)), []) => Ok(on(function, Filter::Id)),
            (Some(Function::Fail), []) => Ok(Filter::Fail(id())),
            (Some(Function::Fail), [message]) => Ok(Filter::Fail(self.boxed(message)?)),
            (Some(Function::OfTwo(function)), [argument]) => {
                Ok(Filter::OfTwo(function, id(), self.boxed(argument)?))
            }
            (Some(Function::Select), [condition]) => {
                let nothing = Box::new(Filter::Nothing);
                Ok(Filter::If(self.boxed(condition)?, id(), nothing))
            }
            (Some(Function::First), [filter]) => Ok(Filter::First(self.boxed(filter)?)),
            (Some(Function::Map), [filter]) => Ok(map(self.boxed(filter)?)),
            (Some(Function::MapThen(function)), [filter]) => {
                Ok(on(function, map(self.boxed(filter)?)))
            }
            (Some(Function::WithEntries { open, close }), [filter]) => {
                let mapped = map(self.boxed(filter)?);
                let opened = Box::new(on(open, Filter::Id));
                Ok(on(close, Filter::Pipe(opened, Box::new(mapped))))
            }
            (Some(Function::By(by)), [filter]) => Ok(Filter::By(by, self.boxed(filter)?)),
            (Some(_) | None, _) => {
                let what = match arguments.len() {
                    0 => format!("`{name}`"),
                    count => format!("`{name}` with {count} argument(s)"),
                };
                self.refuse(&what, name)
            }
        }
    }

    /// Refuses what the parser keeps no text of, at its first place.
    fn refuse_keyword<T>(&self, word: &str) -> Result<T, BadQuery> {
        let start = self.text.find(word).unwrap_or_default();
        self.refuse(&format!("`{word}`"), self.text.get(start..).unwrap_or(self.text))
    }
}

/// The first text of the query that a term holds.
fn first_text<'a>(term: &Term<&'a str>) -> Option<&'a str> {
    match term {
        Term::Num(text) | Term::Var(text) | Term::Call(text, _) | Term::Label(text, _) => {
            Some(text)
        }
        Term::Str(_, parts) => parts.iter().find_map(|part| match part {
            StrPart::Str(text) => Some(*text),
            StrPart::Term(term) => first_text(term),
            StrPart::Char(_) => None,
        }),
        Term::Arr(Some(term)) | Term::Neg(term) | Term::TryCatch(term, _) => first_text(term),
        Term::BinOp(left, _, right) => first_text(left).or_else(|| first_text(right)),
        Term::Path(head, path) => first_text(head).or_else(|| {
            path.0.iter().find_map(|(part, _)| match part {
                Part::Index(term) => first_text(term),
                Part::Range(from, upto) => from.as_ref().or(upto.as_ref()).and_then(first_text),
            })
        }),
        Term::IfThenElse(branches, _) => branches.iter().find_map(|(term, _)| first_text(term)),
        Term::Break(text) | Term::Fold(text, ..) => Some(text),
        Term::Obj(entries) => entries.iter().find_map(|(key, _)| first_text(key)),
        Term::Def(_, term) => first_text(term),
        Term::Id | Term::Recurse | Term::Arr(None) => None,
    }
}

#[cfg(test)]
mod tests;
