//! Every wait can be ended: by its own limit, by a timeout around it, by a
//! kill. It then returns an error that says which, and nothing unwinds.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, IoSlice, Read, Write};
use std::os::unix::net::UnixStream as SystemUnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use common::{
    PATIENCE, alone_with, best_of_three, client, connection, expect, failure, in_both, in_coroutine, in_thread, joined,
    killed, pattern, suspended,
};
use greenserve::WaitError;
use greenserve::net::{SocketOptions, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use greenserve::runtime::{self, Builder, JoinHandle, SharedJoinHandle};
use greenserve::sync::{
    AsyncResult, Event, Group, Mutex, Pool, Semaphore, Waitable, channel, try_join_all_timeout, wait_all,
    wait_all_timeout, wait_any, wait_any_timeout, with_timeout,
};
use nix::time::{ClockId, clock_gettime};

fn alone() -> MutexGuard<'static, ()> {
    alone_with(common::workers(2))
}

const SHORT: Duration = Duration::from_millis(30);

/// Something that waits for ever, unless it is given a limit.
struct Wait {
    name: &'static str,
    run: fn(Option<Duration>) -> io::Result<()>,
    /// Whether it takes a limit of its own.
    limited: bool,
    /// Whether it waits in a thread too.
    in_threads: bool,
}

const fn wait(name: &'static str, run: fn(Option<Duration>) -> io::Result<()>) -> Wait {
    Wait {
        name,
        run,
        limited: true,
        in_threads: true,
    }
}

impl Wait {
    const fn without_limit(mut self) -> Wait {
        self.limited = false;
        self
    }

    const fn in_coroutines_only(mut self) -> Wait {
        self.in_threads = false;
        self
    }
}

const WAITS: &[Wait] = &[
    wait("read", read),
    wait("peek", peek),
    wait("write", write),
    wait("a large write", write_much),
    wait("vectored write", write_vectored),
    wait("Unix read", read_unix),
    wait("Unix write", write_unix),
    wait("a read with a deadline", read_until),
    wait("a read bounded as a whole", read_whole),
    wait("a write bounded as a whole", write_whole),
    wait("accept", accept),
    wait("accept with a limit", accept_within),
    wait("Unix accept", accept_unix),
    wait("connect", connect),
    wait("Unix connect", connect_unix),
    wait("UDP receive", receive),
    wait("UDP peek", peek_datagram),
    wait("Unix datagram receive", receive_unix),
    wait("Unix datagram send", send_unix),
    wait("Unix datagram send to an address", send_unix_to),
    wait("sleep", sleep).without_limit(),
    wait("lock", lock),
    wait("semaphore", acquire),
    wait("event", event),
    wait("channel receive", channel_receive),
    wait("channel send", channel_send),
    wait("join", join),
    wait("group join", group_join),
    wait("shared join", shared_join),
    wait("join of all", joining_all),
    wait("asynchronous result", async_result),
    wait("wait for any", any_of_several),
    wait("wait for all", all_of_several),
    wait("mapped result", mapped).without_limit(),
    wait("applied call", applied).without_limit(),
    wait("off-load", offload).without_limit().in_coroutines_only(),
];

fn read(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = connection();
    near.set_read_timeout(limit)?;
    near.read(&mut [0]).map(drop)
}

fn peek(limit: Option<Duration>) -> io::Result<()> {
    let (near, _far) = connection();
    near.set_read_timeout(limit)?;
    near.peek(&mut [0]).map(drop)
}

fn write(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = connection();
    near.set_write_timeout(limit)?;
    loop {
        near.write_all(&[0; 1000])?;
    }
}

fn write_much(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = connection();
    near.set_write_timeout(limit)?;
    near.write_all(&vec![0; 64 << 20])
}

fn write_vectored(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = connection();
    near.set_write_timeout(limit)?;
    let part = vec![0; 1 << 20];
    loop {
        let _ = near.write_vectored(&[IoSlice::new(&part), IoSlice::new(&part)])?;
    }
}

fn read_unix(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = UnixStream::pair()?;
    near.set_read_timeout(limit)?;
    near.read(&mut [0]).map(drop)
}

fn write_unix(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = UnixStream::pair()?;
    near.set_write_timeout(limit)?;
    near.write_all(&vec![0; 64 << 20])
}

