//! The real client behind a proxy, as its header says.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream as Client};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc;
use std::time::Duration;

use greenserve::net::{Stream, SystemStream, TcpStream};
use greenserve::testing::TestServer;
use greenserve::{
    AtLimit, Context, Deadlines, Failure, HandlerError, Hooks, Limits, Model, Overdue, ProxyProtocol, Refused, Tcp,
    TcpServer, Unix, UnixServer, with_context,
};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use common::tool::missing;
use common::{client, expect, expect_end, ip, missed, wait_until};

/// Says who the client is, then what it says.
fn introduce<S: SystemStream>(client: &mut Stream<S>, context: &Context) -> io::Result<()> {
    writeln!(client, "{}", context.client_address())?;
    io::copy(&mut &*client, &mut &*client).map(drop)
}

fn local() -> ProxyProtocol {
    ProxyProtocol::trusting(["127.0.0.1"]).unwrap()
}

fn serving(proxies: ProxyProtocol) -> TestServer<Tcp> {
    let builder = TcpServer::builder(with_context(introduce::<std::net::TcpStream>));
    TestServer::build(builder.proxy_protocol(proxies)).unwrap()
}

fn line(client: &mut Client) -> String {
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    line
}

fn version_2(client: [u8; 4]) -> Vec<u8> {
    let fixed = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c";
    let [a, b, c, d] = client;
    [&fixed[..], &[a, b, c, d, 192, 0, 2, 2, 0, 80, 1, 187]].concat()
}

fn says_whom_it_serves<M: Model>(model: M) {
    let builder = TcpServer::builder(with_context(introduce::<std::net::TcpStream>)).model(model);
    let server = TestServer::build(builder.proxy_protocol(local())).unwrap();
    let mut proxy = client(ip(server.address()));
    proxy
        .write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\nhello")
        .unwrap();
    assert_eq!(
        line(&mut proxy),
        "192.0.2.1:40000\nhello".split_inclusive('\n').next().unwrap()
    );

    let mut proxy = client(ip(server.address()));
    proxy.write_all(&version_2([198, 51, 100, 7])).unwrap();
    assert_eq!(line(&mut proxy), "198.51.100.7:80\n");
    let listed = server.handle().connections();
    assert!(listed.iter().any(|one| one.peer.to_string() == "198.51.100.7:80"));
    assert!(listed.iter().any(|one| one.name.contains("198.51.100.7:80")));
}

#[test]
fn the_handler_and_the_lists_know_the_client_behind_the_proxy() {
    says_whom_it_serves(greenserve::Coroutine::new());
    says_whom_it_serves(greenserve::Thread::new());
}

#[test]
fn a_header_is_not_the_first_byte_of_the_client() {
    let deadlines = Deadlines::none().first_byte(Duration::from_millis(100));
    let builder = TcpServer::builder(with_context(introduce::<std::net::TcpStream>)).deadlines(deadlines);
    let server = TestServer::build(builder.proxy_protocol(local())).unwrap();
    let mut proxy = client(ip(server.address()));
    proxy
        .write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n")
        .unwrap();
    expect(&mut proxy, b"192.0.2.1:40000\n");
    expect_end(&mut proxy);
    assert_eq!(missed(server.handle()), [(Overdue::FirstByte, 1)]);
}

#[test]
fn a_deadline_of_the_server_may_end_the_wait_for_a_header() {
    let deadlines = Deadlines::none().first_byte(Duration::from_millis(100));
    let builder = TcpServer::builder(with_context(introduce::<std::net::TcpStream>)).deadlines(deadlines);
    let server = TestServer::build(builder.proxy_protocol(local())).unwrap();
    expect_end(&mut client(ip(server.address())));
    wait_until("it is over", || server.handle().in_flight() == 0);
    assert_eq!(missed(server.handle()), [(Overdue::FirstByte, 1)]);
}

#[test]
fn a_header_in_pieces_is_read_whole_and_nothing_behind_it() {
    let server = serving(local());
    let mut proxy = client(ip(server.address()));
    for byte in b"PROXY TCP6 2001:db8::1 2001:db8::2 5 6\r\nabc" {
        proxy.write_all(&[*byte]).unwrap();
    }
    expect(&mut proxy, b"[2001:db8::1]:5\nabc");
}

#[test]
fn a_proxy_that_speaks_for_itself_keeps_its_address() {
    let server = serving(local());
    let mut proxy = client(ip(server.address()));
    proxy.write_all(b"PROXY UNKNOWN\r\n").unwrap();
    assert_eq!(line(&mut proxy), format!("{}\n", proxy.local_addr().unwrap()));
}

#[test]
fn a_stranger_is_closed_or_served_as_he_is() {
    let elsewhere = || ProxyProtocol::trusting(["192.0.2.0/24"]).unwrap();
    let server = serving(elsewhere());
    let mut stranger = client(ip(server.address()));
    stranger
        .write_all(b"PROXY TCP4 192.0.2.1 192.0.2.2 40000 443\r\n")
        .unwrap();
    let mut heard = Vec::new();
    // The end, or a reset for what nobody read.
    let _ = stranger.read_to_end(&mut heard);
    assert!(heard.is_empty());
    let refused = server.handle().refused();
    assert_eq!((refused.untrusted_proxy, refused.bad_proxy_header), (1, 0));

    let server = serving(elsewhere().take_others(true));
    let mut stranger = client(ip(server.address()));
    let own = format!("{}\nPROXY", stranger.local_addr().unwrap());
    stranger.write_all(b"PROXY").unwrap();
    expect(&mut stranger, own.as_bytes());
    assert_eq!(server.handle().refused(), Refused::default());
}

/// Tells what handlers failed with.
struct Told(mpsc::Sender<Failed>);

