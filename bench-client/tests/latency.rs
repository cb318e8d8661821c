//! A server whose times are known, and what is told of them.

mod program;
mod reference;

use program::{Run, run};
use reference::Reference;

/// Of the server, in nanoseconds.
const DELAY: u64 = 5_000_000;
/// How often a machine that is busy with other things may spoil it.
const ATTEMPTS: usize = 3;

fn time(run: &Run, times: &str, share: &str) -> u64 {
    let time = run.report[times][share].as_u64();
    time.unwrap_or_else(|| panic!("no {share} of {times}: {}", run.text()))
}

/// Whether the times are those of the server and what a machine adds. No
/// machine takes away from them.
fn is_told_right(run: &Run, times: &str) -> bool {
    assert_eq!(run.errors(), [], "{}", run.text());
    let [least, half, most] = ["min", "p50", "p99"].map(|share| time(run, times, share));
    assert!(least >= DELAY, "{least} ns: {}", run.text());
    half < DELAY + 2_000_000 && most < DELAY + 25_000_000
}

fn soon_told_right(options: &[&str], times: &[&str]) {
    let server = Reference::start("tcp --size 64 --delay 5ms");
    let target = format!("tcp://{}", server.address);
    let mut seen = String::new();
    for _ in 0..ATTEMPTS {
        let options = ["-c", "10", "-d", "1s", "--allow-client-limited"].iter().chain(options);
        let run = run(&target, &options.copied().collect::<Vec<_>>());
        if times.iter().all(|times| is_told_right(&run, times)) {
            return;
        }
        seen = run.text();
    }
    panic!("{seen}");
}

#[test]
fn five_milliseconds_are_five_in_a_closed_loop() {
    soon_told_right(&[], &["service_time"]);
}

#[test]
fn five_milliseconds_are_five_in_an_open_loop() {
    soon_told_right(&["--rate", "200"], &["service_time", "response_time"]);
}
