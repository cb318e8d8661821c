//! What servers promise that fork a child for each request.
//!
//! A server of this model needs a process with one thread, so this binary
//! starts itself again as the server and looks at it from outside.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the programs speak with their starter")]

mod support;

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream as Client};
use std::process::{self, ExitCode};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use greenserve::net::{Address, Peer, TcpStream};
use greenserve::{
    Context, Deadlines, Error, Event, Failure, Family, Fork, HandlerError, Hooks, ProxyProtocol, Server, ServerHandle,
    Tcp, TcpServer, Udp, Unix, UnixDatagrams, each, runtime, with_context,
};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;
use support::exchange::{Reach, Upper, three_clients, upper};
use support::harness::{self, Case, Program};
use support::scenario::{SCENARIOS, named, noted, whole};
use support::stages::Fault;
use support::trace::Trace;
use support::{LIMIT, comes_true, connect, is_closed, is_listening, read_exactly, stays_silent, wait_until};

const CASES: &[Case] = &[
    (
        "three_clients_are_served_in_every_family",
        three_clients_are_served_in_every_family,
    ),
    (
        "hooks_are_called_once_each_in_parent_or_child",
        hooks_are_called_once_each_in_parent_or_child,
    ),
    (
        "a_timeout_calls_handle_timeout_and_nothing_else",
        a_timeout_calls_handle_timeout_and_nothing_else,
    ),
    (
        "each_request_has_a_process_of_its_own",
        each_request_has_a_process_of_its_own,
    ),
    (
        "a_child_has_its_own_connection_and_no_other_socket_of_the_server",
        a_child_has_its_own_connection_and_no_other_socket_of_the_server,
    ),
    ("a_child_may_reset_its_connection", a_child_may_reset_its_connection),
    ("ended_children_are_reaped_at_once", ended_children_are_reaped_at_once),
    ("no_more_than_max_children_run", no_more_than_max_children_run),
    ("a_child_of_the_user_is_not_reaped", a_child_of_the_user_is_not_reaped),
    (
        "a_crash_of_a_child_leaves_the_parent_serving",
        a_crash_of_a_child_leaves_the_parent_serving,
    ),
    (
        "a_child_ends_with_status_0_or_1_if_it_failed",
        a_child_ends_with_status_0_or_1_if_it_failed,
    ),
    (
        "what_becomes_of_children_is_told_and_counted_in_the_parent",
        what_becomes_of_children_is_told_and_counted_in_the_parent,
    ),
    (
        "a_signal_is_obeyed_at_once_while_all_children_run",
        a_signal_is_obeyed_at_once_while_all_children_run,
    ),
    (
        "a_child_believes_its_proxy_and_keeps_deadlines",
        a_child_believes_its_proxy_and_keeps_deadlines,
    ),
    ("a_child_runs_no_exit_handlers", a_child_runs_no_exit_handlers),
    ("a_second_thread_makes_serving_fail", a_second_thread_makes_serving_fail),
    (
        "a_started_runtime_makes_serving_fail",
        a_started_runtime_makes_serving_fail,
    ),
    (
        "a_thread_that_comes_later_makes_requests_fail",
        a_thread_that_comes_later_makes_requests_fail,
    ),
    (
        "starting_in_the_background_is_refused",
        starting_in_the_background_is_refused,
    ),
    (
        "the_socket_file_survives_the_end_of_a_child",
        the_socket_file_survives_the_end_of_a_child,
    ),
    ("sigterm_lets_children_finish", sigterm_lets_children_finish),
    (
        "children_are_killed_at_the_deadline",
        children_are_killed_at_the_deadline,
    ),
    (
        "a_second_signal_kills_children_at_once",
        a_second_signal_kills_children_at_once,
    ),
    (
        "a_signal_to_a_child_ends_the_child_alone",
        a_signal_to_a_child_ends_the_child_alone,
    ),
    (
        "shutdown_in_a_child_does_not_reach_the_parent",
        shutdown_in_a_child_does_not_reach_the_parent,
    ),
    (
        "a_request_can_be_killed_from_the_parent",
        a_request_can_be_killed_from_the_parent,
    ),
    (
        "a_child_that_outlives_the_server_leaves_the_port_free",
        a_child_that_outlives_the_server_leaves_the_port_free,
    ),
];

