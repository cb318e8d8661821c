//! How a server begins, serves, pauses and ends.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::{Address, Peer, TcpListener, TcpStream};
use greenserve::testing::TestServer;
use greenserve::{
    Builder, Context, Coroutine, Error, Hooks, Inline, Model, Phase, Server, Tcp, TcpServer, Thread, Unix, UnixServer,
    runtime, sync, with_context,
};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use support::{
    LIMIT, ask, comes_true, connect, connect_unix, ip, is_closed, keeps_time, read_exactly, stays_silent, wait_until,
    within_limit,
};

/// Longer than any test lasts: a loop that waits for this never wakes by itself.
const FOR_EVER: Duration = Duration::from_secs(3600);

fn echo(client: &mut TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count])?,
        }
    }
}

fn bound<M: Model>(model: M) -> Server<Tcp, M> {
    TcpServer::builder(echo).model(model).bind("127.0.0.1:0").unwrap()
}

/// One test a model.
macro_rules! in_each_model {
    ($(fn $promise:ident<$model:ident: Model>($value:ident: $same:ident) $body:block)*) => {$(
        mod $promise {
            use super::*;

            fn check<$model: Model + Copy>($value: $model) $body

            #[test]
            fn on_coroutines() {
                check(Coroutine::new());
            }

            #[test]
            fn on_threads() {
                check(Thread::new());
            }

            #[test]
            fn inline() {
                check(Inline::new());
            }
        }
    )*};
}

fn unbound() -> Server<Tcp> {
    TcpServer::builder(echo).unbound("127.0.0.1:0").unwrap()
}

fn refusal<T: std::fmt::Debug>(result: greenserve::Result<T>) -> String {
    match result.unwrap_err() {
        err @ Error::Phase { .. } => err.to_string(),
        other => panic!("another error: {other}"),
    }
}

#[test]
fn an_unbound_server_refuses_everything_but_to_be_bound() {
    let mut server = unbound();
    assert_eq!(server.handle().phase(), Phase::Created);
    assert_eq!(server.handle().address(), None);
    assert!(refusal(server.address()).contains("call server_bind first"));
    assert!(refusal(server.server_activate()).contains("call server_bind first"));
    assert!(refusal(server.serve_forever()).contains("call server_bind first"));
    assert!(refusal(server.handle_request()).contains("call server_bind first"));
    assert!(refusal(server.start()).contains("call server_bind first"));
}

#[test]
fn a_bound_server_has_its_port_and_refuses_to_serve() {
    let mut server = unbound();
    server.server_bind().unwrap();
    assert_eq!(server.handle().phase(), Phase::Bound);
    assert_ne!(server.address().unwrap().port(), Some(0));
    assert!(refusal(server.server_bind()).contains("bound already"));
    assert!(refusal(server.serve_forever()).contains("call server_activate first"));
    assert!(refusal(server.handle_request()).contains("call server_activate first"));
    assert!(refusal(server.start()).contains("call server_activate first"));
}

#[test]
fn a_listening_server_is_not_activated_again() {
    let mut server = unbound();
    server.server_bind().unwrap();
    server.server_activate().unwrap();
    assert_eq!(server.handle().phase(), Phase::Listening);
    assert!(refusal(server.server_activate()).contains("listening"));
    assert!(refusal(server.server_bind()).contains("bound already"));
}

#[test]
fn clients_are_refused_before_listening_and_wait_before_serving() {
    let mut server = unbound();
    server.server_bind().unwrap();
    let address = server.address().unwrap();
    let refused = std::net::TcpStream::connect(ip(&address)).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    server.server_activate().unwrap();
    let mut client = connect(&address);
    client.write_all(b"early").unwrap();
    assert!(stays_silent(&client, Duration::from_millis(50)));
    assert_eq!(server.handle().in_flight(), 0);
    let server = TestServer::serve(server).unwrap();
    assert_eq!(read_exactly(&client, 5), b"early");
    drop(client);
    assert!(server.stop().unwrap().is_clean());
}

#[test]
fn unix_clients_are_refused_before_listening_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let hello = |client: &mut greenserve::net::UnixStream| client.write_all(b"hello");
    let mut server = UnixServer::builder(hello).unbound(path.as_path()).unwrap();
    assert!(!path.exists());
    server.server_bind().unwrap();
    assert!(path.exists());
    let refused = std::os::unix::net::UnixStream::connect(&path).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    server.server_activate().unwrap();
    let client = connect_unix(&path);
    let server = TestServer::serve(server).unwrap();
    assert_eq!(read_exactly(&client, 5), b"hello");
    drop(server);
    assert!(!path.exists());
}

