//! What a drain does to clients that stay: it ends them between two messages,
//! at once, and loses nothing that was read; in each model.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the programs speak with their starter")]

mod support;

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream as Client};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::{SystemStream, TcpStream};
use greenserve::{
    Context, Coroutine, Failure, Fork, Handler, Inline, Model, Running, Server, StreamHandler, StreamRequest, Tcp,
    TcpServer, Thread, Unix, UnixServer, WaitError, each_stream, runtime, sync, with_context,
};
use nix::sys::signal::Signal;
use support::harness::{self, Case, Program};
use support::{LIMIT, Seeded, connect, connect_unix, ip, is_closed, read_exactly, wait_until};

const CASES: &[Case] = &[
    ("a_drain_ends_clients_that_are_idle_at_once", ends_idle_clients_at_once),
    ("restarts_under_load_lose_nothing_that_was_read", restarts_lose_nothing),
    ("what_has_arrived_is_served", what_has_arrived_is_served),
    ("a_client_that_never_pauses_is_ended_too", a_client_that_never_pauses),
    (
        "a_client_that_always_has_begun_another_is_ended_too",
        always_has_begun_another,
    ),
    ("what_was_begun_is_read_to_its_end", what_was_begun_is_read),
    ("a_unix_client_is_ended_too", a_unix_client_is_ended_too),
    ("a_client_that_finishes_ends_the_wait", a_client_that_finishes),
    ("a_read_timeout_and_a_kill_end_the_wait", timeout_and_kill_end_the_wait),
    ("any_wait_of_an_idle_handler_ends", any_wait_of_an_idle_handler_ends),
    ("who_is_idle_is_listed", who_is_idle_is_listed),
    ("a_server_that_serves_again_waits_again", serves_again),
    ("a_forked_child_knows_of_the_drain", a_forked_child_knows),
];

const MODELS: [&str; 4] = [Coroutine::NAME, Thread::NAME, Inline::NAME, Fork::NAME];
const FORMS: [&str; 2] = ["stream", "function"];

fn main() -> ExitCode {
    harness::main(CASES, |words| match words {
        ["serve", model, form, address, log] => serve(model, form, address, log),
        ["knows"] => program_knows(),
        other => panic!("no program {other:?}"),
    })
}

/// Answers each line with itself, and notes in a file that it was read.
struct Lines(Option<Arc<File>>);

impl Lines {
    fn note(&self) {
        if let Some(mut log) = self.0.as_deref() {
            log.write_all(b".").unwrap();
        }
    }
}

impl<S: SystemStream> StreamHandler<S> for Lines {
    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        let mut line = Vec::new();
        while client.wait_for_request()? {
            if client.rfile.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
                self.note();
                client.wfile.write_all(&line)?;
            }
            line.clear();
        }
        Ok(())
    }
}

fn lines(client: &mut TcpStream, context: &Context, note: &Lines) -> io::Result<()> {
    let mut line = Vec::new();
    while context.wait_for_request(client)? {
        let mut byte = [0];
        while client.read(&mut byte)? == 1 {
            line.push(byte[0]);
            if byte == *b"\n" {
                note.note();
                client.write_all(&line)?;
                break;
            }
        }
        line.clear();
    }
    Ok(())
}

fn handler(form: &str, log: Option<Arc<File>>) -> Box<dyn Handler<TcpStream>> {
    match form {
        "stream" => Box::new(each_stream(move || Lines(log.clone()))),
        _ => Box::new(with_context(move |client: &mut TcpStream, context: &Context| {
            lines(client, context, &Lines(log.clone()))
        })),
    }
}

/// A boxed handler is one too.
struct Boxed(Box<dyn Handler<TcpStream>>);

impl Handler<TcpStream> for Boxed {
    fn handle(&self, request: &mut TcpStream, context: &Context) -> Result<(), Failure> {
        self.0.handle(request, context)
    }
}

