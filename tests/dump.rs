//! Every coroutine can be seen, with what it does.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{PATIENCE, alone_with, child, client, connection, echo, echoed, in_coroutine, ip, joined, wait_until};
use greenserve::TcpServer;
use greenserve::net::{TcpListener, TcpStream, UdpSocket};
use greenserve::runtime::{
    self, Activity, Awaited, Builder, CoroutineState, DumpTo, JoinHandle, dump, dump_on_signal, dump_to,
};
use greenserve::sync::{Event, Group, Mutex, Semaphore, channel, with_timeout};

fn alone() -> std::sync::MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

fn spawn<T: Send + 'static>(name: &'static str, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().name(name).spawn(work).unwrap()
}

/// What is seen of the coroutine, once it has gone where it goes.
fn seen<T>(handle: &JoinHandle<T>, doing: impl Fn(&CoroutineState) -> bool) -> CoroutineState {
    let id = handle.task().id();
    let mut last = None;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        last = dump().find(|state| state.id == id);
        if last.as_ref().is_some_and(&doing) {
            return last.unwrap();
        }
        std::thread::yield_now();
    }
    panic!("seen last: {last:?}");
}

fn waits(what: Awaited) -> impl Fn(&CoroutineState) -> bool {
    move |state| matches!(state.activity, Activity::Waiting { what: seen, .. } if seen == what)
}

fn which(state: &CoroutineState) -> u64 {
    match state.activity {
        Activity::Waiting { which, .. } => which,
        ref other => panic!("{other:?}"),
    }
}

fn end<T>(handle: JoinHandle<T>) {
    handle.kill();
    let ended = handle.join_timeout(PATIENCE);
    assert!(ended.is_ok(), "a killed coroutine did not end");
}

/// As a dump tells addresses.
fn address<T>(of: &T) -> u64 {
    std::ptr::from_ref(of).addr() as u64 & 0xf_ffff_fff0
}

#[test]
fn waits_for_others_are_told_with_what_and_which() {
    let _alone = alone();
    let (lock, event) = (Arc::new(Mutex::new(())), Arc::new(Event::new()));
    let (permits, group) = (Arc::new(Semaphore::new(0)), Arc::new(Group::new()));
    let (sender, receiver) = channel::<()>(1);
    let guard = lock.lock().unwrap();

    let theirs = Arc::clone(&lock);
    let locker = spawn("locker", move || drop(theirs.lock()));
    let theirs = Arc::clone(&lock);
    let other = spawn("other", move || drop(theirs.lock()));
    let state = seen(&locker, waits(Awaited::Lock));
    assert_eq!(which(&state), address(&*lock));
    assert_eq!(which(&seen(&other, waits(Awaited::Lock))), which(&state));
    assert_eq!(state.name.to_string(), "locker");
    assert!(state.left.is_none() && !state.killed && state.worker < 2, "{state:?}");
    let stack = state.stack.unwrap();
    assert!((1024..=32 * 1024).contains(&stack), "{stack} bytes");

    let theirs = Arc::clone(&event);
    let waiter = spawn("waiter", move || theirs.wait_timeout(Duration::from_secs(90)));
    let state = seen(&waiter, waits(Awaited::Event));
    assert_eq!(which(&state), address(&*event));
    let left = state.left.unwrap();
    assert!((80..=90).contains(&left.as_secs()), "{left:?}");

    let acquirer = spawn("acquirer", move || drop(permits.acquire()));
    seen(&acquirer, waits(Awaited::Semaphore));
    let theirs = receiver.clone();
    let reader = spawn("reader", move || theirs.recv());
    seen(&reader, waits(Awaited::Channel));
    sender.try_send(()).unwrap();
    joined(reader).unwrap();
    sender.try_send(()).unwrap();
    let writer = spawn("writer", move || sender.send(()));
    seen(&writer, waits(Awaited::Channel));

    let member = Arc::clone(&event);
    group.spawn(move || member.wait()).unwrap();
    let theirs = Arc::clone(&group);
    let parent = spawn("parent", move || theirs.join());
    seen(&parent, waits(Awaited::Group));

    let joined_id = u64::from(locker.task().id() as u32);
    let joiner = spawn("joiner", move || locker.join().is_ok());
    assert_eq!(which(&seen(&joiner, waits(Awaited::Coroutine))), joined_id);

    let hold = Arc::new(AtomicBool::new(true));
    let theirs = Arc::clone(&hold);
    let caller = spawn("caller", move || {
        runtime::offload(move || {
            while theirs.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
        })
    });
    seen(&caller, waits(Awaited::Call));
    hold.store(false, Ordering::SeqCst);
    joined(caller).unwrap();

    drop(guard);
    event.set();
    assert!(joined(joiner));
    joined(other);
    joined(waiter).unwrap();
    end(acquirer);
    end(writer);
    end(parent);
}