#[test]
fn the_address_is_the_same_to_all_who_ask() {
    let server = bound(Coroutine::new());
    let address = server.address().unwrap();
    assert_ne!(address.port(), Some(0));
    assert_eq!(server.handle().address(), Some(address.clone()));
    let server = server.start().unwrap();
    assert_eq!(server.address(), address);
    assert_eq!(ask(&address, b"x"), b"x");
}

#[test]
fn closing_at_once_frees_the_address() {
    let server = bound(Thread::new());
    let address = server.address().unwrap();
    let handle = server.handle();
    assert!(server.server_close().is_clean());
    std::net::TcpListener::bind(ip(&address)).unwrap();
    assert_eq!(handle.phase(), Phase::Closed);
}

#[test]
fn a_closed_server_can_still_be_asked_and_told_things() {
    let server = bound(Coroutine::new());
    let handle = server.handle();
    drop(server);
    assert_eq!(handle.phase(), Phase::Closed);
    assert!(handle.is_draining());
    assert_eq!(handle.in_flight(), 0);
    assert!(handle.connections().is_empty());
    assert!(!handle.kill(1));
    handle.kill_all();
    handle.pause();
    handle.resume();
    handle.shutdown();
    handle.wait(Duration::ZERO).unwrap();
}

in_each_model! {
    fn a_server_serves_again_after_a_shutdown<M: Model>(model: M) {
        let mut server = bound(model);
        let address = server.address().unwrap();
        for _ in 0..3 {
            let running = server.start().unwrap();
            assert_eq!(ask(&address, b"hello"), b"hello");
            server = running.shutdown().unwrap();
            assert_eq!(server.handle().phase(), Phase::Listening);
        }
    }

    fn a_shutdown_before_serving_makes_the_next_serving_return_at_once<M: Model>(model: M) {
        let mut server = bound(model);
        server.handle().shutdown();
        let mut server = within_limit("serving", move || {
            server.serve_forever().unwrap();
            server
        });
        // It counts once.
        let address = server.address().unwrap();
        let handle = server.handle();
        let serving = thread::spawn(move || server.serve_forever());
        assert_eq!(ask(&address, b"x"), b"x");
        handle.shutdown();
        within_limit("serving again", || serving.join()).unwrap().unwrap();
    }

    fn a_shutdown_before_handle_request_makes_it_return_at_once<M: Model>(model: M) {
        let mut server = bound(model);
        server.handle().shutdown();
        within_limit("handle_request", move || server.handle_request().unwrap());
    }

    fn a_handler_may_shut_its_server_down<M: Model>(model: M) {
        let handler = |client: &mut TcpStream, context: &Context| {
            context.server().shutdown();
            assert!(context.is_draining());
            client.write_all(b"done")
        };
        let mut server = TcpServer::builder(with_context(handler)).model(model).bind("127.0.0.1:0").unwrap();
        let client = connect(&server.address().unwrap());
        let server = within_limit("serving", move || {
            server.serve_forever().unwrap();
            server
        });
        assert_eq!(read_exactly(&client, 4), b"done");
        assert!(server.stop(LIMIT).is_clean());
    }

    fn shutting_down_twice_is_shutting_down<M: Model>(model: M) {
        let running = bound(model).start().unwrap();
        let handle = running.handle().clone();
        let twice: Vec<_> = (0..2).map(|_| { let handle = handle.clone(); thread::spawn(move || handle.shutdown()) }).collect();
        handle.wait(LIMIT).unwrap();
        for thread in twice {
            thread.join().unwrap();
        }
        drop(running.shutdown().unwrap());
    }

    fn a_shutdown_takes_effect_at_once_however_long_the_poll_interval<M: Model>(model: M) {
        #[derive(Debug)]
        struct Idle;
        impl Hooks<Tcp> for Idle {}
        keeps_time(|| {
            let builder = TcpServer::builder(echo).hooks(Idle).poll_interval(FOR_EVER).model(model);
            let running = builder.bind("127.0.0.1:0").unwrap().start().unwrap();
            wait_until("it serves", || running.handle().phase() == Phase::Serving);
            let begin = Instant::now();
            drop(running.shutdown().unwrap());
            let took = begin.elapsed();
            if took > Duration::from_millis(100) { Err(format!("{took:?}")) } else { Ok(()) }
        });
    }

    fn a_shutdown_during_a_pause_ends_the_loop<M: Model>(model: M) {
        let running = bound(model).start().unwrap();
        running.handle().pause();
        let client = connect(&running.address());
        assert!(stays_silent(&client, Duration::from_millis(20)));
        within_limit("the shutdown", move || drop(running.shutdown().unwrap()));
    }

    fn a_shutdown_while_accepting_has_failed_ends_the_loop<M: Model>(model: M) {
        let (failed, failures) = mpsc::channel();
        let builder = TcpServer::builder(echo).hooks(Exhausted(failed)).accept_backoff(FOR_EVER, FOR_EVER);
        let running = builder.model(model).bind("127.0.0.1:0").unwrap().start().unwrap();
        let _client = connect(&running.address());
        failures.recv_timeout(LIMIT).unwrap();
        within_limit("the shutdown", move || drop(running.shutdown().unwrap()));
    }

    fn a_broken_listener_ends_serving_with_its_address<M: Model>(model: M) {
        let builder = TcpServer::builder(echo).hooks(Broken).model(model);
        let mut server = builder.bind("127.0.0.1:0").unwrap();
        let address = server.address().unwrap();
        let _client = connect(&address);
        let err = within_limit("serving", move || server.serve_forever().unwrap_err());
        assert!(matches!(err, Error::Accept { .. }), "{err}");
        assert!(err.to_string().starts_with(&format!("accepting on {address} failed for good:")), "{err}");
    }

    fn handle_request_serves_exactly_one<M: Model>(model: M) {
        let mut server = bound(model);
        let address = server.address().unwrap();
        let (mut first, mut second) = (connect(&address), connect(&address));
        for client in [&mut first, &mut second] {
            client.write_all(b"x").unwrap();
            client.shutdown(std::net::Shutdown::Write).unwrap();
        }
        server.handle_request().unwrap();
        assert_eq!(read_exactly(&first, 1), b"x");
        assert!(is_closed(&first));
        assert!(stays_silent(&second, Duration::from_millis(50)));
        server.handle_request().unwrap();
        assert_eq!(read_exactly(&second, 1), b"x");
    }

    fn handle_request_waits_for_its_timeout_and_says_so_once<M: Model>(model: M) {
        let limit = Duration::from_millis(100);
        keeps_time(|| {
            let timeouts = Timeouts::default();
            let builder = TcpServer::builder(echo).hooks(timeouts.clone()).timeout(Some(limit));
            let mut server = builder.model(model).bind("127.0.0.1:0").unwrap();
            let begin = Instant::now();
            server.handle_request().unwrap();
            let took = begin.elapsed();
            assert_eq!(timeouts.0.load(Ordering::SeqCst), 1);
            assert!(took >= limit, "{took:?}");
            if took > limit * 2 { Err(format!("{took:?}")) } else { Ok(()) }
        });
    }

    fn a_paused_server_lets_clients_wait_and_a_resumed_one_serves_them<M: Model>(model: M) {
        let running = bound(model).start().unwrap();
        let handle = running.handle();
        assert_eq!(ask(&running.address(), b"x"), b"x");
        for _ in 0..3 {
            handle.pause();
            assert!(handle.is_paused());
            let mut client = connect(&running.address());
            client.write_all(b"x").unwrap();
            assert!(stays_silent(&client, Duration::from_millis(20)));
            assert_eq!(handle.in_flight(), 0);
            handle.resume();
            assert!(!handle.is_paused());
            assert_eq!(read_exactly(&client, 1), b"x");
            drop(client);
            wait_until("the client is gone", || handle.in_flight() == 0);
        }
    }

    fn dropping_a_running_server_frees_the_address<M: Model>(model: M) {
        let running = bound(model).start().unwrap();
        let address = running.address();
        assert_eq!(ask(&address, b"x"), b"x");
        within_limit("the drop", move || drop(running));
        std::net::TcpListener::bind(ip(&address)).unwrap();
    }
}

