//! With one worker a coroutine never changes its thread, and no coroutine can
//! take the worker away from the others by anything but computing.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, MutexGuard, mpsc};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use common::{
    Background, PATIENCE, alone_with, best_of_three, client, connection, echo, echoed, expect, failure, in_both,
    in_coroutine, ip, joined, slowest_first_answer, suspended, wait_until,
};
use greenserve::net::{TcpListener, TcpStream};
use greenserve::runtime::{self, Config, Task};
use greenserve::sync::{Event, Mutex, Semaphore, channel, with_timeout};
use greenserve::{Context, Coroutine, HandlerError, Hooks, Running, Tcp, TcpServer, WaitError};

fn alone() -> MutexGuard<'static, ()> {
    alone_with(Config::new().workers(1))
}

/// What a new client waits for at most while others do their worst.
const FAIR: Duration = Duration::from_millis(50);

type Handled = fn(&mut TcpStream) -> io::Result<()>;

fn serve(handler: Handled) -> Running<Tcp, Coroutine> {
    TcpServer::bind("127.0.0.1:0", handler).unwrap().start().unwrap()
}

/// Keeps the errors of a server's handlers.
struct Errors(mpsc::SyncSender<String>);

impl Hooks<Tcp> for Errors {
    fn handle_error(&self, error: &HandlerError, _: &Context) {
        let _ = self.0.try_send(error.to_string());
    }
}

fn serve_with_errors(handler: Handled) -> (Running<Tcp, Coroutine>, mpsc::Receiver<String>) {
    let (errors, seen) = mpsc::sync_channel(64);
    let builder = TcpServer::builder(handler).hooks(Errors(errors));
    (builder.bind("127.0.0.1:0").unwrap().start().unwrap(), seen)
}

// Handlers of the kind that is written every day: none of them looks whether
// the client has gone.

/// `while True: conn.sendall(conn.recv(1024))`
fn never_tests_for_the_end(conn: &mut TcpStream) -> io::Result<()> {
    loop {
        let mut data = [0; 1024];
        let count = conn.read(&mut data)?;
        conn.write_all(&data[..count])?;
    }
}

/// The end breaks the inner loop, and the outer one starts it again.
fn tests_in_the_inner_loop_only(conn: &mut TcpStream) -> io::Result<()> {
    loop {
        loop {
            let mut data = [0; 1024];
            let count = conn.read(&mut data)?;
            if count == 0 {
                break;
            }
            conn.write_all(&data[..count])?;
        }
    }
}

/// `conn.send(conn.recv(1024).upper())`, and what `send` returned is dropped.
fn sends_what_it_receives(conn: &mut TcpStream) -> io::Result<()> {
    let mut data = [0; 1024];
    loop {
        let count = conn.read(&mut data)?;
        let _ = conn.write(&data[..count].to_ascii_uppercase())?;
    }
}

/// Anything that is not `exit` is answered, and the end is not `exit`.
fn answers_whatever_comes(conn: &mut TcpStream) -> io::Result<()> {
    let mut data = [0; 1024];
    loop {
        let count = conn.read(&mut data)?;
        if data[..count] == *b"exit" {
            return Ok(());
        }
        conn.write_all(b"?")?;
    }
}

fn leaves_the_worker_to_others(handler: Handled, question: &[u8], answer: &[u8]) {
    let _alone = alone();
    let (server, errors) = serve_with_errors(handler);
    let mut gone = Vec::new();
    for _ in 0..5 {
        let mut first = client(ip(&server.address()));
        first.write_all(question).unwrap();
        expect(&mut first, answer);
        gone.push(first);
    }
    for first in &gone {
        // Not closed: what the handler still sends must not end it either.
        first.shutdown(Shutdown::Write).unwrap();
    }
    let begin = Instant::now();
    let mut second = client(ip(&server.address()));
    second.write_all(question).unwrap();
    expect(&mut second, answer);
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    for _ in 0..5 {
        let error = errors.recv_timeout(PATIENCE).expect("the handler ends");
        assert!(
            error.contains("end of the stream was read 101 times in a row"),
            "{error}"
        );
    }
}

#[test]
fn a_handler_that_never_tests_for_the_end_leaves_the_worker_to_others() {
    leaves_the_worker_to_others(never_tests_for_the_end, b"hello", b"hello");
}

#[test]
fn a_handler_with_an_inner_loop_leaves_the_worker_to_others() {
    leaves_the_worker_to_others(tests_in_the_inner_loop_only, b"hello", b"hello");
}

