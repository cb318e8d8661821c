//! On the engine `pinned` a coroutine never leaves its thread, whatever it
//! waits for: what Rust lets live on a stack lives there across every wait.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::{PATIENCE, child, client, echoed, ip, joined};
use greenserve::TcpServer;
use greenserve::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use greenserve::runtime::{self, Builder, Config, Engine, spawn, spawn_local};
use greenserve::sync::{Event, Group, Mutex, Semaphore, channel, with_timeout};

/// Runs `test` in a child for each number of workers; true in such a child.
fn with_1_2_and_4_workers(test: &str) -> bool {
    if child::is_child(test) {
        let workers = std::env::var("WORKERS").unwrap().parse().unwrap();
        runtime::configure(Config::new().engine(Engine::Pinned).workers(workers)).unwrap();
        return true;
    }
    for workers in ["1", "2", "4"] {
        let child = child::command(test).env("WORKERS", workers).spawn().unwrap();
        child::finish(child, Duration::from_secs(55)).passed();
    }
    false
}

/// A helper on any worker, so that most of what it wakes is on another one.
fn helper(work: impl FnOnce() + Send + 'static) {
    drop(Builder::new().anywhere().spawn(work).unwrap());
}

/// Every kind of wait, each ended by somebody else.
const WAITS: &[(&str, fn())] = &[
    ("sleep", || runtime::sleep(Duration::from_micros(20)).unwrap()),
    ("yield", runtime::yield_now),
    ("join", || joined(Builder::new().anywhere().spawn(|| ()).unwrap())),
    ("offload", || runtime::offload(|| ()).unwrap()),
    ("name resolution", || drop(runtime::resolve("localhost", 1).unwrap())),
    ("timeout", || {
        with_timeout(Duration::from_micros(50), || runtime::sleep(PATIENCE)).unwrap_err();
    }),
    ("read", || {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        helper(move || far.write_all(b"x").unwrap());
        near.read_exact(&mut [0]).unwrap();
    }),
    ("write", || {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        helper(move || far.read_exact(&mut vec![0; 300_000]).unwrap());
        near.write_all(&vec![0; 300_000]).unwrap();
    }),
    ("accept", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.address().unwrap();
        helper(move || drop(TcpStream::connect(address)));
        listener.accept().unwrap();
    }),
    ("datagram", || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = ip(&socket.address().unwrap());
        helper(move || {
            let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
            sender.send_to(b"x", address).unwrap();
        });
        socket.recv(&mut [0]).unwrap();
    }),
    ("lock", || {
        let lock = Arc::new(Mutex::new(()));
        let (theirs, held) = (Arc::clone(&lock), Arc::new(Event::new()));
        let told = Arc::clone(&held);
        helper(move || {
            let _guard = theirs.lock().unwrap();
            told.set();
            runtime::yield_now();
        });
        held.wait().unwrap();
        drop(lock.lock().unwrap());
    }),
    ("semaphore", || {
        let permits = Arc::new(Semaphore::new(0));
        let theirs = Arc::clone(&permits);
        helper(move || theirs.add_permits(1));
        permits.acquire().unwrap().forget();
    }),
    ("event", || {
        let event = Arc::new(Event::new());
        let theirs = Arc::clone(&event);
        helper(move || theirs.set());
        event.wait().unwrap();
    }),
    ("channel, empty", || {
        let (sender, receiver) = channel(1);
        helper(move || sender.send(1).unwrap());
        receiver.recv().unwrap();
    }),
    ("channel, full", || {
        let (sender, receiver) = channel(1);
        sender.send(1).unwrap();
        helper(move || {
            receiver.recv().unwrap();
            receiver.recv().unwrap();
        });
        sender.send(2).unwrap();
    }),
    ("group", || {
        let group = Group::new();
        group.spawn(runtime::yield_now).unwrap();
        group.join().unwrap();
    }),
];

fn here() -> ThreadId {
    thread::current().id()
}

