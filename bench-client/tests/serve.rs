//! The reference server, asked by clients that are not ours.
#![allow(missing_docs)]
#![allow(clippy::print_stderr, reason = "a test that skips something says so")]

mod reference;

use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use reference::Reference;

/// How long an answer that must come may take.
const LIMIT: Duration = Duration::from_secs(10);
const MESSAGE: &[u8] = b"0123456789abcdef";

fn tcp(server: &Reference) -> TcpStream {
    let client = TcpStream::connect(&server.address).expect("it listens");
    client.set_read_timeout(Some(LIMIT)).expect("a positive one");
    client
}

fn udp(server: &Reference) -> UdpSocket {
    let client = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    client.connect(&server.address).expect("an address");
    client.set_read_timeout(Some(LIMIT)).expect("a positive one");
    client
}

/// The path of a server on a Unix socket.
fn path(server: &Reference) -> &str {
    server.address.strip_prefix("unix:").expect("a path")
}

/// The answer to one message: as many bytes, or fewer if the connection ends.
fn exchange(client: &mut (impl Read + Write), message: &[u8]) -> io::Result<Vec<u8>> {
    client.write_all(message)?;
    let mut answer = Vec::new();
    client.take(message.len() as u64).read_to_end(&mut answer)?;
    Ok(answer)
}

fn receive(client: &UdpSocket) -> Vec<u8> {
    let mut answer = [0; 64];
    let length = client.recv(&mut answer).expect("an answer");
    answer[..length].to_vec()
}

/// How many of `all` are true.
fn count<T>(all: impl IntoIterator<Item = T>, is: impl Fn(&T) -> bool) -> usize {
    all.into_iter().filter(is).count()
}

#[test]
fn every_model_echoes_and_counts() {
    for model in ["coroutine", "thread", "inline"] {
        let server = Reference::start(&format!("tcp --model {model}"));
        let mut client = tcp(&server);
        for _ in 0..10 {
            assert_eq!(exchange(&mut client, MESSAGE).expect("it answers"), MESSAGE);
        }
        drop(client);
        assert_eq!(exchange(&mut tcp(&server), MESSAGE).expect("it answers"), MESSAGE);
        let counts = json!({"answers": 11, "bytes": 176, "connections": 2, "faults": {}});
        assert_eq!(server.counts(), counts, "{model}");
    }
}

#[test]
fn connections_that_live_at_the_end_are_counted() {
    let server = Reference::start("tcp --size 4");
    let mut client = tcp(&server);
    assert_eq!(exchange(&mut client, MESSAGE).expect("it answers"), MESSAGE);
    assert_eq!(server.counts()["answers"], 4);
}

#[test]
fn messages_larger_than_all_buffers_are_echoed() {
    let server = Reference::start("tcp");
    let message = vec![7; 4 << 20];
    let mut reader = tcp(&server);
    let mut writer = reader.try_clone().expect("a descriptor");
    let sent = message.clone();
    let writing = std::thread::spawn(move || writer.write_all(&sent));
    let mut answer = vec![0; message.len()];
    reader.read_exact(&mut answer).expect("all of it");
    writing.join().expect("no panic").expect("it was sent");
    assert_eq!(answer, message);
}

#[test]
fn unix_streams_are_echoed_and_leave_no_file() {
    let server = Reference::start("unix");
    let path = path(&server).to_owned();
    let mut client = UnixStream::connect(&path).expect("it listens");
    assert_eq!(exchange(&mut client, MESSAGE).expect("it answers"), MESSAGE);
    assert_eq!(server.counts()["answers"], 1);
    assert!(!std::path::Path::new(&path).exists(), "{path}");
}

#[test]
fn datagrams_are_echoed() {
    let server = Reference::start("udp");
    let client = udp(&server);
    client.send(MESSAGE).expect("it is sent");
    assert_eq!(receive(&client), MESSAGE);
    assert_eq!(server.counts()["bytes"], 16);
}

#[test]
fn the_longest_datagram_is_echoed() {
    let server = Reference::start("udp");
    let client = udp(&server);
    let message = vec![7; 65_507];
    client.send(&message).expect("it is sent");
    let mut answer = vec![0; 65_536];
    let length = client.recv(&mut answer).expect("an answer");
    assert_eq!(answer[..length], message);
}

