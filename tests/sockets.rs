//! The sockets do what std's do, in coroutines and in threads, and lose no
//! wake-up.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    PATIENCE, alone_with, client, connection, echo, echoed, expect, expect_end, in_both, in_coroutine, in_thread, ip,
    joined, pattern, proc, suspended,
};
use greenserve::net::{Address, Peer, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use greenserve::runtime::{self, Builder};
use greenserve::{Failure, TcpServer, UnixServer};

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

/// What turns a lost wake-up into a failure.
const LOST: Duration = Duration::from_secs(5);

/// A client in a coroutine whose waits are not for ever.
fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect_timeout(address, LOST).unwrap();
    client.set_read_timeout(Some(LOST)).unwrap();
    client.set_write_timeout(Some(LOST)).unwrap();
    client
}

/// A few messages, of lengths that `seed` chooses.
fn talk(conn: &mut (impl Read + Write), seed: u64) {
    for message in 0..1 + seed % 4 {
        let length = 1 + (seed * 7919 + message * 104_729) % 20_000;
        echoed(conn, &pattern(seed ^ message << 32, usize::try_from(length).unwrap()));
    }
}

/// Ends a conversation in one of three ways.
fn part(conn: &TcpStream, seed: u64) {
    match seed % 3 {
        0 => conn.shutdown(Shutdown::Write).unwrap(),
        1 => conn.set_linger(Some(Duration::ZERO)).unwrap(),
        _ => {}
    }
}

/// Passes on to `upstream` and back, so that it waits now for one socket, now
/// for the other.
fn pass_on(conn: &mut TcpStream, upstream: SocketAddr) -> Result<(), Failure> {
    let mut upstream = connect(upstream);
    let mut buffer = vec![0; 4096];
    loop {
        let count = conn.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        upstream.write_all(&buffer[..count])?;
        upstream.read_exact(&mut buffer[..count])?;
        conn.write_all(&buffer[..count])?;
    }
}

