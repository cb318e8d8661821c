//! How conversations end: by either side, by silence, by a failure, with the
//! server.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::websocket::{Close, Config, Ended, WebSocket};
use greenserve::{MinimumRate, Overdue, runtime, sync};

use crate::common::{PATIENCE, wait_until};
use crate::raw::{BINARY, CLOSE, CONTINUED, LAST, PING, PONG, TEXT, frame};
use crate::scene::{In, Scene, echo, echo_by_sender, in_both};

fn by_us(code: u16, reason: &str) -> Ended {
    ended(false, code, reason)
}

fn ended(by_client: bool, code: u16, reason: &str) -> Ended {
    let reason = reason.to_owned();
    Ended {
        by_client,
        close: Close { code, reason },
    }
}

/// Both ways of writing.
fn each_way(check: impl Fn(In, fn(&mut WebSocket<'_>) -> io::Result<()>)) {
    in_both(|model| {
        check(model, echo);
        check(model, echo_by_sender);
    });
}

#[test]
fn a_client_that_closes_is_answered_with_its_code() {
    each_way(|model, handler| {
        let scene = Scene::new(model, Config::new(), handler);
        let mut client = scene.raw();
        client.say(LAST | TEXT, b"hello");
        client.say(LAST | CLOSE, b"\x0b\xb8done"); // 3000
        client.hears(LAST | TEXT, b"hello");
        assert_eq!(client.hears_close().0, 3000);
        client.ends();
        assert_eq!(scene.ended(), ended(true, 3000, "done"));
        // Without a code.
        let mut client = scene.raw();
        client.say(LAST | CLOSE, b"");
        client.hears(LAST | CLOSE, b"");
        client.ends();
        assert_eq!(scene.ended(), ended(true, 1005, ""));
    });
}

#[test]
fn a_handler_closes_and_hears_the_answer() {
    in_both(|model| {
        let scene = Scene::new(model, Config::new(), |socket| {
            socket.send("first")?;
            socket.close(4001, "enough")?;
            assert!(socket.recv()?.is_none());
            let refused = socket.send("after").unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe);
            socket.close(1000, "")
        });
        let mut client = scene.raw();
        client.hears(LAST | TEXT, b"first");
        assert_eq!(client.hears_close(), (4001, "enough".to_owned()));
        // What is still under way is dropped, and no ping is answered now.
        client.say(LAST | TEXT, b"late");
        client.say(LAST | TEXT, b"later");
        client.say(LAST | PING, b"late");
        client.close(4001);
        client.ends();
        assert_eq!(scene.ended(), by_us(4001, "enough"));
    });
}

#[test]
fn a_client_that_does_not_answer_a_close_is_cut_off() {
    in_both(|model| {
        let limit = Duration::from_millis(200);
        let scene = Scene::new(model, Config::new().close(limit), move |socket| {
            let begun = Instant::now();
            socket.close(1000, "")?;
            assert!(begun.elapsed() >= limit);
            Ok(())
        });
        let mut client = scene.raw();
        assert_eq!(client.hears_close().0, 1000);
        client.ends();
        assert_eq!(scene.ended(), by_us(1000, ""));
    });
}

/// What a client that takes nothing leaves no room for.
fn fill(socket: &WebSocket<'_>) {
    let transport = socket.transport();
    loop {
        transport.set_write_deadline(Some(Instant::now() + Duration::from_millis(50)));
        match transport.write(&[0; 64 * 1024]) {
            Ok(_) => {}
            Err(err) => break assert_eq!(err.kind(), io::ErrorKind::TimedOut, "{err}"),
        }
    }
    transport.set_write_deadline(None);
}

/// Whoever says the Close, and whether anybody is there to hear it.
#[test]
fn a_client_that_takes_no_close_is_cut_off_as_soon() {
    let limit = Duration::from_millis(300);
    in_both(|model| {
        let ways: [fn(&mut WebSocket<'_>) -> io::Result<()>; 4] = [
            |socket| socket.close(1000, ""),
            |_| Ok(()),
            |_| Err(io::Error::other("it fails")),
            |socket| socket.recv().map(drop),
        ];
        for way in ways {
            let scene = Scene::new(model, Config::new().close(limit), move |socket| {
                fill(socket);
                way(socket)
            });
            let mut client = scene.raw();
            client.close(1000);
            let begun = Instant::now();
            let _ = scene.outcome();
            assert!(scene.stop().is_clean());
            assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
        }
    });
}

/// What followed would be taken for the rest of the frame.
#[test]
fn nothing_follows_half_a_frame() {
    const MUCH: usize = 64 << 20;
    in_both(|model| {
        let (failed, has_failed) = mpsc::channel();
        let (made_room, has_room) = mpsc::channel();
        let shared = Mutex::new((failed, has_room));
        let scene = Scene::new(model, Config::new(), move |socket| {
            let transport = socket.transport();
            transport.set_deadlines(transport.deadlines().write(Duration::from_millis(200)));
            let late = socket.send(vec![b'x'; MUCH]).unwrap_err();
            assert_eq!(late.kind(), io::ErrorKind::TimedOut, "{late}");
            let shared = shared.lock().unwrap();
            shared.0.send(()).unwrap();
            shared.1.recv_timeout(PATIENCE).unwrap();
            let refused = socket.send("after").unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::BrokenPipe, "{refused}");
            assert!(refused.to_string().contains("cut short"), "{refused}");
            assert!(socket.sender().is_err());
            Ok(())
        });
        let client = scene.raw();
        has_failed.recv_timeout(PATIENCE).unwrap();
        let mut stream = client.second();
        let mut begin = vec![0; 1 << 20];
        stream.read_exact(&mut begin).unwrap();
        made_room.send(()).unwrap();
        let mut rest = Vec::new();
        // It was behind, so what is left for it may be thrown away.
        if let Err(err) = stream.read_to_end(&mut rest) {
            assert_eq!(err.kind(), io::ErrorKind::ConnectionReset, "{err}");
        }
        assert_eq!(begin[0], LAST | BINARY);
        assert!(begin.len() + rest.len() < MUCH);
        let others = begin[10..].iter().chain(&rest).filter(|byte| **byte != b'x');
        assert_eq!(others.count(), 0);
        assert_eq!(scene.outcome().0, None);
    });
}

#[test]
fn codes_and_reasons_that_cannot_be_sent_are_refused() {
    let scene = Scene::new(In::Coroutines, Config::new(), |socket| {
        for (code, reason) in [(1005, ""), (999, ""), (1000, "x".repeat(124).as_str())] {
            let refused = socket.close(code, reason).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput, "{refused}");
        }
        Ok(())
    });
    let mut client = scene.raw();
    assert_eq!(client.hears_close().0, 1000);
    client.close(1000);
    assert_eq!(scene.outcome(), (None, None));
}

