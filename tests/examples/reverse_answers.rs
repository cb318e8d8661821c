//! Answers whose framing the reverse proxy mends or refuses.

use std::io::{Read, Write};

use crate::program::connect;
use crate::reverse_proxy::{head, proxy_to, upstream};

/// What a client hears that asks so, all of it, and the errors that the proxy logs, where
/// the upstream says `answer` and no more.
fn heard(method: &str, answer: &'static str) -> (String, String) {
    let (url, serving) = upstream(move |mut client| {
        head(&mut client);
        client.write_all(answer.as_bytes()).unwrap();
        // The proxy need not read it all.
        let _ = client.read_to_end(&mut Vec::new());
    });
    let mut program = proxy_to(&url);
    let mut client = connect(&program.address());
    write!(client, "{method} / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").unwrap();
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    drop(client);
    let log = program.end_well();
    serving.join().unwrap();
    (heard.to_ascii_lowercase(), log)
}

#[test]
fn of_two_lengths_the_one_that_is_true_goes_on() {
    const BOTH: &str =
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let (answer, log) = heard("GET", BOTH);
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(!answer.contains("content-length: 3"), "{answer}");
    assert!(answer.contains("hello"), "{answer}");
    assert_eq!(log, "");
    let (head_alone, ..) = BOTH.split_at(BOTH.find("5\r\nhello").unwrap());
    let (answer, log) = heard("HEAD", head_alone);
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(!answer.contains("content-length"), "{answer}");
    assert_eq!(log, "");
}

#[test]
fn an_answer_whose_end_is_in_doubt_is_a_bad_gateway() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 101 Other\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\nhello",
    ] {
        for method in ["GET", "HEAD"] {
            let (said, log) = heard(method, answer);
            assert!(said.starts_with("http/1.1 502 "), "{method}: {answer}: {said}");
            assert!(!said.contains("hello"), "{method}: {answer}: {said}");
            // It is no failure of the proxy.
            assert_eq!(log, "", "{answer}");
        }
    }
}