/// An error in words, and the deadline in it.
type Failed = (String, Option<Overdue>);

impl Hooks<Tcp> for Told {
    fn handle_error(&self, error: &HandlerError, _: &Context) {
        let overdue = match error {
            HandlerError::Failed(failure) => failure.downcast_ref().and_then(Overdue::of),
            _ => None,
        };
        assert_eq!(
            error.is_disconnect(),
            overdue.is_some() || error.to_string().contains("went away")
        );
        self.0.send((error.to_string(), overdue)).unwrap();
    }
}

/// How the header `bytes` fails, and what a server counts of it: headers that are
/// none, and deadlines that were missed.
fn failure(bytes: &[u8], ends: bool) -> (Failed, u64, Vec<(Overdue, u64)>) {
    let (told, failures) = mpsc::channel();
    let builder = TcpServer::builder(|_: &mut TcpStream| Ok::<_, Failure>(()));
    let proxies = local().header_timeout(Duration::from_millis(100));
    let server = TestServer::build(builder.hooks(Told(told)).proxy_protocol(proxies)).unwrap();
    let mut proxy = client(ip(server.address()));
    proxy.write_all(bytes).unwrap();
    if ends {
        proxy.shutdown(std::net::Shutdown::Write).unwrap();
    }
    let mut heard = Vec::new();
    let _ = proxy.read_to_end(&mut heard);
    let failed = failures.recv_timeout(common::PATIENCE).unwrap();
    let refused = server.handle().refused();
    assert_eq!(refused.untrusted_proxy, 0);
    (failed, refused.bad_proxy_header, missed(server.handle()))
}

#[test]
fn what_is_wrong_with_a_header_is_said_with_the_peer_and_counted() {
    let late = Some(Overdue::ProxyHeader);
    for (bytes, ends, why, bad, overdue) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], false, "may not be a proxy", 1, None),
        (
            b"PROXY TCP4 192.0.2.1 ",
            true,
            "went away within its PROXY header",
            0,
            None,
        ),
        (
            b"PROXY TCP4 192.0.2.1 ",
            false,
            "no whole PROXY header within 100ms",
            0,
            late,
        ),
        (b"", false, "no whole PROXY header within 100ms", 0, late),
    ] {
        let ((failure, named), refused, missed) = failure(bytes, ends);
        assert!(failure.contains(why) && failure.contains("127.0.0.1:"), "{failure}");
        assert_eq!((named, refused), (overdue, bad), "{failure}");
        assert_eq!(missed, Vec::from_iter(overdue.map(|overdue| (overdue, 1))), "{failure}");
    }
}

#[test]
fn the_share_of_a_client_is_that_of_the_one_behind_the_proxy() {
    let builder = TcpServer::builder(with_context(introduce::<std::net::TcpStream>));
    let limits = Limits::new().per_peer(1).at_per_peer(AtLimit::reply(&b"busy\n"[..]));
    let server = TestServer::build(builder.limits(limits).proxy_protocol(local())).unwrap();
    // The proxy itself may have any number, also before it has said for whom.
    let _silent = client(ip(server.address()));
    let through_proxy = |real: [u8; 4]| {
        let mut proxy = client(ip(server.address()));
        proxy.write_all(&version_2(real)).unwrap();
        proxy
    };
    let mut first = through_proxy([192, 0, 2, 1]);
    assert_eq!(line(&mut first), "192.0.2.1:80\n");
    let mut second = through_proxy([192, 0, 2, 2]);
    assert_eq!(line(&mut second), "192.0.2.2:80\n");
    let mut again = through_proxy([192, 0, 2, 1]);
    expect(&mut again, b"busy\n");
    expect_end(&mut again);
    assert_eq!(server.handle().refused().per_peer, 1);
}

#[test]
fn a_unix_socket_is_for_proxies_too() {
    let builder = UnixServer::builder(with_context(introduce::<std::os::unix::net::UnixStream>));
    let proxies = ProxyProtocol::trusting([""; 0]).unwrap().trust_unix(true);
    let server = TestServer::<Unix>::build(builder.proxy_protocol(proxies)).unwrap();
    let mut proxy = server.connect().unwrap();
    proxy.write_all(&version_2([192, 0, 2, 9])).unwrap();
    expect(&mut proxy, b"192.0.2.9:80\n");
}

/// HAProxy in front of a server, with the listening socket of this test.
struct HaProxy(Child);

impl HaProxy {
    fn before(server: SocketAddr, listener: &TcpListener, directory: &Path, send: &str) -> HaProxy {
        // It shall survive the exec.
        fcntl(listener, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let config = format!(
            "defaults\n mode tcp\n timeout connect 5s\n timeout client 10s\n timeout server 10s\n\
             listen test\n bind fd@{}\n server one {server} {send}\n",
            listener.as_raw_fd()
        );
        let file = directory.join(send);
        fs::write(&file, config).unwrap();
        let running = Command::new("haproxy").arg("-db").arg("-f").arg(&file).spawn().unwrap();
        HaProxy(running)
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_proxy_says_whom_it_serves() {
    if let Err(err) = Command::new("haproxy").arg("-v").output() {
        return missing("haproxy", err);
    }
    let directory = tempfile::tempdir().unwrap();
    for send in ["send-proxy", "send-proxy-v2"] {
        let server = serving(local());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = HaProxy::before(ip(server.address()), &listener, directory.path(), send);
        let mut client = client(listener.local_addr().unwrap());
        let own = format!("{}\n", client.local_addr().unwrap());
        client.write_all(b"hello").unwrap();
        expect(&mut client, own.as_bytes());
        expect(&mut client, b"hello");
        drop(proxy);
    }
}
