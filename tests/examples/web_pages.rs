//! The examples in a browser.

use serde_json::json;

use crate::browser::Browser;
use crate::program::Program;

fn start(example: &str, model: &str) -> (Program, String) {
    let mut program = Program::start(example, &["--listen", "127.0.0.1:0", "--model", model]);
    let address = program.address();
    (program, address)
}

/// Has the form `form` of a page sent with `text` in its field `field`.
fn fill(form: &str, field: &str, text: &str) -> String {
    format!(
        "document.querySelector('{field}').value = {text:?};
         document.querySelector('{form}').requestSubmit();"
    )
}

#[test]
fn two_browsers_chat_and_hear_that_the_server_ends() {
    let Some(mut browser) = Browser::start(&[]) else {
        return;
    };
    for model in ["coroutine", "thread"] {
        let (program, address) = start("websocket_chat", model);
        let connected = "document.querySelector('#state').textContent === 'connected'";
        let shows = |line: &str| {
            format!("[...document.querySelectorAll('#lines li')].some((line) => line.textContent === {line:?})")
        };
        let ann = browser.open(&format!("http://{address}/?name=ann"));
        browser.wait_for(&ann, connected);
        let bob = browser.open(&format!("http://{address}/"));
        browser.does(&bob, &fill("#enter", "#name", "J\u{fc}rgen & co"));
        browser.wait_for(&bob, connected);
        for page in [&ann, &bob] {
            browser.wait_for(page, &shows("J\u{fc}rgen & co has come, 2 are here"));
        }
        browser.does(&ann, &fill("#say", "#line", "<b>hello</b>"));
        for page in [&ann, &bob] {
            browser.wait_for(page, &shows("ann: <b>hello</b>"));
        }
        browser.does(&bob, &fill("#say", "#line", "hello, ann"));
        browser.wait_for(&ann, &shows("J\u{fc}rgen & co: hello, ann"));
        program.end_well();
        for page in [&ann, &bob] {
            browser.wait_for(
                page,
                "document.querySelector('#state').textContent === 'closed (1001 the server ends)'",
            );
        }
    }
}

#[test]
fn a_page_has_a_conversation_and_is_told_of_limits() {
    const TALK: &str = r"
        (address, bytes) => new Promise((done) => {
            const heard = [];
            const socket = new WebSocket('ws://' + address);
            socket.binaryType = 'arraybuffer';
            const long = new Uint8Array(bytes).map((_, at) => at % 251);
            socket.onopen = () => { socket.send('hello, 你好'); socket.send(''); socket.send(long); };
            socket.onmessage = ({ data }) => {
                heard.push(typeof data === 'string' ? data : new Uint8Array(data).every((byte, at) => byte === at % 251));
                if (heard.length === 3) socket.close(1000, 'done');
            };
            socket.onclose = (close) => done([...heard, close.code, close.reason, close.wasClean]);
        })";
    let Some(mut browser) = Browser::start(&[]) else {
        return;
    };
    let (program, address) = start("websocket_echo", "coroutine");
    let page = browser.open("about:blank");
    let said = browser.does(&page, &format!("({TALK})('{address}', 200_000)"));
    assert_eq!(said, json!(["hello, 你好", "", true, 1000, "done", true]));
    let said = browser.does(&page, &format!("({TALK})('{address}', 2_000_000)"));
    assert_eq!(said.as_array().map(|said| &said[2]), Some(&json!(1009)), "{said}");
    program.end_well();
}

#[test]
fn a_page_comes_over_https() {
    // The example's certificate signs itself.
    let Some(mut browser) = Browser::start(&["--ignore-certificate-errors"]) else {
        return;
    };
    for model in ["coroutine", "thread"] {
        let (program, address) = start("https_hello", model);
        let (_, port) = address.rsplit_once(':').unwrap();
        let page = browser.open(&format!("https://localhost:{port}/"));
        let told = browser.does(
            &page,
            "[document.body.innerText, isSecureContext, performance.getEntriesByType('navigation')[0].nextHopProtocol]",
        );
        assert_eq!(told, json!(["Hello, world!", true, "http/1.1"]));
        let all = browser.does(
            &page,
            "Promise.all(Array.from({ length: 50 }, () => fetch('/').then((answer) => answer.text())))
                .then((all) => [all.length, new Set(all).size])",
        );
        assert_eq!(all, json!([50, 1]));
        assert_eq!(program.end_well(), "");
    }
}