/// Has no descriptor left, each time it is asked.
#[derive(Debug)]
struct Exhausted(mpsc::Sender<()>);

impl Hooks<Tcp> for Exhausted {
    fn get_request(&self, _: &TcpListener, _: usize) -> io::Result<(TcpStream, Peer)> {
        self.0.send(()).unwrap();
        Err(Errno::EMFILE.into())
    }
}

/// Has lost its socket.
#[derive(Debug)]
struct Broken;

impl Hooks<Tcp> for Broken {
    fn get_request(&self, _: &TcpListener, _: usize) -> io::Result<(TcpStream, Peer)> {
        Err(Errno::EBADF.into())
    }
}

/// Counts timeouts.
#[derive(Clone, Debug, Default)]
struct Timeouts(Arc<AtomicUsize>);

impl Hooks<Tcp> for Timeouts {
    fn handle_timeout(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn accepting_goes_on_after_a_failure_and_its_pause() {
    /// Fails twice, then works.
    #[derive(Debug, Default)]
    struct Recovering(AtomicUsize);
    impl Hooks<Tcp> for Recovering {
        fn get_request(&self, listener: &TcpListener, limit: usize) -> io::Result<(TcpStream, Peer)> {
            if self.0.fetch_add(1, Ordering::SeqCst) < 2 {
                return Err(Errno::EMFILE.into());
            }
            <Tcp as greenserve::Family>::next_request(listener, limit)
        }
    }
    fn check<M: Model>(builder: Builder<Tcp, M>) {
        let pause = Duration::from_millis(20);
        let server = TestServer::build(builder.accept_backoff(pause, FOR_EVER)).unwrap();
        let begin = Instant::now();
        assert_eq!(ask(server.address(), b"x"), b"x");
        // 20 ms and then 40 ms.
        assert!(begin.elapsed() >= pause * 3, "{:?}", begin.elapsed());
    }
    check(TcpServer::builder(echo).hooks(Recovering::default()));
    check(TcpServer::builder(echo).hooks(Recovering::default()).threads());
    check(TcpServer::builder(echo).hooks(Recovering::default()).inline());
}

#[test]
fn a_client_that_failed_before_it_was_accepted_makes_no_pause() {
    #[derive(Debug, Default)]
    struct Aborted(AtomicBool);
    impl Hooks<Tcp> for Aborted {
        fn get_request(&self, listener: &TcpListener, limit: usize) -> io::Result<(TcpStream, Peer)> {
            if !self.0.swap(true, Ordering::SeqCst) {
                return Err(Errno::ECONNABORTED.into());
            }
            <Tcp as greenserve::Family>::next_request(listener, limit)
        }
    }
    let builder = TcpServer::builder(echo).hooks(Aborted::default());
    let server = TestServer::build(builder.accept_backoff(FOR_EVER, FOR_EVER)).unwrap();
    assert_eq!(ask(server.address(), b"x"), b"x");
}

#[test]
fn a_shutdown_while_full_ends_the_loop_and_leaves_requests_alone() {
    fn check<M: Model>(model: M) {
        let builder = TcpServer::builder(echo).max_connections(1).model(model);
        let running = builder.bind("127.0.0.1:0").unwrap().start().unwrap();
        let mut client = connect(&running.address());
        client.write_all(b"x").unwrap();
        assert_eq!(read_exactly(&client, 1), b"x");
        let server = within_limit("the shutdown", move || running.shutdown().unwrap());
        assert_eq!(server.handle().in_flight(), 1);
        client.write_all(b"y").unwrap();
        assert_eq!(read_exactly(&client, 1), b"y");
        drop(client);
        assert!(server.stop(LIMIT).is_clean());
    }
    check(Coroutine::new());
    check(Thread::new());
}

#[test]
fn twenty_servers_start_and_stop_at_once() {
    fn all<M: Model>(model: impl Fn() -> M) {
        let running: Vec<_> = (0..20).map(|_| bound(model()).start().unwrap()).collect();
        for server in &running {
            server.handle().shutdown();
        }
        for server in running {
            drop(server.shutdown().unwrap());
        }
    }
    within_limit("twenty on coroutines", || all(Coroutine::new));
    within_limit("twenty on threads", || all(Thread::new));
    within_limit("twenty inline", || all(Inline::new));
}

#[test]
fn handlers_know_that_the_server_drains_until_it_serves_again() {
    let (sender, receiver) = mpsc::channel::<Context>();
    let handler = move |client: &mut TcpStream, context: &Context| {
        sender.send(context.clone()).unwrap();
        client.read(&mut [0]).map(drop)
    };
    let running = TcpServer::bind("127.0.0.1:0", with_context(handler))
        .unwrap()
        .start()
        .unwrap();
    let _client = connect(&running.address());
    let context = receiver.recv_timeout(LIMIT).unwrap();
    assert!(!context.is_draining());
    let server = running.shutdown().unwrap();
    assert!(context.is_draining());
    let running = server.start().unwrap();
    wait_until("it serves again", || running.handle().phase() == Phase::Serving);
    wait_until("the handler knows", || !context.is_draining());
    assert!(!running.stop(Duration::ZERO).unwrap().is_clean());
    assert!(context.is_draining());
}

#[test]
fn waiting_for_the_end_gives_up_after_its_limit() {
    let running = bound(Coroutine::new()).start().unwrap();
    wait_until("it serves", || running.handle().phase() == Phase::Serving);
    let err = running.handle().wait(Duration::from_millis(20)).unwrap_err();
    assert!(matches!(err, Error::Elapsed { .. }), "{err}");
    assert_eq!(err.to_string(), "the accept loop did not end within 20ms");
    running.handle().shutdown();
    running.handle().wait(LIMIT).unwrap();
    assert_eq!(running.handle().phase(), Phase::Listening);
}

#[test]
fn an_inline_handler_that_waits_for_the_end_of_its_server_gives_up() {
    let handler = |client: &mut TcpStream, context: &Context| {
        context.server().shutdown();
        let waited = context.server().wait(Duration::from_millis(20));
        writeln!(client, "{}", waited.unwrap_err())
    };
    let server = TestServer::build(TcpServer::builder(with_context(handler)).inline()).unwrap();
    assert_eq!(ask(server.address(), b""), b"the accept loop did not end within 20ms\n");
}

#[test]
fn a_server_may_change_its_model_between_two_servings() {
    let server = bound(Coroutine::new());
    let address = server.address().unwrap();
    let server = served_once(server, &address).threads();
    let server = served_once(server, &address).inline();
    let server = served_once(server, &address).model(Coroutine::new());
    served_once(server, &address);
}

fn served_once<M: Model>(server: Server<Tcp, M>, address: &Address) -> Server<Tcp, M> {
    let running = server.start().unwrap();
    assert_eq!(ask(address, b"hello"), b"hello");
    running.shutdown().unwrap()
}

#[test]
fn the_connections_in_flight_are_listed_and_counted() {
    let server = TestServer::<Tcp>::start(echo).unwrap();
    let clients: Vec<_> = (0..3).map(|_| connect(server.address())).collect();
    wait_until("all are in flight", || server.handle().in_flight() == 3);
    let mut listed = server.handle().connections();
    listed.sort_by_key(|connection| connection.id);
    let mut peers: Vec<_> = listed.iter().map(|connection| connection.peer.clone()).collect();
    let mut expected: Vec<_> = clients
        .iter()
        .map(|client| Peer::Ip(client.local_addr().unwrap()))
        .collect();
    peers.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(peers, expected);
    for connection in &listed {
        assert!(
            connection.name.starts_with(&format!("coroutine {} (", connection.peer)),
            "{}",
            connection.name
        );
        assert!(connection.age < LIMIT);
    }
    assert!(listed.windows(2).all(|two| two[0].id < two[1].id));
    drop(clients);
    wait_until("none is in flight", || server.handle().in_flight() == 0);
    assert!(server.handle().connections().is_empty());
}

#[test]
fn an_adopted_listener_is_served() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = TcpServer::builder(echo).threads().adopt(listener.into()).unwrap();
    assert_eq!(server.address().unwrap(), Address::Ip(address));
    let server = TestServer::serve(server).unwrap();
    assert_eq!(ask(server.address(), b"x"), b"x");
}

#[test]
fn an_adopted_unix_listener_leaves_the_file_to_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let hello = |client: &mut greenserve::net::UnixStream| client.write_all(b"hello");
    let server = Server::<Unix>::builder(hello).adopt(listener.into()).unwrap();
    let server = TestServer::serve(server).unwrap();
    assert_eq!(read_exactly(connect_unix(&path), 5), b"hello");
    drop(server);
    assert!(path.exists());
}

