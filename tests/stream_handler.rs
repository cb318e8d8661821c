//! What a handler has that sees its connection as files.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use greenserve::net::{SystemStream, TcpStream};
use greenserve::testing::TestServer;
use greenserve::{
    Context, Coroutine, Failure, HandlerError, Hooks, Inline, Model, Server, StreamHandler, StreamOptions,
    StreamRequest, Tcp, TcpServer, Thread, Unix, each_stream,
};
use support::{LIMIT, ask, connect, connect_unix, is_closed, read_exactly, stays_silent};

/// Answers each line in upper case.
#[derive(Debug, Default)]
struct Lines {
    options: StreamOptions,
}

impl<S: SystemStream> StreamHandler<S> for Lines {
    fn options(&self) -> StreamOptions {
        self.options
    }

    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        let mut line = String::new();
        while client.rfile.read_line(&mut line)? > 0 {
            client.wfile.write_all(line.to_uppercase().as_bytes())?;
            line.clear();
        }
        Ok(())
    }
}

fn lines<M: Model>(options: StreamOptions, model: M) -> TestServer<Tcp, M> {
    let handler = each_stream(move || Lines { options });
    TestServer::build(TcpServer::builder(handler).model(model)).unwrap()
}

#[test]
fn lines_are_read_however_they_arrive() {
    fn check<M: Model + Copy>(model: M) {
        for rbufsize in [0, 1, 7, 8192] {
            let options = StreamOptions {
                rbufsize,
                ..StreamOptions::default()
            };
            let server = lines(options, model);
            let mut client = connect(server.address());
            client.write_all(b"sec").unwrap();
            client.write_all(b"ret\nanswer\nthi").unwrap();
            assert_eq!(read_exactly(&client, 14), b"SECRET\nANSWER\n");
            client.write_all(b"rd\n").unwrap();
            assert_eq!(read_exactly(&client, 6), b"THIRD\n");
        }
    }
    check(Coroutine::new());
    check(Thread::new());
    check(Inline::new());
}

#[test]
fn the_default_sends_every_write_at_once_and_in_full() {
    let options = StreamOptions::default();
    assert_eq!((options.rbufsize, options.wbufsize, options.timeout), (8192, 0, None));
    let server = lines(options, Coroutine::new());
    let long = [vec![b'x'; 1 << 20], b"\n".to_vec()].concat();
    assert_eq!(ask(server.address(), &long), long.to_ascii_uppercase());
}

/// Writes a little, and waits in between for who tests.
struct Buffered {
    world: Arc<World>,
    end: fn() -> Result<(), Failure>,
}

struct World {
    written: Mutex<mpsc::Sender<()>>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl<S: SystemStream> StreamHandler<S> for Buffered {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            wbufsize: 4096,
            ..StreamOptions::default()
        }
    }

    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        client.wfile.write_all(b"flushed ")?;
        client.wfile.flush()?;
        client.wfile.write_all(b"buffered ")?;
        self.world.written.lock().unwrap().send(())?;
        self.world.go_on.lock().unwrap().recv_timeout(LIMIT)?;
        (self.end)()
    }

    fn finish(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        Ok(client.wfile.write_all(b"finished")?)
    }
}

/// Whatever became of `handle`, what it wrote is sent after `finish`.
fn is_flushed_after_finish(end: fn() -> Result<(), Failure>) {
    fn check<M: Model>(model: M, end: fn() -> Result<(), Failure>) {
        let (written, was_written) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel();
        let world = Arc::new(World {
            written: Mutex::new(written),
            go_on: Mutex::new(goes_on),
        });
        let handler = each_stream(move || Buffered {
            world: Arc::clone(&world),
            end,
        });
        let server = TestServer::build(TcpServer::builder(handler).model(model)).unwrap();
        let mut client = connect(server.address());
        was_written.recv_timeout(LIMIT).unwrap();
        assert_eq!(read_exactly(&client, 8), b"flushed ");
        assert!(stays_silent(&client, Duration::from_millis(20)));
        go_on.send(()).unwrap();
        let mut rest = String::new();
        client.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "buffered finished");
    }
    check(Coroutine::new(), end);
    check(Thread::new(), end);
    check(Inline::new(), end);
}

#[test]
fn a_buffer_is_kept_until_it_is_flushed_after_finish() {
    is_flushed_after_finish(|| Ok(()));
}

#[test]
fn a_buffer_is_flushed_after_an_error_too() {
    is_flushed_after_finish(|| Err("on purpose".into()));
}