#[test]
fn a_handler_that_returns_says_goodbye_and_one_that_fails_says_1011() {
    let scene = Scene::new(In::Coroutines, Config::new(), |socket| {
        let message = socket.recv()?;
        match message.as_ref().and_then(|message| message.as_text()) {
            Some("fail") => Err(io::Error::other("a secret")),
            Some("panic") => panic!("a secret"),
            _ => Ok(()),
        }
    });
    for (said, code, reason) in [
        ("return", 1000, ""),
        ("fail", 1011, "the server failed"),
        ("panic", 1011, "the server failed"),
    ] {
        let mut client = scene.raw();
        client.say(LAST | TEXT, said.as_bytes());
        assert_eq!(client.hears_close(), (code, reason.to_owned()));
        client.close(code);
        client.ends();
    }
}

#[test]
fn a_client_that_is_gone_without_a_close_is_an_error() {
    each_way(|model, handler| {
        let scene = Scene::new(model, Config::new(), handler);
        let client = scene.connect();
        client.get_ref().shutdown(Shutdown::Write).unwrap();
        let (error, ended) = scene.outcome();
        assert!(error.unwrap().contains("did not close"));
        assert_eq!(ended, None);
    });
}

#[test]
fn who_is_silent_is_pinged_and_lives_if_it_answers() {
    each_way(|model, handler| {
        let config = Config::new()
            .ping(Duration::from_millis(20))
            .idle(Duration::from_secs(20));
        let scene = Scene::new(model, config, handler);
        let mut client = scene.raw();
        for _ in 0..3 {
            client.hears(LAST | PING, b"");
            client.say(LAST | PONG, b"");
        }
        client.say(LAST | TEXT, b"here");
        loop {
            match client.hear() {
                (first, _) if first == LAST | PING => client.say(LAST | PONG, b""),
                heard => break assert_eq!(heard, (LAST | TEXT, b"here".to_vec())),
            }
        }
    });
}