#[test]
fn a_client_is_closed_when_its_handler_returns() {
    let server = TestServer::<Tcp>::start(|client: &mut TcpStream| client.write_all(b"bye")).unwrap();
    let client = connect(server.address());
    assert_eq!(read_exactly(&client, 3), b"bye");
    assert!(is_closed(&client));
    assert!(comes_true(LIMIT, || server.handle().in_flight() == 0));
}

#[test]
fn a_handle_shows_where_the_server_is_how_far_and_how_much_it_does() {
    let server = TcpServer::builder(|client: &mut TcpStream| client.read(&mut [0]).map(drop))
        .unbound("127.0.0.1:0")
        .unwrap();
    let handle = server.handle();
    let shown = || format!("{handle:?}");
    assert_eq!(
        shown(),
        "ServerHandle { address: none yet, phase: Created, in_flight: 0, .. }"
    );
    let mut server = server;
    server.server_bind().unwrap();
    server.server_activate().unwrap();
    let running = server.start().unwrap();
    let address = running.address();
    let _client = connect(&address);
    wait_until("it is in flight", || handle.in_flight() == 1);
    assert_eq!(
        shown(),
        format!("ServerHandle {{ address: {address}, phase: Serving, in_flight: 1, .. }}")
    );
    let _ = running.stop(Duration::ZERO).unwrap();
    assert!(shown().contains("phase: Closed"), "{}", shown());
}

