//! Every family's sockets, and the addresses that are refused.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clients::{Client, once};
use crate::program::{is_usage, start};
use crate::support::exchange::udp_client;
use crate::support::harness::Program;
use crate::support::{LIMIT, connect_unix, wait_until};

pub fn all_four_families_and_abstract_names_are_served() {
    let tcp = start("stream=[::1]:0 workers=2");
    assert_eq!(once(&tcp.address(), "hello"), "hello");
    ends_well(tcp);

    let udp = start("family=udp datagram=127.0.0.1:0 workers=2");
    let client = udp_client(&udp.address());
    client.send(b"hello").unwrap();
    let mut heard = [0; 64];
    let count = client.recv(&mut heard).unwrap();
    assert_eq!(&heard[..count], b"hello");
    ends_well(udp);

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stream");
    let unix = start(&format!("family=unix stream=unix:{} workers=2", path.display()));
    unix.address();
    assert_eq!(Client::over(connect_unix(&path)).ask("hello"), "hello");
    ends_well(unix);
    assert!(!path.exists());

    let path = directory.path().join("datagrams");
    let unixgram = start(&format!("family=unixgram datagram=unix:{} workers=2", path.display()));
    unixgram.address();
    assert_eq!(asked_by_datagram(directory.path(), &path), "hello");
    ends_well(unixgram);
    assert!(!path.exists());

    let name = format!("greenserve-supervisor-{}", std::process::id());
    let named = start(&format!("family=unix stream=unix-abstract:{name} workers=2"));
    named.address();
    let client = UnixStream::connect_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    assert_eq!(Client::over(client).ask("hello"), "hello");
    ends_well(named);
}

fn asked_by_datagram(directory: &Path, path: &Path) -> String {
    let client = UnixDatagram::bind(directory.join("client")).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client.send_to(b"hello", path).unwrap();
    let mut heard = [0; 64];
    let count = client.recv(&mut heard).unwrap();
    String::from_utf8_lossy(&heard[..count]).into_owned()
}

fn ends_well(program: Program) {
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
}

pub fn a_socket_file_belongs_to_the_supervisor() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stream");
    let program = start(&format!("family=unix stream=unix:{} workers=1", path.display()));
    program.address();
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        // Also one that ends in order must leave it.
        let worker = Client::over(connect_unix(&path)).pid();
        kill(Pid::from_raw(worker), signal).unwrap();
        wait_until("another worker serves", || {
            let mut client = Client::over(connect_unix(&path));
            client.try_ask("pid").is_ok_and(|pid| pid != worker.to_string())
        });
    }
    ends_well(program);
    assert!(!path.exists());
}

pub fn several_sockets_come_in_their_order() {
    let program = start("stream=127.0.0.1:0 datagram=127.0.0.1:0 workers=2");
    let (stream, datagrams) = (program.address(), program.address());
    assert_eq!(once(&stream, "variable LISTEN_FDS"), "2");
    let client = udp_client(&datagrams);
    client.send(b"hello").unwrap();
    let mut heard = [0; 64];
    let count = client.recv(&mut heard).unwrap();
    assert_eq!(&heard[..count], b"hello");
    ends_well(program);
}

pub fn what_makes_no_sense_is_refused() {
    for (words, status, reason) in [
        ("workers=1", 1, "has no socket"),
        ("stream=127.0.0.1:0 workers=0", 2, "workers cannot be 0"),
        ("stream=127.0.0.1:0 failures=0", 2, "max_failed_starts cannot be 0"),
        ("stream=nonsense", 2, "\"nonsense\""),
        ("stream=systemd:http", 2, "LISTEN_FDS"),
        ("stream=fd:99", 1, "fd:99"),
        ("stream=unix:/nonexistent/x", 1, "/nonexistent/x"),
    ] {
        let (ended, said) = start(words).ended();
        assert_eq!(ended.code(), Some(status), "{words}: {said}");
        assert!(said.contains(reason), "{words}: {said}");
        assert!(!said.contains(") starts"), "{words}: {said}");
    }
    assert!(is_usage("systemd:http"));
}
