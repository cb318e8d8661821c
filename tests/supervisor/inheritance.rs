//! What a worker has of its supervisor, and what it has not.

use std::env;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{SigSet, Signal};

use crate::clients::{once, until};
use crate::program::start;
use crate::support::harness::Program;

/// The field of a status as `/proc` shows it.
fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.split(';').find(|line| line.starts_with(name)).unwrap();
    line.split_once(':').unwrap().1.trim()
}

pub fn a_worker_inherits_the_sockets_and_nothing_else() {
    let secret = tempfile::NamedTempFile::new().unwrap();
    let open = File::open(secret.path()).unwrap();
    // Where no socket of a worker will take its place.
    // SAFETY: the call makes the descriptor, for this test alone.
    let open = unsafe { OwnedFd::from_raw_fd(fcntl(&open, FcntlArg::F_DUPFD_CLOEXEC(50)).unwrap()) };
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .env("NOTIFY_SOCKET", "/nonexistent/notify")
        .env("WATCHDOG_USEC", "20000000")
        .env("LISTEN_FDS", "7")
        .env("LISTEN_PID", "1")
        .env("GREENSERVE_WORKER", "0:1:1000:1")
        .env("KEPT", "as it was");
    // The supervisor is started with a descriptor too many and with a signal
    // blocked, as a careless starter does.
    fcntl(&open, FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
    let mask = SigSet::from(Signal::SIGUSR2);
    let before = mask.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK).unwrap();
    let program = Program::start_by(&mut command, "stream=127.0.0.1:0 workers=1");
    before.thread_set_mask().unwrap();
    fcntl(&open, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).unwrap();
    let address = program.address();

    let of_supervisor = std::fs::read_link(format!("/proc/{}/fd/{}", program.pid(), open.as_raw_fd())).unwrap();
    let secret = secret.path().to_string_lossy().into_owned();
    assert_eq!(of_supervisor.to_string_lossy(), secret, "the test does not test");
    let descriptors = once(&address, "descriptors");
    assert!(!descriptors.contains(&secret), "{descriptors}");
    assert!(descriptors.contains("0=/dev/null"), "{descriptors}");
    assert_eq!(once(&address, "variable KEPT"), "as it was");
    assert_eq!(once(&address, "variable LISTEN_FDS"), "1");
    assert_eq!(once(&address, "variable LISTEN_FDNAMES"), "listen0");
    for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PIDFDID"] {
        assert_eq!(once(&address, &format!("variable {name}")), "-", "{name}");
    }
    assert_eq!(once(&address, "variable LISTEN_PID"), once(&address, "pid"));
    assert_eq!(once(&address, "supervisor"), program.pid().to_string());
    let status = once(&address, "status");
    assert_eq!(u64::from_str_radix(field(&status, "ShdPnd"), 16), Ok(0));
    // Of the worker's threads each may block what it likes; its first one
    // begins with nothing.
    let pid = once(&address, "pid");
    let first = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/status")).unwrap();
    assert_eq!(field(&first.replace('\n', ";"), "SigBlk"), "0000000000000000");
}

pub fn a_program_that_a_worker_starts_is_no_worker() {
    let program = start("stream=127.0.0.1:0 workers=1");
    let address = program.address();
    // It has the variables, which are not for it, and none of the descriptors.
    let said = once(&address, "start");
    assert!(said.contains("not a worker: true"), "{said}");
    assert!(said.contains("Some(1)") && said.contains("has no socket"), "{said}");
}

/// How a program ends that is told to be the worker with this label.
fn pretends(label: &str) -> String {
    let mut command = Command::new("/bin/sh");
    let script = format!("GREENSERVE_WORKER={label}:$$ exec \"$0\"");
    command.arg("-c").arg(script).arg(env::current_exe().unwrap());
    let (status, said) = Program::start_by(&mut command, "stream=127.0.0.1:0").ended();
    assert_eq!(status.code(), Some(1), "{said}");
    said
}

pub fn a_worker_that_does_not_fit_its_supervisor_does_not_begin() {
    let this = std::process::id();
    let said = pretends(&format!("0:2:1000:{this}"));
    assert!(said.contains("wants 1 sockets") && said.contains("passes 2"), "{said}");
    let said = pretends("0:1:1000:1");
    assert!(
        said.contains("cannot be a worker of a supervisor: it has ended"),
        "{said}"
    );
    let said = pretends(&format!("0:1:1000:{this}"));
    assert!(said.contains("cannot take over the supervisor's sockets"), "{said}");
    let nested = start("stream=127.0.0.1:0 workers=1 worker=nested failures=1");
    let (status, said) = nested.ended();
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains("can have one supervisor only"), "{said}");
}

pub fn the_supervisor_starts_no_coroutines() {
    let program = start("stream=127.0.0.1:0 datagram=localhost:0 workers=2");
    let address = program.address();
    until(&address, "pid", |pid| !pid.is_empty());
    let threads = std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let names: Vec<_> = threads
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .collect();
    // Its own, and for a few seconds the one that looked up the name.
    assert!(names.len() <= 2, "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("greenserve-0")), "{names:?}");
    drop(program);
    let program = start("stream=127.0.0.1:0 workers=2");
    program.address();
    let threads = std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    assert_eq!(threads.count(), 1);
}
