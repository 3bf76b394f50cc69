//! Syntax trees, and text from them.

use cel::{Ast, Expr, ExprId};

/// Every node on a line: its text, how deep it lies, its kind.
fn outline(ast: &Ast) -> String {
    fn visit(ast: &Ast, id: ExprId, depth: usize, out: &mut String) {
        let kind = match ast.expr(id) {
            Expr::Literal(literal) => format!("literal {literal}"),
            Expr::Ident { name, .. } => format!("name {}", name.text),
            Expr::Select { field, optional, .. } => {
                format!("select{} {}", if *optional { "?" } else { "" }, field.text)
            }
            Expr::Has { field, .. } => format!("has {}", field.text),
            Expr::Index { optional, .. } => format!("index{}", if *optional { "?" } else { "" }),
            Expr::Call { function, .. } => format!("call {}", function.text),
            Expr::Unary { op, .. } => format!("unary {}", op.symbol()),
            Expr::Binary { op, .. } => format!("binary {}", op.symbol()),
            Expr::Logic { op, .. } => format!("logic {}", op.symbol()),
            Expr::Conditional { .. } => "conditional".to_owned(),
            Expr::List(_) => "list".to_owned(),
            Expr::Map(_) => "map".to_owned(),
            Expr::Struct { name, .. } => format!("struct {}", name.text),
            Expr::Comprehension(c) => format!("comprehension {:?} {}", c.kind, c.variable.text),
            Expr::Bind { variable, .. } => format!("bind {}", variable.text),
        };
        let span = ast.span(id);
        out.push_str(&"  ".repeat(depth));
        out.push_str(&format!("{kind}  «{}»\n", span.text(ast.source())));
        ast.for_each_child(id, |child| visit(ast, child, depth + 1, out));
    }
    let mut out = String::new();
    visit(ast, ast.root(), 0, &mut out);
    out
}

#[track_caller]
fn parsed(source: &str) -> Ast {
    let (ast, mistakes) = cel::parse(source);
    ast.unwrap_or_else(|| panic!("{source}: {mistakes:?}"))
}

#[test]
fn precedence_and_spans() {
    insta::assert_snapshot!(outline(&parsed("a + b * -c.d(1)[0] == (x || y && z ? 1u : -2)")), @r"
    binary ==  «a + b * -c.d(1)[0] == (x || y && z ? 1u : -2)»
      binary +  «a + b * -c.d(1)[0]»
        name a  «a»
        binary *  «b * -c.d(1)[0]»
          name b  «b»
          unary -  «-c.d(1)[0]»
            index  «c.d(1)[0]»
              call d  «c.d(1)»
                name c  «c»
                literal 1  «1»
              literal 0  «0»
      conditional  «x || y && z ? 1u : -2»
        logic ||  «x || y && z»
          name x  «x»
          logic &&  «y && z»
            name y  «y»
            name z  «z»
        literal 1u  «1u»
        literal -2  «-2»
    ");
}

#[test]
fn macros_are_nodes() {
    insta::assert_snapshot!(
        outline(&parsed("l.filter(v, has(v.?a.b)).transformMap(i, v, cel.bind(t, v, t))")),
        @r"
    comprehension Map i  «l.filter(v, has(v.?a.b)).transformMap(i, v, cel.bind(t, v, t))»
      comprehension Filter v  «l.filter(v, has(v.?a.b))»
        name l  «l»
        has b  «has(v.?a.b)»
          select? a  «v.?a»
            name v  «v»
      bind t  «cel.bind(t, v, t)»
        name v  «v»
        name t  «t»
    "
    );
}

#[test]
fn literals_and_collections() {
    insta::assert_snapshot!(
        outline(&parsed("[?a[?0], b'\\x01', r'\\n', 0x1F, .5e1, {?'k': v,}, T{f: null}, a.`b-c`,]")),
        @r#"
    list  «[?a[?0], b'\x01', r'\n', 0x1F, .5e1, {?'k': v,}, T{f: null}, a.`b-c`,]»
      index?  «a[?0]»
        name a  «a»
        literal 0  «0»
      literal b"\x01"  «b'\x01'»
      literal "\\n"  «r'\n'»
      literal 31  «0x1F»
      literal 5.0  «.5e1»
      map  «{?'k': v,}»
        literal "k"  «'k'»
        name v  «v»
      struct T  «T{f: null}»
        literal null  «null»
      select b-c  «a.`b-c`»
        name a  «a»
    "#
    );
}

#[test]
fn a_tree_prints_as_text_that_gives_it_again() {
    for source in [
        "a",
        ".a.b(.c())",
        "(a + b) * c - (d - e)",
        "a - (b - c) - d",
        "!(a && b) || !c",
        "-(1) + -(-x) - -1",
        "(a ? b : c) ? d : e ? f : g",
        "(a || b) && (c || d)",
        "a in [1, 2] == true",
        "l.map(x, x > 1, x * 2).exists_one(y, y == 1)",
        "l.sortBy(e, e.name)",
        "a.?b[?c].optMap(v, v + 1).orValue(2)",
        "cel.bind(x, 1 + 2, x * x)",
        "{'a': 1, ?b: c, 1.5: -0.0}",
        "T.U{a: 1, ?`b-c`: d}",
        "'\\n\\t\\\\\\'\\u0001' + b\"\\xff\\\"\"",
        "1e300 + 1.0e-7 == 3.0",
        "has(a.b.`c/d`)",
    ] {
        let ast = parsed(source);
        let printed = ast.to_string();
        let again = parsed(&printed);
        assert_eq!(again.to_string(), printed, "{source}");
        // Texts of nodes differ by parentheses and quotes; kinds and structure do not.
        let kinds = |ast: &Ast| {
            outline(ast)
                .lines()
                .map(|line| line.split("  «").next().unwrap_or("").to_owned())
                .filter(|line| !line.trim().is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(kinds(&again), kinds(&ast), "{source} as {printed}");
    }
}

#[test]
fn reads_are_variables_with_paths() {
    let reads: Vec<String> = parsed(
        "bucket.status.arn + schema.spec.names[0].map(n, n.text + bucket.metadata['name'])[i] \
         + (has(table.status.x) ? table.?spec.y.z.orValue(schema.spec.d) : '') + math.abs(q)",
    )
    .reads()
    .iter()
    .map(|read| format!("{} {:?}", read.attribute, read.steps))
    .collect();
    insta::assert_snapshot!(reads.join("\n"), @r"
    bucket.status.arn [Required, Required]
    schema.spec.names[0] [Required, Required, Required]
    bucket.metadata.name [Required, Required]
    i []
    table.status.x [Required, Optional]
    table.spec.y.z [Optional, Optional, Optional]
    schema.spec.d [Required, Required]
    q []
    ");
}