fn read_until(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = UnixStream::pair()?;
    near.set_deadline(limit.map(|limit| Instant::now() + limit));
    near.read_exact(&mut [0; 8])
}

fn read_whole(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = UnixStream::pair()?;
    near.set_timeout(limit)?;
    near.read_exact(&mut [0; 8])
}

fn write_whole(limit: Option<Duration>) -> io::Result<()> {
    let (mut near, _far) = UnixStream::pair()?;
    near.set_timeout(limit)?;
    near.write_all(&vec![0; 16 << 20])
}

fn accept_within(limit: Option<Duration>) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    match limit {
        Some(limit) => listener.accept_timeout(limit).map(drop),
        None => listener.accept().map(drop),
    }
}

fn accept(limit: Option<Duration>) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_accept_timeout(limit)?;
    listener.accept().map(drop)
}

fn accept_unix(limit: Option<Duration>) -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let listener = UnixListener::bind(directory.path().join("socket")).unwrap();
    listener.set_accept_timeout(limit)?;
    listener.accept().map(drop)
}

fn connect(limit: Option<Duration>) -> io::Result<()> {
    /// A listener that nobody accepts from and whose queue is full.
    static FULL: LazyLock<(TcpListener, Vec<std::net::TcpStream>)> = LazyLock::new(|| {
        let listener = TcpListener::bind_with("127.0.0.1:0", &SocketOptions::new().backlog(1)).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let queued = std::iter::from_fn(connect).collect();
        (listener, queued)
    });
    let address = FULL.0.local_addr()?;
    match limit {
        Some(limit) => TcpStream::connect_timeout(address, limit).map(drop),
        None => TcpStream::connect(address).map(drop),
    }
}

fn connect_unix(limit: Option<Duration>) -> io::Result<()> {
    static FULL: LazyLock<(UnixListener, Vec<SystemUnixStream>, tempfile::TempDir)> = LazyLock::new(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind_with(path.as_path(), &SocketOptions::new().backlog(1)).unwrap();
        let connect = || {
            let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).ok()?;
            socket.set_nonblocking(true).ok()?;
            socket.connect(&socket2::SockAddr::unix(&path).ok()?).ok()?;
            Some(SystemUnixStream::from(socket))
        };
        let queued = std::iter::from_fn(connect).collect();
        (listener, queued, directory)
    });
    let path = FULL.2.path().join("socket");
    match limit {
        Some(limit) => UnixStream::connect_timeout(path, limit).map(drop),
        None => UnixStream::connect(path).map(drop),
    }
}

fn receive(limit: Option<Duration>) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(limit)?;
    socket.receive(&mut [0]).map(drop)
}

fn peek_datagram(limit: Option<Duration>) -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(limit)?;
    socket.peek(&mut [0]).map(drop)
}

fn receive_unix(limit: Option<Duration>) -> io::Result<()> {
    let (near, _far) = UnixDatagram::pair()?;
    near.set_read_timeout(limit)?;
    near.recv(&mut [0]).map(drop)
}

fn send_unix(limit: Option<Duration>) -> io::Result<()> {
    let (near, _far) = UnixDatagram::pair()?;
    near.set_write_timeout(limit)?;
    loop {
        near.send(b"x")?;
    }
}

fn send_unix_to(limit: Option<Duration>) -> io::Result<()> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("socket");
    let _full = UnixDatagram::bind(path.as_path()).unwrap();
    let near = UnixDatagram::unbound()?;
    near.set_write_timeout(limit)?;
    loop {
        near.send_to(b"x", greenserve::net::Peer::Unix(path.clone()))?;
    }
}

fn sleep(_: Option<Duration>) -> io::Result<()> {
    runtime::sleep(Duration::from_secs(3600))
}

fn lock(limit: Option<Duration>) -> io::Result<()> {
    let lock = Mutex::new(());
    let _held = lock.try_lock().unwrap();
    match limit {
        Some(limit) => lock.lock_timeout(limit).map(drop),
        None => lock.lock().map(drop),
    }
}

fn acquire(limit: Option<Duration>) -> io::Result<()> {
    let none = Semaphore::new(0);
    match limit {
        Some(limit) => none.acquire_timeout(limit).map(drop),
        None => none.acquire().map(drop),
    }
}

fn event(limit: Option<Duration>) -> io::Result<()> {
    let never = Event::new();
    match limit {
        Some(limit) if never.wait_timeout(limit)? => Ok(()),
        Some(_) => Err(WaitError::Deadline.into()),
        None => never.wait(),
    }
}

