//! How a server ends what is in flight: in time, whatever it waits for.
//!
//! One test at a time: some keep a worker busy, which would delay the others.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

mod support;

use std::hint::spin_loop;
use std::io::{self, Read, Write};
use std::net::TcpStream as Client;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::net::{Address, TcpStream};
use greenserve::{
    Coroutine, DrainReport, Inline, Model, Running, Server, ServerHandle, Tcp, TcpServer, Thread, Udp, WaitError,
    runtime, sync,
};
use support::{LIMIT, connect, is_closed, keeps_time, read_exactly, wait_until, within_limit};

const GRACE: Duration = Duration::from_millis(100);
/// What the documentation allows on top of the grace.
const OVERTIME: Duration = Duration::from_millis(100);

fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What handlers wait for, and where they say how that ended.
#[derive(Debug)]
struct World {
    lock: sync::Mutex<()>,
    event: sync::Event,
    released: AtomicBool,
    ends: Mutex<mpsc::Sender<Option<WaitError>>>,
}

/// A server of clients who say what they want it to wait for.
struct Scene<M: Model> {
    world: Arc<World>,
    ends: mpsc::Receiver<Option<WaitError>>,
    server: Option<Running<Tcp, M>>,
    address: Address,
    handle: ServerHandle,
}

impl<M: Model> Scene<M> {
    fn new(model: M) -> Scene<M> {
        let (sender, ends) = mpsc::channel();
        let world = Arc::new(World {
            lock: sync::Mutex::new(()),
            event: sync::Event::new(),
            released: AtomicBool::new(false),
            ends: Mutex::new(sender),
        });
        let theirs = Arc::clone(&world);
        let handler = move |client: &mut TcpStream| {
            let waited = wait_as_told(client, &theirs);
            let end = waited.as_ref().err().and_then(WaitError::of);
            let _ = theirs.ends.lock().unwrap().send(end);
            waited
        };
        let server = TcpServer::builder(handler)
            .model(model)
            .bind("127.0.0.1:0")
            .unwrap()
            .start()
            .unwrap();
        Scene {
            world,
            ends,
            address: server.address(),
            handle: server.handle().clone(),
            server: Some(server),
        }
    }

    /// A client whose handler waits as `how` says.
    fn client(&self, how: &str) -> Client {
        let mut client = connect(&self.address);
        client.write_all(how.as_bytes()).unwrap();
        assert_eq!(read_exactly(&client, 1), b".");
        client
    }

    fn stop(&mut self, grace: Duration) -> DrainReport {
        let server = self.server.take().unwrap();
        within_limit("stopping", move || server.stop(grace).unwrap())
    }

    /// How the next handler's wait ended.
    fn end(&self) -> Option<WaitError> {
        self.ends.recv_timeout(LIMIT).unwrap()
    }
}

impl<M: Model> Drop for Scene<M> {
    fn drop(&mut self) {
        self.world.released.store(true, Ordering::SeqCst);
        self.world.event.set();
    }
}

fn wait_as_told(client: &mut TcpStream, world: &World) -> io::Result<()> {
    let mut how = [0];
    client.read_exact(&mut how)?;
    client.write_all(b".")?;
    match &how {
        b"r" => client.read(&mut how).map(drop),
        b"w" => client.write_all(&vec![0; 64 << 20]),
        b"W" => loop {
            client.write_all(&[0; 1024])?;
        },
        b"s" => runtime::sleep(LIMIT),
        b"l" => world.lock.lock().map(drop),
        b"e" => Ok(world.event.wait()?),
        b"o" => runtime::offload(|| thread::sleep(GRACE * 3)),
        b"c" => {
            while !world.released.load(Ordering::SeqCst) {
                spin_loop();
            }
            Ok(())
        }
        other => panic!("no way to wait as {other:?}"),
    }
}

