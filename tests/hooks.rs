//! Which hooks are called, in which order, whatever goes wrong.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use greenserve::net::{TcpListener, TcpStream};
use greenserve::testing::TestServer;
use greenserve::{Coroutine, Error, HandlerError, Hooks, Inline, Model, Tcp, TcpServer, Thread};
use support::scenario::{Scenario, named, noted, serve_none, serve_one, whole};
use support::stages::Fault;
use support::trace::Trace;
use support::{ask, connect, ip, is_closed, read_exactly, wait_until};

fn check<M: Model>(scenario: Scenario, model: M) {
    let noted = serve_one(scenario.fault, model);
    assert_eq!(noted, whole(&[scenario.accepting, scenario.handling].concat()));
}

/// One test a scenario and model.
macro_rules! in_each_model {
    ($($promise:ident: $scenario:literal;)*) => {$(
        mod $promise {
            use super::*;

            #[test]
            fn on_coroutines() {
                check(named($scenario), Coroutine::new());
            }

            #[test]
            fn on_threads() {
                check(named($scenario), Thread::new());
            }

            #[test]
            fn inline() {
                check(named($scenario), Inline::new());
            }
        }
    )*};
}

in_each_model! {
    a_request_passes_every_hook_once_in_order: "success";
    an_error_is_reported_after_finish_and_before_the_close: "handle_error";
    finish_runs_after_a_panic_in_handle: "handle_panic";
    finish_does_not_run_after_a_failing_setup: "setup_error";
    finish_does_not_run_after_a_panic_in_setup: "setup_panic";
    an_error_in_finish_goes_to_handle_error: "finish_error";
    a_panic_in_finish_goes_to_handle_error: "finish_panic";
    a_panic_around_the_handler_is_an_error_of_its_request: "finish_request_panic";
    an_unwelcome_request_is_shut_down_once: "unwelcome";
    an_error_of_verify_request_rejects_and_is_reported: "verify_error";
    a_panic_of_verify_request_rejects_and_is_reported: "verify_panic";
    an_error_of_process_request_rejects_and_is_reported: "process_error";
    a_panic_of_handle_error_leaves_the_request_closed: "panic_over_error";
}

#[test]
fn a_timeout_calls_handle_timeout_and_nothing_else() {
    let expected = whole(&["handle_timeout"]);
    assert_eq!(serve_none(Coroutine::new()), expected);
    assert_eq!(serve_none(Thread::new()), expected);
    assert_eq!(serve_none(Inline::new()), expected);
}

fn nothing(_: &mut TcpStream) -> io::Result<()> {
    Ok(())
}

/// Counts what the accept loop does when nothing happens.
#[derive(Clone, Debug, Default)]
struct Turns(Arc<AtomicUsize>);

impl Hooks<Tcp> for Turns {
    fn service_actions(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn service_actions_come_round_while_nothing_happens() {
    let turns = Turns::default();
    let builder = TcpServer::builder(nothing).hooks(turns.clone());
    let server = TestServer::build(builder.poll_interval(Duration::from_millis(5))).unwrap();
    wait_until("three turns have passed", || turns.0.load(Ordering::SeqCst) >= 3);
    assert!(server.stop().unwrap().is_clean());
}

#[test]
fn service_actions_follow_each_request_however_long_the_interval() {
    let turns = Turns::default();
    let builder = TcpServer::builder(nothing).hooks(turns.clone()).threads();
    let server = TestServer::build(builder.poll_interval(Duration::from_secs(600))).unwrap();
    for served in 1..=3 {
        ask(server.address(), b"");
        wait_until("the request's turn ends", || turns.0.load(Ordering::SeqCst) >= served);
    }
}

#[test]
fn handle_request_does_not_call_service_actions() {
    let turns = Turns::default();
    let builder = TcpServer::builder(nothing).hooks(turns.clone()).inline();
    let mut server = builder.bind("127.0.0.1:0").unwrap();
    let client = connect(&server.address().unwrap());
    server.handle_request().unwrap();
    assert!(is_closed(&client));
    assert_eq!(turns.0.load(Ordering::SeqCst), 0);
}

/// Refuses a step of the construction.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    at_bind: bool,
}

impl Hooks<Tcp> for Refusal {
    fn server_bind(&self, listener: &TcpListener) -> greenserve::Result<()> {
        if self.at_bind { Err(refusal(listener)) } else { Ok(()) }
    }

