//! At the system's limits: errors that say which, and no busy loops.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream as Client};
use std::time::{Duration, Instant};
use std::{ptr, thread};

use common::{PATIENCE, child, client, echo, echoed, joined, killed, proc, wait_until};
use greenserve::runtime::{self, Engine, JoinHandle};
use greenserve::{AtLimit, Error, Limits, TcpServer};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Uses up memory maps until this process can hold about `coroutines` more.
fn leave_maps_for(coroutines: usize) {
    const PAGE: usize = 4096;
    let spare = (runtime::capacity().coroutines.saturating_sub(coroutines) * 2).next_multiple_of(2);
    if spare == 0 {
        return;
    }
    // SAFETY: a new mapping of our own, of which nothing is ever accessed;
    // every other page is given another protection, which splits the map.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let start = libc::mmap(ptr::null_mut(), spare * PAGE, libc::PROT_NONE, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        for page in (0..spare).step_by(2) {
            let page = start.byte_add(page * PAGE);
            assert_eq!(libc::mprotect(page, PAGE, libc::PROT_READ), 0);
        }
    }
}

fn sleeper() -> greenserve::Result<JoinHandle<io::Result<()>>> {
    runtime::spawn(|| runtime::sleep(Duration::from_secs(3600)))
}

/// Starts sleepers until one is refused.
fn sleepers() -> (Vec<JoinHandle<io::Result<()>>>, Error) {
    let mut started = Vec::new();
    loop {
        match sleeper() {
            Ok(sleeper) => started.push(sleeper),
            Err(err) => return (started, err),
        }
    }
}

fn kill(sleepers: impl IntoIterator<Item = JoinHandle<io::Result<()>>>) {
    for sleeper in sleepers {
        sleeper.kill();
        drop(killed(sleeper));
    }
}

#[test]
fn a_coroutine_beyond_the_ceiling_is_an_error_that_names_it() {
    const TEST: &str = "a_coroutine_beyond_the_ceiling_is_an_error_that_names_it";
    if !child::is_child(TEST) {
        return child::run(TEST, Duration::from_secs(60)).passed();
    }
    // Whose stacks take maps.
    let config = common::workers(2).engine(Engine::May).stack_size(16 * 1024);
    runtime::configure(config).unwrap();
    // What the kernel's default of 65530 maps allows, wherever there are more.
    leave_maps_for(32_000);
    runtime::start().unwrap();
    let ceiling = runtime::capacity().coroutines;
    assert!(ceiling > 20_000, "{:?}", runtime::capacity());

    let (mut sleeping, err) = sleepers();
    assert_eq!(sleeping.len(), ceiling);
    assert!(matches!(err, Error::Capacity { live, limit, .. } if live == ceiling && limit == ceiling));
    let said = err.to_string();
    let map_limit = runtime::capacity().map_limit.to_string();
    for part in [ceiling.to_string().as_str(), "vm.max_map_count", &map_limit] {
        assert!(said.contains(part), "no {part:?} in {said:?}");
    }
    assert!(proc::maps() < runtime::capacity().map_limit, "{} maps", proc::maps());
    assert!(proc::resident() < 1 << 30, "{} bytes resident", proc::resident());

    kill(sleeping.split_off(ceiling - 500));
    wait_until("the killed have ended", || runtime::live_count() == ceiling - 500);
    let (again, _) = sleepers();
    assert_eq!(again.len(), 500);
    kill(sleeping.into_iter().chain(again));
    wait_until("all have ended", || runtime::live_count() == 0);
}

#[test]
fn a_stack_that_the_system_refuses_is_an_error() {
    const TEST: &str = "a_stack_that_the_system_refuses_is_an_error";
    if !child::is_child(TEST) {
        return child::run(TEST, Duration::from_secs(60)).passed();
    }
    let config = common::workers(2).stack_size(1 << 20);
    runtime::configure(config).unwrap();
    runtime::start().unwrap();
    // Room for what is allocated beside the stacks.
    drop((0..20_000).map(|_| vec![0_u8; 1024]).collect::<Vec<_>>());
    let mapped = address_space() + (200 << 20);
    setrlimit(Resource::RLIMIT_AS, mapped, mapped).unwrap();
    let (mut sleeping, err) = sleepers();
    assert!(sleeping.len() > 100, "{}", sleeping.len());
    assert!(
        err.to_string().contains("refused to map another coroutine stack"),
        "{err}"
    );
    assert_eq!(runtime::live_count(), sleeping.len());
    kill(sleeping.drain(..100));
    assert!(sleepers().0.len() >= 50);
}

fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let (_, rest) = status.split_once("VmSize:").unwrap();
    let kilobytes: u64 = rest.split_whitespace().next().unwrap().parse().unwrap();
    kilobytes * 1024
}

#[test]
fn a_runtime_without_descriptors_is_an_error() {
    const TEST: &str = "a_runtime_without_descriptors_is_an_error";
    if !child::is_child(TEST) {
        let children: Vec<_> = (0..25)
            .map(|spare| {
                let mut command = child::command(TEST);
                command.env("SPARE_DESCRIPTORS", spare.to_string()).spawn().unwrap()
            })
            .collect();
        children
            .into_iter()
            .for_each(|each| child::finish(each, PATIENCE).passed());
        return;
    }
    let spare: u64 = std::env::var("SPARE_DESCRIPTORS").unwrap().parse().unwrap();
    let workers = thread::available_parallelism().unwrap().get() + 1;
    runtime::configure(common::workers(workers)).unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let limit = u64::try_from(proc::descriptors()).unwrap() + spare;
    setrlimit(Resource::RLIMIT_NOFILE, limit, hard).unwrap();
    let started = runtime::spawn(|| 42);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    match started {
        Ok(started) => assert_eq!(joined(started), 42),
        Err(err) => {
            assert!(matches!(err, Error::RuntimeStart { .. }), "{err}");
            // With descriptors it may run or not, but must say so again.
            if let Ok(started) = runtime::spawn(|| 42) {
                assert_eq!(joined(started), 42);
                assert_eq!(runtime::workers(), workers);
            }
        }
    }
}