/// Stops with one client that waits as `how` says and never comes to an end.
fn is_killed_in_time<M: Model>(how: &str, model: impl Fn() -> M) {
    let _alone = alone();
    keeps_time(|| {
        let mut scene = Scene::new(model());
        let world = Arc::clone(&scene.world);
        let _held = world.lock.lock().unwrap();
        let client = scene.client(how);
        let begin = Instant::now();
        let report = scene.stop(GRACE);
        let took = begin.elapsed();
        assert_eq!(scene.end(), Some(WaitError::Killed), "{report}");
        assert!(is_closed(&client));
        assert_eq!(report.in_flight, 1);
        assert_eq!(report.killed.len(), 1, "{report}");
        let peer = client.local_addr().unwrap();
        assert!(
            report.killed[0].starts_with(&format!("{} {peer} (", M::NAME)),
            "{report}"
        );
        assert!(report.survivors.is_empty(), "{report}");
        assert!(!report.is_clean());
        in_time(took)
    });
}

fn in_time(took: Duration) -> Result<(), String> {
    assert!(took >= GRACE, "it came too early, after {took:?}");
    if took > GRACE + OVERTIME {
        Err(format!("{took:?}"))
    } else {
        Ok(())
    }
}

/// Stops with a client whose handler is out of reach, and reports it.
fn survives_and_is_reported<M: Model>(how: &str, model: impl Fn() -> M) {
    let _alone = alone();
    keeps_time(|| {
        let mut scene = Scene::new(model());
        let _client = scene.client(how);
        let begin = Instant::now();
        let report = scene.stop(GRACE);
        let took = begin.elapsed();
        assert_eq!(report.killed.len(), 1, "{report}");
        assert_eq!(report.survivors, report.killed, "{report}");
        assert!(report.to_string().contains("still running"), "{report}");
        // It runs on, and ends.
        scene.world.released.store(true, Ordering::SeqCst);
        scene.end();
        wait_until("the survivor has ended", || scene.handle.in_flight() == 0);
        in_time(took)
    });
}

macro_rules! each_way_to_wait {
    ($($promise:ident: $how:literal;)*) => {$(
        mod $promise {
            use super::*;

            #[test]
            fn on_coroutines() {
                is_killed_in_time($how, Coroutine::new);
            }

            #[test]
            fn on_threads() {
                is_killed_in_time($how, Thread::new);
            }
        }
    )*};
}

each_way_to_wait! {
    a_handler_that_reads_is_killed_at_the_deadline: "r";
    a_handler_that_writes_is_killed_at_the_deadline: "w";
    a_handler_that_writes_bit_by_bit_is_killed_at_the_deadline: "W";
    a_handler_that_sleeps_is_killed_at_the_deadline: "s";
    a_handler_that_waits_for_a_lock_is_killed_at_the_deadline: "l";
    a_handler_that_waits_for_an_event_is_killed_at_the_deadline: "e";
}

#[test]
fn a_coroutine_that_waits_for_a_blocking_call_is_killed_at_the_deadline() {
    is_killed_in_time("o", Coroutine::new);
}

#[test]
fn an_inline_handler_that_reads_is_killed_at_the_deadline() {
    is_killed_in_time("r", Inline::new);
}

#[test]
fn an_inline_handler_that_writes_is_killed_at_the_deadline() {
    is_killed_in_time("w", Inline::new);
}

#[test]
fn a_coroutine_that_computes_survives_and_is_reported() {
    survives_and_is_reported("c", Coroutine::new);
}

#[test]
fn a_thread_that_computes_survives_and_is_reported() {
    survives_and_is_reported("c", Thread::new);
}

#[test]
fn an_inline_handler_that_computes_survives_and_is_reported() {
    survives_and_is_reported("c", Inline::new);
}

#[test]
fn a_thread_in_a_call_of_its_own_survives_and_is_reported() {
    survives_and_is_reported("o", Thread::new);
}

