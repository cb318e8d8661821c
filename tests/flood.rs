//! What a flood of datagrams costs a server, in a process of its own.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "the programs speak with their starter")]

mod support;

use std::io;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use greenserve::{Datagram, Server, Udp};
use nix::sys::signal::Signal;
use support::harness::{self, Case, Program};
use support::{ip, wait_until};

const CASES: &[Case] = &[("a_flood_takes_little_memory_and_gives_it_back", a_flood_takes_little)];

fn main() -> ExitCode {
    harness::main(CASES, |words| match words {
        ["serve"] => serve(),
        other => panic!("no program {other:?}"),
    })
}

fn serve() {
    let upper = |datagram: &mut Datagram<UdpSocket>| -> io::Result<()> {
        datagram.reply(&datagram.packet().to_ascii_uppercase()).map(drop)
    };
    let mut server = Server::<Udp>::bind("127.0.0.1:0", upper).unwrap();
    server.handle_signals().unwrap();
    println!("{}", server.address().unwrap());
    let handle = server.handle();
    let watching = thread::spawn(move || {
        let mut most = 0;
        while !handle.is_draining() {
            most = most.max(handle.in_flight());
            thread::sleep(Duration::from_micros(200));
        }
        most
    });
    server.serve_forever().unwrap();
    println!("{}", watching.join().unwrap() <= 1024);
}

/// In MiB.
fn memory(program: &Program, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let (_, rest) = status.split_once(field).unwrap();
    rest.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

/// Whether a question is answered.
fn ask(client: &UdpSocket, question: u32) -> bool {
    let question = question.to_be_bytes();
    client.send(&question).unwrap();
    let mut answer = [0; 100];
    while let Ok(length) = client.recv(&mut answer) {
        // Not the late answer to another one.
        if answer[..length] == question.to_ascii_uppercase() {
            return true;
        }
    }
    false
}

fn a_flood_takes_little() {
    let program = Program::start("serve");
    let address = ip(&program.address());
    let stop = Arc::new(AtomicBool::new(false));
    let connected = move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        socket
    };
    let client = connected();
    client.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    wait_until("it serves", || ask(&client, 0));
    let flood = {
        let stop = Arc::clone(&stop);
        thread::spawn(move || {
            let flooder = connected();
            while !stop.load(Ordering::Relaxed) {
                // Refused, if at all, for what came before.
                let _ = flooder.send(&[b'x'; 64]);
            }
        })
    };
    let begin = Instant::now();
    for question in 1.. {
        // During a flood many are lost; it shall stay so for a while.
        let _ = ask(&client, question);
        if begin.elapsed() > Duration::from_secs(2) {
            break;
        }
    }
    stop.store(true, Ordering::Relaxed);
    flood.join().unwrap();
    // All of a flood's coroutines at once were 100 to 350 MiB.
    let peak = memory(&program, "VmHWM:");
    assert!(peak < 48, "{peak} MiB at the peak");
    wait_until("it serves as before", || ask(&client, 0));
    wait_until("the memory is given back", || memory(&program, "VmRSS:") < 24);
    program.signal(Signal::SIGTERM);
    assert_eq!(program.succeeds(), ["true"], "no more in flight than may be");
}
