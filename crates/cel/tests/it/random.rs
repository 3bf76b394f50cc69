//! Random expressions that check, and random data for their variables.

use cel::{Env, Field, ObjectType, Type};
use serde_json::{Value as Json, json};

/// Numbers drawn from bytes; zeros when these have run out, so that fewer bytes make a smaller expression.
pub(crate) struct Draw<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Draw<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Draw { bytes, at: 0 }
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(byte) % limit
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

/// The types of expressions that are made.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Text,
    List,
    Map,
    Dyn,
}

/// The environment in which random expressions are checked.
pub(crate) fn env() -> Env {
    Env::spec()
        .extend()
        .library(&cel::library::LISTS)
        .object(
            ObjectType::new("App")
                .with("name", Field::new(Type::String).required())
                .with("size", Field::new(Type::Int))
                .with("tags", Field::new(Type::list(Type::String)))
                .with("next", Field::new(Type::object("App"))),
        )
        .variable("b", Type::Bool)
        .variable("x", Type::Int)
        .variable("y", Type::Int)
        .variable("s", Type::String)
        .variable("l", Type::list(Type::Int))
        .variable("m", Type::map(Type::String, Type::Int))
        .variable("o", Type::object("App"))
        .variable("d", Type::Dyn)
        .build()
        .expect("the declarations are well-formed")
}

pub(crate) const VARIABLES: [&str; 8] = ["b", "x", "y", "s", "l", "m", "o", "d"];

/// Paths of which one may be unknown.
pub(crate) const PATHS: [&[&str]; 8] = [
    &["d", "a"],
    &["d", "a", "b"],
    &["d", "items"],
    &["d", "name"],
    &["o", "size"],
    &["o", "next"],
    &["o", "next", "name"],
    &["m", "a"],
];

/// Data for one variable.
pub(crate) fn value_of(variable: &str, draw: &mut Draw<'_>) -> Json {
    let number = |draw: &mut Draw<'_>| json!([0, 1, 2, -1, 7, i64::MAX][draw.below(6)]);
    let text = |draw: &mut Draw<'_>| json!(["a", "b", "", "name", "é"][draw.below(5)]);
    let numbers = |draw: &mut Draw<'_>| {
        let elements: Vec<Json> = (0..draw.below(4)).map(|_| number(draw)).collect();
        json!(elements)
    };
    let entries = |draw: &mut Draw<'_>| {
        let mut map = serde_json::Map::new();
        for _ in 0..draw.below(4) {
            let key = ["a", "b", "name"][draw.below(3)];
            map.insert(key.to_owned(), number(draw));
        }
        Json::Object(map)
    };
    let app = |draw: &mut Draw<'_>| {
        let mut app = json!({"name": text(draw)});
        if draw.below(3) > 0 {
            app["size"] = number(draw);
        }
        if draw.below(3) > 0 {
            app["tags"] = json!(["a", "b"]);
        }
        app
    };
    match variable {
        "b" => json!(draw.below(2) == 1),
        "x" | "y" => number(draw),
        "s" => text(draw),
        "l" => numbers(draw),
        "m" => entries(draw),
        "o" => {
            let mut outer = app(draw);
            if draw.below(3) > 0 {
                outer["next"] = app(draw);
            }
            outer
        }
        _ => {
            let mut map = serde_json::Map::new();
            if draw.below(4) > 0 {
                let b = [json!({"b": 1}), json!({}), json!(1), json!(null), json!([1])];
                map.insert("a".to_owned(), b[draw.below(5)].clone());
            }
            if draw.below(4) > 0 {
                map.insert("items".to_owned(), numbers(draw));
            }
            if draw.below(4) > 0 {
                map.insert("name".to_owned(), text(draw));
            }
            if draw.below(4) > 0 {
                map.insert("k".to_owned(), text(draw));
            }
            Json::Object(map)
        }
    }
}

/// An expression of a kind.
pub(crate) fn expression(draw: &mut Draw<'_>, kind: Kind) -> String {
    Maker { draw, locals: Vec::new() }.make(kind, 5)
}