    fn server_activate(&self, listener: &TcpListener) -> greenserve::Result<()> {
        Err(refusal(listener))
    }
}

/// Carries the address, so that who sees it can try to connect.
fn refusal(listener: &TcpListener) -> Error {
    Error::System {
        action: "start",
        source: io::Error::other(listener.local_addr().unwrap().to_string()),
    }
}

fn refused_address(err: &Error) -> std::net::SocketAddr {
    match err {
        Error::System { source, .. } => source.to_string().parse().unwrap(),
        other => panic!("another error: {other}"),
    }
}

#[test]
fn an_error_of_a_hook_of_the_construction_leaves_no_socket() {
    for at_bind in [true, false] {
        let bound = TcpServer::builder(nothing)
            .hooks(Refusal { at_bind })
            .bind("127.0.0.1:0");
        let address = refused_address(&bound.unwrap_err());
        std::net::TcpListener::bind(address).unwrap();
    }
}

#[test]
fn an_error_of_server_activate_closes_the_socket_in_two_phases_too() {
    let builder = TcpServer::builder(nothing).hooks(Refusal { at_bind: false });
    let mut server = builder.unbound("127.0.0.1:0").unwrap();
    server.server_bind().unwrap();
    let address = refused_address(&server.server_activate().unwrap_err());
    std::net::TcpListener::bind(address).unwrap();
    assert!(server.serve_forever().is_err());
}

/// The first byte says what to do: `p` waits for another `p` and panics with
/// it, anything else is echoed.
fn panic_in_pairs(both: &Barrier, client: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    loop {
        if client.read(&mut byte)? == 0 {
            return Ok(());
        }
        if byte == *b"p" {
            both.wait();
            panic!("two at once, on purpose");
        }
        client.write_all(&byte)?;
    }
}

#[test]
fn two_panics_at_once_leave_other_clients_served() {
    let both = Arc::new(Barrier::new(2));
    let builder = TcpServer::builder(move |client: &mut TcpStream| panic_in_pairs(&both, client));
    let server = TestServer::build(builder.threads()).unwrap();
    let mut others: Vec<_> = (0..3).map(|_| connect(server.address())).collect();
    let mut doomed = [connect(server.address()), connect(server.address())];
    for client in &mut doomed {
        client.write_all(b"p").unwrap();
    }
    for client in &doomed {
        assert!(is_closed(client));
    }
    for client in &mut others {
        client.write_all(b"x").unwrap();
        assert_eq!(read_exactly(client, 1), b"x");
    }
    // A connection is closed a moment before its place is free.
    wait_until("the two have left", || server.handle().in_flight() == 3);
}

/// Panics once the client has said something, in the middle of other
/// coroutines' conversations.
fn panic_when_told(client: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    while client.read(&mut byte)? == 1 {
        assert!(byte != *b"p", "on purpose");
        client.write_all(&byte)?;
    }
    Ok(())
}

#[test]
fn panics_of_coroutines_leave_other_clients_served() {
    let server = TestServer::<Tcp>::start(panic_when_told).unwrap();
    let mut others: Vec<_> = (0..8).map(|_| connect(server.address())).collect();
    for _ in 0..20 {
        let mut doomed: Vec<_> = (0..4).map(|_| connect(server.address())).collect();
        for client in &mut doomed {
            client.write_all(b"p").unwrap();
        }
        for client in &mut others {
            client.write_all(b"x").unwrap();
            assert_eq!(read_exactly(client, 1), b"x");
        }
        assert!(doomed.iter().all(is_closed));
    }
    drop(others);
    assert!(server.stop().unwrap().is_clean());
}

/// Sends on what `handle_error` is told.
#[derive(Debug)]
struct Told(mpsc::Sender<(String, String, bool)>);

impl Hooks<Tcp> for Told {
    fn handle_error(&self, error: &HandlerError, context: &greenserve::Context) {
        let told = (
            error.to_string(),
            context.connection().to_string(),
            error.is_disconnect(),
        );
        self.0.send(told).unwrap();
    }
}

fn failing(_: &mut TcpStream) -> io::Result<()> {
    Err(io::Error::other("no luck"))
}

#[test]
fn handle_error_is_told_what_failed_and_whose_request_it_was() {
    let (sender, told) = mpsc::channel();
    let server = TestServer::build(TcpServer::builder(failing).hooks(Told(sender)).threads()).unwrap();
    let client = connect(server.address());
    let (error, connection, is_disconnect) = told.recv_timeout(support::LIMIT).unwrap();
    assert_eq!(error, "the handler failed: no luck");
    let peer = client.local_addr().unwrap();
    assert!(connection.starts_with(&format!("thread {peer} (")), "{connection}");
    assert!(connection.contains("failing"), "{connection}");
    assert!(!is_disconnect);
}

#[test]
fn a_client_that_resets_is_a_disconnect_and_no_error() {
    let (sender, told) = mpsc::channel();
    let read = |client: &mut TcpStream| client.read_to_end(&mut Vec::new()).map(drop);
    let server = TestServer::build(TcpServer::builder(read).hooks(Told(sender))).unwrap();
    let client = TcpStream::connect(server.address()).unwrap();
    client.set_linger(Some(Duration::ZERO)).unwrap();
    drop(client);
    let (error, _, is_disconnect) = told.recv_timeout(support::LIMIT).unwrap();
    assert!(is_disconnect, "{error}");
}

#[test]
fn a_panic_of_service_actions_reaches_who_serves() {
    #[derive(Debug)]
    struct Broken;
    impl Hooks<Tcp> for Broken {
        fn service_actions(&self) {
            panic!("service_actions panics on purpose");
        }
    }
    fn serve<M: Model>(model: M) -> String {
        let builder = TcpServer::builder(nothing).hooks(Broken).model(model);
        let mut server = builder
            .poll_interval(Duration::from_millis(1))
            .bind("127.0.0.1:0")
            .unwrap();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| server.serve_forever()));
        let payload = caught.unwrap_err();
        (*payload.downcast_ref::<&str>().unwrap()).to_owned()
    }
    assert_eq!(serve(Coroutine::new()), "service_actions panics on purpose");
    assert_eq!(serve(Thread::new()), "service_actions panics on purpose");
}

