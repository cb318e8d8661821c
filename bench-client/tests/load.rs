//! What the clients do, against the reference server, which counts too.

mod program;
mod reference;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use program::{PROGRAM, Run, run};
use reference::Reference;

/// Options that every run here has: the figures are not what is asked about.
const SHORT: [&str; 5] = ["-c", "20", "-d", "500ms", "--allow-client-limited"];

fn short(target: &str, more: &[&str]) -> Run {
    run(target, &[&SHORT[..], more].concat())
}

/// Exactly `answers` answers, of which none is sent before they count but each
/// client's first.
fn exactly(answers: &str, target: &str, more: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let output = Command::new(PROGRAM)
        .args([
            "run",
            target,
            "-n",
            answers,
            "-d",
            "20s",
            "--warmup",
            "0s",
            "--allow-client-limited",
        ])
        .args(more)
        .arg("--json")
        .arg(&json)
        .output()
        .expect("it can be started");
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("a report")).expect("JSON");
    report["runs"][0].clone()
}

#[test]
fn every_protocol_is_spoken_without_an_error() {
    for protocol in ["tcp", "udp", "unix", "unixgram", "http"] {
        let server = Reference::start(protocol);
        let run = short(&server.target(protocol), &[]);
        assert_eq!((run.status(), run.errors()), (0, vec![]), "{protocol}: {}", run.text());
        assert!(run.report["answers"].as_u64().expect("a count") > 100, "{protocol}");
        assert_eq!(run.report["workload"]["protocol"], protocol);
    }
}

#[test]
fn a_body_of_another_length_is_an_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let expected = folder.path().join("expected");
    std::fs::write(&expected, "not what comes").expect("it can be written");
    let server = Reference::start("http");
    let expect = expected.to_str().expect("text");
    let run = run(
        &server.target("http"),
        &[
            "-c",
            "1",
            "-n",
            "5",
            "--expect",
            expect,
            "--allow-client-limited",
            "-d",
            "300ms",
        ],
    );
    assert_eq!(run.status(), 1, "{}", run.text());
    assert!(run.text().contains("length"), "{}", run.text());
}

#[test]
fn requests_of_a_connection_each_are_requests() {
    let server = Reference::start("http");
    let run = short(&server.target("http"), &["--churn", "per-request"]);
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
    assert!(run.text().contains("requests/s"), "{}", run.text());
}

/// What the client sent is what the server answered, counted by each for itself.
#[test]
fn the_servers_count_agrees() {
    let server = Reference::start("tcp --size 64");
    let run = exactly("1000", &server.target("tcp"), &["-c", "1"]);
    assert_eq!(
        (run["answers"].as_u64(), run["answered_bytes"].as_u64()),
        (Some(1000), Some(64_000))
    );
    let counts = server.counts();
    let answers = counts["answers"].as_u64().expect("a count");
    // The first message is not measured, and one may be on its way at the end.
    assert!((1001..=1002).contains(&answers), "{counts}");
    assert_eq!(counts["bytes"].as_u64(), Some(answers * 64), "{counts}");
}

#[test]
fn connections_are_used_as_often_as_asked() {
    let server = Reference::start("tcp --size 64");
    let run = exactly("100", &server.target("tcp"), &["-c", "1", "--churn", "every:10"]);
    assert_eq!(run["answers"], 100);
    let connections = server.counts()["connections"].as_u64().expect("a count");
    assert!((10..=12).contains(&connections), "{connections}");
}

#[test]
fn pipelined_answers_are_told_apart() {
    let server = Reference::start("tcp --byte-by-byte");
    let run = short(&server.target("tcp"), &["--depth", "16"]);
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
}

#[test]
fn sizes_may_differ_in_one_stream() {
    let server = Reference::start("tcp");
    for size in ["1..300k", "64:0.9,16k:0.1", "lognormal:512,1.2"] {
        let run = short(&server.target("tcp"), &["--size", size, "--depth", "3"]);
        assert_eq!((run.status(), run.errors()), (0, vec![]), "{size}: {}", run.text());
    }
}

