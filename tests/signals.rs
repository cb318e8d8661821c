//! How SIGTERM and SIGINT end a server, in processes of their own; for forked
//! children see `fork.rs`.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the programs speak with their starter")]

mod support;

use std::io::{self, Read, Write};
use std::net::TcpStream as Client;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use greenserve::net::{Address, TcpStream};
use greenserve::{Coroutine, Fork, Inline, Model, Server, Tcp, TcpServer, Thread, runtime};
use nix::sys::signal::{Signal, raise};
use support::harness::{self, Case, Program};
use support::{LIMIT, ask, connect, is_closed, is_listening, keeps_time, read_exactly, wait_until};

const CASES: &[Case] = &[
    (
        "either_signal_ends_an_idle_server_with_status_0",
        either_signal_ends_an_idle_server_with_status_0,
    ),
    ("a_signal_lets_clients_finish", a_signal_lets_clients_finish),
    (
        "clients_that_stay_are_killed_at_the_deadline",
        clients_that_stay_are_killed_at_the_deadline,
    ),
    (
        "a_second_signal_kills_what_is_in_flight_at_once",
        a_second_signal_kills_what_is_in_flight_at_once,
    ),
    (
        "a_second_signal_does_not_wait_for_a_thread_that_computes",
        a_second_signal_does_not_wait_for_a_thread_that_computes,
    ),
    (
        "a_signal_before_serving_makes_it_return_at_once",
        a_signal_before_serving_makes_it_return_at_once,
    ),
    ("a_signal_ends_a_paused_server", a_signal_ends_a_paused_server),
    (
        "a_signal_ends_two_servers_of_one_process",
        a_signal_ends_two_servers_of_one_process,
    ),
    (
        "a_server_in_the_background_keeps_the_grace_of_its_signals",
        a_server_in_the_background_keeps_the_grace,
    ),
    (
        "a_second_signal_ends_a_server_in_the_background_now",
        a_second_signal_ends_a_server_in_the_background,
    ),
    (
        "the_grace_of_a_forking_server_bounds_its_close",
        the_grace_of_a_forking_server,
    ),
    (
        "servers_that_come_and_go_leave_no_reader_behind",
        servers_that_come_and_go_leave_no_reader_behind,
    ),
];

/// Every model.
const MODELS: [&str; 4] = [Coroutine::NAME, Thread::NAME, Inline::NAME, Fork::NAME];

fn main() -> ExitCode {
    harness::main(CASES, |words| match words {
        ["serve", model, grace] => in_model(model, |any| any.serve(milliseconds(grace))),
        ["early", model] => in_model(model, Programs::early),
        ["paused", model] => in_model(model, Programs::paused),
        ["within", model, when, grace] => in_model(model, |any| any.within(when, milliseconds(grace))),
        ["close", grace] => program_close(milliseconds(grace)),
        ["two"] => program_two(),
        ["come-and-go"] => program_come_and_go(),
        other => panic!("no program {other:?}"),
    })
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.parse().unwrap())
}

/// A program of a server in some model.
trait Programs {
    fn serve(self: Box<Self>, grace: Duration);
    fn early(self: Box<Self>);
    fn paused(self: Box<Self>);
    fn within(self: Box<Self>, when: &str, grace: Duration);
}

fn in_model(name: &str, program: impl FnOnce(Box<dyn Programs>)) {
    let builder = TcpServer::builder(answer);
    program(match name {
        "coroutine" => Box::new(builder.bind("127.0.0.1:0").unwrap()),
        "thread" => Box::new(builder.threads().bind("127.0.0.1:0").unwrap()),
        "inline" => Box::new(builder.inline().bind("127.0.0.1:0").unwrap()),
        _ => Box::new(builder.processes(40).bind("127.0.0.1:0").unwrap()),
    });
}

/// Echoes, byte by byte; a `c` makes it compute for ever.
fn answer(client: &mut TcpStream) -> io::Result<()> {
    let mut byte = [0];
    while client.read(&mut byte)? == 1 {
        client.write_all(&byte)?;
        if byte == *b"c" {
            loop {
                std::hint::spin_loop();
            }
        }
    }
    Ok(())
}

impl<M: Model> Programs for Server<Tcp, M> {
    fn serve(mut self: Box<Self>, grace: Duration) {
        // Before the address is known: who knows it may send a signal.
        self.handle_signals().unwrap();
        println!("{}", self.address().unwrap());
        println!("{}", self.serve_until_signal(grace).unwrap());
    }

    fn early(mut self: Box<Self>) {
        self.handle_signals().unwrap();
        raise(Signal::SIGTERM).unwrap();
        self.serve_forever().unwrap();
        println!("{}", self.stop(LIMIT));
    }

