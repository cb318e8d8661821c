//! Who closes a listener or a datagram socket ends whoever waits for it.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, client, in_both, in_thread, joined, killed, suspended, wait_until};
use greenserve::net::{Address, Peer, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use greenserve::runtime::Builder;
use greenserve::{Coroutine, Family, Hooks, Inline, Model, Tcp, TcpServer, Thread, WaitError};

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

/// A socket that somebody can wait for and somebody else can close.
trait Closable: Send + Sync + Sized + 'static {
    fn open() -> Self;
    fn wait(&self) -> io::Result<()>;
    fn wait_with_limit(&self) -> io::Result<()>;
    fn close(&self) -> io::Result<()>;
    fn clone(&self) -> Self;
}

macro_rules! closable {
    ($socket:ty, $open:expr, $wait:expr, $limit:ident) => {
        impl Closable for $socket {
            fn open() -> Self {
                $open
            }
            fn wait(&self) -> io::Result<()> {
                let wait: fn(&Self) -> io::Result<()> = $wait;
                wait(self)
            }
            fn wait_with_limit(&self) -> io::Result<()> {
                self.$limit(Some(PATIENCE))?;
                self.wait()
            }
            fn close(&self) -> io::Result<()> {
                self.close()
            }
            fn clone(&self) -> Self {
                self.try_clone().unwrap()
            }
        }
    };
}

/// A name that needs no file and is nobody else's.
fn name() -> Address {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("greenserve-closing-{}-{number}", std::process::id());
    Address::Abstract(name.into_bytes())
}

closable!(
    TcpListener,
    TcpListener::bind("127.0.0.1:0").unwrap(),
    |socket| socket.accept().map(drop),
    set_accept_timeout
);
closable!(
    UnixListener,
    UnixListener::bind(name()).unwrap(),
    |socket| socket.accept().map(drop),
    set_accept_timeout
);
closable!(
    UdpSocket,
    UdpSocket::bind("127.0.0.1:0").unwrap(),
    |socket| socket.receive(&mut [0; 16]).map(drop),
    set_read_timeout
);
closable!(
    UnixDatagram,
    UnixDatagram::bind(name()).unwrap(),
    |socket| socket.receive(&mut [0; 16]).map(drop),
    set_read_timeout
);

fn is_closed(what: &str, result: io::Result<()>) {
    let err = common::failure(result);
    assert_eq!(WaitError::of(&err), Some(WaitError::Closed), "{what}: {err}");
    assert_eq!(err.kind(), io::ErrorKind::NotConnected, "{what}");
}

/// A coroutine that waits on worker `worker`.
fn waiting<C: Closable>(socket: C, worker: usize) -> greenserve::runtime::JoinHandle<io::Result<()>> {
    let begun = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&begun);
    let wait = move || {
        begins.store(true, Ordering::SeqCst);
        socket.wait()
    };
    let waiting = Builder::new().worker(worker).spawn(wait).unwrap();
    suspended(worker, &begun);
    waiting
}

/// True once the thread sleeps in the kernel.
fn sleeps(thread: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
    stat.rsplit(')').next().unwrap().trim_start().starts_with('S')
}

/// A thread that waits in the kernel.
fn waiting_thread<C: Closable>(socket: C, wait: fn(&C) -> io::Result<()>) -> thread::JoinHandle<io::Result<()>> {
    let (tell, told) = std::sync::mpsc::channel();
    let waiting = thread::spawn(move || {
        tell.send(nix::unistd::gettid().as_raw()).unwrap();
        wait(&socket)
    });
    let id = told.recv().unwrap();
    wait_until("a thread waits", || sleeps(id));
    waiting
}

/// A coroutine or a limit makes a descriptor non-blocking, and its duplicates
/// with it: without either the thread is blocked in the call itself.
fn ends_a_blocked_thread<C: Closable>(what: &str) {
    let socket = C::open();
    let waiting = waiting_thread(socket.clone(), C::wait);
    socket.close().unwrap();
    wait_until("a blocked thread's wait ends", || waiting.is_finished());
    is_closed(&format!("{what} in a blocked thread"), waiting.join().unwrap());
}

fn ends_all<C: Closable>(what: &str) {
    ends_a_blocked_thread::<C>(what);
    let socket = C::open();
    let coroutines = [waiting(socket.clone(), 0), waiting(socket.clone(), 1)];
    let threads = [
        waiting_thread(socket.clone(), C::wait),
        waiting_thread(socket.clone(), C::wait_with_limit),
    ];
    let begin = Instant::now();
    socket.close().unwrap();
    for waiting in coroutines {
        is_closed(&format!("{what} in a coroutine"), joined(waiting));
    }
    for waiting in threads {
        wait_until("a thread's wait ends", || waiting.is_finished());
        is_closed(&format!("{what} in a thread"), waiting.join().unwrap());
    }
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{what}: {:?}",
        begin.elapsed()
    );
    is_closed(what, socket.wait());
    is_closed(what, socket.clone().wait());
    socket.close().unwrap();
}

#[test]
fn all_waits_for_a_tcp_listener_end() {
    let _alone = alone();
    ends_all::<TcpListener>("TCP");
}

#[test]
fn all_waits_for_a_unix_listener_end() {
    let _alone = alone();
    ends_all::<UnixListener>("Unix");
}

