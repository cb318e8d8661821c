//! The server of several processes, and the files that deploy it.

use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::program::{Program, connect, exchange, hears_end};

const DEPLOY: &str = "examples/supervised_echo/deploy";

fn deployed(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DEPLOY).join(file);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn serves_until_a_signal() {
    let mut program = Program::start("supervised_echo", &["--listen", "127.0.0.1:0"]);
    let mut client = connect(&program.address());
    exchange(&mut client, "hello", "hello");
    drop(client);
    program.end_well();
}

#[test]
fn a_client_that_is_idle_holds_up_no_end() {
    // Its grace is beyond the limit of the test.
    let mut program = Program::start("supervised_echo", &["--listen", "127.0.0.1:0", "--grace", "3600"]);
    let address = program.address();
    let (mut idle, mut silent) = (connect(&address), connect(&address));
    exchange(&mut idle, "hello", "hello");
    program.end_well();
    hears_end(&mut idle);
    hears_end(&mut silent);
}

#[test]
fn a_client_that_says_nothing_is_ended() {
    let mut program = Program::start("supervised_echo", &["--listen", "127.0.0.1:0"]);
    // After the 10 s that `Deadlines::public` has for a first byte.
    hears_end(&mut connect(&program.address()));
    program.end_well();
}

#[test]
fn a_client_that_stays_makes_its_status_3() {
    let mut program = Program::start("supervised_echo", &["--listen", "127.0.0.1:0", "--grace", "0"]);
    let client = connect(&program.address());
    owe_it_room(&client);
    program.signal(Signal::SIGTERM);
    let ended = program.ended();
    assert_eq!(ended.code(), Some(3), "{ended:?}");
}

/// Sends without reading until the server, which echoes, can send no more and
/// so takes no more.
fn owe_it_room(mut client: &TcpStream) {
    client.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let full = loop {
        if let Err(err) = client.write_all(&[0; 65_536]) {
            break err;
        }
    };
    assert_eq!(full.kind(), ErrorKind::WouldBlock, "{full}");
}

#[test]
fn errors_come_once_and_before_any_worker() {
    for (arguments, status, text) in [
        (["--listen", "nonsense"], 2, "\"nonsense\""),
        (["--listen", "systemd:echo"], 2, "systemd:echo"),
        (["--processes", "0"], 2, "workers cannot be 0"),
        (["--listen", "unix:/nonexistent/x"], 1, "/nonexistent/x"),
    ] {
        let ended = Program::start("supervised_echo", &arguments).ended();
        assert_eq!(ended.code(), Some(status), "{ended:?}");
        assert_eq!(ended.errors.matches(text).count(), 1, "{ended:?}");
    }
}

#[test]
fn the_probe_tells_whether_somebody_answers() {
    let mut program = Program::start(
        "supervised_echo",
        &["--listen", "127.0.0.1:0", "--proxies", "192.0.2.0/24"],
    );
    let address = program.address();
    let asked = |address: &str| Program::start("supervised_echo", &["--ask", address]).ended();
    assert_eq!(asked(&address).code(), Some(0));
    program.end_well();
    let refused = asked(&address);
    assert_eq!(refused.code(), Some(1), "{refused:?}");
    // A port that is open with nobody behind it is no answer.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let timed_out = asked(&silent.local_addr().unwrap().to_string());
    assert_eq!(timed_out.code(), Some(1), "{timed_out:?}");
}

#[test]
fn behind_a_proxy_it_knows_the_client() {
    let arguments = ["--listen", "127.0.0.1:0", "--proxies", "127.0.0.1"];
    let mut program = Program::start_with("supervised_echo", &arguments, "RUST_LOG", "supervised_echo=info");
    let mut client = connect(&program.address());
    exchange(&mut client, "PROXY TCP4 192.0.2.1 192.0.2.2 40000 80\r\nhello", "hello");
    assert!(program.logged().contains("192.0.2.1:40000 is served by process"));
    drop(client);
    program.end_well();
}

/// The arguments that the unit and the manifest give, but for the address.
#[test]
fn the_command_lines_of_deploy_are_understood() {
    let unit = deployed("supervised-echo.service");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    let of_unit: Vec<_> = command.split_whitespace().skip(1).map(str::to_owned).collect();
    let manifest = deployed("kubernetes.yaml");
    let list = manifest
        .lines()
        .find_map(|line| line.trim().strip_prefix("args: "))
        .unwrap();
    let of_manifest: Vec<_> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    for (mut arguments, place) in [(of_unit, "systemd:echo"), (of_manifest, ":8002")] {
        let listen = arguments.iter_mut().find(|argument| *argument == place).unwrap();
        "127.0.0.1:0".clone_into(listen);
        let mut program = Program::start("supervised_echo", &arguments);
        let mut client = connect(&program.address());
        exchange(&mut client, "hello", "hello");
        drop(client);
        program.end_well();
    }
    assert!(deployed("supervised-echo.socket").contains("FileDescriptorName=echo\n"));
    assert_eq!(manifest.matches("\"--ask\", \"127.0.0.1:8002\"").count(), 3);
}