#[test]
fn a_coroutine_stays_on_its_thread_through_a_thousand_waits_of_every_kind() {
    const TEST: &str = "a_coroutine_stays_on_its_thread_through_a_thousand_waits_of_every_kind";
    if !with_1_2_and_4_workers(TEST) {
        return;
    }
    let all: Vec<_> = WAITS
        .iter()
        .map(|&(what, wait)| {
            let waiting = Builder::new().anywhere().spawn(move || {
                let home = here();
                for turn in 0..1000 {
                    wait();
                    assert_eq!(here(), home, "after {what}, turn {turn}");
                }
            });
            waiting.unwrap()
        })
        .collect();
    for (waiting, (what, _)) in all.into_iter().zip(WAITS) {
        match waiting.join_timeout(Duration::from_secs(50)) {
            Ok(ended) => ended.unwrap(),
            Err((_, why)) => panic!("{what}: {why}"),
        }
    }
}

thread_local! {
    static BORROWED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    static MARK: Cell<u64> = const { Cell::new(0) };
    static SHARED: Rc<Cell<u64>> = Rc::new(Cell::new(0));
}

/// Holds everything that belongs to a thread across `wait`.
fn held_across(wait: fn()) {
    let lock = std::sync::Mutex::new(0);
    BORROWED.with(|cell| {
        let mut borrowed = cell.borrow_mut();
        let shared = SHARED.with(Rc::clone);
        let mut guard = lock.lock().unwrap();
        MARK.set(7);
        borrowed.push(1);
        let (count, before) = (Rc::strong_count(&shared), shared.get());
        wait();
        *guard += 1;
        borrowed.push(2);
        shared.set(before + 1);
        assert_eq!(MARK.replace(0), 7);
        assert_eq!(Rc::strong_count(&shared), count);
        assert!(SHARED.with(|it| Rc::ptr_eq(it, &shared)));
        assert_eq!(borrowed.drain(..).collect::<Vec<_>>(), [1, 2]);
    });
}

#[test]
fn what_belongs_to_a_thread_may_be_held_across_every_wait() {
    const TEST: &str = "what_belongs_to_a_thread_may_be_held_across_every_wait";
    if !with_1_2_and_4_workers(TEST) {
        return;
    }
    // One a worker: two of one worker would rightly meet in the same cell.
    let holders: Vec<_> = (0..runtime::workers())
        .map(|worker| {
            let holder = Builder::new().worker(worker).spawn(|| {
                for &(_, wait) in WAITS {
                    (0..100).for_each(|_| held_across(wait));
                }
            });
            holder.unwrap()
        })
        .collect();
    for holder in holders {
        holder
            .join_timeout(Duration::from_secs(50))
            .map_err(|(_, why)| why)
            .unwrap()
            .unwrap();
    }
}

thread_local! {
    static LOG: RefCell<Vec<(ThreadId, u8)>> = const { RefCell::new(Vec::new()) };
}

/// Keeps a reference into a thread-local around its whole loop.
fn logged_echo(client: &mut TcpStream) -> std::io::Result<()> {
    LOG.with(|log| {
        let mut byte = [0];
        while client.read(&mut byte)? > 0 {
            let mut log = log.borrow_mut();
            log.push((here(), byte[0]));
            assert!(
                log.iter().all(|(thread, _)| *thread == here()),
                "two threads in one cell"
            );
            log.truncate(16);
            drop(log);
            client.write_all(&byte)?;
        }
        Ok(())
    })
}