fn main() -> ExitCode {
    harness::main(CASES, |words| match words {
        ["matrix", family, form, at] => program_matrix(family, form, at),
        ["scenario", name] => program_scenario(named(name).fault),
        ["timeout"] => program_timeout(),
        ["serve", settings @ ..] => program_serve(&Settings::of(settings)),
        ["foreign"] => program_foreign(),
        ["statuses"] => program_statuses(),
        ["told"] => program_told(),
        ["guarded"] => program_guarded(),
        ["buffered"] => program_buffered(),
        ["threaded"] => program_threaded(),
        ["running"] => program_running(),
        ["late-thread"] => program_late_thread(),
        ["killing"] => program_killing(),
        ["leaving"] => program_leaving(),
        other => panic!("no program {other:?}"),
    })
}

fn three_clients_are_served_in_every_family() {
    fn check<F: Reach>(at: &str) {
        for form in ["function", "type", "files"] {
            let mut program = Program::start(&format!("matrix {} {form} {at}", F::NAME));
            three_clients::<F>(&program.address());
            program.signal(Signal::SIGTERM);
            assert!(program.wait().success(), "{} {form}", F::NAME);
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let path = format!("unix:{}", directory.path().join("socket").display());
    check::<Tcp>("127.0.0.1:0");
    check::<Udp>("127.0.0.1:0");
    check::<Unix>(&path);
    check::<UnixDatagrams>(&path);
}

fn program_matrix(family: &str, form: &str, at: &str) {
    fn serve<F: Reach>(form: &str, at: &str) {
        let builder = match form {
            "function" => Server::<F>::builder(upper::<F::Request>),
            "type" => Server::<F>::builder(each(Upper::default)),
            _ => Server::<F>::builder(F::files()),
        };
        let mut server = builder.processes(40).bind(at).unwrap();
        server.handle_signals().unwrap();
        println!("{}", server.address().unwrap());
        assert!(server.serve_until_signal(LIMIT).unwrap().is_clean());
    }
    match family {
        Tcp::NAME => serve::<Tcp>(form, at),
        Udp::NAME => serve::<Udp>(form, at),
        Unix::NAME => serve::<Unix>(form, at),
        _ => serve::<UnixDatagrams>(form, at),
    }
}

fn hooks_are_called_once_each_in_parent_or_child() {
    for scenario in SCENARIOS {
        let program = Program::start(&format!("scenario {}", scenario.name));
        let mut parent = vec![program.line(), program.line()];
        let address = program.address();
        assert!(is_closed(&connect(&address)));
        let notes = program.succeeds();
        let (child, rest): (Vec<_>, Vec<_>) = notes.into_iter().partition(|note| note.starts_with("child: "));
        let child: Vec<_> = child.iter().map(|note| note.trim_start_matches("child: ")).collect();
        assert_eq!(child, scenario.handling, "{}", scenario.name);
        parent.extend(rest);
        // It closes its copy of what goes on in the child.
        let left_to_child: &[_] = if scenario.handling.is_empty() {
            &[]
        } else {
            &["close_request"]
        };
        let expected = whole(&[scenario.accepting, left_to_child].concat());
        assert_eq!(parent, expected, "{}", scenario.name);
    }
}

fn program_scenario(fault: Fault) {
    let trace = Trace::to_stdout();
    let mut server = noted(&trace, fault).processes(40).bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    server.handle_request().unwrap();
    assert!(server.stop(LIMIT).is_clean());
}

fn a_timeout_calls_handle_timeout_and_nothing_else() {
    assert_eq!(Program::start("timeout").succeeds(), whole(&["handle_timeout"]));
}

fn program_timeout() {
    let builder = noted(&Trace::to_stdout(), Fault::Nowhere).processes(40);
    let builder = builder.timeout(Some(Duration::from_millis(20)));
    builder.bind("127.0.0.1:0").unwrap().handle_request().unwrap();
}

/// What the program `serve` is to do, as `name=value`.
#[derive(Debug)]
struct Settings {
    at: String,
    max: usize,
    grace: Duration,
}

impl Settings {
    fn of(words: &[&str]) -> Settings {
        let mut settings = Settings {
            at: "127.0.0.1:0".to_owned(),
            max: 40,
            grace: LIMIT,
        };
        for word in words {
            match word.split_once('=') {
                Some(("at", value)) => settings.at = value.to_owned(),
                Some(("max", value)) => settings.max = value.parse().unwrap(),
                Some(("grace", value)) => settings.grace = Duration::from_millis(value.parse().unwrap()),
                _ => panic!("no setting {word}"),
            }
        }
        settings
    }
}

/// Serves [`obey`], then prints how the drain went.
fn program_serve(settings: &Settings) {
    if settings.at.starts_with("unix:") {
        let handler = |_: &mut greenserve::net::UnixStream| io::Result::Ok(());
        return announce_and_serve(
            Server::<Unix>::builder(handler)
                .processes(settings.max)
                .bind(settings.at.as_str())
                .unwrap(),
            settings,
        );
    }
    let builder = TcpServer::builder(with_context(obey)).processes(settings.max);
    announce_and_serve(builder.bind(settings.at.as_str()).unwrap(), settings);
}

fn announce_and_serve<F: Family>(mut server: Server<F, Fork>, settings: &Settings) {
    server.handle_signals().unwrap();
    println!("{}", server.address().unwrap());
    server.serve_forever().unwrap();
    println!("draining {} children", server.concurrency().active_children());
    println!("{}", server.stop(settings.grace));
}

/// Does what each byte of the client says.
fn obey(client: &mut TcpStream, context: &Context) -> Result<(), Failure> {
    let mut byte = [0];
    while client.read(&mut byte)? == 1 {
        match byte[0] {
            b'a' => process::abort(),
            b's' => segfault(),
            b'f' => return Err("on purpose".into()),
            b'g' => return Err(io::Error::from(io::ErrorKind::ConnectionReset).into()),
            b'p' => panic!("on purpose"),
            b'z' => runtime::sleep(Duration::from_secs(600))?,
            b'd' => context.server().shutdown(),
            b'r' => return Ok(client.set_linger(Some(Duration::ZERO))?),
            b'i' => writeln!(client, "{}", process::id())?,
            other => client.write_all(&[other])?,
        }
    }
    Ok(())
}

fn segfault() {
    let nowhere = std::ptr::without_provenance_mut::<u8>(8);
    // SAFETY: it is not; the fault is what is wanted.
    unsafe { nowhere.write_volatile(1) };
}

/// A client that a child serves already.
fn served(address: &Address) -> Client {
    let mut client = connect(address);
    client.write_all(b".").unwrap();
    assert_eq!(read_exactly(&client, 1), b".");
    client
}

/// The process that serves `client`.
fn server_of(client: &mut Client) -> Pid {
    client.write_all(b"i").unwrap();
    let mut line = String::new();
    while !line.ends_with('\n') {
        line.push(char::from(read_exactly(&*client, 1)[0]));
    }
    Pid::from_raw(line.trim().parse().unwrap())
}

/// The children of a process, ended ones that nobody has reaped included.
fn children(of: Pid) -> Vec<Pid> {
    let text = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap();
    text.split_whitespace()
        .map(|pid| Pid::from_raw(pid.parse().unwrap()))
        .collect()
}

fn each_request_has_a_process_of_its_own() {
    let program = Program::start("serve");
    let address = program.address();
    let (mut one, mut other) = (served(&address), served(&address));
    let (first, second) = (server_of(&mut one), server_of(&mut other));
    assert_ne!(first, second);
    let mut expected = children(program.pid());
    expected.sort();
    let mut found = vec![first, second];
    found.sort();
    assert_eq!(found, expected);
}

/// The sockets at a port of this machine, by inode, with their states in the
/// form of proc(5): `0A` listens, `01` is a connection.
fn sockets_at(port: u16) -> Vec<(String, String)> {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let here = rows.filter(|row| row[1].ends_with(&format!(":{port:04X}")));
    here.map(|row| (format!("socket:[{}]", row[9]), row[3].to_owned()))
        .collect()
}

fn links_of(pid: Pid) -> Vec<String> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = descriptors.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
    links.map(|link| link.to_str().unwrap().to_owned()).collect()
}

fn a_child_has_its_own_connection_and_no_other_socket_of_the_server() {
    let program = Program::start("serve");
    let address = program.address();
    let (mut one, mut other) = (served(&address), served(&address));
    let sockets = sockets_at(address.port().unwrap());
    for client in [&mut one, &mut other] {
        let links = links_of(server_of(client));
        let held: Vec<_> = sockets.iter().filter(|(inode, _)| links.contains(inode)).collect();
        let states: Vec<_> = held.iter().map(|(_, state)| state.as_str()).collect();
        assert_eq!(states, ["01"], "{links:?}");
    }
    // And the parent has the listener alone.
    let links = links_of(program.pid());
    let held = sockets.iter().filter(|(inode, _)| links.contains(inode));
    assert_eq!(held.map(|(_, state)| state.as_str()).collect::<Vec<_>>(), ["0A"]);
}

/// An orderly end before it would be taken for that of the message.
fn a_child_may_reset_its_connection() {
    let program = Program::start("serve");
    let mut client = served(&program.address());
    client.write_all(b"r").unwrap();
    let end = client.read(&mut [0; 8]).map_err(|err| err.kind());
    assert_eq!(end, Err(io::ErrorKind::ConnectionReset));
}

fn ended_children_are_reaped_at_once() {
    let program = Program::start("serve");
    let address = program.address();
    for _ in 0..10 {
        drop(served(&address));
    }
    wait_until("no child is left", || children(program.pid()).is_empty());
}

fn no_more_than_max_children_run() {
    let program = Program::start("serve max=2");
    let address = program.address();
    let (first, _second) = (served(&address), served(&address));
    let mut third = connect(&address);
    third.write_all(b".").unwrap();
    assert!(stays_silent(&third, Duration::from_millis(100)));
    assert_eq!(children(program.pid()).len(), 2);
    drop(first);
    assert_eq!(read_exactly(&third, 1), b".");
    assert_eq!(children(program.pid()).len(), 2);
}

fn a_child_of_the_user_is_not_reaped() {
    let program = Program::start("foreign");
    let address = program.address();
    for _ in 0..3 {
        assert!(is_closed(&connect(&address)));
    }
    assert_eq!(program.succeeds(), ["the user's child ended with 7"]);
}

fn program_foreign() {
    let mut foreign = process::Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
    // Ended, and waiting to be reaped, before the server reaps its own.
    waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    let builder = TcpServer::builder(|_: &mut TcpStream| io::Result::Ok(()));
    let mut server = builder.processes(1).bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    for _ in 0..3 {
        server.handle_request().unwrap();
    }
    assert!(server.stop(LIMIT).is_clean());
    println!(
        "the user's child ended with {}",
        foreign.wait().unwrap().code().unwrap()
    );
}

fn a_crash_of_a_child_leaves_the_parent_serving() {
    let program = Program::start("serve");
    let address = program.address();
    let mut bystander = served(&address);
    for crash in [b"a", b"s", b"p", b"f"] {
        let mut client = served(&address);
        client.write_all(crash).unwrap();
        assert!(is_closed(&client));
    }
    bystander.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&bystander, 1), b"x");
    served(&address);
    wait_until("the crashed are reaped", || children(program.pid()).len() == 1);
    program.signal(Signal::SIGTERM);
    assert_eq!(program.line(), "draining 1 children");
}

