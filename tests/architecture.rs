//! The rules of ARCHITECTURE.md that a machine can check.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

// bench-client's reader of paths: it reads the crate that it is compiled into.
#[path = "../bench-client/tests/sources/mod.rs"]
#[allow(dead_code, reason = "a part of it is used here")]
mod sources;

use sources::{Import, Sources};

/// What each module may use of the others. A module may always use itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("runtime", &["error"]),
    ("sync", &["runtime", "error"]),
    ("net", &["runtime", "error"]),
    ("limits", &["net", "runtime", "error"]),
    ("lifecycle", &["limits", "net", "runtime", "error"]),
    ("proxy_protocol", &["lifecycle", "net", "sync", "error"]),
    (
        "family",
        &["proxy_protocol", "lifecycle", "net", "sync", "runtime", "error"],
    ),
    ("handler", &["family", "lifecycle", "net", "runtime", "error"]),
    ("http", &["handler", "lifecycle", "net", "runtime", "error"]),
    ("hooks", &["handler", "family", "net", "error"]),
    (
        "concurrency",
        &[
            "hooks",
            "handler",
            "family",
            "proxy_protocol",
            "lifecycle",
            "limits",
            "net",
            "runtime",
            "error",
        ],
    ),
    (
        "server",
        &[
            "concurrency",
            "hooks",
            "handler",
            "family",
            "proxy_protocol",
            "lifecycle",
            "limits",
            "net",
            "runtime",
            "error",
        ],
    ),
    ("tls", &["handler", "sync", "net", "runtime", "error"]),
    ("websocket", &["http", "handler", "sync", "net", "runtime", "error"]),
    ("log_events", &["lifecycle"]),
    ("prometheus", &["lifecycle", "runtime"]),
    ("tracing", &["lifecycle", "runtime"]),
    ("ureq", &["net", "error"]),
    (
        "supervisor",
        &[
            "server",
            "concurrency",
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
const MAY_BE_UNSAFE: &[&str] = &[
    "runtime/",
    "concurrency/fork.rs",
    "net/open.rs",
    "net/datagram.rs",
    "supervisor/launch.rs",
    "supervisor/inherited.rs",
];

/// Lines of a file at most, without its tests.
const LONGEST_FILE: usize = 300;

/// Longer ones from before this limit: none may be added, none may grow, and
/// one that has become short enough must leave the list.
const TOO_LONG: &[(&str, usize)] = &[];

/// Files that import each other in a circle, all within one engine: a worker's
/// thread, its queue and what waits there know each other. None may be added,
/// and one that is free must leave the list.
const TANGLED: &[&str] = &[
    "runtime/engine/may/coroutine.rs",
    "runtime/engine/may/interest.rs",
    "runtime/engine/may/seat.rs",
    "runtime/engine/may/timers.rs",
    "runtime/engine/may/worker.rs",
    "runtime/engine/pinned/interest.rs",
    "runtime/engine/pinned/local.rs",
    "runtime/engine/pinned/placement.rs",
    "runtime/engine/pinned/poll.rs",
    "runtime/engine/pinned/seat.rs",
    "runtime/engine/pinned/timers.rs",
    "runtime/engine/pinned/worker.rs",
];

/// Whether a file of the first module may use one of the other.
fn may_use(user: &str, used: &str) -> bool {
    if user == used || user == "lib" {
        return true;
    }
    let rule = MAY_USE.iter().find(|(module, _)| *module == user);
    let (_, allowed) = rule.unwrap_or_else(|| panic!("module {user} has no rule; add one here and to ARCHITECTURE.md"));
    allowed.contains(&used)
}

/// The library's imports. How far a name is seen, `pub(in crate::runtime)`, is
/// none.
fn library() -> Sources {
    let files = sources::texts().into_iter();
    let seen = files.map(|(path, text)| (path, without_visibility(&text)));
    Sources::of(&seen.collect::<Vec<_>>())
}

fn without_visibility(text: &str) -> String {
    let mut parts = text.split("pub(in ");
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| format!("pub{}", part.split_once(')').unwrap().1));
    first.to_owned() + &rest.collect::<String>()
}

/// The imports that go up, each as it is written.
fn offences(sources: &Sources) -> Vec<String> {
    let imports = sources.imports();
    let wrong = imports.iter().filter_map(|import| {
        let user = sources.folder(import.from);
        let [to, said] = [import.to, import.said].map(|file| sources.folder(file));
        // What the root names again is used where it lives.
        let used = [to, said]
            .into_iter()
            .find(|used| !may_use(user, used) && (*used != "lib" || to == "lib"))?;
        Some(format!("{} ({user} may not use {used})", sources.show(import)))
    });
    wrong.collect()
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let wrong = offences(&library());
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// `pub use child::Name;`: as a `mod child;` it opens a file to others and needs
/// nothing of it. Whoever uses the name imports the file where it lives.
fn is_only_named_again(sources: &Sources, import: &Import) -> bool {
    let shown = sources.show(import);
    let line = shown.split_once(": ").map_or("", |(_, line)| line);
    let visible = line.starts_with("pub ") || line.starts_with("pub(");
    visible && line.split_whitespace().nth(1) == Some("use")
}

#[test]
fn no_files_of_the_runtime_import_each_other_in_a_circle() {
    let sources = library();
    let mut imports = sources.imports();
    imports.retain(|import| {
        let inside = [import.from, import.to]
            .iter()
            .all(|file| sources.folder(*file) == "runtime");
        inside && !is_only_named_again(&sources, import)
    });
    assert!(imports.len() > 50, "the imports were not found");
    let circles: Vec<_> = in_circles(&imports)
        .into_iter()
        .map(|import| sources.show(import))
        .collect();
    let stands_in = |shown: &str, file: &str| shown.starts_with(&format!("src/{file}:"));
    let new = circles
        .iter()
        .filter(|shown| !TANGLED.iter().any(|file| stands_in(shown, file)));
    let new: Vec<_> = new.map(String::as_str).collect();
    assert!(new.is_empty(), "\n{}\n", new.join("\n"));
    for file in TANGLED {
        assert!(
            circles.iter().any(|shown| stands_in(shown, file)),
            "{file} is free: take it off the list"
        );
    }
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

/// The lines of code that have one of `words`, but for those of files that begin
/// with one of `allowed`.
fn lines_with(sources: &Sources, words: &[&str], allowed: &[&str]) -> Vec<String> {
    let found = sources.lines(|line| words.iter().any(|word| line.contains(word)));
    let wrong = found
        .into_iter()
        .filter(|(path, _)| !allowed.iter().any(|begin| path.starts_with(begin)));
    wrong.map(|(_, line)| line).collect()
}

#[test]
fn each_scheduler_is_named_in_its_own_folder() {
    let sources = library();
    for (names, folder) in SCHEDULERS {
        assert!(
            !lines_with(&sources, names, &[]).is_empty(),
            "nobody names any of {names:?}"
        );
        assert_eq!(lines_with(&sources, names, &[folder]), [""; 0]);
    }
}

#[test]
fn unsafe_code_stays_where_it_is_allowed() {
    let unsafe_code = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe trait"];
    assert_eq!(lines_with(&library(), &unsafe_code, MAY_BE_UNSAFE), [""; 0]);
}

#[test]
fn nothing_prints_and_nothing_from_outside_is_unwrapped() {
    let forbidden = ["println!", "print!", "dbg!", ".unwrap()", "todo!", "unimplemented!"];
    assert_eq!(lines_with(&library(), &forbidden, &[]), [""; 0]);
}

#[test]
fn code_behind_a_first_test_is_looked_at_too() {
    let text =
        "#[cfg(test)]\nmod tests {\n    fn f() { g().unwrap(); }\n}\n\nfn h() {\n    g().unwrap(); // .unwrap()\n}\n";
    let sources = Sources::new(&[("sync/event.rs", text)]);
    assert_eq!(
        lines_with(&sources, &[".unwrap()"], &[]),
        ["src/sync/event.rs:7: g().unwrap(); // .unwrap()"]
    );
}

/// One style for all: a folder's own file is its `mod.rs`.
#[test]
fn no_file_stands_beside_the_folder_of_its_name() {
    assert_eq!(library().beside_their_folders(), [""; 0]);
}

#[test]
fn files_stay_readable_in_one_sitting() {
    for (path, lines) in library().lengths() {
        let known = TOO_LONG.iter().find(|(long, _)| *long == path);
        let most = known.map_or(LONGEST_FILE, |(_, lines)| *lines);
        assert!(lines <= most, "{path} has {lines} lines; is it still one noun?");
        assert!(
            known.is_none() || lines > LONGEST_FILE,
            "{path} is short enough: take it off the list"
        );
    }
}

/// The imports that lead back to the file that they stand in.
fn in_circles(imports: &[Import]) -> Vec<&Import> {
    let leads_back = |import: &&Import| reached_from(import.to, imports).contains(&import.from);
    imports.iter().filter(leads_back).collect()
}

/// The file itself and those that it imports, directly or not.
fn reached_from(file: usize, imports: &[Import]) -> Vec<usize> {
    let mut reached = vec![file];
    let mut next = 0;
    while let Some(from) = reached.get(next).copied() {
        for import in imports.iter().filter(|import| import.from == from) {
            if !reached.contains(&import.to) {
                reached.push(import.to);
            }
        }
        next += 1;
    }
    reached
}

/// The lines of `text`, a file of `sync`, that go up to `server`.
fn offences_of(text: &str) -> Vec<String> {
    offences(&Sources::new(&[
        ("lib.rs", "pub mod sync;\nmod server;\npub use server::Server;"),
        ("sync/mod.rs", "mod event;\nmod group;"),
        ("sync/event.rs", text),
        ("sync/group.rs", "pub struct Group;"),
        (
            "server/mod.rs",
            "mod running;\npub use running::Running;\npub struct Server;",
        ),
        ("server/running.rs", "pub struct Running;"),
    ]))
}

#[test]
fn every_form_of_a_path_is_read() {
    for text in [
        "use crate::server::Running;",
        "use crate::{sync::group, server};",
        "use super::super::server::Server;",
        "use super::{super::server::Running};",
        "use crate::Server;",
        "use super::super::Server;",
        "fn work(server: &crate::Server) {}",
        "fn work(server: super::super::server::Running) {}",
    ] {
        assert!(!offences_of(text).is_empty(), "{text}");
    }
    for text in [
        "use super::group::Group;",
        "// use crate::server::Server;",
        "/// [`Server`](crate::Server)\nfn work() {}",
        "#[cfg(test)]\nmod tests {\n    use crate::Server;\n}",
    ] {
        assert_eq!(offences_of(text), [""; 0], "{text}");
    }
    assert_eq!(
        offences_of("//! Text.\n\nuse crate::server::Running;\n"),
        ["src/sync/event.rs:3: use crate::server::Running; (sync may not use server)"]
    );
}

#[test]
fn a_circle_is_found_and_a_declaration_is_none() {
    let of = |parent: &str| {
        let sources = Sources::new(&[
            ("lib.rs", "mod runtime;"),
            ("runtime/mod.rs", parent),
            ("runtime/one.rs", "use super::two::Two;\npub(crate) struct One;"),
            ("runtime/two.rs", "use super::Shared;\npub(crate) struct Two;"),
        ]);
        let imports = sources.imports();
        let found = in_circles(&imports).into_iter().map(|import| sources.show(import));
        let mut found: Vec<_> = found.collect();
        found.sort();
        found
    };
    assert_eq!(of("mod one;\nmod two;\npub(crate) struct Shared;"), [""; 0]);
    assert_eq!(
        of("mod one;\nmod two;\nuse one::One as Shared;"),
        [
            "src/runtime/one.rs:1: use super::two::Two;",
            "src/runtime/two.rs:1: use super::Shared;"
        ]
    );
}
