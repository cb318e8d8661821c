//! How much a server takes on: in flight, by one client, in a second.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream as Client, UdpSocket};
use std::os::unix::net::UnixStream as UnixClient;
use std::time::{Duration, Instant};

use greenserve::net::{Address, Stream, SystemStream, TcpStream};
use greenserve::testing::TestServer;
use greenserve::{
    AtLimit, Builder, Coroutine, Datagram, Limits, Model, PeerLoad, ServerHandle, Tcp, TcpServer, Thread, UdpServer,
    Unix, UnixServer,
};
use socket2::{Domain, Socket, Type};

use common::{PATIENCE, client, echoed, expect, expect_end, ip, wait_until};

fn echo<S: SystemStream>(client: &mut Stream<S>) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match client.read(&mut buffer)? {
            0 => return Ok(()),
            count => client.write_all(&buffer[..count])?,
        }
    }
}

fn serving(limits: Limits) -> TestServer<Tcp> {
    TestServer::build(TcpServer::builder(echo::<std::net::TcpStream>).limits(limits)).unwrap()
}

/// A client from `source`, which the kernel has connected; who knows whether
/// the server has accepted it.
fn client_from(source: [u8; 4], server: &Address) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&ip(server).into()).unwrap();
    let client = Client::from(socket);
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn served(client: &mut (impl Read + Write)) {
    echoed(client, b"here");
}

fn await_in_flight(handle: &ServerHandle, count: usize) {
    wait_until("the requests in flight", || handle.in_flight() == count);
}

#[test]
fn one_client_has_its_share_and_others_theirs() {
    let server = serving(Limits::new().per_peer(2));
    let [mut one, mut two] = [(); 2].map(|()| client_from([127, 0, 0, 2], server.address()));
    served(&mut one);
    served(&mut two);
    expect_end(&mut client_from([127, 0, 0, 2], server.address()));
    served(&mut client_from([127, 0, 0, 3], server.address()));
    assert_eq!(server.handle().refused().per_peer, 1);

    drop(one);
    await_in_flight(server.handle(), 1);
    served(&mut client_from([127, 0, 0, 2], server.address()));
}

#[test]
fn how_many_clients_have_how_many_requests_is_told() {
    let server = serving(Limits::new().per_peer(3));
    let peers = || {
        let PeerLoad { clients, requests, .. } = server.handle().metrics().peers;
        (clients, requests)
    };
    assert_eq!(peers(), (0, 0));
    let mut some = [2, 2, 3].map(|last| client_from([127, 0, 0, last], server.address()));
    some.iter_mut().for_each(served);
    assert_eq!(peers(), (2, 3));
    drop(some);
    wait_until("all places are free", || peers() == (0, 0));
}

#[test]
fn a_share_comes_back_however_a_request_ends() {
    let handler = |client: &mut TcpStream| {
        let mut word = [0];
        client.read_exact(&mut word)?;
        match word[0] {
            b'p' => panic!("on purpose"),
            b'e' => Err(io::Error::other("on purpose")),
            _ => client.read_exact(&mut word),
        }
    };
    let builder = TcpServer::builder(handler).limits(Limits::new().per_peer(1));
    let server = TestServer::build(builder).unwrap();
    for end in ["panic", "error", "close", "kill", "reset"] {
        let mut client = client(ip(server.address()));
        await_in_flight(server.handle(), 1);
        match end {
            "panic" | "error" => client.write_all(&end.as_bytes()[..1]).unwrap(),
            "kill" => server.handle().kill_all(),
            "reset" => socket2::SockRef::from(&client)
                .set_linger(Some(Duration::ZERO))
                .unwrap(),
            _ => {}
        }
        if matches!(end, "close" | "reset") {
            drop(client);
        }
        await_in_flight(server.handle(), 0);
    }
    assert_eq!(server.handle().refused().per_peer, 0);
}

fn is_told<M: Model>(builder: Builder<Tcp, M>) {
    let limits = Limits::new().per_peer(1).at_per_peer(AtLimit::reply(&b"busy\n"[..]));
    let server = TestServer::build(builder.limits(limits)).unwrap();
    let mut first = client(ip(server.address()));
    served(&mut first);
    // What a client has sent already must not turn the reply into a reset.
    server.handle().pause();
    let mut second = client(ip(server.address()));
    second.write_all(&[0; 1000]).unwrap();
    server.handle().resume();
    expect(&mut second, b"busy\n");
    expect_end(&mut second);
    // A system that is not Linux would have dropped the reply at a reset.
    assert_eq!(second.take_error().unwrap().map(|err| err.to_string()), None);
}

#[test]
fn who_is_turned_away_is_told_why() {
    is_told(TcpServer::builder(echo::<std::net::TcpStream>));
    is_told(TcpServer::builder(echo::<std::net::TcpStream>).threads());
}

