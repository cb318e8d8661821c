//! The programs that show what helps beside a server: pools, results, later
//! coroutines, joins, and a forwarder that ends in two steps.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::program::{LIMIT, Program};

fn connect(address: &str) -> TcpStream {
    let client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(LIMIT)).unwrap();
    client
}

fn said(mut client: TcpStream) -> String {
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    said
}

#[test]
fn names_are_resolved_and_unknown_ones_told() {
    let ended = Program::start("resolver", &["--at-once", "2", "127.0.0.1", "localhost", "127.0.0.2"]).ended();
    assert_eq!((ended.code(), ended.errors.as_str()), (Some(0), ""));
    let mut lines = ended.output;
    lines.sort();
    assert_eq!(&lines[..2], ["127.0.0.1 127.0.0.1", "127.0.0.2 127.0.0.2"]);
    assert!(lines[2].starts_with("localhost "), "{lines:?}");

    let mut program = Program::start("resolver", &["--at-once", "3"]);
    program.type_in("127.0.0.3\nno.such.name.invalid\n");
    program.end_input();
    let ended = program.ended();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.output.iter().any(|line| line == "127.0.0.3 127.0.0.3"));
    assert!(
        ended
            .output
            .iter()
            .any(|line| line.starts_with("no.such.name.invalid is not known: "))
    );
}

#[test]
fn files_are_told_in_their_order_and_one_failure_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<String> = (0..9)
        .map(|lines| {
            let file = directory.path().join(format!("{lines}"));
            std::fs::write(&file, "line\n".repeat(lines)).unwrap();
            file.to_str().unwrap().to_owned()
        })
        .collect();
    let ended = Program::start("line_count", &files).ended();
    assert_eq!((ended.code(), ended.errors.as_str()), (Some(0), ""));
    let expected = files.iter().enumerate().map(|(lines, file)| format!("{lines} {file}"));
    assert!(
        ended.output.iter().cloned().eq(expected.chain(["36 lines".to_owned()])),
        "{:?}",
        ended.output
    );
    let missing = Program::start("line_count", &[&files[0], "/no/such/file"]).ended();
    assert_eq!(missing.code(), Some(1));
    assert!(missing.errors.contains("No such file"), "{}", missing.errors);
}

#[test]
fn all_clients_hear_what_is_loaded_late() {
    let mut server = Program::start(
        "late_greeting",
        &[
            "--listen",
            "127.0.0.1:0",
            "--after-ms",
            "200",
            "--greeting",
            "hello at last",
        ],
    );
    let address = server.address();
    let clients: Vec<_> = (0..5).map(|_| connect(&address)).collect();
    assert!(clients.into_iter().all(|client| said(client) == "hello at last\n"));
    let begin = Instant::now();
    assert_eq!(said(connect(&address)), "hello at last\n");
    assert!(begin.elapsed() < Duration::from_secs(5));
    server.end_well();

    let mut server = Program::start("late_greeting", &["--listen", "127.0.0.1:0"]);
    let address = server.address();
    assert_eq!(said(connect(&address)), "sorry: there is no greeting\n");
    server.end_well();
}

#[test]
fn reminders_come_in_the_order_of_their_time() {
    let ended = Program::start("reminders", &["300:tea", "50:water", "150:milk", "--without", "milk"]).ended();
    assert_eq!((ended.code(), ended.errors.as_str()), (Some(0), ""));
    assert_eq!(ended.output, ["water", "tea", "2 of 3 were said"]);
    let refused = Program::start("reminders", &["soon:tea"]).ended();
    assert_eq!(refused.code(), Some(2));
}

#[test]
fn all_pages_come_or_the_first_failure_ends_the_rest() {
    let serve = |text: &'static str| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || listener.accept().unwrap().0.write_all(text.as_bytes()));
        address
    };
    let (one, other) = (serve("one"), serve("other"));
    let ended = Program::start("fetch_all", &[&one, &other]).ended();
    assert_eq!((ended.code(), ended.errors.as_str()), (Some(0), ""));
    assert_eq!(
        ended.output,
        [format!("{one} said 3 bytes"), format!("{other} said 5 bytes")]
    );

    // One that says nothing and one that nobody listens on.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent
        .local_addr()
        .map(|address| (silent, address.to_string()))
        .unwrap();
    let begin = Instant::now();
    let ended = Program::start("fetch_all", &["--within-ms", "30000", &silent.1, "127.0.0.1:1"]).ended();
    assert_eq!(ended.code(), Some(1));
    assert!(ended.errors.contains("refused"), "{}", ended.errors);
    assert!(begin.elapsed() < Duration::from_secs(20));
    let ended = Program::start("fetch_all", &["--within-ms", "100", &silent.1]).ended();
    assert_eq!(ended.code(), Some(1));
}

#[test]
fn a_forwarder_takes_no_more_clients_at_the_first_signal_and_ends_at_the_second() {
    let mut target = Program::start("echo", &["--listen", "127.0.0.1:0"]);
    let target_address = target.address();
    let mut forwarder = Program::start("proxy", &["--listen", "127.0.0.1:0", "--to", &target_address]);
    let address = forwarder.address();
    let mut client = connect(&address);
    let mut heard = [0; 5];
    client.write_all(b"first").unwrap();
    client.read_exact(&mut heard).unwrap();
    forwarder.signal(Signal::SIGTERM);
    let begin = Instant::now();
    // The one that is there goes on, new ones are refused.
    while TcpStream::connect(&address).is_ok() {
        assert!(begin.elapsed() < LIMIT, "clients are still taken");
    }
    client.write_all(b"after").unwrap();
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"after");
    forwarder.signal(Signal::SIGTERM);
    forwarder.ended();
    assert_eq!(client.read(&mut heard).unwrap_or(0), 0);
    target.end_well();
}
