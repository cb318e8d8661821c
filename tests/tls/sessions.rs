//! What is promised of a session, once hands were shaken.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::{TcpStream, Unfinished};
use greenserve::tls::{self, Version};
use greenserve::{Context, WaitError, runtime, sync, with_context};
use rustls::crypto::ring;

use crate::authority::Authority;
use crate::common::{PATIENCE, echoed, expect, expect_end, failure, in_both as in_both_tasks, pattern, wait_until};
use crate::scene::{In, Scene, Tls, echo, in_both};

/// Long enough that no buffer of the kernel holds it.
const MUCH: usize = 8 << 20;

#[test]
fn what_is_sent_comes_back() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), with_context(echo));
        let mut client = scene.connect(&authority.client()).unwrap();
        echoed(&mut client, b"hello");
        for size in [1, 16_383, 16_384, 16_385, 100_000] {
            echoed(&mut client, &pattern(size as u64, size));
        }
        client.shutdown(Shutdown::Write).unwrap();
        expect_end(&mut client);
        drop(client);
        assert!(scene.stop().is_clean());
    });
}

#[test]
fn both_ends_know_what_was_agreed_on() {
    let authority = Authority::new();
    let person = authority.issue(&["alice"]);
    let settings = authority
        .server()
        .alpn(["first", "second"])
        .accept_client_certificates(authority.roots());
    let (told, agreed) = channel();
    let scene = Scene::new(In::Coroutines, settings, move |client: &mut Tls| {
        let shown = client.peer_certificates().map(|certificates| certificates.len());
        told.send((
            client.alpn(),
            client.sni(),
            client.version(),
            client.cipher_suite(),
            shown,
        ))
        .unwrap();
        io::Result::Ok(())
    });
    let (chain, key) = person.pems();
    let settings = authority.client_builder().alpn(["second"]).certificate(chain, key);
    let mut client = scene.connect(&settings.build().unwrap()).unwrap();
    let suite = client.cipher_suite();
    assert_eq!(
        agreed.recv_timeout(PATIENCE).unwrap(),
        (
            Some(b"second".to_vec()),
            Some("localhost".to_owned()),
            Version::Tls13,
            suite,
            Some(1)
        )
    );
    assert!(suite.starts_with("TLS13_"), "{suite}");
    assert_eq!(client.alpn(), Some(b"second".to_vec()));
    assert_eq!(client.sni(), None);
    assert_eq!(client.peer_certificates().unwrap().len(), 1);
    assert_eq!(client.peer().unwrap().ip().unwrap().to_string(), "127.0.0.1");
    expect_end(&mut client);
}

#[test]
fn an_end_without_close_notify_is_an_error() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), with_context(echo));
        let mut client = scene.connect(&authority.client()).unwrap();
        echoed(&mut client, b"hello");
        client.connection().shutdown(Shutdown::Write).unwrap();
        let failed = scene.failure();
        assert_eq!(failed.kind, Some(io::ErrorKind::UnexpectedEof));
        assert!(
            failed.is_disconnect && failed.text.contains("close_notify"),
            "{failed:?}"
        );
        // What the server's handler failed with may not be all, and it does not
        // say that it is.
        let err = failure(client.read(&mut [0; 10]));
        assert_eq!(err.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_handler_that_failed_says_no_goodbye() {
    let authority = Authority::new();
    let scene = Scene::new(In::Coroutines, authority.server(), |client: &mut Tls| {
        client.write_all(b"half of")?;
        Err(io::Error::other("no more"))
    });
    let mut client = scene.connect(&authority.client()).unwrap();
    expect(&mut client, b"half of");
    assert_eq!(failure(client.read(&mut [0; 10])).kind(), io::ErrorKind::UnexpectedEof);
}

#[test]
fn the_end_is_read_once_and_not_for_ever() {
    let authority = Authority::new();
    let scene = Scene::new(In::Coroutines, authority.server(), |_: &mut Tls| io::Result::Ok(()));
    let mut client = scene.connect(&authority.client()).unwrap();
    let ended = (0..1000).find_map(|_| client.read(&mut [0; 10]).err());
    assert!(ended.unwrap().to_string().contains("times in a row"));
}

#[test]
fn what_was_shut_down_is_written_to_no_more() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let mut client = scene.connect(&authority.client()).unwrap();
    client.write_all(b"last").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(failure(client.write(b"more")).kind(), io::ErrorKind::BrokenPipe);
    expect(&mut client, b"last");
    expect_end(&mut client);
    scene.nothing_failed();
}

/// One coroutine reads while another writes, both as fast as they can.
fn both_ways(client: &Tls) -> io::Result<()> {
    // The engine `may` wants a handle for each.
    let writer = client.try_clone()?;
    let writing = runtime::spawn(move || (&writer).write_all(&pattern(1, MUCH)))?;
    let mut heard = vec![0; MUCH];
    (&*client).read_exact(&mut heard)?;
    assert!(heard == pattern(1, MUCH), "other bytes came back");
    writing.join().unwrap()
}

