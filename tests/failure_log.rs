//! What a server says of failed requests, and how often.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, Read, Write};
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::{Counts, Failure, Handler, HandlerError, Tcp, TcpServer};
use log::{Level, LevelFilter, Log, Metadata, Record};
use support::wait_until;

/// Keeps what is logged.
struct Kept(Mutex<Vec<(Level, String)>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl Kept {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Level, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        self.lock().push((record.level(), record.args().to_string()));
    }

    fn flush(&self) {}
}

/// The lines that hold `text`.
fn lines(text: &str) -> Vec<(Level, String)> {
    let kept = KEPT.lock();
    kept.iter().filter(|(_, line)| line.contains(text)).cloned().collect()
}

fn server(handler: impl Handler<TcpStream>, period: Duration) -> TestServer<Tcp> {
    static LOGGER: Once = Once::new();
    LOGGER.call_once(|| {
        log::set_logger(&KEPT).unwrap();
        log::set_max_level(LevelFilter::Debug);
    });
    TestServer::build(TcpServer::builder(handler).failure_log_period(period)).unwrap()
}

const LONG: Duration = Duration::from_secs(3600);

/// So many clients that say this and go.
fn clients(server: &TestServer<Tcp>, count: u64, said: &[u8], counted: fn(Counts) -> u64) {
    let before = counted(server.handle().counts());
    for _ in 0..count {
        server.connect().unwrap().write_all(said).unwrap();
    }
    wait_until("all are counted", || {
        counted(server.handle().counts()) == before + count
    });
    wait_until("all have ended", || server.handle().in_flight() == 0);
}

/// A message of 100 bytes.
fn frame(client: &mut TcpStream) -> io::Result<()> {
    client.read_exact(&mut [0; 100])
}

#[test]
fn a_client_that_hangs_up_in_a_message_has_gone_away() {
    let server = server(frame, Duration::ZERO);
    clients(&server, 20, b"cut", |counts| counts.disconnected);
    assert_eq!(server.handle().counts().failed, 0);
    let said = lines("failure_log::frame");
    let said: Vec<_> = said
        .iter()
        .filter(|(_, line)| line.contains("failed to fill"))
        .collect();
    assert_eq!(said.len(), 20, "{said:?}");
    assert!(said.iter().all(|(level, _)| *level == Level::Debug), "{said:?}");
}

#[test]
fn the_error_of_a_socket_is_found_in_one_that_wraps_it() {
    #[derive(Debug, thiserror::Error)]
    #[error("no request")]
    struct NoRequest(#[source] io::Error);

    fn failed(kind: io::ErrorKind) -> HandlerError {
        let failure: Failure = Box::new(NoRequest(io::Error::new(kind, "text")));
        HandlerError::Failed(failure)
    }
    assert!(failed(io::ErrorKind::UnexpectedEof).is_disconnect());
    assert!(failed(io::ErrorKind::ConnectionReset).is_disconnect());
    assert!(!failed(io::ErrorKind::InvalidData).is_disconnect());
    assert!(!failed(io::ErrorKind::TimedOut).is_disconnect());
}

#[test]
fn a_handler_that_reads_the_end_for_ever_has_failed() {
    fn endless(client: &mut TcpStream) -> io::Result<()> {
        loop {
            let _ = client.read(&mut [0; 10])?;
        }
    }
    let server = server(endless, Duration::ZERO);
    clients(&server, 1, b"", |counts| counts.failed);
    let said = lines("when a read returns 0, stop reading");
    assert_eq!(said.first().map(|(level, _)| *level), Some(Level::Error), "{said:?}");
}

#[test]
fn equal_failures_are_one_line_and_a_number() {
    fn malformed(client: &mut TcpStream) -> io::Result<()> {
        let mut text = String::new();
        client.read_to_string(&mut text)?;
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("malformed {text}")))
    }
    let server = server(malformed, LONG);
    clients(&server, 50, b"apples", |counts| counts.failed);
    clients(&server, 3, b"pears", |counts| counts.failed);
    let told = lines("malformed apples");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].0 == Level::Error && told[0].1.starts_with("coroutine 127.0.0.1:"),
        "{told:?}"
    );
    assert_eq!(lines("malformed pears").len(), 1);
    // The end tells what it has not told of.
    server.stop().unwrap();
    let told = lines("malformed apples");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].1.starts_with("49 more of "), "{told:?}");
    assert!(lines("malformed pears")[1].1.starts_with("2 more of "));
}

#[test]
fn a_number_is_told_when_its_period_is_over() {
    fn refused(client: &mut TcpStream) -> Result<(), Failure> {
        match client.read(&mut [0])? {
            0 => Ok(()),
            _ => Err("refused by a test".into()),
        }
    }
    let server = server(refused, Duration::from_millis(100));
    clients(&server, 10, b"x", |counts| counts.failed);
    // By the next request that ends, whatever becomes of it.
    wait_until("all are told of", || {
        drop(server.connect().unwrap());
        let told = lines("refused by a test");
        // On a slow machine some have begun periods of their own.
        let more = |(_, line): &(Level, String)| match line.split_once(" more ") {
            None => 1,
            Some((before, _)) => {
                let number: u64 = before.rsplit([' ', '(']).next().unwrap().parse().unwrap();
                number + u64::from(line.starts_with("coroutine"))
            }
        };
        told.iter().map(more).sum::<u64>() == 10
    });
}

#[test]
fn without_a_period_each_is_told() {
    let server = server(
        |_: &mut TcpStream| Err::<(), Failure>("each of them".into()),
        Duration::ZERO,
    );
    clients(&server, 20, b"", |counts| counts.failed);
    assert_eq!(lines("each of them").len(), 20);
}