fn a_child_ends_with_status_0_or_1_if_it_failed() {
    let program = Program::start("statuses");
    let address = program.address();
    for command in ["", "f", "p", "a"] {
        let mut client = connect(&address);
        client.write_all(command.as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        is_closed(&client);
    }
    assert_eq!(
        program.succeeds(),
        ["exited 0", "exited 1", "exited 1", "killed by SIGABRT"]
    );
}

/// Looks at the end of each child before the server reaps it.
#[derive(Debug)]
struct Statuses {
    parent: u32,
}

impl Hooks<Tcp> for Statuses {
    fn close_request(&self, request: TcpStream, _: &Peer) {
        drop(request);
        if process::id() != self.parent {
            return;
        }
        match waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap() {
            WaitStatus::Exited(_, status) => println!("exited {status}"),
            WaitStatus::Signaled(_, signal, _) => println!("killed by {signal}"),
            other => println!("{other:?}"),
        }
    }
}

fn program_statuses() {
    let builder = TcpServer::builder(with_context(obey)).hooks(Statuses { parent: process::id() });
    let mut server = builder.processes(1).bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    for _ in 0..4 {
        server.handle_request().unwrap();
    }
    server.stop(LIMIT);
}

fn what_becomes_of_children_is_told_and_counted_in_the_parent() {
    let program = Program::start("told");
    let address = program.address();
    for command in ["", "f", "g", "a"] {
        let mut client = connect(&address);
        client.write_all(command.as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        is_closed(&client);
    }
    assert_eq!(
        program.succeeds(),
        [
            "finished",
            "failed: the handler failed: its child process ended with status 1",
            "disconnected: the client of the child process went away",
            "failed: the child process was ended by SIGABRT",
            "4 ended, 2 failed, 1 disconnected",
        ]
    );
}

fn program_told() {
    let builder = TcpServer::builder(with_context(obey)).observe(|event: &Event<'_>, _: &ServerHandle| {
        if let Event::Ended { outcome, .. } = event {
            println!("{outcome}");
        }
    });
    let mut server = builder.processes(1).bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    for _ in 0..4 {
        server.handle_request().unwrap();
    }
    let handle = server.handle();
    server.stop(LIMIT);
    let (metrics, counts) = (handle.metrics(), handle.counts());
    println!(
        "{} ended, {} failed, {} disconnected",
        metrics.request_time.count(),
        counts.failed,
        counts.disconnected
    );
}

fn a_signal_is_obeyed_at_once_while_all_children_run() {
    let mut program = Program::start("serve max=1 grace=0");
    let address = program.address();
    let mut only = served(&address);
    only.write_all(b"z").unwrap();
    let waits = connect(&address);
    program.signal(Signal::SIGTERM);
    let (status, took) = program.wait_timed();
    assert!(status.success());
    assert!(took < LIMIT / 4, "obeyed after {took:?}");
    assert!(is_closed(&only) && is_closed(&waits));
}

fn a_child_believes_its_proxy_and_keeps_deadlines() {
    let program = Program::start("guarded");
    let mut client = connect(&program.address());
    client.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 7777 80\r\n").unwrap();
    // Then silence, which the deadline ends.
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "192.0.2.7:7777\n");
    assert_eq!(
        program.succeeds(),
        ["disconnected: the client of the child process went away"]
    );
}