/// An expression of any kind.
pub(crate) fn any_expression(draw: &mut Draw<'_>) -> String {
    let kinds = [Kind::Bool, Kind::Int, Kind::Text, Kind::List, Kind::Map, Kind::Dyn];
    let kind = kinds[draw.below(kinds.len())];
    expression(draw, kind)
}

struct Maker<'d, 'b> {
    draw: &'d mut Draw<'b>,
    locals: Vec<(String, Kind)>,
}

impl Maker<'_, '_> {
    fn make(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.draw.below(12) == 0 {
            return self.leaf(kind);
        }
        if self.draw.below(4) == 1 {
            return self.any(kind, depth - 1);
        }
        match kind {
            Kind::Bool => self.boolean(depth - 1),
            Kind::Int => self.number(depth - 1),
            Kind::Text => self.text(depth - 1),
            Kind::List => self.list(depth - 1),
            Kind::Map => self.map(depth - 1),
            Kind::Dyn => self.dynamic(depth - 1),
        }
    }

    fn leaf(&mut self, kind: Kind) -> String {
        let locals: Vec<String> =
            self.locals.iter().filter(|(_, k)| *k == kind).map(|(name, _)| name.clone()).collect();
        if !locals.is_empty() && self.draw.below(2) == 1 {
            return locals[self.draw.below(locals.len())].clone();
        }
        let of: &[&str] = match kind {
            Kind::Bool => &["true", "false", "b", "has(d.a)", "has(o.size)", "has(m.a)"],
            Kind::Int => &["1", "x", "y", "0", "m.a", "o.size", "m['b']", "l[0]", "o.next.size"],
            Kind::Text => &["'a'", "s", "o.name", "'name'", "o.next.name", "o.tags[0]"],
            Kind::List => &["l", "[1, 2]", "[x]", "[0, y, 2]"],
            Kind::Map => &["m", "{'a': 1}", "{'b': x, 'a': 2}"],
            Kind::Dyn => &["d.a", "d.a.b", "d", "d.items", "d.name", "dyn(1)", "d['k']", "d.zz"],
        };
        self.draw.one(of).to_owned()
    }

    /// What can be of any kind.
    fn any(&mut self, kind: Kind, depth: usize) -> String {
        match self.draw.below(3) {
            0 => {
                let condition = self.make(Kind::Bool, depth);
                let (then, otherwise) = (self.make(kind, depth), self.make(kind, depth));
                format!("({condition} ? {then} : {otherwise})")
            }
            1 => {
                let inner = [Kind::Int, Kind::Bool, Kind::Dyn, Kind::List][self.draw.below(4)];
                let init = self.make(inner, depth);
                let name = format!("v{}", self.locals.len());
                self.locals.push((name.clone(), inner));
                let body = self.make(kind, depth);
                self.locals.pop();
                format!("cel.bind({name}, {init}, {body})")
            }
            _ if kind == Kind::Int => {
                let path = self.draw.one(&["m.?a", "o.?size", "d.?a.?b", "m[?s]", "o.?next.size"]);
                let otherwise = self.make(Kind::Int, depth);
                format!("{path}.orValue({otherwise})")
            }
            _ => self.leaf(kind),
        }
    }

    fn over(&mut self, range: Kind, depth: usize, macro_name: &str, body: Kind) -> String {
        let list = self.make(range, depth);
        let name = format!("e{}", self.locals.len());
        let element = if range == Kind::List { Kind::Int } else { Kind::Text };
        self.locals.push((name.clone(), element));
        let body = self.make(body, depth);
        self.locals.pop();
        format!("{list}.{macro_name}({name}, {body})")
    }