#[test]
fn no_wake_up_is_lost_while_descriptors_are_reused() {
    const CLIENTS: u64 = 200;
    let _alone = alone();
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
    let echoes = ip(&server.address());
    let proxy = TcpServer::bind("127.0.0.1:0", move |conn: &mut TcpStream| pass_on(conn, echoes));
    let proxy = proxy.unwrap().start().unwrap();
    let addresses = [echoes, ip(&proxy.address())];
    let end = Instant::now() + Duration::from_secs(3);

    let in_coroutine = |index: u64| {
        runtime::spawn(move || {
            let mut seeds = (index..).step_by(1000).take_while(|_| Instant::now() < end);
            seeds.by_ref().fold(0, |conversations, seed| {
                let mut conn = connect(addresses[usize::from(seed % 2 == 0)]);
                talk(&mut conn, seed);
                part(&conn, seed);
                conversations + 1
            })
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(|index| in_coroutine(index).unwrap()).collect();
    let in_thread = |index: u64| {
        thread::spawn(move || {
            for seed in (index..).step_by(1000).take_while(|_| Instant::now() < end) {
                talk(&mut client(addresses[usize::from(seed % 2 == 0)]), seed);
            }
        })
    };
    let threads: Vec<_> = (900..904).map(in_thread).collect();
    let conversations: u64 = clients.into_iter().map(joined).sum();
    threads.into_iter().for_each(|client| client.join().unwrap());
    assert!(conversations > CLIENTS, "{conversations} conversations");
    assert!(server.stop(PATIENCE).unwrap().is_clean());
    assert!(proxy.stop(PATIENCE).unwrap().is_clean());
}

#[test]
fn timeouts_that_meet_bytes_lose_neither() {
    const PAIRS: u64 = 40;
    const BYTES: usize = 300;
    let _alone = alone();
    let read = |index: u64, mut near: TcpStream| {
        move || {
            let (mut heard, mut timeouts) = (0, 0);
            while heard < BYTES {
                let limit = 100 + (index * 37 + timeouts * 101) % 900;
                near.set_read_timeout(Some(Duration::from_micros(limit))).unwrap();
                let begin = Instant::now();
                match near.read(&mut [0; 3]) {
                    Ok(count) => heard += count,
                    Err(err) if err.kind() == ErrorKind::TimedOut => timeouts += 1,
                    Err(err) => panic!("{err}"),
                }
                assert!(
                    begin.elapsed() < LOST,
                    "a wait of {limit} us took {:?}",
                    begin.elapsed()
                );
            }
            timeouts
        }
    };
    let (mut readers, mut far_ends) = (Vec::new(), Vec::new());
    for index in 0..PAIRS {
        let (near, far) = connection();
        readers.push(runtime::spawn(read(index, near)).unwrap());
        far_ends.push(far);
    }
    let mut pause = 1;
    for _ in 0..BYTES {
        for far in &mut far_ends {
            far.write_all(b"x").unwrap();
        }
        // Timeouts and bytes come at about the same rate.
        pause = (pause * 7919 + 13) % 1500;
        thread::sleep(Duration::from_micros(pause));
    }
    let timeouts: u64 = readers.into_iter().map(joined).sum();
    assert!(timeouts > PAIRS, "{timeouts} timeouts");
}

#[test]
fn eight_megabytes_come_back_as_they_went() {
    const LENGTH: usize = 8 << 20;
    let _alone = alone();
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
    let mut writer = client(ip(&server.address()));
    let mut reader = writer.try_clone().unwrap();
    let writing = thread::spawn(move || {
        writer.write_all(&pattern(3, LENGTH)).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    expect(&mut reader, &pattern(3, LENGTH));
    expect_end(&mut reader);
    writing.join().unwrap();
}

#[test]
fn vectored_writes_arrive_in_order() {
    let _alone = alone();
    in_both(|| {
        const PARTS: usize = 300;
        let (mut near, mut far) = connection();
        let reading = thread::spawn(move || {
            for part in 0..PARTS {
                expect(&mut far, &pattern(part as u64, part * 50));
            }
            expect_end(&mut far);
        });
        let parts: Vec<_> = (0..PARTS).map(|part| pattern(part as u64, part * 50)).collect();
        let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut left = &mut slices[..];
        while !left.is_empty() {
            let written = near.write_vectored(left).unwrap();
            IoSlice::advance_slices(&mut left, written);
        }
        drop(near);
        reading.join().unwrap();
    });
}

#[test]
fn peeking_takes_nothing_out() {
    let _alone = alone();
    in_both(|| {
        let (mut near, mut far) = connection();
        let writing = thread::spawn(move || far.write_all(b"hello").map(|()| far));
        let mut heard = [0; 8];
        while near.peek(&mut heard).unwrap() < 5 {}
        assert_eq!(near.peek(&mut heard[..3]).unwrap(), 3);
        expect(&mut near, b"hello");
        drop(writing.join().unwrap());
        assert_eq!(near.peek(&mut heard).unwrap(), 0);
        expect_end(&mut near);
    });
}

#[test]
fn after_a_half_close_the_rest_is_read_and_an_answer_sent() {
    let _alone = alone();
    in_both(|| {
        for length in [0, 1, 5000, 1 << 20] {
            let (mut near, mut far) = connection();
            let asking = thread::spawn(move || {
                far.write_all(&pattern(4, length)).unwrap();
                far.shutdown(Shutdown::Write).unwrap();
                expect(&mut far, b"thank you");
                expect_end(&mut far);
            });
            let mut heard = Vec::new();
            near.read_to_end(&mut heard).unwrap();
            assert!(heard == pattern(4, length), "{} of {length} bytes", heard.len());
            near.write_all(b"thank you").unwrap();
            drop(near);
            asking.join().unwrap();
        }
    });
}

#[test]
fn bytes_that_come_one_by_one_are_all_read() {
    let _alone = alone();
    in_both(|| {
        let (mut near, mut far) = connection();
        let writing = thread::spawn(move || {
            for byte in pattern(5, 3000) {
                far.write_all(&[byte]).unwrap();
            }
        });
        expect(&mut near, &pattern(5, 3000));
        expect_end(&mut near);
        writing.join().unwrap();
    });
}

#[test]
fn a_reset_is_an_error_and_no_end() {
    let _alone = alone();
    in_both(|| {
        let (mut near, far) = connection();
        socket2::SockRef::from(&far).set_linger(Some(Duration::ZERO)).unwrap();
        drop(far);
        assert_eq!(near.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::ConnectionReset);
        let refused = (0..10).find_map(|_| near.write(b"x").err()).unwrap();
        assert!(matches!(
            refused.kind(),
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
        ));
    });
}

#[test]
fn nobody_listening_is_a_refusal() {
    let _alone = alone();
    in_both(|| {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let absent = UnixStream::connect(Path::new("/nowhere/at/all")).unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
    });
}

/// The kernel tells with the next call, of whatever kind, that nobody is there.
#[test]
fn a_datagram_socket_whose_peer_is_gone_is_told_and_goes_on() {
    let _alone = alone();
    in_both(|| {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = peer.local_addr().unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        socket.set_read_timeout(Some(LOST)).unwrap();
        drop(peer);
        socket.send(b"to nobody").unwrap();
        let refused = socket.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        socket.send(b"to nobody").unwrap();
        let refused = (0..1_000).find_map(|_| socket.send(b"to nobody").err()).unwrap();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let peer = std::net::UdpSocket::bind(address).unwrap();
        peer.set_read_timeout(Some(LOST)).unwrap();
        // One refusal may be left to be told.
        if socket.send(b"hello").is_err() {
            socket.send(b"hello").unwrap();
        }
        let mut buffer = [0; 8];
        let (length, from) = peer.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"hello");
        peer.send_to(b"again", from).unwrap();
        assert_eq!(socket.recv(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"again");
    });
}

/// One that waits already when it comes.
#[test]
fn who_waits_for_a_datagram_is_told_that_the_peer_is_gone() {
    let _alone = alone();
    in_both(|| {
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        socket.connect(peer.local_addr().unwrap()).unwrap();
        socket.set_read_timeout(Some(LOST)).unwrap();
        drop(peer);
        let theirs = socket.try_clone().unwrap();
        let sender = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            theirs.send(b"to nobody").unwrap();
        });
        let begin = Instant::now();
        let refused = socket.recv(&mut [0; 8]).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(begin.elapsed() < LOST);
        sender.join().unwrap();
    });
}

#[test]
fn one_socket_serves_both_families_of_addresses() {
    let _alone = alone();
    let server = TcpServer::bind(":0", echo).unwrap().start().unwrap();
    let port = server.address().port().unwrap();
    for host in ["127.0.0.1", "::1"] {
        let address = SocketAddr::new(host.parse().unwrap(), port);
        echoed(&mut client(address), host.as_bytes());
        in_coroutine(move || echoed(&mut connect(address), b"hello"));
    }
}

#[test]
fn a_socket_may_move_between_coroutines_and_threads() {
    let _alone = alone();
    let (mut near, mut far) = connection();
    let echoing = thread::spawn(move || {
        let mut buffer = [0; 1000];
        while let Ok(count @ 1..) = far.read(&mut buffer) {
            far.write_all(&buffer[..count]).unwrap();
        }
    });
    for turn in 0..20 {
        let talk = move |mut near: TcpStream| {
            echoed(&mut near, &pattern(turn, 3000));
            near
        };
        near = if turn % 2 == 0 {
            in_coroutine(move || talk(near))
        } else {
            in_thread("a socket that was used in a coroutine", move || talk(near))
        };
    }
    drop(near);
    echoing.join().unwrap();
}

#[test]
fn unix_streams_connect_by_path_and_talk() {
    let _alone = alone();
    in_both(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(path.as_path()).unwrap();
        let connecting = thread::spawn(move || {
            let mut client = UnixStream::connect(path.as_path()).unwrap();
            echoed(&mut client, &pattern(6, 100_000));
        });
        let (mut conn, peer) = listener.accept().unwrap();
        assert_eq!(peer, Peer::Unnamed);
        let mut buffer = [0; 1000];
        loop {
            let count = conn.read(&mut buffer).unwrap();
            if count == 0 {
                break;
            }
            conn.write_all(&buffer[..count]).unwrap();
        }
        connecting.join().unwrap();
    });
}

#[test]
fn a_unix_client_waits_for_room_in_the_queue() {
    let _alone = alone();
    in_both(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let options = greenserve::net::SocketOptions::new().backlog(1);
        let listener = UnixListener::bind_with(path.as_path(), &options).unwrap();
        let connecting: Vec<_> = (0..6)
            .map(|_| {
                let path = path.clone();
                let connect = move || UnixStream::connect(path.as_path()).unwrap();
                runtime::spawn(connect).unwrap()
            })
            .collect();
        let accepted: Vec<_> = (0..6).map(|_| listener.accept().unwrap()).collect();
        connecting.into_iter().for_each(|client| drop(joined(client)));
        drop(accepted);
    });
}

#[test]
fn clients_of_a_unix_server_that_accepts_nobody_leave_the_resolver_alone() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let options = greenserve::net::SocketOptions::new().backlog(1);
    let _listener = UnixListener::bind_with(path.as_path(), &options).unwrap();
    let connecting: Vec<_> = (0..40)
        .map(|_| {
            let path = path.clone();
            runtime::spawn(move || UnixStream::connect(path.as_path()).map(drop)).unwrap()
        })
        .collect();
    in_coroutine(|| assert!(!runtime::resolve("localhost", 80).unwrap().is_empty()));
    for client in connecting {
        client.kill();
        // However it ended, perhaps before it had begun.
        assert!(
            client.join_timeout(PATIENCE).is_ok(),
            "a killed client goes on connecting"
        );
    }
}

