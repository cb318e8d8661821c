//! The program as its users run it, against servers with known faults.
#![allow(missing_docs)]

mod reference;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use reference::Reference;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");
/// A server that has one fault once all clients had right answers; more
/// options follow.
const FAULTY: &str = "tcp --size 64 --after 200";

struct Run {
    output: Output,
    report: Value,
}

impl Run {
    fn status(&self) -> i32 {
        self.output.status.code().expect("it was not killed")
    }

    /// (class, count) of all that went wrong.
    fn errors(&self) -> Vec<(&str, u64)> {
        self.report["runs"][0]["errors"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|error| {
                let class = error["class"].as_str().expect("a text");
                (class, error["count"].as_u64().expect("a count"))
            })
            .collect()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned() + &String::from_utf8_lossy(&self.output.stderr)
    }
}

/// As the program takes it.
fn target(server: &Reference) -> String {
    format!("tcp://{}", server.address)
}

/// Runs 20 clients for a second, with more options in `more`.
fn run(target: &str, more: &[&str]) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let output = Command::new(PROGRAM)
        .args(["run", target, "-c", "20", "-d", "1s", "--warmup", "100ms"])
        // Whoever of the two gets more of a loaded machine is not what is tested.
        .arg("--allow-client-limited")
        .arg("--json")
        .arg(&json)
        .args(more)
        .output()
        .expect("it can be started");
    let report = std::fs::read(&json).unwrap_or_else(|_| b"null".to_vec());
    Run {
        output,
        report: serde_json::from_slice(&report).expect("JSON"),
    }
}

#[test]
fn a_correct_server_has_no_errors() {
    let server = Reference::start("tcp");
    let run = run(&target(&server), &[]);
    assert_eq!(run.status(), 0, "{}", run.text());
    assert_eq!(run.errors(), []);
    let report = &run.report["runs"][0];
    assert_eq!(report["connections"]["connected"], 20);
    assert!(report["answers"].as_u64().expect("a count") > 100);
    assert_eq!(report["service_time"]["count"], report["answers"]);
}

#[test]
fn the_first_wrong_byte_is_reported() {
    let server = Reference::start(&format!("{FAULTY} --corrupt 1"));
    let run = run(&target(&server), &[]);
    assert!(run.text().contains("byte 32 is "), "{}", run.text());
}

#[test]
fn unverified_runs_do_not_look() {
    let server = Reference::start(&format!("{FAULTY} --corrupt 7"));
    let run = run(&target(&server), &["--verify", "off"]);
    assert_eq!(run.status(), 0, "{}", run.text());
}

#[test]
fn short_connections_are_measured_too() {
    let server = Reference::start("tcp");
    let run = run(&target(&server), &["--churn", "per-request"]);
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
    assert!(run.text().contains("connections/s"), "{}", run.text());
}

#[test]
fn a_server_that_starves_connections_makes_the_run_invalid() {
    let server = Reference::start("tcp --serve-only 10");
    let run = run(&target(&server), &["--timeout", "300ms"]);
    assert_eq!(run.status(), 4, "{}", run.text());
    assert_eq!(run.errors(), [("read_timeout", 10)]);
    assert_eq!(run.report["runs"][0]["connections"]["connected"], 10);
}

#[test]
fn a_server_that_freezes_for_good_is_no_success() {
    let server = Reference::start("tcp --stall 1h@500ms");
    let run = run(&target(&server), &["--timeout", "2s"]);
    assert_eq!(run.status(), 3, "{}", run.text());
    assert_eq!(run.errors(), [("read_timeout", 20)]);
    assert_eq!(run.report["runs"][0]["unfinished"], 0);
}

#[test]
fn nobody_listening_is_said_and_counted() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", free.local_addr().expect("it is bound"));
    drop(free);
    for more in [&[][..], &["--source", "127.0.0.0/29"]] {
        let run = run(&target, more);
        assert_eq!(run.status(), 1, "{}", run.text());
        assert!(run.text().contains("20 refused"), "{}", run.text());
    }
}

#[test]
fn a_server_that_never_accepts_is_a_timeout() {
    let (target, _held) = black_hole();
    let run = run(&target, &["--connect-timeout", "300ms"]);
    assert_eq!(run.status(), 1, "{}", run.text());
    assert!(run.text().contains("20 timeout"), "{}", run.text());
}

