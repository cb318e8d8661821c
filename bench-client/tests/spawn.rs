//! Servers that the program starts: where they listen, and what becomes of
//! what they write.
#![allow(missing_docs)]

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");
/// One client, for a time in which even a busy machine gives it answers.
const LOAD: [&str; 7] = ["--no-pin", "-c", "1", "-d", "300ms", "--warmup", "50ms"];

/// What a run said, and what it saved.
struct Run {
    output: Output,
    saved: Value,
}

impl Run {
    fn of(args: &[&str]) -> Run {
        let folder = TempDir::new().expect("a temporary folder");
        let json = folder.path().join("report.json");
        let mut command = Command::new(PROGRAM);
        command.args(args).args(LOAD).arg("--json").arg(&json);
        let output = command.output().expect("it can be started");
        let saved = std::fs::read(&json).unwrap_or_else(|_| b"null".to_vec());
        Run {
            output,
            saved: serde_json::from_slice(&saved).expect("JSON"),
        }
    }

    /// What was measured, in its first round.
    fn target(&self) -> &str {
        let target = &self.saved["runs"][0]["workload"]["target"];
        target
            .as_str()
            .unwrap_or_else(|| panic!("no report: {}", self.complaints()))
    }

    fn complaints(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// A shell that does `first`, and then is a server.
fn after(first: &str, server: &str) -> String {
    format!("sh -c '{first}; exec {PROGRAM} serve {server}'")
}

#[test]
fn a_socket_is_put_in_a_folder_that_is_gone_afterwards() {
    for (protocol, given) in [
        ("unix", None),
        ("unix", Some("unix://{path}")),
        ("unixgram", Some("unixgram://{path}")),
    ] {
        let command = format!("{PROGRAM} serve {protocol} --listen unix:{{path}}");
        let args: Vec<_> = ["run"].into_iter().chain(given).chain(["--spawn", &command]).collect();
        let run = Run::of(&args);
        let path = run.target().strip_prefix(&format!("{protocol}://")).expect("a path");
        assert_eq!(run.output.status.code(), Some(0), "{}", run.complaints());
        let folder = Path::new(path).parent().expect("a folder");
        assert!(!folder.exists(), "{path}");
    }
}

#[test]
fn a_server_may_say_the_path_it_listens_on() {
    for (protocol, given) in [("unix", None), ("unixgram", Some("unixgram://{path}"))] {
        let command = format!("{PROGRAM} serve {protocol}");
        let args: Vec<_> = ["run"].into_iter().chain(given).chain(["--spawn", &command]).collect();
        let run = Run::of(&args);
        assert!(run.target().starts_with(&format!("{protocol}:///")), "{}", run.target());
        assert_eq!(run.output.status.code(), Some(0), "{}", run.complaints());
    }
}

#[test]
fn two_servers_on_sockets_are_compared() {
    let command = format!("{PROGRAM} serve unix --listen unix:{{path}} --delay 2ms");
    let run = Run::of(&["ab", "--a", &command, "--b", &command, "--rounds", "1"]);
    assert!(run.target().starts_with("unix:///"), "{}", run.target());
    let runs = run.saved["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 2, "{}", run.complaints());
}

/// Its `Host` names the port, and is no other load for that.
#[test]
fn two_web_servers_are_compared_on_whatever_ports_they_chose() {
    let command = format!("{PROGRAM} serve http --listen 127.0.0.1:0 --delay 2ms");
    let target = "http://{address}/";
    let run = Run::of(&[
        "ab", "--a", &command, "--b", &command, "--target", target, "--rounds", "2",
    ]);
    let runs = run.saved["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 4, "{}", run.complaints());
    let targets: HashSet<_> = runs.iter().map(|run| run["workload"]["target"].as_str()).collect();
    assert!(targets.len() > 1, "{targets:?}");
    assert_eq!(
        run.saved["judgements"].as_array().map(Vec::len),
        Some(1),
        "{}",
        run.complaints()
    );
}

#[test]
fn a_target_that_does_not_suit_the_place_is_a_usage_error() {
    let command = format!("{PROGRAM} serve unix");
    let run = Run::of(&["run", "tcp://{address}", "--spawn", &command]);
    assert_eq!(run.output.status.code(), Some(2), "{}", run.complaints());
    assert!(run.complaints().contains("{path}"), "{}", run.complaints());
}

/// Whether process `pid` runs; an entry of one that ended has no program.
fn runs(pid: &str) -> bool {
    std::fs::read_link(format!("/proc/{pid}/exe")).is_ok()
}

#[test]
fn the_account_is_of_the_server_that_a_shell_starts_and_it_ends_with_the_shell() {
    let command = format!("sh -c '{PROGRAM} serve tcp --listen {{address}} & echo server $! >&2; wait'");
    let run = Run::of(&["run", "--spawn", &command]);
    let (text, server) = (run.complaints(), &run.saved["runs"][0]["server"]);
    let pid = word_behind(&text, "server: server ");
    assert_eq!(server["pid"].to_string(), pid, "{text}");
    assert!(server["cpu_s"].as_f64() > Some(0.0), "{server}");
    assert!(!runs(pid), "{pid} still runs");
}

#[test]
fn who_does_not_end_when_asked_is_ended_and_who_left_the_group_is_named() {
    let sleepers = "(trap \"\" TERM; exec sleep 600) & echo deaf $! >&2; setsid sleep 600 & echo gone $! >&2";
    let run = Run::of(&["run", "--spawn", &after(sleepers, "tcp")]);
    let text = run.complaints();
    let deaf = word_behind(&text, "server: deaf ");
    assert!(!runs(deaf), "{deaf} still runs");
    let gone = word_behind(&text, "server: gone ");
    let named = text.contains(&format!(
        "left processes that are not in its process group: {gone} (sleep)"
    ));
    let ended = Command::new("kill").arg(gone).status();
    assert!(ended.expect("there is kill").success(), "it was not left");
    assert!(named, "{text}");
}

#[test]
fn a_target_that_is_another_servers_is_a_usage_error() {
    let mut other = Command::new(PROGRAM)
        .args(["serve", "tcp", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let mut said = BufReader::new(other.stdout.take().expect("it is piped"));
    let address = word_behind(&line_with(&mut said, "listening"), "listening on ").to_owned();
    let command = format!("{PROGRAM} serve tcp --listen {{address}}");
    let target = format!("tcp://{address}");
    let one = Run::of(&["run", &target, "--spawn", &command]);
    let both = Run::of(&["ab", "--a", &command, "--b", &command, "--target", &target]);
    other.kill().expect("it can be killed");
    other.wait().expect("it ends");
    for run in [one, both] {
        let text = run.complaints();
        assert_eq!(run.output.status.code(), Some(2), "{text}");
        assert!(
            text.contains(&format!("process {} (bench-client)", other.id())),
            "{text}"
        );
        assert!(text.contains("write {address}"), "{text}");
    }
}

/// A place in the target is not needed where the server always listens.
#[test]
fn a_target_may_be_where_the_server_is_known_to_listen() {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("known.sock");
    let command = format!("{PROGRAM} serve unix --listen unix:{}", path.display());
    let run = Run::of(&["run", &format!("unix://{}", path.display()), "--spawn", &command]);
    assert_eq!(run.output.status.code(), Some(0), "{}", run.complaints());
}

fn word_behind<'a>(text: &'a str, mark: &str) -> &'a str {
    let (_, rest) = text.split_once(mark).unwrap_or_else(|| panic!("no {mark:?} in {text}"));
    rest.split_whitespace().next().unwrap_or_default()
}

#[test]
fn why_a_server_did_not_come_up_is_in_the_error() {
    let run = Run::of(&[
        "run",
        "--quiet",
        "--spawn",
        "sh -c 'echo first >&2; echo the reason >&2; exit 3'",
    ]);
    assert_eq!(run.output.status.code(), Some(1));
    let text = run.complaints();
    assert!(text.contains("exit status: 3"), "{text}");
    assert!(text.contains("first\n  the reason"), "{text}");
    let run = Run::of(&["run", "--spawn", "sh -c 'echo no port is free'"]);
    let text = run.complaints();
    assert!(text.contains("exit status: 0"), "{text}");
    assert!(text.contains("no port is free"), "{text}");
    let run = Run::of(&["run", "--spawn", "/no/such/server"]);
    assert!(run.complaints().contains("No such file"), "{}", run.complaints());
}

/// Far more than a pipe holds, before it listens.
#[test]
fn a_server_that_writes_without_end_is_not_held_up() {
    let flood = |what: &str| format!("yes {what} | head -n 400000");
    let command = after(&format!("{} >&2; {}", flood("complaint"), flood("noise")), "tcp");
    let run = Run::of(&["run", "--spawn", &command]);
    let text = run.complaints();
    assert_eq!(run.output.status.code(), Some(0), "{text}");
    assert!(text.contains("server: complaint\n"), "{text}");
    assert!(text.contains("lines left out)\n"), "{text}");
    assert!(text.len() < 100_000, "{} bytes were passed on", text.len());
    assert!(!text.contains("server: noise"), "{text}");
}

#[test]
fn complaints_are_passed_on_as_text_unless_all_is_quiet() {
    let command = after(r#"printf "a \033[31mred\033[0m one\n" >&2"#, "tcp");
    let run = Run::of(&["run", "--spawn", &command]);
    let text = run.complaints();
    assert!(text.contains("server: a \u{fffd}[31mred"), "{text}");
    let run = Run::of(&["run", "-q", "--spawn", &command]);
    assert_eq!(run.complaints(), "");
}

#[test]
fn a_server_that_ends_in_a_run_is_quoted() {
    let script = "trap \"echo dying >&2; kill \\$server; exit 7\" USR1; echo process $$ >&2; \
                  PROGRAM serve tcp & server=$!; wait";
    let command = format!("sh -c '{}'", script.replace("PROGRAM", PROGRAM));
    let mut child = Command::new(PROGRAM)
        .args([
            "run",
            "--spawn",
            &command,
            "--no-pin",
            "-c",
            "1",
            "-d",
            "3s",
            "--timeout",
            "1s",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let process = line_with(&mut stderr, "server: process ");
    let process = process.trim().rsplit(' ').next().expect("a number");
    line_with(&mut stderr, " echoes/s");
    let status = Command::new("kill").args(["-USR1", process]).status();
    assert!(status.expect("there is kill").success());
    // Read on: a full pipe must not stop it.
    let rest = std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
    let output = child.wait_with_output().expect("it ends");
    rest.join().expect("it does not panic").expect("it can be read");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("(exit status: 7; its last words: "), "{text}");
    assert!(text.contains("dying)"), "{text}");
}

fn line_with(lines: &mut impl BufRead, text: &str) -> String {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert_ne!(lines.read_line(&mut line).expect("text"), 0, "no {text:?}");
    }
    line
}

/// The server is gone before its clients have waited long enough for an answer.
#[test]
fn the_file_of_a_run_that_nobody_connected_in_says_how_the_server_ended() {
    // Clients connect to it, and nobody takes them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = format!("sh -c 'echo listening on {address}; sleep 0.2; exit 3'");
    let run = Run::of(&["run", "--spawn", &server, "--timeout", "1s"]);
    assert_eq!(run.output.status.code(), Some(1), "{}", run.complaints());
    let verdict = &run.saved["runs"][0]["verdict"];
    let has = |list: &str, part: &str| verdict[list].to_string().contains(part);
    assert!(has("reasons", "the server ended by itself"), "{verdict}");
    assert!(has("remarks", "there is no account of the server"), "{verdict}");
}

/// The peer of this machine: it starts, answers both paths with the bodies of all
/// peers, and leaves neither a process nor a folder.
#[test]
fn nginx_answers_as_the_other_peers_and_leaves_nothing() {
    let known = "PATH=$PATH:/usr/local/sbin:/usr/sbin; command -v nginx";
    let found = Command::new("sh").args(["-c", known]).stdout(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        eprintln!("skipped: there is no nginx");
        return;
    }
    let folder = TempDir::new().expect("a temporary folder");
    let (body, room) = (folder.path().join("body"), folder.path().join("room"));
    std::fs::create_dir(&room).expect("a folder");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/nginx/serve.sh");
    let spawn = format!("env TMPDIR={} sh {script} {{address}}", room.display());
    for (path, expected) in [
        ("/", "Hello, world!".to_owned()),
        ("/64k", "0123456789abcdef".repeat(4096)),
    ] {
        std::fs::write(&body, expected).expect("it can be written");
        let target = format!("http://{{address}}{path}");
        let expect = body.display().to_string();
        let run = Run::of(&["run", &target, "--spawn", &spawn, "--expect", &expect]);
        assert_eq!(
            run.saved["runs"][0]["errors"],
            serde_json::json!([]),
            "{}",
            run.complaints()
        );
        assert!(
            run.saved["runs"][0]["answers"].as_u64() > Some(0),
            "{}",
            run.complaints()
        );
        let left = std::fs::read_dir(&room).expect("it is there").count();
        assert_eq!(left, 0, "{path}");
    }
}