    fn paused(mut self: Box<Self>) {
        self.handle_signals().unwrap();
        self.handle().pause();
        println!("{}", self.address().unwrap());
        self.serve_forever().unwrap();
    }

    fn within(mut self: Box<Self>, when: &str, grace: Duration) {
        if when == "before" {
            self.handle_signals_within(grace).unwrap();
        }
        let address = self.address().unwrap();
        let mut running = self.start().unwrap();
        if when != "before" {
            running.handle_signals_within(grace).unwrap();
        }
        println!("{address}");
        if when == "unwatched" {
            // Its owner has other things to do than to drain.
            wait_until("it was told to end", || running.handle().is_draining());
            wait_until("what was in flight is gone", || running.handle().in_flight() == 0);
        }
        println!("{}", running.wait().unwrap());
    }
}

/// A client that is served already.
fn served(address: &Address) -> Client {
    let mut client = connect(address);
    client.write_all(b".").unwrap();
    assert_eq!(read_exactly(&client, 1), b".");
    client
}

fn either_signal_ends_an_idle_server_with_status_0() {
    for model in MODELS {
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let program = Program::start(&format!("serve {model} 20000"));
            let address = program.address();
            assert_eq!(ask(&address, b"x"), b"x");
            program.signal(signal);
            let said = program.succeeds();
            assert!(
                said[0].ends_with(": 0 finished") || said[0].ends_with(": 1 finished"),
                "{model}: {said:?}"
            );
            assert!(!is_listening(&address));
        }
    }
}

fn a_signal_lets_clients_finish() {
    // An inline server has not left its loop yet; its client finishes there.
    for model in MODELS.into_iter().filter(|model| *model != Inline::NAME) {
        let program = Program::start(&format!("serve {model} 20000"));
        let address = program.address();
        let mut client = served(&address);
        assert!(is_listening(&address));
        program.signal(Signal::SIGTERM);
        wait_until("the port is free", || !is_listening(&address));
        client.write_all(b"x").unwrap();
        assert_eq!(read_exactly(&client, 1), b"x");
        drop(client);
        let said = program.succeeds();
        assert!(said[0].ends_with(": 1 finished"), "{model}: {said:?}");
    }
}

fn clients_that_stay_are_killed_at_the_deadline() {
    for model in MODELS {
        keeps_time(|| {
            let mut program = Program::start(&format!("serve {model} 200"));
            let client = served(&program.address());
            let begin = Instant::now();
            program.signal(Signal::SIGTERM);
            assert!(program.wait().success(), "{model}");
            let took = begin.elapsed();
            assert!(is_closed(&client));
            assert_names_killed(&program.line(), model, &client);
            assert!(took >= Duration::from_millis(200), "{model}: {took:?}");
            if took > Duration::from_millis(320) {
                Err(format!("{model}: {took:?}"))
            } else {
                Ok(())
            }
        });
    }
}

fn assert_names_killed(said: &str, model: &str, client: &Client) {
    let peer = client.local_addr().unwrap();
    assert!(said.starts_with("drained 1 requests in "), "{model}: {said}");
    assert!(
        said.contains(&format!(": 0 finished, killed {model} {peer} (")),
        "{model}: {said}"
    );
}

fn a_second_signal_kills_what_is_in_flight_at_once() {
    for model in MODELS {
        let mut program = Program::start(&format!("serve {model} 20000"));
        let address = program.address();
        let client = served(&address);
        program.signal(Signal::SIGTERM);
        if model != Inline::NAME {
            wait_until("the first one has closed the port", || !is_listening(&address));
        }
        program.signal(Signal::SIGINT);
        let (status, took) = program.wait_timed();
        assert!(status.success(), "{model}");
        assert!(took < LIMIT / 4, "{model}: {took:?}");
        assert!(is_closed(&client));
        assert_names_killed(&program.line(), model, &client);
    }
}

fn a_second_signal_does_not_wait_for_a_thread_that_computes() {
    let mut program = Program::start("serve thread 20000");
    let address = program.address();
    let mut client = served(&address);
    client.write_all(b"c").unwrap();
    assert_eq!(read_exactly(&client, 1), b"c");
    program.signal(Signal::SIGTERM);
    wait_until("the first one has closed the port", || !is_listening(&address));
    program.signal(Signal::SIGTERM);
    let (status, took) = program.wait_timed();
    assert!(status.success());
    assert!(took < LIMIT / 4, "{took:?}");
    let said = program.line();
    assert!(said.contains("still running thread 127.0.0.1:"), "{said}");
}

