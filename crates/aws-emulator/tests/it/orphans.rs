use std::collections::BTreeSet;

#[test]
fn every_file_of_this_folder_is_a_module() {
    let main = include_str!("main.rs");
    let declared: BTreeSet<String> = main
        .lines()
        .filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let found: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "main")
        .collect();
    assert_eq!(declared, found);
}
