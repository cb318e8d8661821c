//! What is particular to datagram servers.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use greenserve::net::{Peer, SocketOptions, SystemDatagram};
use greenserve::testing::TestServer;
use greenserve::{
    Context, Coroutine, Datagram, DatagramHandler, DatagramOptions, DatagramRequest, Failure, Family, HandlerError,
    Hooks, Inline, Model, Server, Thread, Udp, UnixDatagrams, each_datagram, runtime, sync,
};
use nix::sys::socket::{setsockopt, sockopt::Ipv4RecvErr};
use support::LIMIT;
use support::exchange::udp_client;

type UdpDatagram = Datagram<std::net::UdpSocket>;

/// Tells how much came and whether that was all.
fn measure<S: SystemDatagram>(datagram: &mut Datagram<S>) -> io::Result<()> {
    let text = format!("{} {}", datagram.packet().len(), datagram.truncated());
    datagram.reply(text.as_bytes()).map(drop)
}

fn answer(client: &std::net::UdpSocket, bytes: &[u8]) -> String {
    client.send(bytes).unwrap();
    heard(client)
}

fn heard(client: &std::net::UdpSocket) -> String {
    let mut buffer = [0; 1024];
    let length = client.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

#[test]
fn a_datagram_of_9000_bytes_is_cut_at_8192_and_flagged() {
    fn check<M: Model>(model: M) {
        let server = TestServer::build(Server::<Udp>::builder(measure).model(model)).unwrap();
        let client = udp_client(server.address());
        assert_eq!(answer(&client, &[1; 9000]), "8192 true");
        assert_eq!(answer(&client, &[1; 8193]), "8192 true");
        assert_eq!(answer(&client, &[1; 8192]), "8192 false");
        assert_eq!(answer(&client, b"short"), "5 false");
        assert_eq!(answer(&client, b""), "0 false");
    }
    check(Coroutine::new());
    check(Thread::new());
    check(Inline::new());
}

#[test]
fn the_longest_datagram_can_be_chosen() {
    let builder = Server::<Udp>::builder(measure).max_packet_size(10_000);
    let server = TestServer::build(builder).unwrap();
    let client = udp_client(server.address());
    assert_eq!(answer(&client, &[1; 9000]), "9000 false");
    assert_eq!(answer(&client, &[1; 10_001]), "10000 true");
}

#[test]
fn a_unix_datagram_is_cut_and_flagged_too() {
    let server = TestServer::<UnixDatagrams>::start(measure).unwrap();
    let (client, _directory) = unix_client();
    client.send_to(&[1; 9000], path_of(&server)).unwrap();
    let mut buffer = [0; 64];
    let length = client.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"8192 true");
}

/// Answers with what it read, does what else it is told, and notes whether
/// the packet was cut.
#[derive(Clone, Copy, Debug, Default)]
struct Obedient {
    reply_if_empty: bool,
}

impl DatagramHandler for Obedient {
    fn options(&self) -> DatagramOptions {
        DatagramOptions {
            reply_if_empty: self.reply_if_empty,
        }
    }

    fn setup(&mut self, request: &mut DatagramRequest) -> Result<(), Failure> {
        request.wfile.write_all(b"setup ")?;
        match request.rfile.get_ref().as_slice() {
            b"no setup" => Err("no setup".into()),
            _ => Ok(()),
        }
    }

