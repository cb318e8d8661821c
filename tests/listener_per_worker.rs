//! A server with a listening socket and an accept loop on each worker.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream as Client, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::{PATIENCE, alone_with, client, echo, echoed, engine, expect_end, ip, wait_until};
use greenserve::net::{Peer, SocketOptions, TcpStream};
use greenserve::runtime::{self, Engine};
use greenserve::{
    Builder, Coroutine, Datagram, Failure, Handler, Hooks, Phase, Running, Server, Tcp, TcpServer, Udp, UdpServer,
    UnixServer,
};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{SockaddrStorage, getpeername, getsockname};
use nix::unistd::Pid;

const WORKERS: usize = 3;

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(WORKERS))
}

fn builder(handler: impl Handler<TcpStream>) -> Builder<Tcp> {
    TcpServer::builder(handler).listener_per_worker(true)
}

fn bound(builder: Builder<Tcp>) -> (Server<Tcp>, SocketAddr) {
    let server = builder.bind("127.0.0.1:0").unwrap();
    let address = ip(&server.address().unwrap());
    (server, address)
}

fn started(builder: Builder<Tcp>) -> (Running<Tcp, Coroutine>, SocketAddr) {
    let (server, address) = bound(builder);
    (server.start().unwrap(), address)
}

/// How many sockets of this process are bound to `port` and not connected.
fn sockets(port: u16) -> usize {
    let sockets = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let number = path.file_name()?.to_str()?.parse().ok()?;
        let name = getsockname::<SockaddrStorage>(number).ok()?;
        let v4 = name.as_sockaddr_in().map(nix::sys::socket::SockaddrIn::port);
        let bound_to = v4.or(name.as_sockaddr_in6().map(nix::sys::socket::SockaddrIn6::port))?;
        let is_listener = bound_to == port && getpeername::<SockaddrStorage>(number).is_err();
        // The same socket may have two descriptors.
        is_listener.then(|| fs::read_link(path).unwrap())
    });
    sockets.collect::<HashSet<_>>().len()
}

/// Where clients were accepted and where they are served.
#[derive(Clone, Debug, Default)]
struct Places {
    accepted: Arc<Mutex<HashMap<Peer, ThreadId>>>,
    served: Arc<Mutex<HashMap<Peer, HashSet<ThreadId>>>>,
}

impl Hooks<Tcp> for Places {
    fn verify_request(&self, _: &TcpStream, peer: &Peer) -> Result<bool, Failure> {
        let here = thread::current().id();
        self.accepted.lock().unwrap().insert(peer.clone(), here);
        Ok(true)
    }
}

impl Places {
    fn serve(&self, client: &mut TcpStream) -> io::Result<()> {
        let peer = client.peer()?;
        let mut byte = [0];
        while client.read(&mut byte)? > 0 {
            let here = thread::current().id();
            self.served
                .lock()
                .unwrap()
                .entry(peer.clone())
                .or_default()
                .insert(here);
            client.write_all(&byte)?;
        }
        Ok(())
    }
}

#[test]
fn clients_land_on_several_workers_and_stay_where_they_were_accepted() {
    let _alone = alone();
    let places = Places::default();
    let theirs = places.clone();
    let (server, address) = started(builder(move |client: &mut TcpStream| theirs.serve(client)).hooks(places.clone()));
    assert_eq!(sockets(address.port()), WORKERS);
    let mut clients: Vec<_> = (0..60).map(|_| client(address)).collect();
    for _ in 0..3 {
        clients.iter_mut().for_each(|client| echoed(client, b"x"));
    }
    drop(clients);
    assert!(server.stop(PATIENCE).unwrap().is_clean());
    let (accepted, served) = (places.accepted.lock().unwrap(), places.served.lock().unwrap());
    assert_eq!((accepted.len(), served.len()), (60, 60));
    // By the engine `may` a worker is chosen by the descriptor's number.
    if engine() == Engine::Pinned {
        // All of 60 on one of three would be chance of 1 in 10^28.
        assert!(accepted.values().collect::<HashSet<_>>().len() > 1);
        for (peer, threads) in served.iter() {
            assert_eq!(*threads, HashSet::from([accepted[peer]]), "{peer}");
        }
    }
}

