//! Parts of files: RFC 9110, 14.

use std::ops::Range;

use greenserve::http::Files;
use greenserve::testing::TestServer;
use greenserve::{Thread, Unix};
use proptest::prelude::*;
use tempfile::TempDir;

use super::client::{Answer, Client, DATE, folder, start, start_in};

/// More than two pieces, and no whole number of them.
const SIZE: usize = 150_001;
const TAG: &str = "\"de0b6b3a7640000-249f1\"";

fn content() -> Vec<u8> {
    (0..SIZE).map(|at| (at * 31 % 251) as u8).collect()
}

fn scene() -> (TempDir, TestServer<Unix>) {
    let folder = folder(&[("a.txt", &content()), ("empty", b"")]);
    let server = start(Files::new(folder.path()).unwrap());
    (folder, server)
}

#[test]
fn a_part_is_sent_alone() {
    let (_folder, server) = scene();
    let mut client = Client::of(&server);
    for (range, wanted) in [
        ("0-0", 0..1),
        ("0-", 0..SIZE),
        ("65535-65536", 65_535..65_537),
        ("100-149999", 100..150_000),
        ("-1", SIZE - 1..SIZE),
        ("-999999", 0..SIZE),
        ("150000-999999", 150_000..SIZE),
    ] {
        let answer = client.ask("GET /a.txt", &[&format!("Range: bytes={range}")]);
        assert_eq!(answer.status, 206, "{range}");
        let place = format!("bytes {}-{}/{SIZE}", wanted.start, wanted.end - 1);
        assert_eq!(answer.header("content-range"), place);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("etag"), TAG);
        assert!(answer.body == content()[wanted], "{range}");
    }
}

#[test]
fn what_is_not_there_is_refused_with_the_size() {
    let (_folder, server) = scene();
    let mut client = Client::of(&server);
    for (path, range, size) in [("/a.txt", "150001-", SIZE), ("/a.txt", "-0", SIZE), ("/empty", "0-", 0)] {
        let answer = client.ask(&format!("GET {path}"), &[&format!("Range: bytes={range}")]);
        assert_eq!(
            (answer.status, answer.header("content-range")),
            (416, &*format!("bytes */{size}")),
            "{range}"
        );
    }
}

#[test]
fn what_is_no_range_is_ignored() {
    let (_folder, server) = scene();
    let mut client = Client::of(&server);
    for range in ["bytes=2-1", "lines=0-1", "bytes=x", "bytes=0-1,0-200000", "bytes 0-1"] {
        let answer = client.ask("GET /a.txt", &[&format!("Range: {range}")]);
        assert_eq!((answer.status, answer.body.len()), (200, SIZE), "{range}");
    }
    let head = client.ask("HEAD /a.txt", &["Range: bytes=0-1"]);
    assert_eq!((head.status, head.header("content-length")), (200, "150001"));
}

#[test]
fn a_part_is_of_the_version_that_the_client_has() {
    let (_folder, server) = scene();
    let mut client = Client::of(&server);
    for (of, status) in [
        (TAG, 206),
        (DATE, 206),
        ("\"other\"", 200),
        ("Sun, 09 Sep 2001 01:46:41 GMT", 200),
        (&format!("W/{TAG}"), 200),
    ] {
        let answer = client.ask("GET /a.txt", &["Range: bytes=0-1", &format!("If-Range: {of}")]);
        assert_eq!(answer.status, status, "{of}");
    }
}

/// Reads `multipart/byteranges`, strictly.
fn parts(answer: &Answer) -> Vec<(String, Vec<u8>)> {
    let boundary = answer.header("content-type");
    let boundary = boundary.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut rest = &answer.body[..];
    let mut parts = Vec::new();
    let open = format!("\r\n--{boundary}\r\n");
    while let Some(part) = rest.strip_prefix(open.as_bytes()) {
        let end = part.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(part[..end].to_vec()).unwrap();
        let place = head
            .strip_prefix("content-type: text/plain; charset=utf-8\r\ncontent-range: bytes ")
            .unwrap();
        let (range, size) = place.split_once('/').unwrap();
        assert_eq!(size, SIZE.to_string());
        let (first, last) = range.split_once('-').unwrap();
        let length = last.parse::<usize>().unwrap() - first.parse::<usize>().unwrap() + 1;
        let body = &part[end + 4..];
        parts.push((range.to_owned(), body[..length].to_vec()));
        rest = &body[length..];
    }
    assert_eq!(rest, format!("\r\n--{boundary}--\r\n").as_bytes());
    parts
}

#[test]
fn several_parts_go_together() {
    let (_folder, server) = scene();
    let mut client = Client::of(&server);
    let answer = client.ask("GET /a.txt", &["Range: bytes=0-1, 70000-139999, -1, 999999-"]);
    assert_eq!((answer.status, answer.header("content-range")), (206, "-"));
    let found = parts(&answer);
    let ranges: Vec<_> = found.iter().map(|(range, _)| range.as_str()).collect();
    assert_eq!(ranges, ["0-1", "70000-139999", "150000-150000"]);
    assert!(found[1].1 == content()[70_000..140_000]);
    // The connection goes on behind it.
    assert_eq!(client.ask("GET /empty", &[]).status, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is asked for, what comes is a part of the file, or the whole.
    #[test]
    fn whatever_is_asked_for_is_true(asked in proptest::collection::vec((0..SIZE * 2, 0..SIZE), 1..5)) {
        static SERVER: std::sync::OnceLock<(TempDir, TestServer<Unix, Thread>)> = std::sync::OnceLock::new();
        let (_, server) = SERVER.get_or_init(|| {
            let folder = folder(&[("a.txt", &content())]);
            let server = start_in(Thread::new(), Files::new(folder.path()).unwrap());
            (folder, server)
        });
        let header = asked.iter().map(|(first, length)| format!("{first}-{}", first + length));
        let header = format!("Range: bytes={}", header.collect::<Vec<_>>().join(","));
        let there = asked.iter().map(|(first, length)| *first..(first + length + 1).min(SIZE));
        let there: Vec<Range<usize>> = there.filter(|range| !range.is_empty()).collect();
        let answer = Client::of(server).ask("GET /a.txt", &[&header]);
        let content = content();
        match (answer.status, there.as_slice()) {
            (416, []) => {}
            (206, [part]) => prop_assert!(answer.body == content[part.clone()]),
            (206, wanted) => {
                let found: Vec<_> = parts(&answer).into_iter().map(|(_, body)| body).collect();
                prop_assert!(found == wanted.iter().map(|part| content[part.clone()].to_vec()).collect::<Vec<_>>());
            }
            (200, wanted) => {
                prop_assert!(wanted.iter().map(ExactSizeIterator::len).sum::<usize>() > SIZE);
                prop_assert!(answer.body == content);
            }
            (status, wanted) => prop_assert!(false, "{status} for {wanted:?}"),
        }
    }
}
