//! Faults of the machine rather than of clients.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::citizen::Citizen;
use crate::program::{self, Program};
use crate::target::Target;

fn short() -> Duration {
    Duration::from_millis(200)
}

fn is_served(address: SocketAddr) -> bool {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.write_all(b"?").is_ok() && client.read_exact(&mut [0]).is_ok()
}

/// Stopped by the terminal, a debugger or a freezer, and continued.
#[test]
fn a_server_that_was_stopped_goes_on() {
    let (server, target) = crate::hardened(&["--idle", "30"]);
    let mut citizen = Citizen::connect(&target);
    citizen.measure(short());
    let pid = Pid::from_raw(server.pid() as i32);
    for _ in 0..3 {
        kill(pid, Signal::SIGSTOP).unwrap();
        thread::sleep(short());
        kill(pid, Signal::SIGCONT).unwrap();
        citizen.measure(short());
        Citizen::connect(&target).measure(short());
    }
    drop(citizen);
    server.end_well();
}

/// With 1 GiB of addresses, clients of 64 MiB of stack each are soon too many:
/// they are not served, and the others go on.
#[test]
fn a_server_that_may_have_no_more_memory_serves_whom_it_has() {
    // That engine takes a pool of stacks when it starts, and has no room for it.
    if std::env::var("GREENSERVE_ENGINE").is_ok_and(|engine| engine == "may") {
        return println!("skipped: the engine may");
    }
    let mut command = Command::new(program::built("hardened_echo"));
    command.args(["--listen", "127.0.0.1:0", "--stack-size", "67108864", "--workers", "1"]);
    // SAFETY: setrlimit(2) alone, which may be called after fork(2).
    #[allow(unsafe_code, reason = "a limit for the child alone")]
    unsafe {
        command.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_AS, 1 << 30, 1 << 30)?));
    }
    let mut server = Program::run(&mut command);
    let address: SocketAddr = server.address().parse().unwrap();
    let target = Target::Tcp(address);
    let mut citizen = Citizen::connect(&target);
    let waiting: Vec<_> = (0..40).map(|_| TcpStream::connect(address).unwrap()).collect();
    citizen.measure(short());
    drop(waiting);
    // Their stacks are given back one after the other.
    let begin = Instant::now();
    while !is_served(address) {
        assert!(begin.elapsed() < Duration::from_secs(10), "nobody is served any more");
    }
    citizen.measure(short());
    drop(citizen);
    server.end_well();
}

/// The wall clock jumps by an hour and back; nothing here waits by it.
#[test]
fn a_clock_that_is_set_ends_nothing_early_and_nothing_late() {
    let directory = tempfile::tempdir().unwrap();
    let (source, library) = (directory.path().join("clock.c"), directory.path().join("clock.so"));
    fs::write(&source, JUMPING_CLOCK).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .unwrap();
    assert!(compiled.success());
    let mut command = Command::new(program::built("hardened_echo"));
    command
        .args(["--listen", "127.0.0.1:0", "--idle", "1"])
        .env("LD_PRELOAD", &library);
    let mut server = Program::run(&mut command);
    let address: SocketAddr = server.address().parse().unwrap();
    let target = Target::Tcp(address);
    let mut citizen = Citizen::connect(&target);
    citizen.measure(Duration::from_millis(1500));
    thread::sleep(Duration::from_millis(500));
    citizen.measure(short());
    // And a client that says no more is ended all the same.
    let mut idle = TcpStream::connect(address).unwrap();
    idle.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    idle.write_all(b"x").unwrap();
    let mut heard = Vec::new();
    idle.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"x");
    drop(citizen);
    server.end_well();
}

/// Every look at the wall clock is an hour ahead of the one before, or behind.
const JUMPING_CLOCK: &str = r"
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int looks;
    int result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME)
        now->tv_sec += __sync_fetch_and_add(&looks, 1) % 2 ? 3600 : -3600;
    return result;
}
";