    fn handle(&mut self, request: &mut DatagramRequest) -> Result<(), Failure> {
        let mut told = String::new();
        request.rfile.read_to_string(&mut told)?;
        if told == "nothing" {
            request.wfile.clear();
            return Ok(());
        }
        write!(request.wfile, "handle {} ", request.truncated)?;
        match told.as_str() {
            "fail" => Err("told to".into()),
            "panic" => panic!("told to"),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, request: &mut DatagramRequest) -> Result<(), Failure> {
        if !request.wfile.is_empty() {
            request.wfile.write_all(b"finish")?;
        }
        Ok(())
    }
}

fn obedient(reply_if_empty: bool) -> TestServer<Udp> {
    TestServer::start(each_datagram(move || Obedient { reply_if_empty })).unwrap()
}

#[test]
fn what_setup_handle_and_finish_write_is_one_reply() {
    let server = obedient(false);
    assert_eq!(answer(&udp_client(server.address()), b"x"), "setup handle false finish");
}

#[test]
fn a_cut_packet_is_flagged_to_a_handler_that_sees_files() {
    let server = obedient(false);
    assert_eq!(
        answer(&udp_client(server.address()), &[b' '; 9000]),
        "setup handle true finish"
    );
}

#[test]
fn nothing_written_is_nothing_sent() {
    let server = obedient(false);
    let client = udp_client(server.address());
    client.send(b"nothing").unwrap();
    assert_eq!(answer(&client, b"x"), "setup handle false finish");
}

#[test]
fn nothing_written_is_an_empty_reply_if_python_is_to_be_followed() {
    let server = obedient(true);
    assert_eq!(answer(&udp_client(server.address()), b"nothing"), "");
}

#[test]
fn what_was_written_before_a_failure_is_sent() {
    let server = obedient(false);
    let client = udp_client(server.address());
    assert_eq!(answer(&client, b"fail"), "setup handle false finish");
    assert_eq!(answer(&client, b"panic"), "setup handle false finish");
}

#[test]
fn nothing_is_sent_after_a_failing_setup() {
    let server = obedient(true);
    let client = udp_client(server.address());
    client.send(b"no setup").unwrap();
    assert_eq!(answer(&client, b"x"), "setup handle false finish");
}

/// A Unix client that can be answered.
fn unix_client() -> (UnixDatagram, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let client = UnixDatagram::bind(directory.path().join("client")).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    (client, directory)
}

fn path_of<M: Model>(server: &TestServer<UnixDatagrams, M>) -> PathBuf {
    server.address().unix_path().unwrap().to_owned()
}

/// Sends on what `handle_error` is told.
#[derive(Debug)]
struct Told(mpsc::Sender<(String, Peer)>);

impl<F: Family> Hooks<F> for Told {
    fn handle_error(&self, error: &HandlerError, context: &Context) {
        self.0
            .send((error.to_string(), context.client_address().clone()))
            .unwrap();
    }
}

#[test]
fn a_unix_client_that_bound_no_path_cannot_be_answered_and_harms_nobody() {
    fn check<M: Model>(model: M) {
        let (sender, told) = mpsc::channel();
        let builder = Server::<UnixDatagrams>::builder(measure)
            .hooks(Told(sender))
            .model(model);
        let server = TestServer::build(builder).unwrap();
        let path = path_of(&server);
        UnixDatagram::unbound().unwrap().send_to(b"x", &path).unwrap();
        let (error, peer) = told.recv_timeout(LIMIT).unwrap();
        assert!(
            error.contains("the client bound no path, so nothing can be sent to it"),
            "{error}"
        );
        assert_eq!(peer, Peer::Unnamed);
        let (client, _directory) = unix_client();
        client.send_to(b"xy", &path).unwrap();
        assert_eq!(client.recv(&mut [0; 64]).unwrap(), b"2 false".len());
    }
    check(Coroutine::new());
    check(Thread::new());
    check(Inline::new());
}

#[test]
fn a_unix_client_with_an_abstract_name_is_answered() {
    let server = TestServer::<UnixDatagrams>::start(measure).unwrap();
    let name = format!("greenserve-test-{}", std::process::id());
    let client = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(name).unwrap()).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.send_to(b"x", path_of(&server)).unwrap();
    assert_eq!(client.recv(&mut [0; 64]).unwrap(), b"1 false".len());
}

#[test]
fn a_client_that_is_gone_harms_nobody() {
    let (began, begun) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let handler = move |datagram: &mut UdpDatagram| {
        began.send(()).unwrap();
        let _ = gone.lock().unwrap().recv_timeout(LIMIT);
        datagram.reply(b"x").map(drop)
    };
    let server = TestServer::build(Server::<Udp>::builder(handler).threads()).unwrap();
    udp_client(server.address()).send(b"x").unwrap();
    begun.recv_timeout(LIMIT).unwrap();
    go.send(()).unwrap();
    for _ in 0..3 {
        let client = udp_client(server.address());
        client.send(b"x").unwrap();
        go.send(()).unwrap();
        assert_eq!(heard(&client), "x");
    }
}

