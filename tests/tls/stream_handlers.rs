//! Handlers with `rfile` and `wfile`, over TLS.

use std::io::{self, BufRead, Read, Write};
use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use greenserve::net::Unfinished;
use greenserve::testing::TestServer;
use greenserve::{Failure, StreamHandler, StreamOptions, StreamRequest, Tcp, Wire, each_stream};

use crate::authority::Authority;
use crate::common::{PATIENCE, echoed, expect, expect_end, pattern, wait_until};
use crate::scene::{In, Scene, Tls, in_both};

/// Answers each line in upper case, and says goodbye.
struct Lines(StreamOptions);

impl<W: Wire> StreamHandler<W> for Lines {
    fn options(&self) -> StreamOptions {
        self.0
    }

    fn handle(&mut self, client: &mut StreamRequest<W>) -> Result<(), Failure> {
        let mut line = String::new();
        while client.wait_for_request()? {
            client.rfile.read_line(&mut line)?;
            client.wfile.write_all(line.to_uppercase().as_bytes())?;
            line.clear();
        }
        Ok(())
    }

    fn finish(&mut self, client: &mut StreamRequest<W>) -> Result<(), Failure> {
        Ok(client.wfile.write_all(b"goodbye\n")?)
    }
}

fn lines(model: In, authority: &Authority, options: StreamOptions) -> Scene {
    Scene::new(model, authority.server(), each_stream(move || Lines(options)))
}

fn buffered(wbufsize: usize) -> StreamOptions {
    StreamOptions {
        wbufsize,
        ..StreamOptions::default()
    }
}

#[test]
fn lines_are_answered_and_the_last_words_come_before_the_end() {
    in_both(|model| {
        for wbufsize in [0, 4096] {
            let authority = Authority::new();
            let scene = lines(model, &authority, buffered(wbufsize));
            let mut client = scene.connect(&authority.client()).unwrap();
            for _ in 0..2 {
                client.write_all(b"hello\n").unwrap();
                expect(&mut client, b"HELLO\n");
            }
            // Several in one record, and one in two.
            client.write_all(b"one\ntwo\n").unwrap();
            expect(&mut client, b"ONE\nTWO\n");
            client.write_all(b"thr").unwrap();
            client.write_all(b"ee\n").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            expect(&mut client, b"THREE\ngoodbye\n");
            expect_end(&mut client); // with close_notify, or it were an error
            scene.nothing_failed();
            assert!(scene.stop().is_clean());
        }
    });
}

/// What has been decrypted is not on the socket any more.
#[test]
fn a_record_that_is_longer_than_the_buffer_needs_no_more_bytes() {
    in_both(|model| {
        for rbufsize in [0, 16] {
            let authority = Authority::new();
            let options = StreamOptions {
                rbufsize,
                ..buffered(4096)
            };
            let scene = lines(model, &authority, options);
            let mut client = scene.connect(&authority.client()).unwrap();
            client.write_all(&b"a line of a record\n".repeat(500)).unwrap();
            expect(&mut client, &b"A LINE OF A RECORD\n".repeat(500));
        }
    });
}

#[test]
fn the_same_handler_is_served_without_tls() {
    let server = TestServer::<Tcp>::start(each_stream(|| Lines(StreamOptions::default()))).unwrap();
    let mut client = server.connect().unwrap();
    client.write_all(b"hello\n").unwrap();
    expect(&mut client, b"HELLO\n");
}

#[test]
fn a_handler_of_tls_alone_can_ask_the_session() {
    struct Name;
    impl StreamHandler<Tls> for Name {
        fn handle(&mut self, client: &mut StreamRequest<Tls>) -> Result<(), Failure> {
            let name = client.connection.sni().unwrap_or_default();
            Ok(write!(
                client.wfile,
                "{name} {}",
                client.context.client_address().ip().is_some()
            )?)
        }
    }
    let authority = Authority::new();
    let scene = Scene::new(In::Coroutines, authority.server(), each_stream(|| Name));
    let mut client = scene.connect(&authority.client()).unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "localhost true");
}

#[test]
fn a_drain_ends_idle_clients_at_once() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = lines(model, &authority, buffered(4096));
        let settings = authority.client();
        let mut clients: Vec<_> = (0..3).map(|_| scene.connect(&settings).unwrap()).collect();
        for client in &mut clients {
            client.write_all(b"hello\n").unwrap();
            expect(client, b"HELLO\n");
        }
        wait_until("all are idle", || {
            scene.handle().connections().iter().filter(|client| client.idle).count() == 3
        });
        let begin = Instant::now();
        assert!(scene.stop().is_clean());
        assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
        for client in &mut clients {
            expect(client, b"goodbye\n");
            expect_end(client);
        }
    });
}

