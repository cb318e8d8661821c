//! The server and the clients in one program.

use crate::program::Program;

/// Its lines, with the address taken out and checked.
fn lines(model: &str) -> Vec<String> {
    let mut program = Program::start("mixin", &["--model", model]);
    let address = program.address();
    assert!(
        address.starts_with("127.0.0.1:") && !address.ends_with(":0"),
        "{address}"
    );
    let ended = program.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ended.errors, "");
    ended.output
}

/// Who sent the answers, which are otherwise as expected.
fn names(model: &str) -> Vec<String> {
    let lines = lines(model);
    assert_eq!(
        lines[0],
        format!("Server loop running in the background, model {model}")
    );
    let name_of = |(index, line): (usize, &String)| {
        let end = format!(": Hello World {}", index + 1);
        let name = line.strip_prefix("Received: ").and_then(|line| line.strip_suffix(&end));
        name.unwrap_or_else(|| panic!("unexpected line {line:?}")).to_owned()
    };
    lines[1..].iter().enumerate().map(name_of).collect()
}

fn each_by_its_own(model: &str) {
    let names = names(model);
    assert_eq!(names.len(), 3);
    for (index, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{model} 127.0.0.1:")), "{name}");
        assert!(!names[..index].contains(name), "{names:?}");
    }
}

#[test]
fn coroutine() {
    each_by_its_own("coroutine");
}

#[test]
fn thread() {
    each_by_its_own("thread");
}

#[test]
fn inline() {
    let names = names("inline");
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
}

#[test]
fn fork_is_refused_beside_another_thread() {
    let ended = Program::start("mixin", &["--model", "fork"]).ended();
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.errors.contains("cannot fork: "), "{ended:?}");
    assert!(
        !ended.output.iter().any(|line| line.starts_with("Received")),
        "{ended:?}"
    );
}
