//! Many connections, and many answers, in one process.

mod program;
mod reference;

use program::{Run, run};
use reference::Reference;

/// So many connections, each held and then used once more.
fn held(clients: u64) {
    let server = Reference::start("tcp --size 64");
    let count = clients.to_string();
    let run = run(&server.target("tcp"), &["-c", &count, "--idle", "-d", "500ms"]);
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
    assert_eq!(run.report["connections"]["connected"], clients, "{}", run.text());
    assert_eq!(run.count("unfinished"), 0, "{}", run.text());
    let counts = server.counts();
    assert_eq!(counts["connections"], clients, "{counts}");
    // When it came, and when it went.
    assert_eq!(counts["answers"], 2 * clients, "{counts}");
}

#[test]
fn two_thousand_connections_are_held_by_one_process() {
    held(2_000);
}

/// `cargo test --release -p bench-client --test scale -- --ignored`; each end
/// needs 10,064 open files, see `ulimit -Hn`.
#[test]
#[ignore = "takes more open files than many machines allow"]
fn ten_thousand_connections_are_held_by_one_process() {
    held(10_000);
}

#[test]
fn two_thousand_connections_are_used_and_every_answer_is_verified() {
    let server = Reference::start("tcp --size 64 --corrupt 50 --after 4000");
    let options = ["-c", "2000", "-n", "8000", "-d", "60s", "--allow-client-limited"];
    let run = run(&server.target("tcp"), &options);
    assert_eq!(run.report["connections"]["connected"], 2_000, "{}", run.text());
    assert_eq!(run.errors(), [("corrupt", 50)], "{}", run.text());
    assert_eq!(run.count("answers"), 8_000, "{}", run.text());
}

/// (answers until then, the client's resident memory), interval by interval.
fn growth(run: &Run) -> Vec<(u64, u64)> {
    let series = run.report["series"].as_array().expect("a list");
    let figure = |interval: &serde_json::Value, name: &str| interval[name].as_u64().expect(name);
    let mut answers = 0;
    let sum = |interval| {
        answers += figure(interval, "answers");
        (answers, figure(interval, "client_resident_bytes"))
    };
    series.iter().map(sum).collect()
}

/// A word kept of each answer would be 1,200,000 bytes. Histograms touch their
/// pages when the first time of their size comes, which may be late.
#[test]
fn a_client_takes_no_memory_for_answers_it_has_verified() {
    const TOLERATED: u64 = 768 * 1024;
    let server = Reference::start("tcp --size 64");
    let options = [
        "-c", "20", "--depth", "16", "-n", "200k", "-d", "120s", "--sample", "100ms",
    ];
    let run = run(
        &server.target("tcp"),
        &[&options[..], &["--allow-client-limited"]].concat(),
    );
    assert_eq!(
        (run.count("answers"), run.errors()),
        (200_000, vec![]),
        "{}",
        run.text()
    );
    let growth = growth(&run);
    let early = growth.iter().find(|(answers, _)| *answers >= 50_000);
    let (early, late) = (early.expect("there is one").1, growth.last().expect("there is one").1);
    assert!(late <= early + TOLERATED, "{early} bytes, then {late}: {growth:?}");
}