/// Every kind at once, and each in its place of the report.
fn a_report_names_each<M: Model>(survivor: Option<&str>, model: impl Fn() -> M) {
    let _alone = alone();
    keeps_time(|| {
        let mut scene = Scene::new(model());
        let world = Arc::clone(&scene.world);
        let _held = world.lock.lock().unwrap();
        let waiting: Vec<_> = ["r", "w", "s", "l", "e"].map(|how| scene.client(how)).into();
        let computing: Vec<_> = survivor.map(|how| scene.client(how)).into_iter().collect();
        let begin = Instant::now();
        let report = scene.stop(GRACE);
        let took = begin.elapsed();
        for client in waiting.iter().chain(&computing) {
            assert_eq!(names_of(client, &report.killed), 1, "{report}");
        }
        assert_eq!(report.killed.len(), waiting.len() + computing.len(), "{report}");
        assert_eq!(
            (report.in_flight, report.finished()),
            (report.killed.len(), 0),
            "{report}"
        );
        for client in &computing {
            assert_eq!(names_of(client, &report.survivors), 1, "{report}");
        }
        assert_eq!(report.survivors.len(), computing.len(), "{report}");
        for _ in &waiting {
            assert_eq!(scene.end(), Some(WaitError::Killed));
        }
        in_time(took)
    });
}

fn names_of(client: &Client, names: &[String]) -> usize {
    let peer = format!(" {} ", client.local_addr().unwrap());
    names.iter().filter(|name| name.contains(&peer)).count()
}

#[test]
fn a_report_names_every_coroutine_killed() {
    a_report_names_each(None, Coroutine::new);
}

#[test]
fn a_report_names_every_thread_killed_and_every_survivor() {
    a_report_names_each(Some("c"), Thread::new);
}

fn a_drain_ends_with_its_clients<M: Model>(model: M) {
    let _alone = alone();
    let mut scene = Scene::new(model);
    let clients: Vec<_> = (0..5).map(|_| scene.client("r")).collect();
    let handle = scene.handle.clone();
    let finishing = thread::spawn(move || {
        wait_until("the server drains", || handle.is_draining());
        drop(clients);
    });
    let report = scene.stop(LIMIT);
    finishing.join().unwrap();
    assert!(report.is_clean(), "{report}");
    assert!(report.took < LIMIT / 2, "{report}");
    for _ in 0..5 {
        assert_eq!(scene.end(), None);
    }
}

#[test]
fn a_drain_ends_as_soon_as_the_last_coroutine_does() {
    a_drain_ends_with_its_clients(Coroutine::new());
}

#[test]
fn a_drain_ends_as_soon_as_the_last_thread_does() {
    a_drain_ends_with_its_clients(Thread::new());
}

#[test]
fn a_report_counts_who_finished_and_who_was_killed() {
    let _alone = alone();
    let mut scene = Scene::new(Coroutine::new());
    let mut clients: Vec<_> = (0..3).map(|_| scene.client("r")).collect();
    let stays = clients.pop();
    let handle = scene.handle.clone();
    let finishing = thread::spawn(move || {
        wait_until("the server drains", || handle.phase() == greenserve::Phase::Draining);
        drop(clients);
    });
    let report = scene.stop(Duration::from_secs(1));
    finishing.join().unwrap();
    assert_eq!(
        (report.in_flight, report.killed.len(), report.finished()),
        (3, 1, 2),
        "{report}"
    );
    assert!(report.to_string().starts_with("drained 3 requests in "), "{report}");
    drop(stays);
}

