//! What a client owes comes in time, or the read or write that waits for it
//! ends with the name of the deadline.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, BufRead, Read, Write};
use std::net::TcpStream as Client;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::{Stream, TcpStream, Unfinished};
use greenserve::testing::TestServer;
use greenserve::{
    Builder, Context, Coroutine, Deadlines, Failure, MinimumRate, Model, Overdue, StreamHandler, StreamRequest, Tcp,
    TcpServer, Thread, WaitError, each_stream, with_context,
};

use common::{PATIENCE, client, echoed, expect_end, ip, wait_until};

const LIMIT: Duration = Duration::from_millis(100);
/// How long something may take that is to end after [`LIMIT`].
const LATE: Duration = Duration::from_secs(5);

/// A server of one task, whose errors are told.
struct Scene<M: Model> {
    server: TestServer<Tcp, M>,
    errors: Receiver<(io::Error, Duration)>,
}

impl<M: Model> Scene<M> {
    fn new(
        model: M,
        deadlines: Deadlines,
        task: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let (told, errors) = channel();
        let told = Mutex::new(told);
        let handler = move |client: &mut TcpStream| {
            let begin = Instant::now();
            if let Err(err) = task(client) {
                told.lock().unwrap().send((err, begin.elapsed())).unwrap();
            }
            io::Result::Ok(())
        };
        let builder = TcpServer::builder(handler).model(model).deadlines(deadlines);
        Scene {
            server: TestServer::build(builder).unwrap(),
            errors,
        }
    }

    fn client(&self) -> Client {
        client(ip(self.server.address()))
    }

    /// The deadline that ended the task, which was not early.
    fn missed(&self) -> Overdue {
        let (err, took) = self.errors.recv_timeout(LATE).unwrap();
        let missed = Overdue::of(&err).unwrap_or_else(|| panic!("{err}"));
        assert_eq!(WaitError::of(&err), Some(WaitError::Deadline));
        assert_eq!(err.kind(), io::ErrorKind::TimedOut);
        // Some count from the accept, which was a little earlier.
        assert!(took >= LIMIT / 2, "{took:?}");
        assert_eq!(self.server.handle().overdue(missed), 1);
        missed
    }
}

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count])?,
        }
    }
}

type Task = fn(&mut TcpStream) -> io::Result<()>;
/// Connects a client to a server of this task; the other half tells which
/// deadline ended it.
type Start<'a> = &'a dyn Fn(Deadlines, Task) -> (Client, Box<dyn FnOnce() -> Overdue>);