/// A listener whose backlog is full: the kernel answers nobody.
fn black_hole() -> (String, Vec<socket2::Socket>) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).expect("a free port");
    listener.listen(0).expect("it can listen");
    let address = listener.local_addr().expect("it is bound");
    let mut held = vec![listener];
    for _ in 0..4 {
        let waiting = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        waiting.set_nonblocking(true).expect("it can be");
        // In progress for ever, from the second on.
        let _ = waiting.connect(&address);
        held.push(waiting);
    }
    let address = address.as_socket().expect("an IP address");
    (format!("tcp://{address}"), held)
}

#[test]
fn limits_are_checked_before_the_first_connection() {
    let script = format!("ulimit -n 100; exec {PROGRAM} run tcp://127.0.0.1:1 -c 500");
    let output = Command::new("sh").args(["-c", &script]).output();
    let output = output.expect("there is a shell");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("564 open files"), "{text}");
}

/// Found before anything is built.
#[test]
fn peers_of_two_kinds_are_not_measured_in_one_table() {
    for (words, reason) in [
        (["--probe", "http,churn", "--rounds", "1"], "--probe http,churn"),
        (["--probe", "http", "--only", "gevent"], "may_minihttp"),
    ] {
        let refused = Command::new(PROGRAM).arg("peers").args(words).output();
        let refused = refused.expect("it can be started");
        let text = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        assert!(text.contains(reason), "{text}");
    }
}

#[test]
fn nonsense_is_a_usage_error() {
    let run = run("ftp://127.0.0.1:1", &[]);
    assert_eq!(run.status(), 2, "{}", run.text());
}

#[test]
fn both_models_are_compared_without_a_word() {
    let output = Command::new(PROGRAM)
        .args(["-c", "20", "-d", "500ms", "--warmup", "100ms", "--allow-client-limited"])
        .output()
        .expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    for label in [
        "coroutine",
        "thread",
        "echoes/s",
        "server CPU per echo",
        "memory per client",
        "page tables per client",
    ] {
        assert!(text.contains(label), "{label} in {text}");
    }
}

#[test]
fn messages_larger_than_all_buffers_pass() {
    let output = Command::new(PROGRAM)
        .args(["-c", "2", "-d", "2s", "--warmup", "0s", "--size", "8m"])
        .arg("--allow-client-limited")
        .output()
        .expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
}

#[test]
fn an_interrupted_comparison_reports_what_there_is_and_stops_its_server() {
    let mut child = comparison();
    wait_for(&mut child, " echoes/s");
    let servers = children_of(child.id());
    assert_eq!(servers.len(), 1, "{servers:?}");
    signal(&child, "INT");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("PARTIAL"), "{text}");
    assert!(text.contains("service time  p50"), "{text}");
    assert!(servers.iter().all(|server| is_gone(*server)));
}

#[test]
fn servers_die_with_a_client_that_is_killed() {
    let mut child = comparison();
    wait_for(&mut child, "coroutine: ");
    let servers = children_of(child.id());
    assert_eq!(servers.len(), 1, "{servers:?}");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let deadline = Instant::now() + Duration::from_secs(5);
    while !servers.iter().all(|server| is_gone(*server)) {
        assert!(Instant::now() < deadline, "{servers:?} live on");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn comparison() -> Child {
    Command::new(PROGRAM)
        .args(["-c", "20", "-d", "60s", "--warmup", "100ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started")
}

/// Reads progress until a line has `text`.
fn wait_for(child: &mut Child, text: &str) {
    let stderr = child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(text)), "no {text}");
    // Nobody reads on, and a full pipe must not stop it.
    std::thread::spawn(move || lines.count());
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .expect("there is kill");
    assert!(status.success());
}

fn children_of(parent: u32) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .expect("there is /proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|process| field(*process, 1) == Some(parent.to_string()))
        .collect()
}

/// Ended, if perhaps not waited for yet.
fn is_gone(process: u32) -> bool {
    field(process, 0).is_none_or(|state| state == "Z")
}

/// A field of `/proc/PID/stat` behind the name: 0 the state, 1 the parent.
fn field(process: u32, index: usize) -> Option<String> {
    let stat = PathBuf::from(format!("/proc/{process}/stat"));
    let text = std::fs::read_to_string(stat).ok()?;
    let fields = text.rsplit_once(')')?.1;
    fields.split_whitespace().nth(index).map(str::to_owned)
}
