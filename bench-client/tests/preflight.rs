//! What is refused before the load, and what is no clean number after it.
#![allow(missing_docs)]

mod program;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::socket::{setsockopt, sockopt::ReusePort};
use nix::unistd::Pid;
use socket2::{Domain, Socket, Type};

use program::{PROGRAM, Server, command, doctor, run};

/// Two listeners on one port.
fn shared_port() -> (String, [Socket; 2]) {
    let sockets = [0, 1].map(|_| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        setsockopt(&socket, ReusePort, &true).expect("Linux has it");
        socket
    });
    let mut address = SocketAddr::from(([127, 0, 0, 1], 0));
    for socket in &sockets {
        socket.bind(&address.into()).expect("a free port");
        socket.listen(16).expect("it can listen");
        address = socket
            .local_addr()
            .ok()
            .and_then(|local| local.as_socket())
            .expect("it is bound");
    }
    (format!("tcp://{address}"), sockets)
}

/// A process that holds `socket` and does nothing.
fn holder(socket: Socket) -> Child {
    Command::new("sleep")
        .arg("60")
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .spawn()
        .expect("there is sleep")
}

#[test]
fn two_servers_on_one_port_are_refused_with_both_named() {
    let (target, sockets) = shared_port();
    let mut holders = sockets.map(holder);
    for found in [
        run(&target, &["-c", "5"]),
        doctor(&[&target, "-c", "5"]),
        command(&["sweep", &target, "-c", "5", "--size", "64"]),
        command(&["find-max", &target, "-c", "5"]),
    ] {
        assert_eq!(found.status(), 4, "{}", found.text());
        for holder in &holders {
            let name = format!("{} (sleep)", holder.id());
            assert!(found.text().contains(&name), "{name} in {}", found.text());
        }
        assert!(found.text().contains("stop all but one"), "{}", found.text());
    }
    for holder in &mut holders {
        holder.kill().expect("it can be killed");
        holder.wait().expect("it ends");
    }
}

#[test]
fn one_process_may_have_two_sockets_on_its_port() {
    let (target, sockets) = shared_port();
    for socket in sockets {
        std::thread::spawn(move || serve(&socket.into(), &AtomicU32::new(u32::MAX)));
    }
    let run = run(&target, &["-c", "5", "-d", "200ms", "--allow-client-limited"]);
    assert_eq!(run.status(), 0, "{}", run.text());
    assert!(run.text().contains("with 2 sockets"), "{}", run.text());
}

#[test]
fn server_and_client_on_one_processor_are_no_clean_number() {
    // The thread's place is its children's; other tests run elsewhere.
    std::thread::spawn(|| {
        stay_on_one_processor();
        let server = Server::start("coroutine");
        let run = run(&server.target, &["-c", "20", "-d", "300ms"]);
        assert_eq!(run.status(), 4, "{}", run.text());
        assert!(run.text().contains("contended"), "{}", run.text());
    })
    .join()
    .expect("no panic");
}

fn stay_on_one_processor() {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this).expect("it is told");
    let cpu = (0..CpuSet::count()).find(|cpu| allowed.is_set(*cpu) == Ok(true));
    let mut one = CpuSet::new();
    one.set(cpu.expect("one at least")).expect("it exists");
    sched_setaffinity(this, &one).expect("it is allowed");
}

#[test]
fn a_server_that_serves_10_of_500_is_told_so() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || serve(&listener, &AtomicU32::new(10)));
    let options = ["-c", "500", "-d", "1s", "--timeout", "1s", "--allow-client-limited"];
    let run = run(&target, &options);
    assert_eq!(run.status(), 4, "{}", run.text());
    let report = &run.report;
    assert_eq!(report["verdict"]["valid"], false);
    assert!(run.text().contains("only 10 of 500"), "{}", run.text());
    assert!(run.text().contains("were served at a time"), "{}", run.text());
    let at_work = report["fairness"]["effective"].as_f64().expect("a number");
    assert!((5.0..11.0).contains(&at_work), "{}", report["fairness"]);
}

#[test]
fn clients_that_are_starved_after_their_first_answer_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("tcp://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        let served = std::sync::Arc::new(AtomicU32::new(2));
        for client in listener.incoming().flatten() {
            let served = std::sync::Arc::clone(&served);
            std::thread::spawn(move || {
                echo(&client, 1);
                match take_place(&served) {
                    true => echo(&client, u64::MAX),
                    false => std::thread::park(),
                }
            });
        }
    });
    let run = run(
        &target,
        &["-c", "20", "-d", "500ms", "--timeout", "1s", "--allow-client-limited"],
    );
    assert_eq!(run.status(), 4, "{}", run.text());
    assert!(run.text().contains("18 of 20 clients were starved"), "{}", run.text());
    assert_eq!(run.report["fairness"]["none"], 18);
}

/// Echoes to as many connections as `served` says, and accepts all.
fn serve(listener: &TcpListener, served: &AtomicU32) {
    for client in listener.incoming().flatten() {
        match take_place(served) {
            true => drop(std::thread::spawn(move || echo(&client, u64::MAX))),
            // Open for as long as the test runs.
            false => std::mem::forget(client),
        }
    }
}

fn take_place(places: &AtomicU32) -> bool {
    let taken = places.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    taken.is_ok()
}

/// Answers `count` messages of 64 bytes.
fn echo(mut client: &TcpStream, count: u64) {
    let mut message = [0; 64];
    for _ in 0..count {
        // A client that goes is the end.
        if client
            .read_exact(&mut message)
            .and_then(|()| client.write_all(&message))
            .is_err()
        {
            return;
        }
    }
}

#[test]
fn a_server_that_ends_meanwhile_gives_no_figures() {
    let mut server = Server::start("coroutine");
    let mut client = Command::new(PROGRAM)
        .args(["run", &server.target, "-c", "5", "-d", "3s", "--warmup", "0s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let mut progress = BufReader::new(client.stderr.take().expect("it is piped")).lines();
    let measures = progress.any(|line| line.is_ok_and(|line| line.contains(" echoes/s")));
    assert!(measures, "it ended before the server did");
    server.child.kill().expect("it can be killed");
    server.child.wait().expect("it ends");
    // Nobody reads on, and a full pipe must not stop it.
    std::thread::spawn(move || progress.count());
    let output = client.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("ended by itself"), "{text}");
}

#[test]
fn the_doctor_names_the_limit_that_is_too_low() {
    let script = format!("ulimit -n 100; exec {PROGRAM} doctor -c 500");
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("there is a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(4), "{text}");
    let problem = text.lines().find(|line| line.starts_with("PROBLEM"));
    let problem = problem.expect("there is one");
    assert!(
        problem.contains("564 needed, 100 available; raise the hard limit"),
        "{problem}"
    );
}

#[test]
fn the_doctor_finds_the_server_or_misses_it() {
    let server = Server::start("coroutine");
    let found = doctor(&[&server.target, "-c", "5"]);
    assert_eq!(found.status(), 0, "{}", found.text());
    let name = format!("process {} (bench-client) listens", server.child.id());
    assert!(found.text().contains(&name), "{}", found.text());
    let target = server.target.clone();
    drop(server);
    let missed = doctor(&[&target, "-c", "5"]);
    assert_eq!(missed.status(), 4, "{}", missed.text());
    assert!(missed.text().contains("nobody listens"), "{}", missed.text());
}
