//! What is said is heard, in whatever pieces it comes, and what breaks the
//! rules ends that client's conversation alone.

use greenserve::websocket::Config;
use tungstenite::{Bytes, Message};

use crate::common::pattern;
use crate::raw::{BINARY, CONTINUED, LAST, PING, PONG, TEXT, frame, head};
use crate::scene::{In, Scene, Talker, echo_by_sender, in_both};

fn echoed(client: &mut Talker, message: &Message) {
    client.send(message.clone()).unwrap();
    assert!(client.read().unwrap() == *message, "another message came back");
}

fn talk(scene: &Scene) {
    let mut client = scene.connect();
    echoed(&mut client, &Message::text("hello, 你好"));
    echoed(&mut client, &Message::text(""));
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        echoed(&mut client, &Message::binary(pattern(3, length)));
    }
    client.send(Message::Ping(Bytes::from_static(b"there?"))).unwrap();
    assert_eq!(client.read().unwrap(), Message::Pong(Bytes::from_static(b"there?")));
    client.close(None).unwrap();
    while let Ok(message) = client.read() {
        assert!(message.is_close(), "{message}");
    }
    assert!(scene.ended().by_client);
}

#[test]
fn messages_come_back() {
    in_both(|model| talk(&Scene::echo(model, Config::new())));
}

#[test]
fn messages_come_back_through_a_sender() {
    in_both(|model| talk(&Scene::new(model, Config::new().queued_bytes(2 << 20), echo_by_sender)));
}

/// What comes right behind the request, and in pieces of a byte each.
#[test]
fn it_does_not_matter_how_frames_are_cut() {
    in_both(|model| {
        let scene = Scene::echo(model, Config::new());
        let mut client = scene.raw();
        let both = [frame(LAST | TEXT, b"one"), frame(LAST | BINARY, &[7; 300])].concat();
        for byte in &both {
            client.send(&[*byte]);
        }
        client.hears(LAST | TEXT, b"one");
        client.hears(LAST | BINARY, &[7; 300]);
        client.send(&both.repeat(50));
        for _ in 0..50 {
            client.hears(LAST | TEXT, b"one");
            client.hears(LAST | BINARY, &[7; 300]);
        }
    });
}

#[test]
fn what_comes_with_the_request_is_heard() {
    in_both(|model| {
        use std::io::{Read, Write};
        let scene = Scene::echo(model, Config::new());
        let mut client = crate::common::client(scene.address);
        let mut all = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            .to_vec();
        all.extend(frame(LAST | TEXT, b"early"));
        client.write_all(&all).unwrap();
        let (mut heard, mut room) = (Vec::new(), [0; 512]);
        while !heard.ends_with(b"\r\n\r\n\x81\x05early") {
            let count = client.read(&mut room).unwrap();
            assert!(count > 0, "{}", heard.escape_ascii());
            heard.extend_from_slice(&room[..count]);
        }
    });
}

#[test]
fn a_message_may_come_in_fragments_with_pings_between() {
    let scene = Scene::echo(In::Coroutines, Config::new());
    let mut client = scene.raw();
    client.say(TEXT, "gr\u{fc}".as_bytes().split_at(3).0);
    client.say(LAST | PING, b"now");
    client.hears(LAST | PONG, b"now");
    client.say(CONTINUED, &"gr\u{fc}".as_bytes()[3..]);
    client.say(LAST | CONTINUED, b"n");
    client.hears(LAST | TEXT, "gr\u{fc}n".as_bytes());
    client.say(LAST | PONG, b"not asked for");
    client.say(LAST | TEXT, b"on");
    client.hears(LAST | TEXT, b"on");
}

#[test]
fn what_is_too_long_is_closed_with_1009() {
    in_both(|model| {
        let scene = Scene::echo(model, Config::new().message(1000).frame(600));
        let mut client = scene.raw();
        client.say(LAST | BINARY, &[1; 600]);
        client.hears(LAST | BINARY, &[1; 600]);
        // A frame, of which the head alone has come.
        client.send(&head(LAST | BINARY, 601));
        assert_eq!(client.hears_close().0, 1009);
        client.ends();
        drop(client);
        let ended = scene.ended();
        assert!(!ended.by_client && ended.close.code == 1009, "{ended:?}");
        // A message, while all of its frames are short.
        let mut client = scene.raw();
        client.say(TEXT, &[b'a'; 600]);
        client.say(LAST | CONTINUED, &[b'a'; 401]);
        assert_eq!(client.hears_close().0, 1009);
        client.ends();
        // As much as a length can say.
        let mut client = scene.raw();
        client.send(&head(LAST | BINARY, u64::MAX >> 1));
        assert_eq!(client.hears_close().0, 1009);
    });
}

/// The Close reaches a client that is in the middle of sending much.
#[test]
fn who_sends_too_much_can_read_why() {
    let scene = Scene::echo(In::Coroutines, Config::new());
    let mut client = scene.connect();
    client.send(Message::binary(vec![0; 14 << 20])).unwrap();
    match client.read().unwrap() {
        Message::Close(Some(close)) => assert_eq!(u16::from(close.code), 1009),
        other => panic!("{other}"),
    }
}

#[test]
fn texts_that_are_none_are_closed_with_1007() {
    let scene = Scene::echo(In::Coroutines, Config::new());
    for bytes in [
        &b"\xff"[..],
        b"a\xc3",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xc0\xaf",
    ] {
        let mut client = scene.raw();
        client.say(LAST | TEXT, bytes);
        assert_eq!(
            client.hears_close(),
            (1007, "a text that is not UTF-8".to_owned()),
            "{bytes:?}"
        );
        client.ends();
        drop(client);
        assert_eq!(scene.ended().close.code, 1007);
    }
    // In the second fragment.
    let mut client = scene.raw();
    client.say(TEXT, b"a");
    client.say(LAST | CONTINUED, b"\xff");
    assert_eq!(client.hears_close().0, 1007);
}

#[test]
fn frames_that_break_the_rules_are_closed_with_1002() {
    let scene = Scene::echo(In::Coroutines, Config::new());
    let without_mask = b"\x81\x02hi".to_vec();
    for (what, bytes) in [
        ("no mask", without_mask),
        ("a reserved bit", frame(LAST | 0x40 | TEXT, b"a")),
        ("an unknown kind", frame(LAST | 3, b"a")),
        ("an unknown control", frame(LAST | 11, b"a")),
        ("a continuation of nothing", frame(LAST | CONTINUED, b"a")),
        (
            "a message within another",
            [frame(TEXT, b"a"), frame(LAST | TEXT, b"b")].concat(),
        ),
        ("a ping in fragments", frame(PING, b"a")),
        ("a long ping", frame(LAST | PING, &[0; 126])),
        ("a Close of a byte", frame(LAST | 8, b"a")),
    ] {
        let mut client = scene.raw();
        client.send(&bytes);
        assert_eq!(client.hears_close().0, 1002, "{what}");
        client.ends();
        drop(client);
        assert_eq!(scene.ended().close.code, 1002, "{what}");
    }
    // Nobody else is harmed.
    talk(&scene);
}
