//! What is refused, and whether the text says which value and what to do.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use greenserve::net::{Address, SocketOptions, TcpStream};
use greenserve::{Builder, Error, Family, Server, Tcp, TcpServer, Udp, Unix, UnixDatagrams};
use support::ip;

fn nothing<R>(_: &mut R) -> io::Result<()> {
    Ok(())
}

fn builder() -> Builder<Tcp> {
    TcpServer::builder(nothing)
}

fn refused_at<F: Family>(address: &str) -> Error {
    Server::<F>::bind(address, nothing).unwrap_err()
}

/// A mistake of the caller, which the text names together with the way out.
#[track_caller]
fn is_usage(err: &Error, parts: &[&str]) {
    assert!(err.is_usage(), "{err}");
    assert_eq!(format!("{:?}", err.exit_code()), format!("{:?}", ExitCode::from(2)));
    says(err, parts);
}

/// A state of the machine, which the text names together with the way out.
#[track_caller]
fn is_no_usage(err: &Error, parts: &[&str]) {
    assert!(!err.is_usage(), "{err}");
    assert_eq!(format!("{:?}", err.exit_code()), format!("{:?}", ExitCode::FAILURE));
    says(err, parts);
}

#[track_caller]
fn says(err: &Error, parts: &[&str]) {
    let text = err.to_string();
    for part in parts {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
}

#[test]
fn malformed_addresses_are_named_with_the_forms_that_work() {
    let texts = [
        "localhost",
        "127.0.0.1:",
        "127.0.0.1:http",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "::1:80",
        "[::1]",
        "[::1:80",
        "300.1.1.1:80",
        "local host:80",
        "unix:",
        "fd:",
        "fd:x",
        "",
    ];
    for text in texts {
        let err = refused_at::<Tcp>(text);
        assert!(matches!(err, Error::MalformedAddress { .. }), "{text}: {err}");
        is_usage(
            &err,
            &[
                &format!("{text:?}"),
                "write HOST:PORT, :PORT, [IPV6]:PORT, unix:/PATH, unix-abstract:NAME, fd:NUMBER or systemd:NAME",
            ],
        );
    }
}

#[test]
fn a_malformed_address_is_refused_before_the_socket_is_made() {
    is_usage(&builder().unbound("nonsense").unwrap_err(), &["\"nonsense\""]);
}

#[test]
fn an_address_of_another_family_is_named_with_the_form_that_works() {
    is_usage(
        &refused_at::<Tcp>("unix:/run/x"),
        &["unix:/run/x", "a tcp server", "HOST:PORT"],
    );
    is_usage(
        &refused_at::<Udp>("unix:/run/x"),
        &["unix:/run/x", "a udp server", "HOST:PORT"],
    );
    is_usage(
        &refused_at::<Unix>("127.0.0.1:80"),
        &["127.0.0.1:80", "a unix server", "unix:/PATH"],
    );
    is_usage(
        &refused_at::<UnixDatagrams>("127.0.0.1:80"),
        &["127.0.0.1:80", "a unixgram server", "unix:/PATH"],
    );
}

#[test]
fn a_port_in_use_is_named_and_its_owner_undisturbed() {
    let first = TcpServer::bind("127.0.0.1:0", |client: &mut TcpStream| {
        io::Write::write_all(client, b"first")
    })
    .unwrap();
    let address = first.address().unwrap();
    let err = TcpServer::bind(&address, nothing).unwrap_err();
    is_no_usage(
        &err,
        &[
            &address.to_string(),
            "another process listens there",
            "choose another address",
        ],
    );
    let first = first.start().unwrap();
    assert_eq!(support::ask(&address, b""), b"first");
    drop(first);
}

#[test]
fn a_udp_port_in_use_is_named() {
    let first = Server::<Udp>::bind("127.0.0.1:0", nothing).unwrap();
    let address = first.address().unwrap();
    let err = Server::<Udp>::bind(&address, nothing).unwrap_err();
    is_no_usage(&err, &[&address.to_string(), "another process listens there"]);
}

#[test]
fn a_port_can_be_shared_only_by_those_who_say_so() {
    let shared = || SocketOptions::new().reuse_port(true);
    let first = builder().socket_options(shared()).bind("127.0.0.1:0").unwrap();
    let address = first.address().unwrap();
    builder().socket_options(shared()).bind(&address).unwrap();
    builder().bind(&address).unwrap_err();
}

#[test]
fn an_address_of_no_interface_is_named() {
    is_no_usage(
        &refused_at::<Tcp>("192.0.2.1:0"),
        &[
            "cannot bind 192.0.2.1:0",
            "no interface of this machine has that address",
        ],
    );
}

#[test]
fn a_missing_directory_is_named_and_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing");
    let at = format!("unix:{}", missing.join("socket").display());
    let parts = [at.as_str(), "the directory does not exist: create it first"];
    is_no_usage(&refused_at::<Unix>(&at), &parts);
    is_no_usage(&refused_at::<UnixDatagrams>(&at), &parts);
    assert!(!missing.exists());
}

#[test]
fn a_path_that_is_too_long_is_named_with_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x".repeat(200));
    let length = path.as_os_str().len().to_string();
    let err = Server::<Unix>::bind(path.as_path(), nothing).unwrap_err();
    is_usage(
        &err,
        &[
            &path.display().to_string(),
            &length,
            "107",
            "choose a shorter directory or a relative path",
        ],
    );
    assert!(is_empty(directory.path()));
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).unwrap().count() == 0
}