#[test]
fn handlers_may_keep_a_thread_local_around_their_loop() {
    const TEST: &str = "handlers_may_keep_a_thread_local_around_their_loop";
    if !with_1_2_and_4_workers(TEST) {
        return;
    }
    let server = TcpServer::bind("127.0.0.1:0", logged_echo).unwrap().start().unwrap();
    let address = ip(&server.address());
    let clients: Vec<_> = (0..8)
        .map(|_| {
            thread::spawn(move || {
                let mut client = client(address);
                (0..2000).for_each(|turn: u32| echoed(&mut client, &[turn as u8]));
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
    assert!(server.stop(PATIENCE).unwrap().is_clean());
}

fn on_two_workers() {
    static CONFIGURED: std::sync::Once = std::sync::Once::new();
    CONFIGURED.call_once(|| runtime::configure(Config::new().engine(Engine::Pinned).workers(2)).unwrap());
}

#[test]
fn a_stream_may_go_from_worker_to_worker() {
    on_two_workers();
    let server = TcpServer::bind("127.0.0.1:0", common::echo).unwrap().start().unwrap();
    let stream = TcpStream::connect(server.address()).unwrap();
    let (to_zero, at_zero) = channel::<TcpStream>(1);
    let (to_one, at_one) = channel::<TcpStream>(1);
    let pass_on =
        |worker: usize, from: greenserve::sync::Receiver<TcpStream>, to: greenserve::sync::Sender<TcpStream>| {
            let passing = Builder::new().worker(worker).spawn(move || {
                let home = here();
                for turn in 0..1000_u32 {
                    let mut stream = from.recv().unwrap();
                    echoed(&mut stream, &turn.to_le_bytes());
                    assert_eq!(here(), home);
                    if to.send(stream).is_err() {
                        break;
                    }
                }
            });
            passing.unwrap()
        };
    // Others keep both workers at work meanwhile.
    let load: Vec<_> = (0..4)
        .map(|worker| {
            let address = server.address();
            let loading = Builder::new().worker(worker).spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                (0..500).for_each(|_| echoed(&mut stream, b"meanwhile"));
            });
            loading.unwrap()
        })
        .collect();
    let zero = pass_on(0, at_zero, to_one);
    let one = pass_on(1, at_one, to_zero.clone());
    to_zero.send(stream).unwrap();
    joined(zero);
    drop(to_zero);
    joined(one);
    load.into_iter().for_each(joined);
}

#[test]
fn one_coroutine_reads_and_another_one_writes_through_one_value() {
    on_two_workers();
    for (reader, writer) in [(0, 0), (0, 1), (1, 0)] {
        let (near, mut far) = UnixStream::pair().unwrap();
        let near = Arc::new(near);
        let (theirs, ours) = (Arc::clone(&near), near);
        let reading = Builder::new().worker(reader).spawn(move || {
            let mut all = vec![0; 1_000_000];
            (&*theirs).read_exact(&mut all).unwrap();
            all
        });
        let writing = Builder::new()
            .worker(writer)
            .spawn(move || (&*ours).write_all(&vec![2; 1_000_000]).unwrap());
        // Nothing of the far end is read before both of them wait.
        let echoing = spawn(move || {
            runtime::sleep(Duration::from_millis(5)).unwrap();
            let mut theirs = vec![0; 1_000_000];
            far.read_exact(&mut theirs).unwrap();
            far.write_all(&vec![1; 1_000_000]).unwrap();
            theirs
        });
        joined(writing.unwrap());
        assert!(joined(echoing.unwrap()).iter().all(|byte| *byte == 2));
        assert!(joined(reading.unwrap()).iter().all(|byte| *byte == 1));
    }
}

#[test]
fn a_local_coroutine_shares_what_is_not_send() {
    on_two_workers();
    let sum = joined(
        spawn(|| {
            let home = here();
            let sum = Rc::new(Cell::new(0));
            let helpers: Vec<_> = (1..=10)
                .map(|number| {
                    let sum = Rc::clone(&sum);
                    spawn_local(move || {
                        runtime::sleep(Duration::from_micros(100)).unwrap();
                        assert_eq!(here(), home);
                        sum.set(sum.get() + number);
                        Rc::clone(&sum)
                    })
                    .unwrap()
                })
                .collect();
            for helper in helpers {
                assert!(Rc::ptr_eq(&helper.join().unwrap(), &sum));
            }
            sum.get()
        })
        .unwrap(),
    );
    assert_eq!(sum, 55);
}

#[test]
fn a_thread_cannot_start_a_local_coroutine_and_is_told_why() {
    on_two_workers();
    runtime::start().unwrap();
    let text = spawn_local(|| ()).unwrap_err().to_string();
    assert!(text.contains("stays on its thread"), "{text}");
    let elsewhere = joined(spawn(|| Builder::new().worker(1).spawn_local(|| ()).unwrap_err().to_string()).unwrap());
    assert!(elsewhere.contains("caller's worker"), "{elsewhere}");
}
