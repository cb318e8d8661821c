//! The port forwarder, in front of servers of this test.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::program::{LIMIT, Program, connect, exchange, hears, hears_end};
use crate::streams::EVERY_BYTE;

/// A target that serves one client with `talk`, and a forwarder to it.
fn forwarded<T: Send + 'static>(talk: fn(TcpStream) -> T) -> (Program, String, JoinHandle<T>) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = target.local_addr().unwrap().to_string();
    let serving = thread::spawn(move || {
        let (client, _) = target.accept().unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        client.set_write_timeout(Some(LIMIT)).unwrap();
        talk(client)
    });
    let mut program = Program::start("proxy", &["--listen", "127.0.0.1:0", "--to", &to]);
    let address = program.address();
    (program, address, serving)
}

fn echo(mut client: TcpStream) {
    std::io::copy(&mut client.try_clone().unwrap(), &mut client).unwrap();
}

#[test]
fn both_ways_at_once() {
    let (program, address, serving) = forwarded(echo);
    let mut client = connect(&address);
    exchange(&mut client, EVERY_BYTE, EVERY_BYTE);
    // More than all buffers on the way hold: nobody reads before writing ends.
    let long: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut sender = client.try_clone().unwrap();
    let sent = long.clone();
    let sending = thread::spawn(move || {
        sender.write_all(&sent).unwrap();
        sender.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = vec![0; long.len()];
    client.read_exact(&mut heard).unwrap();
    assert!(heard == long, "other bytes came back");
    hears_end(&mut client);
    sending.join().unwrap();
    serving.join().unwrap();
    assert_eq!(program.end_well(), "");
}

#[test]
fn the_client_finishes_and_then_hears_the_answer() {
    let (program, address, serving) = forwarded(|mut client| {
        let mut asked = String::new();
        client.read_to_string(&mut asked).unwrap();
        client.write_all(asked.to_uppercase().as_bytes()).unwrap();
    });
    let mut client = connect(&address);
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    hears(&mut client, "QUESTION");
    hears_end(&mut client);
    serving.join().unwrap();
    assert_eq!(program.end_well(), "");
}

#[test]
fn the_target_finishes_and_then_hears_the_rest() {
    let (program, address, serving) = forwarded(|mut client| {
        client.write_all(b"goodbye").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        rest
    });
    let mut client = connect(&address);
    hears(&mut client, "goodbye");
    hears_end(&mut client);
    client.write_all(b"one more thing").unwrap();
    drop(client);
    assert_eq!(serving.join().unwrap(), "one more thing");
    assert_eq!(program.end_well(), "");
}

#[test]
fn a_target_that_is_not_there_ends_the_client() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = nobody.local_addr().unwrap().to_string();
    drop(nobody);
    let mut program = Program::start("proxy", &["--listen", "127.0.0.1:0", "--to", &to]);
    let address = program.address();
    for _ in 0..2 {
        hears_end(&mut connect(&address));
    }
    assert!(program.end_well().contains("refused"));
}

#[test]
fn a_client_whose_target_stays_silent_does_not_keep_the_program() {
    let (program, address, serving) = forwarded(|mut client| {
        client.write_all(b"hello").unwrap();
        // Stays, until the forwarder goes.
        hears_end(&mut client);
    });
    let mut client = connect(&address);
    // Now both are connected.
    hears(&mut client, "hello");
    let begin = Instant::now();
    // Killed after the grace of examples/common, with its helper, and so cut
    // short.
    program.signal(Signal::SIGTERM);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(3), "{ended:?}");
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    drop(client);
    serving.join().unwrap();
}

#[test]
fn a_target_without_sense() {
    let ended = Program::start("proxy", &["--to", "nonsense"]).ended();
    assert_eq!(ended.code(), Some(2), "{ended:?}");
    assert!(ended.errors.contains("nonsense"), "{ended:?}");
}