#[test]
fn who_answers_no_ping_is_closed_with_1008() {
    each_way(|model, handler| {
        let config = Config::new()
            .ping(Duration::from_millis(50))
            .idle(Duration::from_millis(200))
            .close(Duration::from_millis(100));
        let scene = Scene::new(model, config, handler);
        let mut client = scene.raw();
        client.hears(LAST | PING, b"");
        let (code, reason) = client.hears_close();
        assert_eq!(code, 1008);
        assert!(reason.starts_with("nothing has come for "), "{reason}");
        client.ends();
        assert_eq!(scene.ended(), by_us(1008, &reason));
        assert_eq!(scene.missed(), [(Overdue::Idle, 1)]);
    });
}

/// It would keep the memory of its message for as long as it likes.
#[test]
fn a_message_that_comes_too_slowly_is_closed_with_1008() {
    let least = MinimumRate::new(1000, Duration::from_millis(300));
    let slow: [(&str, Vec<u8>, Vec<u8>); 4] = [
        ("a frame", frame(LAST | TEXT, &[b'a'; 200])[..9].to_vec(), vec![b'a']),
        (
            "a frame in pieces",
            frame(LAST | TEXT, &[b'a'; 70_000])[..15].to_vec(),
            vec![b'a'],
        ),
        ("fragments of nothing", frame(TEXT, b"a"), frame(CONTINUED, b"")),
        ("pings between", frame(TEXT, b"a"), frame(LAST | PONG, b"a")),
    ];
    each_way(|model, handler| {
        for (what, begin, more) in &slow {
            let config = Config::new().message_rate(least).close(Duration::from_millis(100));
            let scene = Scene::new(model, config, handler);
            let mut client = scene.raw();
            client.send(begin);
            let begun = Instant::now();
            let mut talker = client.second();
            let more = more.clone();
            let talking = thread::spawn(move || {
                while begun.elapsed() < PATIENCE && talker.write_all(&more).is_ok() {
                    thread::sleep(Duration::from_millis(20));
                }
            });
            let heard = client.hears_close();
            assert!(begun.elapsed() < PATIENCE / 2, "{what}");
            assert_eq!(heard, (1008, "the message came too slowly".to_owned()), "{what}");
            assert_eq!(scene.ended(), by_us(1008, "the message came too slowly"));
            drop(client);
            talking.join().unwrap();
            assert_eq!(scene.missed(), [(Overdue::ReceiveRate, 1)], "{what}");
        }
    });
}

#[test]
fn the_time_that_a_handler_sets_itself_is_no_fault_of_its_client() {
    in_both(|model| {
        let config = Config::new().message_rate(MinimumRate::new(1000, PATIENCE));
        let scene = Scene::new(model, config, |socket| {
            sync::with_timeout(Duration::from_millis(50), || socket.recv()).map(drop)
        });
        let mut client = scene.raw();
        client.send(&frame(LAST | TEXT, b"half")[..7]);
        assert_eq!(client.hears_close().0, 1011);
        drop(client);
        let (error, _) = scene.outcome();
        assert!(error.is_some_and(|error| error.contains("timeout")));
        assert_eq!(scene.missed(), []);
    });
}

/// It was told and has no more to say, for all its time.
#[test]
fn who_answers_no_close_has_missed_no_deadline_of_a_message() {
    in_both(|model| {
        let config = Config::new()
            .idle(Duration::from_millis(50))
            .ping(None)
            .close(Duration::from_millis(200));
        let scene = Scene::new(model, config, |socket| socket.close(1000, ""));
        let mut client = scene.raw();
        client.hears(LAST | CLOSE, &1000_u16.to_be_bytes());
        client.ends();
        assert_eq!(scene.missed(), []);
    });
}