fn channel_receive(limit: Option<Duration>) -> io::Result<()> {
    let (_sender, receiver) = channel::<()>(1);
    match limit {
        Some(limit) => receiver.recv_timeout(limit)?,
        None => receiver.recv()?,
    }
    Ok(())
}

fn channel_send(limit: Option<Duration>) -> io::Result<()> {
    let (sender, _receiver) = channel(1);
    sender.try_send(())?;
    match limit {
        Some(limit) => sender.send_timeout((), limit)?,
        None => sender.send(())?,
    }
    Ok(())
}

fn sleeper() -> JoinHandle<io::Result<()>> {
    runtime::spawn(|| sleep(None)).unwrap()
}

fn join(limit: Option<Duration>) -> io::Result<()> {
    match sleeper().join_timeout(limit.unwrap_or(Duration::MAX)) {
        Ok(_) => Ok(()),
        Err((sleeper, why)) => {
            sleeper.kill();
            Err(why.into())
        }
    }
}

fn group_join(limit: Option<Duration>) -> io::Result<()> {
    let group = Group::new().kill_on_drop(true);
    group.spawn(|| sleep(None)).unwrap();
    match limit {
        None => Ok(group.join()?),
        Some(limit) => match group.join_timeout(limit) {
            Err(greenserve::Error::Elapsed { .. }) => Err(WaitError::Deadline.into()),
            other => Ok(other?),
        },
    }
}

fn shared_join(limit: Option<Duration>) -> io::Result<()> {
    let sleeper = KilledOnDrop(sleeper().share());
    let slept = sleeper.0.join_timeout(limit.unwrap_or(Duration::MAX))?;
    slept.map(drop).map_err(|err| io::Error::other(err.to_string()))
}

struct KilledOnDrop(SharedJoinHandle<io::Result<()>>);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.0.kill();
    }
}

fn joining_all(limit: Option<Duration>) -> io::Result<()> {
    let sleeper = sleeper();
    let task = Arc::clone(sleeper.task());
    let joined = try_join_all_timeout([sleeper], limit.unwrap_or(Duration::MAX));
    task.kill();
    Ok(joined.map(drop)?)
}

fn async_result(limit: Option<Duration>) -> io::Result<()> {
    let never = AsyncResult::<(), io::Error>::new();
    let set = match limit {
        Some(limit) => never.get_timeout(limit)?,
        None => never.get()?,
    };
    set.map(drop).map_err(|err| io::Error::other(err.to_string()))
}

fn any_of_several(limit: Option<Duration>) -> io::Result<()> {
    let (never, sleeper) = (Event::new(), KilledOnDrop(sleeper().share()));
    let (_sender, receiver) = channel::<()>(1);
    let objects: [&dyn Waitable; 3] = [&never, &receiver, &sleeper.0];
    match limit {
        Some(limit) => wait_any_timeout(&objects, limit)?,
        None => wait_any(&objects)?,
    };
    Ok(())
}

fn all_of_several(limit: Option<Duration>) -> io::Result<()> {
    let (never, come) = (Event::new(), Event::new());
    come.set();
    match limit {
        Some(limit) => wait_all_timeout(&[&come, &never], limit)?,
        None => wait_all(&[&come, &never])?,
    }
    Ok(())
}

fn mapped(_: Option<Duration>) -> io::Result<()> {
    let pool = Pool::new(1).unwrap();
    match pool.imap([()], |()| sleep(None)).next() {
        Some(result) => result?,
        None => panic!("there is an input"),
    }
}

fn applied(_: Option<Duration>) -> io::Result<()> {
    Pool::new(1).unwrap().apply(|| sleep(None))?
}

fn offload(_: Option<Duration>) -> io::Result<()> {
    let (_until_dropped, end) = mpsc::channel::<()>();
    runtime::offload(move || end.recv()).map(|_| ())
}

#[track_caller]
fn ended_with(wait: &Wait, ended: io::Result<()>, why: WaitError) {
    let err = failure(ended);
    assert_eq!(WaitError::of(&err), Some(why), "{}: {err}", wait.name);
    assert_eq!(err.kind(), why.kind(), "{}: {err}", wait.name);
}