#[test]
fn server_close_waits_for_threads_unless_told_otherwise() {
    fn closes<M: Model>(model: M) -> (Scene<M>, Client, thread::JoinHandle<DrainReport>) {
        let mut scene = Scene::new(model);
        let client = scene.client("r");
        let server = scene.server.take().unwrap().shutdown().unwrap();
        (scene, client, thread::spawn(move || server.server_close()))
    }
    let _alone = alone();
    let (scene, client, closing) = closes(Thread::new());
    wait_until("the socket is closed", || {
        scene.handle.phase() == greenserve::Phase::Draining
    });
    assert!(!closing.is_finished());
    drop(client);
    assert!(within_limit("closing", || closing.join()).unwrap().is_clean());
    for model in [Thread::new().daemon_threads(true), Thread::new().block_on_close(false)] {
        let (scene, client, closing) = closes(model);
        within_limit("closing", || closing.join()).unwrap();
        assert_eq!(scene.handle.in_flight(), 1);
        drop(client);
        assert_eq!(scene.end(), None);
    }
}

#[test]
fn dropping_a_server_ends_what_is_in_flight() {
    fn check<M: Model>(model: M) {
        let mut scene = Scene::new(model);
        let client = scene.client("s");
        let server: Server<_, _> = scene.server.take().unwrap().shutdown().unwrap();
        within_limit("the drop", move || drop(server));
        assert_eq!(scene.end(), Some(WaitError::Killed));
        assert!(is_closed(&client));
    }
    let _alone = alone();
    check(Coroutine::new());
    check(Thread::new());
}

#[test]
fn dropping_a_running_server_ends_what_is_in_flight() {
    fn check<M: Model>(how: &str, model: M) {
        let mut scene = Scene::new(model);
        let client = scene.client(how);
        let server = scene.server.take().unwrap();
        within_limit("the drop", move || drop(server));
        assert_eq!(scene.end(), Some(WaitError::Killed));
        assert!(is_closed(&client));
    }
    let _alone = alone();
    check("s", Coroutine::new());
    check("s", Thread::new());
    check("r", Inline::new());
}

fn kill_ends_one<M: Model>(how: &str, model: M) {
    let _alone = alone();
    let scene = Scene::new(model);
    let world = Arc::clone(&scene.world);
    let _held = world.lock.lock().unwrap();
    let (victim, mut other) = (scene.client(how), scene.client("r"));
    let peer = victim.local_addr().unwrap().to_string();
    let listed = scene.handle.connections();
    let id = listed
        .iter()
        .find(|connection| connection.peer.to_string() == peer)
        .unwrap()
        .id;
    assert!(scene.handle.kill(id));
    assert_eq!(scene.end(), Some(WaitError::Killed));
    assert!(is_closed(&victim));
    wait_until("it is off the list", || scene.handle.in_flight() == 1);
    assert!(!scene.handle.kill(id));
    other.write_all(b"x").unwrap();
    assert_eq!(scene.end(), None);
}

#[test]
fn killing_one_coroutine_leaves_the_others() {
    for how in ["r", "w", "W", "s", "l", "e"] {
        kill_ends_one(how, Coroutine::new());
    }
}

#[test]
fn killing_one_thread_leaves_the_others() {
    for how in ["r", "w", "W", "s", "l", "e"] {
        kill_ends_one(how, Thread::new());
    }
}

#[test]
fn a_datagram_handler_is_killed_too() {
    let _alone = alone();
    let (sender, ends) = mpsc::channel();
    let (begun, is_begun) = mpsc::channel();
    let handler = move |_: &mut greenserve::Datagram<std::net::UdpSocket>| {
        // Killed before, it would never run.
        begun.send(()).unwrap();
        let slept = runtime::sleep(LIMIT);
        sender.send(slept.as_ref().err().and_then(WaitError::of)).unwrap();
        slept
    };
    let server = Server::<Udp>::bind("127.0.0.1:0", handler).unwrap().start().unwrap();
    support::exchange::udp_client(&server.address()).send(b"x").unwrap();
    is_begun.recv_timeout(LIMIT).unwrap();
    let report = server.stop(Duration::ZERO).unwrap();
    assert_eq!(report.killed.len(), 1, "{report}");
    assert_eq!(ends.recv_timeout(LIMIT).unwrap(), Some(WaitError::Killed));
}