/// Serves echo under `RLIMIT_NOFILE` of 64 until the parent closes its end.
fn serve_with_few_descriptors(max_connections: Option<usize>) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
    runtime::configure(common::workers(2)).unwrap();
    let mut builder = TcpServer::builder(echo);
    if let Some(max_connections) = max_connections {
        builder = builder.max_connections(max_connections);
    }
    let server = builder.bind("127.0.0.1:0").unwrap().start().unwrap();
    say(&format!("serving {}", server.address()));
    drop(io::stdin().read_to_end(&mut Vec::new()));
    server.stop(PATIENCE).unwrap();
}

#[test]
fn without_descriptors_clients_are_told_no_if_so_said() {
    const TEST: &str = "without_descriptors_clients_are_told_no_if_so_said";
    if child::is_child(TEST) {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 64, hard).unwrap();
        runtime::configure(common::workers(2)).unwrap();
        let limits = Limits::new()
            .connections(1_000)
            .at_connections(AtLimit::reply(&b"full"[..]));
        let server = TcpServer::builder(echo).limits(limits).bind("127.0.0.1:0").unwrap();
        let server = server.start().unwrap();
        say(&format!("serving {}", server.address()));
        drop(io::stdin().read_to_end(&mut Vec::new()));
        server.stop(PATIENCE).unwrap();
        return;
    }
    let mut server = child::command(TEST).spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = said.find_map(|line| line.unwrap().strip_prefix("serving ").map(str::to_owned));
    let address: SocketAddr = address.unwrap().parse().unwrap();

    let (mut served, mut refused) = (Vec::new(), 0);
    for _ in 0..200 {
        let mut client = client(address);
        client.write_all(b"here").unwrap();
        let mut heard = [0; 4];
        client.read_exact(&mut heard).unwrap();
        match &heard {
            b"here" => served.push(client),
            b"full" => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(
        served.len() >= 20 && refused >= 100,
        "{} served, {refused} refused",
        served.len()
    );
    assert!(load(server.id()) < 0.05, "nobody waits, and still it is busy");
    served.iter_mut().for_each(|client| echoed(client, b"still there?"));
    served.clear();
    wait_until("there is room again", || {
        let mut client = client(address);
        client.write_all(b"here").unwrap();
        let mut heard = [0; 4];
        client.read_exact(&mut heard).is_ok() && &heard == b"here"
    });
    drop(server.stdin.take());
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert!(server.wait().unwrap().success(), "{rest:?}");
}

/// Past the capture of the test's output.
fn say(line: &str) {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "\n{line}").unwrap();
    stdout.flush().unwrap();
}

/// Those of `clients` that have an answer waiting.
fn answered(clients: &mut Vec<Client>) -> Vec<Client> {
    let (answered, waiting) = std::mem::take(clients).into_iter().partition(|client: &Client| {
        client.set_nonblocking(true).unwrap();
        let peeked = client.peek(&mut [0]);
        client.set_nonblocking(false).unwrap();
        matches!(peeked, Ok(1))
    });
    *clients = waiting;
    answered
}

/// The server's share of a processor in the next two seconds.
fn load(pid: u32) -> f64 {
    let (begin, used) = (Instant::now(), proc::cpu_time(pid));
    thread::sleep(Duration::from_secs(2));
    (proc::cpu_time(pid) - used).as_secs_f64() / begin.elapsed().as_secs_f64()
}

fn serves_in_turns_without_descriptors(test: &str, max_connections: Option<usize>) {
    if child::is_child(test) {
        return serve_with_few_descriptors(max_connections);
    }
    let mut server = child::command(test).spawn().unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = said.find_map(|line| line.unwrap().strip_prefix("serving ").map(str::to_owned));
    let address: SocketAddr = address.unwrap().parse().unwrap();

    let mut waiting: Vec<_> = (0..200).map(|_| client(address)).collect();
    waiting
        .iter_mut()
        .for_each(|client| client.write_all(b"hello").unwrap());
    let mut served = Vec::new();
    wait_until("the first clients are served", || {
        served.extend(answered(&mut waiting));
        served.len() >= 10
    });
    let load = load(server.id());
    assert!(
        load < 0.05,
        "{load} of a processor is used while nothing can be accepted"
    );
    served.extend(answered(&mut waiting));
    assert!(waiting.len() >= 100, "{} were served at once", served.len());
    for client in &mut served {
        common::expect(client, b"hello");
        echoed(client, b"still there?");
    }
    drop(served);
    let mut left = 200 - waiting.len();
    wait_until("those who waited are served", || {
        left += answered(&mut waiting).len();
        left == 200
    });
    drop(server.stdin.take());
    let rest: Vec<String> = said.map(Result::unwrap).collect();
    assert!(server.wait().unwrap().success(), "{rest:?}");
}

#[test]
fn a_server_takes_no_more_clients_than_it_has_descriptors_for() {
    const TEST: &str = "a_server_takes_no_more_clients_than_it_has_descriptors_for";
    serves_in_turns_without_descriptors(TEST, None);
}

#[test]
fn a_server_whose_limit_is_too_high_does_not_spin_without_descriptors() {
    const TEST: &str = "a_server_whose_limit_is_too_high_does_not_spin_without_descriptors";
    serves_in_turns_without_descriptors(TEST, Some(1000));
}