fn program_guarded() {
    let builder = TcpServer::builder(with_context(|client: &mut TcpStream, context: &Context| {
        writeln!(client, "{}", context.client_address())?;
        client.read(&mut [0]).map(drop)
    }));
    let builder = builder
        .proxy_protocol(ProxyProtocol::trusting(["127.0.0.0/8"]).unwrap())
        .deadlines(
            Deadlines::none()
                .idle(Duration::from_millis(50))
                .first_byte(Duration::from_millis(50)),
        )
        .observe(|event: &Event<'_>, _: &ServerHandle| {
            if let Event::Ended { outcome, .. } = event {
                println!("{outcome}");
            }
        });
    let mut server = builder.processes(1).bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    server.handle_request().unwrap();
    server.stop(LIMIT);
}

fn a_child_runs_no_exit_handlers() {
    let program = Program::start("buffered");
    assert!(is_closed(&connect(&program.address())));
    assert_eq!(program.succeeds(), ["said once"]);
}

fn program_buffered() {
    let builder = TcpServer::builder(|_: &mut TcpStream| io::Result::Ok(()));
    let mut server = builder.processes(1).bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    // Still in the buffer, which a process flushes when it exits.
    print!("said ");
    server.handle_request().unwrap();
    server.stop(LIMIT);
    println!("once");
}