#[test]
fn waits_for_descriptors_are_told_with_number_and_peer() {
    let _alone = alone();
    let (mut near, far) = connection();
    let peer = near.peer_addr().unwrap().to_string();
    let reader = spawn("reader", move || near.read(&mut [0]));
    let state = seen(&reader, |state| matches!(state.activity, Activity::Reading(_)));
    let Activity::Reading(descriptor) = &state.activity else {
        unreachable!()
    };
    assert_eq!(descriptor.address.as_deref(), Some(&*peer));
    assert!(descriptor.number > 2);
    let line = state.to_string();
    let part = format!(
        "'reader' on worker {} reads descriptor {} ({peer})",
        state.worker, descriptor.number
    );
    assert!(line.contains(&part), "{line}");
    drop(far);
    joined(reader).unwrap();

    let (near, mut far) = connection();
    let writer = spawn("writer", move || {
        use std::io::Write;
        (&near).write_all(&vec![0; 64 << 20])
    });
    seen(&writer, |state| matches!(state.activity, Activity::Writing(_)));
    far.read_exact(&mut [0]).unwrap();
    end(writer);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let acceptor = spawn("acceptor", move || listener.accept().map(drop));
    let state = seen(&acceptor, |state| matches!(state.activity, Activity::Accepting(_)));
    let Activity::Accepting(descriptor) = state.activity else {
        unreachable!()
    };
    assert_eq!(descriptor.address.as_deref(), Some(&*at));
    end(acceptor);

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let receiver = spawn("receiver", move || socket.recv(&mut [0]).map(drop));
    let state = seen(&receiver, |state| matches!(state.activity, Activity::Reading(_)));
    let Activity::Reading(descriptor) = state.activity else {
        unreachable!()
    };
    assert_eq!(descriptor.address, None);
    end(receiver);
}

#[test]
fn sleeps_turns_and_work_are_told() {
    let _alone = alone();
    let begin = Instant::now();
    let sleeper = spawn("sleeper", || {
        with_timeout(Duration::from_secs(50), || runtime::sleep(Duration::MAX))
    });
    let state = seen(&sleeper, |state| state.activity == Activity::Sleeping);
    assert!(state.left.unwrap() <= Duration::from_secs(50));
    let waited = |state: &CoroutineState| state.waited.is_some_and(|waited| waited >= Duration::from_millis(60));
    seen(&sleeper, waited);
    assert!(begin.elapsed() >= Duration::from_millis(40), "the time is not right");
    sleeper.kill();
    joined(sleeper).unwrap_err();

    let stop = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stop);
    let worker = spawn("worker", move || common::compute(PATIENCE, &theirs));
    let state = seen(&worker, |state| state.activity == Activity::Running);
    assert!(
        state.waited.is_none() && state.stack.is_none() && state.left.is_none(),
        "{state:?}"
    );
    stop.store(true, Ordering::SeqCst);
    joined(worker);

    let stop = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stop);
    let polite = spawn("polite", move || {
        while !theirs.load(Ordering::SeqCst) {
            runtime::yield_now();
        }
    });
    seen(&polite, |state| state.activity == Activity::Ready);
    stop.store(true, Ordering::SeqCst);
    joined(polite);
}