#[test]
fn a_handler_may_send_to_others_through_the_servers_socket() {
    let third = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    third.set_read_timeout(Some(LIMIT)).unwrap();
    let to = third.local_addr().unwrap();
    let handler = move |datagram: &mut UdpDatagram| datagram.send_to(datagram.packet(), to).map(drop);
    let server = TestServer::<Udp>::start(handler).unwrap();
    udp_client(server.address()).send(b"pass it on").unwrap();
    let mut buffer = [0; 64];
    let (length, from) = third.recv_from(&mut buffer).unwrap();
    assert_eq!(
        (&buffer[..length], from),
        (&b"pass it on"[..], support::ip(server.address()))
    );
}

/// Keeps every worker busy with two that take turns, so that what happens is
/// told in batches, a wake-up before what the kernel says.
fn with_busy_workers(f: impl FnOnce()) {
    let over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..runtime::workers() * 2)
        .map(|worker| {
            let over = Arc::clone(&over);
            let compute = move || {
                while !over.load(Ordering::SeqCst) {
                    let until = Instant::now() + Duration::from_millis(1);
                    while Instant::now() < until {}
                    runtime::yield_now();
                }
            };
            runtime::Builder::new().worker(worker).spawn(compute).unwrap()
        })
        .collect();
    f();
    over.store(true, Ordering::SeqCst);
    for coroutine in busy {
        coroutine.join().unwrap();
    }
}

#[test]
fn a_server_that_has_just_replied_hears_its_shutdown() {
    // That there is room for replies again is told in the same moment.
    with_busy_workers(|| {
        for _ in 0..30 {
            let server = TestServer::<Udp>::start(measure).unwrap();
            assert_eq!(answer(&udp_client(server.address()), b"x"), "1 false");
            let begin = Instant::now();
            assert!(server.stop().unwrap().is_clean());
            assert!(begin.elapsed() < LIMIT / 8, "{:?}", begin.elapsed());
        }
    });
}

#[test]
fn many_clients_get_their_own_answers() {
    let upper = |datagram: &mut UdpDatagram| datagram.reply(&datagram.packet().to_ascii_uppercase()).map(drop);
    let server = TestServer::<Udp>::start(upper).unwrap();
    std::thread::scope(|scope| {
        for number in 0..20 {
            let address = server.address();
            scope.spawn(move || {
                let client = udp_client(address);
                for turn in 0..20 {
                    let said = format!("client {number} in turn {turn}");
                    assert_eq!(answer(&client, said.as_bytes()), said.to_uppercase());
                }
            });
        }
    });
}

/// Where a datagram is said to have arrived.
fn tell_arrival(datagram: &mut UdpDatagram) -> io::Result<()> {
    let text = match datagram.arrival() {
        Some(arrival) => format!("{} on {}", arrival.address.to_canonical(), arrival.interface),
        None => "unknown".to_owned(),
    };
    datagram.reply(text.as_bytes()).map(drop)
}

/// What a client hears that is connected to `target`, and so deaf to answers
/// from anywhere else.
fn heard_from(target: std::net::SocketAddr) -> String {
    let any: std::net::IpAddr = if target.is_ipv4() {
        [0; 4].into()
    } else {
        [0; 16].into()
    };
    let client = std::net::UdpSocket::bind((any, 0)).unwrap();
    client.connect(target).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    answer(&client, b"where?")
}

