//! What is written of a measurement, and a saved one shown again.
#![allow(missing_docs)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bench-client");
const SCHEMA: &str = include_str!("../schema/report.schema.json");
const DECODER: &str = include_str!("hdr_decode.py");
/// The forms that are one file each.
const FORMS: [&str; 6] = ["json", "html", "csv", "md", "svg", "hdr-log"];

/// One comparison with all its forms, for all tests.
static FRESH: LazyLock<Fresh> = LazyLock::new(Fresh::measure);

struct Fresh {
    folder: TempDir,
    output: Output,
}

impl Fresh {
    fn measure() -> Fresh {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(PROGRAM);
        command.args(["-c", "5", "-d", "1200ms", "--warmup", "50ms", "--no-pin"]);
        for form in FORMS.iter().chain(&["hgrm"]) {
            command
                .arg(format!("--{form}"))
                .arg(folder.path().join(format!("x.{form}")));
        }
        let output = command.output().expect("it can be started");
        Fresh { folder, output }
    }

    fn path(&self, form: &str) -> PathBuf {
        self.folder.path().join(format!("x.{form}"))
    }

    fn text(&self, form: &str) -> String {
        fs::read_to_string(self.path(form)).expect("it was written")
    }

    fn saved(&self) -> Value {
        serde_json::from_str(&self.text("json")).expect("JSON")
    }
}

fn report(file: &Path, options: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("report").arg(file).args(options);
    command.output().expect("it can be started")
}

fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_fresh_report_is_as_the_schema_says() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let faults: Vec<_> = validator
        .iter_errors(&FRESH.saved())
        .map(|err| err.to_string())
        .collect();
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn a_saved_report_is_shown_as_the_fresh_one_was() {
    let again = report(&FRESH.path("json"), &[]);
    assert_eq!(again.status.code(), Some(0), "{}", messages(&again));
    assert_eq!(
        String::from_utf8_lossy(&again.stdout),
        String::from_utf8_lossy(&FRESH.output.stdout)
    );
}

#[test]
fn every_form_is_written_again_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let again = |form: &str| folder.path().join(format!("again.{form}"));
    let options: Vec<_> = FORMS
        .iter()
        .flat_map(|form| [format!("--{form}"), again(form).to_string_lossy().into_owned()])
        .collect();
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let output = report(&FRESH.path("json"), &options);
    assert_eq!(output.status.code(), Some(0), "{}", messages(&output));
    assert!(output.stdout.is_empty());
    for form in FORMS {
        let text = fs::read_to_string(again(form)).expect("it was written");
        assert!(text == FRESH.text(form), "{form} differs");
    }
}

#[test]
fn the_forms_have_both_sides() {
    for form in FORMS {
        let text = FRESH.text(form);
        assert!(text.contains("coroutine") && text.contains("thread"), "{form}");
    }
    for side in ["coroutine", "thread"] {
        let text = FRESH.text(&format!("{side}.hgrm")).replace("x.", "");
        assert!(text.contains("#[Max "), "{text}");
    }
    let seconds = FRESH.text("csv").lines().count() - 1;
    assert!(seconds >= 4, "{seconds} seconds of two runs of 1.2 s");
}

#[test]
fn another_implementation_decodes_the_same_times() {
    let saved = FRESH.saved();
    let times: Vec<_> = saved["runs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|run| &run["service_time"])
        .collect();
    let histograms: Vec<_> = times.iter().map(|times| &times["histogram"]).collect();
    let Some(decoded) = decode(&json!(histograms)) else {
        eprintln!("skipped: there is no python3");
        return;
    };
    for (times, decoded) in times.iter().zip(decoded.as_array().expect("a list")) {
        let quantiles = ["p50", "p90", "p99", "p999", "p9999", "p99999"].map(|name| times[name].clone());
        assert!(times["count"].as_u64() > Some(10), "{times}");
        assert_eq!(decoded["count"], times["count"]);
        assert_eq!(decoded["quantiles"], json!(quantiles));
        assert_eq!(decoded["max"], times["max"]);
    }
}

/// By a decoder that has nothing of ours in it; `None` without Python.
fn decode(histograms: &Value) -> Option<Value> {
    let mut child = Command::new("python3")
        .args(["-c", DECODER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(histograms.to_string().as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the decoder refused");
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn what_is_no_report_is_named_with_a_remedy() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut newer = FRESH.saved();
    newer["schema"] = json!(999);
    for (text, reason) in [
        ("no JSON".to_owned(), "--json"),
        ("{}".to_owned(), "--json"),
        (newer.to_string(), "schema 999"),
    ] {
        let file = folder.path().join("file.json");
        fs::write(&file, text).expect("it can be written");
        let output = report(&file, &[]);
        let message = messages(&output);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("file.json") && message.contains(reason), "{message}");
    }
    let output = report(&folder.path().join("missing"), &[]);
    assert!(messages(&output).contains("missing"), "{}", messages(&output));
}

/// Nothing listens there: the complaint would be another one if it had tried.
#[test]
fn what_cannot_be_written_is_found_out_before_anything_is_measured() {
    for option in ["--json", "--html", "--csv", "--md", "--svg", "--hgrm", "--hdr-log"] {
        let mut command = Command::new(PROGRAM);
        let output = command
            .args(["run", "tcp://127.0.0.1:1", option, "/nowhere/at/all"])
            .output();
        let message = messages(&output.expect("it can be started"));
        assert!(message.contains("cannot write /nowhere/at/all"), "{option}: {message}");
    }
}

#[test]
fn names_from_a_file_stay_text_in_every_form() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hostile = "</title></svg><script>alert(1)</script>|x\u{1b}[31m";
    let mut saved = FRESH.saved();
    saved["runs"][0]["name"] = json!(hostile);
    saved["runs"][1]["verdict"]["reasons"] = json!([hostile]);
    saved["runs"][1]["errors"] = json!([{
        "class": hostile, "count": 1, "first_at_s": 0.5, "first_client": 1, "first": hostile,
    }]);
    let file = folder.path().join("hostile.json");
    fs::write(&file, saved.to_string()).expect("it can be written");
    for form in ["html", "svg", "md"] {
        let shown = folder.path().join(form);
        let output = report(&file, &[&format!("--{form}"), &shown.to_string_lossy()]);
        assert_eq!(output.status.code(), Some(0), "{}", messages(&output));
        let text = fs::read_to_string(&shown).expect("it was written");
        assert!(!text.contains("<script") && !text.contains('\u{1b}'), "{form}");
        assert!(text.contains("&lt;script"), "{form}");
    }
    let text = report(&file, &[]).stdout;
    assert!(!text.contains(&0x1b));
}
