//! Properties of unknowns and of partial evaluation: random checked expressions, random data, any split into known and unknown.

use std::collections::{BTreeMap, BTreeSet};

use cel::{Attribute, Bindings, Checked, Outcome, Partial, PathStep, Program};
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::{
    random::{Draw, PATHS, VARIABLES, any_expression, env, value_of},
    reference::{R, V, World},
    show_outcome,
};

type Data = BTreeMap<&'static str, Json>;

/// An expression, and what is known about its variables.
struct Case {
    checked: Checked,
    data: Data,
    variables: Vec<&'static str>,
    paths: Vec<Attribute>,
}

fn attribute(path: &[&str]) -> Attribute {
    let steps = path[1..].iter().map(|name| PathStep::Field((*name).into())).collect();
    Attribute { root: path[0].into(), path: steps }
}

impl Case {
    fn draw(draw: &mut Draw<'_>) -> Case {
        let source = any_expression(draw);
        let checked = match env().compile(&source) {
            Ok(checked) => checked,
            Err(mistakes) => panic!("{source}: {}", crate::join(&mistakes)),
        };
        let mut data = Data::new();
        for name in VARIABLES {
            data.insert(name, value_of(name, draw));
        }
        let variables = VARIABLES.into_iter().filter(|_| draw.below(3) == 1).collect();
        let paths = PATHS.iter().filter(|_| draw.below(4) == 1).map(|p| attribute(p)).collect();
        Case { checked, data, variables, paths }
    }

    fn bindings<'d>(&self, data: &'d Data, complete: bool) -> Bindings<'d> {
        let mut bindings = Bindings::new();
        for (name, json) in data {
            bindings.json(*name, json);
        }
        if !complete {
            for name in &self.variables {
                bindings.unknown(*name);
            }
            for path in &self.paths {
                bindings.unknown_path(path.clone());
            }
        }
        bindings
    }

    /// The data with other values for what is unknown.
    fn completion(&self, draw: &mut Draw<'_>) -> Data {
        let mut data = self.data.clone();
        for name in VARIABLES {
            let other = value_of(name, draw);
            if self.variables.contains(&name) {
                data.insert(name, other);
                continue;
            }
            for path in self.paths.iter().filter(|path| *path.root == *name) {
                if let Some(json) = data.get_mut(name) {
                    replace(json, &other, &path.path);
                }
            }
        }
        data
    }

    fn unknown_here(&self, attribute: &Attribute) -> bool {
        self.variables.iter().any(|name| *attribute.root == **name)
            || self.paths.iter().any(|path| met(path, attribute))
    }
}

fn met(a: &Attribute, b: &Attribute) -> bool {
    a.root == b.root && a.path.iter().zip(&b.path).all(|(a, b)| a == b)
}

/// Puts the part of `other` at a path in the place of that of `json`, or takes it away.
fn replace(json: &mut Json, other: &Json, path: &[PathStep]) {
    let [PathStep::Field(name), rest @ ..] = path else { return };
    let Some(object) = json.as_object_mut() else { return };
    match (other.get(&**name), rest) {
        (Some(other), []) => drop(object.insert(name.to_string(), other.clone())),
        (None, []) => drop(object.remove(&**name)),
        (other, rest) => {
            if let Some(inner) = object.get_mut(&**name) {
                replace(inner, other.unwrap_or(&Json::Null), rest);
            }
        }
    }
}