    fn boolean(&mut self, depth: usize) -> String {
        match self.draw.below(12) {
            0 => format!("({} && {})", self.make(Kind::Bool, depth), self.make(Kind::Bool, depth)),
            1 => format!("({} || {})", self.make(Kind::Bool, depth), self.make(Kind::Bool, depth)),
            2 => format!(
                "({} && {} && {})",
                self.make(Kind::Bool, depth),
                self.make(Kind::Bool, depth),
                self.make(Kind::Bool, depth)
            ),
            3 => format!("!{}", self.make(Kind::Bool, depth)),
            4 => format!("({} == {})", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            5 => format!("({} < {})", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            6 => format!("({} == {})", self.make(Kind::Text, depth), self.make(Kind::Dyn, depth)),
            7 => format!("({} in {})", self.make(Kind::Int, depth), self.make(Kind::List, depth)),
            8 => format!("({} in {})", self.make(Kind::Text, depth), self.make(Kind::Map, depth)),
            9 => {
                let name = ["exists", "all", "exists_one"][self.draw.below(3)];
                self.over(Kind::List, depth, name, Kind::Bool)
            }
            10 => self.over(Kind::Map, depth, "exists", Kind::Bool),
            _ => format!("({} == {})", self.make(Kind::Dyn, depth), self.make(Kind::Dyn, depth)),
        }
    }

    fn number(&mut self, depth: usize) -> String {
        match self.draw.below(10) {
            0 => format!("({} + {})", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            1 => format!("({} - {})", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            2 => format!("({} * {})", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            3 => format!("({} / {})", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            4 => format!("({} % {})", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            5 => format!("size({})", self.make(Kind::List, depth)),
            6 => format!("{}.size()", self.make(Kind::Text, depth)),
            7 => format!("{}[{}]", self.make(Kind::List, depth), self.make(Kind::Int, depth)),
            8 => format!("{}[{}]", self.make(Kind::Map, depth), self.make(Kind::Text, depth)),
            _ => format!("-({})", self.make(Kind::Int, depth)),
        }
    }

    fn text(&mut self, depth: usize) -> String {
        match self.draw.below(3) {
            0 => format!("({} + {})", self.make(Kind::Text, depth), self.make(Kind::Text, depth)),
            1 => format!("string({})", self.make(Kind::Int, depth)),
            _ => format!(
                "({} + {} + {})",
                self.make(Kind::Text, depth),
                self.make(Kind::Text, depth),
                self.make(Kind::Text, depth)
            ),
        }
    }

    fn list(&mut self, depth: usize) -> String {
        match self.draw.below(5) {
            0 => format!("[{}, {}]", self.make(Kind::Int, depth), self.make(Kind::Int, depth)),
            1 => format!("({} + {})", self.make(Kind::List, depth), self.make(Kind::List, depth)),
            2 => self.over(Kind::List, depth, "map", Kind::Int),
            3 => self.over(Kind::List, depth, "filter", Kind::Bool),
            _ => self.over(Kind::Map, depth, "map", Kind::Int),
        }
    }

    fn map(&mut self, depth: usize) -> String {
        match self.draw.below(2) {
            0 => format!(
                "{{'a': {}, 'b': {}}}",
                self.make(Kind::Int, depth),
                self.make(Kind::Int, depth)
            ),
            _ => {
                let map = self.make(Kind::Map, depth);
                let (key, value) =
                    (format!("k{}", self.locals.len()), format!("w{}", self.locals.len()));
                self.locals.push((key.clone(), Kind::Text));
                self.locals.push((value.clone(), Kind::Int));
                let body = self.make(Kind::Int, depth);
                self.locals.truncate(self.locals.len() - 2);
                format!("{map}.transformMap({key}, {value}, {body})")
            }
        }
    }

    fn dynamic(&mut self, depth: usize) -> String {
        match self.draw.below(7) {
            0 => format!("d[{}]", self.make(Kind::Text, depth)),
            1 => format!("d.items[{}]", self.make(Kind::Int, depth)),
            2 => format!("dyn({})", self.make(Kind::Int, depth)),
            3 => format!("dyn({})[{}]", self.make(Kind::List, depth), self.make(Kind::Int, depth)),
            4 => format!("d.?a.orValue({})", self.make(Kind::Dyn, depth)),
            5 => format!("d[{}].b", self.make(Kind::Dyn, depth)),
            _ => format!("{}.a", self.make(Kind::Dyn, depth)),
        }
    }
}
