//! Streams that are out of step, end early or never end.

mod program;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use program::{Run, listen, run};

const SIZE: usize = 64;

/// Does what it does but once in the life of a server, after the first 20 answers.
#[derive(Debug, Default)]
struct Once(AtomicU32);

impl Once {
    fn is_now(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) == 20
    }
}

/// Echoes message by message; `disturb` may say what is sent behind an answer.
fn echo(disturb: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> String {
    listen(move |mut client| {
        loop {
            let mut answer = vec![0; SIZE];
            client.read_exact(&mut answer)?;
            let behind = disturb(&answer);
            answer.extend(behind);
            client.write_all(&answer)?;
        }
    })
}

/// Reads a request without a body.
fn request(client: &mut TcpStream) -> std::io::Result<()> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        read.extend(byte);
    }
    Ok(())
}

/// Answers one request of each connection, and says that it is the last.
fn once_each() -> String {
    let response = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    listen(move |mut client| {
        request(&mut client)?;
        client.write_all(response.as_bytes())
    })
    .replace("tcp://", "http://")
}

/// Sends `head`, and then `more` again and again.
fn endless(head: &'static [u8], more: &'static [u8], pause: Duration) -> String {
    listen(move |mut client| {
        request(&mut client)?;
        client.write_all(head)?;
        loop {
            client.write_all(more)?;
            std::thread::sleep(pause);
        }
    })
    .replace("tcp://", "http://")
}

fn short(target: &str, more: &[&str]) -> Run {
    let options = ["-d", "500ms", "--allow-client-limited"];
    run(target, &[&options[..], more].concat())
}

fn errors(run: &Run) -> Vec<(&str, u64)> {
    let errors = run.report["errors"]
        .as_array()
        .unwrap_or_else(|| panic!("{}", run.text()));
    let class = |error: &'_ serde_json::Value| error["count"].as_u64().expect("a count");
    errors
        .iter()
        .map(|error| (error["class"].as_str().expect("a text"), class(error)))
        .collect()
}

#[test]
fn one_byte_too_many_is_one_fault() {
    for depth in ["1", "8"] {
        let once = Once::default();
        let target = echo(move |_| vec![0; usize::from(once.is_now())]);
        let run = short(&target, &["-c", "4", "--depth", depth]);
        assert_eq!(errors(&run), [("corrupt", 1)], "depth {depth}: {}", run.text());
    }
}

#[test]
fn one_answer_too_many_is_one_fault() {
    for depth in ["1", "8"] {
        let once = Once::default();
        let target = echo(move |answer| if once.is_now() { answer.to_vec() } else { Vec::new() });
        let run = short(&target, &["-c", "4", "--depth", depth]);
        assert_eq!(errors(&run), [("duplicate", 1)], "depth {depth}: {}", run.text());
    }
}

/// It comes when the answer before it has long been taken.
#[test]
fn a_byte_between_two_exchanges_is_one_fault() {
    let once = Once::default();
    let target = listen(move |mut client| {
        loop {
            let mut message = [0; SIZE];
            client.read_exact(&mut message)?;
            client.write_all(&message)?;
            if once.is_now() {
                // The client waits for half of the next answer: the byte is in it.
                client.read_exact(&mut message)?;
                client.write_all(b"x")?;
                client.write_all(&message)?;
            }
        }
    });
    let run = short(&target, &["-c", "4"]);
    assert_eq!(errors(&run), [("corrupt", 1)], "{}", run.text());
}

#[test]
fn what_a_response_that_closes_leaves_on_its_way_is_sent_again() {
    let run = short(&once_each(), &["-c", "4", "--depth", "4"]);
    assert_eq!((run.status(), errors(&run)), (0, vec![]), "{}", run.text());
    assert!(run.report["answers"].as_u64().expect("a count") > 20, "{}", run.text());
    let unfinished = run.report["unfinished"].as_u64().expect("a count");
    assert!(unfinished <= 16, "no more than was on its way at the end: {unfinished}");
}

#[test]
fn an_answer_that_drips_has_a_timeout() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let target = endless(chunked, b"1\r\nx\r\n", Duration::from_millis(20));
    let began = Instant::now();
    let run = short(&target, &["-c", "4", "--timeout", "300ms"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{}", run.text());
    assert!(run.text().contains("4 read_timeout"), "{}", run.text());
}

#[test]
fn a_body_has_a_largest_size() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut chunk = b"100000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10_0000, b'x');
    chunk.extend(b"\r\n");
    for (head, more) in [
        (&chunked[..], &*chunk.leak()),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n", b"x"),
    ] {
        let run = short(&endless(head, more, Duration::ZERO), &["-c", "1", "--timeout", "20s"]);
        assert!(run.text().contains("1 bad_response"), "{}", run.text());
    }
}
