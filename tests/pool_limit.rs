//! How many requests run at once, and what becomes of the others.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream as Client};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use greenserve::net::TcpStream;
use greenserve::testing::TestServer;
use greenserve::{
    Builder, Context, Coroutine, Error, HandlerError, Hooks, Model, Server, Tcp, TcpServer, Thread, Udp, sync,
};
use support::exchange::udp_client;
use support::{LIMIT, ask, connect, is_closed, read_exactly, stays_silent, wait_until};

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    while client.read(&mut byte)? == 1 {
        client.write_all(&byte)?;
    }
    Ok(())
}

fn limited<M: Model>(most: usize, model: M) -> TestServer<Tcp, M> {
    TestServer::build(TcpServer::builder(echo).max_connections(most).model(model)).unwrap()
}

fn served(mut client: Client) -> Client {
    client.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&client, 1), b"x");
    client
}

fn the_third_of_two_waits<M: Model>(model: M) {
    let server = limited(2, model);
    assert_eq!(server.handle().max_connections(), 2);
    let (first, second) = (served(connect(server.address())), served(connect(server.address())));
    let mut third = connect(server.address());
    third.write_all(b"x").unwrap();
    assert!(stays_silent(&third, Duration::from_millis(100)));
    assert_eq!(server.handle().in_flight(), 2);
    drop(first);
    assert_eq!(read_exactly(&third, 1), b"x");
    assert_eq!(server.handle().in_flight(), 2);
    served(second);
}

#[test]
fn the_third_client_of_two_coroutines_waits_and_is_then_served() {
    the_third_of_two_waits(Coroutine::new());
}

#[test]
fn the_third_client_of_two_threads_waits_and_is_then_served() {
    the_third_of_two_waits(Thread::new());
}

/// Full and free again, quickly, many times.
fn never_falls_silent<M: Model>(model: M) {
    let server = limited(2, model);
    for _ in 0..100 {
        let two = [(); 2].map(|()| served(connect(server.address())));
        let mut third = connect(server.address());
        third.write_all(b"x").unwrap();
        drop(two);
        assert_eq!(read_exactly(&third, 1), b"x");
    }
}

#[test]
fn a_hundred_times_full_coroutines_are_free_again() {
    never_falls_silent(Coroutine::new());
}

#[test]
fn a_hundred_times_full_threads_are_free_again() {
    never_falls_silent(Thread::new());
}

#[test]
fn a_crowd_at_a_server_of_one_is_served_one_by_one() {
    let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let theirs = Arc::clone(&running);
    let handler = move |client: &mut TcpStream| {
        theirs
            .1
            .fetch_max(theirs.0.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let echoed = echo(client);
        theirs.0.fetch_sub(1, Ordering::SeqCst);
        echoed
    };
    let server = TestServer::build(TcpServer::builder(handler).max_connections(1)).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(ask(server.address(), b"me"), b"me");
                }
            });
        }
    });
    assert_eq!(running.1.load(Ordering::SeqCst), 1);
}

#[test]
fn datagrams_beyond_the_limit_wait_too() {
    let gate = Arc::new(sync::Semaphore::new(0));
    let (began, begun) = mpsc::channel();
    let theirs = Arc::clone(&gate);
    let handler = move |datagram: &mut greenserve::Datagram<std::net::UdpSocket>| -> io::Result<()> {
        began.send(()).unwrap();
        theirs.acquire()?.forget();
        datagram.reply(b"done").map(drop)
    };
    let builder = Server::<Udp>::builder(handler).max_connections(1);
    let server = TestServer::build(builder).unwrap();
    let client = udp_client(server.address());
    client.send(b"one").unwrap();
    client.send(b"two").unwrap();
    begun.recv_timeout(LIMIT).unwrap();
    assert!(begun.recv_timeout(Duration::from_millis(50)).is_err());
    for _ in 0..2 {
        gate.add_permits(1);
        assert_eq!(client.recv(&mut [0; 16]).unwrap(), 4);
    }
    begun.recv_timeout(LIMIT).unwrap();
}

#[test]
fn a_hundred_clients_fit_the_default_backlog() {
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap();
    let address = server.address().unwrap();
    let clients: Vec<_> = (0..100).map(|_| connect(&address)).collect();
    let server = TestServer::serve(server).unwrap();
    for client in clients {
        served(client);
    }
    drop(server);
}

#[test]
fn no_more_clients_wait_than_the_backlog_says() {
    let server = TcpServer::builder(echo).backlog(1).bind("127.0.0.1:0").unwrap();
    let address = support::ip(&server.address().unwrap());
    // The kernel lets one more wait than it was told.
    let _waiting = [(); 2].map(|()| support::connect_ip(address));
    let refused = Client::connect_timeout(&address, Duration::from_millis(200));
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[test]
fn a_backlog_for_a_socket_that_listens_already_is_refused() {
    let listener = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().into();
    let err = TcpServer::builder(echo).backlog(5).adopt(listener()).unwrap_err();
    assert!(err.is_usage());
    let said = "socket_options cannot be given: the adopted socket listens already";
    assert!(err.to_string().starts_with(said), "{err}");
    TcpServer::builder(echo).adopt(listener()).unwrap();
}

/// Sends on what `handle_error` is told.
#[derive(Debug)]
struct Told(mpsc::Sender<String>);

impl Hooks<Tcp> for Told {
    fn handle_error(&self, error: &HandlerError, _: &Context) {
        let kind = match error {
            HandlerError::NotStarted(Error::System { .. }) => "NotStarted",
            _ => "another",
        };
        self.0.send(format!("{kind}: {error}")).unwrap();
    }
}

#[test]
fn a_thread_that_cannot_be_started_is_an_error_of_its_request_alone() {
    let (sender, told) = mpsc::channel();
    let builder: Builder<Tcp, _> = TcpServer::builder(echo).hooks(Told(sender));
    let builder = builder.accept_backoff(Duration::from_millis(1), Duration::from_millis(1));
    // No machine has so much address space.
    let model = Thread::new().stack_size(usize::MAX / 2);
    let server = TestServer::build(builder.model(model)).unwrap();
    for _ in 0..3 {
        let client = connect(server.address());
        assert!(is_closed(&client));
        let said = told.recv_timeout(LIMIT).unwrap();
        assert!(
            said.starts_with("NotStarted: the handler could not be started: cannot start a thread: "),
            "{said}"
        );
    }
    wait_until("nothing is in flight", || server.handle().in_flight() == 0);
    assert!(server.stop().unwrap().is_clean());
}

#[test]
fn half_closed_clients_give_their_place_back() {
    let server = limited(1, Coroutine::new());
    for _ in 0..20 {
        let client = served(connect(server.address()));
        client.shutdown(Shutdown::Write).unwrap();
        assert!(is_closed(&client));
    }
}
