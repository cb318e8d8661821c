//! A worker that does not come back to its loop is reported, with the coroutine
//! that holds it up and the place.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use common::{PATIENCE, child, client, echo, echoed, ip, joined, logged, suspended, wait_until};
use greenserve::TcpServer;
use greenserve::net::TcpStream;
use greenserve::runtime::{self, Builder, Config, Engine};
use greenserve::sync::Event;

const AWAY: &str = "has not come back to its loop";
const BACK: &str = "is back in its loop";
/// Of a report without calls, where the system did not let the worker's thread
/// run: see `runtime::stalls`.
const UNSEEN: &str = "its thread did not answer";
/// How long a report may take: it names calls, which is a second of work, on a
/// machine that may have other things to do.
const REPORT: Duration = Duration::from_secs(30);

/// Runs `test` in a process of its own with one worker. True in that process,
/// which is then to do the work; once more if a busy machine kept its calls
/// from the watchdog.
fn in_a_process(test: &str, change: fn(Config) -> Config) -> bool {
    if child::is_child(test) {
        logged::keep();
        runtime::configure(change(common::workers(1))).unwrap();
        return true;
    }
    for _ in 0..3 {
        let ended = child::run(test, REPORT + 2 * PATIENCE);
        if ended.status.success() || !ended.stderr.contains(UNSEEN) {
            ended.passed();
            return false;
        }
    }
    panic!("the thread of a worker was not let run in three processes");
}

/// Ends the work of [`compute_a_while`], once it has taken its time.
static SEEN: AtomicBool = AtomicBool::new(false);

#[inline(never)]
fn spin_until(end: Instant) -> usize {
    let mut turns = 0;
    while Instant::now() < end {
        turns = std::hint::black_box(turns + 1);
    }
    turns
}

/// For 300 ms at least, and until what it is there for was seen.
#[inline(never)]
fn compute_a_while() -> usize {
    let begin = Instant::now();
    let mut turns = 0;
    while begin.elapsed() < Duration::from_millis(300) || !(SEEN.load(Ordering::SeqCst) || begin.elapsed() > REPORT) {
        turns += spin_until(Instant::now() + Duration::from_millis(50));
    }
    turns
}

