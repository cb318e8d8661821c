//! What an HTTP server sees of its clients, and what they make of responses
//! that end in other ways than by their length.

mod program;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use program::{Run, run};

const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
/// The first request is that of connecting.
const FIVE: [&str; 7] = ["-c", "1", "-n", "5", "--allow-client-limited", "--timeout", "2s"];

/// A request as it came.
#[derive(Debug)]
struct Seen {
    /// Which connection it came over, counted from 0.
    connection: u32,
    head: String,
    body: Vec<u8>,
}

/// Where a server listens that gives every request this response and tells of it.
fn witness(response: &'static str) -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let authority = listener.local_addr().expect("it is bound").to_string();
    let (report, seen) = channel();
    thread::spawn(move || {
        for (connection, client) in (0..).zip(listener.incoming().flatten()) {
            let report = report.clone();
            // How a connection ends is for the client to say.
            thread::spawn(move || attend(&client, connection, response, &report));
        }
    });
    (authority, seen)
}

fn attend(mut client: &TcpStream, connection: u32, response: &str, report: &Sender<Seen>) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    loop {
        let head = head(&mut reader)?;
        let mut body = vec![0; length(&head)];
        reader.read_exact(&mut body)?;
        let seen = Seen { connection, head, body };
        let closes = seen.head.contains("Connection: close\r\n");
        // The test may have seen enough.
        let _ = report.send(seen);
        client.write_all(response.as_bytes())?;
        if closes {
            return Ok(());
        }
    }
}

/// To the empty line, which is part of it.
fn head(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}

fn length(head: &str) -> usize {
    let field = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    field.map_or(0, |length| length.parse().expect("a number"))
}

/// Fails unless it went well.
fn fine(run: &Run) {
    assert_eq!((run.status(), run.errors()), (0, vec![]), "{}", run.text());
}

#[test]
fn a_request_is_sent_as_asked_over_one_connection() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("body");
    let body = b"not\0text\r\n\r\n\xff";
    std::fs::write(&file, body).expect("it can be written");
    let file = file.to_str().expect("text");
    for (options, first, fields) in [
        (&[][..], "GET /a/b?c=d&e HTTP/1.1", ""),
        (&["--body", file], "POST /a/b?c=d&e HTTP/1.1", ""),
        (
            &[
                "--method",
                "PUT",
                "-H",
                "X-Who: me",
                "--header",
                "Accept: */*",
                "--body",
                file,
            ],
            "PUT /a/b?c=d&e HTTP/1.1",
            "X-Who: me\r\nAccept: */*\r\n",
        ),
        (&["--method", "DELETE"], "DELETE /a/b?c=d&e HTTP/1.1", ""),
    ] {
        let (authority, seen) = witness(EMPTY);
        let run = run(&format!("http://{authority}/a/b?c=d&e"), &[&FIVE[..], options].concat());
        fine(&run);
        let (body, length): (&[u8], _) = match options.contains(&"--body") {
            true => (body, format!("Content-Length: {}\r\n", body.len())),
            false => (b"", String::new()),
        };
        let head = format!("{first}\r\nHost: {authority}\r\n{fields}{length}\r\n");
        let all: Vec<_> = seen.try_iter().collect();
        assert!(all.len() >= 6, "{all:?}");
        for seen in all {
            assert_eq!((seen.connection, &*seen.head, &*seen.body), (0, &*head, body));
        }
    }
}

#[test]
fn fields_of_our_own_take_the_place_of_the_usual_ones() {
    let (authority, seen) = witness(EMPTY);
    let options = [&FIVE[..], &["-H", "host: elsewhere"]].concat();
    fine(&run(&format!("http://{authority}"), &options));
    let head = seen.try_iter().next().expect("a request").head;
    assert_eq!(head, "GET / HTTP/1.1\r\nhost: elsewhere\r\n\r\n");
}

#[test]
fn a_connection_for_each_request_is_announced_and_carries_one() {
    let (authority, seen) = witness(EMPTY);
    let run = run(
        &format!("http://{authority}"),
        &[&FIVE[..], &["--churn", "per-request"]].concat(),
    );
    fine(&run);
    let all: Vec<_> = seen.try_iter().collect();
    assert!(all.len() >= 6, "{all:?}");
    for (connection, seen) in (0..).zip(all) {
        assert_eq!(seen.connection, connection);
        assert!(seen.head.ends_with("\r\nConnection: close\r\n\r\n"), "{seen:?}");
    }
}

