//! A calibration that one process made, used by another.
#![allow(missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");
/// As little as gives a figure.
const BRIEF: [&str; 8] = ["-q", "-c", "2", "--size", "64", "-d", "200ms", "--warmup=50ms"];

/// A home of its own, and what is saved there.
struct Home {
    folder: TempDir,
}

impl Home {
    fn new() -> Home {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Home { folder }
    }

    fn bench(&self, args: &[&str]) -> Output {
        Command::new(PROGRAM)
            .args(args)
            .args(BRIEF)
            .env("XDG_STATE_HOME", self.folder.path())
            .output()
            .expect("it can be started")
    }

    fn saved(&self) -> PathBuf {
        self.folder.path().join("bench-client/ceiling.json")
    }

    /// Measures our own server, with more options; the run that was saved, and
    /// what was printed.
    fn run(&self, protocol: &str, more: &[&str]) -> (Value, String) {
        let json = self.folder.path().join("report.json");
        let path = json.to_string_lossy().into_owned();
        let command = format!("{PROGRAM} serve {protocol}");
        let target = match protocol {
            "http" => "http://{address}/echo",
            "unixgram" | "unix" => &format!("{protocol}://{{path}}"),
            _ => &format!("{protocol}://{{address}}"),
        };
        let args = [
            "run",
            target,
            "--spawn",
            &command,
            "--allow-client-limited",
            "--json",
            &path,
        ];
        let output = self.bench(&[&args, more].concat());
        let saved = fs::read(&json).unwrap_or_else(|_| panic!("no report: {}", text(&output)));
        let saved: Value = serde_json::from_slice(&saved).expect("JSON");
        (saved["runs"][0].clone(), text(&output))
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("it was written")).expect("JSON")
}

fn remarks(run: &Value) -> String {
    run["verdict"]["remarks"].to_string()
}

#[test]
fn a_run_is_held_against_what_calibrate_saved() {
    let home = Home::new();
    for protocol in ["tcp", "udp", "unix", "unixgram", "http"] {
        let made = home.bench(&["calibrate", "--rounds", "1", "--protocol", protocol]);
        assert!(made.status.success(), "{}", text(&made));
        let place = home.saved().display().to_string();
        assert!(text(&made).contains(&format!("Saved in {place}")), "{}", text(&made));
        let more: &[&str] = if protocol == "http" { &["--expect", "echo"] } else { &[] };
        let (run, text) = home.run(protocol, more);
        let share = run["ceiling"]["share"]
            .as_f64()
            .unwrap_or_else(|| panic!("{protocol}: {run}"));
        assert!(share > 0.0, "{run}");
        assert!(text.contains("% of its ceiling (calibrated 20"), "{text}");
    }
    let all = json(&home.saved())["calibrations"].clone();
    assert_eq!(all.as_array().map(Vec::len), Some(5), "{all}");
    // Answers that are checked less, and no calibration at all.
    let (run, _) = home.run("tcp", &["--payload", "pattern", "--verify", "len"]);
    assert!(run["ceiling"].is_null());
    assert!(
        remarks(&run).contains("run bench-client calibrate --verify len"),
        "{run}"
    );
    let (run, _) = home.run("tcp", &["--ceiling", "none"]);
    assert!(run["ceiling"].is_null() && !remarks(&run).contains("calibrat"), "{run}");
}

/// With costs that no client has.
#[test]
fn a_client_at_its_ceiling_is_told_so() {
    let home = Home::new();
    let made = home.bench(&["calibrate", "--rounds", "1"]);
    assert!(made.status.success(), "{}", text(&made));
    let mut value = json(&home.saved());
    value["calibrations"][0]["points"][0]["client_us"] = Value::from(1e6);
    let other = home.folder.path().join("other.json");
    fs::write(&other, value.to_string()).expect("it can be written");
    let other = other.to_string_lossy().into_owned();
    let (run, text) = home.run("tcp", &["--ceiling", &other]);
    assert!(remarks(&run).contains("client at its ceiling: "), "{run}");
    assert!(text.contains("client at its ceiling: "), "{text}");
}

#[test]
fn what_is_no_calibration_is_named_and_stops_a_run_that_asks_for_it_alone() {
    let home = Home::new();
    fs::create_dir_all(home.saved().parent().expect("a folder")).expect("it can be made");
    fs::write(home.saved(), "{\"format\": 1").expect("it can be written");
    let place = home.saved().to_string_lossy().into_owned();
    let (run, _) = home.run("tcp", &[]);
    assert!(run["ceiling"].is_null());
    assert!(
        remarks(&run).contains(&place) && remarks(&run).contains("remove it"),
        "{run}"
    );
    let output = home.bench(&["run", "tcp://127.0.0.1:1", "--ceiling", &place]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains(&place), "{}", text(&output));
}

#[test]
fn what_cannot_be_saved_is_an_error_behind_the_figures() {
    let home = Home::new();
    let output = home.bench(&["calibrate", "--rounds", "1", "--save", "/proc/no/ceiling.json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("client drives"), "{}", text(&output));
    assert!(text(&output).contains("cannot write /proc/no"), "{}", text(&output));
    let output = home.bench(&["calibrate", "--rounds", "1", "--no-save"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!home.saved().exists());
}