fn a_second_thread_makes_serving_fail() {
    assert_eq!(
        Program::start("threaded").succeeds(),
        [
            "cannot fork: this process has 2 threads; a forking server must be served before anything starts a \
          thread or a coroutine"
        ]
    );
}

fn program_threaded() {
    let (_stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || stopped.recv());
    print_fork_unsafe(nothing_server().serve_forever());
    drop(_stop);
    let _ = thread.join();
}

fn nothing_server() -> Server<Tcp, Fork> {
    let builder = TcpServer::builder(|_: &mut TcpStream| io::Result::Ok(()));
    builder.processes(40).bind("127.0.0.1:0").unwrap()
}

fn print_fork_unsafe(served: greenserve::Result<()>) {
    match served {
        Err(err @ Error::ForkUnsafe { .. }) => println!("{err}"),
        other => println!("{other:?}"),
    }
}

fn a_started_runtime_makes_serving_fail() {
    assert_eq!(
        Program::start("running").succeeds(),
        [
            "cannot fork: the coroutine runtime has started; a forking server must be served before anything starts a \
          thread or a coroutine"
        ]
    );
}

fn program_running() {
    runtime::start().unwrap();
    print_fork_unsafe(nothing_server().serve_forever());
}

fn a_thread_that_comes_later_makes_requests_fail() {
    let program = Program::start("late-thread");
    assert!(is_closed(&connect(&program.address())));
    let said = program.line();
    assert!(
        said.starts_with("the handler could not be started: cannot fork: this process has 2 threads"),
        "{said}"
    );
}