/// Starts each wait in a coroutine of worker 0 and returns when all do wait.
fn all_waiting() -> Vec<(&'static Wait, JoinHandle<io::Result<()>>)> {
    let start = |wait: &'static Wait| {
        let begun = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&begun);
        let waiting = Builder::new().name(wait.name).worker(0).spawn(move || {
            theirs.store(true, Ordering::SeqCst);
            (wait.run)(None)
        });
        suspended(0, &begun);
        (wait, waiting.unwrap())
    };
    WAITS.iter().map(start).collect()
}

#[test]
fn a_kill_ends_every_wait() {
    let _alone = alone();
    for (wait, waiting) in all_waiting() {
        assert!(!waiting.is_finished(), "{} does not wait", wait.name);
        waiting.kill();
        ended_with(wait, joined(waiting), WaitError::Killed);
    }
}

#[test]
fn a_kill_before_a_wait_ends_it_too() {
    let _alone = alone();
    for wait in WAITS {
        let (killed, go_on) = mpsc::sync_channel(1);
        let (told, begun) = mpsc::sync_channel(1);
        let waiting = runtime::spawn(move || {
            told.send(()).unwrap();
            go_on.recv().unwrap();
            (wait.run)(None)
        });
        let waiting = waiting.unwrap();
        begun.recv_timeout(common::PATIENCE).unwrap();
        waiting.kill();
        killed.send(()).unwrap();
        ended_with(wait, joined(waiting), WaitError::Killed);
    }
}

#[test]
fn a_kill_at_any_moment_is_noticed() {
    let _alone = alone();
    for round in 0..2000_u32 {
        let waiting = Builder::new().worker(round as usize).spawn(move || -> io::Result<()> {
            let (mut near, mut far) = UnixStream::pair()?;
            let none = Semaphore::new(0);
            loop {
                near.write_all(b"x")?;
                far.read_exact(&mut [0])?;
                near.set_read_timeout(Some(Duration::from_micros(200)))?;
                match near.read(&mut [0]) {
                    Err(err) if WaitError::of(&err) == Some(WaitError::Deadline) => {}
                    other => drop(other?),
                }
                match none.acquire_timeout(Duration::from_micros(100)) {
                    Err(err) if WaitError::of(&err) == Some(WaitError::Deadline) => {}
                    other => drop(other?),
                }
                runtime::sleep(Duration::from_micros(50))?;
            }
        });
        let waiting = waiting.unwrap();
        spin(round * 311 % 1000);
        waiting.kill();
        assert_eq!(WaitError::of(&killed(waiting)), Some(WaitError::Killed));
    }
}

fn spin(micros: u32) {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(micros.into()) {
        std::hint::spin_loop();
    }
}

#[test]
fn after_a_kill_every_later_wait_fails_too() {
    let _alone = alone();
    let killed = sleeper_then(|| WAITS.iter().map(|wait| (wait, (wait.run)(None))).collect::<Vec<_>>());
    for (wait, ended) in killed {
        ended_with(wait, ended, WaitError::Killed);
    }
}

/// What `then` returns in a coroutine that has just been killed in its sleep.
fn sleeper_then<T: Send + 'static>(then: fn() -> T) -> T {
    let begun = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&begun);
    let sleeper = Builder::new().worker(0).spawn(move || {
        theirs.store(true, Ordering::SeqCst);
        failure(sleep(None));
        then()
    });
    let sleeper = sleeper.unwrap();
    suspended(0, &begun);
    sleeper.kill();
    joined(sleeper)
}

/// Runs a wait that is to end after [`SHORT`].
fn ends_in_time(wait: &'static Wait, run: fn(&Wait) -> io::Result<()>, why: WaitError) {
    let begin = Instant::now();
    let ended = run(wait);
    let took = begin.elapsed();
    ended_with(wait, ended, why);
    assert!(took >= SHORT, "{} ended after {took:?} already", wait.name);
    assert!(
        took < SHORT + Duration::from_secs(2),
        "{} ended after {took:?}",
        wait.name
    );
}

fn with_own_limit(wait: &Wait) -> io::Result<()> {
    (wait.run)(Some(SHORT))
}

fn with_timeout_around(wait: &Wait) -> io::Result<()> {
    with_timeout(SHORT, || (wait.run)(None))
}

/// Those to be tested, after what they share has been set up.
fn prepared(test: impl Fn(&Wait) -> bool) -> Vec<&'static Wait> {
    for wait in [connect, connect_unix] {
        failure(in_coroutine(move || with_timeout(Duration::ZERO, || wait(None))));
    }
    WAITS.iter().filter(|wait| test(wait)).collect()
}