fn serve(model: &str, form: &str, address: &str, log: &str) {
    let log = OpenOptions::new().append(true).create(true).open(log).unwrap();
    let builder = TcpServer::builder(Boxed(handler(form, Some(Arc::new(log)))));
    match model {
        "coroutine" => serve_in(builder.bind(address).unwrap()),
        "thread" => serve_in(builder.threads().bind(address).unwrap()),
        "inline" => serve_in(builder.inline().bind(address).unwrap()),
        _ => serve_in(builder.processes(40).bind(address).unwrap()),
    }
}

fn serve_in<M: Model>(mut server: Server<Tcp, M>) {
    server.handle_signals().unwrap();
    println!("{}", server.address().unwrap());
    println!("{}", server.serve_until_signal(Duration::from_secs(20)).unwrap());
}

fn started(model: &str, form: &str, address: &str, log: &Path) -> Program {
    Program::start(&format!("serve {model} {form} {address} {}", log.display()))
}

fn exchange(mut client: &Client, line: &str) {
    client.write_all(line.as_bytes()).unwrap();
    assert_eq!(read_exactly(client, line.len()), line.as_bytes());
}

fn ends_idle_clients_at_once() {
    let directory = tempfile::tempdir().unwrap();
    for model in MODELS {
        for form in FORMS {
            let mut program = started(model, form, "127.0.0.1:0", &directory.path().join("log"));
            let address = program.address();
            let count = if model == Inline::NAME { 1 } else { 5 };
            let clients: Vec<_> = (0..count).map(|_| connect(&address)).collect();
            for client in &clients {
                exchange(client, "hello\n");
                exchange(client, "again\n");
            }
            program.signal(Signal::SIGTERM);
            let (status, took) = program.wait_timed();
            assert!(
                status.success() && took < LIMIT / 4,
                "{model} {form}: {status} {took:?}"
            );
            let said = program.line();
            assert!(said.ends_with(" finished"), "{model} {form}: {said}");
            assert!(clients.iter().all(is_closed));
        }
    }
}

/// Clients that ask without a pause, and connect again when they are refused.
struct Load {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    cut: Arc<AtomicU64>,
    clients: Vec<thread::JoinHandle<()>>,
}

impl Load {
    fn start(address: SocketAddr, clients: u64) -> Load {
        let (stop, answers, cut) = (Arc::default(), Arc::default(), Arc::default());
        let clients = (0..clients)
            .map(|seed| {
                let (stop, answers, cut) = (Arc::clone(&stop), Arc::clone(&answers), Arc::clone(&cut));
                thread::spawn(move || ask_again_and_again(address, &mut Seeded::new(seed), &stop, &answers, &cut))
            })
            .collect();
        Load {
            stop,
            answers,
            cut,
            clients,
        }
    }

    fn end(self) -> (u64, u64) {
        self.stop.store(true, Ordering::SeqCst);
        for client in self.clients {
            client.join().unwrap();
        }
        (self.answers.load(Ordering::SeqCst), self.cut.load(Ordering::SeqCst))
    }
}

