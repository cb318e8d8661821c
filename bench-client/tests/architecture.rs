//! The rules of ARCHITECTURE.md about this crate that a machine can check: which
//! folder uses which, and that no files import each other in a circle.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[allow(dead_code, reason = "the library's test uses the rest")]
mod sources;

use sources::{Import, Sources};

/// What each folder may use of the others. A folder may always use itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("saved", &["base"]),
    ("plan", &["base"]),
    ("view", &["saved", "base"]),
    ("machine", &["view", "plan", "saved", "base"]),
    ("judge", &["machine", "view", "plan", "saved", "base"]),
    ("run", &["judge", "machine", "view", "plan", "saved", "base"]),
    ("report", &["judge", "view", "plan", "saved", "base"]),
    (
        "commands",
        &["report", "run", "judge", "machine", "view", "plan", "saved", "base"],
    ),
];

/// Above all folders: the root, and what gives noise to all of it in tests.
/// They use what they like, and nothing uses them.
const ABOVE: [&str; 2] = ["lib", "fuzzing"];

/// Lines of a file at most, without its tests.
const LONGEST_FILE: usize = 300;

/// Whether a file of the first folder may use one of the other.
fn may_use(user: &str, used: &str) -> bool {
    if user == used || ABOVE.contains(&user) {
        return true;
    }
    let rule = MAY_USE.iter().find(|(folder, _)| *folder == user);
    let (_, allowed) = rule.unwrap_or_else(|| panic!("folder {user} has no rule; add one here and to ARCHITECTURE.md"));
    allowed.contains(&used)
}

/// The imports that go up, each as it is written.
fn offences(sources: &Sources) -> Vec<String> {
    let imports = sources.imports();
    let wrong = imports.iter().filter_map(|import| {
        let user = sources.folder(import.from);
        let places = [import.to, import.said].map(|file| sources.folder(file));
        // The root and a folder may name again only what all may use.
        let used = places.into_iter().find(|used| !may_use(user, used))?;
        Some(format!("{} ({user} may not use {used})", sources.show(import)))
    });
    wrong.collect()
}

/// The imports of one circle among files, if there is any.
fn circle(imports: &[Import]) -> Vec<&Import> {
    let files = imports
        .iter()
        .map(|import| import.from)
        .max()
        .map_or(0, |last| last + 1);
    let mut done = vec![false; files];
    (0..files)
        .map(|file| search(file, imports, &mut Vec::new(), &mut done))
        .find(|circle| !circle.is_empty())
        .unwrap_or_default()
}

/// A circle that `file` leads to, `way` being the imports that led to it.
fn search<'a>(file: usize, imports: &'a [Import], way: &mut Vec<&'a Import>, done: &mut [bool]) -> Vec<&'a Import> {
    if let Some(begin) = way.iter().position(|import| import.from == file) {
        return way[begin..].to_vec();
    }
    if done.get(file).copied().unwrap_or(true) {
        return Vec::new();
    }
    for import in imports.iter().filter(|import| import.from == file) {
        way.push(import);
        let circle = search(import.to, imports, way, done);
        if !circle.is_empty() {
            return circle;
        }
        way.pop();
    }
    done[file] = true;
    Vec::new()
}

#[test]
fn folders_use_only_what_lies_below_them() {
    let wrong = offences(&Sources::of_this_crate());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources = Sources::of_this_crate();
    let imports = sources.imports();
    let circle: Vec<_> = circle(&imports)
        .into_iter()
        .map(|import| sources.show(import))
        .collect();
    assert!(circle.is_empty(), "\n{}\n", circle.join("\n"));
}

#[test]
fn files_stay_readable_in_one_sitting() {
    for (path, lines) in Sources::of_this_crate().lengths() {
        assert!(lines <= LONGEST_FILE, "{path} has {lines} lines; is it still one noun?");
    }
}

/// The lines of `text`, a file of `base`, that go up to `run`.
/// One style for all: a folder's own file is its `mod.rs`.
#[test]
fn no_file_stands_beside_the_folder_of_its_name() {
    assert_eq!(Sources::of_this_crate().beside_their_folders(), [""; 0]);
}

fn offences_of(text: &str) -> Vec<String> {
    offences(&Sources::new(&[
        ("lib.rs", "mod base;\nmod run;\npub(crate) use run::job::Job;"),
        ("base/mod.rs", "mod deep;\nmod format;"),
        ("base/format.rs", text),
        ("base/deep/mod.rs", ""),
        ("run/mod.rs", "pub(crate) mod job;\npub(crate) use job::*;"),
        ("run/job.rs", "pub(crate) struct Job;"),
    ]))
}

#[test]
fn every_form_of_a_path_is_read() {
    for text in [
        "use crate::run::job::Job;",
        "use crate::run::job;",
        "use crate::run::job as work;",
        "use crate::run::job::*;",
        "use crate::{base::deep, run};",
        "use crate::{\n    base::deep,\n    run::{self, job::{Job as Work}},\n};",
        "use super::super::run::job::Job;",
        "use super::{super::run::Job};",
        "use crate::Job;",
        "pub(crate) use crate::run::Job;",
        "fn work(job: &crate::run::job::Job) {}",
        "fn work(job: super::super::run :: Job) {}",
        "#[arg(value_parser = crate::run::job::parse)]\nstruct Options;",
        "macro_rules! work { () => { crate::run::job::work() } }",
        "fn work() { use crate::run::job::Job; }",
        "const TEXT: &str = r#\"\"#; const OTHER: char = '\"'; type Work = crate::Job;",
    ] {
        assert!(!offences_of(text).is_empty(), "{text}");
    }
}

#[test]
fn what_is_no_import_is_not_taken_for_one() {
    for text in [
        "use crate::base::deep;",
        "use super::deep;",
        "// use crate::run::job::Job;",
        "/// [`Job`](crate::run::job::Job)\nfn work() {}",
        "/* use crate::run; /* crate::run */ crate::Job */",
        "const TEXT: &str = \"crate::run::job\\\" crate::Job\";",
        "#[cfg(test)]\nmod tests {\n    use crate::run::job::Job;\n    fn job() { crate::Job }\n}",
        "use clap::run::job;\nfn work<'a>(run: &'a str) { job::work() }",
    ] {
        assert_eq!(offences_of(text), [""; 0], "{text}");
    }
}

#[test]
fn an_offence_is_shown_with_its_place() {
    let shown = offences_of("//! Text.\n\n    use crate::run::job::Job;\n");
    assert_eq!(
        shown,
        ["src/base/format.rs:3: use crate::run::job::Job; (base may not use run)"]
    );
}

#[test]
fn a_circle_is_found_through_a_reexport_and_a_declaration_is_none() {
    let circle_of = |parent: &str| {
        let sources = Sources::new(&[
            ("lib.rs", "mod base;"),
            ("base/mod.rs", parent),
            ("base/one.rs", "use crate::base::two::Two;\npub(crate) struct One;"),
            ("base/two.rs", "use super::Shared;\npub(crate) struct Two;"),
        ]);
        let imports = sources.imports();
        let circle = circle(&imports);
        circle
            .into_iter()
            .map(|import| sources.show(import))
            .collect::<Vec<_>>()
    };
    let declared = "pub(crate) mod one;\npub(crate) mod two;\npub(crate) struct Shared;";
    assert_eq!(circle_of(declared), [""; 0]);
    let mut circle = circle_of("mod one;\nmod two;\nuse one::One as Shared;");
    circle.sort();
    assert_eq!(
        circle,
        [
            "src/base/one.rs:1: use crate::base::two::Two;",
            "src/base/two.rs:1: use super::Shared;"
        ]
    );
}
