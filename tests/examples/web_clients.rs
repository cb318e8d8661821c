//! The examples of HTTP, TLS and WebSocket with clients that others wrote, as
//! they are told to be tried.

use std::time::Instant;

use crate::program::{LIMIT, Program};
use crate::tools::Tool;

/// Serves an example while `talk` talks to its address; then it must end well.
fn serving(example: &str, options: &[&str], talk: impl FnOnce(&str)) {
    let mut program = Program::start(example, &[&["--listen", "127.0.0.1:0"], options].concat());
    talk(&program.address());
    program.end_well();
}

/// What a tool prints until its end; `None` where there is none.
fn printed(tool: &str, arguments: &[&str]) -> Option<String> {
    Tool::start(tool, arguments).map(Tool::finish)
}

fn curl(arguments: &[&str]) -> Option<String> {
    let always = [
        "--silent",
        "--show-error",
        "--fail-with-body",
        "--max-time",
        "30",
        "--noproxy",
        "*",
    ];
    printed("curl", &[&always, arguments].concat())
}

#[test]
fn curl_tries_the_examples_as_their_texts_say() {
    serving("http_hello", &[], |address| {
        let Some(said) = curl(&[&format!("http://{address}/")]) else {
            return;
        };
        assert_eq!(said, "Hello, world!");
    });
    serving("http_echo", &[], |address| {
        let Some(said) = curl(&["--data", "hello", &format!("http://{address}/")]) else {
            return;
        };
        assert_eq!(said, "hello");
        let said = curl(&["-T", "README.md", &format!("http://{address}/")]);
        assert_eq!(said, Some(std::fs::read_to_string("README.md").unwrap()));
    });
    serving("https_hello", &[], |address| {
        let Some(said) = curl(&["--insecure", &format!("https://{address}/")]) else {
            return;
        };
        assert_eq!(said, "Hello, world!");
    });
    serving("static_files", &["--root", "docs"], |address| {
        let file = format!("http://{address}/PORTING.md");
        let text = std::fs::read_to_string("docs/PORTING.md").unwrap();
        let Some(said) = curl(&["-i", &file]) else { return };
        assert!(said.starts_with("HTTP/1.1 200 OK\r\n") && said.ends_with(&text));
        let parts = curl(&["-r", "0-99,-100", &file]).unwrap();
        assert!(parts.contains(&text[..90]) && parts.contains(&text[text.len() - 90..]));
        // A download that was cut goes on: `If-Range` and all.
        let folder = tempfile::tempdir().unwrap();
        let half = folder.path().join("half");
        std::fs::write(&half, &text[..text.len() / 2]).unwrap();
        let half_name = half.to_str().unwrap();
        curl(&["--continue-at", "-", "--output", half_name, &file]).unwrap();
        assert_eq!(std::fs::read_to_string(&half).unwrap(), text);
        let outside = format!("http://{address}/../Cargo.toml");
        let refused = curl(&["--path-as-is", "-i", &outside]).unwrap();
        assert!(refused.starts_with("HTTP/1.1 404 "), "{refused}");
    });
    serving("sse", &[], |address| {
        let Some(mut listener) = Tool::start("curl", &["-sN", "--noproxy", "*", &format!("http://{address}/events")])
        else {
            return;
        };
        // It listens when it is counted.
        let say = || curl(&["-d", "hello, listeners", &format!("http://{address}/say")]).unwrap();
        let deadline = Instant::now() + LIMIT;
        while say() != "1 listening\n" {
            assert!(Instant::now() < deadline, "it is not counted");
        }
        let mut heard = String::new();
        while !heard.contains("data: hello, listeners\n") {
            heard.push_str(&listener.line());
        }
    });
}

/// `python3 -c CLIENT HOST PORT` prints `done`.
fn python(address: &str, client: &str) {
    let (host, port) = address.rsplit_once(':').unwrap();
    if let Some(said) = printed("python3", &["-c", client, host, port]) {
        assert_eq!(said, "done\n");
    }
}

#[test]
fn python_asks_the_examples() {
    const ECHO: &str = r#"
import http.client, sys
c = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=30)
for body in (b"hello", b"x" * 300000, iter([b"in ", b"chunks"])):
    c.request("POST", "/", body)
    answer = c.getresponse()
    wanted = b"in chunks" if not isinstance(body, bytes) else body
    assert (answer.status, answer.read()) == (200, wanted)
