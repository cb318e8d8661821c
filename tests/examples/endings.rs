//! How the programs end: on either signal, with clients or without.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::each_model;
use crate::program::{LIMIT, Program, connect, exchange, hears_end};

/// How long a client may stay after the signal, as examples/common says.
const GRACE: Duration = Duration::from_secs(5);

fn upper(model: &str) -> (Program, String) {
    let mut program = Program::start("upper", &["--listen", "127.0.0.1:0", "--model", model]);
    let address = program.address();
    (program, address)
}

/// Returns once nobody listens there any more.
fn await_refusal(address: &str) {
    let deadline = Instant::now() + LIMIT;
    loop {
        match TcpStream::connect(address) {
            // Reset when it waited in the queue that was closed.
            Err(err) => {
                assert!(
                    matches!(err.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset),
                    "{err}"
                );
                return;
            }
            Ok(_) => assert!(Instant::now() < deadline, "it still listens"),
        }
    }
}

fn interrupted(model: &str) {
    let (program, address) = upper(model);
    exchange(&mut connect(&address), "a", "A");
    program.signal(Signal::SIGINT);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}

fn drained(model: &str) {
    let (program, address) = upper(model);
    let mut client = connect(&address);
    exchange(&mut client, "a", "A");
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    if model != "inline" {
        await_refusal(&address);
    }
    // Who is being served may finish.
    exchange(&mut client, "b", "B");
    assert!(begin.elapsed() < GRACE, "a slow machine: the test proves nothing");
    drop(client);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(begin.elapsed() < GRACE, "{:?}", begin.elapsed());
}

fn killed_after_the_grace(model: &str) {
    let (program, address) = upper(model);
    let mut client = connect(&address);
    exchange(&mut client, "a", "A");
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    hears_end(&mut client);
    assert!(begin.elapsed() >= GRACE, "{:?}", begin.elapsed());
    let ended = program.ended();
    assert_eq!(ended.code(), Some(3), "{ended:?}");
}

fn cut_short_by_a_second_signal(model: &str) {
    let (program, address) = upper(model);
    let mut client = connect(&address);
    exchange(&mut client, "a", "A");
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    await_refusal(&address);
    program.signal(Signal::SIGTERM);
    hears_end(&mut client);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(begin.elapsed() < GRACE, "{:?}", begin.elapsed());
}

each_model!(interrupted, [coroutine, thread, fork, inline]);
each_model!(drained, [coroutine, thread, fork, inline]);
each_model!(killed_after_the_grace, [coroutine, thread, fork, inline]);
// Not inline: there the loop itself serves, and nobody is refused meanwhile.
each_model!(cut_short_by_a_second_signal, [coroutine, thread, fork]);

/// Clients that ask without a pause, each until it is no longer answered.
fn a_drain_under_load_loses_nothing(model: &str) {
    let mut program = Program::start("stream_echo", &["--listen", "127.0.0.1:0", "--model", model]);
    let address = program.address();
    let (asked, begun) = channel();
    // Of forks 40 are in flight at most.
    let count = if model == "fork" { 40 } else { 50 };
    let clients: Vec<_> = (0..count)
        .map(|_| {
            let (mut client, asked) = (connect(&address), asked.clone());
            thread::spawn(move || {
                exchange(&mut client, "hello", "hello");
                asked.send(()).unwrap();
                loop {
                    let mut answer = [0; 5];
                    match client.write_all(b"again").and_then(|()| client.read(&mut answer)) {
                        Ok(5) => {}
                        // Some bytes alone would be of a lost answer.
                        Ok(0) | Err(_) => return,
                        Ok(count) => client.read_exact(&mut answer[count..]).unwrap(),
                    }
                }
            })
        })
        .collect();
    for _ in &clients {
        begun.recv_timeout(LIMIT).unwrap();
    }
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(begin.elapsed() < GRACE, "{:?}", begin.elapsed());
    // Killed ones would be told of.
    assert_eq!(ended.errors, "", "{ended:?}");
    for client in clients {
        client.join().unwrap();
    }
}

each_model!(a_drain_under_load_loses_nothing, [coroutine, thread, fork]);
