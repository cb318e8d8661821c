//! The commands that measure a server several times in one go.

mod program;
mod reference;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use program::command;
use reference::Reference;

const SHORT: [&str; 6] = ["-d", "200ms", "--warmup", "50ms", "-q", "--allow-client-limited"];

/// Echoes messages of 64 bytes, and closes where a longer one begins.
fn narrow_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.expect("a client");
            thread::spawn(move || {
                let mut buffer = [0; 65];
                while let Ok(count @ 1..=64) = client.read(&mut buffer) {
                    // The client may have left.
                    let _ = client.write_all(&buffer[..count]);
                }
            });
        }
    });
    target
}

#[test]
fn a_field_that_could_not_be_measured_is_named_and_in_the_status() {
    let target = narrow_server();
    let sweep = command(&[&["sweep", &target, "-c", "1,2", "--size", "64,1k"], &SHORT[..]].concat());
    let text = sweep.text();
    assert!(text.contains("2 clients, 1024 B: FAILED, "), "{text}");
    assert_ne!(sweep.status(), 0, "{text}");
}

#[test]
fn a_sweep_of_which_nothing_could_be_measured_is_none() {
    let target = narrow_server();
    let sweep = command(&[&["sweep", &target, "-c", "1,2", "--size", "1k"], &SHORT[..]].concat());
    assert_eq!(sweep.status(), 1, "{}", sweep.text());
}

#[test]
fn the_highest_rate_is_no_higher_than_the_server_allows() {
    // Four clients with one message at a time, 5 ms each: 800 a second.
    let server = Reference::start("tcp --delay 5ms");
    let target = format!("tcp://{}", server.address);
    let search = [
        "find-max",
        &target,
        "-c",
        "4",
        "--slo",
        "p99<1s,errors=0",
        "--precision",
        "0.2",
        "--confirm",
        "300ms",
    ];
    let found = command(&[&search[..], &SHORT].concat());
    let text = found.text();
    if let Some((_, kept)) = text.split_once(": ").filter(|_| found.status() == 0) {
        let digits: String = kept
            .chars()
            .take_while(|digit| *digit != ' ')
            .filter(|digit| *digit != ',')
            .collect();
        let rate: u32 = digits.parse().expect(&text);
        assert!((1..=850).contains(&rate), "{text}");
    } else {
        // On a machine too busy to keep any schedule.
        assert!([3, 4].contains(&found.status()), "{text}");
    }
    assert!(text.contains("closed loop"), "{text}");
}

#[test]
fn a_search_that_cannot_end_is_refused() {
    for precision in ["0", "0.0001", "0.6", "5"] {
        let refused = command(&["find-max", "tcp://127.0.0.1:1", "--precision", precision]);
        assert_eq!(refused.status(), 2, "{}", refused.text());
        assert!(refused.text().contains(precision), "{}", refused.text());
    }
}
