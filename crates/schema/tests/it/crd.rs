use schema::Schema;
use schema::Type;
use schema::crd::CrdSource;
use schema::crd::PrinterColumn;
use schema::crd::Scope;
use schema::pluralize;

/// Vectors recorded from upstream.
const PLURALS: &str = include_str!("../../../../conformance/pluralization.json");

#[test]
fn plurals_are_the_recorded_ones() {
    let cases: Vec<serde_json::Value> = serde_json::from_str(PLURALS).unwrap();
    assert_eq!(cases.len(), 228);
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| {
            let (kind, plural) = (case["kind"].as_str()?, case["plural"].as_str()?);
            let found = pluralize(kind);
            (found != plural).then(|| format!("{kind}: {found}, not {plural}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(pluralize("DNS"), "dnsDNSes");
    assert_eq!(pluralize("HTTPS"), "httpsHTTPSes");
    assert_eq!(pluralize(""), "");
}

#[test]
fn a_whole_crd() {
    let source = CrdSource {
        group: "kro.run".to_owned(),
        version: "v1alpha1".to_owned(),
        kind: "WebApp".to_owned(),
        scope: Scope::Cluster,
        spec: Schema::object([("name", Schema::of(Type::String))]),
        status: Some(Schema::object([("state", Schema::of(Type::Integer))])),
        short_names: vec!["wa".to_owned()],
        categories: vec!["all".to_owned()],
        labels: [("team".to_owned(), "web".to_owned())].into(),
        ..CrdSource::default()
    };
    insta::assert_json_snapshot!(source.to_json());
}

#[test]
fn own_columns_replace_the_usual_ones() {
    let column = PrinterColumn {
        name: "Replicas".to_owned(),
        ty: "integer".to_owned(),
        json_path: ".spec.replicas".to_owned(),
        priority: 1,
        ..PrinterColumn::default()
    };
    let crd = CrdSource { printer_columns: vec![column], ..CrdSource::default() }.to_json();
    insta::assert_json_snapshot!(crd["spec"]["versions"][0]["additionalPrinterColumns"], @r#"
    [
      {
        "jsonPath": ".spec.replicas",
        "name": "Replicas",
        "priority": 1,
        "type": "integer"
      }
    ]
    "#);
}

#[test]
fn refuses_names_and_columns() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let column = |name: &str, ty: &str, path: &str| PrinterColumn {
        name: name.to_owned(),
        ty: ty.to_owned(),
        json_path: path.to_owned(),
        ..PrinterColumn::default()
    };
    let source = CrdSource {
        group: "Apps".to_owned(),
        version: "1".to_owned(),
        kind: "web".to_owned(),
        short_names: names(&["a", "B", "a"]),
        categories: names(&["my apps"]),
        printer_columns: vec![column("A", "float", ".a"), column("", "date", "")],
        ..CrdSource::default()
    };
    let at = "spec.schema".parse().unwrap();
    insta::assert_snapshot!(source.check(&at));
    let good = CrdSource {
        group: "kro.run".to_owned(),
        version: "v1alpha1".to_owned(),
        kind: "WebApp".to_owned(),
        ..CrdSource::default()
    };
    assert!(good.check(&at).is_empty());
    let protected = CrdSource { group: "my.k8s.io".to_owned(), ..good.clone() };
    let long = CrdSource { kind: format!("A{}", "b".repeat(62)), ..good.clone() };
    let dns = CrdSource { kind: "DNS".to_owned(), ..good };
    insta::assert_snapshot!(format!(
        "{}\n{}\n{}",
        protected.check(&at),
        long.check(&at),
        dns.check(&at)
    ));
}