#[test]
fn waiting_for_a_running_server_ends_with_it() {
    fn check<M: Model>(model: M) {
        let running = bound(model).start().unwrap();
        let handle = running.handle().clone();
        let client = connect(&running.address());
        wait_until("it is in flight", || handle.in_flight() == 1);
        let waiting = thread::spawn(move || running.wait());
        handle.shutdown();
        wait_until("it drains", || handle.phase() == Phase::Draining);
        drop(client);
        wait_until("the wait ends", || waiting.is_finished());
        let report = waiting.join().unwrap().unwrap();
        assert!(report.is_clean() && report.in_flight == 1, "{report}");
    }
    check(Coroutine::new());
    check(Thread::new());
}

#[test]
fn a_wait_for_a_running_server_that_is_ended_ends_the_server() {
    fn check<M: Model>(model: M) {
        let running = bound(model).start().unwrap();
        let handle = running.handle().clone();
        let waiting = runtime::spawn(move || sync::with_timeout(Duration::from_millis(20), || Ok(running.wait()?)));
        assert!(waiting.unwrap().join().unwrap().is_err());
        wait_until("it is closed", || handle.phase() == Phase::Closed);
    }
    check(Coroutine::new());
    check(Thread::new());
}

const WAITING: usize = 100;

/// Clients that the kernel has connected, with what they ask, and that nobody
/// has accepted.
fn waiting_clients(address: std::net::SocketAddr) -> Vec<std::net::TcpStream> {
    let clients = (0..WAITING).map(|_| {
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        client.write_all(b"hello").unwrap();
        client
    });
    clients.collect()
}