fn ask_again_and_again(
    address: SocketAddr,
    chance: &mut Seeded,
    stop: &AtomicBool,
    answers: &AtomicU64,
    cut: &AtomicU64,
) {
    while !stop.load(Ordering::SeqCst) {
        let Ok(mut client) = Client::connect_timeout(&address, LIMIT) else {
            // Refused: the next instance will be there soon.
            thread::sleep(Duration::from_micros(200));
            continue;
        };
        client.set_read_timeout(Some(LIMIT)).unwrap();
        while !stop.load(Ordering::SeqCst) {
            let mut line = vec![b'x'; chance.below(3000)];
            line.push(b'\n');
            let (begin, rest) = line.split_at(chance.below(line.len()));
            let sent = client.write_all(begin).and_then(|()| client.write_all(rest));
            let mut answer = vec![0; line.len()];
            let mut heard = 0;
            while heard < answer.len() && sent.is_ok() {
                match client.read(&mut answer[heard..]) {
                    Ok(0) => break,
                    Ok(count) => heard += count,
                    Err(err) => {
                        assert!(
                            !matches!(err.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                            "{err}"
                        );
                        break;
                    }
                }
            }
            if heard == line.len() {
                assert_eq!(answer, line);
                answers.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            cut.fetch_add(u64::from(heard > 0), Ordering::SeqCst);
            break;
        }
    }
}

/// How many restarts there are: 25, or what `RESTARTS` says, since each takes
/// up to half a second.
fn restarts() -> u32 {
    std::env::var("RESTARTS").map_or(25, |restarts| restarts.parse().unwrap())
}

fn restarts_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let fifth = restarts() / 5;
    for (model, form, share) in [
        (Coroutine::NAME, "stream", 2),
        (Coroutine::NAME, "function", 1),
        (Thread::NAME, "stream", 1),
        (Fork::NAME, "stream", 1),
    ] {
        let log = directory.path().join(format!("{model}-{form}"));
        let mut program = started(model, form, "127.0.0.1:0", &log);
        let address = program.address();
        let load = Load::start(ip(&address), 8);
        let mut before = 0;
        for _ in 0..share * fifth {
            wait_until("clients are served", || {
                load.answers.load(Ordering::SeqCst) > before + 40
            });
            program.signal(Signal::SIGTERM);
            let (status, took) = program.wait_timed();
            assert!(
                status.success() && took < LIMIT / 4,
                "{model} {form}: {status} {took:?}"
            );
            let said = program.line();
            assert!(said.ends_with(" finished"), "{model} {form}: {said}");
            before = load.answers.load(Ordering::SeqCst);
            program = started(model, form, &address.to_string(), &log);
            program.line();
        }
        let (answers, cut) = load.end();
        // Clients have gone: now nothing is read any more.
        program.signal(Signal::SIGTERM);
        program.succeeds();
        let read = std::fs::metadata(&log).unwrap().len();
        assert_eq!((read, cut), (answers, 0), "{model} {form}: read and answered, cut");
    }
}

/// A server in this process.
fn running<M: Model>(handler: impl Handler<TcpStream>, model: M) -> Running<Tcp, M> {
    let server = TcpServer::builder(handler).model(model).bind("127.0.0.1:0").unwrap();
    server.start().unwrap()
}

/// In both models that have a background, and in both forms.
fn in_each(what: fn(&str, &dyn Background)) {
    for form in FORMS {
        what(form, &running(Boxed(handler(form, None)), Coroutine::new()));
        what(form, &running(Boxed(handler(form, None)), Thread::new()));
    }
}

trait Background {
    fn handle(&self) -> &greenserve::ServerHandle;
    fn connect(&self) -> Client;
}

impl<M: Model> Background for Running<Tcp, M> {
    fn handle(&self) -> &greenserve::ServerHandle {
        Running::handle(self)
    }

    fn connect(&self) -> Client {
        connect(&self.address())
    }
}

fn one_is_idle(server: &dyn Background) {
    wait_until("a client is idle", || {
        server.handle().connections().iter().any(|client| client.idle)
    });
}

fn what_has_arrived_is_served() {
    // The handler is held up in its first message until the drain has begun
    // and the others are there.
    fn try_it<M: Model>(form: &'static str, model: M) {
        let (begun, is_begun) = mpsc::channel();
        let go = Arc::new(sync::Event::new());
        let gate = Arc::clone(&go);
        let inner = handler(form, None);
        let first = with_context(move |client: &mut TcpStream, context: &Context| {
            begun.send(()).unwrap();
            gate.wait()?;
            inner.handle(client, context)
        });
        let server = running(first, model);
        let client = connect(&server.address());
        is_begun.recv_timeout(LIMIT).unwrap();
        server.handle().shutdown();
        (&client).write_all(b"one\ntwo\nthree\n").unwrap();
        go.set();
        assert_eq!(read_exactly(&client, 14), b"one\ntwo\nthree\n", "{form}");
        assert!(is_closed(&client), "{form}");
        assert!(server.stop(LIMIT).unwrap().is_clean());
    }
    for form in FORMS {
        try_it(form, Coroutine::new());
        try_it(form, Thread::new());
    }
}

fn a_client_that_never_pauses() {
    fn try_it<M: Model>(form: &'static str, model: M) {
        let server = running(Boxed(handler(form, None)), model);
        let client = connect(&server.address());
        exchange(&client, "hello\n");
        let writer = client.try_clone().unwrap();
        let writing = thread::spawn(move || {
            let lines = "a line and another one\n".repeat(100);
            while (&writer).write_all(lines.as_bytes()).is_ok() {}
        });
        let reading = thread::spawn(move || is_closed(&client));
        wait_until("it is at work", || {
            server.handle().connections().iter().all(|client| !client.idle)
        });
        let begin = Instant::now();
        let report = server.stop(LIMIT).unwrap();
        assert!(report.is_clean() && begin.elapsed() < LIMIT / 2, "{form}: {report}");
        writing.join().unwrap();
        assert!(reading.join().unwrap());
    }
    for form in FORMS {
        try_it(form, Coroutine::new());
        try_it(form, Thread::new());
    }
}

/// Whatever is read ends in the middle of a line.
fn always_has_begun_another() {
    in_each(|form, server| {
        let mut client = server.connect();
        exchange(&client, "hello\n");
        client.write_all(b"a ").unwrap();
        server.handle().shutdown();
        let begin = Instant::now();
        while client.write_all(b"line\na ").is_ok() && client.read(&mut [0; 7]).is_ok_and(|count| count > 0) {
            assert!(begin.elapsed() < LIMIT, "{form}: it is still served");
        }
        wait_until("it has ended", || server.handle().in_flight() == 0);
    });
}

fn what_was_begun_is_read() {
    in_each(|form, server| {
        let mut client = server.connect();
        exchange(&client, "hello\n");
        client.write_all(b"half ").unwrap();
        wait_until("the begin is read", || {
            server.handle().connections().iter().all(|client| !client.idle)
        });
        server.handle().shutdown();
        wait_until("it drains", || server.handle().is_draining());
        client.write_all(b"and half\n").unwrap();
        assert_eq!(read_exactly(&client, 14), b"half and half\n", "{form}");
        assert!(is_closed(&client), "{form}");
    });
}

fn a_unix_client_is_ended_too() {
    fn try_it<M: Model>(model: M) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let builder: greenserve::Builder<Unix> = UnixServer::builder(each_stream(|| Lines(None)));
        let server = builder.model(model).bind(path.clone()).unwrap().start().unwrap();
        let mut client = connect_unix(&path);
        for _ in 0..3 {
            client.write_all(b"hello\n").unwrap();
            assert_eq!(read_exactly(&client, 6), b"hello\n");
        }
        let begin = Instant::now();
        assert!(server.stop(LIMIT).unwrap().is_clean());
        assert!(begin.elapsed() < LIMIT / 4);
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }
    try_it(Coroutine::new());
    try_it(Thread::new());
}