#[test]
fn unix_datagrams_are_echoed_and_leave_no_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Reference::start("unixgram");
    let client = UnixDatagram::bind(folder.path().join("client")).expect("a free path");
    client.set_read_timeout(Some(LIMIT)).expect("a positive one");
    client.send_to(MESSAGE, path(&server)).expect("it is sent");
    let mut answer = [0; 64];
    let length = client.recv(&mut answer).expect("an answer");
    assert_eq!(&answer[..length], MESSAGE);
    let path = path(&server).to_owned();
    assert_eq!(server.counts()["answers"], 1);
    assert!(!std::path::Path::new(&path).exists(), "{path}");
}

#[test]
fn corrupt_answers_have_one_wrong_byte() {
    let server = Reference::start("tcp --size 16 --after 2 --corrupt 7");
    let mut client = tcp(&server);
    let answers: Vec<_> = (0..20)
        .map(|_| exchange(&mut client, MESSAGE).expect("it answers"))
        .collect();
    let wrong = |answer: &Vec<u8>| count(answer.iter().zip(MESSAGE), |(ours, theirs)| ours != theirs);
    assert_eq!(count(&answers, |answer| wrong(answer) == 1), 7);
    assert_eq!(count(&answers, |answer| wrong(answer) == 0), 13);
    assert_eq!(wrong(&answers[0]) + wrong(&answers[1]), 0, "the first two are right");
    let counts = json!({"answers": 13, "bytes": 208, "connections": 1, "faults": {"corrupt": 7}});
    assert_eq!(server.counts(), counts);
}

/// Two clients ask at once and get each other's answer, then their own.
fn swap_two(server: &Reference) {
    let messages = [*b"the first client", *b"the other client"];
    let asking = messages.map(|message| {
        let mut client = tcp(server);
        std::thread::spawn(move || {
            let first = exchange(&mut client, &message).expect("it answers");
            assert_eq!(exchange(&mut client, &message).expect("it answers"), message);
            first
        })
    });
    let answers = asking.map(|client| client.join().expect("no panic"));
    assert_eq!(answers, [messages[1].to_vec(), messages[0].to_vec()]);
}

#[test]
fn swapped_answers_are_each_others() {
    for model in ["coroutine", "thread"] {
        let server = Reference::start(&format!("tcp --size 16 --swap 2 --model {model}"));
        swap_two(&server);
        assert_eq!(server.counts()["faults"]["swap"], 2);
    }
}

#[test]
fn an_answer_that_finds_no_other_is_sent_to_its_own_and_does_not_count() {
    let server = Reference::start("tcp --size 16 --swap 2");
    assert_eq!(exchange(&mut tcp(&server), MESSAGE).expect("it answers"), MESSAGE);
    swap_two(&server);
    let counts = json!({"answers": 3, "bytes": 48, "connections": 3, "faults": {"swap": 2}});
    assert_eq!(server.counts(), counts);
}

/// What becomes of twelve connections with one message each.
fn twelve_connections(words: &str) -> (Reference, Vec<io::Result<Vec<u8>>>) {
    let server = Reference::start(words);
    let answers = (0..12).map(|_| exchange(&mut tcp(&server), MESSAGE)).collect();
    (server, answers)
}

#[test]
fn connections_end_as_they_are_to_exactly_so_often() {
    type Ended = fn(&io::Result<Vec<u8>>) -> bool;
    let short: Ended = |answer| answer.as_ref().is_ok_and(|bytes| bytes == &MESSAGE[..8]);
    let closed: Ended = |answer| answer.as_ref().is_ok_and(Vec::is_empty);
    let reset: Ended = |answer| {
        let err = answer.as_ref().err();
        err.is_some_and(|err| err.kind() == io::ErrorKind::ConnectionReset)
    };
    for (fault, ended) in [("short", short), ("close", closed), ("reset", reset)] {
        for model in ["coroutine", "thread", "inline"] {
            let words = format!("tcp --size 16 --{fault} 7 --model {model}");
            let (server, answers) = twelve_connections(&words);
            assert_eq!(count(&answers, |answer| ended(answer)), 7, "{words}: {answers:?}");
            let right = |answer: &&io::Result<Vec<u8>>| answer.as_ref().is_ok_and(|bytes| bytes == MESSAGE);
            assert_eq!(count(&answers, right), 5, "{words}: {answers:?}");
            let counts = server.counts();
            assert_eq!((&counts["faults"][fault], &counts["answers"]), (&json!(7), &json!(5)));
        }
    }
}

