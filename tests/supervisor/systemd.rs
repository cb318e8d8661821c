//! What systemd passes and is told, played by the test.

use std::env;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::clients::{once, tcp};
use crate::support::harness::Program;
use crate::support::{LIMIT, is_listening, wait_until};

/// A service manager's end of sd_notify(3).
pub struct Manager {
    socket: UnixDatagram,
    directory: tempfile::TempDir,
}

impl Manager {
    pub fn new() -> Manager {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        Manager { socket, directory }
    }

    /// Has the program tell this manager.
    pub fn watch<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("NOTIFY_SOCKET", self.directory.path().join("notify"))
    }

    pub fn start(&self, words: &str) -> Program {
        Program::start_by(self.watch(&mut Command::new(env::current_exe().unwrap())), words)
    }

    /// The next thing it is told that begins with `what`.
    #[track_caller]
    pub fn expect(&self, what: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut others = Vec::new();
        loop {
            let left = deadline
                .saturating_duration_since(Instant::now())
                .max(Duration::from_millis(1));
            self.socket.set_read_timeout(Some(left)).unwrap();
            let mut heard = [0; 4096];
            let Ok(count) = self.socket.recv(&mut heard) else {
                panic!("{what} is not told, only {others:?}");
            };
            let told = String::from_utf8_lossy(&heard[..count]).into_owned();
            if told.starts_with(what) {
                return told;
            }
            others.push(told);
        }
    }
}

pub fn systemd_is_told_what_happens() {
    let manager = Manager::new();
    let mut command = Command::new(env::current_exe().unwrap());
    manager.watch(&mut command).env("WATCHDOG_USEC", "200000");
    let program = Program::start_by(&mut command, "stream=127.0.0.1:0 workers=2");
    manager.expect("READY=1\nSTATUS=2 of 2 workers serve\n");
    let address = program.address();
    let begin = Instant::now();
    for _ in 0..5 {
        manager.expect("WATCHDOG=1");
    }
    assert!(
        begin.elapsed() >= Duration::from_millis(300),
        "not more often than half"
    );

    let worker: i32 = once(&address, "pid").parse().unwrap();
    kill(Pid::from_raw(worker), Signal::SIGKILL).unwrap();
    manager.expect("STATUS=1 of 2 workers serve");
    manager.expect("STATUS=2 of 2 workers serve");

    program.signal(Signal::SIGHUP);
    let told = manager.expect("RELOADING=1\nMONOTONIC_USEC=");
    let microseconds: u64 = told.lines().nth(1).unwrap().split_once('=').unwrap().1.parse().unwrap();
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
    let ago = Duration::from(now).saturating_sub(Duration::from_micros(microseconds));
    assert!(ago < LIMIT, "{told}");
    manager.expect("READY=1");
    program.signal(Signal::SIGTERM);
    manager.expect("STOPPING=1");
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
}

/// Starts the program as systemd would: the listener at 3, and `LISTEN_PID`
/// its own.
fn with_passed_socket(listener: std::net::TcpListener, names: &str, words: &str) -> Program {
    let mut command = Command::new("/bin/sh");
    let number = listener.as_raw_fd();
    let script = format!("exec 3<&{number}; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={names} exec \"$0\"");
    command.arg("-c").arg(script).arg(env::current_exe().unwrap());
    // The shell must inherit it.
    let inherited = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty());
    nix::fcntl::fcntl(&listener, inherited).unwrap();
    let program = Program::start_by(&mut command, words);
    drop(listener);
    program
}

pub fn its_sockets_are_taken_over() {
    for which in ["systemd", "systemd:http", "systemd:0"] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().to_string();
        let program = with_passed_socket(listener, "http", &format!("stream={which} workers=2"));
        let address = program.address();
        assert_eq!(address.to_string(), port);
        assert_eq!(once(&address, "variable LISTEN_FDS"), "1");
        let mut client = tcp(&address);
        assert_eq!(client.ask("variable LISTEN_PID"), client.ask("pid"));
        drop(client);
        program.signal(Signal::SIGTERM);
        let (status, said) = program.ended();
        assert_eq!(status.code(), Some(0), "{said}");
    }
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let program = with_passed_socket(listener, "http", "stream=systemd:admin workers=2");
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("called \"http\""), "{said}");
}

pub fn its_own_tool_passes_sockets() {
    let tool = "systemd-socket-activate";
    if Command::new(tool).arg("--version").output().is_err() {
        println!("skipped: there is no {tool}");
        return;
    }
    // It takes no port 0: one that was free a moment ago must do.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address: greenserve::net::Address = free.local_addr().unwrap().into();
    drop(free);
    let mut command = Command::new(tool);
    command
        .arg(format!("--listen={address}"))
        .arg("--fdname=http")
        .arg("--setenv=GREENSERVE_TEST_PROGRAM")
        .arg(env::current_exe().unwrap());
    let program = Program::start_by(&mut command, "stream=systemd:http workers=2");
    wait_until("the tool listens", || is_listening(&address));
    // The first client has it start the program.
    assert_eq!(once(&address, "hello"), "hello");
    assert_eq!(program.line(), address.to_string());
    program.signal(Signal::SIGTERM);
    let (status, said) = program.ended();
    assert_eq!(status.code(), Some(0), "{said}");
}