#[test]
fn a_server_on_a_wildcard_answers_from_the_address_it_was_asked_at() {
    let loopback = nix::net::if_::if_nametoindex("lo").unwrap();
    for (wildcard, asked) in [
        ("0.0.0.0:0", &["127.0.0.1", "127.0.0.2"][..]),
        ("[::]:0", &["::1", "127.0.0.2"]),
        (":0", &["::1", "127.0.0.1", "127.0.0.2"]),
    ] {
        let server = greenserve::UdpServer::bind(wildcard, tell_arrival)
            .unwrap()
            .start()
            .unwrap();
        let port = support::ip(&server.address()).port();
        for address in asked {
            let target = std::net::SocketAddr::new(address.parse().unwrap(), port);
            let said = format!("{address} on {loopback}");
            assert_eq!(heard_from(target), said, "at {target} of {wildcard}");
        }
        server.stop(LIMIT).unwrap();
    }
}

#[test]
fn a_server_on_one_address_needs_nobody_to_tell_it() {
    let server = TestServer::<Udp>::start(tell_arrival).unwrap();
    assert_eq!(heard_from(support::ip(server.address())), "unknown");
}

/// Datagrams whose handlers wait until they are let go.
struct Held<F: Family, M: Model> {
    server: TestServer<F, M>,
    go: Arc<sync::Event>,
}

fn held<F, M, S>(most: usize, model: M) -> Held<F, M>
where
    F: Family<Request = Datagram<S>>,
    M: Model,
    S: SystemDatagram,
{
    let go = Arc::new(sync::Event::new());
    let gate = Arc::clone(&go);
    let handler = move |datagram: &mut Datagram<S>| -> io::Result<()> {
        gate.wait()?;
        datagram.reply(datagram.packet()).map(drop)
    };
    let builder = Server::<F>::builder(handler).max_datagrams(most).model(model);
    Held {
        server: TestServer::build(builder).unwrap(),
        go,
    }
}

#[test]
fn more_datagrams_than_may_be_in_flight_are_dropped_and_counted() {
    fn check<M: Model>(model: M) {
        let Held { server, go } = held::<Udp, M, _>(2, model);
        let client = udp_client(server.address());
        for text in ["one", "two", "three", "four", "five"] {
            client.send(text.as_bytes()).unwrap();
        }
        support::wait_until("three are dropped", || server.handle().counts().dropped == 3);
        assert_eq!(server.handle().in_flight(), 2);
        go.set();
        let mut answers = [heard(&client), heard(&client)];
        answers.sort();
        assert_eq!(answers, ["one", "two"]);
        // There is room again.
        support::wait_until("both have ended", || server.handle().in_flight() == 0);
        assert_eq!(answer(&client, b"six"), "six");
        assert_eq!(server.handle().counts().dropped, 3);
    }
    check(Coroutine::new());
    check(Thread::new());
}

#[test]
fn more_unix_datagrams_than_may_be_in_flight_wait() {
    fn check<M: Model>(model: M) {
        let Held { server, go } = held::<UnixDatagrams, M, _>(1, model);
        let directory = tempfile::tempdir().unwrap();
        let client = UnixDatagram::bind(directory.path().join("client")).unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        client.connect(server.address().unix_path().unwrap()).unwrap();
        for text in ["one", "two", "three"] {
            client.send(text.as_bytes()).unwrap();
        }
        support::wait_until("one is in flight", || server.handle().in_flight() == 1);
        go.set();
        for text in ["one", "two", "three"] {
            let mut buffer = [0; 10];
            let length = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], text.as_bytes());
        }
        assert_eq!(server.handle().counts().dropped, 0);
    }
    check(Coroutine::new());
    check(Thread::new());
}

#[test]
fn handle_request_drops_nothing() {
    let handler = |datagram: &mut UdpDatagram| datagram.reply(datagram.packet()).map(drop);
    let mut server = Server::<Udp>::builder(handler)
        .max_datagrams(1)
        .bind("127.0.0.1:0")
        .unwrap();
    let client = udp_client(&server.address().unwrap());
    client.send(b"one").unwrap();
    client.send(b"two").unwrap();
    server.handle_request().unwrap();
    assert_eq!(heard(&client), "one");
    server.handle_request().unwrap();
    assert_eq!(heard(&client), "two");
}

