//! Types and overloads of nodes.

use cel::{Checked, Env, Expr, ExprId, Field, ObjectType, Reference, Type};

use crate::env;

/// The expression with the type of every node and the overload of every call.
fn adorned(checked: &Checked) -> String {
    fn visit(checked: &Checked, id: ExprId, depth: usize, out: &mut String) {
        let text = checked.ast().span(id).text(checked.ast().source());
        out.push_str(&format!("{}{text} ~ {}", "  ".repeat(depth), checked.type_of(id)));
        match checked.reference(id) {
            Reference::None => {}
            Reference::Variable(name) => out.push_str(&format!(" ^ {name}")),
            Reference::Local(slot) => out.push_str(&format!(" ^ local {slot}")),
            Reference::Type(ty) => out.push_str(&format!(" ^ type {ty}")),
            Reference::Function { overloads, .. } => {
                let ids: Vec<&str> = overloads.iter().map(|o| &*o.id).collect();
                out.push_str(&format!(" ^ {}", ids.join("|")));
            }
        }
        out.push('\n');
        let namespaced =
            matches!(checked.reference(id), Reference::Function { qualified: true, .. });
        let skipped = match checked.ast().expr(id) {
            Expr::Call { target, .. } if namespaced => *target,
            _ => None,
        };
        checked.ast().for_each_child(id, |child| {
            if Some(child) != skipped {
                visit(checked, child, depth + 1, out);
            }
        });
    }
    let mut out = String::new();
    visit(checked, checked.ast().root(), 0, &mut out);
    out
}

#[track_caller]
fn check(env: &Env, source: &str) -> Checked {
    env.compile(source).unwrap_or_else(|mistakes| panic!("{source}: {mistakes:?}"))
}

#[test]
fn overloads_and_locals() {
    insta::assert_snapshot!(adorned(&check(&env(), "l.map(e, e + x).size() + math.abs(d) > 1 ? [] : [[s]]")), @r"
    l.map(e, e + x).size() + math.abs(d) > 1 ? [] : [[s]] ~ list(list(string)) ^ conditional
      l.map(e, e + x).size() + math.abs(d) > 1 ~ bool ^ greater_int64
        l.map(e, e + x).size() + math.abs(d) ~ int ^ add_int64
          l.map(e, e + x).size() ~ int ^ list_size
            l.map(e, e + x) ~ list(int)
              l ~ list(int) ^ l
              e + x ~ int ^ add_int64
                e ~ int ^ local 0
                x ~ int ^ x
          math.abs(d) ~ dyn ^ math_abs_double|math_abs_int|math_abs_uint
            d ~ dyn ^ d
        1 ~ int
      [] ~ list(list(string))
      [[s]] ~ list(list(string))
        [s] ~ list(string)
          s ~ string ^ s
    ");
}

#[test]
fn object_types() {
    let env = Env::kro()
        .extend()
        .object(
            ObjectType::new("App")
                .with("spec", Field::new(Type::object("App.spec")))
                .with("with__dash__dash", Field::new(Type::Timestamp).property("with-dash")),
        )
        .object(
            ObjectType::new("App.spec")
                .with("replicas", Field::new(Type::Int).required())
                .with("children", Field::new(Type::list(Type::object("App")))),
        )
        .object(ObjectType::new("Open").with("a", Field::new(Type::Int)).open())
        .variable("app", Type::object("App"))
        .variable("open", Type::object("Open"))
        .build()
        .expect("the declarations are well-formed");
    for (source, ty) in [
        ("app.spec.replicas", "int"),
        (
            "app.spec.children[0].spec.children.map(c, c.with__dash__dash)",
            "list(google.protobuf.Timestamp)",
        ),
        ("app.?spec.?replicas", "optional_type(int)"),
        ("has(app.spec.children)", "bool"),
        ("open.a", "int"),
        ("open.b.c[0]", "dyn"),
        ("app == null", "bool"),
        ("[null, app]", "list(App)"),
        // The later type wins, as in the reference; see `Options::null_gives_way`.
        ("[app, null]", "list(null_type)"),
    ] {
        assert_eq!(check(&env, source).result_type().to_string(), ty, "{source}");
    }
    // What is made is complete, where an environment makes objects at all.
    let making = env.extend().options(|o| o.construct_objects = true).build().expect("valid");
    let made = "App.spec{replicas: 1}.replicas";
    assert_eq!(check(&making, made).result_type(), &Type::Int);
    let mistakes = making.compile("App.spec{children: []}").expect_err("a field is missing");
    assert_eq!(mistakes[0].to_string(), "`App.spec` needs the field `replicas`");
    let mistakes =
        env.compile("app.spec.replica + app.spce.x + app['spec']").expect_err("three mistakes");
    let found: Vec<_> = mistakes.iter().map(|m| (m.to_string(), m.suggestion())).collect();
    insta::assert_debug_snapshot!(found, @r#"
    [
        (
            "undefined field `replica` of `App.spec`",
            Some(
                "replicas",
            ),
        ),
        (
            "undefined field `spce` of `App`",
            Some(
                "spec",
            ),
        ),
        (
            "no overload of `_[_]` takes (`App`, `string`)",
            None,
        ),
    ]
    "#);
}

#[test]
fn assignability_is_nominal() {
    let int_list = Type::list(Type::Int);
    for (expected, output, fits) in [
        (Type::Dyn, Type::Int, true),
        (Type::Int, Type::Dyn, true),
        (Type::Int, Type::Double, false),
        (int_list.clone(), Type::list(Type::Dyn), true),
        (int_list.clone(), Type::list(Type::String), false),
        (int_list, Type::map(Type::Int, Type::Int), false),
        (Type::object("A"), Type::object("A"), true),
        (Type::object("A"), Type::object("B"), false),
        (Type::object("A"), Type::Null, true),
        (Type::String, Type::Null, false),
        (Type::wrapper(Type::String), Type::Null, true),
        (Type::wrapper(Type::String), Type::String, true),
        (Type::optional(Type::Int), Type::Int, false),
        (Type::opaque("net.IP"), Type::opaque("net.CIDR"), false),
    ] {
        assert_eq!(expected.is_assignable_from(&output), fits, "{expected} from {output}");
    }
}

#[test]
fn reads_know_the_names_of_variables() {
    let env = Env::spec()
        .extend()
        .container("app")
        .variable("app.config", Type::Dyn)
        .variable("other", Type::Dyn)
        .build()
        .expect("the declarations are well-formed");
    let reads: Vec<String> = check(&env, "[config.a.b, other.c, type(other) == int]")
        .reads()
        .iter()
        .map(|read| format!("{} | {}", read.attribute.root, read.attribute))
        .collect();
    assert_eq!(reads, ["app.config | app.config.a.b", "other | other.c", "other | other"]);
}

#[test]
fn a_call_is_checked_once_even_when_it_is_wrong() {
    // Without memory of what failed, nested mistakes would double the work on each level.
    let mut source = "zz".to_owned();
    for _ in 0..60 {
        source = format!("f({source})");
    }
    let mistakes = env().compile(&source).expect_err("nothing is declared");
    assert_eq!(mistakes.len(), 61);
}
