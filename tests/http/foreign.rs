//! Clients that others have written.

use std::process::{Command, Stdio};

use greenserve::http::{self, Request, Response};
use greenserve::testing::TestServer;
use greenserve::{Tcp, TcpServer};

use super::common::tool::missing;
use super::server::describe;

/// Answers with the body, and tells headers of the request in headers.
fn echo(request: &mut Request<'_>, response: &mut Response<'_>) -> http::Result {
    if request.path() != "/echo" {
        return describe(request, response);
    }
    let body = request.body().bytes(10 << 20)?;
    let expected = request.header("expect").unwrap_or("none").to_owned();
    response.header("x-expect", expected)?;
    response.header("x-coding", request.header("transfer-encoding").unwrap_or("none"))?;
    response.send(body)
}

fn start() -> TestServer<Tcp> {
    TestServer::build(TcpServer::builder(http::serve(echo))).unwrap()
}

/// What a program prints; `None` where there is no such program.
fn printed(program: &str, arguments: &[&str], typed: &[u8]) -> Option<String> {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(err) => {
            missing(program, err);
            return None;
        }
    };
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), typed).unwrap();
    let ended = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{program} {arguments:?}: {errors}");
    Some(String::from_utf8(ended.stdout).unwrap())
}

#[test]
fn curl_is_answered() {
    let server = start();
    let url = |path: &str| format!("http://{}{path}", server.address());
    let curl = |arguments: &[&str], typed: &[u8]| {
        let always = ["--silent", "--show-error", "--max-time", "20"];
        printed("curl", &[&always, arguments].concat(), typed)
    };
    let long = "0123456789".repeat(200_000);
    let Some(plain) = curl(&[&url("/a?b=c")], b"") else {
        return;
    };
    assert_eq!(plain, format!("GET /a?b=c {}", server.address()));
    let with_size = curl(&["--include", "--data-binary", "@-", &url("/echo")], long.as_bytes()).unwrap();
    assert!(
        with_size.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{with_size:.300}"
    );
    assert!(with_size.contains("x-expect: 100-continue\r\n") && with_size.ends_with(&long));
    let in_chunks = curl(&["--include", "--upload-file", "-", &url("/echo")], long.as_bytes()).unwrap();
    assert!(in_chunks.contains("x-coding: chunked\r\n") && in_chunks.ends_with(&long));
    let again = curl(
        &[
            "--write-out",
            "%{num_connects}",
            &url("/probe"),
            &url("/probe"),
            &url("/nothing"),
        ],
        b"",
    );
    assert_eq!(again.unwrap(), "probe1probe00");
    let head = curl(&["--head", &url("/write/long")], b"").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    let old = curl(&["--http1.0", &url("/write/flushed")], b"").unwrap();
    assert_eq!(old, "abcdef");
    let written = curl(&[&url("/write/long")], b"").unwrap();
    assert_eq!(written.len(), 20_000);
}

#[test]
fn python_is_answered() {
    const CLIENT: &str = r#"
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1], timeout=20)
def ask(method, path, body=None, **headers):
    c.request(method, path, body, headers)
    a = c.getresponse()
    return a.status, a.read().decode(), a
assert ask("GET", "/probe")[:2] == (200, "probe")
assert ask("POST", "/echo", b"abc")[:2] == (200, "abc")
status, body, answer = ask("POST", "/echo", iter([b"ab", b"c" * 100000]))
assert (status, body) == (200, "ab" + "c" * 100000), status
assert answer.getheader("x-coding") == "chunked"
assert ask("HEAD", "/probe")[:2] == (200, "")
assert ask("GET", "/204")[:2] == (204, "")
assert ask("GET", "/write/flushed")[:2] == (200, "abcdef")
assert ask("GET", "/write/trailer")[:2] == (200, "abc")
assert ask("GET", "/refuse")[0] == 403
status, body, answer = ask("GET", "/fail")
assert status == 500 and answer.getheader("connection") == "close"
assert ask("GET", "/close")[:2] == (200, "bye")
assert ask("GET", "/probe")[:2] == (200, "probe")
print("done")
"#;
    let server = start();
    let address = server.address().to_string();
    if let Some(text) = printed("python3", &["-c", CLIENT, &address], b"") {
        assert_eq!(text, "done\n");
    }
}

#[test]
fn fetch_of_node_is_answered() {
    const CLIENT: &str = r#"
const base = "http://" + process.argv[1];
const ask = async (path, options) => {
    const answer = await fetch(base + path, options);
    return answer.status + " " + await answer.text();
};
const same = (left, right) => { if (left !== right) throw new Error(left + " is not " + right); };
(async () => {
    same(await ask("/probe"), "200 probe");
    same(await ask("/echo", { method: "POST", body: "abc" }), "200 abc");
    const parts = new ReadableStream({ start(to) {
        for (const part of ["ab", "c".repeat(100000)]) to.enqueue(new TextEncoder().encode(part));
        to.close();
    } });
    same(await ask("/echo", { method: "POST", body: parts, duplex: "half" }), "200 ab" + "c".repeat(100000));
    same(await ask("/write/flushed"), "200 abcdef");
    same(await ask("/refuse"), "403 not you\n");
    same(await ask("/204"), "204 ");
    same((await ask("/fail")).slice(0, 3), "500");
    const all = await Promise.all(Array.from({ length: 50 }, () => ask("/probe")));
    same(new Set(all).size, 1);
    console.log("done");
    process.exit(0);
})();
"#;
    let server = start();
    let address = server.address().to_string();
    if let Some(text) = printed("node", &["-e", CLIENT, &address], b"") {
        assert_eq!(text, "done\n");
    }
}