fn show_reference(value: &V) -> String {
    match value {
        V::Null => "null".to_owned(),
        V::Bool(v) => v.to_string(),
        V::Int(v) => v.to_string(),
        V::Text(v) => format!("{v:?}"),
        V::List(v) => format!("[{}]", v.iter().map(show_reference).collect::<Vec<_>>().join(", ")),
        V::Map(v) => {
            let entries: Vec<String> =
                v.iter().map(|(k, v)| format!("{k:?}: {}", show_reference(v))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        V::Optional(None) => "none".to_owned(),
        V::Optional(Some(v)) => format!("some({})", show_reference(v)),
    }
}

/// An outcome without what may differ between equal ones.
fn show(outcome: &Outcome<'_>) -> String {
    match outcome {
        Outcome::Error(error) => format!("error: {error}"),
        other => show_outcome(other),
    }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// With everything known, and with any part unknown, both evaluators agree: value, error, and the set that is awaited.
    #[test]
    fn a_slow_evaluator_agrees(bytes in bytes()) {
        let mut draw = Draw::new(&bytes);
        let case = Case::draw(&mut draw);
        let program = Program::new(&case.checked).expect("no constant arguments");
        for complete in [true, false] {
            let none: (&[&'static str], &[Attribute]) = (&[], &[]);
            let unknown = if complete { none } else { (&*case.variables, &*case.paths) };
            let world = World {
                ast: case.checked.ast(),
                data: &case.data,
                unknown_variables: unknown.0,
                unknown_paths: unknown.1,
            };
            let bindings = case.bindings(&case.data, complete);
            let got = program.eval(&bindings);
            let source = program.source();
            match (world.eval(), &got) {
                (R::Value(value), Outcome::Value(_)) => {
                    prop_assert_eq!(show(&got), show_reference(&value), "{}", source);
                }
                (R::Error, Outcome::Error(_)) => {}
                (R::Unknown(set), Outcome::Unknown(unknown)) => {
                    let got: BTreeSet<Attribute> = unknown.attributes().iter().cloned().collect();
                    prop_assert_eq!(got, set, "{}", source);
                }
                (expected, _) => {
                    prop_assert!(false, "{source}: {expected:?}, got {}", show(&got));
                }
            }
        }
    }

    /// What is known despite unknowns is right whatever these turn out to be, and so is the residual.
    #[test]
    fn completions_agree(bytes in bytes(), more in bytes()) {
        let mut draw = Draw::new(&bytes);
        let case = Case::draw(&mut draw);
        let program = Program::new(&case.checked).expect("no constant arguments");
        let bindings = case.bindings(&case.data, false);
        let outcome = program.eval(&bindings);
        let partial = case.checked.partial(&bindings).expect("it can be planned");
        let residual = match (&outcome, &partial) {
            (Outcome::Value(_), Partial::Value(value)) => {
                prop_assert_eq!(show(&outcome), crate::show(value));
                None
            }
            (Outcome::Error(a), Partial::Error(b)) => {
                prop_assert_eq!(a, b);
                None
            }
            (Outcome::Unknown(unknown), Partial::Residual(residual)) => {
                prop_assert_eq!(&**unknown, &residual.unknown);
                let printed = residual.ast.to_string();
                let checked = cel::check(case.checked.env(), residual.ast.clone());
                let checked = checked.map_err(|m| TestCaseError::fail(format!("{printed}: {}", crate::join(&m))))?;
                let printed = case.checked.env().compile(&printed).map_err(|m| {
                    TestCaseError::fail(format!("{printed}: {}", crate::join(&m)))
                })?;
                Some([checked, printed].map(|checked| Program::new(&checked).expect("it can be planned")))
            }
            _ => {
                prop_assert!(false, "{}: {outcome:?}, but {partial:?}", program.source());
                None
            }
        };
        let mut draw = Draw::new(&more);
        for _ in 0..4 {
            let data = case.completion(&mut draw);
            let bindings = case.bindings(&data, true);
            let full = show(&program.eval(&bindings));
            match &residual {
                None => prop_assert_eq!(&show(&outcome), &full, "{} with {:?}", program.source(), data),
                Some(programs) => {
                    for rest in programs {
                        let got = show(&rest.eval(&bindings));
                        prop_assert_eq!(&got, &full, "{} as {} with {:?}", program.source(), rest.source(), data);
                    }
                }
            }
        }
    }

    /// Whoever binds all that is awaited gets on: a value, an error, or other unknowns.
    #[test]
    fn binding_what_is_awaited_makes_progress(bytes in bytes()) {
        let mut draw = Draw::new(&bytes);
        let mut case = Case::draw(&mut draw);
        let program = Program::new(&case.checked).expect("no constant arguments");
        // One round more than there are unknowns.
        for round in 0..=VARIABLES.len() + PATHS.len() + 1 {
            let bindings = case.bindings(&case.data, false);
            let Outcome::Unknown(unknown) = program.eval(&bindings) else { break };
            let source = program.source();
            for awaited in unknown.attributes() {
                prop_assert!(case.unknown_here(awaited), "{source}: {awaited} is known");
            }
            // What is awaited becomes known, and of a variable the rest, too.
            for awaited in unknown.attributes() {
                case.variables.retain(|name| **name != *awaited.root);
                case.paths.retain(|path| !met(path, awaited));
            }
            for awaited in unknown.attributes() {
                prop_assert!(!case.unknown_here(awaited), "{source}: {awaited} is still unknown");
            }
            let bindings = case.bindings(&case.data, false);
            if let Outcome::Unknown(next) = program.eval(&bindings) {
                let again = next.attributes().iter().find(|next| unknown.attributes().contains(next));
                prop_assert!(again.is_none(), "{source}: {again:?} is awaited again");
            }
            prop_assert!(round <= VARIABLES.len() + PATHS.len(), "{source} never ends");
        }
    }
}

/// What the generator makes is worth looking at: most outcomes of each kind occur often.
#[test]
fn random_expressions_are_of_all_kinds() {
    let (mut values, mut errors, mut unknowns) = (0, 0, 0);
    let mut state = 1_u64;
    for _ in 0..1000 {
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as u8
        })
        .take(120)
        .collect();
        let case = Case::draw(&mut Draw::new(&bytes));
        let program = Program::new(&case.checked).expect("no constant arguments");
        match program.eval(&case.bindings(&case.data, false)) {
            Outcome::Value(_) => values += 1,
            Outcome::Error(_) => errors += 1,
            Outcome::Unknown(_) => unknowns += 1,
        }
    }
    assert!(values > 100 && errors > 100 && unknowns > 100, "{values} {errors} {unknowns}");
}

/// What is left is as short as it can be.
#[test]
fn what_is_known_is_computed() {
    let data = serde_json::json!({"name": "app", "size": 3});
    let mut bindings = Bindings::new();
    bindings.json("o", &data).unknown("d").unknown("l").unknown("b");
    for (source, expected) in [
        ("o.name + '-' + d.id", "\"app-\" + d.id"),
        ("d.id + (o.name + '-')", "d.id + \"app-\""),
        ("o.size > 2 && b", "b"),
        ("o.size > 2 && b && size(l) == o.size", "b && size(l) == 3"),
        ("o.size < 2 || b || false", "b"),
        ("o.size > 2 && d.ready", "true && d.ready"),
        ("o.size > 2 ? d.a : d.b", "d.a"),
        ("(o.size > 2 ? size(l) : 0) + 1", "size(l) + 1"),
        ("d[o.name].x", "d[\"app\"].x"),
        ("d == o.size", "d == 3"),
        ("l.map(e, e * (o.size + 1))", "l.map(e, e * 4)"),
        ("[o.size, size(l)]", "[3, size(l)]"),
        ("cel.bind(x, o.size, x + size(l))", "cel.bind(x, 3, x + size(l))"),
        ("d.?a.optMap(v, v + o.size)", "d.?a.optMap(v, v + 3)"),
        ("b ? 1 / 0 : o.size", "b ? 1 / 0 : 3"),
        ("b || 1 / (o.size - 3) == 0", "b || 1 / (o.size - 3) == 0"),
        ("math.greatest(o.size, size(l))", "math.greatest(3, size(l))"),
        ("dyn(o.size) == d", ".dyn(3) == d"),
    ] {
        let checked = env().compile(source).expect(source);
        match checked.partial(&bindings).expect(source) {
            Partial::Residual(rest) => assert_eq!(rest.ast.to_string(), expected, "{source}"),
            other => panic!("{source}: {other:?}"),
        }
    }
}