/// Starts a thread when it is too late for that.
#[derive(Debug, Default)]
struct LateThread(OnceLock<std::thread::JoinHandle<()>>);

impl Hooks<Tcp> for LateThread {
    fn verify_request(&self, _: &TcpStream, _: &Peer) -> Result<bool, Failure> {
        self.0.get_or_init(|| std::thread::spawn(|| std::thread::sleep(LIMIT)));
        Ok(true)
    }

    fn handle_error(&self, error: &HandlerError, _: &Context) {
        println!("{error}");
    }
}

fn program_late_thread() {
    let builder = TcpServer::builder(with_context(obey)).hooks(LateThread::default());
    let mut server = builder.processes(1).bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    server.serve_forever().unwrap();
}

fn starting_in_the_background_is_refused() {
    let err = nothing_server().start().unwrap_err();
    assert!(matches!(err, Error::ForkUnsafe { .. }), "{err}");
}

fn the_socket_file_survives_the_end_of_a_child() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut program = Program::start(&format!("serve at=unix:{}", path.display()));
    program.address();
    for _ in 0..3 {
        let mut client = support::connect_unix(&path);
        client.shutdown(Shutdown::Write).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
        wait_until("the child is gone", || children(program.pid()).is_empty());
        assert!(path.exists());
    }
    program.signal(Signal::SIGTERM);
    assert!(program.wait().success());
    assert!(!path.exists());
}

fn sigterm_lets_children_finish() {
    let program = Program::start("serve");
    let address = program.address();
    let mut client = served(&address);
    program.signal(Signal::SIGTERM);
    assert_eq!(program.line(), "draining 1 children");
    wait_until("the port is free", || !is_listening(&address));
    client.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&client, 1), b"x");
    drop(client);
    let said = program.succeeds();
    assert!(said[0].ends_with("1 finished"), "{said:?}");
}