#[test]
fn a_handler_that_sends_what_it_receives_leaves_the_worker_to_others() {
    leaves_the_worker_to_others(sends_what_it_receives, b"hello", b"HELLO");
}

#[test]
fn a_handler_that_answers_the_end_leaves_the_worker_to_others() {
    leaves_the_worker_to_others(answers_whatever_comes, b"hello", b"?");
}

#[test]
fn others_run_between_two_reads_of_the_end() {
    let _alone = alone();
    let (mut near, far) = connection();
    drop(far);
    let turns = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&turns);
    let mut others = Background::default();
    others.repeat(0, move || {
        theirs.fetch_add(1, Ordering::Relaxed);
        runtime::yield_now();
    });
    wait_until("the others run", || turns.load(Ordering::Relaxed) > 0);
    let (before, after) = in_coroutine(move || {
        let before = turns.load(Ordering::Relaxed);
        while near.read(&mut [0; 8]).is_ok() {}
        (before, turns.load(Ordering::Relaxed))
    });
    assert!(after - before >= 50, "{} turns during 100 reads", after - before);
}

#[test]
fn the_hundred_and_first_read_of_the_end_is_an_error() {
    let _alone = alone();
    in_both(|| {
        let (mut near, far) = connection();
        drop(far);
        for read in 1..=100 {
            assert_eq!(near.read(&mut [0; 8]).unwrap(), 0, "read {read}");
        }
        let err = near.read(&mut [0; 8]).unwrap_err();
        assert_eq!(err.kind(), io::ErrorKind::UnexpectedEof);
        assert!(err.to_string().contains("when a read returns 0, stop reading"), "{err}");
    });
}

/// Runs `wait` in a coroutine, ends it with `end` once it waits, and wants the
/// coroutine to be on the same thread before and after.
fn stays(what: &str, wait: impl FnOnce() + Send + 'static, end: impl FnOnce(&Arc<Task>)) {
    let begun = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&begun);
    let coroutine = runtime::spawn(move || {
        let before = thread::current().id();
        theirs.store(true, Ordering::SeqCst);
        wait();
        (before, thread::current().id())
    });
    let coroutine = coroutine.unwrap();
    suspended(0, &begun);
    end(coroutine.task());
    let (before, after): (ThreadId, ThreadId) = joined(coroutine);
    assert_eq!(before, after, "after {what}");
}