/// Counts requests that were taken and not closed.
#[derive(Clone, Debug, Default)]
struct Taken {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Hooks<Tcp> for Taken {
    fn get_request(&self, listener: &greenserve::net::TcpListener, limit: usize) -> io::Result<(TcpStream, Peer)> {
        let taken = <Tcp as greenserve::Family>::next_request(listener, limit)?;
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        Ok(taken)
    }

    fn close_request(&self, request: TcpStream, _: &Peer) {
        self.now.fetch_sub(1, Ordering::SeqCst);
        drop(request);
    }
}

#[test]
fn the_limit_is_exact_under_fifty_clients_at_once() {
    let _alone = alone();
    let taken = Taken::default();
    let (server, address) = started(builder(echo).hooks(taken.clone()).max_connections(2));
    for _ in 0..10 {
        thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| echoed(&mut client(address), b"hello"));
            }
        });
    }
    wait_until("the end of all", || server.handle().in_flight() == 0);
    assert_eq!(taken.most.load(Ordering::SeqCst), 2);
    assert!(server.stop(PATIENCE).unwrap().is_clean());
}

#[test]
fn who_waits_for_room_at_any_socket_gets_it_when_another_client_ends() {
    let _alone = alone();
    let (server, address) = started(builder(echo).max_connections(1));
    let mut all: Vec<_> = (0..30).map(|_| client(address)).collect();
    all.iter_mut().for_each(|client| client.write_all(b"x").unwrap());
    // Whichever is served: the others must not be forgotten when it ends.
    for each in &all {
        each.set_nonblocking(true).unwrap();
    }
    while !all.is_empty() {
        let left = all.len();
        wait_until("an answer", || {
            all.retain_mut(|client| client.read(&mut [0]).is_err());
            all.len() < left
        });
    }
    assert!(server.stop(PATIENCE).unwrap().is_clean());
}

#[test]
fn a_shutdown_ends_all_loops_and_the_server_may_serve_again() {
    let _alone = alone();
    let (server, address) = started(builder(echo));
    echoed(&mut client(address), b"hello");
    wait_until("the client's end", || server.handle().in_flight() == 0);
    let server = server.shutdown().unwrap();
    assert_eq!(server.handle().phase(), Phase::Listening);
    // The kernel takes them in, and nobody else does.
    let mut waiting: Vec<_> = (0..20).map(|_| client(address)).collect();
    assert_eq!(server.handle().in_flight(), 0);
    let server = server.start().unwrap();
    waiting.iter_mut().for_each(|client| echoed(client, b"hello"));
    drop(waiting);
    assert!(server.stop(PATIENCE).unwrap().is_clean());
    assert_eq!(sockets(address.port()), 0);
    TcpListener::bind(address).unwrap();
}

#[test]
fn dropping_the_server_frees_the_port_and_kills_what_is_in_flight() {
    let _alone = alone();
    let (server, address) = started(builder(echo));
    let mut client = client(address);
    echoed(&mut client, b"hello");
    drop(server);
    expect_end(&mut client);
    assert_eq!(sockets(address.port()), 0);
}

#[test]
fn a_pause_holds_for_all_loops() {
    let _alone = alone();
    let (server, address) = started(builder(echo));
    server.handle().pause();
    let mut clients: Vec<_> = (0..30).map(|_| client(address)).collect();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(server.handle().in_flight(), 0);
    server.handle().resume();
    clients.iter_mut().for_each(|client| echoed(client, b"hello"));
}