fn a_client_that_finishes() {
    in_each(|form, server| {
        let client = server.connect();
        exchange(&client, "hello\n");
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(is_closed(&client), "{form}");
        wait_until("it has ended", || server.handle().in_flight() == 0);
        assert_eq!(server.handle().counts().failed, 0, "{form}");
    });
}

fn timeout_and_kill_end_the_wait() {
    fn try_it<M: Model>(model: M) {
        let (sender, ends) = mpsc::channel();
        let handler = with_context(move |client: &mut TcpStream, context: &Context| -> io::Result<()> {
            client.set_read_timeout(Some(Duration::from_millis(10)))?;
            let err = context.wait_for_request(client).unwrap_err();
            sender.send(err.kind()).unwrap();
            client.set_read_timeout(None)?;
            let err = context.wait_for_request(client).unwrap_err();
            sender.send(err.kind()).unwrap();
            Ok(())
        });
        let server = running(handler, model);
        let _client = connect(&server.address());
        assert_eq!(ends.recv_timeout(LIMIT).unwrap(), ErrorKind::TimedOut);
        one_is_idle(&server);
        server.handle().kill_all();
        assert_eq!(ends.recv_timeout(LIMIT).unwrap(), ErrorKind::ConnectionAborted);
    }
    try_it(Coroutine::new());
    try_it(Thread::new());
}

