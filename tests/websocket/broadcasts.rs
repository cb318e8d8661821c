//! One message for many, of whom some do not keep up.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use greenserve::websocket::{Config, Message, Room, SendError, Sender, WebSocket};

use crate::common::{PATIENCE, wait_until};
use crate::raw::{BINARY, CLOSE, LAST, TEXT};
use crate::scene::{In, Scene, in_both};

/// Handlers that join a room and listen.
fn in_room(model: In, config: Config) -> (Room, Scene) {
    let room = Room::new();
    let theirs = room.clone();
    let scene = Scene::new(model, config, move |socket| {
        let _seat = theirs.join(socket.sender()?);
        while let Some(message) = socket.recv()? {
            theirs.send(message);
        }
        Ok(())
    });
    (room, scene)
}

#[test]
fn what_one_says_all_hear() {
    in_both(|model| {
        let (room, scene) = in_room(model, Config::new());
        let mut clients: Vec<_> = (0..5).map(|_| scene.raw()).collect();
        wait_until("all have come", || room.len() == 5);
        clients[3].say(LAST | TEXT, b"to all");
        assert!(
            clients
                .iter_mut()
                .all(|client| client.hear() == (LAST | TEXT, b"to all".to_vec()))
        );
        clients.pop().unwrap().close(1000);
        wait_until("one has left", || room.len() == 4);
        assert_eq!(room.send("of the house"), 4);
        for client in &mut clients {
            client.hears(LAST | TEXT, b"of the house");
        }
    });
}

/// More than the kernel takes for a client that reads nothing.
const MUCH: usize = 32 << 20;
const LETTER: usize = 256 << 10;

#[test]
fn who_is_too_slow_is_dropped_and_harms_nobody() {
    in_both(|model| {
        let config = Config::new().queued_bytes(4 << 20).close(Duration::from_secs(5));
        let (room, scene) = in_room(model, config);
        let mut slow = scene.connect();
        wait_until("the slow one has come", || room.len() == 1);
        let (told, quick) = mpsc::channel();
        let mut reader = scene.raw();
        wait_until("the quick one has come", || room.len() == 2);
        let reading = thread::spawn(move || {
            loop {
                let (first, payload) = reader.hear();
                if first == LAST | CLOSE {
                    return reader.close(1001);
                }
                told.send(payload.len()).unwrap();
            }
        });
        let letter = Message::from(vec![b'x'; LETTER]);
        let (mut sent, mut dropped_after) = (0, None);
        while sent < MUCH {
            if room.send(letter.clone()) == 1 {
                dropped_after.get_or_insert(sent);
            }
            sent += LETTER;
            // The quick one has it before the next is sent, whatever the other does.
            assert_eq!(quick.recv_timeout(PATIENCE).unwrap(), LETTER);
        }
        assert!(dropped_after.is_some_and(|sent| sent >= 4 << 20), "{dropped_after:?}");
        assert_eq!(room.len(), 1);
        // All that it hears is whole, and then why.
        let close = loop {
            match slow.read().unwrap() {
                tungstenite::Message::Binary(bytes) => assert_eq!(bytes.len(), LETTER),
                tungstenite::Message::Close(close) => break close.unwrap(),
                other => panic!("{other}"),
            }
        };
        assert_eq!(u16::from(close.code), 1013);
        assert!(close.reason.starts_with("too slow"), "{}", close.reason);
        // Its answer, which the end would be waited for otherwise.
        let _ = slow.flush();
        let ended = scene.ended();
        assert!(!ended.by_client && ended.close.code == 1013, "{ended:?}");
        drop(slow);
        assert!(scene.stop().is_clean());
        reading.join().unwrap();
    });
}

/// One that never reads again is not waited for either.
#[test]
fn who_never_reads_again_is_cut_off() {
    in_both(|model| {
        let config = Config::new().queued_messages(4).close(Duration::from_millis(200));
        let (room, scene) = in_room(model, config);
        let client = scene.raw();
        wait_until("it has come", || room.len() == 1);
        let letter = Message::from(vec![b'x'; LETTER]);
        wait_until("it is dropped", || room.send(letter.clone()) == 0);
        assert_eq!(scene.ended().close.code, 1013);
        assert!(scene.stop().is_clean());
        drop(client);
    });
}

/// A handler's own messages wait for room.
#[test]
fn a_handler_that_sends_waits_for_its_client() {
    in_both(|model| {
        let (told, progress) = mpsc::channel();
        let told = std::sync::Mutex::new(told);
        let scene = Scene::new(model, Config::new().queued_bytes(LETTER), move |socket| {
            let _sender = socket.sender()?;
            for number in 0..MUCH / LETTER {
                socket.send(vec![7; LETTER])?;
                told.lock().unwrap().send(number).unwrap();
            }
            Ok(())
        });
        let mut client = scene.raw();
        // It comes to rest, far from its end.
        let mut last = 0;
        while let Ok(number) = progress.recv_timeout(Duration::from_millis(500)) {
            last = number;
        }
        assert!(last < MUCH / LETTER - 1, "it did not wait");
        for _ in 0..MUCH / LETTER {
            client.hears(LAST | BINARY, &[7; LETTER]);
        }
        assert_eq!(client.hears_close().0, 1000);
        client.close(1000);
        client.ends();
    });
}

/// Gives its sender away.
fn given_away(model: In, config: Config) -> (mpsc::Receiver<Sender>, Scene) {
    let (give, taken) = mpsc::channel();
    let give = std::sync::Mutex::new(give);
    let scene = Scene::new(model, config, move |socket: &mut WebSocket<'_>| -> io::Result<()> {
        give.lock().unwrap().send(socket.sender()?).unwrap();
        while socket.recv()?.is_some() {}
        Ok(())
    });
    (taken, scene)
}

#[test]
fn a_sender_ends_a_conversation_after_what_was_sent() {
    in_both(|model| {
        let (senders, scene) = given_away(model, Config::new());
        let mut client = scene.raw();
        let sender = senders.recv_timeout(PATIENCE).unwrap();
        for _ in 0..100 {
            sender.send("before").unwrap();
        }
        assert!(sender.close(1005, "").is_err());
        sender.close(4000, "kicked").unwrap();
        assert_eq!(sender.send("after"), Err(SendError::Closed));
        for _ in 0..100 {
            client.hears(LAST | TEXT, b"before");
        }
        assert_eq!(client.hears_close(), (4000, "kicked".to_owned()));
        client.close(4000);
        client.ends();
        let ended = scene.ended();
        assert!(!ended.by_client && ended.close.code == 4000, "{ended:?}");
    });
}

#[test]
fn a_client_that_a_sender_closes_need_not_answer() {
    in_both(|model| {
        let (senders, scene) = given_away(model, Config::new().close(Duration::from_millis(100)));
        let mut client = scene.raw();
        senders.recv_timeout(PATIENCE).unwrap().close(1000, "").unwrap();
        assert_eq!(client.hears_close().0, 1000);
        client.ends();
        assert_eq!(scene.ended().close.code, 1000);
    });
}

#[test]
fn a_sender_outlives_its_client() {
    let (senders, scene) = given_away(In::Coroutines, Config::new());
    let mut client = scene.connect();
    let sender = senders.recv_timeout(PATIENCE).unwrap();
    client.close(None).unwrap();
    while client.read().is_ok() {}
    let _ = client.get_mut().read(&mut [0]);
    wait_until("it is closed", || sender.is_closed());
    assert_eq!(sender.send("hello"), Err(SendError::Closed));
}