#[test]
fn all_waits_for_a_udp_socket_end() {
    let _alone = alone();
    ends_all::<UdpSocket>("UDP");
}

#[test]
fn all_waits_for_a_unix_datagram_socket_end() {
    let _alone = alone();
    ends_all::<UnixDatagram>("Unix datagrams");
}

#[test]
fn a_wait_that_begins_while_the_socket_closes_ends_too() {
    fn race<C: Closable>(what: &str) {
        for turn in 0..50 {
            let socket = C::open();
            let other = socket.clone();
            let wait = move || other.wait();
            let waiting = Builder::new().worker(turn % 2).spawn(wait).unwrap();
            let other = socket.clone();
            let thread = thread::spawn(move || other.wait());
            socket.close().unwrap();
            is_closed(what, joined(waiting));
            wait_until("a thread's wait ends", || thread.is_finished());
            is_closed(what, thread.join().unwrap());
        }
    }
    let _alone = alone();
    race::<TcpListener>("TCP");
    race::<UnixListener>("Unix");
    race::<UdpSocket>("UDP");
    race::<UnixDatagram>("Unix datagrams");
}

#[test]
fn a_closed_listener_refuses_clients_and_incoming_ends() {
    let _alone = alone();
    in_both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _first = client(address);
        let mut incoming = listener.incoming();
        incoming.next().unwrap().unwrap();
        listener.close().unwrap();
        assert!(incoming.next().is_none());
        let refused = std::net::TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(path.as_path()).unwrap();
        listener.close().unwrap();
        let refused = UnixStream::connect(path.as_path()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        drop(listener);
        assert!(!path.exists());
    });
}

/// Closes its server's listener when the first client has come.
#[derive(Debug)]
struct Closing;

impl Hooks<Tcp> for Closing {
    fn get_request(&self, listener: &TcpListener, most: usize) -> io::Result<(TcpStream, Peer)> {
        let request = Tcp::next_request(listener, most)?;
        listener.close()?;
        Ok(request)
    }
}

#[test]
fn a_server_whose_listener_is_closed_ends_and_says_so() {
    fn check<M: Model>(model: M) {
        let builder = TcpServer::builder(|client: &mut TcpStream| client.write_all(b"hello"))
            .hooks(Closing)
            .model(model);
        let mut server = builder.bind("127.0.0.1:0").unwrap();
        let _client = client(common::ip(&server.address().unwrap()));
        let err = in_thread("a server whose listener is closed", move || {
            server.serve_forever().unwrap_err()
        });
        assert!(matches!(err, greenserve::Error::Accept { .. }), "{err}");
        assert!(err.to_string().contains("closed"), "{err}");
    }
    let _alone = alone();
    check(Coroutine::new());
    check(Thread::new());
    check(Inline::new());
}

#[test]
fn a_closed_datagram_socket_sends_nothing() {
    let _alone = alone();
    in_both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"x", peer.local_addr().unwrap()).unwrap();
        socket.close().unwrap();
        is_closed("UDP", socket.send_to(b"x", peer.local_addr().unwrap()).map(drop));
        let (socket, _peer) = UnixDatagram::pair().unwrap();
        socket.close().unwrap();
        is_closed("Unix", socket.send(b"x").map(drop));
        is_closed("Unix", socket.peek(&mut [0]).map(drop));
    });
}

#[test]
fn empty_datagrams_are_datagrams_until_the_close() {
    let _alone = alone();
    in_both(|| {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"", socket.local_addr().unwrap()).unwrap();
        assert_eq!(socket.recv(&mut [0; 16]).unwrap(), 0);
    });
}

#[test]
fn an_accept_has_a_limit_of_its_own() {
    let _alone = alone();
    in_both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let timed_out = |limit: Duration| {
            let begin = Instant::now();
            let err = listener.accept_timeout(limit).unwrap_err();
            assert_eq!(WaitError::of(&err), Some(WaitError::Deadline), "{err}");
            begin.elapsed()
        };
        let limit = Duration::from_millis(50);
        let took = timed_out(limit);
        assert!(took >= limit && took < PATIENCE, "{took:?}");
        assert!(timed_out(Duration::ZERO) < PATIENCE);
        listener.set_accept_timeout(Some(limit)).unwrap();
        assert!(timed_out(PATIENCE) < PATIENCE);
        let _client = client(listener.local_addr().unwrap());
        listener.accept_timeout(PATIENCE).unwrap();
    });
}

#[test]
fn with_a_limit_of_zero_who_is_there_is_accepted() {
    let _alone = alone();
    in_both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _clients = [(); 2].map(|()| client(listener.local_addr().unwrap()));
        listener.accept_timeout(PATIENCE).unwrap();
        listener.accept_timeout(Duration::ZERO).unwrap();
    });
}

#[test]
fn a_kill_ends_an_accept_with_a_limit() {
    let _alone = alone();
    let begun = Arc::new(AtomicBool::new(false));
    let begins = Arc::clone(&begun);
    let accepting = Builder::new().worker(0).spawn(move || {
        let listener = UnixListener::bind(name()).unwrap();
        begins.store(true, Ordering::SeqCst);
        listener.accept_timeout(PATIENCE).map(drop)
    });
    let accepting = accepting.unwrap();
    suspended(0, &begun);
    accepting.kill();
    assert_eq!(WaitError::of(&killed(accepting)), Some(WaitError::Killed));
}