fn any_wait_of_an_idle_handler_ends() {
    fn try_it<M: Model>(model: M, wait: fn() -> Option<WaitError>) {
        let (sender, ends) = mpsc::channel();
        let handler = with_context(move |client: &mut TcpStream, context: &Context| -> io::Result<()> {
            let ended = context.idle(wait);
            // After it the handler may wait as before.
            runtime::sleep(Duration::from_millis(1))?;
            let refused = context.idle(|| runtime::sleep(LIMIT)).unwrap_err();
            client.write_all(b"goodbye")?;
            sender.send((ended, WaitError::of(&refused))).unwrap();
            Ok(())
        });
        let server = running(handler, model);
        let client = connect(&server.address());
        one_is_idle(&server);
        let begin = Instant::now();
        assert!(server.stop(LIMIT).unwrap().is_clean());
        assert!(begin.elapsed() < LIMIT / 4);
        let draining = Some(WaitError::Draining);
        assert_eq!(ends.recv_timeout(LIMIT).unwrap(), (draining, draining));
        assert_eq!(read_exactly(&client, 7), b"goodbye");
    }
    let waits: [fn() -> Option<WaitError>; 3] = [
        || runtime::sleep(LIMIT).err().and_then(|err| WaitError::of(&err)),
        || sync::Event::new().wait().err().and_then(|err| WaitError::of(&err)),
        || {
            sync::Semaphore::new(0)
                .acquire()
                .err()
                .and_then(|err| WaitError::of(&err))
        },
    ];
    for wait in waits {
        try_it(Coroutine::new(), wait);
        try_it(Thread::new(), wait);
    }
}

fn who_is_idle_is_listed() {
    in_each(|form, server| {
        let mut client = server.connect();
        exchange(&client, "hello\n");
        one_is_idle(server);
        client.write_all(b"half").unwrap();
        wait_until("it is no longer idle", || !server.handle().connections()[0].idle);
        client.write_all(b"\n").unwrap();
        assert_eq!(read_exactly(&client, 5), b"half\n", "{form}");
        one_is_idle(server);
    });
}

fn serves_again() {
    fn try_it<M: Model>(model: M) {
        let server = running(Boxed(handler("stream", None)), model);
        let client = connect(&server.address());
        exchange(&client, "hello\n");
        let server = server.shutdown().unwrap();
        assert!(is_closed(&client));
        let server = server.start().unwrap();
        let client = connect(&server.address());
        exchange(&client, "hello\n");
        one_is_idle(&server);
        exchange(&client, "again\n");
        assert!(server.stop(LIMIT).unwrap().is_clean());
    }
    try_it(Coroutine::new());
    try_it(Thread::new());
}

fn a_forked_child_knows() {
    let program = Program::start("knows");
    let address = program.address();
    let client = connect(&address);
    let mut lines = BufReader::new(&client).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "false");
    program.signal(Signal::SIGTERM);
    assert_eq!(lines.next().unwrap().unwrap(), "true");
    program.succeeds();
}

fn program_knows() {
    let tell = with_context(|client: &mut TcpStream, context: &Context| -> io::Result<()> {
        writeln!(client, "{}", context.is_draining())?;
        while !context.is_draining() {
            runtime::sleep(Duration::from_millis(1))?;
        }
        writeln!(client, "{}", context.is_draining())
    });
    let mut server = TcpServer::builder(tell).processes(4).bind("127.0.0.1:0").unwrap();
    server.handle_signals().unwrap();
    println!("{}", server.address().unwrap());
    server.serve_until_signal(LIMIT).unwrap();
}
