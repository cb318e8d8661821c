//! Failures that need a machine or a server of a special kind, each under its
//! own name.

mod program;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;

use program::{PROGRAM, run};
use serde_json::Value;
use socket2::{Domain, Socket, Type};

/// A server whose receive buffers have so many bytes, or as few as there can be.
fn listener(buffer: usize) -> (SocketAddr, Socket) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.set_recv_buffer_size(buffer).expect("it is allowed");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).expect("a free port");
    listener.listen(128).expect("it can listen");
    let address = listener.local_addr().expect("it is bound").as_socket();
    (address.expect("an IP address"), listener)
}

/// TCP has no connections to all hosts: the kernel says so before it sends
/// anything, whatever its routes are.
#[test]
fn what_cannot_be_reached_is_unreachable() {
    let run = run("tcp://255.255.255.255:7", &["-c", "3"]);
    assert_eq!(run.status(), 1, "{}", run.text());
    assert!(run.text().contains("3 unreachable"), "{}", run.text());
}

/// The addresses are reserved (RFC 1112): no machine has them.
#[test]
fn addresses_that_are_not_ours_cannot_be_connected_from() {
    for protocol in ["tcp", "udp"] {
        let target = format!("{protocol}://127.0.0.1:9");
        let run = run(&target, &["-c", "3", "--source", "240.0.0.0/29"]);
        assert_eq!(run.status(), 2, "{}", run.text());
        assert!(run.text().contains("cannot connect from 240.0.0."), "{}", run.text());
    }
}

/// It takes some bytes of the first message, so that the client is in the middle
/// of it, and resets.
#[test]
fn a_reset_before_the_first_message_is_out_is_one_of_connecting() {
    let (address, listener) = listener(1);
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            let mut client = TcpStream::from(client);
            let taken = client.read(&mut [0; 16]);
            Socket::from(client)
                .set_linger(Some(std::time::Duration::ZERO))
                .expect("it is allowed");
            drop(taken);
        }
    });
    let options = ["-c", "3", "--source", "127.0.0.0/29", "--size", "64k", "--sndbuf", "4k"];
    let run = run(&format!("tcp://{address}"), &options);
    assert_eq!(run.status(), 1, "{}", run.text());
    assert!(run.text().contains("3 connect_reset"), "{}", run.text());
}

/// The first request of each connection is read and answered, of the next ones
/// nothing is.
#[test]
fn a_server_that_does_not_read_is_a_timeout_of_writing() {
    const BODY: usize = 1 << 20;
    let (address, listener) = listener(64 << 10);
    thread::spawn(move || {
        while let Ok((client, _)) = listener.accept() {
            thread::spawn(move || answer_once(client.into(), BODY));
        }
    });
    let folder = tempfile::tempdir().expect("a temporary folder");
    let body = folder.path().join("body");
    std::fs::write(&body, vec![b'x'; BODY]).expect("it can be written");
    let body = body.to_str().expect("text");
    let options = [
        "-c",
        "1",
        "-d",
        "300ms",
        "--timeout",
        "1s",
        "--sndbuf",
        "64k",
        "--body",
        body,
    ];
    let run = run(
        &format!("http://{address}"),
        &[&options[..], &["--allow-client-limited"]].concat(),
    );
    let classes: Vec<_> = run.errors().iter().map(|error| error.0).collect();
    assert_eq!(classes, ["write_timeout"], "{}", run.text());
}

fn answer_once(mut client: TcpStream, body: usize) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    std::io::copy(&mut reader.take(body as u64), &mut std::io::sink())?;
    client.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
    // Open, and not read, until the test ends.
    std::mem::forget(client);
    Ok(())
}

/// What the limit of open files is set to from outside, as an administrator
/// might, while connections come and go.
fn limit_open_files(process: u32, limit: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &process.to_string(), &format!("--nofile={limit}:")])
        .status();
    assert!(status.expect("there is prlimit").success());
}

#[test]
fn a_client_without_descriptors_is_at_its_limits() {
    let server = program::Server::start("coroutine");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let json = folder.path().join("report.json");
    let mut client = Command::new(PROGRAM)
        .args(["run", &server.target, "-c", "5", "-d", "3s", "--churn", "per-request"])
        .args(["--warmup", "0s", "--allow-client-limited", "--json"])
        .arg(&json)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let stderr = client.stderr.take().expect("it is piped");
    let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(" connections/s")), "it measures");
    limit_open_files(client.id(), "4");
    assert!(lines.any(|line| !line.ends_with(" 0 errors")), "something fails");
    // Its report needs one.
    limit_open_files(client.id(), "1000");
    thread::spawn(move || lines.count());
    let output = client.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("raise the hard limit of open files"), "{text}");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).expect("a report")).expect("JSON");
    let errors = &report["runs"][0]["errors"];
    assert_eq!(errors[0]["class"], "emfile", "{errors}");
    assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
}
