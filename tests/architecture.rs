//! The rules of ARCHITECTURE.md that a machine can check.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

/// What each module may use of the others. A module may always use itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("runtime", &["error"]),
    ("sync", &["runtime", "error"]),
    ("net", &["runtime", "error"]),
    ("lifecycle", &["net", "runtime", "error"]),
    ("family", &["lifecycle", "net", "sync", "runtime", "error"]),
    ("handler", &["family", "lifecycle", "net", "runtime", "error"]),
    ("hooks", &["handler", "family", "net", "error"]),
    (
        "concurrency",
        &["hooks", "handler", "family", "lifecycle", "net", "runtime", "error"],
    ),
    (
        "server",
        &[
            "concurrency",
            "hooks",
            "handler",
            "family",
            "lifecycle",
            "net",
            "runtime",
            "error",
        ],
    ),
    ("socketserver", &["server", "concurrency", "family"]),
    (
        "testing",
        &[
            "server",
            "concurrency",
            "handler",
            "family",
            "lifecycle",
            "net",
            "runtime",
            "error",
        ],
    ),
];

/// The files that may hold `unsafe`: the runtime, and where a system call asks
/// for it.
const MAY_BE_UNSAFE: &[&str] = &["runtime/", "concurrency/fork.rs", "net/open.rs", "net/datagram.rs"];

const LONGEST_FILE: usize = 400;

struct Source {
    /// Relative to `src`.
    path: String,
    /// Without comments and without unit tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 40, "the sources were not found under {}", root.display());
    files
        .into_iter()
        .map(|file| Source {
            path: file.strip_prefix(&root).unwrap().to_string_lossy().into_owned(),
            code: code_of(&fs::read_to_string(&file).unwrap()),
        })
        .collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn code_of(text: &str) -> String {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn module_of(path: &str) -> &str {
    path.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The modules named in `crate::MODULE`, also inside braces.
fn modules_used(code: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.chars()
            .take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_')
            .collect()
    };
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => list
                .split('}')
                .next()
                .unwrap()
                .split(',')
                .map(|item| word(item.trim()))
                .collect(),
            None => vec![word(rest)],
        })
        .filter(|name| name.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for source in sources() {
        let module = module_of(&source.path);
        if module == "lib" {
            continue;
        }
        let (_, allowed) = MAY_USE
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("module {module} has no rule; add one here and to ARCHITECTURE.md"));
        for used in modules_used(&source.code) {
            if used != module && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses crate::{used}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is named of each scheduler's crate, and where alone. `may` alone would
/// also be our folder over it.
const SCHEDULERS: &[(&[&str], &str)] = &[
    (
        &[
            "may::coroutine",
            "may::io",
            "may::config",
            "may::sync",
            "may::net",
            "may::go",
            "may_minihttp",
        ],
        "runtime/engine/may/",
    ),
    (&["corosensei"], "runtime/engine/pinned/"),
];

#[test]
fn each_scheduler_is_named_in_its_own_folder() {
    for (names, folder) in SCHEDULERS {
        let naming: Vec<_> = sources()
            .into_iter()
            .filter(|source| names.iter().any(|name| source.code.contains(name)))
            .map(|source| source.path)
            .collect();
        assert!(!naming.is_empty(), "nobody names any of {names:?}");
        assert!(naming.iter().all(|path| path.starts_with(folder)), "{naming:?}");
    }
}

#[test]
fn unsafe_code_stays_where_it_is_allowed() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|source| {
            let code = source
                .code
                .replace("unsafe_code", "")
                .replace("unsafe_op_in_unsafe_fn", "");
            code.contains("unsafe ") || code.contains("unsafe{")
        })
        .map(|source| source.path)
        .filter(|path| !MAY_BE_UNSAFE.iter().any(|allowed| path.starts_with(allowed)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn nothing_prints_and_nothing_from_outside_is_unwrapped() {
    for source in sources() {
        for forbidden in ["println!", "eprintln!", ".unwrap()", "todo!", "unimplemented!"] {
            assert!(!source.code.contains(forbidden), "{} contains {forbidden}", source.path);
        }
    }
}

#[test]
fn files_stay_readable_in_one_sitting() {
    for source in sources() {
        let lines = source.code.lines().count();
        assert!(
            lines <= LONGEST_FILE,
            "{} has {lines} lines of code; is it still one noun?",
            source.path
        );
    }
}