#[test]
fn the_message_is_the_body_where_it_is_to_come_back() {
    let (authority, seen) = witness(EMPTY);
    let options = ["-c", "1", "-d", "200ms", "--expect", "echo", "--size", "100"];
    // It does not come back.
    assert_eq!(run(&format!("http://{authority}"), &options).status(), 1);
    let seen = seen.try_iter().next().expect("a request");
    assert!(seen.head.starts_with("POST / HTTP/1.1\r\n"), "{seen:?}");
    assert_eq!(seen.body.len(), 100);
}

/// Each is followed by the next on the same connection: a client that expects
/// bytes that do not come, or leaves some, fails at the second one.
#[test]
fn responses_end_where_http_says_and_the_connection_is_used_again() {
    for (method, response) in [
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde"),
        (
            "GET",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        ),
        (
            "GET",
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        ),
    ] {
        let (authority, seen) = witness(response);
        let run = run(
            &format!("http://{authority}"),
            &[&FIVE[..], &["--method", method]].concat(),
        );
        fine(&run);
        assert_eq!(run.count("answers"), 5, "{}", run.text());
        let all: Vec<_> = seen.try_iter().collect();
        assert!(all.iter().all(|seen| seen.connection == 0), "{response}: {all:?}");
    }
}

#[test]
fn connections_that_the_server_closes_are_counted_and_named() {
    let (authority, seen) = witness("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("text").to_owned();
    let (page, table) = (path("page.html"), path("table.md"));
    let options = ["-c", "2", "-d", "500ms", "--html", &page, "--markdown", &table];
    let run = run(&format!("http://{authority}"), &options);
    let connections = &run.report["connections"];
    let count = |field: &str| {
        connections[field]
            .as_u64()
            .unwrap_or_else(|| panic!("no {field}: {}", run.text()))
    };
    let (opened, in_window, closed) = (count("opened"), count("opened_in_window"), count("closed_by_server"));
    assert_eq!((count("asked"), count("connected")), (2, 2));
    let all: Vec<_> = seen.try_iter().collect();
    let accepted = all.iter().map(|seen| u64::from(seen.connection) + 1).max();
    assert_eq!(Some(opened), accepted);
    // Each answer ends a connection; some are outside of the window.
    assert!(in_window > 0 && in_window < opened, "{in_window} of {opened}");
    assert!(closed + 2 >= opened, "{closed} of {opened}");
    let rate = connections["opened_per_s"].as_f64().expect("a rate");
    let window = run.report["window_s"].as_f64().expect("a window");
    assert!((rate - in_window as f64 / window).abs() < 1e-6 * rate);
    let text = run.text();
    assert!(text.contains("/s in the window; the server closed "), "{text}");
    assert!(text.contains("connecting is part of these figures"), "{text}");
    let read = |path: &str| std::fs::read_to_string(path).expect("a report");
    let (page, table) = (read(&page), read(&table));
    assert!(page.contains("/s in the window; the server closed "), "{page}");
    assert!(table.contains("connections opened/s"), "{table}");
    assert!(table.contains("closed by the server"), "{table}");
}

#[test]
fn of_connections_that_stay_nothing_more_is_said() {
    let (authority, _seen) = witness(EMPTY);
    let run = run(&format!("http://{authority}"), &FIVE);
    assert_eq!(run.report["connections"]["opened"], 1, "{}", run.text());
    assert_eq!(run.report["connections"]["opened_per_s"], 0.0);
    let text = run.text();
    assert!(!text.contains(" opened") && !text.contains("server closed"), "{text}");
}

#[test]
fn closing_that_was_asked_for_is_not_the_servers() {
    let (authority, _seen) = witness(EMPTY);
    let options = [&FIVE[..], &["--churn", "per-request"]].concat();
    let run = run(&format!("http://{authority}"), &options);
    assert_eq!(run.report["connections"]["closed_by_server"], 0, "{}", run.text());
    assert!(run.text().contains(" opened, "), "{}", run.text());
}
