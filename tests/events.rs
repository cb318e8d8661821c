//! What those are told who observe a server.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, Read, Write};
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::{Peer, TcpListener, TcpStream};
use greenserve::{
    AtLimit, Builder, Datagram, Event, Failure, Family, Hooks, Limits, LogEvents, Model, Observer, Outcome, Phase,
    Refusal, Running, ServerHandle, Tcp, TcpServer, UdpServer,
};
use log::kv::{self, VisitSource};

use common::{PATIENCE, client, expect_end, ip, wait_until};

/// Puts each event into words and sends it.
#[derive(Clone)]
struct Telling(Arc<Mutex<Sender<String>>>);

impl Telling {
    fn new() -> (Telling, Receiver<String>) {
        let (sender, told) = mpsc::channel();
        (Telling(Arc::new(Mutex::new(sender))), told)
    }
}

impl Observer for Telling {
    fn observe(&self, event: &Event<'_>, _: &ServerHandle) {
        let _ = self.0.lock().unwrap().send(words(event));
    }
}

fn words(event: &Event<'_>) -> String {
    match event {
        Event::Accepted { connection } => format!("accepted in {}", connection.model()),
        Event::Ended {
            outcome,
            received,
            sent,
            ..
        } => format!("ended: {outcome}, {received} received, {sent} sent"),
        Event::TurnedAway { limit, .. } => format!("turned away by {limit:?}"),
        Event::Refused { .. } => "refused".to_owned(),
        Event::AcceptPaused { cause, .. } => format!("paused: {cause}"),
        Event::PhaseChanged { phase } => format!("{phase:?}"),
        Event::Drained { report } => format!("drained {}, killed {}", report.in_flight, report.killed.len()),
        other => format!("{other:?}"),
    }
}

/// Answers one byte with two; fails, panics and stays on request.
fn obey(client: &mut TcpStream) -> io::Result<()> {
    let mut word = [0];
    client.read_exact(&mut word)?;
    match word[0] {
        b'f' => return Err(io::Error::other("it failed")),
        b'p' => panic!("it panicked"),
        b's' => {
            client.write_all(b"s")?;
            client.read_exact(&mut word)?;
        }
        _ => client.write_all(b"ok")?,
    }
    Ok(())
}

fn expect_told(told: &Receiver<String>, expected: &[&str]) {
    for expected in expected {
        assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok(*expected));
    }
}

fn started<M: Model>(builder: Builder<Tcp, M>) -> (Running<Tcp, M>, Receiver<String>) {
    let (telling, told) = Telling::new();
    let server = builder.observe(telling).bind("127.0.0.1:0").unwrap().start().unwrap();
    expect_told(&told, &["Bound", "Listening", "Serving"]);
    (server, told)
}

fn ask<M: Model>(server: &Running<Tcp, M>, word: &[u8]) -> Vec<u8> {
    let mut client = client(ip(&server.address()));
    client.write_all(word).unwrap();
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    answer
}

fn a_life<M: Model>(builder: Builder<Tcp, M>) {
    let accepted = format!("accepted in {}", M::NAME);
    let (server, told) = started(builder);
    assert_eq!(ask(&server, b"x"), b"ok");
    expect_told(&told, &[&accepted, "ended: finished, 1 received, 2 sent"]);
    ask(&server, b"f");
    let failed = "ended: failed: the handler failed: it failed, 1 received, 0 sent";
    expect_told(&told, &[&accepted, failed]);
    ask(&server, b"p");
    let panicked = "ended: failed: the handler panicked: it panicked, 1 received, 0 sent";
    expect_told(&told, &[&accepted, panicked]);
    drop(client(ip(&server.address())));
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), accepted);
    let gone = told.recv_timeout(PATIENCE).unwrap();
    assert!(gone.starts_with("ended: disconnected: "), "{gone}");

    let mut stays = client(ip(&server.address()));
    stays.write_all(b"s").unwrap();
    stays.read_exact(&mut [0]).unwrap();
    expect_told(&told, &[&accepted]);
    // The others had left before their end was told.
    assert_eq!(server.handle().in_flight(), 1);
    assert!(!server.stop(Duration::ZERO).unwrap().is_clean());
    let rest: Vec<_> = told.iter().collect();
    let ended = rest.iter().position(|told| told.starts_with("ended: disconnected"));
    let drained = rest.iter().position(|told| told == "drained 1, killed 1");
    assert!(ended.is_some() && ended < drained, "{rest:?}");
    assert_eq!(rest.last().unwrap(), "Closed");
}