#[test]
fn a_buffer_is_flushed_after_a_panic_too() {
    is_flushed_after_finish(|| panic!("on purpose"));
}

#[test]
fn a_buffer_that_is_full_is_sent() {
    for wbufsize in [1, 100, 4096] {
        let options = StreamOptions {
            wbufsize,
            ..StreamOptions::default()
        };
        let server = lines(options, Coroutine::new());
        let said = [vec![b'x'; 10_000], b"\n".to_vec()].concat().repeat(5);
        assert_eq!(ask(server.address(), &said), said.to_ascii_uppercase());
    }
}

/// Sends on what `handle_error` is told.
#[derive(Debug)]
struct Told(mpsc::Sender<(String, Option<io::ErrorKind>)>);

impl Hooks<Tcp> for Told {
    fn handle_error(&self, error: &HandlerError, _: &Context) {
        let kind = match error {
            HandlerError::Failed(failure) => failure.downcast_ref::<io::Error>().map(io::Error::kind),
            _ => None,
        };
        self.0.send((error.to_string(), kind)).unwrap();
    }
}

#[test]
fn a_client_that_says_nothing_is_given_up_after_the_timeout() {
    fn check<M: Model>(model: M) {
        let limit = Duration::from_millis(50);
        let options = StreamOptions {
            timeout: Some(limit),
            ..StreamOptions::default()
        };
        let (sender, told) = mpsc::channel();
        let builder = TcpServer::builder(each_stream(move || Lines { options })).hooks(Told(sender));
        let server = TestServer::build(builder.model(model)).unwrap();
        let begin = Instant::now();
        let mut client = connect(server.address());
        client.write_all(b"in time\n").unwrap();
        assert_eq!(read_exactly(&client, 8), b"IN TIME\n");
        assert!(is_closed(&client));
        assert!(begin.elapsed() >= limit, "{:?}", begin.elapsed());
        let (error, kind) = told.recv_timeout(LIMIT).unwrap();
        assert_eq!(kind, Some(io::ErrorKind::TimedOut), "{error}");
    }
    check(Coroutine::new());
    check(Thread::new());
    check(Inline::new());
}

#[test]
fn a_client_that_does_not_read_is_given_up_after_the_timeout() {
    #[derive(Debug)]
    struct Flood;
    impl<S: SystemStream> StreamHandler<S> for Flood {
        fn options(&self) -> StreamOptions {
            StreamOptions {
                timeout: Some(Duration::from_millis(50)),
                ..StreamOptions::default()
            }
        }

        fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
            Ok(client.wfile.write_all(&vec![0; 64 << 20])?)
        }
    }
    fn check<M: Model>(model: M) {
        let (sender, told) = mpsc::channel();
        let builder = TcpServer::builder(each_stream(|| Flood))
            .hooks(Told(sender))
            .model(model);
        let server = TestServer::build(builder).unwrap();
        let _client = connect(server.address());
        let (error, kind) = told.recv_timeout(LIMIT).unwrap();
        assert_eq!(kind, Some(io::ErrorKind::TimedOut), "{error}");
    }
    check(Coroutine::new());
    check(Thread::new());
    check(Inline::new());
}

/// Answers with whether small writes are sent at once.
#[derive(Clone, Copy, Debug)]
struct Nagle {
    disable: bool,
}

impl StreamHandler<std::net::TcpStream> for Nagle {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            disable_nagle_algorithm: self.disable,
            ..StreamOptions::default()
        }
    }

    fn handle(&mut self, client: &mut StreamRequest<std::net::TcpStream>) -> Result<(), Failure> {
        let nodelay = client.connection.nodelay()?;
        Ok(write!(client.wfile, "{nodelay}")?)
    }
}

#[test]
fn nagles_algorithm_is_disabled_on_request_only() {
    for disable in [true, false] {
        let server = TestServer::<Tcp>::start(each_stream(move || Nagle { disable })).unwrap();
        assert_eq!(ask(server.address(), b""), disable.to_string().as_bytes());
    }
}

#[test]
fn disabling_nagles_algorithm_means_nothing_for_unix_sockets() {
    let options = StreamOptions {
        disable_nagle_algorithm: true,
        ..StreamOptions::default()
    };
    let server = TestServer::build(Server::<Unix>::builder(each_stream(move || Lines { options }))).unwrap();
    let mut client = connect_unix(server.address().unix_path().unwrap());
    client.write_all(b"x\n").unwrap();
    assert_eq!(read_exactly(&client, 2), b"X\n");
}

