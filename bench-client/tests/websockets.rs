//! What servers of WebSockets see of a client, and what it makes of those that
//! are right in unusual ways, and of those that are wrong (RFC 6455).

mod program;
mod reference;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use greenserve::websocket::{self, WebSocket};
use greenserve::{TcpServer, http};
use program::{Run, listen, run};
use reference::Reference;
use tungstenite::handshake::derive_accept_key;

/// The first message is that of connecting.
const FIVE: [&str; 7] = ["-c", "1", "-n", "5", "--allow-client-limited", "--timeout", "5s"];
const BRIEF: [&str; 7] = ["-c", "1", "-d", "300ms", "--allow-client-limited", "--timeout", "5s"];
const PATIENCE: Duration = Duration::from_secs(20);

/// What becomes of the right answer to a handshake.
type Wrong = Box<dyn Fn(&str) -> String + Send + Sync>;

/// A frame of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    /// Its first byte: the last one of its message or not, and of what kind.
    first: u8,
    mask: [u8; 4],
    payload: Vec<u8>,
}

/// A connection, as a server has it.
struct Peer {
    client: TcpStream,
    /// The head of its handshake.
    head: String,
}

impl Peer {
    /// Reads the handshake and answers it, with `wrong` in place of what it should say.
    fn accept(mut client: TcpStream, wrong: impl Fn(&str) -> String) -> io::Result<Peer> {
        client.set_read_timeout(Some(PATIENCE))?;
        client.set_nodelay(true)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte)?;
            head.extend(byte);
        }
        let head = String::from_utf8(head).expect("text");
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = derive_accept_key(key.expect("a key").as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        client.write_all(wrong(&answer).as_bytes())?;
        Ok(Peer { client, head })
    }

    fn opened(client: TcpStream) -> io::Result<Peer> {
        Peer::accept(client, str::to_owned)
    }

    fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 2];
        self.client.read_exact(&mut head)?;
        assert!(head[1] & 0x80 != 0, "a frame of a client is masked");
        let length = match head[1] & 0x7f {
            126 => {
                let mut length = [0; 2];
                self.client.read_exact(&mut length)?;
                usize::from(u16::from_be_bytes(length))
            }
            short => usize::from(short),
        };
        let mut mask = [0; 4];
        self.client.read_exact(&mut mask)?;
        let mut payload = vec![0; length];
        self.client.read_exact(&mut payload)?;
        for (index, byte) in payload.iter_mut().enumerate() {
            *byte ^= mask[index % 4];
        }
        let first = head[0];
        Ok(Frame { first, mask, payload })
    }

    fn write(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        self.client.write_all(&frame(first, payload))
    }
}

/// A frame of a server, with at most 125 bytes.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, payload.len() as u8], payload].concat()
}

/// Where a server listens that attends each connection so, once it is open.
fn open(attend: impl Fn(Peer) -> io::Result<()> + Send + Sync + 'static) -> String {
    listen(move |client| attend(Peer::opened(client)?)).replace("tcp://", "ws://")
}

/// Echoes until the client has left, and tells of every frame but the messages.
fn echo_and_tell(mut peer: Peer, tell: &Sender<Frame>) -> io::Result<()> {
    loop {
        let frame = peer.read()?;
        if frame.first & 0x0f > 2 {
            let closes = frame.first == 0x88;
            // The test may have seen enough.
            let _ = tell.send(frame.clone());
            if closes {
                return peer.write(0x88, &frame.payload);
            }
        } else {
            peer.write(frame.first, &frame.payload)?;
        }
    }
}

fn shared<T: Send + 'static>() -> (Arc<Mutex<Sender<T>>>, Receiver<T>) {
    let (sender, receiver) = channel();
    (Arc::new(Mutex::new(sender)), receiver)
}

fn sender<T>(shared: &Arc<Mutex<Sender<T>>>) -> Sender<T> {
    shared.lock().expect("no test fails here").clone()
}

/// Fails unless nothing went wrong. That a busy machine spoilt the figures, which
/// is status 4, is nothing that a client does.
fn fine(run: &Run) {
    assert!(matches!(run.status(), 0 | 4), "{}", run.text());
    assert_eq!(run.errors(), [], "{}", run.text());
}

/// What is said of a server that `attend` is, none of whose answers is right.
fn refused(target: &str, options: &[&str]) -> String {
    let run = run(target, &[&BRIEF[..], options].concat());
    assert_eq!(run.status(), 1, "{}", run.text());
    run.text()
}

