//! What is said about times: the intervals of a run, their histograms, and the
//! percentiles that are shown.
#![allow(missing_docs)]

mod program;
mod reference;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use program::{PROGRAM, Run, run};
use reference::Reference;

const DECODER: &str = include_str!("hdr_decode.py");

fn target(server: &Reference) -> String {
    format!("tcp://{}", server.address)
}

fn series(run: &Run) -> &Vec<Value> {
    run.report["series"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", run.text()))
}

fn figure(interval: &Value, name: &str) -> f64 {
    interval[name]
        .as_f64()
        .unwrap_or_else(|| panic!("no {name} in {interval}"))
}

fn report(file: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("report").arg(file).args(options);
    command.output().expect("it can be started")
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A busy machine makes some intervals longer and takes others away; what is
/// left lies side by side.
#[test]
fn intervals_are_as_long_as_asked_and_cover_the_window() {
    let server = Reference::start("tcp");
    let options = ["-c", "5", "-d", "1s", "--sample", "50ms", "--allow-client-limited"];
    let run = run(&target(&server), &options);
    let series = series(&run);
    assert_eq!(run.report["sample_s"], 0.05);
    assert!((5..=20).contains(&series.len()), "{}", series.len());
    let mut end = 0.0;
    for interval in series {
        end += figure(interval, "length_s");
        assert!((figure(interval, "end_s") - end).abs() < 1e-6, "{interval}");
        assert!(figure(interval, "length_s") < 0.5, "{interval}");
        assert!(interval["histogram"].is_null(), "{interval}");
    }
    assert!((0.99..1.5).contains(&end), "{end}");
}

#[test]
fn the_first_interval_knows_the_processor_time_of_both_ends() {
    let server = Reference::start("tcp");
    let options = ["-c", "5", "-d", "600ms", "--sample", "200ms", "--allow-client-limited"];
    let run = run(&target(&server), &options);
    let first = &series(&run)[0];
    for end in ["server_cpu_share", "client_cpu_share"] {
        let share = figure(first, end);
        assert!(share > 0.0 && share < 1.5, "{end} in {first}");
    }
}

/// All faults meet clients that are connecting: they are in no interval.
#[test]
fn what_went_wrong_before_the_window_is_in_no_interval() {
    let server = Reference::start("tcp --size 64 --corrupt 7");
    let output = run(&target(&server), &["-c", "20", "-d", "300ms", "--allow-client-limited"]);
    assert_eq!(output.report["errors"][0]["count"], 7, "{}", output.text());
    assert!(!series(&output).is_empty(), "{}", output.text());
    for interval in series(&output) {
        assert_eq!(interval["errors"], json!([]), "{interval}");
    }
}

#[test]
fn intervals_that_make_no_sense_are_usage_errors() {
    for (options, reason) in [
        (
            &["--sample", "9ms"][..],
            "\"9ms\" is no interval of a series; give 10ms to 60s",
        ),
        (&["--sample", "2m"], "\"2m\" is no interval"),
        (&["--sample", "10ms", "-d", "1h"], "--sample 100ms or more"),
        (&["--percentiles", "50,100"], "\"100\" is no percentile"),
        (&["--percentiles", "fast"], "\"fast\" is no percentile"),
        (&["--percentiles", "0"], "\"0\" is no percentile"),
    ] {
        let run = run("tcp://127.0.0.1:1", options);
        assert_eq!(run.status(), 2, "{options:?}: {}", run.text());
        assert!(run.text().contains(reason), "{options:?}: {}", run.text());
    }
}

/// The rate is that of the schedule to half a percent, and how late each message
/// left is known. How late that is on a quiet machine is no matter for a test.
#[test]
fn messages_leave_at_the_rate_and_each_has_its_lag() {
    let server = Reference::start("tcp");
    let options = ["-c", "10", "-d", "1s", "--rate", "1k", "--allow-client-limited"];
    let run = run(&target(&server), &options);
    let figure = |name: &str| figure(&run.report, name);
    let sent = figure("answers") + figure("unfinished");
    for rate in [figure("offered_per_s"), sent / figure("window_s")] {
        assert!((rate / 1000.0 - 1.0).abs() < 0.005, "{rate}: {}", run.text());
    }
    let lag = &run.report["send_lag"];
    assert!(lag["count"].as_f64() >= Some(figure("answers")), "{lag}");
    assert!(lag["p50"].as_u64() < Some(20_000_000), "{lag}");
}

/// The lines of an interval log: (begin, length, histogram).
fn lines(log: &str) -> Vec<(f64, f64, String)> {
    let lines = log.lines().filter(|line| line.starts_with("Tag="));
    let line = |line: &str| {
        let fields: Vec<_> = line.split(',').collect();
        let number = |at: usize| fields[at].parse::<f64>().expect("a number");
        (number(1), number(2), fields[4].to_owned())
    };
    lines.map(line).collect()
}

/// As (index, count) of what is not zero, by a decoder that has nothing of ours
/// in it; `None` without Python.
fn counts(histograms: &[&str]) -> Option<Vec<Vec<(u64, u64)>>> {
    let mut child = Command::new("python3")
        .args(["-c", DECODER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    let text = json!(histograms).to_string();
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the decoder refused");
    let decoded: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let counts = decoded
        .into_iter()
        .map(|one| serde_json::from_value(one["counts"].clone()));
    Some(counts.collect::<Result<_, _>>().expect("counts"))
}

/// In an open loop, with a server that answers the last messages when the
/// window is over.
#[test]
fn the_intervals_of_a_log_add_up_to_the_run() {
    let server = Reference::start("tcp --delay 150ms");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("log");
    let path = log.to_str().expect("text");
    let options = [
        "-c",
        "20",
        "-d",
        "1s",
        "--rate",
        "100",
        "--sample",
        "100ms",
        "--hdr-log",
        path,
    ];
    let run = run(&target(&server), &[&options[..], &["--allow-client-limited"]].concat());
    let text = std::fs::read_to_string(&log).expect("it was written");
    let lines = lines(&text);
    assert_eq!(lines.len(), series(&run).len() + 1, "{}", run.text());
    for (line, interval) in lines.iter().zip(series(&run)) {
        let end = line.0 + line.1;
        assert!((end - figure(interval, "end_s")).abs() < 0.002, "{end} {interval}");
        assert_eq!(interval["histogram"], line.2.as_str());
    }
    let whole = run.report["response_time"]["histogram"].as_str().expect("a text");
    let parts = lines.iter().map(|(_, _, histogram)| histogram.as_str());
    let Some(decoded) = counts(&parts.chain([whole]).collect::<Vec<_>>()) else {
        eprintln!("skipped: there is no python3");
        return;
    };
    let (whole, parts) = decoded.split_last().expect("there are some");
    let mut sum = std::collections::BTreeMap::new();
    for (index, count) in parts.iter().flatten() {
        *sum.entry(*index).or_insert(0) += count;
    }
    assert_eq!(&sum.into_iter().collect::<Vec<_>>(), whole);
    let after: u64 = parts.last().expect("there is one").iter().map(|(_, count)| count).sum();
    assert!(after >= 5, "{after} answers after the window");
}

#[test]
fn a_saved_run_without_the_times_of_its_intervals_says_so() {
    let server = Reference::start("tcp");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (json, log) = (folder.path().join("run.json"), folder.path().join("log"));
    let mut command = Command::new(PROGRAM);
    let options = [
        "-c",
        "5",
        "-d",
        "300ms",
        "--sample",
        "100ms",
        "--warmup",
        "0s",
        "--allow-client-limited",
    ];
    let output = command
        .args(["run", &target(&server)])
        .args(options)
        .arg("--json")
        .arg(&json)
        .output();
    let output = output.expect("it can be started");
    assert!(output.status.success(), "{}", messages(&output));
    let output = report(&json, &["--hdr-log", log.to_str().expect("text")]);
    assert!(
        messages(&output).contains("1 of 1 runs were saved without the times of each interval"),
        "{}",
        messages(&output)
    );
    assert_eq!(lines(&std::fs::read_to_string(&log).expect("it was written")).len(), 1);
    // And any percentile of it can be shown.
    let output = report(&json, &["--percentiles", "12.5,99.9999999"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("p12.5 ") && text.contains("p99.9999999 -"), "{text}");
    assert!(!text.contains("p90"), "{text}");
}