#[test]
fn every_connection_is_reset_after_its_answers() {
    let server = Reference::start("tcp --reset-after 3");
    for _ in 0..2 {
        let mut client = tcp(&server);
        for _ in 0..3 {
            assert_eq!(exchange(&mut client, MESSAGE).expect("it answers"), MESSAGE);
        }
        let err = exchange(&mut client, MESSAGE).expect_err("it resets");
        assert_eq!(err.kind(), io::ErrorKind::ConnectionReset);
    }
    let counts = json!({"answers": 6, "bytes": 96, "connections": 2, "faults": {"reset_after": 2}});
    assert_eq!(server.counts(), counts);
}

#[test]
fn only_the_first_connections_are_served() {
    let server = Reference::start("tcp --serve-only 1");
    let mut served = tcp(&server);
    assert_eq!(exchange(&mut served, MESSAGE).expect("it answers"), MESSAGE);
    let mut starved = tcp(&server);
    starved
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a positive one");
    let err = exchange(&mut starved, MESSAGE).expect_err("it waits");
    assert_eq!(err.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(exchange(&mut served, MESSAGE).expect("it answers"), MESSAGE);
    let counts = json!({"answers": 2, "bytes": 32, "connections": 2, "faults": {"serve_only": 1}});
    assert_eq!(server.counts(), counts);
}

#[test]
fn delays_and_stalls_take_their_time() {
    let took = |words: &str| {
        let server = Reference::start(words);
        let began = Instant::now();
        assert_eq!(exchange(&mut tcp(&server), MESSAGE).expect("it answers"), MESSAGE);
        (began.elapsed(), server.counts())
    };
    assert!(took("tcp --delay 100ms").0 >= Duration::from_millis(100));
    assert!(took("tcp --delay uniform:50ms..60ms").0 >= Duration::from_millis(50));
    let (stalled, counts) = took("tcp --stall 1s@0s");
    assert!(stalled >= Duration::from_secs(1), "{stalled:?}");
    assert_eq!((&counts["faults"]["stall"], &counts["answers"]), (&json!(1), &json!(1)));
}

#[test]
fn bytes_sent_one_by_one_are_a_right_answer() {
    let server = Reference::start("unix --size 16 --byte-by-byte");
    let mut client = UnixStream::connect(path(&server)).expect("it listens");
    assert_eq!(exchange(&mut client, MESSAGE).expect("it answers"), MESSAGE);
    assert_eq!(server.counts()["answers"], 1);
}

#[test]
fn datagrams_are_dropped_and_doubled_exactly_so_often() {
    for (fault, answers) in [("drop", 3), ("duplicate", 17), ("short", 10), ("corrupt", 10)] {
        let server = Reference::start(&format!("udp --{fault} 7"));
        let client = udp(&server);
        for number in 0..10_u8 {
            client.send(&[number; 16]).expect("it is sent");
        }
        let received: Vec<_> = (0..answers).map(|_| receive(&client)).collect();
        let right = count(&received, |answer| **answer == [answer[0]; 16]);
        let expected = if fault == "duplicate" { 17 } else { 3 };
        assert_eq!(right, expected, "{fault}: {received:?}");
        // A further message's answer comes next, so that there were no more.
        client.send(MESSAGE).expect("it is sent");
        assert_eq!(receive(&client), MESSAGE, "{fault}");
        assert_eq!(server.counts()["faults"][fault], 7);
    }
}

#[test]
fn a_reordered_datagram_is_answered_after_the_next() {
    let server = Reference::start("udp --reorder 1");
    let client = udp(&server);
    for message in [b"one", b"two", b"six"] {
        client.send(message).expect("it is sent");
    }
    let received: Vec<_> = (0..3).map(|_| receive(&client)).collect();
    assert_eq!(received, [b"two", b"one", b"six"]);
    let counts = json!({"answers": 3, "bytes": 9, "connections": 0, "faults": {"reorder": 1}});
    assert_eq!(server.counts(), counts);
}

#[test]
fn a_late_datagram_comes_after_its_time() {
    let server = Reference::start("udp --late 200ms*1");
    let client = udp(&server);
    let began = Instant::now();
    client.send(b"late").expect("it is sent");
    client.send(b"next").expect("it is sent");
    assert_eq!(receive(&client), b"next");
    assert_eq!(receive(&client), b"late");
    assert!(began.elapsed() >= Duration::from_millis(200));
    let counts = json!({"answers": 1, "bytes": 4, "connections": 0, "faults": {"late": 1}});
    assert_eq!(server.counts(), counts);
}

/// The status and the body of the answer to a request with a body.
fn post(client: &mut TcpStream, body: &str) -> (String, String) {
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write_all((head + body).as_bytes()).expect("it is sent");
    let mut received = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        let text = String::from_utf8_lossy(&received).into_owned();
        if let Some((head, came)) = text.split_once("\r\n\r\n") {
            let length = head
                .split("Content-Length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let length = length.map_or(0, |length| length.parse().expect("a number"));
            if came.len() >= length {
                return (head.lines().next().expect("a line").to_owned(), came.to_owned());
            }
        }
        match client.read(&mut buffer).expect("an answer") {
            0 => return (text, String::new()),
            count => received.extend_from_slice(&buffer[..count]),
        }
    }
}

#[test]
fn http_is_answered_over_one_connection() {
    let server = Reference::start("http");
    let mut client = tcp(&server);
    for body in ["hello", "", "again"] {
        assert_eq!(post(&mut client, body), ("HTTP/1.1 200 OK".to_owned(), body.to_owned()));
    }
    let counts = json!({"answers": 3, "bytes": 10, "connections": 1, "faults": {}});
    assert_eq!(server.counts(), counts);
}

#[test]
fn http_statuses_and_nonsense_come_exactly_so_often() {
    let server = Reference::start("http --status 503*2 --bad-response 1");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let mut client = tcp(&server);
        statuses.push(post(&mut client, "hello").0);
        if statuses.len() > 1 {
            statuses.push(post(&mut client, "hello").0);
        }
    }
    let unavailable = "HTTP/1.1 503 Service Unavailable";
    let right = "HTTP/1.1 200 OK";
    assert_eq!(
        statuses,
        ["this is no HTTP", unavailable, unavailable, right, right].map(str::to_owned)
    );
    assert_eq!(server.counts()["faults"], json!({"status": 2, "bad_response": 1}));
}