#[test]
fn serve_forever_returns_on_a_thread_and_in_a_coroutine_that_is_killed() {
    let _alone = alone();
    let (mut server, address) = bound(builder(echo));
    let handle = server.handle();
    let serving = thread::spawn(move || server.serve_forever().map(|()| server));
    echoed(&mut client(address), b"hello");
    handle.shutdown();
    let mut server = serving.join().unwrap().unwrap();
    let serving = runtime::spawn(move || server.serve_forever().map(|()| server)).unwrap();
    echoed(&mut client(address), b"hello");
    serving.kill();
    drop(common::joined(serving));
    assert_eq!(handle.phase(), Phase::Closed);
}

#[test]
fn a_signal_ends_all_loops_and_drains() {
    let _alone = alone();
    let (server, address) = bound(builder(echo));
    let handle = server.handle();
    let serving = thread::spawn(move || server.serve_until_signal(PATIENCE));
    let mut client = client(address);
    echoed(&mut client, b"hello");
    kill(Pid::this(), Signal::SIGTERM).unwrap();
    wait_until("the drain", || handle.phase() == Phase::Draining);
    echoed(&mut client, b"still here");
    drop(client);
    let report = serving.join().unwrap().unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!(sockets(address.port()), 0);
}

/// Counts timeouts, and requests that were verified.
#[derive(Clone, Debug, Default)]
struct Counts {
    timeouts: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Hooks<Tcp> for Counts {
    fn verify_request(&self, _: &TcpStream, _: &Peer) -> Result<bool, Failure> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    }