#[test]
fn a_path_of_a_living_server_is_refused_and_left_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let hello = |client: &mut greenserve::net::UnixStream| io::Write::write_all(client, b"hello");
    let living = Server::<Unix>::bind(path.as_path(), hello).unwrap().start().unwrap();
    let err = Server::<Unix>::bind(path.as_path(), nothing).unwrap_err();
    is_no_usage(&err, &[&path.display().to_string(), "another process listens there"]);
    assert_eq!(support::read_exactly(support::connect_unix(&path), 5), b"hello");
    drop(living);
}

#[test]
fn a_file_that_is_no_socket_is_refused_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("diary");
    std::fs::write(&path, "dear diary").unwrap();
    let err = Server::<Unix>::bind(path.as_path(), nothing).unwrap_err();
    is_no_usage(&err, &[&path.display().to_string(), "not a socket"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear diary");
}

#[test]
fn what_a_crashed_server_left_is_cleared_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    drop(Server::<Unix>::bind(path.as_path(), nothing).unwrap());
    assert!(is_empty(directory.path()));
}

#[test]
fn a_descriptor_has_one_owner_and_no_second_one_ever() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let number = std::os::fd::IntoRawFd::into_raw_fd(listener);
    let text = format!("fd:{number}");
    // Of another family it is left open, and nobody's.
    refused_at::<Udp>(&text);
    let owner = Server::<Tcp>::bind(text.as_str(), nothing).unwrap();
    let parts = [format!("cannot adopt {text}"), "taken it over before".to_owned()];
    let parts = [parts[0].as_str(), parts[1].as_str()];
    is_no_usage(&refused_at::<Tcp>(&text), &parts);
    is_no_usage(&greenserve::net::TcpListener::bind(text.as_str()).unwrap_err(), &parts);
    // Which has closed nothing.
    std::net::TcpStream::connect(address).unwrap();
    drop(owner);
    // Whatever has the number by now is somebody else's.
    is_no_usage(&refused_at::<Tcp>(&text), &parts);
    std::net::TcpStream::connect(address).unwrap_err();
}

#[test]
fn a_descriptor_that_is_not_open_is_named() {
    is_no_usage(
        &refused_at::<Tcp>("fd:987654"),
        &["cannot adopt fd:987654", "Bad file descriptor"],
    );
}

#[test]
fn settings_that_would_stop_a_server_are_refused_by_name_and_value() {
    let second = Duration::from_secs(1);
    let refusals = [
        (
            builder().backlog(0),
            "backlog cannot be 0: at least one connection must be able to wait",
        ),
        (builder().backlog(u32::MAX), "backlog cannot be 4294967295"),
        (
            builder().max_accept(0),
            "max_accept cannot be 0: the accept loop must take one request at a time at least",
        ),
        (
            builder().max_datagrams(0),
            "max_datagrams cannot be 0: a server must be able to serve one datagram",
        ),
        (
            builder().max_connections(0),
            "max_connections cannot be 0: a server must be able to serve one request",
        ),
        (
            builder().max_packet_size(0),
            "max_packet_size cannot be 0: a datagram needs room for one byte at least",
        ),
        (
            builder().accept_backoff(second * 2, second),
            "min_delay cannot be 2s: it must not be longer than max_delay, which is 1s",
        ),
    ];
    for (builder, text) in refusals {
        is_usage(&builder.bind("127.0.0.1:0").unwrap_err(), &[text]);
    }
}

#[test]
fn settings_are_checked_for_servers_in_two_phases_and_adopted_ones_too() {
    is_usage(
        &builder().max_accept(0).unbound("127.0.0.1:0").unwrap_err(),
        &["max_accept cannot be 0"],
    );
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    is_usage(
        &builder().max_accept(0).adopt(listener.into()).unwrap_err(),
        &["max_accept cannot be 0"],
    );
}

#[test]
fn a_failed_bind_leaves_the_port_to_others() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    TcpServer::bind(address, nothing).unwrap_err();
    drop(taken);
    let server = TcpServer::bind(address, nothing).unwrap();
    assert_eq!(ip(&server.address().unwrap()), address);
}

#[test]
fn every_form_of_an_address_is_bound() {
    for text in ["127.0.0.1:0", "localhost:0", "[::1]:0", ":0", "*:0", "0"] {
        let bound = TcpServer::bind(text, nothing).map(|server| server.address().unwrap());
        match bound {
            Ok(address) => assert!(address.port().is_some_and(|port| port != 0), "{text}: {address}"),
            // Where the machine has no IPv6.
            Err(err) => assert!(text.contains("::1"), "{text}: {err}"),
        }
    }
}

#[test]
fn a_listener_on_all_interfaces_takes_both_versions_of_ip() {
    let server = TcpServer::bind(":0", |client: &mut TcpStream| io::Write::write_all(client, b"hello")).unwrap();
    let port = server.address().unwrap().port().unwrap();
    let server = server.start().unwrap();
    for host in ["127.0.0.1", "::1"] {
        let address = Address::Ip((host.parse::<std::net::IpAddr>().unwrap(), port).into());
        match std::net::TcpStream::connect(ip(&address)) {
            Ok(client) => assert_eq!(support::read_exactly(client, 5), b"hello"),
            Err(err) => assert_eq!((host, err.kind()), ("::1", io::ErrorKind::AddrNotAvailable)),
        }
    }
    drop(server);
}