/// Would notice what another request left behind.
#[derive(Debug, Default)]
struct Fresh {
    told: Vec<String>,
}

impl<S: SystemStream> StreamHandler<S> for Fresh {
    fn setup(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        self.told.push("set up".to_owned());
        Ok(client.wfile.write_all(b"welcome\n")?)
    }

    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        for line in client.rfile.by_ref().lines() {
            self.told.push(line?);
        }
        Ok(())
    }

    fn finish(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        Ok(write!(client.wfile, "{}", self.told.join(","))?)
    }
}

#[test]
fn every_connection_has_an_instance_of_its_own() {
    let server = TestServer::<Tcp>::start(each_stream(Fresh::default)).unwrap();
    let mut one = connect(server.address());
    assert_eq!(read_exactly(&one, 8), b"welcome\n");
    one.write_all(b"first\n").unwrap();
    assert_eq!(ask(server.address(), b"other\nwords\n"), b"welcome\nset up,other,words");
    one.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(read_exactly(&one, 12), b"set up,first");
}

#[test]
fn the_context_knows_client_and_server() {
    #[derive(Debug)]
    struct Knows;
    impl<S: SystemStream> StreamHandler<S> for Knows {
        fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
            let (peer, server) = (client.context.client_address(), client.context.server());
            Ok(write!(client.wfile, "{peer} {}", server.address().unwrap())?)
        }
    }
    let server = TestServer::<Tcp>::start(each_stream(|| Knows)).unwrap();
    let mut client = connect(server.address());
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    assert_eq!(said, format!("{} {}", client.local_addr().unwrap(), server.address()));
}

#[test]
fn a_read_loop_that_never_tests_for_the_end_is_ended() {
    let (sender, told) = mpsc::channel();
    let heedless = |client: &mut TcpStream| -> io::Result<()> {
        loop {
            let _ignored = client.read(&mut [0; 64])?;
        }
    };
    let server = TestServer::build(TcpServer::builder(heedless).hooks(Told(sender))).unwrap();
    drop(connect(server.address()));
    let (error, kind) = told.recv_timeout(LIMIT).unwrap();
    assert_eq!(kind, Some(io::ErrorKind::UnexpectedEof), "{error}");
    assert!(error.contains("when a read returns 0, stop reading"), "{error}");
}

/// Tells the capacity of `rfile` before and after each line, and what it holds.
#[derive(Debug)]
struct Sizes(usize);

impl<S: SystemStream> StreamHandler<S> for Sizes {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            rbufsize: self.0,
            ..StreamOptions::default()
        }
    }

    fn handle(&mut self, client: &mut StreamRequest<S>) -> Result<(), Failure> {
        let mut line = Vec::new();
        loop {
            writeln!(client.wfile, "{}", client.rfile.capacity())?;
            line.clear();
            if client.rfile.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
        }
    }
}

/// What `Sizes` says, one number for each line of a conversation.
fn capacities(rbufsize: usize, lines: &[&[u8]]) -> Vec<usize> {
    let server = TestServer::<Tcp>::start(each_stream(move || Sizes(rbufsize))).unwrap();
    let mut client = io::BufReader::new(connect(server.address()));
    let next = |client: &mut io::BufReader<_>| {
        let mut number = String::new();
        client.read_line(&mut number).unwrap();
        number.trim_end().parse().unwrap()
    };
    let mut all = vec![next(&mut client)];
    for line in lines {
        client.get_mut().write_all(line).unwrap();
        all.push(next(&mut client));
    }
    all
}

#[test]
fn a_client_that_has_said_nothing_has_no_buffer_and_small_messages_need_a_small_one() {
    assert_eq!(capacities(8192, &[b"hello\n", b"again\n"]), [0, 512, 512]);
    assert_eq!(capacities(100, &[b"hello\n"]), [0, 100]);
    assert_eq!(capacities(0, &[b"hello\n"]), [0, 1]);
}

#[test]
fn the_buffer_grows_with_what_arrives_up_to_rbufsize() {
    let long = [vec![b'x'; 100_000], b"\n".to_vec()].concat();
    assert_eq!(capacities(8192, &[&long]), [0, 8192]);
    assert_eq!(capacities(3000, &[&long]), [0, 3000]);
}

#[test]
fn the_buffer_shrinks_when_messages_are_small_again() {
    let long = [vec![b'x'; 100_000], b"\n".to_vec()].concat();
    let mut lines = vec![&long[..]];
    lines.extend([&b"small\n"[..]; 40]);
    assert_eq!(capacities(8192, &lines).last(), Some(&512));
}