#[test]
fn the_same_seed_sends_the_same_bytes() {
    let bytes = |seed| {
        let server = Reference::start("tcp --size 64");
        let options = ["-c", "1", "--size", "1..4k", "--seed", seed];
        exactly("500", &server.target("tcp"), &options)["answered_bytes"].as_u64()
    };
    assert_eq!(bytes("1"), bytes("1"));
    assert_ne!(bytes("1"), bytes("2"));
}

/// Messages of the schedule: what was answered, and what had no answer or was
/// not sent when the time was over.
fn scheduled(run: &Run) -> u64 {
    let count = |field: &str| run.report[field].as_u64().expect("a count");
    count("answers") + count("unfinished")
}

#[test]
fn a_schedule_is_kept_whatever_the_arrivals() {
    let server = Reference::start("tcp");
    for (options, tolerance) in [
        (&["--rate", "1k"][..], 0.0),
        (&["--rate", "1k", "--arrivals", "poisson"], 0.1),
    ] {
        let options = [&["-c", "20", "-d", "2s", "--allow-client-limited"], options].concat();
        let run = run(&server.target("tcp"), &options);
        assert_eq!(run.errors(), [], "{}", run.text());
        let part = scheduled(&run) as f64 / 2000.0;
        assert!((part - 1.0).abs() <= tolerance, "{part}: {}", run.text());
        for times in ["response_time", "service_time"] {
            assert_eq!(run.report[times]["count"], run.report["answers"], "{times}");
        }
        assert_eq!(run.report["workload"]["mode"], "open");
    }
}

#[test]
fn stages_are_as_long_as_they_say() {
    let server = Reference::start("tcp");
    let options = [
        "-c",
        "10",
        "--rate",
        "stages:500ms@400,500ms@2k",
        "--allow-client-limited",
    ];
    let run = run(&server.target("tcp"), &options);
    assert_eq!(scheduled(&run), 1200, "{}", run.text());
    assert_eq!(run.report["workload"]["duration_s"], 1.0);
}

/// A tenth of the messages waits for up to the length of the freeze: 99 of 100
/// for nine tenths of it. Only the few on their way were slow to be answered.
#[test]
fn a_frozen_server_shows_in_the_response_time() {
    let server = Reference::start("tcp --stall 300ms@1s");
    let options = ["-c", "10", "-d", "3s", "--rate", "1k", "--allow-client-limited"];
    let run = run(&server.target("tcp"), &options);
    let millis = |times: &str, share: &str| run.report[times][share].as_f64().expect("a time") / 1e6;
    let response = millis("response_time", "p99");
    assert!((200.0..=600.0).contains(&response), "{response} ms: {}", run.text());
    assert!(millis("service_time", "p99") < response / 2.0, "{}", run.text());
}

#[test]
fn a_frozen_client_shows_in_the_send_lag_and_spoils_the_run() {
    let server = Reference::start("tcp");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let mut client = Command::new(PROGRAM)
        .args([
            "run",
            &server.target("tcp"),
            "-c",
            "10",
            "-d",
            "3s",
            "--rate",
            "1k",
            "--json",
        ])
        .arg(&json)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    program_says(&mut client, "1 of 3 s");
    signal(&client, "STOP");
    std::thread::sleep(Duration::from_millis(500));
    signal(&client, "CONT");
    let status = client.wait().expect("it ends");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("a report")).expect("JSON");
    let lag = report["runs"][0]["send_lag"]["max"].as_f64().expect("a time") / 1e6;
    let stopped = report["runs"][0]["client_stopped_s"].as_f64().expect("a time");
    // If every client waited for an answer just then, none of them sent late.
    assert!(lag >= 400.0 || stopped >= 0.4, "{lag} ms, {stopped} s");
    assert_eq!(status.code(), Some(4), "{report}");
}