#[test]
fn a_killed_coroutine_is_shown_as_such() {
    let _alone = alone();
    let stop = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&stop);
    let stubborn = spawn("stubborn", move || common::compute(PATIENCE, &theirs));
    stubborn.kill();
    // One that was killed before it began never runs.
    if !stubborn.is_finished() {
        wait_until("it is shown, or has never run", || {
            stubborn.is_finished() || dump().any(|state| state.id == stubborn.task().id() && state.killed)
        });
    }
    stop.store(true, Ordering::SeqCst);
}

#[inline(never)]
fn innermost(event: &Event) -> bool {
    event.wait().is_ok()
}

#[inline(never)]
fn outer(event: &Event) -> u32 {
    u32::from(innermost(event)) + 1
}

#[inline(never)]
fn reads_the_socket(mut stream: TcpStream) -> usize {
    stream.read(&mut [0]).unwrap()
}

fn traced(id: u64) -> Vec<String> {
    let mut all = dump().with_backtraces(PATIENCE);
    let state = all.find(|state| state.id == id).unwrap();
    state
        .trace
        .map_or(Vec::new(), |trace| trace.functions().map(str::to_owned).collect())
}

fn has(calls: &[String], name: &str) -> bool {
    calls.iter().any(|call| call.contains(name))
}

fn backtraces_of_all() {
    let event = Arc::new(Event::new());
    let theirs = Arc::clone(&event);
    let waiter = spawn("waiter", move || outer(&theirs));
    seen(&waiter, waits(Awaited::Event));
    let (near, far) = connection();
    let reader = spawn("reader", move || reads_the_socket(near));
    seen(&reader, |state| matches!(state.activity, Activity::Reading(_)));

    let calls = traced(waiter.task().id());
    let at = |name: &str| calls.iter().position(|call| call.contains(name));
    assert!(at("innermost").is_some() && at("innermost") < at("outer"), "{calls:#?}");
    let calls = traced(reader.task().id());
    assert!(has(&calls, "reads_the_socket"), "{calls:#?}");

    // Nobody noticed.
    assert!(!waiter.is_finished() && !reader.is_finished());
    event.set();
    assert_eq!(joined(waiter), 2);
    drop(far);
    assert_eq!(joined(reader), 0);
}

#[test]
fn each_coroutine_tells_where_it_waits_when_it_is_asked() {
    let _alone = alone();
    common::in_both(backtraces_of_all);
}

/// Tells at its end who ran it.
struct Last(Arc<std::sync::Mutex<Option<Arc<runtime::Task>>>>);

impl std::fmt::Display for Last {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("last")
    }
}

impl Drop for Last {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = Some(runtime::Task::current());
    }
}

#[test]
fn a_name_that_goes_with_its_coroutine_does_not_find_it() {
    let _alone = alone();
    let told = Arc::new(std::sync::Mutex::new(None));
    let name = runtime::Name::Shared(Arc::new(Last(Arc::clone(&told))));
    let go = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&go);
    let handle = Builder::new().name(name).spawn(move || {
        while !theirs.load(Ordering::SeqCst) {
            runtime::yield_now();
        }
    });
    // Nobody else keeps it: it goes at its coroutine's end.
    drop(handle.unwrap());
    go.store(true, Ordering::SeqCst);
    wait_until("its end", || told.lock().unwrap().is_some());
    let last = told.lock().unwrap().take().unwrap();
    assert!(!last.is_coroutine(), "{last:?} was going");
}

#[test]
fn who_makes_the_dump_is_in_it() {
    let _alone = alone();
    let calls = in_coroutine(|| traced(runtime::Task::current().id()));
    assert!(has(&calls, "traced"), "{calls:#?}");
}

