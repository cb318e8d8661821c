//! HTTP over TLS: with curl, with Python, and with clients of our own.

use std::io::{Read, Write};
use std::process::Command;
use std::time::Instant;

use greenserve::http::{self, Request, Response};
use greenserve::tls::HandshakeError;

use crate::authority::{Authority, Files};
use crate::common::tool::missing;
use crate::common::{PATIENCE, expect, expect_end, pattern, wait_until};
use crate::foreign::python;
use crate::scene::{Scene, in_both};

/// Longer than a record, a buffer of rustls and one of the kernel's.
const LONG: usize = 3_000_000;

/// Answers `/long` with much, and anything else with the request's body or a
/// greeting.
fn answer(request: &mut Request, response: &mut Response) -> http::Result {
    if request.path() == "/long" {
        return response.send(pattern(7, LONG));
    }
    let body = request.body().bytes(10_000_000)?;
    match body.is_empty() {
        true => response.send("Hello, world!"),
        false => response.send(body),
    }
}

/// What curl gets, and what it tells of it; `None` where there is no curl.
fn curl(scene: &Scene, authority: &Authority, files: &Files, options: &[&str]) -> Option<(Vec<u8>, String)> {
    let (roots, got) = (files.write("roots.pem", &authority.pem), files.path("got"));
    let port = scene.address().port();
    let run = Command::new("curl")
        .args([
            "--silent",
            "--show-error",
            "--max-time",
            "20",
            "--noproxy",
            "*",
            "--cacert",
        ])
        .arg(roots)
        .args(["--resolve", &format!("localhost:{port}:127.0.0.1"), "--output"])
        .arg(&got)
        .args(["--write-out", "%{http_version} %{http_code} %{num_connects}\n"])
        .args(
            options
                .iter()
                .map(|option| option.replace("HERE", &format!("https://localhost:{port}"))),
        )
        .output();
    match run {
        Err(err) => {
            missing("curl", err);
            None
        }
        Ok(run) => {
            assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
            Some((std::fs::read(got).unwrap(), String::from_utf8(run.stdout).unwrap()))
        }
    }
}

#[test]
fn curl_is_answered() {
    in_both(|model| {
        let (authority, files) = (Authority::new(), Files::new());
        let scene = Scene::new(model, authority.server().alpn(["http/1.1"]), http::serve(answer));
        let Some((got, told)) = curl(&scene, &authority, &files, &["HERE/"]) else {
            return;
        };
        assert_eq!((got, told.as_str()), (b"Hello, world!".to_vec(), "1.1 200 1\n"));
        let (got, _) = curl(&scene, &authority, &files, &["HERE/long"]).unwrap();
        assert!(got == pattern(7, LONG), "another body came");
        let body = files.write("body", pattern(9, LONG));
        let body = format!("@{}", body.display());
        let (got, _) = curl(&scene, &authority, &files, &["--data-binary", &body, "HERE/"]).unwrap();
        assert!(got == pattern(9, LONG), "another body came back");
        assert!(scene.stop().is_clean());
    });
}

#[test]
fn curl_asks_twice_over_one_connection() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::new(crate::scene::In::Coroutines, authority.server(), http::serve(answer));
    let other = files.path("other").display().to_string();
    let Some((_, told)) = curl(&scene, &authority, &files, &["HERE/", "--output", &other, "HERE/"]) else {
        return;
    };
    assert_eq!(told, "1.1 200 1\n1.1 200 0\n");
    assert_eq!(scene.certificates.handshakes().completed, 1);
}

#[test]
fn python_is_answered() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::new(crate::scene::In::Coroutines, authority.server(), http::serve(answer));
    let program = "import http.client\n\
        client = http.client.HTTPSConnection('localhost', int(sys.argv[2]), context=context, timeout=20)\n\
        for text in (b'one', b'x' * 100000, b''):\n    \
            client.request('POST', '/', text)\n    \
            got = client.getresponse().read()\n    \
            print(got == (text or b'Hello, world!'))\n";
    if let Some(said) = python(&scene, &authority, &files, program) {
        assert_eq!(said, "True\nTrue\nTrue\n");
    }
}

#[test]
fn a_drain_ends_idle_connections_at_once() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), http::serve(answer));
        let mut client = scene.connect(&authority.client()).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        expect(&mut client, b"HTTP/1.1 200 OK\r\n");
        let mut got = Vec::new();
        while !got.ends_with(b"Hello, world!") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            got.push(byte[0]);
        }
        wait_until("it is idle", || {
            scene.handle().connections().iter().any(|client| client.idle)
        });
        let begin = Instant::now();
        assert!(scene.stop().is_clean());
        assert!(begin.elapsed() < PATIENCE / 2, "{:?}", begin.elapsed());
        expect_end(&mut client);
    });
}

#[test]
fn pipelined_requests_in_one_record_are_answered_in_turn() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), http::serve(answer));
        let mut client = scene.connect(&authority.client()).unwrap();
        let ask = |body: &str, more: &str| {
            format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{more}\r\n{body}",
                body.len()
            )
        };
        let requests: String = (0..15).map(|number| ask(&format!("<{number}>"), "")).collect();
        let last = ask("<last>", "Connection: close\r\n");
        client.write_all((requests + &last).as_bytes()).unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).unwrap();
        assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 16, "{answers}");
        let at: Vec<_> = (0..15)
            .map(|number| answers.find(&format!("<{number}>")).unwrap())
            .collect();
        assert!(at.is_sorted() && answers.ends_with("<last>"), "{answers}");
        scene.nothing_failed();
    });
}

/// Fails before its answer, or in the middle of it.
fn fail(request: &mut Request, response: &mut Response) -> http::Result {
    if request.path() == "/middle" {
        response.write_all(b"half of")?;
        response.flush()?;
    }
    Err("no more".into())
}

#[test]
fn an_answer_that_was_cut_does_not_end_as_if_it_were_whole() {
    in_both(|model| {
        let authority = Authority::new();
        let scene = Scene::new(model, authority.server(), http::serve(fail));
        let settings = authority.client();
        let get = |path: &str| {
            let mut client = scene.connect(&settings).unwrap();
            // Its end is the end of the connection.
            write!(client, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
            let mut answer = Vec::new();
            let ended = client.read_to_end(&mut answer);
            assert!(!scene.failure().is_disconnect);
            (String::from_utf8(answer).unwrap(), ended)
        };
        let (answer, ended) = get("/middle");
        assert!(answer.ends_with("\r\n\r\nhalf of"), "{answer}");
        assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        let (answer, ended) = get("/");
        assert!(
            answer.starts_with("HTTP/1.1 500 ") && ended.is_ok(),
            "{answer} {ended:?}"
        );
    });
}

#[test]
fn who_forgets_the_s_is_told() {
    let (authority, files) = (Authority::new(), Files::new());
    let scene = Scene::new(crate::scene::In::Coroutines, authority.server(), http::serve(answer));
    let plain = format!("http://localhost:{}/", scene.address().port());
    let Some((got, told)) = curl(&scene, &authority, &files, &[&plain]) else {
        return;
    };
    assert!(told.starts_with("1.1 400"), "{told}");
    assert!(String::from_utf8(got).unwrap().contains("https://"));
    assert_eq!(scene.failed_handshake(), HandshakeError::PlainHttp);
}