#[test]
fn a_websocket_is_opened_as_asked_and_every_frame_is_masked_anew() {
    let (tell, seen) = shared();
    let target = open(move |mut peer| {
        let tell = sender(&tell);
        let mut frames = Vec::new();
        while let Ok(frame) = peer.read() {
            peer.write(frame.first, &frame.payload)?;
            frames.push(frame);
        }
        let _ = tell.send((peer.head, frames));
        Ok(())
    });
    let options = ["-H", "Origin: http://a", "--size", "30"];
    fine(&run(&format!("{target}/chat?room=1"), &[&FIVE[..], &options].concat()));
    let (head, frames) = seen.recv_timeout(PATIENCE).expect("the connection ends");
    let authority = target.strip_prefix("ws://").expect("a target");
    let begin = format!(
        "GET /chat?room=1 HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nOrigin: http://a\r\nSec-WebSocket-Key: "
    );
    assert!(head.starts_with(&begin), "{head}");
    let (goodbye, messages) = frames.split_last().expect("frames");
    assert_eq!(
        (goodbye.first, &goodbye.payload[..]),
        (0x88, &1000_u16.to_be_bytes()[..])
    );
    assert!(messages.len() >= 6, "{messages:?}");
    for (index, frame) in messages.iter().enumerate() {
        assert_eq!((frame.first, frame.payload.len()), (0x82, 30));
        let same = |other: &Frame| other.mask == frame.mask || other.payload == frame.payload;
        assert!(!messages[..index].iter().any(same), "{messages:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_masks() {
    let (tell, seen) = shared();
    let target = open(move |mut peer| {
        let frame = peer.read()?;
        let _ = sender(&tell).send((peer.head, frame));
        Ok(())
    });
    let first_of = |seed| {
        run(&target, &["-c", "1", "-d", "100ms", "--seed", seed]);
        let first = seen.recv_timeout(PATIENCE).expect("a connection");
        while seen.try_recv().is_ok() {}
        first
    };
    let (one, again, other) = (first_of("7"), first_of("7"), first_of("8"));
    assert_eq!(one, again);
    assert!(one.0 != other.0 && one.1.mask != other.1.mask && one.1.payload != other.1.payload);
}

/// In two fragments of which one is empty, with pings and a pong among them.
#[test]
fn answers_come_in_fragments_and_pings_are_answered_and_counted() {
    let (tell, seen) = shared();
    let target = open(move |mut peer| {
        let tell = sender(&tell);
        loop {
            let message = peer.read()?;
            if message.first == 0x88 {
                return Ok(());
            }
            let (one, other) = message.payload.split_at(7);
            peer.write(0x02, one)?;
            peer.write(0x89, b"are you there?")?;
            peer.write(0x00, b"")?;
            peer.write(0x8a, b"unasked")?;
            peer.write(0x80, other)?;
            let pong = peer.read()?;
            let _ = tell.send(pong);
        }
    });
    let run = run(&target, &FIVE);
    fine(&run);
    let pongs: Vec<_> = seen.try_iter().collect();
    assert!(pongs.len() >= 6, "{pongs:?}");
    for pong in &pongs {
        assert_eq!((pong.first, &pong.payload[..]), (0x8a, &b"are you there?"[..]));
    }
    let counted = run.report["connections"]["pings"].as_u64().expect("a number");
    assert_eq!(counted, pongs.len() as u64, "{}", run.text());
    assert!(run.text().contains(" pings answered; "), "{}", run.text());
}

/// The client has nothing to send for an hour.
#[test]
fn a_ping_is_answered_while_nothing_is_on_its_way() {
    let (tell, seen) = shared();
    let target = open(move |mut peer| {
        for _ in 0..2 {
            let message = peer.read()?;
            peer.write(message.first, &message.payload)?;
        }
        // The first one may come along with the answer.
        peer.write(0x89, b"one")?;
        let _ = sender(&tell).send(peer.read()?);
        peer.client.write_all(&frame(0x89, b"two")[..3])?;
        peer.client.write_all(&frame(0x89, b"two")[3..])?;
        let _ = sender(&tell).send(peer.read()?);
        peer.read().map(drop)
    });
    let run = run(
        &target,
        &["-c", "1", "-d", "1s", "--think", "1h", "--allow-client-limited"],
    );
    assert_eq!(run.errors(), [], "{}", run.text());
    for payload in ["one", "two"] {
        let pong = seen.recv_timeout(PATIENCE).expect("a pong");
        assert_eq!((pong.first, &pong.payload[..]), (0x8a, payload.as_bytes()));
    }
}

#[test]
fn what_breaks_the_protocol_has_a_class_and_words() {
    let masked = [&[0x82, 0x80 | 5, 1, 2, 3, 4][..], b"hello"].concat();
    for (bytes, class, words) in [
        (masked, "bad_frame", "the server masked a frame"),
        (frame(0xc2, b"hello"), "bad_frame", "reserved bits"),
        (frame(0x83, b"hello"), "bad_frame", "reserved opcode 0x3"),
        (frame(0x8f, b""), "bad_frame", "reserved opcode 0xf"),
        (
            [&[0x89, 126, 0, 126][..], &[0; 126]].concat(),
            "bad_frame",
            "control frame of 126 bytes",
        ),
        (frame(0x09, b"a"), "bad_frame", "control frame is one fragment"),
        (frame(0x80, b"hello"), "bad_frame", "that none began"),
        (
            [frame(0x02, b"a"), frame(0x82, b"b")].concat(),
            "bad_frame",
            "in the middle of another",
        ),
        (
            [&[0x82, 126, 0, 5][..], b"hello"].concat(),
            "bad_frame",
            "more bytes than it takes",
        ),
        (vec![0x82, 127, 0, 0, 0, 0, 1, 0, 0, 1], "bad_frame", "16777217 bytes"),
        (frame(0x88, b"\x03"), "bad_frame", "close frame of 1 byte"),
        (frame(0x88, b"\x03\xee"), "bad_frame", "code 1006"),
        (
            frame(0x88, b"\x03\xe9bye"),
            "closed_early",
            "1001 (going away) and said \"bye\"",
        ),
        (frame(0x88, b""), "closed_early", "close frame without a code"),
        (frame(0x82, b"hello"), "length", "5 bytes instead of 64"),
        (frame(0x82, &[7; 64]), "corrupt", "byte 0 is 0x07"),
    ] {
        let target = open(move |mut peer| {
            peer.read()?;
            peer.client.write_all(&bytes)?;
            // Until the client has left.
            io::copy(&mut peer.client, &mut io::sink()).map(drop)
        });
        let text = refused(&target, &[]);
        assert!(
            text.contains(&format!("1 {class}")) && text.contains(words),
            "{words}: {text}"
        );
    }
}

#[test]
fn an_answer_of_the_other_kind_is_no_echo() {
    let target = open(|mut peer| {
        while let Ok(message) = peer.read() {
            peer.write(0x81, &message.payload)?;
        }
        Ok(())
    });
    let text = refused(&target, &["--payload", "pattern", "--size", "8"]);
    assert!(
        text.contains("1 corrupt") && text.contains("came as text, and it was binary"),
        "{text}"
    );
    fine(&run(&target, &[&FIVE[..], &["--text", "--size", "100"]].concat()));
}

#[test]
fn a_handshake_that_fails_has_a_class_and_words() {
    let with =
        |field: &'static str| move |answer: &str| answer.replacen("\r\n\r\n", &format!("\r\n{field}\r\n\r\n"), 1);
    let status = |line: &'static str| move |_: &str| format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
    let cases: [(Wrong, _, _); 9] = [
        (Box::new(status("200 OK")), "bad_handshake", "status 200 instead of 101"),
        (
            Box::new(status("404 Not Found")),
            "status_4xx",
            "status 404 instead of 101",
        ),
        (Box::new(status("503 Busy")), "status_5xx", "status 503 instead of 101"),
        (
            Box::new(|answer| answer.replace("Accept: ", "Accept: x")),
            "bad_handshake",
            "and should be",
        ),
        (
            Box::new(|answer| answer.replace("Upgrade: w", "X: w")),
            "bad_handshake",
            "Upgrade is not websocket",
        ),
        (
            Box::new(with("Sec-WebSocket-Extensions: x")),
            "bad_handshake",
            "chose the extension x",
        ),
        (
            Box::new(with("Sec-WebSocket-Protocol: y")),
            "bad_handshake",
            "chose the subprotocol y",
        ),
        (
            Box::new(|_| "220 mail.example\r\n\r\n".to_owned()),
            "bad_response",
            "cannot be read",
        ),
        (
            Box::new(|answer| answer[..20].to_owned()),
            "short",
            "after 20 bytes of the answer to the handshake",
        ),
    ];
    for (wrong, class, words) in cases {
        let target = listen(move |client| Peer::accept(client, &wrong).map(drop)).replace("tcp", "ws");
        let text = refused(&target, &[]);
        assert!(
            text.contains(&format!("1 {class}")) && text.contains(words),
            "{words}: {text}"
        );
    }
}

#[test]
fn a_handshake_has_the_time_of_connecting() {
    let mute = |mut client: TcpStream| {
        client.set_read_timeout(Some(PATIENCE))?;
        io::copy(&mut client, &mut io::sink()).map(drop)
    };
    let target = listen(mute).replace("tcp", "ws");
    let text = refused(&target, &["--connect-timeout", "300ms"]);
    assert!(
        text.contains("1 timeout") && text.contains("300ms of --connect-timeout"),
        "{text}"
    );
}

/// The client answers its close frame, and comes again.
#[test]
fn a_server_that_closes_says_why_and_is_answered() {
    let (tell, seen) = shared();
    let target = open(move |mut peer| {
        for _ in 0..3 {
            let message = peer.read()?;
            peer.write(message.first, &message.payload)?;
        }
        peer.read()?;
        peer.write(0x88, b"\x03\xf5again")?;
        let _ = sender(&tell).send(peer.read()?);
        Ok(())
    });
    let run = run(&target, &BRIEF);
    assert!(matches!(run.status(), 3 | 4), "{}", run.text());
    let text = run.text();
    assert!(
        text.contains("code 1013 (try again later) and said \"again\""),
        "{text}"
    );
    let answers: Vec<_> = seen.try_iter().collect();
    let errors = run.errors();
    assert!(answers.len() > 1 && errors.len() == 1, "{answers:?}, {errors:?}");
    assert_eq!(errors[0].0, "closed_early");
    assert!(
        run.report["connections"]["closed_by_server"].as_u64() >= Some(errors[0].1),
        "{text}"
    );
    for answer in answers {
        assert_eq!((answer.first, &answer.payload[..]), (0x88, &1013_u16.to_be_bytes()[..]));
    }
}

#[test]
fn a_close_frame_is_heard_while_nothing_is_on_its_way() {
    let target = open(|mut peer| {
        for _ in 0..2 {
            let message = peer.read()?;
            peer.write(message.first, &message.payload)?;
        }
        peer.write(0x89, b"")?;
        peer.read()?;
        peer.write(0x88, b"\x03\xe8")?;
        io::copy(&mut peer.client, &mut io::sink()).map(drop)
    });
    let run = run(
        &target,
        &["-c", "1", "-d", "1s", "--think", "1h", "--allow-client-limited"],
    );
    assert_eq!(run.errors(), [("closed_early", 1)], "{}", run.text());
    assert!(run.text().contains("code 1000 (normal)"), "{}", run.text());
}

#[test]
fn a_message_too_many_is_a_duplicate() {
    let target = open(|mut peer| {
        for count in 0.. {
            let message = peer.read()?;
            peer.write(message.first, &message.payload)?;
            if count == 1 {
                peer.write(message.first, &message.payload)?;
            }
        }
        Ok(())
    });
    let run = run(
        &target,
        &["-c", "1", "-d", "500ms", "--think", "50ms", "--allow-client-limited"],
    );
    let errors = run.errors();
    assert!(errors.len() == 1 && errors[0].0 == "duplicate", "{}", run.text());
}

#[test]
fn a_connection_for_each_message_is_opened_and_closed_by_the_book() {
    let (tell, seen) = shared();
    let target = open(move |peer| echo_and_tell(peer, &sender(&tell)));
    let run = run(&target, &[&FIVE[..], &["--churn", "per-request"]].concat());
    fine(&run);
    let connections = &run.report["connections"];
    assert_eq!(connections["closed_by_server"], 0, "{}", run.text());
    let opened = connections["opened"].as_u64().expect("a number");
    let goodbyes: Vec<_> = seen.try_iter().collect();
    assert!(opened >= 6 && goodbyes.len() as u64 == opened, "{opened}: {goodbyes:?}");
    assert!(
        goodbyes.iter().all(|frame| frame.payload == 1000_u16.to_be_bytes()),
        "{goodbyes:?}"
    );
}

/// The reference server answers a message when all of it is there.
#[test]
fn long_messages_go_out_whole_however_many_are_on_their_way() {
    let server = Reference::start("ws");
    let run = run(
        &server.target("ws"),
        &[
            "-c",
            "2",
            "-n",
            "40",
            "--depth",
            "4",
            "--size",
            "1..1m",
            "--allow-client-limited",
        ],
    );
    fine(&run);
    assert_eq!(run.count("answers"), 40);
    // About where a frame is longer than what goes out at once, and its message is not.
    for size in ["65530", "65536", "65537", "125", "126"] {
        let run = self::run(&server.target("ws"), &[&FIVE[..], &["--size", size]].concat());
        fine(&run);
    }
}

#[test]
fn an_open_loop_and_a_pipeline_work_as_over_tcp() {
    let server = Reference::start("ws");
    for options in [
        &["--rate", "500", "--depth", "4"][..],
        &["--depth", "16", "--size", "1..300", "--workers", "2"],
        &["--churn", "every:3", "--linger", "rst"],
        &["--text", "--verify", "header"],
        &["--idle"],
    ] {
        let options = [&["-c", "10", "-d", "500ms", "--allow-client-limited"], options].concat();
        let run = run(&server.target("ws"), &options);
        assert_eq!(run.errors(), [], "{options:?}: {}", run.text());
    }
}

/// As over `https://`, where more is tried of that.
#[test]
fn under_tls_it_is_the_same() {
    let server = Reference::start("wss");
    let (port, target) = (server.address.rsplit(':').next().expect("a port"), server.target("wss"));
    for options in [
        &["--insecure", "--depth", "8", "--size", "1..100k"][..],
        &["-k", "--text", "--churn", "per-request"],
        &["-k", "--churn", "every:5", "--linger", "rst", "--tls-resume"],
    ] {
        let run = run(
            &target,
            &[&["-c", "5", "-d", "500ms", "--allow-client-limited"], options].concat(),
        );
        fine(&run);
        assert!(run.text().contains("TLSv1.3"), "{}", run.text());
        assert_eq!(run.report["connections"]["closed_by_server"], 0, "{}", run.text());
    }
    assert!(refused(&target, &[]).contains("certificate"), "nobody signed it");
    assert!(refused(&format!("ws://127.0.0.1:{port}"), &[]).contains("handshake"));
    let other = Reference::start("https");
    let text = refused(&other.target("wss"), &["-k"]);
    assert!(
        text.contains("1 bad_handshake") && text.contains("status 200 instead of 101"),
        "{text}"
    );
}

/// The library's own server, as in `examples/websocket_echo`.
#[test]
fn the_library_and_the_client_understand_each_other() {
    let echo = |socket: &mut WebSocket| -> io::Result<()> {
        while let Some(message) = socket.recv()? {
            socket.send(message)?;
        }
        Ok(())
    };
    let server = TcpServer::bind("127.0.0.1:0", http::serve(websocket::serve(echo))).expect("a port");
    let running = server.start().expect("it starts");
    let address = running.address();
    for options in [
        &["--depth", "4"][..],
        &["--text", "--size", "1..70k"],
        &["--churn", "per-request"],
    ] {
        let options = [&["-c", "5", "-d", "500ms", "--allow-client-limited"], options].concat();
        fine(&run(&format!("ws://{address}"), &options));
    }
    running.stop(Duration::from_secs(1)).expect("it ends");
}

#[test]
fn what_makes_no_sense_over_a_websocket_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let latin = folder.path().join("latin");
    std::fs::write(&latin, b"caf\xe9").expect("it can be written");
    let latin = latin.to_str().expect("text");
    for (target, options, words) in [
        ("ws://127.0.0.1:1", &["--body", "/dev/null"][..], "--header"),
        ("ws://127.0.0.1:1", &["--expect", "echo"], "--header"),
        ("ws://127.0.0.1:1", &["-H", "Upgrade: h2c"], "field of the handshake"),
        ("ws://127.0.0.1:1", &["--text", "--payload", latin], "not ASCII"),
        ("tcp://127.0.0.1:1", &["--text"], "--text is for ws://"),
        ("tcp://127.0.0.1:1", &["-H", "a: b"], "not for tcp://"),
        ("ws://127.0.0.1:1/a b", &[], "%20"),
    ] {
        let run = run(target, options);
        assert!(
            run.status() == 2 && run.text().contains(words),
            "{options:?}: {}",
            run.text()
        );
    }
}