/// In the two models whose waits differ.
fn in_both(check: impl Fn(Start<'_>)) {
    check(&|deadlines, task| {
        let scene = Scene::new(Coroutine::new(), deadlines, task);
        (scene.client(), Box::new(move || scene.missed()))
    });
    check(&|deadlines, task| {
        let scene = Scene::new(Thread::new(), deadlines, task);
        (scene.client(), Box::new(move || scene.missed()))
    });
}

#[test]
fn a_client_that_says_nothing() {
    in_both(|start| {
        let deadlines = Deadlines::none().first_byte(LIMIT).idle(PATIENCE);
        let (mut client, missed) = start(deadlines, echo);
        assert_eq!(missed(), Overdue::FirstByte);
        expect_end(&mut client);
    });
}

#[test]
fn a_client_that_says_no_more() {
    in_both(|start| {
        let deadlines = Deadlines::none().first_byte(PATIENCE).idle(LIMIT);
        let (mut client, missed) = start(deadlines, echo);
        echoed(&mut client, b"once");
        assert_eq!(missed(), Overdue::Idle);
    });
}

#[test]
fn a_client_that_takes_nothing() {
    in_both(|start| {
        let (mut client, missed) = start(Deadlines::none().write(LIMIT), |client| {
            client.write_all(&vec![0; 32 << 20])
        });
        assert_eq!(missed(), Overdue::Write);
        // Or the kernel would go on offering it the rest.
        expect_reset(&mut client);
    });
}

#[test]
fn a_client_that_takes_too_little() {
    in_both(|start| {
        let deadlines = Deadlines::none().send_rate(MinimumRate::new(1 << 30, LIMIT));
        let (mut client, missed) = start(deadlines, |client| client.write_all(&vec![0; 32 << 20]));
        assert_eq!(missed(), Overdue::SendRate);
        expect_reset(&mut client);
    });
}

/// What a write has handed over whole is the client's, whatever it misses later.
#[test]
fn a_slow_client_gets_all_of_what_was_written() {
    const WHOLE: usize = 16 << 20;
    in_both(|start| {
        let deadlines = Deadlines::none().idle(LIMIT).first_byte(LIMIT);
        let (mut client, missed) = start(deadlines, |client| {
            client.write_all(&vec![0; WHOLE])?;
            client.read(&mut [0]).map(drop)
        });
        // The rest is on its way when the client is late.
        client.read_exact(&mut vec![0; WHOLE - (1 << 20)]).unwrap();
        missed();
        assert_eq!(client.read_to_end(&mut Vec::new()).unwrap(), 1 << 20);
    });
}

/// Behind what has arrived.
fn expect_reset(client: &mut Client) {
    let end = client.read_to_end(&mut Vec::new()).map_err(|err| err.kind());
    assert_eq!(end, Err(io::ErrorKind::ConnectionReset));
}

#[test]
fn a_client_that_never_stops() {
    in_both(|start| {
        let (mut client, missed) = start(Deadlines::none().connection(LIMIT), echo);
        let begin = Instant::now();
        while begin.elapsed() < LATE
            && client.write_all(&[0; 64]).is_ok()
            && client.read(&mut [0; 64]).is_ok_and(|count| count > 0)
        {}
        assert_eq!(missed(), Overdue::Connection);
    });
}

/// What is there already, and takes far longer than [`LIMIT`] to read.
const MUCH: usize = 4 << 20;

fn read_byte_by_byte(client: &mut TcpStream) -> io::Result<()> {
    for _ in 0..MUCH {
        client.read_exact(&mut [0])?;
    }
    Err(io::Error::other("nothing ended it"))
}

#[test]
fn a_client_that_never_has_to_be_waited_for_grows_old_too() {
    in_both(|start| {
        let (mut client, missed) = start(Deadlines::none().connection(LIMIT), read_byte_by_byte);
        let sender = thread::spawn(move || client.write_all(&vec![0; MUCH]));
        assert_eq!(missed(), Overdue::Connection);
        // Whether all of it found room in the kernel is the kernel's business.
        let _ = sender.join().unwrap();
    });
}

/// As a protocol that says goodbye to whom it is done with.
#[test]
fn a_connection_grows_old_once() {
    in_both(|start| {
        let (mut client, missed) = start(Deadlines::none().connection(LIMIT), |client| {
            let ended = client.read(&mut [0]);
            assert!(client.write_all(b"goodbye").is_err());
            assert!(client.read(&mut [0]).is_err());
            ended.map(drop)
        });
        assert_eq!(missed(), Overdue::Connection);
        expect_end(&mut client);
    });
}

/// Sends one byte after the other until the other end is gone.
fn dribble(mut client: Client) {
    let begin = Instant::now();
    while begin.elapsed() < LATE && client.write_all(b"x").is_ok() {
        thread::sleep(Duration::from_millis(2));
    }
}

const FAST: MinimumRate = MinimumRate::new(100_000, LIMIT);

#[test]
fn a_message_that_comes_byte_by_byte() {
    in_both(|start| {
        let deadlines = Deadlines::none().idle(PATIENCE).receive_rate(FAST);
        let (client, missed) = start(deadlines, |client| client.read_exact(&mut [0; 100_000]));
        dribble(client);
        assert_eq!(missed(), Overdue::ReceiveRate);
    });
}

struct Lines(Arc<Mutex<Option<Overdue>>>);

impl StreamHandler<std::net::TcpStream> for Lines {
    fn handle(&mut self, client: &mut StreamRequest<std::net::TcpStream>) -> Result<(), Failure> {
        let read = client.rfile.read_line(&mut String::new());
        *self.0.lock().unwrap() = read.as_ref().err().and_then(Overdue::of);
        read.map(drop).map_err(Failure::from)
    }
}

#[test]
fn a_line_that_comes_byte_by_byte() {
    let seen = Arc::new(Mutex::new(None));
    let theirs = Arc::clone(&seen);
    let builder = TcpServer::builder(each_stream(move || Lines(Arc::clone(&theirs))));
    let server = TestServer::build(builder.deadlines(Deadlines::none().receive_rate(FAST))).unwrap();
    dribble(client(ip(server.address())));
    wait_until("the handler's end", || server.handle().in_flight() == 0);
    assert_eq!(*seen.lock().unwrap(), Some(Overdue::ReceiveRate));
    assert_eq!(server.handle().overdue(Overdue::ReceiveRate), 1);
}

#[test]
fn a_reply_that_is_taken_bit_by_bit() {
    in_both(|start| {
        let deadlines = Deadlines::none()
            .write(PATIENCE)
            .send_rate(MinimumRate::new(100_000_000_000, LIMIT));
        let (mut client, missed) = start(deadlines, |client| {
            let written = client.write_all(&vec![0; 64 << 20]);
            assert!(Unfinished::of(written.as_ref().unwrap_err()).unwrap().moved() > 0);
            written
        });
        let mut taken = vec![0; 100_000];
        let begin = Instant::now();
        while begin.elapsed() < LATE && client.read(&mut taken).is_ok_and(|count| count > 0) {
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(missed(), Overdue::SendRate);
    });
}

#[test]
fn a_client_that_keeps_them_all_is_served() {
    let deadlines = Deadlines::none()
        .first_byte(PATIENCE)
        .idle(PATIENCE)
        .write(PATIENCE)
        .connection(PATIENCE)
        .receive_rate(MinimumRate::new(1_000, Duration::from_secs(5)))
        .send_rate(MinimumRate::new(1_000, Duration::from_secs(5)));
    let scene = Scene::new(Coroutine::new(), deadlines, |client| {
        let mut message = vec![0; 1 << 20];
        client.read_exact(&mut message)?;
        client.write_all(&message)
    });
    let mut client = scene.client();
    let mut writer = client.try_clone().unwrap();
    let sent = thread::spawn(move || writer.write_all(&vec![7; 1 << 20]));
    let mut heard = vec![0; 1 << 20];
    client.read_exact(&mut heard).unwrap();
    sent.join().unwrap().unwrap();
    assert!(heard.iter().all(|byte| *byte == 7));
    drop(client);
    assert!(scene.errors.try_recv().is_err());
    assert_eq!(
        Overdue::ALL.map(|deadline| scene.server.handle().overdue(deadline)),
        [0; Overdue::ALL.len()]
    );
}

#[test]
fn a_client_that_sends_no_next_message() {
    fn check<M: Model>(model: M) {
        let echo = |client: &mut TcpStream, context: &Context| -> io::Result<()> {
            let mut buffer = [0; 16];
            while context.wait_for_request(client)? {
                let count = client.read(&mut buffer)?;
                client.write_all(&buffer[..count])?;
            }
            Ok(())
        };
        let builder = TcpServer::builder(with_context(echo)).model(model);
        let builder = builder.deadlines(Deadlines::none().first_byte(PATIENCE).idle(LIMIT));
        let server = TestServer::build(builder).unwrap();
        let mut client = client(ip(server.address()));
        echoed(&mut client, b"once");
        expect_end(&mut client);
        assert_eq!(server.handle().overdue(Overdue::Idle), 1);
    }
    check(Coroutine::new());
    check(Thread::new());
}

#[test]
fn a_handler_gives_its_client_more_time() {
    let scene = Scene::new(Coroutine::new(), Deadlines::none().first_byte(LIMIT), |client| {
        let deadlines = client.deadlines().first_byte(None);
        client.set_deadlines(deadlines);
        echo(client)
    });
    let mut client = scene.client();
    thread::sleep(LIMIT * 2);
    echoed(&mut client, b"late");
}

#[test]
fn other_deadlines_hold_for_later_clients() {
    let scene = Scene::new(Coroutine::new(), Deadlines::none(), echo);
    let mut early = scene.client();
    echoed(&mut early, b"early");
    let handle = scene.server.handle();
    handle.set_deadlines(Deadlines::none().idle(LIMIT)).unwrap();
    let mut late = scene.client();
    echoed(&mut late, b"late");
    assert_eq!(scene.missed(), Overdue::Idle);
    echoed(&mut early, b"still here");
    let refused = handle
        .set_deadlines(Deadlines::none().idle(Duration::ZERO))
        .unwrap_err();
    assert!(refused.to_string().contains("idle"), "{refused}");
    assert_eq!(handle.deadlines(), Deadlines::none().idle(LIMIT));
}

#[test]
fn a_duplicate_keeps_the_deadlines_it_began_with() {
    let scene = Scene::new(Coroutine::new(), Deadlines::none().idle(LIMIT), |client| {
        let mut other: Stream<_> = client.try_clone()?;
        client.set_deadlines(Deadlines::none());
        other.read_exact(&mut [0; 1])?;
        other.read(&mut [0; 1]).map(drop)
    });
    let mut client = scene.client();
    client.write_all(b"x").unwrap();
    assert_eq!(scene.missed(), Overdue::Idle);
}

#[test]
fn values_that_no_client_could_keep_are_refused_by_name() {
    let refused = |deadlines: Deadlines| {
        let builder: Builder<Tcp> = TcpServer::builder(echo);
        builder
            .deadlines(deadlines)
            .bind("127.0.0.1:0")
            .unwrap_err()
            .to_string()
    };
    assert!(refused(Deadlines::none().write(Duration::ZERO)).contains("write"));
    assert!(refused(Deadlines::none().send_rate(MinimumRate::new(0, LIMIT))).contains("send_rate"));
}
