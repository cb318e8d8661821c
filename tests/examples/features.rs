//! How each example is run, and what is said to who leaves a feature away.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The features that each example must have, by its name.
fn required() -> BTreeMap<String, String> {
    let manifest = std::fs::read_to_string("Cargo.toml").unwrap();
    let examples = manifest.split("[[example]]").skip(1);
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_once('=').unwrap().1.to_owned()
    };
    let bare = |text: String| text.replace(['[', ']', '"', ' '], "");
    examples
        .map(|example| (bare(value(example, "name")), bare(value(example, "required-features"))))
        .collect()
}

/// Its text, wherever it stands.
fn text_of(example: &Path) -> Option<String> {
    let main = example.join("main.rs");
    let file = if main.exists() { main } else { example.to_path_buf() };
    let is_rust = file.extension().is_some_and(|extension| extension == "rs");
    is_rust.then(|| std::fs::read_to_string(file).unwrap())
}

#[test]
fn each_says_how_it_is_run() {
    let required = required();
    assert!(required.len() > 9, "{required:?}");
    let mut seen = 0;
    for entry in std::fs::read_dir("examples").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(text) = text_of(&path).filter(|_| name != "common") else {
            continue;
        };
        let head: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
        let run = head.iter().filter(|line| line.contains("cargo run"));
        let line = run.clone().find(|line| line.contains(&format!("--example {name}")));
        let line = line.unwrap_or_else(|| panic!("{name} does not say how it is run: {head:#?}"));
        match required.get(&name) {
            Some(features) => assert!(line.contains(&format!("--features {features}")), "{name}: {line}"),
            None => assert!(!line.contains("--features"), "{name}: {line}"),
        }
        seen += 1;
    }
    assert!(seen >= required.len(), "{seen} of {}", required.len());
}

#[test]
fn a_feature_that_is_not_there_is_named_with_the_remedy() {
    let Some(cargo) = std::env::var_os("CARGO") else {
        println!("skipped: it is not cargo that runs this test");
        return;
    };
    let all = required();
    for example in ["http_hello", "https_hello", "http_api"] {
        let features = &all[example];
        // It says so before it builds anything.
        let ended = Command::new(&cargo)
            .args(["run", "--offline", "--no-default-features", "--example", example])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(!ended.status.success(), "{example}: {said}");
        assert!(said.contains(&format!("`{example}`")), "{said}");
        for feature in features.split(',') {
            assert!(
                said.contains(&format!("`{feature}`")),
                "{example}, without {feature}: {said}"
            );
        }
        assert!(said.contains("--features"), "{said}");
    }
}