/// Whatever is read ends in the middle of a line.
#[test]
fn a_client_that_always_has_begun_another_line_is_ended_too() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = lines(model, &authority, buffered(0));
        let mut client = scene.connect(&authority.client()).unwrap();
        client.write_all(b"a line\na ").unwrap();
        expect(&mut client, b"A LINE\n");
        scene.handle().shutdown();
        let begin = Instant::now();
        while client.write_all(b"line\na ").is_ok() && client.read(&mut [0; 7]).is_ok_and(|count| count > 0) {
            assert!(begin.elapsed() < PATIENCE, "it is still served");
        }
        wait_until("it has ended", || scene.handle().in_flight() == 0);
    });
}

#[test]
fn an_end_without_close_notify_is_an_error_of_the_read() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = lines(model, &authority, buffered(0));
        let mut client = scene.connect(&authority.client()).unwrap();
        client.write_all(b"hello\nhalf a li").unwrap();
        expect(&mut client, b"HELLO\n");
        client.connection().shutdown(Shutdown::Write).unwrap();
        let failed = scene.failure();
        assert_eq!(failed.kind, Some(io::ErrorKind::UnexpectedEof), "{failed:?}");
        assert!(failed.is_disconnect);
    });
}

#[test]
fn the_timeout_bounds_a_line_as_a_whole() {
    in_both(|model| {
        let authority = Authority::new();
        let options = StreamOptions {
            timeout: Some(Duration::from_millis(100)),
            ..StreamOptions::default()
        };
        let scene = lines(model, &authority, options);
        let mut client = scene.connect(&authority.client()).unwrap();
        // A byte now and then, in records of their own, does not help.
        wait_until("it is ended", || client.write_all(b"x").is_err());
        assert_eq!(scene.failure().kind, Some(io::ErrorKind::TimedOut));
    });
}

/// Writes until nothing more finds room; goes on when it is told how much that
/// was.
struct Stuck {
    wbufsize: usize,
    told: Sender<usize>,
}

/// More than the buffers of the kernel hold.
const MUCH: usize = 8 << 20;

impl StreamHandler<Tls> for Stuck {
    fn options(&self) -> StreamOptions {
        StreamOptions {
            timeout: Some(Duration::from_millis(50)),
            ..buffered(self.wbufsize)
        }
    }

    fn handle(&mut self, client: &mut StreamRequest<Tls>) -> Result<(), Failure> {
        let much = pattern(3, MUCH);
        let cut = client
            .wfile
            .write_all(&much)
            .and_then(|()| client.wfile.flush())
            .expect_err("nobody reads");
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
        // What a buffer has taken it keeps.
        let taken = match self.wbufsize {
            0 => Unfinished::of(&cut).map_or(0, Unfinished::moved),
            _ => MUCH,
        };
        self.told.send(taken)?;
        let begin = Instant::now();
        while let Err(err) = client.wfile.flush() {
            assert!(begin.elapsed() < PATIENCE, "no flush goes on: {err}");
        }
        Ok(client.wfile.write_all(b"the end")?)
    }
}

#[test]
fn what_a_limit_has_cut_goes_on_with_a_flush() {
    in_both(|model| {
        for wbufsize in [0, 2 * MUCH] {
            let authority = Authority::new();
            let (told, cut) = channel();
            let told = Mutex::new(told);
            let stuck = move || Stuck {
                wbufsize,
                told: told.lock().unwrap().clone(),
            };
            let scene = Scene::new(model, authority.server(), each_stream(stuck));
            let mut client = scene.connect(&authority.client()).unwrap();
            let taken = cut.recv_timeout(PATIENCE).unwrap();
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).unwrap();
            let expected = [&pattern(3, MUCH)[..taken], b"the end"].concat();
            assert_eq!(heard.len(), expected.len(), "{model:?} {wbufsize}");
            assert!(heard == expected, "other bytes came");
            scene.nothing_failed();
        }
    });
}

#[test]
fn a_client_is_served_after_one_that_failed() {
    let authority = Authority::new();
    let scene = lines(In::Coroutines, &authority, buffered(0));
    scene.plain().write_all(b"no TLS\n").unwrap();
    scene.failed_handshake();
    let mut client = scene.connect(&authority.client()).unwrap();
    echoed(&mut client, b"1\n");
}