#[test]
fn who_computes_is_not_waited_for() {
    let _alone = alone();
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicBool::new(false));
    let (theirs, begins) = (Arc::clone(&stop), Arc::clone(&begun));
    let builder = Builder::new().name("behind").worker(0);
    let behind = builder.spawn(|| Event::new().wait()).unwrap();
    seen(&behind, waits(Awaited::Event));
    let worker = Builder::new().worker(0).spawn(move || {
        begins.store(true, Ordering::SeqCst);
        common::compute(PATIENCE, &theirs);
    });
    wait_until("it computes", || begun.load(Ordering::SeqCst));
    let begin = Instant::now();
    let states: Vec<_> = dump().with_backtraces(Duration::from_secs(5)).collect();
    let took = begin.elapsed();
    let state = states.iter().find(|state| state.id == behind.task().id()).unwrap();
    assert!(state.trace.is_none());
    assert!(took < Duration::from_secs(3), "{took:?}");
    stop.store(true, Ordering::SeqCst);
    joined(worker.unwrap());
    end(behind);
}

#[test]
fn a_hundred_thousand_coroutines_do_not_stop_the_service() {
    const TEST: &str = "a_hundred_thousand_coroutines_do_not_stop_the_service";
    if !child::is_child(TEST) {
        child::run(TEST, 8 * PATIENCE).passed();
        return;
    }
    runtime::configure(common::workers(2)).unwrap();
    runtime::start().unwrap();
    let room = runtime::capacity().coroutines.saturating_sub(1000);
    let count = room.min(100_000);
    let event = Arc::new(Event::new());
    let all: Vec<_> = (0..count)
        .map(|_| {
            let event = Arc::clone(&event);
            runtime::spawn(move || event.wait()).unwrap()
        })
        .collect();
    wait_until("all wait", || runtime::tasks().len() == count);
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
    let mut one = client(ip(&server.address()));
    echoed(&mut one, b"hello");

    let done = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&done);
    let dumper = std::thread::spawn(move || {
        let mut text = Vec::new();
        dump_to(&mut text).unwrap();
        let traced = dump()
            .with_backtraces(PATIENCE)
            .filter(|state| state.trace.is_some())
            .count();
        // In a coroutine too, where it shares a worker.
        let counted = in_coroutine(|| dump().count());
        theirs.store(true, Ordering::SeqCst);
        (text, traced, counted)
    });
    let mut times = Vec::new();
    while !done.load(Ordering::SeqCst) {
        let begin = Instant::now();
        echoed(&mut one, b"hello");
        times.push(begin.elapsed());
    }
    let (text, traced, counted) = dumper.join().unwrap();
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    assert!(lines >= count, "{lines} lines for {count} coroutines");
    assert!(counted >= count, "{counted} of {count}");
    assert!(traced > 0, "none told where it waits");
    times.sort();
    let (median, slow) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    assert!(times.len() > 100, "{times:?}");
    assert!(median < Duration::from_millis(10), "median {median:?}, p99 {slow:?}");
    assert!(slow < Duration::from_millis(100), "median {median:?}, p99 {slow:?}");
    event.set();
    drop(all);
}

#[test]
#[allow(unsafe_code, reason = "a signal to this very process")]
fn a_signal_writes_the_dump_to_a_file() {
    let _alone = alone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("coroutines");
    let dumps = dump_on_signal(libc::SIGUSR1, DumpTo::File(path.clone()), Some(PATIENCE)).unwrap();
    let event = Arc::new(Event::new());
    let theirs = Arc::clone(&event);
    let waiter = spawn("to be found", move || outer(&theirs));
    seen(&waiter, waits(Awaited::Event));
    let send = || {
        // SAFETY: it goes to this process, which handles it.
        let sent = unsafe { libc::kill(std::process::id().cast_signed(), libc::SIGUSR1) };
        assert_eq!(sent, 0);
    };
    let text = || std::fs::read_to_string(&path).unwrap_or_default();
    send();
    wait_until("the dump", || text().contains("end of "));
    let first = text();
    for part in ["'to be found'", "waits for event", "innermost", "greenserve, process"] {
        assert!(first.contains(part), "without {part}: {first}");
    }
    send();
    wait_until("another dump", || text().matches("end of ").count() == 2);
    drop(dumps);
    // It does nothing now: above all, it ends nobody.
    send();
    event.set();
    joined(waiter);
    let refused = dump_on_signal(libc::SIGKILL, DumpTo::Stderr, None);
    assert!(refused.unwrap_err().to_string().contains("SIGUSR1"));
}