#[test]
fn its_own_limit_ends_every_wait_of_a_coroutine() {
    let _alone = alone();
    for wait in prepared(|wait| wait.limited) {
        in_coroutine(move || ends_in_time(wait, with_own_limit, WaitError::Deadline));
    }
}

#[test]
fn its_own_limit_ends_every_wait_of_a_thread() {
    let _alone = alone();
    for wait in prepared(|wait| wait.limited && wait.in_threads) {
        in_thread(wait.name, move || {
            ends_in_time(wait, with_own_limit, WaitError::Deadline);
        });
    }
}

#[test]
fn a_timeout_around_ends_every_wait_of_a_coroutine() {
    let _alone = alone();
    for wait in prepared(|_| true) {
        in_coroutine(move || ends_in_time(wait, with_timeout_around, WaitError::Timeout));
    }
}

#[test]
fn a_timeout_around_ends_every_wait_of_a_thread() {
    let _alone = alone();
    for wait in prepared(|wait| wait.in_threads) {
        in_thread(wait.name, move || {
            ends_in_time(wait, with_timeout_around, WaitError::Timeout);
        });
    }
}

/// The processor time that `wait` takes to wait, measured by `clock`.
fn cost(wait: &Wait, clock: ClockId) -> Duration {
    let limit = Duration::from_millis(100);
    let end = |limit| failure(with_timeout(limit, || (wait.run)(None)));
    end(Duration::from_millis(1));
    let begin = clock_gettime(clock).unwrap();
    end(limit);
    Duration::from(clock_gettime(clock).unwrap() - begin)
}

#[track_caller]
fn costs_nothing(wait: &Wait, measure: impl FnMut() -> Duration) {
    let what = format!("the processor's share of a wait of 100 ms ({})", wait.name);
    best_of_three(&what, Duration::from_millis(30), measure);
}

#[test]
fn a_wait_costs_a_thread_nothing() {
    let _alone = alone();
    for wait in prepared(|wait| wait.in_threads) {
        costs_nothing(wait, || {
            in_thread(wait.name, || cost(wait, ClockId::CLOCK_THREAD_CPUTIME_ID))
        });
    }
}

#[test]
fn a_wait_of_a_coroutine_costs_the_process_nothing() {
    let _alone = alone();
    for wait in prepared(|_| true) {
        costs_nothing(wait, || in_coroutine(|| cost(wait, ClockId::CLOCK_PROCESS_CPUTIME_ID)));
    }
}

/// Writes its name down when dropped, which must not be by a panic.
struct Dropped(&'static str, Arc<std::sync::Mutex<Vec<&'static str>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let how = if thread::panicking() { "unwound" } else { self.0 };
        self.1.lock().unwrap().push(how);
    }
}

#[test]
fn a_killed_coroutine_returns_through_its_callers_and_unwinds_nothing() {
    fn called(wait: &Wait, order: &Arc<std::sync::Mutex<Vec<&'static str>>>) -> io::Result<()> {
        let _second = Dropped("callee's first", Arc::clone(order));
        let _third = Dropped("callee's second", Arc::clone(order));
        (wait.run)(None)?;
        panic!("{} did not fail", wait.name)
    }
    let _alone = alone();
    for wait in WAITS {
        let order = Arc::<std::sync::Mutex<Vec<_>>>::default();
        let theirs = Arc::clone(&order);
        let begun = Arc::new(AtomicBool::new(false));
        let beginning = Arc::clone(&begun);
        let waiting = Builder::new().worker(0).spawn(move || -> io::Result<()> {
            let _first = Dropped("caller's", Arc::clone(&theirs));
            beginning.store(true, Ordering::SeqCst);
            called(wait, &theirs)?;
            Ok(())
        });
        let waiting = waiting.unwrap();
        suspended(0, &begun);
        waiting.kill();
        ended_with(wait, joined(waiting), WaitError::Killed);
        let order = order.lock().unwrap();
        assert_eq!(
            *order,
            ["callee's second", "callee's first", "caller's"],
            "{}",
            wait.name
        );
    }
}

/// Waits while it is dropped.
struct WaitsInDrop<'a>(&'a Wait, &'a mut Option<io::Result<()>>);