#[test]
fn one_reads_while_another_writes() {
    in_both(|model| {
        let authority = Authority::new();
        // Reads and writes at once too, so nobody waits for the other.
        let scene = Scene::new(model, authority.server(), |client: &mut Tls| -> io::Result<()> {
            let reader = client.try_clone()?;
            let (sender, parts) = sync::channel::<Vec<u8>>(2_000);
            let reading = runtime::spawn(move || -> io::Result<()> {
                let mut buffer = vec![0; 16_384];
                loop {
                    let count = (&reader).read(&mut buffer)?;
                    if count == 0 {
                        return Ok(());
                    }
                    sender.send(buffer[..count].to_vec()).map_err(io::Error::other)?;
                }
            })?;
            while let Ok(part) = parts.recv() {
                client.write_all(&part)?;
            }
            reading.join().unwrap()
        });
        let settings = authority.client();
        let client = scene.connect(&settings).unwrap();
        let talking = thread::spawn(move || {
            both_ways(&client)?;
            client.shutdown(Shutdown::Write)?;
            (&client).read(&mut [0])
        });
        wait_until("8 MiB both ways", || talking.is_finished());
        assert_eq!(talking.join().unwrap().unwrap(), 0);
        scene.nothing_failed();
    });
}

#[test]
fn a_reader_and_a_writer_may_share_one_handle() {
    if crate::common::engine() == runtime::Engine::May {
        return; // There it takes two.
    }
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let client = scene.connect(&authority.client()).unwrap();
    // In turns, since the echo does not read while it writes.
    let talked = crate::common::in_coroutine(move || {
        runtime::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut heard = vec![0; 1 << 20];
                (&client).read_exact(&mut heard).map(|()| heard)
            })?;
            (&client).write_all(&pattern(3, 1 << 20))?;
            io::Result::Ok(reading.join().unwrap()? == pattern(3, 1 << 20))
        })
    });
    assert!(talked.unwrap());
}

#[test]
fn a_second_reader_is_refused() {
    if crate::common::engine() == runtime::Engine::May {
        return; // There a writer is refused as well: see above.
    }
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let client = scene.connect(&authority.client()).unwrap();
    let refused = crate::common::in_coroutine(move || {
        runtime::scope(|scope| {
            let first = scope.spawn(|| (&client).read(&mut [0; 10]))?;
            // On the same worker: it runs until it waits.
            runtime::yield_now();
            let second = (&client).read(&mut [0; 10]);
            (&client).write_all(b"x")?;
            first.join().unwrap()?;
            io::Result::Ok(second)
        })
    });
    let err = failure(refused.unwrap());
    assert_eq!(WaitError::of(&err), Some(WaitError::Busy));
}

#[test]
fn limits_are_those_of_the_connection() {
    in_both_tasks(|| {
        let authority = Authority::new();
        let scene = Scene::new(In::Coroutines, authority.server(), |_: &mut Tls| {
            runtime::sleep(PATIENCE)
        });
        let settings = authority.client();
        let mut client = tls::connect(TcpStream::connect(scene.address()).unwrap(), "localhost", &settings).unwrap();
        client
            .connection()
            .set_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let err = failure(client.read_exact(&mut [0; 10]));
        assert_eq!(WaitError::of(&err), Some(WaitError::Deadline));
        let err = failure(client.write_all(&vec![0; MUCH]));
        assert_eq!(WaitError::of(&err), Some(WaitError::Deadline));
        let moved = Unfinished::of(&err).unwrap().moved();
        assert!(moved > 0 && moved < MUCH, "{moved}");
        // What was encrypted comes first.
        assert_eq!(failure(client.write(b"x")).kind(), io::ErrorKind::ResourceBusy);
        for connection in scene.handle().connections() {
            scene.handle().kill(connection.id);
        }
    });
}

#[test]
fn a_write_that_a_limit_ended_goes_on_with_a_flush() {
    let authority = Authority::new();
    let (go, may_read) = channel();
    let may_read = std::sync::Mutex::new(may_read);
    let scene = Scene::new(
        In::Threads,
        authority.server(),
        move |client: &mut Tls| -> io::Result<()> {
            may_read.lock().unwrap().recv_timeout(PATIENCE).unwrap();
            let mut all = Vec::new();
            client.read_to_end(&mut all)?;
            client.write_all(&all.len().to_le_bytes())?;
            assert!(all == pattern(5, all.len()), "other bytes came");
            Ok(())
        },
    );
    let mut client = scene.connect(&authority.client()).unwrap();
    client
        .connection()
        .set_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let text = pattern(5, MUCH);
    let moved = Unfinished::of(&failure(client.write_all(&text))).unwrap().moved();
    client.connection().set_timeout(Some(PATIENCE)).unwrap();
    go.send(()).unwrap();
    client.flush().unwrap();
    client.write_all(&text[moved..]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    expect(&mut client, &MUCH.to_le_bytes());
}

#[test]
fn a_goodbye_that_nobody_takes_is_not_waited_for() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), |client: &mut Tls| -> io::Result<()> {
            // Until nothing more finds room.
            client.connection().set_timeout(Some(Duration::from_millis(50)))?;
            while client.write_all(&[0; 16_384]).is_ok() {}
            client.connection().set_timeout(None)
        });
        let _takes_nothing = scene.connect(&authority.client()).unwrap();
        wait_until("its handler is there", || scene.handle().in_flight() == 1);
        let begin = Instant::now();
        wait_until("its place is free", || scene.handle().in_flight() == 0);
        assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
        scene.nothing_failed();
    });
}

