//! The search for the highest rate.

mod program;
mod reference;

use program::{Run, measure};
use reference::Reference;
use serde_json::Value;

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
    let run = search(&server, &options);
    assert_eq!(modes(&run)[0], "closed");
    assert!(modes(&run)[1..].iter().all(|mode| *mode == "open"), "{}", run.text());
    if run.status() == 0 {
        was_kept(&run);
    } else {
        // On a machine too busy to keep any schedule.
        assert!([3, 4].contains(&run.status()), "{}", run.text());
    }
}

/// The last run is the one that confirms.
fn was_kept(run: &Run) {
    assert!(
        run.text().contains(" messages/s keep p99<500ms, errors<=0\n"),
        "{}",
        run.text()
    );
    let confirmed = runs(run).last().expect("there are some");
    let figure = |name: &str| confirmed[name].as_f64().expect("a figure");
    let (offered, answered) = (figure("offered_per_s"), figure("answers_per_s"));
    assert!((100.0..=2100.0).contains(&offered), "{offered}: {}", run.text());
    assert!(answered >= 0.99 * offered, "{answered}: {}", run.text());
    let p99 = confirmed["response_time"]["p99"].as_u64().expect("a time");
    assert!((5_000_000..500_000_000).contains(&p99), "{p99}: {}", run.text());
    assert_eq!(confirmed["verdict"]["valid"], true, "{}", run.text());
}

#[test]
fn what_no_rate_keeps_is_no_success() {
    let server = Reference::start("tcp --delay 50ms");
    let run = search(&server, &["-c", "1", "--slo", "p99<10ms", "--precision", "0.3"]);
    assert!([3, 4].contains(&run.status()), "{}", run.text());
    assert!(!run.text().contains("messages/s keep"), "{}", run.text());
    assert!(runs(&run).len() > 2, "{}", run.text());
}