#[test]
fn what_is_too_late_is_shed() {
    let server = Reference::start("tcp --stall 500ms@1s");
    let options = [
        "-c",
        "5",
        "-d",
        "2s",
        "--rate",
        "500",
        "--shed",
        "100ms",
        "--allow-client-limited",
    ];
    let run = run(&server.target("tcp"), &options);
    let errors = run.errors();
    assert_eq!(errors.len(), 1, "{}", run.text());
    assert_eq!(errors[0].0, "shed");
    assert!((100..=450).contains(&errors[0].1), "{errors:?}");
}

#[test]
fn pauses_bound_the_rate() {
    let server = Reference::start("tcp");
    let run = short(&server.target("tcp"), &["--think", "20ms"]);
    let rate = run.report["answers_per_s"].as_f64().expect("a rate");
    assert!((200.0..=1000.0).contains(&rate), "{rate}");
}

#[test]
fn contradictions_are_usage_errors_that_name_the_remedy() {
    for (target, options, remedy) in [
        ("udp://127.0.0.1:1", &["--size", "8"][..], "--size 24"),
        ("udp://127.0.0.1:1", &["--size", "70000"], "smaller --size"),
        ("udp://127.0.0.1:1", &["--churn", "every:3"], "leave --churn out"),
        ("tcp://127.0.0.1:1", &["--method", "GET"], "http://"),
        (
            "tcp://127.0.0.1:1",
            &["--depth", "2", "--churn", "per-request"],
            "--depth 2",
        ),
        ("tcp://127.0.0.1:1", &["--shed", "1s"], "--rate"),
        ("tcp://127.0.0.1:1", &["--think", "1s", "--rate", "5"], "--rate"),
        ("http://127.0.0.1:1", &["--method", "G T"], "GET"),
    ] {
        let run = run(target, options);
        assert_eq!(run.status(), 2, "{options:?}: {}", run.text());
        assert!(run.text().contains(remedy), "{options:?}: {}", run.text());
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let status = Command::new("kill").args([format!("-{name}"), id]).status();
    assert!(status.expect("there is kill").success());
}

/// Waits until a line of progress has `text`.
fn program_says(child: &mut Child, text: &str) {
    use std::io::{BufRead, BufReader};
    let stderr = child.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(text)), "no {text}");
    // Nobody reads on, and a full pipe must not stop it.
    std::thread::spawn(move || lines.count());
}

#[test]
fn a_hopeless_run_is_ended() {
    let server = Reference::start("tcp --size 64 --corrupt 1.0 --after 20");
    let options = ["-c", "5", "-d", "60s", "--until", "errors>50", "--allow-client-limited"];
    let run = run(&server.target("tcp"), &options);
    let window = run.report["window_s"].as_f64().expect("a length");
    assert!(window < 20.0, "{window}");
    let errors = run.errors();
    assert_eq!(errors[0].0, "corrupt");
    assert!(errors[0].1 > 50, "{errors:?}");
}

#[test]
fn seconds_are_written_as_they_pass() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("seconds");
    let server = Reference::start("tcp");
    let options = [
        "-c",
        "5",
        "-d",
        "2s",
        "--allow-client-limited",
        "--ndjson",
        path.to_str().expect("text"),
    ];
    let run = run(&server.target("tcp"), &options);
    let text = std::fs::read_to_string(&path).expect("it was written");
    let seconds: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(seconds.len(), 2, "{text}");
    let answers: u64 = seconds.iter().filter_map(|second| second["answers"].as_u64()).sum();
    let all = run.report["answers"].as_u64().expect("a count");
    // What is answered while the last second is taken down is in the whole alone.
    assert!(answers <= all && answers * 10 >= all * 9, "{answers} {all}");
}

#[test]
fn a_client_is_bound_to_the_processors_it_is_given() {
    let server = Reference::start("tcp");
    let run = short(&server.target("tcp"), &["--cpus", "0"]);
    assert_eq!(run.report["client"]["allowed_cpus"], "0", "{}", run.text());
}
