//! The search for the highest rate.

mod program;
mod reference;

use program::{Run, measure};
use reference::Reference;
use serde_json::Value;

/// How often a machine that is busy with other things may spoil it.
const ATTEMPTS: usize = 3;

fn search(server: &Reference, more: &[&str]) -> Run {
    let target = server.target("tcp");
    let load = [
        "-d",
        "500ms",
        "--warmup",
        "100ms",
        "--confirm",
        "500ms",
        "--allow-client-limited",
    ];
    measure(&[&["find-max", &target], &load[..], more].concat())
}

fn runs(run: &Run) -> &[Value] {
    run.report["runs"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", run.text()))
}

fn modes(run: &Run) -> Vec<&str> {
    runs(run)
        .iter()
        .map(|run| run["workload"]["mode"].as_str().expect("a text"))
        .collect()
}

/// Ten clients with 5 ms an answer: 2,000 a second on any machine at most.
#[test]
fn a_rate_that_is_found_was_kept() {
    let server = Reference::start("tcp --delay 5ms");
    let options = ["-c", "10", "--slo", "p99<500ms,errors=0", "--precision", "0.3"];
    let found = (0..ATTEMPTS)
        .map(|_| search(&server, &options))
        .find(|run| run.status() == 0);
    let run = found.expect("a machine that is not too busy");
    assert!(
        run.text().contains(" messages/s keep p99<500ms, errors<=0\n"),
        "{}",
        run.text()
    );
    assert_eq!(modes(&run)[0], "closed");
    assert!(modes(&run)[1..].iter().all(|mode| *mode == "open"), "{}", run.text());
    let confirmed = runs(&run).last().expect("there are some");
    let figure = |name: &str| confirmed[name].as_f64().expect("a figure");
    let (offered, answered) = (figure("offered_per_s"), figure("answers_per_s"));
    assert!((100.0..=2000.0).contains(&offered), "{offered}: {}", run.text());
    assert!(answered >= 0.99 * offered, "{answered}: {}", run.text());
    assert!(
        confirmed["response_time"]["p99"].as_u64() < Some(500_000_000),
        "{}",
        run.text()
    );
}

#[test]
fn what_no_rate_keeps_is_said_and_is_no_success() {
    let server = Reference::start("tcp --delay 50ms");
    let run = search(&server, &["-c", "1", "--slo", "p99<10ms", "--precision", "0.3"]);
    assert_eq!(run.status(), 3, "{}", run.text());
    assert!(
        run.text().contains("no rate was found that keeps p99<10ms"),
        "{}",
        run.text()
    );
    assert!(runs(&run).len() > 2, "{}", run.text());
}