fn a_signal_before_serving_makes_it_return_at_once() {
    for model in MODELS {
        let said = Program::start(&format!("early {model}")).succeeds();
        assert!(said[0].starts_with("drained 0 requests in "), "{model}: {said:?}");
    }
}

fn a_signal_ends_a_paused_server() {
    for model in MODELS {
        let program = Program::start(&format!("paused {model}"));
        let _waiting = connect(&program.address());
        program.signal(Signal::SIGTERM);
        assert!(program.succeeds().is_empty(), "{model}");
    }
}

fn a_signal_ends_two_servers_of_one_process() {
    let program = Program::start("two");
    let (one, other) = (program.address(), program.address());
    assert_eq!((ask(&one, b"x"), ask(&other, b"y")), (b"x".to_vec(), b"y".to_vec()));
    program.signal(Signal::SIGTERM);
    assert_eq!(program.succeeds(), ["both have ended"]);
}

fn program_two() {
    let mut one = TcpServer::bind("127.0.0.1:0", answer).unwrap();
    let mut other = TcpServer::bind("127.0.0.1:0", answer).unwrap().threads();
    one.handle_signals().unwrap();
    other.handle_signals().unwrap();
    println!("{}\n{}", one.address().unwrap(), other.address().unwrap());
    let one = one.start().unwrap();
    other.serve_forever().unwrap();
    one.handle().wait(LIMIT).unwrap();
    println!("both have ended");
}

fn servers_that_come_and_go_leave_no_reader_behind() {
    let said = Program::start("come-and-go").succeeds();
    assert_eq!(said, ["all readers have ended"]);
}

fn program_come_and_go() {
    fn come_and_go<M: Model>(server: Server<Tcp, M>) {
        let mut server = server;
        server.handle_signals().unwrap();
    }
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    runtime::start().unwrap();
    let (coroutines, before, descriptors) = (runtime::live_count(), threads(), support::descriptors());
    for _ in 0..20 {
        come_and_go(TcpServer::bind("127.0.0.1:0", answer).unwrap());
        come_and_go(TcpServer::bind("127.0.0.1:0", answer).unwrap().threads());
    }
    wait_until("every reader has ended", || {
        (runtime::live_count(), threads(), support::descriptors()) == (coroutines, before, descriptors)
    });
    println!("all readers have ended");
}

fn a_server_in_the_background_keeps_the_grace() {
    for model in [Coroutine::NAME, Thread::NAME, Inline::NAME] {
        for when in ["before", "after", "unwatched"] {
            keeps_time(|| {
                let mut program = Program::start(&format!("within {model} {when} 200"));
                let client = served(&program.address());
                let begin = Instant::now();
                program.signal(Signal::SIGTERM);
                assert!(program.wait().success(), "{model} {when}");
                let took = begin.elapsed();
                assert!(is_closed(&client));
                let said = program.line();
                if when != "unwatched" && model != Inline::NAME && !said.contains("killed") {
                    // It ended by itself in the very moment of the kill.
                    return Err(format!("{model} {when}: {said}"));
                }
                assert!(took >= Duration::from_millis(200), "{model} {when}: {took:?}");
                match took > Duration::from_millis(400) {
                    true => Err(format!("{model} {when}: {took:?}")),
                    false => Ok(()),
                }
            });
        }
    }
}

fn a_second_signal_ends_a_server_in_the_background() {
    for model in [Coroutine::NAME, Thread::NAME] {
        let mut program = Program::start(&format!("within {model} after 20000"));
        let address = program.address();
        let client = served(&address);
        program.signal(Signal::SIGTERM);
        wait_until("the first one has closed the port", || !is_listening(&address));
        program.signal(Signal::SIGTERM);
        let (status, took) = program.wait_timed();
        assert!(status.success() && took < LIMIT / 4, "{model}: {took:?}");
        assert!(is_closed(&client));
    }
}

fn the_grace_of_a_forking_server() {
    let mut program = Program::start("close 200");
    let client = served(&program.address());
    let begin = Instant::now();
    program.signal(Signal::SIGTERM);
    assert!(program.wait().success());
    let took = begin.elapsed();
    assert!(is_closed(&client));
    assert!(took >= Duration::from_millis(200) && took < LIMIT / 4, "{took:?}");
    assert_names_killed(&program.line(), Fork::NAME, &client);
}

fn program_close(grace: Duration) {
    let mut server = TcpServer::builder(answer).processes(40).bind("127.0.0.1:0").unwrap();
    server.handle_signals_within(grace).unwrap();
    println!("{}", server.address().unwrap());
    server.serve_forever().unwrap();
    // Waits for the children, for ever if no signal has set a limit.
    println!("{}", server.server_close());
}