// None is left without an end, none is half served, and the end of the server
// waits for none of them.
in_each_model! {
    fn who_waits_in_the_queue_of_a_server_that_ends_is_told_at_once<M: Model>(model: M) {
        let running = bound(model).start().unwrap();
        let (handle, address) = (running.handle().clone(), ip(&running.address()));
        handle.pause();
        let clients = waiting_clients(address);
        let begin = Instant::now();
        let report = running.stop(LIMIT).unwrap();
        assert!(begin.elapsed() < LIMIT / 2, "it took {:?}", begin.elapsed());
        assert_eq!((report.in_flight, report.is_clean()), (0, true));
        for mut client in clients {
            let ended = client.read(&mut [0; 8]);
            let is_reset = ended.as_ref().is_err_and(|err| err.kind() == io::ErrorKind::ConnectionReset);
            assert!(is_reset, "{ended:?}");
        }
        assert_eq!(handle.metrics().accepted, 0);
    }
}

// As with a supervisor, or a socket that systemd keeps.
in_each_model! {
    fn who_waits_in_a_queue_that_somebody_else_has_open_waits_on<M: Model>(model: M) {
        let kept = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = kept.local_addr().unwrap();
        // A number that nobody else has had: each may be taken over once.
        static NEXT: AtomicI32 = AtomicI32::new(700);
        let least = NEXT.fetch_add(1, Ordering::SeqCst);
        let number = fcntl(&kept, FcntlArg::F_DUPFD_CLOEXEC(least)).unwrap();
        let server = TcpServer::builder(echo).model(model).bind(Address::Fd(number)).unwrap();
        let running = server.start().unwrap();
        running.handle().pause();
        let clients = waiting_clients(address);
        assert!(running.stop(LIMIT).unwrap().is_clean());
        kept.set_nonblocking(false).unwrap();
        for mut client in clients {
            let (mut accepted, _) = kept.accept().unwrap();
            accepted.set_nonblocking(false).unwrap();
            let mut word = [0; 5];
            accepted.read_exact(&mut word).unwrap();
            accepted.write_all(&word).unwrap();
            drop(accepted);
            client.read_exact(&mut word).unwrap();
            assert_eq!(&word, b"hello");
        }
    }
}
