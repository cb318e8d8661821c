//! What happens before the measured time stays out of the figures, but for the
//! errors.

mod program;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use program::measure;
use serde_json::Value;

const SIZE: usize = 64;
/// Longer than a busy machine keeps a message waiting, and far less than the
/// warm-up.
const SLOW: Duration = Duration::from_secs(1);
const WARM_UP: [&str; 2] = ["--warmup", "3s"];

/// What becomes of a connection's message of this number, counted from 0.
type Answer = fn(u64, &mut [u8; SIZE]);

fn server(answer: Answer) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || attend(client, answer));
        }
    });
    target
}

/// Until the client goes.
fn attend(mut client: TcpStream, answer: Answer) {
    let mut message = [0; SIZE];
    for number in 0.. {
        if client.read_exact(&mut message).is_err() {
            return;
        }
        answer(number, &mut message);
        if client.write_all(&message).is_err() {
            return;
        }
    }
}

/// The first message is that of connecting, the second is slow, the next three
/// come back wrong.
fn bad_at_first(number: u64, message: &mut [u8; SIZE]) {
    match number {
        1 => thread::sleep(SLOW),
        2..=4 => message[SIZE - 1] ^= 1,
        _ => {}
    }
}

fn longest(times: &Value) -> Duration {
    Duration::from_nanos(times["max"].as_u64().expect("a time"))
}

#[test]
fn a_server_that_is_bad_at_first_is_no_slower_and_its_errors_count() {
    let target = server(bad_at_first);
    for more in [&[][..], &["--rate", "100"]] {
        let options = ["run", &target, "-c", "1", "-d", "500ms", "--allow-client-limited"];
        let run = measure(&[&options[..], &WARM_UP, more].concat()).only();
        let report = &run.report;
        for times in ["service_time", "response_time", "send_lag"] {
            if !report[times].is_null() {
                assert!(longest(&report[times]) < SLOW, "{times}: {}", run.text());
            }
        }
        assert_eq!(run.errors(), [("corrupt", 3)], "{}", run.text());
        assert_ne!(run.status(), 0, "{}", run.text());
        for interval in report["series"].as_array().expect("a list") {
            assert_eq!(interval["errors"], Value::Array(vec![]));
        }
    }
}

/// The first thousand are at once, each of the others takes 100 ms.
fn good_at_first(number: u64, _: &mut [u8; SIZE]) {
    if number >= 1000 {
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_server_that_is_good_at_first_is_no_faster() {
    let target = server(good_at_first);
    let options = ["run", &target, "-c", "1", "-d", "500ms", "--allow-client-limited"];
    let run = measure(&[&options[..], &WARM_UP].concat()).only();
    // Five at most, but a busy machine makes the window longer.
    assert!((1..50).contains(&run.count("answers")), "{}", run.text());
    let fastest = run.report["service_time"]["min"].as_u64();
    assert!(fastest >= Some(99_000_000), "{fastest:?}: {}", run.text());
}