#[test]
fn the_life_of_a_server_and_of_its_requests_is_told_in_order() {
    a_life(TcpServer::builder(obey));
    a_life(TcpServer::builder(obey).threads());
}

#[test]
fn each_datagram_is_told() {
    let (telling, told) = Telling::new();
    let echo = |datagram: &mut Datagram<std::net::UdpSocket>| datagram.reply(b"two").map(drop);
    let server = UdpServer::builder(echo).observe(telling);
    let server = server.bind("127.0.0.1:0").unwrap().start().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.send_to(b"one", ip(&server.address())).unwrap();
    let told: Vec<_> = told.iter().take(5).collect();
    assert_eq!(told[3], "accepted in coroutine");
    assert!(told[4].starts_with("ended: finished"), "{told:?}");
}

#[test]
fn who_is_turned_away_is_told_with_the_limit() {
    let limits = Limits::new().connections(1).at_connections(AtLimit::Close);
    let (server, told) = started(TcpServer::builder(obey).limits(limits));
    let mut stays = client(ip(&server.address()));
    stays.write_all(b"s").unwrap();
    expect_told(&told, &["accepted in coroutine"]);
    expect_end(&mut client(ip(&server.address())));
    expect_told(&told, &[&format!("turned away by {:?}", Refusal::Connections)]);
}

/// Lets nobody in; the first look at the queue fails.
struct Unkind(AtomicBool);

impl Hooks<Tcp> for Unkind {
    fn get_request(&self, listener: &TcpListener, most: usize) -> io::Result<(TcpStream, Peer)> {
        if self.0.swap(false, Ordering::SeqCst) {
            return Err(io::Error::from_raw_os_error(12)); // ENOMEM
        }
        Tcp::next_request(listener, most)
    }

    fn verify_request(&self, _: &TcpStream, _: &Peer) -> Result<bool, Failure> {
        Ok(false)
    }
}

#[test]
fn a_pause_and_a_hook_that_says_no_are_told() {
    let (server, told) = started(TcpServer::builder(obey).hooks(Unkind(AtomicBool::new(true))));
    expect_end(&mut client(ip(&server.address())));
    let paused = told.recv_timeout(PATIENCE).unwrap();
    assert!(paused.starts_with("paused: ") && paused.contains("memory"), "{paused}");
    expect_told(&told, &["refused"]);
    assert_eq!(server.handle().refused().hooks, 1);
}

/// Each client in turn: the first is let in, the others are not.
#[derive(Default)]
struct Moody(AtomicUsize);

impl Hooks<Tcp> for Moody {
    fn verify_request(&self, _: &TcpStream, _: &Peer) -> Result<bool, Failure> {
        match self.0.fetch_add(1, Ordering::SeqCst) {
            1 => Ok(false),
            2 => Err("no mood".into()),
            3 => panic!("on purpose"),
            _ => Ok(true),
        }
    }

    fn process_request(&self, _: &TcpStream, _: &Peer) -> Result<(), Failure> {
        match self.0.load(Ordering::SeqCst) {
            5 => Err("no mood for more".into()),
            _ => Ok(()),
        }
    }
}

#[test]
fn whom_hooks_refuse_is_counted_whichever_way_they_say_it() {
    let (server, told) = started(TcpServer::builder(obey).hooks(Moody::default()));
    assert_eq!(ask(&server, b"x"), b"ok");
    expect_told(&told, &["accepted in coroutine", "ended: finished, 1 received, 2 sent"]);
    for refused in 1..=4 {
        assert_eq!(ask(&server, b""), b"");
        expect_told(&told, &["refused"]);
        assert_eq!(server.handle().refused().hooks, refused);
    }
    assert_eq!(server.handle().metrics().accepted, 1);
}

fn the_end_is_told_of_who_has_left<M: Model>(builder: Builder<Tcp, M>) {
    let (sender, seen) = mpsc::channel();
    let sender = Mutex::new(sender);
    let (server, _told) = started(builder.observe(move |event: &Event<'_>, server: &ServerHandle| {
        if let Event::Ended { .. } = event {
            let counted = (
                server.in_flight(),
                server.metrics().in_flight,
                server.connections().len(),
            );
            sender.lock().unwrap().send(counted).unwrap();
        }
    }));
    for word in [b"x", b"f", b"p"] {
        ask(&server, word);
        assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), (0, 0, 0));
    }
}

