//! The expressions that are measured give what they shall give, and again and again the same.

use cel::{Bindings, Env, Program, Type};
use serde_json::Value as Json;

fn repeat(value: &Json, times: &Json) -> Json {
    match (value, times.as_u64()) {
        (Json::Array(list), Some(times)) => {
            (0..times).flat_map(|_| list.iter().cloned()).collect::<Vec<_>>().into()
        }
        _ => value.clone(),
    }
}

fn text(case: &Json) -> String {
    let string = |key: &str| case[key].as_str().expect("a string").to_owned();
    match case["terms"].as_u64() {
        Some(terms) => {
            let terms = (0..terms).map(|i| string("term").replace('#', &i.to_string()));
            terms.collect::<Vec<_>>().join(&string("separator"))
        }
        None => string("expression"),
    }
}

#[test]
fn the_measured_expressions_have_their_values() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/cases.json");
    let file = std::fs::read_to_string(path).expect("it is there");
    let json: Json = serde_json::from_str(&file).expect("it is JSON");
    let variables: Vec<(&String, &Json, Json)> = json["variables"]
        .as_object()
        .expect("variables")
        .iter()
        .map(|(name, v)| (name, &v["type"], repeat(&v["value"], &v["repeat"])))
        .collect();
    let mut env = Env::kro().extend();
    let mut bindings = Bindings::new();
    for (name, ty, value) in &variables {
        let ty = match ty.as_str() {
            Some("list(dyn)") => Type::list(Type::Dyn),
            _ => Type::map(Type::String, Type::Dyn),
        };
        env = env.variable(name, ty);
        bindings.json(name.as_str(), value);
    }
    let env = env.build().expect("the declarations are well-formed");
    let cases = json["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 11, "a case came or went");
    for case in cases {
        let checked = env.compile(&text(case)).expect("no mistakes");
        let program = Program::new(&checked).expect("no mistakes");
        let expected = repeat(&case["expected"], &case["expectedRepeat"]);
        for _ in 0..3 {
            let value = program.eval(&bindings).value().expect("a value").to_json();
            assert_eq!(value.as_ref(), Ok(&expected), "{}", case["name"]);
        }
    }
}