#[test]
fn a_user_of_this_machine_is_one_client() {
    let builder = UnixServer::builder(echo::<std::os::unix::net::UnixStream>).limits(Limits::new().per_peer(1));
    let server = TestServer::<Unix>::build(builder).unwrap();
    let Address::Unix(path) = server.address() else {
        panic!("no path")
    };
    let mut first = UnixClient::connect(path).unwrap();
    served(&mut first);
    let mut second = UnixClient::connect(path).unwrap();
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    expect_end(&mut second);
    assert_eq!(server.handle().refused().per_peer, 1);
}

#[test]
fn a_full_server_turns_away_if_it_is_told_to() {
    let limits = Limits::new()
        .connections(1)
        .at_connections(AtLimit::reply(&b"full\n"[..]));
    let server = serving(limits);
    let mut first = client(ip(server.address()));
    served(&mut first);
    for _ in 0..3 {
        let mut other = client(ip(server.address()));
        expect(&mut other, b"full\n");
        expect_end(&mut other);
    }
    assert_eq!(server.handle().refused().connections, 3);
    served(&mut first);
    drop(first);
    await_in_flight(server.handle(), 0);
    served(&mut client(ip(server.address())));
}

#[test]
fn who_waits_for_room_has_it_when_the_limit_is_raised() {
    let server = serving(Limits::new().connections(1));
    let mut first = client(ip(server.address()));
    served(&mut first);
    let mut second = client(ip(server.address()));
    second.write_all(b"x").unwrap();
    server.handle().set_limits(Limits::new().connections(2)).unwrap();
    expect(&mut second, b"x");
    assert_eq!(server.handle().max_connections(), 2);
    let refused = server.handle().set_limits(Limits::new().connections(0)).unwrap_err();
    assert!(refused.is_usage());
    assert_eq!(server.handle().limits(), Limits::new().connections(2));
}

#[test]
fn beyond_the_rate_clients_wait_in_the_queue() {
    let server = serving(Limits::new().rate(50, 5));
    let begin = Instant::now();
    let mut clients: Vec<_> = (0..20).map(|_| client(ip(server.address()))).collect();
    clients.iter_mut().for_each(served);
    let took = begin.elapsed();
    // 5 at once, then 15 at 20 ms each.
    assert!(took >= Duration::from_millis(280), "{took:?}");
    assert_eq!(server.handle().refused().rate, 0);
}

#[test]
fn beyond_the_rate_clients_are_turned_away_if_so_said() {
    let server = serving(Limits::new().rate(1, 3).at_rate(AtLimit::Close));
    let mut clients: Vec<_> = (0..10).map(|_| client(ip(server.address()))).collect();
    clients[..3].iter_mut().for_each(served);
    clients[3..].iter_mut().for_each(expect_end);
    assert_eq!(server.handle().refused().rate, 7);
    server.handle().set_limits(Limits::new()).unwrap();
    served(&mut client(ip(server.address())));
}

#[test]
fn one_sender_of_datagrams_has_its_share() {
    let held = |datagram: &mut Datagram<std::net::UdpSocket>| {
        greenserve::runtime::sleep(PATIENCE)?;
        datagram.reply(b"late").map(drop)
    };
    let limits = Limits::new().per_peer(2).at_per_peer(AtLimit::reply(&b"busy"[..]));
    let server = UdpServer::builder(held)
        .limits(limits)
        .bind("127.0.0.1:0")
        .unwrap()
        .start()
        .unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        sender.send_to(b"?", ip(&server.address())).unwrap();
    }
    let mut heard = [0; 8];
    assert_eq!(sender.recv(&mut heard).unwrap(), 4);
    assert_eq!(&heard[..4], b"busy");
    assert_eq!(
        (server.handle().in_flight(), server.handle().refused().per_peer),
        (2, 1)
    );
    server.stop(Duration::ZERO).unwrap();
}

#[test]
fn a_burst_of_clients_holds_no_more_than_its_share_in_every_model() {
    fn checked<M: Model>(model: M) {
        let builder = TcpServer::builder(echo::<std::net::TcpStream>).limits(Limits::new().per_peer(3));
        let server = TestServer::build(builder.model(model)).unwrap();
        let mut clients: Vec<_> = (0..30).map(|_| client(ip(server.address()))).collect();
        wait_until("all are accepted", || server.handle().refused().per_peer == 27);
        let mut alive = 0;
        for client in &mut clients {
            let answered = client.write_all(b"!").is_ok() && client.read(&mut [0; 1]).is_ok_and(|count| count == 1);
            alive += usize::from(answered);
        }
        assert_eq!(alive, 3);
    }
    checked(Coroutine::new());
    checked(Thread::new());
}