/// What the program prints, or `None` if there is no such program.
fn run(program: &str, args: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no {program}");
        return None;
    };
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    Some(child.wait_with_output().expect("it ends").stdout)
}

#[test]
fn curl_understands_it() {
    let server = Reference::start("http");
    let url = format!("http://{}", server.address);
    let limit = ["-sS", "--max-time", "10"];
    if let Some(said) = run("curl", &[&limit[..], &[&url]].concat(), b"") {
        assert_eq!(said, b"hello from bench-client\n");
        let large = vec![b'x'; 2 << 20];
        let echo = format!("{url}/echo");
        let said = run("curl", &[&limit[..], &["--data-binary", "@-", &echo]].concat(), &large);
        assert!(said == Some(large));
        let said = run("curl", &[&limit[..], &["-I", "-0", &url]].concat(), b"");
        assert!(said.is_some_and(|said| said.starts_with(b"HTTP/1.1 200 OK")));
    }
}

#[test]
fn nc_and_python_are_echoed() {
    let server = Reference::start("tcp");
    let (host, port) = server.address.split_once(':').expect("a port");
    if let Some(said) = run("nc", &["-N", "-w", "10", host, port], MESSAGE) {
        assert_eq!(said, MESSAGE);
    }
    let script = "import socket, sys\n\
                  client = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10)\n\
                  client.sendall(b'from python')\n\
                  print(client.recv(100).decode(), end='')\n";
    if let Some(said) = run("python3", &["-c", script, host, port], b"") {
        assert_eq!(said, b"from python");
    }
}

#[test]
fn contradictions_are_usage_errors() {
    for words in [
        "tcp --swap 7",
        "udp --close 7",
        "unix --listen 127.0.0.1:0",
        "tcp --corrupt 2.5",
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_bench-client"))
            .arg("serve")
            .args(words.split(' '))
            .output()
            .expect("it can be started");
        assert_eq!(output.status.code(), Some(2), "{words}");
    }
}
