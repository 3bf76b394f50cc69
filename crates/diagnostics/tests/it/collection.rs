use diagnostics::Code;
use diagnostics::Diagnostic;
use diagnostics::Diagnostics;
use diagnostics::FieldPath;
use diagnostics::Place;

fn at(path: &str) -> FieldPath {
    path.parse().expect("a path written in a test")
}

#[test]
fn prints_one_line_each() {
    let mut found = Diagnostics::new();
    found.push(
        Diagnostic::error(Code::UnknownField, at("spec.tags"), "`Bucket` has no field `tags`")
            .with_help("did you mean `spec.tagging.tagSet`?"),
    );
    found.push(Diagnostic::warning(Code::UnusedResource, FieldPath::root(), "nothing\nto do"));
    assert_eq!(
        found.to_string(),
        "spec.tags: `Bucket` has no field `tags` (did you mean `spec.tagging.tagSet`?)\nnothing to do"
    );
    assert!(found.has_errors());
    assert_eq!(found.errors().count(), 1);
}

#[test]
fn sorts_by_place_and_keeps_one_of_equals() {
    let error = |place: Place, text: &str| Diagnostic::error(Code::ExpressionType, place, text);
    let unsorted = [
        error(Place::inside(at("b"), 9..10), "late"),
        error(Place::inside(at("b"), 2..3), "early"),
        error(at("a[10]").into(), "ten"),
        error(at("a[9]").into(), "nine"),
        error(at("a[9]").into(), "nine"),
        error(Place::key(at("a[9]")), "key"),
    ];
    let sorted: Diagnostics = unsorted.iter().cloned().collect();
    let messages: Vec<_> = sorted.sorted().into_iter().map(|found| found.message).collect();
    assert_eq!(messages, ["nine", "key", "ten", "early", "late"]);
    let reversed: Diagnostics = unsorted.iter().rev().cloned().collect();
    let messages: Vec<_> = reversed.sorted().into_iter().map(|found| found.message).collect();
    assert_eq!(messages, ["nine", "key", "ten", "early", "late"]);
}

#[test]
fn moves_all_places_into_the_outer_document() {
    let inner = Diagnostic::error(Code::TypeCycle, at("Pair"), "a cycle")
        .with_label(Place::inside(at("Item"), 0..4), "through here");
    let mut outer = Diagnostics::new();
    outer.extend_under(&at("spec.schema.types"), inner.into());
    let found = outer.iter().next().unwrap();
    assert_eq!(found.place, at("spec.schema.types.Pair").into());
    assert_eq!(found.labels[0].0, Place::inside(at("spec.schema.types.Item"), 0..4));
}

#[test]
fn codes_are_stable_and_unique() {
    assert!(Code::ALL.windows(2).all(|pair| pair[0].number() < pair[1].number()));
    assert_eq!(Code::InvalidExpression.to_string(), "KRO0401");
    for code in Code::ALL {
        assert_eq!(code.to_string().parse(), Ok(*code));
        assert!(!code.title().ends_with('.'));
    }
    assert_eq!("kro0401".parse(), Ok(Code::InvalidExpression));
    assert!("KRO9999".parse::<Code>().is_err());
    assert!("ü1".parse::<Code>().is_err());
}