#[test]
fn datagrams_come_whole_or_are_said_to_be_cut() {
    let _alone = alone();
    in_both(|| {
        let one = UdpSocket::bind("127.0.0.1:0").unwrap();
        let other = UdpSocket::bind("127.0.0.1:0").unwrap();
        one.connect(other.address().unwrap()).unwrap();
        let mut buffer = [0; 10];
        for (sent, length, cut) in [(3, 3, false), (10, 10, false), (11, 10, true), (0, 0, false)] {
            one.send(&pattern(7, sent)).unwrap();
            assert_eq!(other.peek(&mut buffer).unwrap(), length);
            let received = other.receive(&mut buffer).unwrap();
            assert_eq!((received.length, received.truncated), (length, cut));
            assert_eq!(buffer[..length], pattern(7, sent)[..length]);
            assert_eq!(received.peer, Peer::Ip(one.local_addr().unwrap()));
        }
        other.send_to(b"back", one.local_addr().unwrap()).unwrap();
        assert_eq!(one.recv(&mut buffer).unwrap(), 4);
    });
}

#[test]
fn a_datagram_that_comes_later_ends_the_wait() {
    let _alone = alone();
    in_both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let to = socket.local_addr().unwrap();
        let sending = thread::spawn(move || {
            let from = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            let mut answer = [0; 8];
            from.set_read_timeout(Some(LOST)).unwrap();
            for turn in 0..100_u8 {
                from.send_to(&[turn], to).unwrap();
                assert_eq!(from.recv(&mut answer).unwrap(), 1);
                assert_eq!(answer[0], turn);
            }
        });
        let mut buffer = [0; 8];
        for _ in 0..100 {
            let (length, peer) = socket.recv_from(&mut buffer).unwrap();
            socket.send_to(&buffer[..length], peer).unwrap();
        }
        sending.join().unwrap();
    });
}

