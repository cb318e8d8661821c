//! How the clients come, from where, what they do there, and how they leave,
//! as a server sees it.

mod program;

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use program::run;

const SIZE: usize = 64;

/// What the server saw of one connection.
#[derive(Debug)]
struct Seen {
    from: IpAddr,
    came: Instant,
    messages: usize,
    /// What the last read gave: `None` for the end of the stream.
    end: Option<ErrorKind>,
}

/// Echoes, and tells of each connection when it is over.
fn witness() -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    let (report, seen) = channel();
    thread::spawn(move || {
        while let Ok(accepted) = listener.accept() {
            let report = report.clone();
            thread::spawn(move || attend(accepted, &report));
        }
    });
    (target, seen)
}

fn attend((mut client, from): (TcpStream, SocketAddr), report: &Sender<Seen>) {
    let (came, mut messages, mut message) = (Instant::now(), 0, [0; SIZE]);
    let end = loop {
        match client.read_exact(&mut message) {
            Ok(()) => messages += 1,
            Err(err) if err.kind() == ErrorKind::UnexpectedEof => break None,
            Err(err) => break Some(err.kind()),
        }
        if let Err(err) = client.write_all(&message) {
            break Some(err.kind());
        }
    };
    let seen = Seen {
        from: from.ip(),
        came,
        messages,
        end,
    };
    // The test may have seen enough.
    let _ = report.send(seen);
}

/// What a server sees of a run with `options`, whose connections are `count`.
fn seen_of(options: &[&str], count: usize) -> Vec<Seen> {
    let (target, seen) = witness();
    let run = run(&target, &[options, &["--allow-client-limited"]].concat());
    assert_eq!(run.status(), 0, "{}", run.text());
    let take = |_| seen.recv_timeout(Duration::from_secs(10)).expect("a connection");
    (0..count).map(take).collect()
}

/// From the first client to the last.
fn spread(seen: &[Seen]) -> Duration {
    let first = seen.iter().map(|client| client.came).min().expect("clients");
    let last = seen.iter().map(|client| client.came).max().expect("clients");
    last - first
}

const FEW: [&str; 4] = ["-c", "20", "-d", "300ms"];

#[test]
fn clients_come_as_slowly_as_they_are_told() {
    for options in [["--ramp", "2s"], ["--connect-rate", "10"]] {
        let seen = seen_of(&[&FEW[..], &options].concat(), 20);
        // Client 19 of 20 comes after 19/20 of 2 s.
        assert!(spread(&seen) >= Duration::from_millis(1800), "{options:?}: {seen:?}");
    }
}

#[test]
fn clients_come_from_all_the_addresses_they_are_given() {
    let sources = |options: &[&str]| -> BTreeSet<String> {
        let seen = seen_of(&[&FEW[..], options].concat(), 20);
        seen.iter().map(|client| client.from.to_string()).collect()
    };
    let given: BTreeSet<_> = (73..79).map(|last| format!("127.0.1.{last}")).collect();
    assert_eq!(sources(&["--source", "127.0.1.72/29"]), given);
    assert_eq!(sources(&[]), BTreeSet::from(["127.0.0.1".to_owned()]));
}

#[test]
fn clients_leave_as_they_are_told() {
    let ends = |linger| -> Vec<_> {
        let seen = seen_of(&[&FEW[..], &["--linger", linger]].concat(), 20);
        seen.into_iter().map(|client| client.end).collect()
    };
    assert_eq!(ends("fin"), [None; 20]);
    assert_eq!(ends("rst"), [Some(ErrorKind::ConnectionReset); 20]);
}

#[test]
fn idle_clients_say_something_when_they_come_and_when_they_leave() {
    let seen = seen_of(&[&FEW[..], &["--idle"]].concat(), 20);
    let messages: Vec<_> = seen.iter().map(|client| client.messages).collect();
    assert_eq!(messages, [2; 20]);
}

#[test]
fn a_connection_lives_as_long_as_it_is_told() {
    let (target, seen) = witness();
    let options = [
        "-c",
        "1",
        "-d",
        "1s",
        "--churn",
        "lifetime:100ms",
        "--allow-client-limited",
    ];
    let run = run(&target, &options);
    assert_eq!(run.status(), 0, "{}", run.text());
    let lives = seen.try_iter().count();
    assert!((3..=12).contains(&lives), "{lives} connections in 1.1 s");
}

#[test]
fn a_server_that_refuses_again_and_again_is_not_hammered() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    let counted = thread::spawn(move || {
        let (mut first, _) = listener.accept().expect("a client");
        let mut message = [0; SIZE];
        first.read_exact(&mut message).expect("a message");
        first.write_all(&message).expect("it is there");
        drop(first);
        listener.set_nonblocking(true).expect("it can be");
        let (end, mut count) = (Instant::now() + Duration::from_secs(2), 0);
        while Instant::now() < end {
            match listener.accept() {
                Ok(_) => count += 1,
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        count
    });
    run(&target, &["-c", "1", "-d", "2s"]);
    // Pauses of 10, 20, 40 ms and so on, up to a second.
    let count = counted.join().expect("a count");
    assert!((2..=12).contains(&count), "{count} connections");
}
