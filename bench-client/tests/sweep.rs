//! A target under several loads.

mod program;
mod reference;

use program::{Run, measure};
use reference::Reference;
use serde_json::Value;

fn sweep(server: &Reference, more: &[&str]) -> Run {
    let target = server.target("tcp");
    let load = ["-d", "200ms", "--warmup", "50ms", "--allow-client-limited"];
    measure(&[&["sweep", &target], &load[..], more].concat())
}

fn runs(run: &Run) -> &[Value] {
    run.report["runs"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", run.text()))
}

/// (clients, size) of a measurement.
fn load(run: &Value) -> (u64, &str) {
    let load = &run["workload"];
    (
        load["clients"].as_u64().expect("a count"),
        load["size"].as_str().expect("a text"),
    )
}

/// With 5 ms an answer a client has no more than 200 a second, on any machine.
#[test]
fn every_combination_is_measured_and_shown() {
    let server = Reference::start("tcp --delay 5ms");
    let run = sweep(&server, &["-c", "1,4", "--size", "64,1k"]);
    assert_eq!(run.status(), 0, "{}", run.text());
    let loads: Vec<_> = runs(&run).iter().map(load).collect();
    assert_eq!(loads, [(1, "64"), (4, "64"), (1, "1024"), (4, "1024")]);
    for part in runs(&run) {
        let figure = |name: &str| part[name].as_f64().expect("a figure");
        let (clients, size) = load(part);
        let answers = figure("answers");
        let most = 200.0 * clients as f64 * (figure("window_s") + 0.01);
        assert!(answers > 0.0 && answers <= most, "{answers} of {most}: {}", run.text());
        assert_eq!(figure("answered_bytes"), answers * size.parse::<f64>().expect("a size"));
    }
    for text in ["answers/s", "p99", "errors", "64 B", "1024 B"] {
        assert!(run.text().contains(text), "{text} in {}", run.text());
    }
}

#[test]
fn an_error_in_one_of_them_is_in_the_exit_status() {
    let server = Reference::start("tcp --size 64 --corrupt 3 --after 10");
    let run = sweep(&server, &["-c", "1,2", "--size", "64"]);
    assert_eq!(run.status(), 3, "{}", run.text());
    let errors = |run: &Value| run["errors"][0]["count"].as_u64().unwrap_or_default();
    assert_eq!(runs(&run).iter().map(errors).sum::<u64>(), 3, "{}", run.text());
}