fn children_are_killed_at_the_deadline() {
    support::keeps_time(|| {
        let mut program = Program::start("serve grace=200");
        let address = program.address();
        let mut clients = [served(&address), served(&address)];
        clients[0].write_all(b"z").unwrap();
        let begin = Instant::now();
        program.signal(Signal::SIGTERM);
        assert!(program.wait().success());
        let took = begin.elapsed();
        assert_eq!(program.line(), "draining 2 children");
        let said = program.line();
        assert!(said.contains("0 finished, killed fork 127.0.0.1:"), "{said}");
        assert!(!said.contains("still running"), "{said}");
        assert!(clients.iter().all(is_closed));
        assert!(took >= Duration::from_millis(200), "{took:?}");
        if took > Duration::from_millis(300) {
            Err(format!("{took:?}"))
        } else {
            Ok(())
        }
    });
}

fn a_second_signal_kills_children_at_once() {
    let mut program = Program::start("serve");
    let address = program.address();
    let mut client = served(&address);
    client.write_all(b"z").unwrap();
    program.signal(Signal::SIGTERM);
    assert_eq!(program.line(), "draining 1 children");
    program.signal(Signal::SIGINT);
    let (status, took) = program.wait_timed();
    assert!(status.success());
    assert!(took < LIMIT / 4, "{took:?}");
    assert!(is_closed(&client));
}

fn a_signal_to_a_child_ends_the_child_alone() {
    let mut program = Program::start("serve");
    let address = program.address();
    let mut client = served(&address);
    kill(server_of(&mut client), Signal::SIGTERM).unwrap();
    assert!(is_closed(&client));
    served(&address);
    assert!(program.runs());
}

fn shutdown_in_a_child_does_not_reach_the_parent() {
    let mut program = Program::start("serve");
    let address = program.address();
    let mut client = served(&address);
    client.write_all(b"d.").unwrap();
    assert_eq!(read_exactly(&client, 1), b".");
    drop(client);
    wait_until("the child is gone", || children(program.pid()).is_empty());
    served(&address);
    assert!(program.runs());
}

fn a_request_can_be_killed_from_the_parent() {
    let program = Program::start("killing");
    let address = program.address();
    let mut client = connect(&address);
    client.write_all(b"z").unwrap();
    assert!(is_closed(&client));
    assert!(is_closed(&connect(&address)));
    wait_until("the killed are reaped", || children(program.pid()).is_empty());
}

/// Kills every request it finds.
#[derive(Debug, Default)]
struct Killing(Arc<OnceLock<ServerHandle>>);

impl Hooks<Tcp> for Killing {
    fn service_actions(&self) {
        for connection in self.0.get().unwrap().connections() {
            self.0.get().unwrap().kill(connection.id);
        }
    }
}

fn program_killing() {
    let handle = Arc::<OnceLock<ServerHandle>>::default();
    let hooks = Killing(Arc::clone(&handle));
    let builder = TcpServer::builder(with_context(obey)).hooks(hooks).processes(40);
    let mut server = builder
        .poll_interval(Duration::from_millis(5))
        .bind("127.0.0.1:0")
        .unwrap();
    handle.set(server.handle()).unwrap();
    println!("{}", server.address().unwrap());
    server.serve_forever().unwrap();
}

fn a_child_that_outlives_the_server_leaves_the_port_free() {
    let program = Program::start("leaving");
    let address = program.address();
    let mut client = connect(&address);
    client.write_all(b".").unwrap();
    assert_eq!(program.line(), "closed");
    assert!(comes_true(LIMIT, || std::net::TcpListener::bind(support::ip(&address)).is_ok()));
    assert_eq!(read_exactly(&client, 1), b".");
    client.write_all(b"x").unwrap();
    assert_eq!(read_exactly(&client, 1), b"x");
}

fn program_leaving() {
    let builder = TcpServer::builder(with_context(obey)).model(Fork::new().block_on_close(false));
    let mut server = builder.bind("127.0.0.1:0").unwrap();
    println!("{}", server.address().unwrap());
    server.handle_request().unwrap();
    assert!(server.server_close().is_clean());
    println!("closed");
}
