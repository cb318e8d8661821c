//! What a report may say of a run: what the schedule asked for, what was not
//! answered, and what is not to be compared.
#![allow(missing_docs)]

mod program;
mod reference;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use program::{PROGRAM, Run, run};
use reference::Reference;
use serde_json::Value;

fn against(server: &Reference, options: &[&str]) -> Run {
    run(&format!("tcp://{}", server.address), options)
}

fn count(run: &Run, field: &str) -> u64 {
    run.report[field].as_u64().unwrap_or_else(|| panic!("{}", run.text()))
}

#[test]
fn what_a_drawn_schedule_offered_is_what_it_had() {
    let server = Reference::start("tcp");
    let schedule = ["--rate", "200", "--arrivals", "poisson", "--seed", "3"];
    let run = against(&server, &[&schedule[..], &["-c", "5", "-d", "1s"]].concat());
    let offered = count(&run, "offered");
    assert_eq!(
        offered,
        count(&run, "answers") + count(&run, "unfinished"),
        "{}",
        run.text()
    );
    // Of this seed; the mean of all is 200.
    assert!((185..200).contains(&offered), "{offered}");
    // A busy machine may keep the client from the last of them.
    let complete = count(&run, "unfinished") == 0;
    assert!(
        !complete || !run.text().contains("of the offered rate"),
        "{}",
        run.text()
    );
}

#[test]
fn a_rate_beyond_the_server_has_no_clean_quantiles() {
    let server = Reference::start("tcp --delay 50ms");
    let gate = ["--fail-if", "p99>100s", "--percentiles", "50,99"];
    let run = against(
        &server,
        &[&gate[..], &["-c", "2", "-d", "1s", "--rate", "100"]].concat(),
    );
    let text = run.text();
    assert!(run.report["response_time"]["p99"].is_null(), "{text}");
    assert!((98..=100).contains(&count(&run, "offered")), "{text}");
    assert!((1..60).contains(&count(&run, "answers")), "{text}");
    assert!(text.contains("p99 was not measured"), "{text}");
    assert!(text.contains("p99 -  max > "), "{text}");
    assert_eq!(run.status(), 4, "{text}");
}

#[test]
fn fewer_answers_than_clients_are_refused_before_the_load() {
    let server = Reference::start("tcp");
    for (options, least) in [
        (&["-c", "10", "-n", "9"][..], "-n 10 or more"),
        (&["-c", "10", "-n", "19", "--depth", "2"], "-n 20 or more"),
    ] {
        let run = against(&server, options);
        assert_eq!(run.status(), 2, "{}", run.text());
        assert!(run.text().contains(least), "{}", run.text());
    }
    let run = against(&server, &["-c", "10", "-n", "10", "--allow-client-limited"]);
    assert_eq!(count(&run, "answers"), 10, "{}", run.text());
}

/// Measures for a moment and saves it as `name` in `folder`.
fn saved(server: &Reference, folder: &Path, name: &str, options: &[&str]) -> PathBuf {
    let json = folder.join(name);
    let load = ["-c", "2", "-d", "100ms", "--warmup", "0s", "--allow-client-limited"];
    let output = Command::new(PROGRAM)
        .args(["run", &format!("tcp://{}", server.address)])
        .args(load.iter().chain(options))
        .arg("--json")
        .arg(&json)
        .output()
        .expect("it can be started");
    assert!(json.exists(), "{output:?}");
    json
}

fn compare(base: &Path, new: &Path) -> Output {
    let output = Command::new(PROGRAM).arg("compare").args([base, new]).output();
    output.expect("it can be started")
}

#[test]
fn what_changes_the_load_makes_another_load() {
    let server = Reference::start("tcp");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = saved(&server, folder.path(), "base", &["--churn", "every:5"]);
    for (option, value, field) in [
        ("--linger", "rst", "linger"),
        ("--nodelay", "false", "nodelay"),
        ("--sndbuf", "4k", "send_buffer_bytes"),
        ("--rcvbuf", "4k", "receive_buffer_bytes"),
        ("--timeout", "1s", "timeout_s"),
        ("--connect-timeout", "1s", "connect_timeout_s"),
        ("--workers", "2", "workers"),
        ("--source", "127.0.0.0/30", "source"),
        ("--ramp", "10ms", "ramp_s"),
    ] {
        let new = saved(&server, folder.path(), "new", &["--churn", "every:5", option, value]);
        let output = compare(&base, &new);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{option}: {output:?}");
        assert!(message.contains(&format!("({field}: ")), "{option}: {message}");
    }
}

#[test]
fn a_file_with_other_bytes_makes_another_load() {
    let server = Reference::start("tcp");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let payload = folder.path().join("payload");
    let name = payload.to_string_lossy();
    let [base, new] = ["one", "two"].map(|text| {
        std::fs::write(&payload, text).expect("it can be written");
        saved(&server, folder.path(), text, &["--payload", &name])
    });
    let output = compare(&base, &new);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("(payload_hash: "),
        "{output:?}"
    );
}

#[test]
fn another_machine_is_remarked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let base = saved(&Reference::start("tcp"), folder.path(), "base", &[]);
    let mut report: Value = serde_json::from_slice(&std::fs::read(&base).expect("a report")).expect("JSON");
    report["machine"]["kernel"] = "Linux 0.99".into();
    // What else is wrong with so short a run is not the question.
    report["runs"][0]["verdict"]["valid"] = true.into();
    let new = folder.path().join("new");
    std::fs::write(&new, report.to_string()).expect("it can be written");
    let text = String::from_utf8_lossy(&compare(&base, &new).stdout).into_owned();
    assert!(
        text.contains("different circumstances: kernel: ") && text.contains("Linux 0.99"),
        "{text}"
    );
}

/// Reads what `client` says until it says `words`.
fn listen_for(client: &mut Child, words: &str) {
    let stderr = client.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(words)), "it never said {words:?}");
    // Nobody reads on, and a full pipe must not stop it.
    std::thread::spawn(move || lines.count());
}

fn signal(client: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), client.id().to_string()])
        .status();
    assert!(status.expect("there is kill").success());
}

#[test]
fn a_client_that_stood_still_spoils_a_closed_loop() {
    let server = Reference::start("tcp");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let mut client = Command::new(PROGRAM)
        .args(["run", &format!("tcp://{}", server.address), "-c", "5", "-d", "3s"])
        .args(["--allow-client-limited", "--json"])
        .arg(&json)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    listen_for(&mut client, "1 of 3 s");
    signal(&client, "STOP");
    // It is to stand still for so long: this is what is measured.
    std::thread::sleep(Duration::from_millis(700));
    signal(&client, "CONT");
    let status = client.wait().expect("it ends");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("a report")).expect("JSON");
    let run = &report["runs"][0];
    assert!(run["client_stopped_s"].as_f64() > Some(0.5), "{run}");
    assert!(run["verdict"]["reasons"].to_string().contains("stood still"), "{run}");
    assert_eq!(status.code(), Some(4), "{report}");
}
