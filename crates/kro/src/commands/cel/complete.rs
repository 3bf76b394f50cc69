//! What may stand at the cursor in an expression.

use cel::{Env, Type, Value};
use graph::language::show_type;

use crate::commands::cel::variables::Variables;

/// Something that may be written at the cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// What is inserted.
    pub(super) text: String,
    /// What is shown in a list: with its type.
    pub(super) shown: String,
}

/// The candidates for the name that ends at the end of `line`, and where that name begins.
///
/// After a dot: the fields and the functions of what stands before it, by its type, or by its
/// value where the type says nothing. Elsewhere: variables and functions.
pub(super) fn candidates(line: &str, variables: &Variables) -> (usize, Vec<Candidate>) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let start = line.rfind(|c| !is_part(c)).map_or(0, |at| at + 1);
    let (before, typed) = line.split_at(start);
    let mut found = match before.strip_suffix('.').map(|target| target.trim_end_matches('?')) {
        Some(target) => after_dot(operand(target), variables),
        None => names(&variables.env),
    };
    found.retain(|candidate| candidate.text.starts_with(typed));
    found.sort();
    found.dedup_by(|a, b| a.text == b.text);
    (start, found)
}

/// The operand that ends at the end of `text`: names, calls and indexes that hang together.
fn operand(text: &str) -> &str {
    let mut closed = 0_usize;
    let mut quote = None;
    let mut start = text.len();
    for (at, c) in text.char_indices().rev() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, ')' | ']' | '}') => closed += 1,
            (None, '(' | '[' | '{') if closed > 0 => closed -= 1,
            (None, '(' | '[' | '{') => break,
            (None, c) if closed > 0 || c.is_ascii_alphanumeric() || "_.?".contains(c) => {}
            (None, _) => break,
        }
        start = at;
    }
    &text[start..]
}

fn after_dot(target: &str, variables: &Variables) -> Vec<Candidate> {
    let env = &variables.env;
    let mut found = qualified(env, target);
    let Ok(checked) = env.compile(target) else { return found };
    let ty = checked.result_type();
    found.extend(fields(env, ty));
    if ty.is_dyn_or_error() {
        found.extend(keys(&checked, variables));
    }
    found.extend(members(env, ty));
    found
}

/// Functions such as `json.marshal`, whose name has a dot.
fn qualified(env: &Env, target: &str) -> Vec<Candidate> {
    let functions = env.functions();
    let rest = functions.iter().filter_map(|function| {
        let rest = function.name.strip_prefix(target)?.strip_prefix('.')?;
        Some(Candidate { text: format!("{rest}("), shown: format!("{rest}(…)") })
    });
    rest.collect()
}

fn fields(env: &Env, ty: &Type) -> Vec<Candidate> {
    match ty {
        Type::Object(name) => {
            let fields = env.object(name).into_iter().flat_map(|object| &object.fields);
            fields
                .map(|(name, field)| Candidate {
                    text: name.to_string(),
                    shown: format!("{name}: {}", show_type(&field.ty)),
                })
                .collect()
        }
        Type::Optional(inner) => fields(env, inner),
        _ => Vec::new(),
    }
}

/// The keys that the value of an expression without a type has.
fn keys(checked: &cel::Checked, variables: &Variables) -> Vec<Candidate> {
    let Ok(program) = cel::Program::new(checked) else { return Vec::new() };
    let bindings = variables.bindings();
    let Some(Value::Map(map)) = program.eval(&bindings).value() else { return Vec::new() };
    let Ok(serde_json::Value::Object(fields)) = Value::Map(map).to_json() else {
        return Vec::new();
    };
    let plain = |name: &String| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let names = fields.into_iter().map(|(name, _)| name).filter(plain);
    names.map(|name| Candidate { shown: name.clone(), text: name }).collect()
}

/// Functions whose first parameter takes a value of this type.
fn members(env: &Env, ty: &Type) -> Vec<Candidate> {
    let mut found = Vec::new();
    for function in env.functions() {
        for overload in function.overloads.iter().filter(|overload| overload.member) {
            let takes = overload.params.first().is_some_and(|target| {
                matches!(target, Type::Param(_) | Type::Dyn)
                    || ty.is_dyn_or_error()
                    || target.name() == ty.name()
            });
            if takes {
                let text = format!("{}(", function.name);
                found.push(Candidate { text, shown: overload.to_string() });
            }
        }
    }
    let iterable = matches!(ty, Type::List(_) | Type::Map(_)) || ty.is_dyn_or_error();
    if iterable {
        found.extend(
            ["all", "exists", "exists_one", "filter", "map"]
                .map(|name| Candidate {
                    text: format!("{name}("), shown: format!("{name}(x, …)")
                }),
        );
    }
    found
}

fn names(env: &Env) -> Vec<Candidate> {
    let variables = env.variable_names().into_iter().map(|name| {
        let ty = env.variable(name).map_or_else(String::new, |ty| format!(": {}", show_type(ty)));
        Candidate { text: name.to_owned(), shown: format!("{name}{ty}") }
    });
    let functions = env.functions();
    let global = functions.iter().filter(|function| {
        function.name.starts_with(|c: char| c.is_ascii_alphabetic())
            && function.overloads.iter().any(|overload| !overload.member)
    });
    let functions = global.map(|function| match function.name.split_once('.') {
        Some((library, _)) => {
            Candidate { text: format!("{library}."), shown: format!("{library}.…") }
        }
        None => Candidate {
            text: format!("{}(", function.name),
            shown: format!("{}(…)", function.name),
        },
    });
    let macros = ["has(", "cel.bind("]
        .map(|text| Candidate { text: text.to_owned(), shown: format!("{text}…)") });
    let words = ["true", "false", "null"]
        .map(|word| Candidate { text: word.to_owned(), shown: word.to_owned() });
    variables.chain(functions).chain(macros).chain(words).collect()
}

#[cfg(test)]
mod tests {
    use super::operand;

    #[test]
    fn an_operand_ends_where_something_else_begins() {
        for (text, expected) in [
            ("a.b", "a.b"),
            ("1 + a.b", "a.b"),
            ("f(a, b.c", "b.c"),
            ("x && a.map(i, i.b + \")\")", "a.map(i, i.b + \")\")"),
            ("[1, 2].filter(x, x > 1)[0]", "[1, 2].filter(x, x > 1)[0]"),
            ("\"text\"", "\"text\""),
            ("", ""),
        ] {
            assert_eq!(operand(text), expected, "{text}");
        }
    }
}