print("done")
"#;
    const HTTPS: &str = r#"
import http.client, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
context.set_alpn_protocols(["http/1.1"])
c = http.client.HTTPSConnection(sys.argv[1], int(sys.argv[2]), timeout=30, context=context)
for _ in range(3):
    c.request("GET", "/")
    answer = c.getresponse()
    assert (answer.status, answer.read()) == (200, b"Hello, world!")
assert (c.sock.version(), c.sock.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
c.sock.unwrap()
print("done")
"#;
    serving("http_echo", &[], |address| python(address, ECHO));
    serving("https_hello", &[], |address| python(address, HTTPS));
}

#[test]
fn two_pythons_chat() {
    const CHAT: &str = r#"
import asyncio, sys, websockets
async def main():
    url = "ws://%s:%s/chat?name=" % (sys.argv[1], sys.argv[2])
    async with websockets.connect(url + "ann") as ann:
        assert await ann.recv() == "ann has come, 1 are here"
        async with websockets.connect(url + "bob") as bob:
            for each in (ann, bob):
                assert await each.recv() == "bob has come, 2 are here"
            await bob.send("hello")
            for each in (ann, bob):
                assert await each.recv() == "bob: hello"
        assert await ann.recv() == "bob has left"
        await ann.send(b"no text")
        try:
            await ann.recv()
        except websockets.ConnectionClosed as err:
            assert (err.rcvd.code, err.rcvd.reason) == (1003, "only texts are taken here"), err
    print("done")
asyncio.run(main())
"#;
    if !crate::tool::python_has("websockets") {
        return;
    }
    serving("websocket_chat", &[], |address| python(address, CHAT));
}

#[test]
fn node_fetches_from_the_examples() {
    const FETCH: &str = r#"
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
process.removeAllListeners("warning");
const [echo, https] = process.argv.slice(1);
const same = (left, right) => { if (left !== right) throw new Error(left + " is not " + right); };
(async () => {
    const body = "0123456789".repeat(30000);
    same(await (await fetch("http://" + echo, { method: "POST", body })).text(), body);
    const all = Array.from({ length: 50 }, () => fetch("https://" + https).then((answer) => answer.text()));
    same(new Set(await Promise.all(all)).size, 1);
    same(await all[0], "Hello, world!");
    console.log("done");
    process.exit(0);
})();
"#;
    serving("http_echo", &[], |echo| {
        serving("https_hello", &[], |https| {
            if let Some(said) = printed("node", &["-e", FETCH, echo, https]) {
                assert_eq!(said, "done\n");
            }
        });
    });
}

#[test]
fn openssl_is_answered_by_http() {
    serving("https_hello", &[], |address| {
        let options = [
            "s_client",
            "-quiet",
            "-no_ign_eof",
            "-alpn",
            "http/1.1",
            "-connect",
            address,
        ];
        let Some(mut openssl) = Tool::start("openssl", &options) else {
            return;
        };
        for _ in 0..2 {
            openssl.type_in("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert_eq!(openssl.line(), "HTTP/1.1 200 OK\r\n");
            while openssl.line() != "\r\n" {}
            openssl.hears("Hello, world!");
        }
        assert_eq!(openssl.finish(), "");
    });
}

/// How many requests `wrk` had answered; it must have no error to tell of.
fn wrk(url: &str) -> Option<u64> {
    // Whatever is late on a busy machine is no error.
    let said = printed("wrk", &["-t1", "-c20", "-d1s", "--timeout", "30s", url])?;
    assert!(!said.contains("Socket errors") && !said.contains("Non-2xx"), "{said}");
    let requests = said.lines().find_map(|line| line.split_once(" requests in "));
    requests.map(|(count, _)| count.trim().parse().unwrap())
}

#[test]
fn wrk_has_no_error_to_tell_of() {
    for (example, scheme) in [("http_hello", "http"), ("https_hello", "https")] {
        for model in ["coroutine", "thread"] {
            serving(example, &["--model", model], |address| {
                let deadline = Instant::now() + LIMIT;
                // Its second may have been too short for one handshake.
                while wrk(&format!("{scheme}://{address}/")) == Some(0) {
                    assert!(Instant::now() < deadline, "{example} answers nothing");
                }
            });
        }
    }
}
