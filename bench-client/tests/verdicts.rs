//! What comparisons and sweeps leave behind in their files.
#![allow(missing_docs)]

mod program;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use program::{PROGRAM, Server};
use serde_json::Value;
use tempfile::TempDir;

const SCHEMA: &str = include_str!("../schema/report.schema.json");
const SHORT: [&str; 8] = ["-c", "1", "-d", "100ms", "--warmup", "20ms", "-q", "--no-pin"];

/// One comparison of a server with itself, for all tests.
static AB: LazyLock<Compared> = LazyLock::new(Compared::measure);

struct Compared {
    folder: TempDir,
    output: Output,
}

impl Compared {
    fn measure() -> Compared {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = format!("'{PROGRAM}' serve tcp --delay 1ms");
        let json = folder.path().join("ab.json");
        let gated = [
            "--gate",
            "p50 +100000%",
            "--rounds",
            "2",
            "--json",
            &json.to_string_lossy(),
        ];
        let output = bench(&[&["ab", "--a", &server, "--b", &server], &gated[..], &SHORT].concat());
        Compared { folder, output }
    }

    fn json(&self) -> PathBuf {
        self.folder.path().join("ab.json")
    }
}

fn bench(args: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(args).output().expect("it can be started")
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is in a file, which is as the schema says.
fn saved(path: &Path) -> Value {
    let value = serde_json::from_slice(&std::fs::read(path).expect("it was written")).expect("JSON");
    let schema = serde_json::from_str(SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let faults: Vec<_> = validator.iter_errors(&value).map(|err| err.to_string()).collect();
    assert_eq!(faults, Vec::<String>::new());
    value
}

#[test]
fn a_comparison_is_saved_with_all_it_was_concluded_from() {
    let text = stdout(&AB.output);
    let judgement = &saved(&AB.json())["judgements"][0];
    assert_eq!(judgement["a"]["name"], "A");
    assert!(
        judgement["b"]["from"]
            .as_str()
            .is_some_and(|command| command.contains("--delay 1ms"))
    );
    let figures = judgement["figures"].as_array().expect("a list");
    let p50 = figures
        .iter()
        .find(|one| one["figure"] == "p50")
        .expect("it was measured");
    assert_eq!((&p50["a_rounds"], &p50["verdict"]), (&2.into(), &"not_shown".into()));
    assert_eq!(
        (&p50["tolerance"], p50["needed_rounds"].as_u64() >= Some(5)),
        (&1000.0.into(), true)
    );
    let medians = ["b_median", "a_median"].map(|name| p50[name].as_f64().expect("a number"));
    assert_eq!(p50["ratio"].as_f64(), Some(medians[0] / medians[1]));
    assert!(text.contains("verdict: no difference shown\n"), "{text}");
}

#[test]
fn a_saved_comparison_is_shown_as_the_fresh_one_was() {
    let again = bench(&["report", &AB.json().to_string_lossy()]);
    assert_eq!(stdout(&again), stdout(&AB.output));
}

#[test]
fn files_that_are_compared_leave_a_page_and_a_file_behind() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |form: &str| folder.path().join(form).to_string_lossy().into_owned();
    let file = AB.json().to_string_lossy().into_owned();
    let forms = [
        "--json",
        &path("json"),
        "--html",
        &path("html"),
        "--md",
        &path("md"),
        "--svg",
        &path("svg"),
    ];
    let text = stdout(&bench(&[&["compare", &file, &file], &forms[..]].concat()));
    assert_eq!(text.matches("verdict: no difference shown\n").count(), 2, "{text}");
    let saved = saved(Path::new(&path("json")));
    assert_eq!(saved["judgements"][1]["b"]["name"], "NEW B");
    assert_eq!(saved["runs"].as_array().map(Vec::len), Some(8));
    for (form, part) in [
        ("html", "no difference shown"),
        ("md", "## Verdict: no difference shown"),
        ("svg", "NEW A / BASE A"),
    ] {
        let text = std::fs::read_to_string(path(form)).expect("it was written");
        assert!(text.contains(part), "{form}: {text}");
    }
    assert_eq!(stdout(&bench(&["report", &path("json")])), text);
}

#[test]
fn a_sweep_of_two_numbers_of_clients_has_no_knee_and_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |form: &str| folder.path().join(form).to_string_lossy().into_owned();
    let server = Server::start("coroutine");
    let forms = [
        "--json",
        &path("json"),
        "--html",
        &path("html"),
        "--md",
        &path("md"),
        "-q",
    ];
    let load = ["-c", "1,2", "--size", "64", "-d", "100ms", "--warmup", "20ms"];
    let output = bench(&[&["sweep", &server.target], &load[..], &forms].concat());
    let reason = "64 B: no knee: ";
    // A busy machine may make a run invalid, which the report says too.
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(reason), "{text}");
    assert_eq!(saved(Path::new(&path("json")))["knees"][0]["clients"], Value::Null);
    for form in ["html", "md"] {
        let text = std::fs::read_to_string(path(form)).expect("it was written");
        assert!(text.contains(reason), "{form}: {text}");
    }
    let page = std::fs::read_to_string(path("html")).expect("it was written");
    assert!(page.contains("Throughput, answers/s, over clients"), "{page}");
}