/// Between messages a client may wait, and what its handler takes is not its own.
#[test]
fn only_a_message_has_a_rate() {
    in_both(|model| {
        let least = MinimumRate::new(1_000_000, Duration::from_millis(500));
        let scene = Scene::new(model, Config::new().message_rate(least), |socket| {
            while let Some(message) = socket.recv()? {
                runtime::sleep(Duration::from_millis(700))?;
                socket.send(message)?;
            }
            Ok(())
        });
        let mut client = scene.raw();
        thread::sleep(Duration::from_millis(700));
        client.send(&[frame(LAST | TEXT, b"a"), frame(TEXT, b"b")].concat());
        client.hears(LAST | TEXT, b"a");
        client.say(LAST | CONTINUED, b"c");
        client.hears(LAST | TEXT, b"bc");
    });
}

#[test]
fn a_server_that_ends_says_1001_and_waits_for_the_answer() {
    each_way(|model, handler| {
        let scene = Scene::new(model, Config::new(), handler);
        let mut clients: Vec<_> = (0..3).map(|_| scene.raw()).collect();
        for client in &mut clients {
            client.say(LAST | TEXT, b"hello");
            client.hears(LAST | TEXT, b"hello");
        }
        let stopping = thread::spawn(move || scene.stop());
        for client in &mut clients {
            assert_eq!(client.hears_close(), (1001, "the server ends".to_owned()));
        }
        assert!(!stopping.is_finished(), "it does not wait for the answer");
        for client in &mut clients {
            client.close(1001);
            client.ends();
        }
        assert!(stopping.join().unwrap().is_clean());
    });
}

#[test]
fn a_server_that_ends_does_not_wait_for_ever() {
    each_way(|model, handler| {
        let scene = Scene::new(model, Config::new().close(Duration::from_millis(100)), handler);
        let mut client = scene.raw();
        client.say(LAST | TEXT, b"hello");
        client.hears(LAST | TEXT, b"hello");
        assert!(scene.stop().is_clean());
        assert_eq!(client.hears_close().0, 1001);
    });
}

/// It never pauses, so no wait of its handler would tell of the drain.
#[test]
fn a_client_that_never_stops_talking_does_not_keep_the_server() {
    let scene = Scene::echo(In::Coroutines, Config::new().close(Duration::from_millis(200)));
    let mut client = scene.raw();
    let mut talker = client.second();
    let talking = thread::spawn(move || {
        let many = frame(LAST | TEXT, b"more").repeat(10_000);
        while talker.write_all(&many).is_ok() {}
    });
    client.hears(LAST | TEXT, b"more");
    let stopping = thread::spawn(move || scene.stop());
    let begun = Instant::now();
    while client.hear().0 != LAST | CLOSE {
        assert!(begun.elapsed() < PATIENCE, "it talks on");
    }
    drop(client);
    assert!(stopping.join().unwrap().is_clean());
    talking.join().unwrap();
}

/// No wait for them could tell of the drain: they are in the buffer already.
#[test]
fn messages_that_came_together_do_not_keep_the_server() {
    const MESSAGES: usize = 400;
    in_both(|model| {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let handler = move |socket: &mut WebSocket<'_>| {
            while socket.recv()?.is_some() {
                count.fetch_add(1, Ordering::SeqCst);
                while !socket.context().is_draining() {
                    runtime::sleep(Duration::from_millis(1))?;
                }
                // Ten seconds for all of them.
                runtime::sleep(Duration::from_millis(25))?;
            }
            Ok(())
        };
        let scene = Scene::new(model, Config::new().close(Duration::from_millis(100)), handler);
        let mut client = scene.raw();
        let mut talker = client.second();
        talker.write_all(&frame(LAST | TEXT, b"x").repeat(MESSAGES)).unwrap();
        wait_until("the first is taken", || taken.load(Ordering::SeqCst) > 0);
        assert!(scene.stop().is_clean());
        assert_eq!(client.hears_close().0, 1001);
        let taken = taken.load(Ordering::SeqCst);
        assert!(
            taken < MESSAGES / 2,
            "{taken} messages were taken after the drain began"
        );
    });
}