#[test]
fn a_coroutine_keeps_its_thread_over_every_wait_for_a_socket() {
    let _alone = alone();
    let (mut near, mut far) = connection();
    let read = move || assert_eq!(near.read(&mut [0; 8]).unwrap(), 1);
    stays("a read", read, |_| far.write_all(b"x").unwrap());

    let (mut near, mut far) = connection();
    let write = move || near.write_all(&[7; 8 << 20]).unwrap();
    stays("a write", write, |_| expect(&mut far, &[7; 8 << 20]));

    let (mut near, _far) = connection();
    near.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let timeout = move || assert_eq!(wait_error(near.read(&mut [0; 8])), WaitError::Deadline);
    stays("a socket's timeout", timeout, |_| ());

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    stays(
        "an accept",
        move || drop(listener.accept().unwrap()),
        |_| drop(client(address)),
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.address().unwrap();
    stays("a connect", move || drop(TcpStream::connect(address).unwrap()), |_| ());
}

#[test]
fn a_coroutine_keeps_its_thread_over_every_timer() {
    let _alone = alone();
    let pause = Duration::from_millis(20);
    stays("a sleep", move || runtime::sleep(pause).unwrap(), |_| ());
    let event = Event::new();
    stays(
        "a wait's own limit",
        move || assert!(!event.wait_timeout(pause).unwrap()),
        |_| (),
    );
    let timeout = move || {
        let err = failure(with_timeout(pause, || runtime::sleep(PATIENCE)));
        assert_eq!(WaitError::of(&err), Some(WaitError::Timeout));
    };
    stays("a surrounding timeout", timeout, |_| ());
    stays("yield_now", || (0..100).for_each(|_| runtime::yield_now()), |_| ());
}

#[test]
fn a_coroutine_keeps_its_thread_when_a_thread_wakes_it() {
    let _alone = alone();
    let mutex = Arc::new(Mutex::new(()));
    let theirs = Arc::clone(&mutex);
    let held = mutex.lock().unwrap();
    stays(
        "a lock handed over",
        move || drop(theirs.lock().unwrap()),
        |_| drop(held),
    );

    let semaphore = Arc::new(Semaphore::new(0));
    let theirs = Arc::clone(&semaphore);
    let acquire = move || theirs.acquire().unwrap().forget();
    stays("a permit", acquire, |_| semaphore.add_permits(1));

    let event = Arc::new(Event::new());
    let theirs = Arc::clone(&event);
    stays("an event", move || theirs.wait().unwrap(), |_| event.set());

    let (sender, receiver) = channel(1);
    stays(
        "a received value",
        move || receiver.recv().unwrap(),
        |_| sender.send(()).unwrap(),
    );

    let (sender, receiver) = channel(1);
    sender.send(()).unwrap();
    stays(
        "room in a channel",
        move || sender.send(()).unwrap(),
        |_| receiver.recv().unwrap(),
    );

    let killed = || assert_eq!(wait_error(runtime::sleep(PATIENCE)), WaitError::Killed);
    stays("a kill", killed, Task::kill);
}

#[test]
fn a_coroutine_keeps_its_thread_over_results_from_elsewhere() {
    let _alone = alone();
    let offload = || {
        let there = runtime::offload(|| thread::current().id()).unwrap();
        assert_ne!(there, thread::current().id());
    };
    stays("an off-loaded call", offload, |_| ());
    stays("a look-up", || drop(runtime::resolve("localhost", 80).unwrap()), |_| ());
    let join = || joined(runtime::spawn(|| runtime::sleep(Duration::from_millis(5))).unwrap()).unwrap();
    stays("a join", join, |_| ());
}

fn wait_error<T: std::fmt::Debug>(result: io::Result<T>) -> WaitError {
    let err = failure(result);
    WaitError::of(&err).unwrap_or_else(|| panic!("{err} is no failed wait"))
}

thread_local! {
    static NOTES: RefCell<Vec<Rc<Cell<usize>>>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn thread_locals_and_rcs_live_across_waits() {
    const COROUTINES: usize = 20;
    let _alone = alone();
    let each = |index: usize| {
        move || {
            let mine = Rc::new(Cell::new(0));
            NOTES.with(|notes| notes.borrow_mut().push(Rc::clone(&mine)));
            for turn in 0..10 {
                runtime::sleep(Duration::from_millis(((index + turn) % 3) as u64)).unwrap();
                NOTES.with(|notes| notes.borrow().iter().for_each(|note| note.set(note.get() + 1)));
            }
            runtime::offload(|| ()).unwrap();
            NOTES.with(|notes| notes.borrow_mut().retain(|note| !Rc::ptr_eq(note, &mine)));
            assert_eq!(Rc::strong_count(&mine), 1);
            mine.get()
        }
    };
    let running: Vec<_> = (0..COROUTINES)
        .map(|index| runtime::spawn(each(index)).unwrap())
        .collect();
    for coroutine in running {
        assert!(joined(coroutine) >= 10);
    }
    in_coroutine(|| NOTES.with(|notes| assert!(notes.borrow().is_empty())));
}

#[test]
fn a_std_lock_is_given_back_on_the_thread_that_took_it() {
    static LOCK: std::sync::Mutex<u32> = std::sync::Mutex::new(0);
    let _alone = alone();
    in_coroutine(|| {
        let mut held = LOCK.lock().unwrap();
        runtime::sleep(Duration::from_millis(5)).unwrap();
        runtime::offload(|| ()).unwrap();
        runtime::yield_now();
        *held += 1;
    });
    assert_eq!(*LOCK.lock().unwrap(), 1);
}

/// Wants new clients to be answered in time while `background` runs.
fn fair_beside(what: &str, mut background: Background) {
    let server = serve(echo);
    best_of_three(what, FAIR, || slowest_first_answer(ip(&server.address())));
    background.end();
}

#[test]
fn coroutines_that_only_yield_starve_no_socket() {
    let _alone = alone();
    let mut yielding = Background::default();
    for _ in 0..3 {
        yielding.repeat(0, runtime::yield_now);
    }
    fair_beside("an answer beside three loops of yield_now", yielding);
}

#[test]
fn coroutines_that_wake_each_other_for_ever_starve_no_socket() {
    let _alone = alone();
    let mut playing = Background::default();
    for _ in 0..2 {
        let (ping, pinged) = channel(1);
        let (pong, ponged) = channel(1);
        ping.send(()).unwrap();
        for (from, to) in [(pinged, pong), (ponged, ping)] {
            playing.repeat(0, move || {
                if from.recv().is_ok() {
                    let _ = to.send(());
                }
            });
        }
    }
    fair_beside("an answer beside two games of ping-pong over channels", playing);
}

#[test]
fn coroutines_that_hand_a_permit_to_and_fro_starve_no_socket() {
    let _alone = alone();
    let mut playing = Background::default();
    let (mine, yours) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(0)));
    for (from, to) in [(&mine, &yours), (&yours, &mine)] {
        let (from, to) = (Arc::clone(from), Arc::clone(to));
        playing.repeat(0, move || {
            if let Ok(permit) = from.acquire() {
                permit.forget();
                to.add_permits(1);
            }
        });
    }
    fair_beside("an answer beside a permit that goes to and fro", playing);
}