/// Half a minute of silence: a head of 44 bytes, then 8,000 bytes a second.
fn sound() -> Vec<u8> {
    const LENGTH: u32 = 240_000;
    let mut wav = b"RIFF".to_vec();
    wav.extend((LENGTH + 36).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend(8_000_u32.to_le_bytes());
    wav.extend(8_000_u32.to_le_bytes());
    wav.extend(b"\x01\0\x08\0data");
    wav.extend(LENGTH.to_le_bytes());
    wav.extend(std::iter::repeat_n(0x80, LENGTH as usize));
    wav
}

#[test]
fn files_are_used_as_what_they_are_and_in_parts() {
    const PAGE: &str = "<!doctype html><title>files</title><link rel=stylesheet href=style.css>\
        <script type=module src=code.mjs></script><img src=image.svg><audio preload=auto src=sound.wav></audio>";
    const IMAGE: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='37' height='11'/>";
    let Some(mut browser) = Browser::start(&[]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    file("index.html", PAGE.as_bytes());
    file("style.css", b"title { color: rgb(1, 2, 3) }");
    file("code.mjs", b"window.ran = 'code'");
    file("image.svg", IMAGE.as_bytes());
    file("sound.wav", &sound());
    file("text.txt", b"0123456789");
    let root = folder.path().to_str().unwrap();
    let mut program = Program::start_with(
        "static_files",
        &["--listen", "127.0.0.1:0", "--root", root],
        "RUST_LOG",
        "greenserve::access=info",
    );
    let page = browser.open(&format!("http://{}/", program.address()));
    // Each was sent with its type, or it would not be used: `nosniff`.
    browser.wait_for(&page, "window.ran === 'code'");
    browser.wait_for(
        &page,
        "getComputedStyle(document.querySelector('title')).color === 'rgb(1, 2, 3)'",
    );
    browser.wait_for(&page, "document.querySelector('img').naturalWidth === 37");
    browser.wait_for(&page, "document.querySelector('audio').duration === 30");
    let part = "fetch('/text.txt', { headers: { range: 'bytes=2-5' } })
        .then(async (answer) => [answer.status, answer.headers.get('content-range'), await answer.text()])";
    assert_eq!(browser.does(&page, part), json!([206, "bytes 2-5/10", "2345"]));
    // The second time it has the file already, and asks whether it is new.
    for _ in 0..2 {
        let text = browser.does(&page, "fetch('/text.txt').then((answer) => answer.text())");
        assert_eq!(text, "0123456789");
    }
    let log = program.end_well();
    let answered = |what: &str, status: &str| {
        log.lines()
            .any(|line| line.contains(&format!("\"GET /{what} HTTP/1.1\" {status} ")))
    };
    assert!(answered("sound.wav", "206") && answered("text.txt", "304"), "{log}");
}

#[test]
fn pages_hear_what_another_one_says() {
    let Some(mut browser) = Browser::start(&[]) else {
        return;
    };
    let (program, address) = start("sse", "coroutine");
    let url = format!("http://{address}/");
    let (speaker, listener) = (browser.open(&url), browser.open(&url));
    // Both listen when each hears something.
    for number in 0.. {
        let line = format!("hello {number}");
        browser.does(&speaker, &fill("form", "input", &line));
        let heard = |line: &str| format!("document.querySelector('li')?.textContent === {line:?}");
        browser.wait_for(&speaker, &heard(&line));
        if browser.evaluate(&listener, &heard(&line)) == Ok(json!(true)) {
            break;
        }
        assert!(number < 1000, "the other page hears nothing");
    }
    program.end_well();
}

#[test]
fn what_a_page_posts_comes_back() {
    let Some(mut browser) = Browser::start(&[]) else {
        return;
    };
    let (program, address) = start("http_echo", "coroutine");
    // Whatever is asked of the example is a page of its own.
    let page = browser.open(&format!("http://{address}/"));
    let asks = "(async () => {
        const text = 'hello, 你好'.repeat(100_000);
        const answer = await fetch('/', { method: 'POST', body: text });
        const bytes = new Uint8Array(3_000_000).map((_, at) => at % 251);
        const blob = new Blob([bytes], { type: 'a/b' });
        const back = await (await fetch('/', { method: 'PUT', body: blob })).blob();
        const same = new Uint8Array(await back.arrayBuffer()).every((byte, at) => byte === at % 251);
        return [await answer.text() === text, back.type, back.size, same];
    })()";
    assert_eq!(browser.does(&page, asks), json!([true, "a/b", 3_000_000, true]));
    program.end_well();
}
