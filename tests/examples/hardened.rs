//! The server for the open network.

use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;

use super::each_model;
use crate::program::{Program, connect, exchange, hears_end};

fn start(model: &str) -> (Program, String) {
    let mut program = Program::start("hardened_echo", &["--listen", "127.0.0.1:0", "--model", model]);
    let address = program.address();
    (program, address)
}

/// Within its grace, or its status would be 3.
fn a_client_that_is_idle_holds_up_no_end(model: &str) {
    let (program, address) = start(model);
    let [mut idle, mut silent] = [(); 2].map(|()| connect(&address));
    exchange(&mut idle, "hello", "hello");
    program.end_well();
    hears_end(&mut idle);
    hears_end(&mut silent);
}

each_model!(a_client_that_is_idle_holds_up_no_end, [coroutine, thread, fork]);

#[test]
fn on_a_unix_socket_it_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix:{}/echo", directory.path().display());
    let mut program = Program::start("hardened_echo", &["--listen", &address]);
    assert_eq!(program.address(), address);
    let mut client = UnixStream::connect(directory.path().join("echo")).unwrap();
    exchange(&mut client, "hello", "hello");
    program.end_well();
}

/// The next status, and the coroutines of the dump before it.
fn told(program: &mut Program) -> (Vec<String>, String) {
    program.signal(Signal::SIGUSR1);
    let mut coroutines = Vec::new();
    loop {
        let line = program.logged();
        match line.strip_prefix("status: ") {
            Some(status) => return (coroutines, status.to_owned()),
            None => coroutines.push(line),
        }
    }
}

#[test]
fn a_signal_has_it_tell_what_it_has() {
    let (mut program, address) = start("coroutine");
    let mut clients = [(); 2].map(|()| connect(&address));
    for client in &mut clients {
        exchange(client, "hello", "hello");
    }
    let (coroutines, status) = told(&mut program);
    assert!(
        status.starts_with("2 in flight, 1 clients, 2 places of clients, "),
        "{status}"
    );
    for client in clients {
        let peer = client.local_addr().unwrap().to_string();
        assert!(coroutines.iter().any(|line| line.contains(&peer)), "{coroutines:#?}");
    }
    program.end_well();
}
