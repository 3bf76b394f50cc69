//! What is generated is up to date, and what it says is so.

use xtask::codegen;

#[test]
fn generated_files_are_up_to_date() {
    let different = codegen::different().expect("the tables can be read");
    let paths: Vec<_> = different.iter().map(|file| &file.path).collect();
    assert!(paths.is_empty(), "run `cargo xtask codegen`: {paths:?}");
}

#[test]
fn every_example_of_the_manual_of_cel_holds() {
    let sections = codegen::cel::sections().expect("the examples can be read");
    assert_eq!(sections.len(), cel::library::ALL.len());
    let mut examples = 0;
    for section in &sections {
        let uncalled = codegen::cel::execute(section)
            .unwrap_or_else(|error| panic!("{}: {error:#}", section.library));
        assert_eq!(uncalled, Vec::<String>::new(), "{}: without an example", section.library);
        assert!(!section.examples.is_empty(), "{}", section.library);
        examples += section.examples.len();
    }
    assert!(examples > 200, "only {examples} examples");
}

/// The manual describes the macros of every library, and no others.
#[test]
fn every_macro_is_described() {
    for section in codegen::cel::sections().expect("the examples can be read") {
        let library = cel::library::ALL.iter().find(|library| library.name == section.library);
        let library = library.expect("sections are libraries");
        let mut declared: Vec<&str> = library.macros.iter().map(|entry| entry.function).collect();
        declared.sort_unstable();
        declared.dedup();
        let mut described: Vec<&str> =
            section.macros.iter().flat_map(|[names, ..]| names.split(", ")).collect();
        described.sort_unstable();
        assert_eq!(described, declared, "{}", section.library);
    }
}