/// Waits for a report with all of `parts`, and then lets the work end.
fn reported(parts: &[&str]) -> String {
    let found = || logged::with(&[&[AWAY], parts].concat());
    let unseen = || logged::with(&[AWAY, UNSEEN]);
    let begin = Instant::now();
    while found().is_empty() && unseen().is_empty() {
        assert!(
            begin.elapsed() < REPORT,
            "no report within {REPORT:?}: {:#?}",
            logged::all()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    SEEN.store(true, Ordering::SeqCst);
    let mut found = found();
    assert!(!found.is_empty(), "{:?}", unseen());
    found.remove(0)
}

static COMPUTED: AtomicU64 = AtomicU64::new(0);

fn computes(client: &mut TcpStream) -> io::Result<()> {
    client.read_exact(&mut [0])?;
    let begin = Instant::now();
    std::hint::black_box(compute_a_while());
    let took = begin.elapsed().as_millis();
    COMPUTED.store(u64::try_from(took).unwrap(), Ordering::SeqCst);
    client.write_all(b"!")
}

/// The length in a line that ends or begins a stall.
fn milliseconds(line: &str) -> u64 {
    let (before, _) = line.split_once(" ms").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_handler_that_computes_is_reported_once_with_its_peer_and_its_place() {
    if !in_a_process(
        "a_handler_that_computes_is_reported_once_with_its_peer_and_its_place",
        |config| config,
    ) {
        return;
    }
    let server = TcpServer::bind("127.0.0.1:0", computes).unwrap().start().unwrap();
    let mut one = client(ip(&server.address()));
    one.write_all(b"?").unwrap();
    reported(&[]);
    assert_eq!(runtime::stalls().ongoing, 1);
    common::expect(&mut one, b"!");
    wait_until("its end", || !logged::with(&[BACK]).is_empty());

    let reports = logged::with(&[AWAY]);
    let [report] = reports.as_slice() else {
        panic!("reported {} times: {reports:#?}", reports.len());
    };
    let peer = one.local_addr().unwrap().to_string();
    assert!(report.starts_with("WARN worker 0"), "{report}");
    for part in [&peer, "computes", "compute_a_while", "spin_until"] {
        assert!(report.contains(part), "without {part}: {report}");
    }
    let computed = COMPUTED.load(Ordering::SeqCst);
    assert!(
        (100..=computed).contains(&milliseconds(report)),
        "{computed} ms: {report}"
    );

    let ends = logged::with(&[BACK]);
    assert_eq!(ends.len(), 1, "{ends:#?}");
    assert!(ends[0].contains(&peer), "{ends:#?}");
    let length = milliseconds(&ends[0]);
    assert!(
        length >= computed && length < computed + 200,
        "{computed} ms: {ends:#?}"
    );

    let stalls = runtime::stalls();
    assert_eq!((stalls.count, stalls.ongoing), (1, 0));
    assert_eq!(stalls.longest.as_millis(), u128::from(length), "{stalls:?}");
    assert_eq!(stalls.longest, stalls.total);
}

#[inline(never)]
fn wants_the_lock(lock: &Mutex<usize>) -> usize {
    *lock.lock().unwrap()
}

#[test]
fn who_waits_for_a_std_lock_of_its_own_worker_is_named_with_the_place() {
    if !in_a_process(
        "who_waits_for_a_std_lock_of_its_own_worker_is_named_with_the_place",
        |config| config,
    ) {
        return;
    }
    let lock = Arc::new(Mutex::new(1));
    let held = Arc::new(AtomicBool::new(false));
    let (theirs, begun) = (Arc::clone(&lock), Arc::clone(&held));
    let holder = Builder::new().name("holder").worker(0).spawn(move || {
        let guard = theirs.lock().unwrap();
        begun.store(true, Ordering::SeqCst);
        Event::new().wait().map(|()| *guard)
    });
    suspended(0, &held);
    let theirs = Arc::clone(&lock);
    let builder = Builder::new().name("unlucky").worker(0);
    let _unlucky = builder.spawn(move || wants_the_lock(&theirs)).unwrap();
    let report = reported(&[]);
    for part in ["'unlucky'", "is blocked in the kernel", "wants_the_lock"] {
        assert!(report.contains(part), "without {part}: {report}");
    }
    assert_eq!(runtime::stalls().ongoing, 1);
    drop(holder);
}

/// The threads of this process by name, as far as the kernel keeps it.
fn threads() -> Vec<(String, String)> {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let of = |path: std::path::PathBuf| {
        let name = fs::read_to_string(path.join("comm")).ok()?;
        Some((name.trim().to_owned(), fs::read_to_string(path.join("status")).ok()?))
    };
    threads.filter_map(|thread| of(thread.unwrap().path())).collect()
}

fn watchdog() -> Option<String> {
    let mut all = threads().into_iter();
    all.find(|(name, _)| name == "greenserve-watc")
        .map(|(_, status)| status)
}

#[test]
fn off_is_off() {
    if !in_a_process("off_is_off", |config| config.stall_after(None)) {
        return;
    }
    SEEN.store(true, Ordering::SeqCst);
    let turns = joined(Builder::new().worker(0).spawn(compute_a_while).unwrap());
    assert!(turns > 0);
    assert!(watchdog().is_none());
    assert_eq!(runtime::stalls(), runtime::Stalls::default());
    assert!(logged::with(&[AWAY]).is_empty());
    // Nobody has taken the signal.
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let (_, caught) = status.split_once("SigCgt:").unwrap();
    let caught = u64::from_str_radix(caught.split_whitespace().next().unwrap(), 16).unwrap();
    assert_eq!(caught >> (23 - 1) & 1, 0, "SIGURG is caught: {caught:x}");
}

#[test]
fn the_limit_can_be_set() {
    if !in_a_process("the_limit_can_be_set", |config| {
        config.stall_after(Some(Duration::from_millis(20)))
    }) {
        return;
    }
    // Another program may have the processor just then.
    let short = || spin_until(Instant::now() + Duration::from_millis(60));
    wait_until("a report before 100 ms", || {
        joined(Builder::new().name("short").spawn(short).unwrap());
        let reports = logged::with(&[AWAY, "'short'"]);
        reports.iter().any(|report| milliseconds(report) < 100)
    });
}

#[test]
fn who_waits_by_the_means_of_may_has_stalled_nobody() {
    if common::skipped((common::engine() != Engine::May).then_some("it is about the engine `may`")) {
        return;
    }
    if !in_a_process("who_waits_by_the_means_of_may_has_stalled_nobody", |config| config) {
        return;
    }
    let waiting = Builder::new().spawn(|| may::coroutine::sleep(Duration::from_millis(400)));
    joined(waiting.unwrap());
    // Counted before it is said.
    assert_eq!(runtime::stalls().count, 0);
}

fn switches(status: &str) -> u64 {
    let counts = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
    counts.map(|(_, count)| count.trim().parse::<u64>().unwrap()).sum()
}

#[test]
fn the_watchdog_of_an_idle_process_does_not_wake() {
    if !in_a_process("the_watchdog_of_an_idle_process_does_not_wake", |config| config) {
        return;
    }
    let server = TcpServer::bind("127.0.0.1:0", echo).unwrap().start().unwrap();
    let mut one = client(ip(&server.address()));
    echoed(&mut one, b"hello");
    // A thread has its name once it runs.
    wait_until("the watchdog begins", || watchdog().is_some());
    // It looks once more a second after the last work, and then no more.
    let mut before = switches(&watchdog().unwrap());
    wait_until("it sleeps", || {
        std::thread::sleep(Duration::from_millis(1500));
        let now = switches(&watchdog().unwrap());
        std::mem::replace(&mut before, now) == now
    });
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(switches(&watchdog().unwrap()), before, "it woke");
    // And it still notices.
    let working = Builder::new().worker(0).spawn(compute_a_while).unwrap();
    reported(&["compute_a_while"]);
    joined(working);
}

#[test]
#[allow(unsafe_code, reason = "handlers of signals")]
fn other_handlers_of_the_signal_are_still_called() {
    static BEFORE: AtomicUsize = AtomicUsize::new(0);
    static AFTER: AtomicUsize = AtomicUsize::new(0);
    extern "C" fn earlier(_: libc::c_int) {
        BEFORE.fetch_add(1, Ordering::SeqCst);
    }
    if !in_a_process("other_handlers_of_the_signal_are_still_called", |config| config) {
        return;
    }
    // SAFETY: it goes to this thread, and is handled or ignored.
    let sent = || unsafe { libc::raise(libc::SIGURG) };
    // SAFETY: the handler counts, and no more.
    unsafe { libc::signal(libc::SIGURG, earlier as *const () as libc::sighandler_t) };
    runtime::start().unwrap();
    assert_eq!(sent(), 0);
    assert_eq!(BEFORE.load(Ordering::SeqCst), 1);
    // SAFETY: as above.
    let later = unsafe {
        signal_hook::low_level::register(libc::SIGURG, || {
            AFTER.fetch_add(1, Ordering::SeqCst);
        })
    };
    assert_eq!(sent(), 0);
    assert_eq!(BEFORE.load(Ordering::SeqCst), 2);
    assert_eq!(AFTER.load(Ordering::SeqCst), 1);
    let working = Builder::new().worker(0).spawn(compute_a_while).unwrap();
    reported(&["compute_a_while"]);
    joined(working);
    // What was ours is passed on to nobody from before.
    assert_eq!(BEFORE.load(Ordering::SeqCst), 2);
    let _ = later;
}

/// The threads of this process, the oldest first.
fn thread_ids() -> Vec<i32> {
    let names = fs::read_dir("/proc/self/task").unwrap();
    let mut threads: Vec<i32> = names
        .map(|name| name.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    threads.sort_unstable();
    threads
}

#[allow(unsafe_code, reason = "the scheduling of threads of this test's own process")]
fn schedule(thread: i32, policy: libc::c_int, priority: libc::c_int) -> bool {
    let parameters = libc::sched_param {
        sched_priority: priority,
    };
    // SAFETY: the kernel reads the parameters; the thread is of this process.
    unsafe { libc::sched_setscheduler(thread, policy, &raw const parameters) == 0 }
}

/// Its first turn begins when the watchdog has found everybody at rest.
#[test]
fn a_worker_whose_first_turn_stalls_is_reported() {
    // On the engine `may` each coroutine that begins wakes the watchdog.
    let pinned = |config: Config| config.engine(Engine::Pinned);
    if !in_a_process("a_worker_whose_first_turn_stalls_is_reported", pinned) {
        return;
    }
    let mut one = nix::sched::CpuSet::new();
    one.set(nix::sched::sched_getcpu().unwrap()).unwrap();
    nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &one).unwrap();
    // What is started now waits for this thread to sleep. Who may not ask for
    // that gets the order by luck alone.
    let _ = schedule(0, libc::SCHED_FIFO, 1);
    let before = thread_ids();
    runtime::start().unwrap();
    let started: Vec<_> = thread_ids()
        .into_iter()
        .filter(|thread| !before.contains(thread))
        .collect();
    assert!(schedule(started[0], libc::SCHED_IDLE, 0));
    let working = Builder::new().worker(0).spawn(compute_a_while).unwrap();
    reported(&["compute_a_while"]);
    joined(working);
}

#[test]
#[allow(unsafe_code, reason = "signals to a process of this test's own")]
fn a_process_that_was_stopped_has_stalled_nobody() {
    const TEST: &str = "a_process_that_was_stopped_has_stalled_nobody";
    if !child::is_child(TEST) {
        let mut process = child::command(TEST).spawn().unwrap();
        let pid = process.id().cast_signed();
        let mut said = process.stdout.take().unwrap();
        let mut text = Vec::new();
        while !text.ends_with(b"begun\n") {
            let mut byte = [0];
            assert_eq!(said.read(&mut byte).unwrap(), 1, "the child ended");
            text.push(byte[0]);
        }
        // SAFETY: the process is our child, which has not been waited for.
        let send = |signal| assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        send(libc::SIGSTOP);
        std::thread::sleep(Duration::from_millis(400));
        send(libc::SIGCONT);
        // It measures on, and then ends by itself.
        let ended = child::finish(process, 2 * PATIENCE);
        assert!(ended.status.success(), "{}", ended.stderr);
        return;
    }
    logged::keep();
    runtime::configure(common::workers(1)).unwrap();
    let mut busy = common::Background::default();
    busy.repeat(0, runtime::yield_now);
    wait_until("the watchdog runs", || watchdog().is_some());
    io::stdout().write_all(b"begun\n").unwrap();
    io::stdout().flush().unwrap();
    // Longer than it is stopped for, in turns none of which is long.
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(10));
    }
    busy.end();
    let stalls = runtime::stalls();
    assert!(stalls.longest < Duration::from_millis(300), "{stalls:?}");
}