#[test]
fn unix_datagrams_are_answered_by_path() {
    let _alone = alone();
    in_both(|| {
        let directory = tempfile::tempdir().unwrap();
        let [server, client] =
            ["server", "client"].map(|name| UnixDatagram::bind(directory.path().join(name)).unwrap());
        client.connect(directory.path().join("server")).unwrap();
        client.send(b"hello").unwrap();
        let mut buffer = [0; 3];
        let received = server.receive(&mut buffer).unwrap();
        assert_eq!((received.length, received.truncated), (3, true));
        assert_eq!(received.peer, Peer::Unix(directory.path().join("client")));
        server.send_to(b"yes", received.peer).unwrap();
        assert_eq!(client.recv(&mut buffer).unwrap(), 3);
        UnixDatagram::unbound()
            .unwrap()
            .send_to(b"no", Peer::Unix(directory.path().join("server")))
            .unwrap();
        let unnamed = server.receive(&mut buffer).unwrap();
        assert_eq!(unnamed.peer, Peer::Unnamed);
        let refused = server.send_to(b"?", unnamed.peer).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AddrNotAvailable);
    });
}

/// Fills the queue of the socket at `path` with datagrams of one byte, from a
/// sender of its own.
fn fill(path: &Path) -> io::Result<usize> {
    let filler = std::os::unix::net::UnixDatagram::unbound()?;
    filler.set_nonblocking(true)?;
    let mut sent = 0;
    loop {
        match filler.send_to(b"f", path) {
            Ok(_) => sent += 1,
            Err(err) if err.kind() == ErrorKind::WouldBlock => return Ok(sent),
            Err(err) => return Err(err),
        }
    }
}