#[test]
fn what_the_kernel_throws_away_is_counted() {
    const SENT: u64 = 2_000;
    let served = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&served);
    let handler = move |datagram: &mut UdpDatagram| -> io::Result<()> {
        count.fetch_add(1, Ordering::SeqCst);
        datagram.reply(datagram.packet()).map(drop)
    };
    let builder = Server::<Udp>::builder(handler)
        .max_datagrams(10_000)
        .socket_options(SocketOptions::default().receive_buffer(4_096));
    let server = TestServer::build(builder).unwrap();
    let client = udp_client(server.address());
    assert_eq!(answer(&client, b"before"), "before");
    server.handle().pause();
    for _ in 0..SENT {
        client.send(b"flood").unwrap();
    }
    server.handle().resume();
    // The kernel tells of them with one that finds room.
    let mut sent = 1 + SENT;
    support::wait_until("it is told", || {
        client.send(b"more").unwrap();
        sent += 1;
        server.handle().counts().overflowed > 0
    });
    let later = udp_client(server.address());
    for _ in 0..10 {
        assert_eq!(answer(&later, b"later"), "later");
        sent += 1;
    }
    support::wait_until("each is served or counted, once", || {
        served.load(Ordering::SeqCst) + server.handle().counts().overflowed >= sent
    });
    assert_eq!(
        served.load(Ordering::SeqCst) + server.handle().counts().overflowed,
        sent
    );
}

#[test]
fn clients_that_are_gone_before_their_answer_end_no_server() {
    let handler = |datagram: &mut UdpDatagram| datagram.reply(datagram.packet()).map(drop);
    let server = TestServer::<Udp>::start(handler).unwrap();
    for at in 1..=1_000 {
        udp_client(server.address()).send(b"gone").unwrap();
        // So that the kernel has room for each.
        support::wait_until("it is served", || server.handle().metrics().accepted == at);
    }
    assert_eq!(answer(&udp_client(server.address()), b"good"), "good");
    assert_eq!(server.handle().metrics().accept_pauses, 0);
}

/// Has the kernel tell the server's socket of every answer that nobody was
/// there for.
struct Informed;

impl Hooks<Udp> for Informed {
    fn server_bind(&self, listener: &<Udp as Family>::Listener) -> greenserve::Result<()> {
        setsockopt(listener, Ipv4RecvErr, &true).unwrap();
        Ok(())
    }
}

/// Each client is gone for certain when it is answered, so each answer comes to
/// a port that nobody has.
fn answers_to_nobody_harm_nobody<M: Model>(builder: greenserve::Builder<Udp, M>, gone: &AtomicBool) {
    let server = TestServer::build(builder).unwrap();
    for at in 1..=50 {
        gone.store(false, Ordering::SeqCst);
        udp_client(server.address()).send(b"wait").unwrap();
        support::wait_until("it was received", || server.handle().metrics().accepted == at * 2 - 1);
        gone.store(true, Ordering::SeqCst);
        support::wait_until("it was answered", || server.handle().in_flight() == 0);
        assert_eq!(answer(&udp_client(server.address()), b"good"), "good");
        support::wait_until("that too", || server.handle().in_flight() == 0);
    }
    assert_eq!(server.handle().metrics().accept_pauses, 0);
    assert_eq!(server.handle().phase(), greenserve::Phase::Serving);
}

#[test]
fn an_answer_to_a_port_that_nobody_has_ends_no_server() {
    for is_told in [false, true] {
        let gone = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&gone);
        let handler = move |datagram: &mut UdpDatagram| {
            while datagram.packet() == b"wait" && !theirs.load(Ordering::SeqCst) {
                runtime::sleep(Duration::from_millis(1))?;
            }
            datagram.reply(datagram.packet()).map(drop)
        };
        let builder = || Server::<Udp>::builder(handler.clone());
        match is_told {
            false => {
                answers_to_nobody_harm_nobody(builder(), &gone);
                answers_to_nobody_harm_nobody(builder().threads(), &gone);
            }
            true => {
                answers_to_nobody_harm_nobody(builder().hooks(Informed), &gone);
                answers_to_nobody_harm_nobody(builder().hooks(Informed).threads(), &gone);
            }
        }
    }
}