#[test]
fn an_end_is_told_when_the_request_is_in_flight_no_longer() {
    the_end_is_told_of_who_has_left(TcpServer::builder(obey));
    the_end_is_told_of_who_has_left(TcpServer::builder(obey).threads());
    the_end_is_told_of_who_has_left(TcpServer::builder(obey).inline());
}

/// How long a server is looked at that must not go on.
const A_WHILE: Duration = Duration::from_millis(200);

#[test]
fn a_server_has_not_drained_before_the_last_end_is_told() {
    let (sender, phases) = mpsc::channel();
    let sender = Mutex::new(sender);
    let builder = TcpServer::builder(obey).threads();
    let (server, _told) = started(builder.observe(move |event: &Event<'_>, server: &ServerHandle| {
        if let Event::Ended { .. } = event {
            wait_until("the server ends", || server.phase() == Phase::Draining);
            let begin = Instant::now();
            while begin.elapsed() < A_WHILE && server.phase() == Phase::Draining {
                thread::yield_now();
            }
            sender.lock().unwrap().send(server.phase()).unwrap();
        }
    }));
    assert_eq!(ask(&server, b"x"), b"ok");
    assert!(server.stop(PATIENCE).unwrap().is_clean());
    assert_eq!(phases.recv_timeout(PATIENCE).unwrap(), Phase::Draining);
}

#[test]
fn one_that_panics_is_called_no_more_and_holds_up_nobody() {
    let calls = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&calls);
    let panics = move |_: &Event<'_>, _: &ServerHandle| {
        *counting.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        panic!("on purpose");
    };
    let (server, told) = started(TcpServer::builder(obey).observe(panics));
    assert_eq!(ask(&server, b"x"), b"ok");
    expect_told(&told, &["accepted in coroutine", "ended: finished, 1 received, 2 sent"]);
    assert_eq!(*calls.lock().unwrap_or_else(PoisonError::into_inner), 1);
}

#[test]
fn an_observer_knows_its_server() {
    let (sender, told) = mpsc::channel();
    let sender = Mutex::new(sender);
    let server = TcpServer::builder(obey).observe(move |event: &Event<'_>, server: &ServerHandle| {
        if let Event::Ended {
            outcome: Outcome::Finished,
            ..
        } = event
        {
            sender.lock().unwrap().send(server.address()).unwrap();
        }
    });
    let server = server.bind("127.0.0.1:0").unwrap().start().unwrap();
    ask(&server, b"x");
    assert_eq!(told.recv_timeout(PATIENCE).unwrap(), Some(server.address()));
}

/// Keeps every line of the events, with its key-values.
struct Lines;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "greenserve::events"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut line = format!("{} {}", record.level(), record.args());
            record.key_values().visit(&mut Pairs(&mut line)).unwrap();
            LINES.lock().unwrap().push(line);
        }
    }

    fn flush(&self) {}
}

struct Pairs<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
    fn visit_pair(&mut self, key: kv::Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        self.0.push_str(&format!(" {key}={value}"));
        Ok(())
    }
}

#[test]
fn the_log_has_events_as_key_values() {
    log::set_logger(&Lines).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    let (server, told) = started(TcpServer::builder(obey).observe(LogEvents::new().server_at(log::Level::Warn)));
    ask(&server, b"f");
    let address = server.address();
    server.stop(PATIENCE).unwrap();
    assert!(told.iter().any(|told| told == "Closed"));

    let lines = LINES.lock().unwrap().clone();
    let of_server = |start: &str| {
        let mine = format!("server={address}");
        let found = lines
            .iter()
            .find(|line| line.starts_with(start) && line.ends_with(&mine));
        found
            .unwrap_or_else(|| panic!("no {start:?} with {mine} in {lines:#?}"))
            .clone()
    };
    let ended = of_server("DEBUG coroutine 127.0.0.1:");
    assert!(
        ended.contains("event=accepted") || ended.contains("event=ended"),
        "{ended}"
    );
    let ended = lines
        .iter()
        .find(|line| line.contains("event=ended") && line.contains("it failed"));
    let ended = ended.unwrap();
    for part in [
        "model=coroutine",
        "peer=127.0.0.1:",
        "outcome=failed",
        "received=1",
        "sent=0",
        "took_us=",
    ] {
        assert!(ended.contains(part), "no {part} in {ended}");
    }
    assert!(of_server("WARN the server is closed").contains("event=phase changed phase=Closed"));
    assert!(of_server("WARN drained").contains("in_flight="));
}