/// Two senders to a queue that a third has filled both get through as soon as
/// the receiver has taken what is there.
fn senders_wait_for_room<T>(run: impl Fn(Box<dyn FnOnce() -> io::Result<usize> + Send>) -> T) -> [T; 2] {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let receiver = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    receiver.set_read_timeout(Some(LOST)).unwrap();
    assert!(fill(&path).unwrap() > 0);
    let sender = || {
        let sender = UnixDatagram::unbound().unwrap();
        sender.set_write_timeout(Some(LOST)).unwrap();
        sender
    };
    let (to, connected, address) = (sender(), sender(), Peer::Unix(path.clone()));
    connected.connect(path.as_path()).unwrap();
    let sending = [
        run(Box::new(move || to.send_to(b"s", address))),
        run(Box::new(move || connected.send(b"s"))),
    ];
    let mut heard = 0;
    let mut buffer = [0];
    while heard < 2 {
        receiver.recv(&mut buffer).unwrap();
        heard += usize::from(buffer == *b"s");
    }
    sending
}

#[test]
fn coroutines_that_send_wait_for_room_that_others_have_taken() {
    let _alone = alone();
    let waiting = |send: Box<dyn FnOnce() -> io::Result<usize> + Send>| {
        let begun = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&begun);
        let sending = Builder::new().worker(0).spawn(move || {
            theirs.store(true, Ordering::SeqCst);
            send()
        });
        suspended(0, &begun);
        sending.unwrap()
    };
    for sender in senders_wait_for_room(waiting) {
        assert_eq!(joined(sender).unwrap(), 1);
    }
}

#[test]
fn threads_that_send_wait_for_room_that_others_have_taken() {
    let _alone = alone();
    for sender in senders_wait_for_room(thread::spawn) {
        assert_eq!(sender.join().unwrap().unwrap(), 1);
    }
}