    fn handle_timeout(&self) {
        self.timeouts.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn handle_request_serves_one_wherever_it_arrives() {
    let _alone = alone();
    let counts = Counts::default();
    let limit = Some(Duration::from_millis(30));
    let (mut server, address) = bound(builder(echo).hooks(counts.clone()).timeout(limit));
    let mut clients: Vec<_> = (0..20).map(|_| client(address)).collect();
    for served in 1..=20 {
        server.handle_request().unwrap();
        assert_eq!(counts.requests.load(Ordering::SeqCst), served);
    }
    clients.iter_mut().for_each(|client| echoed(client, b"hello"));
    assert_eq!(counts.timeouts.load(Ordering::SeqCst), 0);
    server.handle_request().unwrap();
    assert_eq!(counts.timeouts.load(Ordering::SeqCst), 1);
    drop(clients);
    assert!(server.stop(PATIENCE).is_clean());
}

#[test]
fn a_panic_in_one_loop_ends_all_and_reaches_the_caller() {
    #[derive(Debug)]
    struct Broken;
    impl Hooks<Tcp> for Broken {
        fn get_request(&self, _: &greenserve::net::TcpListener, _: usize) -> io::Result<(TcpStream, Peer)> {
            panic!("on purpose")
        }
    }
    let _alone = alone();
    let (mut server, address) = bound(builder(echo).hooks(Broken));
    let _client = client(address);
    let panic = catch_unwind(AssertUnwindSafe(|| server.serve_forever())).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    assert_eq!(server.handle().phase(), Phase::Listening);
}

#[test]
fn both_steps_of_binding_are_told_of_every_socket() {
    #[derive(Clone, Debug, Default)]
    struct Told(Arc<Mutex<Vec<&'static str>>>);
    impl Hooks<Tcp> for Told {
        fn server_bind(&self, _: &greenserve::net::TcpListener) -> greenserve::Result<()> {
            self.0.lock().unwrap().push("bind");
            Ok(())
        }

        fn server_activate(&self, _: &greenserve::net::TcpListener) -> greenserve::Result<()> {
            self.0.lock().unwrap().push("activate");
            Ok(())
        }

        fn server_close(&self) {
            self.0.lock().unwrap().push("close");
        }
    }
    let _alone = alone();
    let told = Told::default();
    let mut server = builder(echo).hooks(told.clone()).unbound("127.0.0.1:0").unwrap();
    server.server_bind().unwrap();
    let port = ip(&server.address().unwrap()).port();
    assert_eq!(sockets(port), WORKERS);
    Client::connect(("127.0.0.1", port)).unwrap_err();
    server.server_activate().unwrap();
    Client::connect(("127.0.0.1", port)).unwrap();
    drop(server);
    let told = told.0.lock().unwrap();
    assert_eq!(told.join(" "), "bind bind bind activate activate activate close");
}

#[test]
fn a_port_that_somebody_has_is_refused_as_always() {
    let _alone = alone();
    let (server, address) = bound(builder(echo));
    let refused = builder(echo).bind(address).unwrap_err();
    assert!(refused.to_string().contains("in use"), "{refused}");
    drop(server);
    // Who says so may share it with other servers all the same.
    let shared = || {
        builder(echo)
            .socket_options(SocketOptions::new().reuse_port(true))
            .bind(address)
            .unwrap()
    };
    let (_one, _another) = (shared(), shared());
    assert_eq!(sockets(address.port()), 2 * WORKERS);
}

#[test]
fn every_address_of_the_machine_can_be_shared_too() {
    let _alone = alone();
    let server = builder(echo).bind(":0").unwrap().start().unwrap();
    let port = ip(&server.address()).port();
    assert_eq!(sockets(port), WORKERS);
    for _ in 0..20 {
        echoed(&mut client(SocketAddr::from(([127, 0, 0, 1], port))), b"hello");
    }
}

#[test]
fn datagrams_are_answered_by_every_socket() {
    let _alone = alone();
    let server = UdpServer::builder(|datagram: &mut Datagram<UdpSocket>| datagram.reply(datagram.packet()).map(drop))
        .listener_per_worker(true)
        .bind("127.0.0.1:0")
        .unwrap()
        .start()
        .unwrap();
    let address = ip(&server.address());
    assert_eq!(sockets(address.port()), WORKERS);
    for number in 0..60_u8 {
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.send_to(&[number], address).unwrap();
        let mut heard = [0; 2];
        assert_eq!(client.recv(&mut heard).unwrap(), 1);
        assert_eq!(heard[0], number);
    }
    assert!(server.stop(PATIENCE).unwrap().is_clean());
    assert_eq!(sockets(address.port()), 0);
}

fn refused<T: std::fmt::Debug>(result: greenserve::Result<T>) -> String {
    let err = result.unwrap_err().to_string();
    assert!(err.starts_with("listener_per_worker cannot be true"), "{err}");
    err
}

#[test]
fn it_is_refused_where_it_could_not_work() {
    let _alone = alone();
    assert!(refused(builder(echo).threads().bind("127.0.0.1:0")).contains("the model thread has no workers"));
    assert!(refused(builder(echo).processes(2).bind("127.0.0.1:0")).contains("the model fork"));
    assert!(refused(builder(echo).inline().bind("127.0.0.1:0")).contains("the model inline"));
    let unix = UnixServer::builder(|_: &mut greenserve::net::UnixStream| io::Result::Ok(())).listener_per_worker(true);
    assert!(refused(unix.unbound("unix:/tmp/nobody-binds-this")).contains("a Unix socket"));
    let listener = greenserve::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(refused(builder(echo).adopt(listener)).contains("give an address"));
    assert!(refused(builder(echo).unbound("fd:3")).contains("give an address"));
    // Also when the model is changed after the sockets were bound.
    let mut late = bound(builder(echo)).0.threads();
    assert!(refused(late.serve_forever()).contains("the model thread"));
    assert!(refused(late.start()).contains("the model thread"));
}

#[test]
fn a_server_that_does_not_ask_for_it_has_one_socket() {
    let _alone = alone();
    let one = TcpServer::builder(echo).bind("127.0.0.1:0").unwrap();
    assert_eq!(sockets(ip(&one.address().unwrap()).port()), 1);
    let udp = Server::<Udp>::builder(|_: &mut Datagram<UdpSocket>| io::Result::Ok(()));
    let udp = udp.bind("127.0.0.1:0").unwrap();
    assert_eq!(sockets(ip(&udp.address().unwrap()).port()), 1);
}