#[test]
fn a_drain_ends_idle_clients_at_once() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), with_context(echo));
        let settings = authority.client();
        let mut clients: Vec<_> = (0..3).map(|_| scene.connect(&settings).unwrap()).collect();
        for client in &mut clients {
            echoed(client, b"hello");
        }
        wait_until("all are idle", || {
            scene.handle().connections().iter().filter(|client| client.idle).count() == 3
        });
        let begin = Instant::now();
        assert!(scene.stop().is_clean());
        assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
        for client in &mut clients {
            expect_end(client); // with close_notify, or it were an error
        }
    });
}

#[test]
fn a_message_that_was_read_ahead_needs_no_waiting() {
    let authority = Authority::new();
    let (told, heard) = channel();
    let scene = Scene::new(
        In::Coroutines,
        authority.server(),
        with_context(move |client: &mut Tls, context: &Context| -> io::Result<()> {
            // Three messages in one record, which one read takes in.
            let mut byte = [0];
            while client.wait_for_request(context)? {
                client.read_exact(&mut byte)?;
                told.send((byte[0], client.has_read_ahead())).unwrap();
            }
            Ok(())
        }),
    );
    let mut client = scene.connect(&authority.client()).unwrap();
    client.write_all(b"abc").unwrap();
    for expected in [(b'a', true), (b'b', true), (b'c', false)] {
        assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), expected);
    }
}

#[test]
fn a_part_of_a_record_is_no_message() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let client = scene.connect(&authority.client()).unwrap();
    // The begin of a record, by hand.
    (&mut client.connection())
        .write_all(&[23, 3, 3, 0, 100, 1, 2, 3])
        .unwrap();
    wait_until("it is waited for the rest", || {
        scene.handle().connections().iter().any(|client| client.idle)
    });
    assert!(scene.stop().is_clean());
}

#[test]
fn noise_in_a_session_is_the_clients_fault() {
    let authority = Authority::new();
    let scene = Scene::echo(authority.server());
    let mut client = scene.connect(&authority.client()).unwrap();
    echoed(&mut client, b"hello");
    (&mut client.connection())
        .write_all(&[23, 3, 3, 0, 32].repeat(20))
        .unwrap();
    let failed = scene.failure();
    assert!(failed.is_disconnect, "{failed:?}");
    assert_eq!(failed.handshake, None);
    // And is told so.
    let err = failure(client.read(&mut [0; 10]));
    assert!(
        err.to_string().contains("the other side ended the TLS session"),
        "{err}"
    );
}

/// Echoes what a `Transport` gives, without a buffer while it waits.
fn echo_by_attempts(client: &mut Tls, context: &Context) -> io::Result<()> {
    use greenserve::Transport;
    let mut client: &dyn Transport = client;
    assert!(client.is_encrypted());
    while client.wait_for_request(context)? {
        let mut buffer = [0; 3];
        match client.try_read(&mut buffer) {
            Ok(0) => return client.write_all(b"the end"),
            Ok(count) => client.write_all(&buffer[..count])?,
            Err(err) if err.kind() == io::ErrorKind::WouldBlock => {}
            Err(err) => return Err(err),
        }
    }
    client.write_all(b"goodbye")
}

#[test]
fn a_protocol_sees_it_as_a_transport() {
    in_both(|model| {
        let authority = Authority::new();
        let settings = authority.client();
        let scene = Scene::new(model, authority.server(), with_context(echo_by_attempts));
        let mut client = scene.connect(&settings).unwrap();
        // More than one attempt takes, in one record.
        echoed(&mut client, b"hello, world");
        // The message and the end at once.
        client.write_all(b"last").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        expect(&mut client, b"lastthe end");
        expect_end(&mut client);
        let mut idle = scene.connect(&settings).unwrap();
        echoed(&mut idle, b"x");
        wait_until("it is idle", || {
            scene.handle().connections().iter().any(|client| client.idle)
        });
        assert!(scene.stop().is_clean());
        expect(&mut idle, b"goodbye");
        expect_end(&mut idle);
    });
}

#[test]
fn an_end_that_came_with_the_message_is_known() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), with_context(echo_by_attempts));
        let mut client = scene.connect_by(ring::default_provider(), &authority);
        // In one piece, and the connection stays open: nothing more can be read.
        client.conn.writer().write_all(b"last").unwrap();
        client.conn.complete_io(&mut client.sock).unwrap();
        client.conn.send_close_notify();
        client.flush().unwrap();
        expect(&mut client, b"lastthe end");
    });
}