#[test]
fn coroutines_that_start_their_successors_starve_no_socket() {
    fn start_another(stop: &Arc<AtomicBool>) {
        let theirs = Arc::clone(stop);
        runtime::spawn(move || {
            if !theirs.load(Ordering::Relaxed) {
                start_another(&theirs);
            }
        })
        .unwrap();
    }
    let _alone = alone();
    let chain = Background::default();
    start_another(&chain.stop_flag());
    fair_beside("an answer beside a chain of coroutines", chain);
    wait_until("the chain ends", || runtime::live_count() == 0);
}

#[test]
fn a_timer_is_on_time_beside_coroutines_that_only_yield() {
    let _alone = alone();
    let mut yielding = Background::default();
    for _ in 0..3 {
        yielding.repeat(0, runtime::yield_now);
    }
    best_of_three("a sleep of 1 ms", FAIR, || {
        in_coroutine(|| {
            let begin = Instant::now();
            runtime::sleep(Duration::from_millis(1)).unwrap();
            begin.elapsed()
        })
    });
}

#[test]
fn a_client_that_always_has_more_to_say_starves_no_other() {
    /// Takes less at a time than there always is, so that no read ever waits.
    fn sink(conn: &mut TcpStream) -> io::Result<()> {
        let mut buffer = [0; 64];
        while conn.read(&mut buffer)? > 0 {}
        Ok(())
    }
    let _alone = alone();
    let sinks = serve(sink);
    let flood = Background::default();
    let stop = flood.stop_flag();
    let mut flooding = client(ip(&sinks.address()));
    let flooder = thread::spawn(move || {
        let bytes = vec![0; 256 << 10];
        while !stop.load(Ordering::Relaxed) {
            flooding.write_all(&bytes).unwrap();
        }
    });
    wait_until("the flood is served", || sinks.handle().in_flight() == 1);
    fair_beside("an answer beside a flood", flood);
    flooder.join().unwrap();
}

#[test]
fn a_client_that_always_takes_more_starves_no_other() {
    /// Sends little at a time, so that there always is room.
    fn source(conn: &mut TcpStream) -> io::Result<()> {
        loop {
            conn.write_all(&[0; 64])?;
        }
    }
    let _alone = alone();
    let sources = serve(source);
    let flood = Background::default();
    let stop = flood.stop_flag();
    let mut thirsty = client(ip(&sources.address()));
    let drain = thread::spawn(move || {
        let mut buffer = vec![0; 256 << 10];
        while !stop.load(Ordering::Relaxed) {
            assert!(thirsty.read(&mut buffer).unwrap() > 0);
        }
    });
    wait_until("the source is served", || sources.handle().in_flight() == 1);
    fair_beside("an answer beside a client that reads without end", flood);
    drain.join().unwrap();
}

#[test]
fn a_flood_of_connections_starves_no_other() {
    let _alone = alone();
    let server = serve(echo);
    let flood = Background::default();
    let address = ip(&server.address());
    let flooders: Vec<_> = (0..2)
        .map(|_| {
            let stop = flood.stop_flag();
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let closing = client(address);
                    socket2::SockRef::from(&closing)
                        .set_linger(Some(Duration::ZERO))
                        .unwrap();
                }
            })
        })
        .collect();
    let mut staying = client(address);
    best_of_three("an answer beside new connections without end", FAIR, || {
        let begin = Instant::now();
        echoed(&mut staying, b"hello");
        begin.elapsed()
    });
    drop(flood);
    for flooder in flooders {
        flooder.join().unwrap();
    }
}