#[test]
fn hooks_are_called_for_a_server_that_is_given_another_model() {
    let (trace, notes) = Trace::new();
    let mut server = noted(&trace, Fault::Unwelcome).bind("127.0.0.1:0").unwrap().inline();
    drop(trace);
    let client = connect(&server.address().unwrap());
    server.handle_request().unwrap();
    assert!(is_closed(&client));
    drop(server);
    let refused = ["get_request", "verify_request", "shutdown_request", "close_request"];
    assert_eq!(notes.rest(), whole(&refused));
}

#[test]
fn server_close_comes_after_the_socket_is_closed() {
    #[derive(Debug)]
    struct Reopen(std::sync::Mutex<Option<std::net::SocketAddr>>, mpsc::Sender<bool>);
    impl Hooks<Tcp> for Reopen {
        fn server_bind(&self, listener: &TcpListener) -> greenserve::Result<()> {
            *self.0.lock().unwrap() = Some(listener.local_addr().unwrap());
            Ok(())
        }

        fn server_close(&self) {
            let address = self.0.lock().unwrap().unwrap();
            self.1.send(std::net::TcpListener::bind(address).is_ok()).unwrap();
        }
    }
    let (sender, reopened) = mpsc::channel();
    let hooks = Reopen(std::sync::Mutex::default(), sender);
    let server = TestServer::build(TcpServer::builder(nothing).hooks(hooks)).unwrap();
    assert_ne!(ip(server.address()).port(), 0);
    drop(server);
    assert!(reopened.recv_timeout(support::LIMIT).unwrap());
}