impl Drop for WaitsInDrop<'_> {
    fn drop(&mut self) {
        *self.1 = Some((self.0.run)(Some(SHORT)));
    }
}

/// What `wait` returned while a panic unwound the caller.
fn during_a_panic(wait: &Wait) -> io::Result<()> {
    let mut ended = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _waits = WaitsInDrop(wait, &mut ended);
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    failure(panicked);
    ended.unwrap()
}

#[test]
fn a_wait_while_a_panic_unwinds_a_coroutine_fails_rather_than_switch() {
    let _alone = alone();
    for wait in prepared(|_| true) {
        in_coroutine(move || {
            let before = thread::current().id();
            ended_with(wait, during_a_panic(wait), WaitError::Unwinding);
            assert_eq!(thread::current().id(), before);
        });
    }
}

#[test]
fn yield_now_while_a_panic_unwinds_a_coroutine_returns_at_once() {
    struct Yields;
    impl Drop for Yields {
        fn drop(&mut self) {
            runtime::yield_now();
        }
    }
    let _alone = alone();
    in_coroutine(|| {
        let panicked = catch_unwind(|| {
            let _yields = Yields;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        failure(panicked);
        runtime::sleep(SHORT).unwrap();
    });
}

#[test]
fn a_thread_may_wait_while_a_panic_unwinds_it() {
    let _alone = alone();
    for wait in prepared(|wait| wait.limited && wait.in_threads) {
        in_thread(wait.name, move || {
            ended_with(wait, during_a_panic(wait), WaitError::Deadline);
        });
    }
}

#[test]
fn after_a_caught_panic_a_coroutine_waits_as_before() {
    let _alone = alone();
    in_coroutine(|| {
        failure(during_a_panic(&WAITS[0]));
        runtime::sleep(SHORT).unwrap();
        runtime::offload(|| ()).unwrap();
    });
}

#[test]
fn a_second_coroutine_that_waits_for_the_same_socket_is_told_so() {
    let _alone = alone();
    let (near, mut far) = connection();
    let near = Arc::new(near);
    let (ended, ends) = mpsc::channel();
    for _ in 0..2 {
        let (near, ended) = (Arc::clone(&near), ended.clone());
        runtime::spawn(move || ended.send((&*near).read(&mut [0; 8])).unwrap()).unwrap();
    }
    let refused = failure(ends.recv_timeout(PATIENCE).unwrap());
    assert_eq!(WaitError::of(&refused), Some(WaitError::Busy));
    assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy);
    far.write_all(b"hello").unwrap();
    let served = ends.recv_timeout(PATIENCE).unwrap();
    assert_eq!(served.unwrap(), 5);
}

#[test]
fn a_clone_reads_while_the_other_writes() {
    const LENGTH: usize = 8 << 20;
    let _alone = alone();
    in_both(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = client(listener.local_addr().unwrap());
        let (mut reader, _) = listener.accept().unwrap();
        let mut writer = reader.try_clone().unwrap();
        let (mut far_reader, mut far_writer) = (far.try_clone().unwrap(), far);
        let far_ends = [
            thread::spawn(move || expect(&mut far_reader, &pattern(1, LENGTH))),
            thread::spawn(move || far_writer.write_all(&pattern(2, LENGTH)).unwrap()),
        ];
        let write = move || writer.write_all(&pattern(1, LENGTH)).unwrap();
        if runtime::in_coroutine() {
            let writing = runtime::spawn(write).unwrap();
            expect(&mut reader, &pattern(2, LENGTH));
            joined(writing);
        } else {
            let writing = thread::spawn(write);
            expect(&mut reader, &pattern(2, LENGTH));
            writing.join().unwrap();
        }
        far_ends.into_iter().for_each(|end| end.join().unwrap());
    });
}

#[test]
fn a_killed_reader_leaves_its_clone_to_work() {
    let _alone = alone();
    let (mut reader, mut far) = connection();
    let mut writer = reader.try_clone().unwrap();
    let begun = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&begun);
    let reading = Builder::new().worker(0).spawn(move || {
        told.store(true, Ordering::SeqCst);
        reader.read(&mut [0])
    });
    let reading = reading.unwrap();
    suspended(0, &begun);
    reading.kill();
    failure(joined(reading));
    in_coroutine(move || {
        writer.write_all(b"hello").unwrap();
        drop(writer);
    });
    expect(&mut far, b"hello");
}
