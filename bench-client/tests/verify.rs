//! How far answers are checked, against servers whose faults are known to the
//! byte.
#![allow(missing_docs)]

mod program;
mod reference;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use program::run;
use reference::Reference;

const SIZE: usize = 64;
/// Right answers before the first fault: every client has its first by then.
const BEFORE: u64 = 30;
const FAULTS: u64 = 8;
/// Answers of each of the four connections. Behind a wrong one is a right one,
/// or the client would leave.
const SPOILED: [u64; 2] = [10, 12];

/// What is done to an answer, given the one before it.
type Spoil = fn(&mut Vec<u8>, &[u8]);

/// Of the header, its length; of the body, some byte.
const IN_HEADER: Spoil = |answer, _| answer[20] ^= 1;
const IN_BODY: Spoil = |answer, _| answer[40] ^= 1;
const EARLIER: Spoil = |answer, before| answer.copy_from_slice(before);
const LONGER: Spoil = |answer, _| answer.push(7);

/// Whether the next answer, of all, is to be wrong.
fn is_due(answers: &AtomicU64) -> bool {
    let number = answers.fetch_add(1, Ordering::Relaxed);
    (BEFORE..BEFORE + FAULTS).contains(&number)
}

/// An echo server over TCP for as long as the test runs.
fn stream(spoil: Spoil) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(client, spoil));
        }
    });
    format!("tcp://{address}")
}

fn serve(mut client: TcpStream, spoil: Spoil) {
    let mut message = vec![0; SIZE];
    let mut before = message.clone();
    for number in 0.. {
        if client.read_exact(&mut message).is_err() {
            return;
        }
        let mut answer = message.clone();
        if SPOILED.contains(&number) {
            spoil(&mut answer, &before);
        }
        before.copy_from_slice(&message);
        if client.write_all(&answer).is_err() {
            return;
        }
    }
}

/// The same over UDP.
fn datagrams(spoil: Spoil) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("it is bound");
    thread::spawn(move || {
        let answers = AtomicU64::new(0);
        let mut inbox = [0; SIZE];
        while let Ok((length, client)) = socket.recv_from(&mut inbox) {
            let mut answer = inbox[..length].to_vec();
            if is_due(&answers) {
                spoil(&mut answer, &[]);
            }
            let _ = socket.send_to(&answer, client);
        }
    });
    format!("udp://{address}")
}

/// (class, count) of all that went wrong.
fn errors(target: &str, verify: &str) -> Vec<(String, u64)> {
    let few = [
        "-c",
        "4",
        "-n",
        "200",
        "-d",
        "20s",
        "--no-server-account",
        "--allow-client-limited",
    ];
    let options = [&few[..], &["--verify", verify]].concat();
    let run = run(target, &options);
    let errors = run.report["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", run.text()));
    let of = |error: &serde_json::Value| {
        let class = error["class"].as_str().expect("a text").to_owned();
        (class, error["count"].as_u64().expect("a count"))
    };
    assert_eq!(run.report["answers"], 200, "{}", run.text());
    errors.iter().map(of).collect()
}

fn counted(class: &str, count: u64) -> Vec<(String, u64)> {
    vec![(class.to_owned(), count)]
}

#[test]
fn a_wrong_body_is_seen_by_full_alone() {
    assert_eq!(errors(&stream(IN_BODY), "full"), counted("corrupt", FAULTS));
    for verify in ["header", "len", "off"] {
        assert_eq!(errors(&stream(IN_BODY), verify), [], "{verify}");
    }
}

#[test]
fn a_wrong_header_is_seen_by_header_as_by_full() {
    for verify in ["full", "header"] {
        assert_eq!(
            errors(&stream(IN_HEADER), verify),
            counted("corrupt", FAULTS),
            "{verify}"
        );
        assert_eq!(
            errors(&stream(EARLIER), verify),
            counted("duplicate", FAULTS),
            "{verify}"
        );
        let swapping = Reference::start("tcp --size 64 --swap 8 --after 30");
        let target = format!("tcp://{}", swapping.address);
        assert_eq!(errors(&target, verify), counted("misrouted", 8), "{verify}");
    }
}

#[test]
fn what_comes_in_the_right_length_is_right_for_len() {
    for verify in ["len", "off"] {
        for spoil in [IN_HEADER, EARLIER] {
            assert_eq!(errors(&stream(spoil), verify), [], "{verify}");
        }
    }
}

/// Whose a datagram is decides what it answers, so that it is always looked at.
#[test]
fn a_datagram_is_as_long_as_it_should_be_and_ours_however_far_is_looked() {
    for verify in ["full", "header", "len", "off"] {
        for spoil in [LONGER, IN_HEADER] {
            assert_eq!(
                errors(&datagrams(spoil), verify),
                counted("corrupt", FAULTS),
                "{verify}"
            );
        }
    }
    assert_eq!(errors(&datagrams(IN_BODY), "full"), counted("corrupt", FAULTS));
    for verify in ["header", "len"] {
        assert_eq!(errors(&datagrams(IN_BODY), verify), [], "{verify}");
    }
}