#[test]
fn many_senders_to_a_slow_receiver_all_get_through() {
    const SENDERS: usize = 20;
    const EACH: usize = 50;
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = Arc::new(directory.path().join("socket"));
    let receiver = UnixDatagram::bind(path.as_path()).unwrap();
    let send = |_| {
        let path = Arc::clone(&path);
        runtime::spawn(move || {
            let sender = UnixDatagram::unbound().unwrap();
            sender.set_write_timeout(Some(LOST)).unwrap();
            for _ in 0..EACH {
                sender.send_to(b"x", Peer::Unix(path.to_path_buf())).unwrap();
            }
        })
    };
    let senders: Vec<_> = (0..SENDERS).map(|index| send(index).unwrap()).collect();
    in_coroutine(move || {
        for _ in 0..SENDERS * EACH {
            receiver.recv(&mut [0]).unwrap();
            runtime::yield_now();
        }
    });
    senders.into_iter().for_each(joined);
}

/// An address that no other test of this machine has.
fn abstract_address(name: &str) -> Address {
    format!("unix-abstract:greenserve test {name} {}", std::process::id())
        .parse()
        .unwrap()
}

#[test]
fn a_server_on_an_abstract_name_needs_no_file_and_frees_it() {
    let _alone = alone();
    let address = abstract_address("stream");
    for _ in 0..2 {
        let server = UnixServer::bind(address.clone(), echo_unix).unwrap().start().unwrap();
        assert_eq!(server.address(), address);
        assert!(
            UnixServer::bind(address.clone(), echo_unix).is_err(),
            "the name is taken"
        );
        for connect in [true, false] {
            let talk = {
                let address = address.clone();
                move || {
                    let mut client = UnixStream::connect(address).unwrap();
                    echoed(&mut client, b"hello");
                }
            };
            if connect { in_coroutine(talk) } else { talk() }
        }
        assert!(server.stop(PATIENCE).unwrap().is_clean());
    }
    assert!(UnixStream::connect(address).is_err());
}

fn echo_unix(client: &mut UnixStream) -> std::io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count])?,
        }
    }
}

#[test]
fn a_connection_that_never_has_to_wait_is_not_registered() {
    let _alone = alone();
    let (mut near, mut far) = connection();
    far.write_all(b"question").unwrap();
    in_coroutine(move || {
        let descriptor = near.as_raw_fd();
        let mut heard = [0; 8];
        near.read_exact(&mut heard).unwrap();
        near.write_all(&heard).unwrap();
        let more = [IoSlice::new(b"and"), IoSlice::new(b" more")];
        assert_eq!(near.write_vectored(&more).unwrap(), 8);
        assert!(!proc::is_polled(descriptor), "{descriptor} is registered");

        near.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(near.read(&mut heard).unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(proc::is_polled(descriptor), "{descriptor} is not registered");
    });
    expect(&mut far, b"questionand more");
}

#[test]
fn what_is_over_before_it_has_begun_is_not_tried() {
    let _alone = alone();
    let (mut near, mut far) = connection();
    far.write_all(b"question").unwrap();
    in_coroutine(move || {
        near.set_deadline(Some(Instant::now()));
        assert_eq!(near.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(near.write(b"answer").unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn datagrams_reach_abstract_names() {
    let _alone = alone();
    let (here, there) = (abstract_address("here"), abstract_address("there"));
    let (one, other) = (
        UnixDatagram::bind(here).unwrap(),
        UnixDatagram::bind(there.clone()).unwrap(),
    );
    assert_eq!(other.address().unwrap(), there);
    one.connect(there).unwrap();
    one.send(b"ping").unwrap();
    let mut buffer = [0; 8];
    let received = other.receive(&mut buffer).unwrap();
    other.reply(b"pong", &received).unwrap();
    assert_eq!(one.recv(&mut buffer).unwrap(), 4);
}

#[test]
fn an_interface_may_be_named() {
    let _alone = alone();
    let listener = TcpListener::bind("[::1%lo]:0").unwrap();
    let client = TcpStream::connect(listener.address().unwrap()).unwrap();
    drop(client);
    listener.accept().unwrap();
}
